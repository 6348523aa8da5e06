import pytest

from chatui.conversation import Turn
from chatui.jobs import JobView
from chatui.ui import frame
from chatui.ui.state import Selection
from tests.ui import fakes

HOSTILE = "<script>alert(1)</script>"
WHOLE = Selection("train", "support-v1", "r1", "s1", "t1")


def step(tab, *, services=None, **fields):
    selection = Selection(tab, **({"dataset": "support-v1"} | fields))
    return frame.next_step(services or fakes.two_chains(), selection)


def test_data_leads_to_train_once_there_is_a_version():
    assert step("data") == frame.NextStep("Go to Train", True, "", "train")
    assert step("data", dataset=None).reason == "Save a version first."


def test_train_leads_to_score_once_a_run_has_an_adapter():
    assert step("train", run="r1").enabled
    assert step("train").reason == "Start a run first."


def test_a_running_run_says_how_far_it_is():
    running = fakes.services(runs=fakes.Store(fakes.Run("r1", "v", fakes.job("running"))))

    assert step("train", services=running, run="r1").reason == "r1 is running, step 41 of 120."


def test_a_run_that_failed_before_it_had_an_adapter_says_what_to_do():
    run = fakes.Run("r1", "v", fakes.job("failed"), adapter=None)
    failed = fakes.services(runs=fakes.Store(run))

    assert "resume it" in step("train", services=failed, run="r1").reason


def test_score_leads_to_rate_once_there_is_a_report():
    running = fakes.Scored("s1", "r1", fakes.job("running"), report=None)
    services = fakes.services(scores=fakes.Store(running))

    assert step("score", run="r1", score="s1").enabled
    assert step("score", run="r1").reason == "Start scoring first."
    assert step("score", services=services, run="r1", score="s1").reason == "s1 is running."


def test_rate_leads_to_chat_once_an_item_is_rated():
    unrated = fakes.services(studies=fakes.Store(fakes.Study("t1", "r1", done=0)))

    assert step("rate", study="t1").enabled
    assert step("rate").reason == "Start a study first."
    assert "at least one item" in step("rate", services=unrated, study="t1").reason


def test_the_strip_shows_the_chain_and_dashes_what_is_not_made():
    html = frame.strip(fakes.two_chains(), Selection("train", "support-v2", "r3"))

    assert "support (support-v2)" in html
    assert 'chatui-unmade" href="?tab=score" data-open="score">no score yet' in html
    assert 'data-address="?tab=train&amp;dataset=support-v2&amp;run=r3"' in html


def test_the_strip_names_the_running_job_and_how_many_wait():
    services = fakes.two_chains()
    services.jobs.list = [fakes.job("running"), fakes.job("queued", "score", "s9")]

    html = frame.strip(services, WHOLE)

    assert "r1: step 41 of 120" in html
    assert "1 waiting" in html


def test_the_strip_names_each_running_job_with_its_tab():
    services = fakes.two_chains()
    cleaning = fakes.job("running", "clean", "c1", step=300, steps=1000)
    services.jobs.list = [fakes.job("running"), cleaning]

    html = frame.strip(services, WHOLE)

    assert 'data-open="train">r1: step 41 of 120' in html
    assert 'data-open="data">c1: step 300 of 1000' in html
    assert "waiting" not in html


def test_a_failed_run_is_told_on_every_tab_but_its_own():
    services = fakes.two_chains()
    services.runs.things[0].job = fakes.job("failed")
    elsewhere = Selection("score", "support-v1", "r1", "s1")

    assert "r1 failed: see why" in frame.strip(services, elsewhere)
    assert "see why" not in frame.strip(services, WHOLE)


def test_a_hostile_name_is_inert_in_the_strip_and_the_sidebar():
    services = fakes.services(datasets=fakes.Versions(fakes.Version("v1", HOSTILE)))
    html = frame.strip(services, Selection("data", "v1"))
    html += frame.workspace_list(services, Selection("data", "v1"))

    assert "<script" not in html


def test_the_sidebar_lists_the_newest_first_and_marks_what_is_selected():
    html = frame.workspace_list(fakes.two_chains(), WHOLE)

    assert html.index('data-name="r3"') < html.index('data-name="r1"')
    assert 'data-name="r1" aria-current="true"' in html


def test_a_job_card_shows_real_units_and_escapes_what_it_is_told():
    view = fakes.job("running", started_at=None, last_event=HOSTILE)
    html = frame.job_card(view, "r1 is training", "2,140 tokens/s")

    assert 'value="41" max="120"' in html
    assert "step 41 of 120" in html
    assert "2,140 tokens/s" in html
    assert "<script" not in html


@pytest.mark.parametrize(
    "view",
    [fakes.job("queued", step=0, steps=0), fakes.job("failed", reason=HOSTILE), fakes.job()],
    ids=lambda view: view.state,
)
def test_a_job_card_has_four_lines_in_every_state(view: JobView):
    html = frame.job_card(view, "A job")

    assert html.count("<div") == 4
    assert "<script" not in html


def test_a_conversation_is_shown_as_it_was_written():
    html = frame.conversation_html([Turn("system", "Be kind"), Turn("user", HOSTILE)])

    assert "&lt;script&gt;" in html
    assert "System prompt" in html


@pytest.mark.parametrize(
    ("seconds", "clock"), [(0, "0:00"), (38.4, "0:38"), (725, "12:05"), (3750, "1:02:30")]
)
def test_a_duration_reads_like_a_clock(seconds, clock):
    assert frame.duration(seconds) == clock
