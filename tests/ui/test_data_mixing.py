"""The fold "Balance, mix, augment": tables first, then a version that becomes the selection."""

from types import SimpleNamespace

import gradio as gr
import pytest

from chatui.data.store import DatasetStore
from chatui.errors import BadMixture, BadName, CannotAugment, CannotBalance, NoParaphrases
from chatui.settings import Settings
from chatui.ui.state import Selection
from chatui.ui.tabs.data import mixing
from chatui.ui.tabs.data.mixing_handlers import CAP, MOST_TRANSLATED, REPEAT, Making
from tests.data.making import questions, save
from tests.data.paraphrase_server import Server, serving
from tests.ui import fakes

HOSTILE = "<img src=x onerror=alert(1)>"
CHOSEN = {
    "how": CAP,
    "cap": 12,
    "times": 3,
    "sources": ["desk-v1", "chats-v1"],
    "weights": "1, 3",
    "mixture_name": "Both",
    "rows": 100,
    "share": 25,
    "server": "",
    "server_model": "",
}


@pytest.fixture
def services(workspace, tmp_path):
    store = DatasetStore(workspace)
    save(store, tmp_path, "desk", questions(90, label=HOSTILE) + questions(30, 500, "rare"))
    save(store, tmp_path, "chats", questions(40, 1000))
    settings = Settings(paraphrase_key="s3cret")
    return SimpleNamespace(datasets=store, workspace=workspace, settings=settings)


@pytest.fixture
def parts():
    with gr.Blocks() as blocks, gr.Tabs() as tabs, gr.Tab("1 Data"):
        return mixing._components(fakes.page(blocks, tabs))


@pytest.fixture
def handlers(services, parts):
    return Making(services, parts)


DESK = Selection(dataset="desk-v1")


def test_the_fold_is_there_for_a_saved_version_only_and_closed(handlers, parts):
    shown = [
        handlers.refresh(selected)[parts.box]
        for selected in (DESK, Selection(), Selection(dataset="gone-v1"))
    ]
    unsaved = handlers.refresh(Selection(dataset="desk-v1", unsaved=True))[parts.box]

    assert [box.visible for box in (*shown, unsaved)] == [True, False, False, False]
    assert not any(box.open for box in shown)


def test_the_imbalance_is_shown_first_with_bars_and_a_table(handlers, parts):
    shown = handlers.open(DESK)

    assert shown[parts.labels].count("<rect") == 2
    assert "times as common as “rare”" in shown[parts.labels]
    assert "<img" not in "".join(value for value in shown.values() if isinstance(value, str))
    assert shown[parts.save_balance].interactive
    assert shown[parts.sources].value == ["desk-v1"]
    assert ("chats (chats-v1)", "chats-v1") in shown[parts.sources].choices


def test_labels_of_one_kind_leave_nothing_to_balance(handlers, parts, services, tmp_path):
    save(services.datasets, tmp_path, "plain", questions(20, label="x"))

    shown = handlers.open(Selection(dataset="plain-v1"))

    assert "there is nothing to balance" in shown[parts.labels]
    assert not shown[parts.save_balance].interactive
    with pytest.raises(CannotBalance):
        handlers.save_balance(Selection(dataset="plain-v1"), **CHOSEN)


def test_a_cap_or_repeats_are_shown_and_then_saved(handlers, parts, services):
    shown = handlers.show_balance(DESK, **CHOSEN)[parts.balance]
    before = len(services.datasets.all())
    capped = handlers.save_balance(DESK, **CHOSEN)[parts.selection]
    repeated = handlers.save_balance(DESK, **CHOSEN | {"how": REPEAT})[parts.selection]

    assert "training rows are left out, 0 are repeated" in shown
    assert "<img" not in shown
    assert before == 2
    assert (capped.dataset, repeated.dataset) == ("desk-v2", "desk-v3")
    assert services.datasets.view("desk-v2").removed["cap"] > 0
    assert services.datasets.view("desk-v3").added > 0


def test_a_mixture_is_shown_as_a_table_and_then_saved(handlers, parts, services):
    shown = handlers.show_mixture(DESK, **CHOSEN)[parts.mixture]
    selected = handlers.save_mixture(DESK, **CHOSEN)[parts.selection]
    origin = handlers.open(selected)[parts.origin]

    for head in ("Source", "Rows", "Weight", "Seen per epoch", "Unused"):
        assert f">{head}</th>" in shown
    assert "chats-v1" in shown
    assert selected.dataset == "both-v1"
    assert "both-v1 was made of desk-v1, chats-v1." in origin
    assert "43 rows were added" in origin
    assert services.datasets.view("both-v1").splits["train"] == 100


@pytest.mark.parametrize(
    ("changed", "error", "told"),
    [
        ({"weights": "1"}, BadMixture, "there are 2 versions and 1 weights"),
        ({"weights": "a, b"}, BadMixture, "'a, b' are no weights"),
        ({"sources": [], "weights": ""}, BadMixture, "fewer than two"),
        ({"mixture_name": "../up"}, BadName, "can't be used as a name"),
    ],
)
def test_a_mixture_that_cannot_be_is_refused(handlers, changed, error, told):
    with pytest.raises(error, match=told):
        handlers.save_mixture(DESK, **CHOSEN | changed)


def test_no_weights_are_equal_ones(handlers, parts):
    assert "50.0" in handlers.show_mixture(DESK, **CHOSEN | {"weights": " "})[parts.mixture]


def test_typing_errors_are_shown_and_then_added(handlers, parts, services):
    shown = handlers.show_copies(DESK, **CHOSEN)[parts.copies]
    selected = handlers.save_copies(DESK, **CHOSEN)[parts.selection]

    assert "24 rows more for 96 training rows" in shown
    assert "<del>" in shown
    assert services.datasets.view(selected.dataset).added == 24


def test_without_models_translation_is_disabled_and_says_where_it_looked(
    handlers, parts, services, tiny_marian
):
    without = handlers.open(DESK)
    for direction in ("there", "back"):
        folder = services.workspace.translation(direction)
        folder.mkdir(parents=True)
        for file in tiny_marian.iterdir():
            (folder / file.name).write_bytes(file.read_bytes())
    there = handlers.open(DESK)

    assert not without[parts.translate].interactive
    for direction in ("there", "back"):
        folder = services.workspace.translation(direction)
        assert f"{folder}: there is no such folder" in without[parts.models]
    assert there[parts.translate].interactive
    assert there[parts.models] == ""
    with pytest.raises(CannotAugment, match="no row came of back-translation"):
        handlers.translate(DESK, **CHOSEN | {"share": 2})


def test_many_rows_are_translated_on_the_command_line_only(
    handlers, services, monkeypatch, tmp_path
):
    monkeypatch.setattr("chatui.ui.tabs.data.mixing_handlers.MOST_TRANSLATED", 5)

    with pytest.raises(CannotAugment, match="at most 5 rows .*`augment --back-translate`"):
        handlers.translate(DESK, **CHOSEN)
    assert MOST_TRANSLATED == 200


def test_paraphrases_are_added_by_the_server_that_is_named(handlers, parts, services, monkeypatch):
    monkeypatch.setattr(Server, "asked", [])
    with serving() as address:
        shown = handlers.paraphrase(DESK, **CHOSEN | {"server": f" {address} ", "share": 5})
        handlers.paraphrase(DESK, **CHOSEN | {"server": address, "server_model": "big", "share": 2})

    rows = services.datasets.rows(shown[parts.selection].dataset)
    copies = [row for row in rows if row.made_by == "paraphrase"]
    assert shown[parts.selection].dataset == "desk-v2"
    assert all(row.turns[0].text.startswith("Please tell me: ") for row in copies)
    assert 0 < len(copies) <= 0.05 * len(rows)
    assert {header for header, _ in Server.asked} == {"Bearer s3cret"}
    assert {body["model"] for _, body in Server.asked} == {"small-model", "big"}


def test_paraphrases_that_cannot_be_are_told_and_nothing_is_saved(handlers, services, monkeypatch):
    with pytest.raises(NoParaphrases, match="nothing answers there"):
        handlers.paraphrase(DESK, **CHOSEN | {"server": "http://127.0.0.1:1/v1"})
    with pytest.raises(NoParaphrases, match="No paraphrases from no address"):
        handlers.paraphrase(DESK, **CHOSEN | {"server": None})
    monkeypatch.setattr("chatui.ui.tabs.data.mixing_handlers.MOST_PARAPHRASED", 5)
    with pytest.raises(CannotAugment, match="at most 5 rows .*`augment --paraphrase`"):
        handlers.paraphrase(DESK, **CHOSEN)

    assert len(services.datasets.all()) == 2


def test_everything_of_the_fold_is_private(services):
    with gr.Blocks() as blocks, gr.Tabs() as tabs, gr.Tab("1 Data"):
        page = fakes.page(blocks, tabs)
        mixing.build(services, page, gr.State(""))

    assert {f.api_visibility for f in blocks.fns.values()} == {"private"}
    assert all(len(f.inputs) - len(f.input_keyword_names) <= 1 for f in blocks.fns.values())
