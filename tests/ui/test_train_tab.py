"""The Train tab: what will run, every problem beside Start, and a run as its folder tells it."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import gradio as gr
import pytest
from huggingface_hub import constants

from chatui.errors import CannotTrain
from chatui.jobs import Journal
from chatui.model.catalog import STARTER
from chatui.services import Services
from chatui.train.config import TrainConfig
from chatui.train.curves import LOSS, Line, lines_of, smoothed
from chatui.train.hardware import Hardware
from chatui.train.presets import QUICK_LOOK
from chatui.train.preview import Piece, Shown
from chatui.train.view import Point, RunView, Spent
from chatui.ui.state import Selection
from chatui.ui.tabs import train as tab
from chatui.ui.tabs.train import describe, lesson, looking
from chatui.ui.tabs.train.base_facts import look
from chatui.ui.tabs.train.drawing import nice_ticks, of_one_run, of_several, step_chart, thinned
from chatui.ui.tabs.train.going_on import GoingOn
from chatui.ui.tabs.train.keeping import Keeping
from chatui.ui.tabs.train.lessons import Lessons
from chatui.ui.tabs.train.planning import Planning
from chatui.ui.tabs.train.watching import NOTHING_SHOWN, Watching
from tests.hub_stand_in import hub
from tests.train.conftest import Bench, bench, make_dataset  # noqa: F401 - a fixture
from tests.ui import fakes
from tests.ui.fakes import job

SKIP = gr.skip()
# What `Watching.refresh` writes, in its order.
NAMES = (
    *("shown", "standing", "warning", "chart", "figures", "samples", "log"),
    *("stop", "asking", "resume", "onward", "going_on", "looks", "compare", "queueing", "queue"),
    *("listing", "runs", "manage", "sure", "start"),
)
HOSTILE = "<img src=x onerror=alert(1)>"
OPTIONS = TrainConfig().model_dump()
CHOSEN = Selection(tab="train", dataset="shop-v1")


@pytest.fixture
def services(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Services:  # noqa: F811
    """Real stores, whose jobs are begun but done by nobody."""
    monkeypatch.setattr("chatui.jobs.queue.spawn", lambda folder, module: None)
    return cast(
        Services, SimpleNamespace(datasets=bench.datasets, runs=bench.runs, jobs=bench.jobs)
    )


def planning_of(services: Services) -> Planning:
    return Planning(services, Keeping(services))


def a_run(**fields: Any) -> RunView:
    known: dict[str, Any] = {
        "id": "r1",
        "name": "r1",
        "dataset": "shop-v1",
        "base": STARTER,
        "config": TrainConfig(),
        "created_at": "2026-01-01T00:00:00+00:00",
        "job": job("running"),
        "adapter": None,
        "adapter_hash": None,
        "train_loss": 2.1,
        "validation_loss": 2.0,
        "validation_perplexity": 7.4,
        "best_step": 40,
        "base_perplexity": 99.0,
        "tokens_per_second": 2140.0,
        "peak_memory_mb": 1500,
        "curve": (
            Point(1, "train", 3.0),
            Point(0, "validation", 4.6),
            Point(40, "validation", 2.0),
        ),
    }
    return RunView(**(known | fields))


def test_a_good_plan_can_start_and_says_the_exact_command(services):
    _, checks, _, command, _, start, *_ = planning_of(services).review(
        "shop-v1", STARTER, QUICK_LOOK, **OPTIONS | {"epochs": 7}
    )

    assert "Ready: 32 conversations to learn from, 4 to measure with" in checks
    assert "python -m chatui train shop-v1 --set epochs=7" in command
    assert start.interactive


def test_the_processes_are_part_of_the_plan(services):
    _, _, _, command, _, start, *_ = planning_of(services).review(
        "shop-v1", STARTER, QUICK_LOOK, processes=2, **OPTIONS
    )
    assert "train shop-v1 --processes 2" in command
    assert start.interactive

    _, checks, _, _, _, start, *_ = planning_of(services).review(
        "shop-v1", STARTER, QUICK_LOOK, processes=5000, **OPTIONS
    )
    assert "Processes is 5000 and this machine has" in checks
    assert not start.interactive


def test_every_problem_is_shown_at_once_beside_start(services, bench, tmp_path):  # noqa: F811
    make_dataset(bench.datasets, tmp_path, 2, "Small")

    _, checks, _, _, _, start, *_ = planning_of(services).review(
        "small-v1", f"no {HOSTILE}", QUICK_LOOK, **OPTIONS | {"epochs": None, "lora_rank": 0}
    )

    assert checks.count('role="alert"') == 3
    assert "Epochs: " in checks
    assert "LoRA rank: " in checks
    assert "no base model called" in checks
    assert HOSTILE not in checks
    assert not start.interactive


def test_a_group_says_how_many_options_differ_from_the_preset(services):
    *_, groups, by_heart, adapter, memory, saving, privacy, pairs, reset = planning_of(
        services
    ).review("shop-v1", STARTER, QUICK_LOOK, **OPTIONS | {"epochs": 9, "seed": 3})

    assert groups.label == "Learning · 2 changed"
    assert adapter.label == "Adapter"
    assert reset.visible


def test_a_larger_base_gets_a_smaller_learning_rate_and_keeps_the_rest(services):
    name = "Qwen/Qwen2.5-0.5B-Instruct"

    rate, rated = planning_of(services).choose_base(name, QUICK_LOOK, STARTER)

    assert rate < TrainConfig().learning_rate / 5
    assert rated == name


def test_pressing_start_twice_is_one_run_and_pressing_it_later_is_another(services):
    planning = planning_of(services)

    first, key, name = planning.start_run("shop-v1", STARTER, "k1", CHOSEN, **OPTIONS)
    again, _, _ = planning.start_run("shop-v1", STARTER, "k1", CHOSEN, **OPTIONS)
    later, _, _ = planning.start_run("shop-v1", STARTER, key, first, **OPTIONS)

    assert first.run == again.run == name == "r1"
    assert later.run == "r2"


def test_start_refuses_what_the_checks_refuse(services):
    with pytest.raises(CannotTrain, match="Epochs"):
        planning_of(services).start_run("shop-v1", STARTER, "", CHOSEN, **OPTIONS | {"epochs": 0})
    assert services.runs.all() == []


@pytest.fixture
def watched(services: Services) -> tuple[Watching, Selection, Callable[..., None]]:
    """A running run, and a way to journal what happens to it."""
    selection, *_ = planning_of(services).start_run("shop-v1", STARTER, "k", CHOSEN, **OPTIONS)
    journal = Journal(services.runs.view("r1").job.folder)
    return Watching(services), selection, journal.append


def test_nothing_is_drawn_when_nothing_has_changed_or_another_tab_is_open(watched):
    watching, selection, _ = watched
    shown, *_ = watching.refresh(selection, NOTHING_SHOWN)

    assert set(map(repr, watching.refresh(selection, shown))) == {repr(SKIP)}
    elsewhere = replace(selection, tab="chat")
    assert set(map(repr, watching.refresh(elsewhere, NOTHING_SHOWN))) == {repr(SKIP)}


def test_a_step_moves_the_figures_and_no_button(watched):
    watching, selection, append = watched
    shown, *_ = watching.refresh(selection, NOTHING_SHOWN)
    append("step", step=1, steps=9, loss=2.0, tokens=10, reply_tokens=5, seconds=1, memory_mb=900)

    _, standing, _, curve, figures, _, _, *pressed = watching.refresh(selection, shown)

    assert "step 1 of 9" in standing
    assert "train 2.00" in curve
    assert "900 MB" in figures
    assert set(map(repr, pressed)) == {repr(SKIP)}


def test_a_page_opened_anew_shows_the_running_job_with_stop(watched):
    watching, selection, _ = watched

    shown = dict(zip(NAMES, watching.refresh(selection, NOTHING_SHOWN), strict=True))
    standing, stop, asking, resume, rows, start = (
        shown[name] for name in ("standing", "stop", "asking", "resume", "runs", "start")
    )

    assert "r1 is starting" in standing
    assert (stop.visible, resume.visible, asking.visible) == (True, False, False)
    assert rows[0][:3] == ["r1", "", "running"]
    assert start.variant == "secondary"


def test_stop_is_said_until_the_worker_has_heeded_it(watched, services):
    watching, selection, append = watched

    watching.stop(selection)
    stop = dict(zip(NAMES, watching.refresh(selection, NOTHING_SHOWN), strict=True))["stop"]
    assert (stop.value, stop.interactive) == ("Stopping …", False)

    append("stopped")
    shown = dict(zip(NAMES, watching.refresh(selection, NOTHING_SHOWN), strict=True))
    assert (shown["stop"].visible, shown["resume"].visible) == (False, True)
    assert "was stopped" in shown["standing"]


def test_names_are_shown_as_written_and_never_run():
    hostile = a_run(name=HOSTILE, base=HOSTILE, job=job("finished"), curve=())

    for drawn in (describe.standing(hostile), describe.standing(a_run(name=HOSTILE))):
        assert HOSTILE not in drawn
    assert HOSTILE not in describe.command(HOSTILE)


def test_what_a_worker_printed_is_shown_below_what_it_journalled(tmp_path):
    silent = describe.log(a_run(job=replace(job("failed"), folder=tmp_path)))
    (tmp_path / "worker.log").write_text(f"Traceback of {HOSTILE}\n")

    shown = describe.log(a_run(job=replace(job("failed"), folder=tmp_path)))

    assert "Printed by the worker" not in silent
    assert "Traceback of &lt;img" in shown.split("Printed by the worker")[1]


def test_a_failed_run_says_why_and_stays(services):
    failed = a_run(job=job("failed", reason="The machine ran out of memory."))

    shown = describe.standing(failed)

    assert 'role="alert"' in shown
    assert "ran out of memory" in shown


def with_events(*events: dict[str, Any], run: str = "r1", **fields: Any) -> RunView:
    """A run whose journal holds some events."""
    return a_run(id=run, name=run, job=job("running", name=run, events=events), **fields)


def step(number: int, loss: float, **fields: Any) -> dict[str, Any]:
    return {"kind": "step", "step": number, "loss": loss, **fields}


def measured(number: int, loss: float) -> dict[str, Any]:
    return {"kind": "evaluation", "step": number, "loss": loss}


LEARNED = (measured(0, 4.6), step(1, 3.0, tokens=900, seconds=2.0), measured(40, 2.0))


def test_the_chart_tells_its_numbers_to_those_who_cannot_see_it():
    drawn = looking.chart(with_events(*LEARNED), [], LOSS, "none")

    assert "<title>Loss by step</title>" in drawn
    assert "validation from 4.60 at step 0 to 2.00 at step 40" in drawn
    assert "stroke-dasharray" in drawn
    assert "Show as table" in drawn
    assert looking.chart(None, [], LOSS, "none") == step_chart([], 0, "", "") == ""


def test_every_figure_of_the_journal_has_its_chart_and_says_so_when_there_is_none():
    run = with_events(*LEARNED)

    assert "450" in looking.chart(run, [], "Speed", "none")
    assert "e to the loss" in looking.chart(run, [], "Perplexity", "none")
    assert "no such figure" in looking.chart(run, [], "Gradient norm", "none")


def test_runs_in_one_chart_are_told_apart_without_colours_and_by_what_differs():
    other = with_events(*LEARNED[:1], measured(40, 1.5), run="r2", config=TrainConfig(epochs=9))

    drawn = looking.chart(with_events(*LEARNED), [other], LOSS, "none")

    assert "r1 from 4.60 at step 0 to 2.00 at step 40; r2 from 4.60" in drawn
    assert drawn.count("stroke-dasharray") == 2  # of r2: its line and its place in the legend
    assert ">Epochs<" in drawn
    assert ">LoRA rank<" not in drawn
    lines = [line for n in range(4) for line in lines_of(with_events(*LEARNED, run=f"r{n}"), LOSS)]
    looks = {(line.colour, line.dashes) for line in of_several(lines[1::2], "r0")}
    assert len(looks) == 4


def test_overfitting_is_told_in_words_once_validation_has_turned_and_not_before():
    falling = [step(n, 3.0 - n / 20) for n in range(1, 41)]
    good = [measured(10, 2.5), measured(20, 2.0)]

    assert looking.warning(with_events(*falling, *good, measured(30, 1.9))) == ""
    assert looking.warning(with_events(*falling, *good, measured(30, 2.3))) == ""  # once is chance
    turned = with_events(*falling, *good, measured(30, 2.2), measured(40, 2.3))
    assert "Validation turned at step 20: its loss was 2.00 there and is 2.30" in (
        looking.warning(turned)
    )


@pytest.mark.parametrize("weight", [0.0, 0.7, 0.93])
def test_smoothing_keeps_a_level_line_level_and_forgets_slowly(weight):
    level = tuple((n, 2.0) for n in range(1, 50))
    jump = (*level, (50, 12.0))

    assert [v for _, v in smoothed(level, weight)] == pytest.approx([2.0] * 49)
    assert smoothed(jump, weight)[-1][1] == pytest.approx(2 + 10 * (1 - weight), rel=0.1)


def test_sample_replies_are_shown_as_written_below_their_question():
    asked = [[{"role": "user", "content": f"Why {HOSTILE}?"}]]
    events = (
        {"kind": "questions", "asked": asked, "references": ["So."]},
        {"kind": "samples", "step": 0, "replies": ["mu"]},
        {"kind": "samples", "step": 8, "replies": [HOSTILE]},
    )

    drawn = looking.samples(with_events(*events))

    assert HOSTILE not in drawn
    assert drawn.index("no step") < drawn.index("step 8") < drawn.index("reference")
    assert "after the first epoch" in looking.samples(None)


def test_ticks_are_round_and_hold_all_values():
    assert nice_ticks(0.64, 4.96) == [0, 1, 2, 3, 4, 5]
    assert nice_ticks(0.0, 0.006)[-1] == 0.006
    for value in (2.0, 0.0, 1e-5, 3000.0):
        assert nice_ticks(value, value)[0] <= value <= nice_ticks(value, value)[-1]


def test_a_long_run_is_drawn_with_few_points_and_ends_where_it_ended():
    points = tuple((n, float(n)) for n in range(1, 5001))

    assert len(thinned(points)) <= 150
    assert thinned(points)[-1][0] == 5000
    assert len(of_one_run([Line("r1", "train", points)])[0].points) <= 150


def test_advice_is_given_with_its_reason_and_taken_by_its_button(services):
    planning = planning_of(services)
    values = OPTIONS | {"lora_rank": 128}

    _, _, advice, *_ = planning.review("shop-v1", STARTER, QUICK_LOOK, **values)
    assert 'data-take="lora_rank">Set LoRA rank to 8<' in advice
    assert "overfits sooner" in advice

    event = cast(gr.EventData, SimpleNamespace(_data={"take": "lora_rank"}))
    taken = planning.take("shop-v1", STARTER, event, **values)
    names = ("base", *TrainConfig.model_fields)
    changed = {n: v for n, v in zip(names, taken, strict=True) if repr(v) != repr(SKIP)}
    assert changed == {"lora_rank": 8}


def test_a_private_plan_says_what_it_will_spend_or_what_stands_in_its_way_and_mends_it(
    services,
    bench,  # noqa: F811
    tmp_path,
):
    make_dataset(bench.datasets, tmp_path, 260, "Crowd")
    planning, values = planning_of(services), OPTIONS | {"privacy_epsilon": 8.0}

    _, checks, advice, _, _, start, *_ = planning.review("crowd-v1", STARTER, QUICK_LOOK, **values)
    assert "Turn packing off." in checks
    assert "Set gradient accumulation to 2 or more." in checks
    assert not start.interactive
    assert 'data-take="packing">Turn packing off<' in advice

    for name in ("packing", "gradient_accumulation"):
        event = cast(gr.EventData, SimpleNamespace(_data={"take": name}))
        taken = planning.take("crowd-v1", STARTER, event, **values)
        names = ("base", *TrainConfig.model_fields)
        values |= {n: v for n, v in zip(names, taken, strict=True) if repr(v) != repr(SKIP)}
    _, checks, _, _, _, start, *_ = planning.review("crowd-v1", STARTER, QUICK_LOOK, **values)
    assert start.interactive
    assert "at δ 1/208 for each conversation: noise σ " in checks
    assert "32 conversations expected in each." in checks


def test_a_private_run_shows_what_it_has_spent():
    config = TrainConfig(privacy_epsilon=8.0)

    drawn = describe.figures(a_run(config=config, spent=Spent(3.2101, 0.001)))

    assert "ε 3.211" in drawn
    assert "of 8, at δ 0.001" in drawn
    assert "Privacy" not in describe.figures(a_run())


def test_what_is_learned_is_shown_in_rows_and_counted_before_the_start(services):
    *_, (heading, drawn, count) = Lessons(services).at_once("shop-v1", STARTER, 512)

    assert heading.label == "What it learns"
    assert drawn.count('<pre class="train-row"') == 3
    assert '<mark class="train-trained">Order ' in drawn
    assert "At 512 tokens, none of 32 conversations is cut" in drawn
    assert not count.visible

    *_, (heading, drawn, _) = Lessons(services).at_once("shop-v1", STARTER, 16)
    assert " cut" in heading.label
    assert '<s class="train-cut">' in drawn


def test_many_conversations_are_counted_when_asked_and_no_download_begins_unasked(
    services, monkeypatch
):
    monkeypatch.setattr("chatui.ui.tabs.train.lessons.MOST_AT_ONCE", 5)
    lessons = Lessons(services)

    ((_, drawn, count),) = lessons.at_once("shop-v1", STARTER, 512)
    assert drawn.count('<pre class="train-row"') == 3
    assert count.value == "Count all 32 conversations"
    *_, (_, drawn, _) = lessons.all_of_them("shop-v1", STARTER, 512)
    assert "none of 32" in drawn

    ((_, drawn, count),) = lessons.at_once("shop-v1", "Qwen/Qwen2.5-0.5B-Instruct", 512)
    assert "is downloaded first" in drawn
    assert count.visible


def test_rows_are_shown_as_written_and_never_run():
    row = Shown("The longest", (Piece(HOSTILE, "read"), Piece(HOSTILE, "trained")), 9, 4)

    assert HOSTILE not in lesson.rows_html([row])


def test_options_are_copied_from_a_run_and_from_a_file_and_keep_their_learning_rate(
    services, tmp_path
):
    keeping, planning = Keeping(services), planning_of(services)
    values = OPTIONS | {"epochs": 9, "learning_rate": 0.001}
    planning.start_run("shop-v1", STARTER, "k", CHOSEN, **values)

    note, base, rated, *fields = keeping.copy("r1")
    assert "the options of r1" in note
    assert dict(zip(TrainConfig.model_fields, fields, strict=True)) == values
    assert planning.choose_base(base, QUICK_LOOK, rated)[0] == SKIP

    saved = keeping.offer(TrainConfig(**values), "shop-v1", STARTER)
    _, _, _, *loaded = keeping.load(saved.value["path"], STARTER)
    assert loaded == fields
    bad = tmp_path / "bad.yaml"
    bad.write_text(f"options: {{epochs: '{HOSTILE}'}}")
    note, *rest = keeping.load(str(bad), STARTER)
    assert 'role="alert"' in note
    assert HOSTILE not in note
    assert set(map(repr, rest)) == {repr(SKIP)}


def test_jobs_that_wait_are_moved_and_taken_off_by_their_buttons(watched, services):
    watching, selection, _ = watched
    for key in "abc":
        planning_of(services).start_run("shop-v1", STARTER, key, selection, **OPTIONS)
    queue = dict(zip(NAMES, watching.refresh(selection, NOTHING_SHOWN), strict=True))["queue"]
    assert [queue.count(f'data-act="{act}"') for act in ("sooner", "later", "cancel")] == [2, 2, 3]

    def press(act: str, name: str) -> None:
        watching.arrange(cast(gr.EventData, SimpleNamespace(_data={"act": act, "job": name})))

    press("sooner", "r4")
    press("cancel", "r2")
    press("cancel", "r1")  # runs already: only Stop ends it
    assert [job.name for job in services.jobs.active()] == ["r1", "r4", "r3"]


def test_a_run_that_waits_can_be_discarded_and_is_gone(watched, services):
    watching, selection, _ = watched
    planning_of(services).start_run("shop-v1", STARTER, "b", selection, **OPTIONS)

    watching.discard(replace(selection, run="r2"))

    assert [run.id for run in services.runs.all()] == ["r1"]


def test_a_run_that_is_compared_with_and_then_looked_at_itself_is_no_error(services):
    with gr.Blocks() as blocks:
        tab.build(services, fakes.page(blocks, gr.Tabs()))
    compare = next(b for b in blocks.blocks.values() if getattr(b, "label", "") == "Compare with")

    assert compare.preprocess(["r2"]) == ["r2"]  # no longer offered once r2 is selected


def test_the_tab_offers_one_endpoint_and_never_a_wall_of_positions(services):
    with gr.Blocks() as blocks:
        page = fakes.page(blocks, gr.Tabs())
        tab.build(services, page)

    public = {f.api_name for f in blocks.fns.values() if f.api_visibility == "public"}
    assert public == {"start_run"}
    assert all(len(f.inputs) - len(f.input_keyword_names) <= 4 for f in blocks.fns.values())


@pytest.mark.parametrize(("gpus", "is_shown"), [(0, False), (1, False), (4, True)])
def test_processes_are_asked_for_where_there_are_several_gpus(
    services, monkeypatch, gpus, is_shown
):
    machine = Hardware(cores=8, memory_mb=64_000, has_gpu=gpus > 0, gpus=gpus)
    monkeypatch.setattr(Hardware, "here", classmethod(lambda cls: machine))
    with gr.Blocks() as blocks:
        tab.build(services, fakes.page(blocks, gr.Tabs()))

    field = next(b for b in blocks.blocks.values() if getattr(b, "label", "") == "Processes")
    assert (field.visible, field.value) == (is_shown, max(1, gpus))


def test_a_chat_template_is_asked_for_where_the_base_has_none(services, tiny_base, tmp_path):
    bare = tmp_path / "bare"
    shutil.copytree(tiny_base, bare)
    (bare / "chat_template.jinja").unlink()
    planning = planning_of(services)

    offered = [look(base, "") for base in (str(bare), f"{bare}#inst", STARTER)]
    _, checks, *_ = planning.review("shop-v1", str(bare), QUICK_LOOK, **OPTIONS)

    assert [(template.value, template.visible) for _, _, template in offered] == [
        ("", True),
        ("inst", True),
        ("", False),
    ]
    assert "brings no chat template" in checks
    assert [facts for facts, _, _ in offered] == [checks, "", ""]


def test_a_model_of_the_hub_shows_what_it_is_and_takes_a_token_for_its_run_alone(
    services,
    bench,  # noqa: F811
    tiny_base,
    monkeypatch,
):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    spawned = []
    monkeypatch.setattr("chatui.jobs.queue.spawn", lambda *told: spawned.append(told))
    with hub() as site:
        monkeypatch.setenv("CHATUI_HUB", site.address)
        site.has("acme/tiny", tiny_base, cardData={"license": HOSTILE}, gated="auto")
        site.tokens = {"hf_s3cret"}
        refused = look("acme/tiny", "")
        shown, token, template = look("acme/tiny", " hf_s3cret ")
        missing = look("acme/nothing", "hf_s3cret")

    assert "gated: accept its terms" in refused[0]
    assert refused[1].visible
    assert "acme/tiny: 1 MB to download, licence &lt;img" in shown
    assert token.visible
    assert not template.visible
    assert "no such model" in missing[0]
    chain, key, run = planning_of(services).start_run(
        "shop-v1",
        str(tiny_base),
        "k",
        CHOSEN,
        hub_token="hf_s3cret",
        **OPTIONS | {"max_length": 64},
    )
    assert spawned[0][2] == {"CHATUI_HUB_TOKEN": "hf_s3cret"}
    Journal(bench.workspace.existing("runs", run)).append("stopped")
    Watching(services).resume(chain, "hf_other")
    assert spawned[1][2] == {"CHATUI_HUB_TOKEN": "hf_other"}
    files = [path for path in bench.workspace.root.rglob("*") if path.is_file()]
    assert not any(b"hf_s3cret" in path.read_bytes() for path in files)
    assert "hf_s3cret" not in repr((chain, key, run))


def test_an_adapter_fills_the_form_with_what_made_it_and_is_checked_with_it(
    services, tiny_base, tiny_adapter
):
    going_on, planning = GoingOn(services), planning_of(services)

    note, base, rated, *fields = going_on.fill(str(tiny_adapter), STARTER)
    filled = dict(zip(TrainConfig.model_fields, fields, strict=True))
    made_with = OPTIONS | {"max_length": 64, "lora_rank": filled["lora_rank"], "lora_alpha": 8}
    shown = [
        planning.review(
            "shop-v1", model, QUICK_LOOK, adapter=str(tiny_adapter), **made_with | changes
        )
        for model, changes in ((base, {}), (base, {"lora_rank": 16}), (STARTER, {}))
    ]

    assert (base, rated, filled["lora_rank"]) == (str(tiny_base),) * 2 + (4,)
    assert filled["epochs"] == SKIP
    assert "options that made" in note
    assert shown[0][5].interactive
    assert f"--from-adapter {tiny_adapter}" in shown[0][3]
    assert "LoRA rank is 16 and the adapter of" in shown[1][1]
    assert "does not fit Starter" in shown[2][1]
    assert going_on.fill("", STARTER)[0] == ""
    assert "no such run" in going_on.fill(HOSTILE, STARTER)[0]
    assert HOSTILE not in going_on.fill(HOSTILE, STARTER)[0]
