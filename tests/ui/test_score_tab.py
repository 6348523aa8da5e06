"""The Score tab says how a score stands, redraws only what changed, and trusts no text."""

import asyncio
import re
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from chatui.errors import BadSetting
from chatui.model.decoding import Decoding
from chatui.score.building import build_report
from chatui.score.config import ScoreConfig
from chatui.score.measuring import Measured
from chatui.score.report import Report, SkippedItem
from chatui.score.store import Plan, Progress, ScoreView
from chatui.ui.state import Selection
from chatui.ui.tabs import score as tab
from chatui.ui.tabs.score import describe, drawing
from chatui.ui.tabs.score.handlers import NOTHING_SHOWN, Handlers
from tests.fakes import ADAPTER, FakeEngine, conversation, conversations
from tests.ui import fakes
from tests.ui.fakes import Run, Store, job

SKIP = gr.skip()
HOSTILE = "<img src=x onerror=alert(1)>"
CONFIG = ScoreConfig(
    run="r1",
    dataset="support-v1",
    test_hash="t" * 64,
    base="starter",
    adapter="runs/r1/adapter",
    adapter_hash=ADAPTER,
    primary="bleu",
)


def report_on(items: list[Any]) -> Report:
    engine, adapters = FakeEngine(items), {"base": None, "tuned": ADAPTER}
    measured = Measured(
        scored=items,
        skipped=[SkippedItem("f" * 16, f"too long {HOSTILE}")],
        likelihoods={
            s: {i.id: engine._likelihood(SimpleNamespace(turns=i.turns, adapter=a)) for i in items}
            for s, a in adapters.items()
        },
        replies={
            s: {i.id: engine._reply(SimpleNamespace(turns=i.prompt, adapter=a)) for i in items}
            for s, a in adapters.items()
        },
        reply_keys={"base": "1" * 64, "tuned": "2" * 64},
    )
    return build_report("s1", CONFIG, engine, measured, training=items[:2])


REPORT = report_on([*conversations(8), conversation(HOSTILE, f"No {HOSTILE} please, thank you.")])


def score_view(state: str = "running", report: Report | None = None, **fields: Any) -> ScoreView:
    progress = {
        "base": Progress(likelihoods=9, replies=0, items=9, perplexity=12.5),
        "tuned": Progress(likelihoods=4, replies=0, items=9, perplexity=4.25),
    }
    return ScoreView("s1", CONFIG, job(state, "score", "s1", **fields), progress, report)


@dataclass
class Scores(Store):
    """One score at most; starting is remembered."""

    one: ScoreView | None = None
    reason: str | None = None
    started: list[tuple[Any, ...]] = field(default_factory=list)

    def view(self, name: str) -> Any:
        return self.one

    def of_run(self, run: str) -> list[ScoreView]:
        return [self.one] if self.one else []

    def plan(self, run: str) -> Plan:
        return Plan("support-v1", 29, "bleu")

    def why_not(self, run: str) -> str | None:
        return self.reason

    def start(self, run: str, *, limit: int | None, decoding: Decoding) -> str:
        self.started.append((run, limit, decoding))
        return "s1"

    def report_file(self, name: str, ending: str) -> str:
        return f"exports/score-{name}.{ending}"


SELECTED = Selection(tab="score", dataset="support-v1", run="r1", score="s1")


@pytest.fixture
def scores() -> Scores:
    return Scores()


@pytest.fixture
def handlers(scores) -> Handlers:
    return Handlers(SimpleNamespace(scores=scores, runs=Store(Run("r1", "support-v1"))))


def test_texts_of_people_and_models_stay_inert():
    place = next(n for n, item in enumerate(REPORT.items, start=1) if HOSTILE in item.reference)

    for html in (describe.one_item(REPORT, place), describe.fine_print(REPORT)):
        assert "<img" not in html
        assert "&lt;img" in html


def test_what_moved_most_comes_first_and_rows_keep_their_item():
    rows = describe.item_rows(REPORT)

    moved = [abs(row[1]) for row in rows]
    assert moved == sorted(moved, reverse=True)
    assert sorted(row[0] for row in rows) == list(range(1, len(REPORT.items) + 1))
    assert all(REPORT.items[row[0] - 1].prompt[-1].text == row[-1] for row in rows)


def test_movement_counts_every_item_once_and_says_which_way():
    html = drawing.movement(REPORT, "BLEU")

    drawn = re.findall(r"<title>[^<]* points: (\d+)</title>", html)
    assert sum(map(int, drawn)) == len(REPORT.items)
    assert "tuned is higher in 9 of 9, base in 0, 0 are equal" in html
    assert drawing.movement(replace(REPORT, items=()), "BLEU") == ""


def test_labels_are_texts_in_the_table_of_groups():
    labelled = [replace(item, label=HOSTILE) for item in REPORT.items]

    html = drawing.where(replace(REPORT, items=tuple(labelled)), "BLEU")

    assert "<img" not in html
    assert "By label" in html
    assert "By length of the reference" in html
    assert "By turn" not in html  # all of them have one


def test_the_verdict_leads_and_the_account_adds_up():
    html = describe.verdict(REPORT)

    assert "▲ Tuned is better: BLEU +" in html
    assert "9 of 10 items scored, 1 skipped." in html
    assert "2 of 9 references also stand in the training data" in html


def test_the_plot_starts_with_the_primary_metric_and_has_its_table():
    html = describe.figures(REPORT)

    assert html.index("BLEU") < html.index("Perplexity")
    assert "All 17 metrics as a table" in html
    assert "n = 9 items" in html


def test_metrics_without_interval_are_told_in_the_table_alone():
    html = describe.figures(report_on(conversations(1)))

    assert "<svg" not in html
    assert "a single item has no interval" in html


def test_a_running_score_shows_items_done_and_calls_unfinished_figures_partial():
    html = describe.running(score_view())

    assert "9 of 9 items read, 0 of 9 answered, perplexity 12.5</div>" in html
    assert "4 of 9 items read, 0 of 9 answered, perplexity 4.25 (partial)" in html


def test_a_failed_score_keeps_its_whole_reason_on_the_page():
    html = describe.running(score_view("failed", reason=f"No {HOSTILE}. Train again."))

    assert 'role="alert"' in html
    assert "&lt;img src=x" in html
    assert "<img" not in html


def test_without_a_run_the_tab_says_what_to_do_first(handlers):
    _, _, _, about, start, *_ = handlers.refresh(Selection(tab="score"), NOTHING_SHOWN)

    assert "Train one first" in about
    assert start.interactive is False


def test_a_run_that_cannot_be_scored_says_why(handlers, scores):
    scores.reason = "r1 can't be scored: it is still training."

    _, _, _, about, start, *_ = handlers.refresh(replace(SELECTED, score=None), NOTHING_SHOWN)

    assert "29 locked test items" in about
    assert "it is still training" in about
    assert start.interactive is False


def test_a_tick_without_news_touches_nothing(handlers, scores):
    scores.one = score_view()
    shown, *_ = handlers.refresh(SELECTED, NOTHING_SHOWN)

    assert all(each == SKIP for each in handlers.refresh(SELECTED, shown))


def test_another_tab_in_front_is_left_alone(handlers):
    selected = replace(SELECTED, tab="train")

    assert all(each == SKIP for each in handlers.refresh(selected, NOTHING_SHOWN))


def test_news_of_the_job_leaves_the_report_as_it_is(handlers, scores):
    scores.one = score_view("finished", REPORT)
    shown, *first = handlers.refresh(SELECTED, NOTHING_SHOWN)
    scores.one = score_view("finished", REPORT, events=({"kind": "log"},))

    _, *again = handlers.refresh(SELECTED, shown)

    assert len(first) == len(again)
    assert all(each == SKIP for each in again[7:])
    assert not all(each == SKIP for each in first[7:])


def test_start_is_filled_only_until_there_is_a_report(handlers, scores):
    before = handlers.refresh(replace(SELECTED, score=None), NOTHING_SHOWN)[4]
    scores.one = score_view("finished", REPORT)
    after = handlers.refresh(SELECTED, NOTHING_SHOWN)[4]

    assert (before.variant, after.variant) == ("primary", "secondary")


def test_start_hands_on_limit_and_decoding_and_selects_the_score(handlers, scores):
    chosen = {**Decoding().model_dump(), "max_new_tokens": 7}

    selected = handlers.start_score("r1", 0, Selection(tab="score"), **chosen)
    handlers.start_score("r1", 5, Selection(tab="score"), **chosen)

    assert (selected.run, selected.score) == ("r1", "s1")
    assert scores.started[0] == ("r1", None, Decoding(max_new_tokens=7))
    assert scores.started[1][1] == 5


def test_a_field_out_of_its_limits_is_refused_by_name(handlers, scores):
    with pytest.raises(BadSetting, match="Max new tokens: input should be"):
        handlers.start_score("r1", 0, SELECTED, **{"max_new_tokens": 0})

    assert scores.started == []


def test_only_starting_a_score_is_offered_to_other_programs(scores):
    async def built() -> gr.Blocks:  # inside a loop: Gradio makes one otherwise, and leaves it open
        with gr.Blocks() as blocks:
            page = fakes.page(blocks, gr.Tabs())
            tab.build(SimpleNamespace(scores=scores, runs=Store()), page)
        return blocks

    functions = asyncio.run(built()).fns.values()

    assert {f.api_name for f in functions if f.api_visibility == "public"} == {"start_score"}
