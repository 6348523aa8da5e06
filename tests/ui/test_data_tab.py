"""The Data tab says what happened to each row, keeps errors, and trusts no text."""

import json
import threading
import zipfile
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import openpyxl
import pytest

from chatui.data.augmenting import augmented, noise, save_augmentation
from chatui.data.cleaning import DEFAULT_STEPS, STEP_NAMES
from chatui.data.prepare import prepare
from chatui.data.store import DatasetStore
from chatui.errors import BadParameter, DatasetInUse, NoSuchEdit
from chatui.settings import Settings
from chatui.ui.state import Selection
from chatui.ui.tabs import data as tab
from chatui.ui.tabs.data import describe, histogram
from chatui.ui.tabs.data import measuring as measuring_module
from chatui.ui.tabs.data.deciding import RowHandlers
from chatui.ui.tabs.data.getting import GettingHandlers
from chatui.ui.tabs.data.handlers import Handlers
from chatui.ui.tabs.data.layout import components
from chatui.ui.tabs.data.measuring import MeasuringHandlers
from chatui.ui.tabs.data.recipes import RecipeHandlers
from chatui.ui.tabs.data.source import SAMPLE, Source, of_upload, options_of
from tests.data.writing import pairs, write
from tests.ui import fakes
from tests.ui.fakes import Run, job

HOSTILE = "<img src=x onerror=alert(1)>"
ON = dict.fromkeys(DEFAULT_STEPS, True)


@pytest.fixture
def services(workspace):
    store = DatasetStore(workspace)
    store.ensure_sample()
    settings = Settings(max_upload_mb=1)
    runs = SimpleNamespace(all=list)
    return SimpleNamespace(datasets=store, runs=runs, workspace=workspace, settings=settings)


@pytest.fixture
def parts():
    with gr.Blocks() as blocks, gr.Tabs() as tabs, gr.Tab("1 Data"):
        page = fakes.page(blocks, tabs)
        return components(page)


@pytest.fixture
def handlers(services, parts):
    return Handlers(services, parts)


@pytest.fixture
def decisions(services, parts):
    return RowHandlers(services, parts)


@pytest.fixture
def measuring(services, parts):
    return MeasuringHandlers(services, parts)


@pytest.fixture
def recipes(services, parts):
    return RecipeHandlers(services, parts)


@pytest.fixture
def sample(services):
    return Selection(dataset=services.datasets.all()[0].id)


def text(component):
    """What a component is set to show, whatever way it was given."""
    return component.value if isinstance(component, gr.HTML) else component


def test_the_tab_is_wired_without_a_wall_of_inputs(services):
    with gr.Blocks() as blocks, gr.Tabs() as tabs, gr.Tab("1 Data"):
        tab.build(services, fakes.page(blocks, tabs))

    named = {f.api_name for f in blocks.fns.values() if f.api_visibility == "public"}
    assert named == {"save_version"}
    assert all(len(f.inputs) - len(f.input_keyword_names) <= 4 for f in blocks.fns.values())


def test_the_first_screen_is_the_sample_with_what_cleaning_does_to_it(handlers, parts, sample):
    shown = handlers.refresh(sample, Source())

    assert shown[parts.source].is_saved
    assert "Conversation 1 of 544" in shown[parts.where]
    assert "<del>&lt;p&gt;" in shown[parts.preview]
    assert "544 read = 522 kept + 22 removed" in shown[parts.account]
    assert shown[parts.save].variant == "secondary"
    assert not shown[parts.selection].unsaved


def test_nothing_is_drawn_before_the_page_has_selected_something(handlers, parts, services):
    assert set(handlers.refresh(Selection(), Source())) == {parts.source}

    services.datasets.delete("sample-support-v1")
    shown = handlers.refresh(Selection(), Source())
    assert "Conversation 1 of 544" in shown[parts.where]
    assert shown[parts.selection].unsaved


def test_a_selection_that_is_shown_already_is_not_drawn_again(handlers, parts, sample):
    shown = handlers.refresh(sample, Source())[parts.source]

    assert set(handlers.refresh(sample, shown)) == {parts.picker}


def test_a_step_that_is_switched_off_makes_it_something_to_save(handlers, parts, sample):
    source = handlers.refresh(sample, Source())[parts.source]
    chosen = ON | {"html": False, "seed": 42, "name": source.name, "prompt": ""}

    shown = handlers.redraft(sample, source, 3, **chosen)

    assert shown[parts.selection].unsaved
    assert shown[parts.save].variant == "primary"
    assert shown[parts.position] == 3
    assert shown[parts.switches[2]].label == "Remove HTML: off"
    assert parts.name not in shown


def test_another_sheet_of_a_workbook_is_chosen_with_columns_of_its_own(
    handlers, parts, sample, tmp_path
):
    book = openpyxl.Workbook()
    for row in (["user", "agent"], ["a", "b"]):
        book.active.append(row)
    other = book.create_sheet("Other")
    for row in (["question", "answer"], ["c", "d"], ["e", "f"]):
        other.append(row)
    book.save(tmp_path / "a.xlsx")

    shown = handlers.upload(str(tmp_path / "a.xlsx"), sample, Source())
    source = shown[parts.source]
    columns = {"user": "user", "assistant": "agent"}
    chosen = ON | columns | {"sheet": "Other", "seed": 42, "name": source.name, "prompt": ""}
    other = handlers.redraft(sample, source, 1, **chosen)

    assert shown[parts.sheet].visible
    assert shown[parts.sheet].value == "Sheet"
    assert "1 read = 1 kept" in shown[parts.account]
    assert other[parts.source].options.sheet == "Other"
    assert "2 read = 2 kept" in other[parts.account]
    assert other[parts.sheet].value == "Other"


def test_another_file_of_an_archive_is_chosen_with_sheets_and_columns_of_its_own(
    handlers, parts, sample, tmp_path
):
    book = openpyxl.Workbook()
    for sheet in (book.active, book.create_sheet("Other")):
        sheet.append(["question", "answer"])
        sheet.append(["c", "d"])
    book.save(tmp_path / "b.xlsx")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.csv", "user,agent\na,b\ne,f\n")
        archive.write(tmp_path / "b.xlsx", "b.xlsx")

    shown = handlers.upload(str(tmp_path / "a.zip"), sample, Source())
    source = shown[parts.source]
    columns = {"user": "user", "assistant": "agent", "seed": 42, "name": source.name}
    other = handlers.redraft(sample, source, 1, **ON, **columns, member="b.xlsx")
    again = handlers.redraft(
        sample, other[parts.source], 1, **ON, seed=42, member="a.csv", sheet="Other"
    )

    # A dropdown speaks again when it is left, before the page shows what it has changed.
    stale = handlers.redraft(sample, other[parts.source], 1, **ON, **columns, member="b.xlsx")
    assert set(stale) == {parts.source}
    assert (shown[parts.member].visible, shown[parts.member].value) == (True, "a.csv")
    assert not shown[parts.sheet].visible
    assert "The file &#x27;a.csv&#x27; was read" in shown[parts.notes].value
    assert "2 read = 2 kept" in shown[parts.account]
    assert other[parts.source].options.member == "b.xlsx"
    assert (other[parts.sheet].visible, other[parts.sheet].value) == (True, "Sheet")
    assert "1 read = 1 kept" in other[parts.account]
    assert "2 read = 2 kept" in again[parts.account]
    assert again[parts.source].options == replace(source.options, member=None)


def test_rows_that_were_added_stand_beside_the_account(handlers, parts, sample, services, tmp_path):
    path = write(
        tmp_path / "a.csv", [{"user": f"Is bag {n} here?", "agent": "x"} for n in range(40)]
    )
    first = services.datasets.save(prepare(path), "bags")
    made = augmented(services.datasets, first.id, noise(), 0.2)
    view = save_augmentation(services.datasets, made)

    shown = handlers.pick(view.id, sample, SAMPLE)

    assert f"40 read = 40 kept + 0 removed; {view.added} added for training" in shown[parts.account]


def test_options_that_stay_the_same_draw_nothing(handlers, parts, sample):
    source = handlers.refresh(sample, Source())[parts.source]

    shown = handlers.redraft(sample, source, 1, **ON, seed=42, name=source.name, prompt=" ")

    assert set(shown) == {parts.source}


def test_a_bad_file_is_told_in_a_card_and_what_was_shown_stays(handlers, parts, sample, tmp_path):
    path = tmp_path / "photo.csv"
    path.write_bytes(b"\x89PNG\r\n\x1a\n")

    shown = handlers.upload(str(path), sample, SAMPLE)

    assert set(shown) == {parts.problem, parts.file}
    assert "photo.csv is a PNG image" in text(shown[parts.problem])
    assert 'role="alert"' in text(shown[parts.problem])


def test_columns_that_mean_nothing_are_asked_for_and_the_choice_is_used(
    handlers, parts, sample, tmp_path
):
    path = write(tmp_path / "odd.csv", [{"x": "a", "y": "b", "z": "c"}] * 2)

    asked = handlers.upload(str(path), sample, SAMPLE)
    chosen = ON | {"user": "x", "assistant": "z", "seed": 42, "name": "odd"}
    shown = handlers.redraft(sample, asked[parts.source], 1, **chosen)

    assert "not clear which column" in text(asked[parts.problem])
    assert asked[parts.columns_box].open
    assert not asked[parts.save].interactive
    assert "2 read = 1 kept + 1 removed" in shown[parts.account]
    assert text(shown[parts.problem]) == ""


def test_a_saved_version_becomes_the_selection(handlers, parts, sample, services, tmp_path):
    path = write(tmp_path / "My chats (2).csv", pairs(20))
    source = handlers.upload(str(path), sample, SAMPLE)[parts.source]
    assert source.name == "My chats 2"

    shown = handlers.save(sample, source, **ON, seed=7, name="Help desk", prompt="Be kind.")

    assert shown[parts.selection] == Selection(dataset="help-desk-v1")
    assert shown[parts.source].is_saved
    assert services.datasets.view("help-desk-v1").system == "Be kind."
    again = handlers.save(sample, source, **ON, seed=7, name="Help desk", prompt="Be kind.")
    assert again[parts.selection].dataset == "help-desk-v1"


def test_rows_that_are_added_later_leave_the_others_in_their_splits(
    handlers, recipes, parts, sample, services, tmp_path
):
    few, more = (write(tmp_path / f"{n}.csv", pairs(n)) for n in (40, 60))
    chosen = ON | {"seed": 7, "name": "Desk", "prompt": ""}
    splits = []
    for path in (few, more):
        source = handlers.upload(str(path), sample, SAMPLE)[parts.source]
        shown = handlers.redraft(sample, source, 1, **chosen, split_by_content=True)
        assert shown[parts.by_content] is True
        rows = shown[parts.source].draft().conversations
        splits.append({row.turns: row.split for row in rows})

    assert splits[0].items() <= splits[1].items()
    file = recipes.offer(shown[parts.source], "messages")[parts.download_recipe].value["path"]
    assert json.loads(Path(file).read_text())["split_by_content"] is True
    assert recipes.use(file, sample, SAMPLE)[parts.by_content] is True
    off = handlers.redraft(sample, shown[parts.source], 1, **chosen, split_by_content=False)
    assert not off[parts.source].options.split_by_content


def test_a_name_that_cannot_be_is_said_beside_the_button(handlers, parts, sample, tmp_path):
    source = of_upload(str(write(tmp_path / "a.csv", pairs(5))), None)

    shown = handlers.redraft(sample, source, 1, **ON, seed=42, name="../up", prompt="")

    assert "can&#x27;t be used as a name" in shown[parts.status]
    assert not shown[parts.save].interactive


def test_a_saved_version_is_shown_as_it_is_and_can_be_cleaned_again(
    handlers, parts, sample, services, tmp_path
):
    view = services.datasets.save(prepare(write(tmp_path / "a.csv", pairs(20))), "desk")

    shown = handlers.pick(view.id, sample, SAMPLE)
    again = handlers.clean_again(shown[parts.selection], shown[parts.source])

    assert not shown[parts.preparing].visible
    assert "desk-v1 and never changes" in text(shown[parts.facts])
    assert "Conversation 1 of 20" in shown[parts.where]
    assert again[parts.preparing].visible
    assert again[parts.source].is_saved


def test_paging_goes_round(handlers, parts, sample):
    source = handlers.refresh(sample, Source())[parts.source]

    back = handlers.turn_page(-1)(source, 1, "all")

    assert back[parts.position] == 544
    assert handlers.turn_page(1)(source, 544, "all")[parts.position] == 1


def test_deleting_asks_with_the_name_and_the_size_and_then_shows_another(
    handlers, parts, sample, services, tmp_path
):
    view = services.datasets.save(prepare(write(tmp_path / "a.csv", pairs(5))), "desk")
    source = handlers.pick(view.id, sample, SAMPLE)[parts.source]
    services.runs.all = lambda: [Run("r1", view.id)]

    _, _, question = handlers.ask(sample, source)
    shown = handlers.delete(Selection(dataset=view.id), source)

    assert question.startswith("Delete desk (desk-v1) for good? It frees ")
    assert "r1 learned from it" in question
    assert shown[parts.selection].dataset == sample.dataset


def test_a_version_that_is_being_learned_is_not_deleted(handlers, sample, services):
    services.runs.all = lambda: [Run("r1", sample.dataset, job=job("running"))]

    with pytest.raises(DatasetInUse, match="r1 learns from it. Stop r1 first"):
        handlers.ask(sample, Source(version=sample.dataset))


def test_renaming_is_seen_at_once(handlers, parts, sample, services, tmp_path):
    view = services.datasets.save(prepare(write(tmp_path / "a.csv", pairs(5))), "desk")
    source = handlers.pick(view.id, sample, SAMPLE)[parts.source]

    shown = handlers.rename("Front desk", Selection(dataset=view.id), source)

    assert ("Front desk (desk-v1)", "desk-v1") in shown[parts.picker].choices


def test_nothing_from_a_file_is_ever_markup(tmp_path, handlers, parts, sample):
    rows = [{"user": HOSTILE + " hi", "agent": HOSTILE + " yes", "label": HOSTILE}]
    rows += [{"user": HOSTILE, "agent": "", "label": ""}, {"user": f"`{HOSTILE}`", "agent": "x"}]
    path = write(tmp_path / "a.json", rows)

    shown = handlers.upload(str(path), sample, SAMPLE)
    turn = handlers.turn_page(1)
    pages = [turn(shown[parts.source], n, "all")[parts.preview] for n in range(3)]

    html = [v for v in (*shown.values(), *pages) if isinstance(v, str)]
    html += [v.value for v in shown.values() if isinstance(v, gr.HTML)]
    assert all("<img" not in piece for piece in html if piece)
    assert any("&lt;img" in piece for piece in html if piece)


def test_only_columns_that_differ_from_the_recognised_ones_are_a_mapping(tmp_path):
    draft = prepare(write(tmp_path / "a.csv", pairs(2)))
    usual = {"user": "user", "assistant": "agent", "system": None}

    assert options_of(usual, draft.columns).mapping == ()
    assert options_of(usual | {"user": "agent"}, draft.columns).mapping[-1] == ("user", "agent")


def test_a_histogram_says_how_many_there_are_and_of_what():
    drawn = histogram.histogram_html((("0–4", 3), ("5–9", 38)), "Replies", "tokens")

    assert "Replies: most have 5–9 tokens" in drawn
    assert "n = 41" in drawn
    assert "<desc>0–4 tokens: 3; 5–9 tokens: 38</desc>" in drawn


def test_long_texts_are_cut_and_not_compared_word_by_word(tmp_path):
    rows = [{"user": " a" * 50_000, "agent": " b" * 50_000}] * 2
    draft = prepare(write(tmp_path / "a.csv", rows))

    assert len(describe.row_html(draft, 1)) < 20_000
    assert "more characters" in describe.row_html(draft, 1)


def test_sizes_are_in_words():
    assert [describe.in_bytes(n) for n in (5, 2_100, 3e6, 4e12)] == [
        "5 bytes",
        "2 KB",
        "3 MB",
        "4,000 GB",
    ]


def test_health_is_said_in_words_and_what_people_wrote_is_escaped(measuring, parts, tmp_path):
    rows = [{"user": f"q {n}", "agent": "`<b>Call</b>` us now."} for n in range(60)]
    rows[0]["label"] = HOSTILE
    source = of_upload(str(write(tmp_path / "a.json", rows)), None)

    *_, shown = measuring.at_once(source, "starter", 16)

    assert "things to mend before training" in shown[parts.health]
    assert "Mend. Replies:" in shown[parts.health]
    assert "Note. Test items:" in shown[parts.health]
    assert "would be cut at 16 tokens" in shown[parts.measured]
    for html in (shown[parts.health], shown[parts.measured]):
        assert "<b>Call" not in html
        assert "<img" not in html


def test_a_large_dataset_is_measured_when_asked(measuring, parts, tmp_path, monkeypatch):
    monkeypatch.setattr(measuring_module, "MOST_AT_ONCE", 10)
    source = of_upload(str(write(tmp_path / "a.csv", pairs(30))), None)

    first = list(measuring.at_once(source, "starter", None))
    *_, shown = measuring.all_of_them(source, "starter", None)

    assert len(first) == 1
    assert first[0][parts.count].value == "Count all 30 conversations"
    assert first[0][parts.count].visible
    assert "All 30 conversations were counted as Starter reads them." in shown[parts.measured]
    assert not shown[parts.count].visible


def test_a_version_is_measured_with_its_system_prompt_and_its_flags(
    measuring, decisions, parts, sample
):
    *_, plain = measuring.at_once(SAMPLE, "starter", None)
    *_, prompted = measuring.at_once(
        replace(SAMPLE, options=replace(SAMPLE.options, system="Be kind.")), "starter", None
    )
    source = decisions.toggle_flag(sample, SAMPLE, 3, "all")[parts.source]
    *_, flagged = measuring.at_once(source, "starter", None)

    assert "System prompt" in prompted[parts.measured]
    assert "System prompt" not in plain[parts.measured]
    assert "Row 3 is flagged" in flagged[parts.health]


def test_a_base_model_that_cannot_count_is_told_beside_its_field(measuring, parts):
    *_, shown = measuring.at_once(SAMPLE, "no such model", None)

    assert "no such model" in text(shown[parts.measuring_problem])


def test_a_row_that_is_joined_to_another_shows_the_whole_conversation(tmp_path):
    said = (("user", "first"), ("agent", "second"))
    rows = [{"thread_id": "x", "role": who, "content": text} for who, text in said]
    draft = prepare(write(tmp_path / "a.csv", rows))

    shown = describe.row_html(draft, 1)

    assert "Row 1 is part of this conversation, counted as row 2" in shown
    assert "first" in shown
    assert "second" in shown
    account = describe.account_html(draft.rows_read, 1, draft.removed, len(draft.joined))
    assert "2 read = 1 kept + 0 removed + 1 joined to others" in account


def test_what_a_file_was_taken_for_is_said_with_the_share_that_fits(tmp_path):
    rows = [{"user": "a", "agent": "b"}, {"user": "c", "agent": ""}]
    found = prepare(write(tmp_path / "a.csv", rows)).recognition

    said = describe.columns_html(found.chosen.as_dict(), found)

    assert "Recognised as question and reply columns: 50% of the first rows fit." in said


def test_parameters_are_filled_in_beside_their_step(handlers, parts, sample):
    source = handlers.refresh(sample, Source())[parts.source]
    chosen = ON | {"flagged": True, "flagged_words": "refund, gift card", "seed": 42}

    shown = handlers.redraft(sample, source, 1, **chosen, name=source.name)

    assert shown[parts.source].options.parameters.flagged_words == ("refund", "gift card")
    assert "removed" in shown[parts.switches[STEP_NAMES.index("flagged")]].label
    assert not set(parts.fields) & set(shown)
    assert [shown[row].visible for row in parts.choices] == [False, False, False, True, False]
    assert handlers.refresh(sample, Source())[parts.fields[3]] == "en"


def test_a_parameter_that_cannot_be_is_named_by_its_label(handlers, sample):
    with pytest.raises(BadParameter, match="'Languages' can't be used: 'English' is no language"):
        options_of(ON | {"languages": "English"}, None)


def test_a_removed_row_comes_back_into_the_file_and_can_be_undone(
    handlers, decisions, parts, sample
):
    first = handlers.refresh(sample, Source())
    source = first[parts.source]
    rows = handlers.list_removed("duplicates", source).choices
    number = rows[0][1]

    back = handlers.restore([number], sample, source)
    kept = handlers.redraft(sample, back[parts.source], 1, **ON, seed=7, name=source.name)
    undone = decisions.undo(sample, back[parts.source], 1, "all")

    assert len(rows) == 12
    assert rows[0][0].startswith(f"Row {number}, says the same as row")
    assert "544 read = 523 kept + 21 removed" in back[parts.account]
    assert back[parts.undo].interactive
    assert kept[parts.source].options.restored == (number,)
    assert undone[parts.source].options == source.options
    assert not undone[parts.undo].interactive
    assert undone[parts.redo].interactive


def test_a_whole_step_can_be_undone(handlers, parts, sample):
    source = handlers.refresh(sample, Source())[parts.source]

    shown = handlers.restore_all("duplicates", sample, source)

    assert "544 read = 534 kept + 10 removed" in shown[parts.account]
    assert set(handlers.restore([], sample, source)) == {parts.source}


def test_a_row_that_comes_back_into_a_version_makes_the_next_one(
    handlers, parts, sample, services, tmp_path
):
    path = write(tmp_path / "a.csv", [*pairs(20), pairs(1)[0]])
    view = services.datasets.save(prepare(path), "desk")
    source = handlers.pick(view.id, sample, SAMPLE)[parts.source]

    shown = handlers.restore([21], sample, source)

    assert shown[parts.selection].dataset == "desk-v2"
    assert services.datasets.view("desk-v2").parent == "desk-v1"
    assert not shown[parts.restoring].visible


def test_rows_that_are_no_conversation_are_not_offered(handlers, parts, sample, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"user": "a", "agent": "b"}\n{broken\n{"user": "c", "agent": "d"}\n')

    shown = handlers.upload(str(path), sample, SAMPLE)

    assert not shown[parts.restoring].visible


def test_a_row_is_edited_in_the_form_and_says_what_was_written(handlers, decisions, parts, sample):
    source = handlers.refresh(sample, Source())[parts.source]
    editing = decisions.edit(source, 3)
    texts = ("How do I pay?", "By card.")

    shown = decisions.reword(editing, sample, source, texts)

    assert [turn.speaker for turn in editing.turns] == ["user", "assistant"]
    assert shown[parts.editing] is None
    assert "Edited by hand" in shown[parts.preview]
    assert "<ins>card</ins>" in shown[parts.preview]
    assert shown[parts.source].options.edits[0].row == 3
    assert shown[parts.selection].unsaved
    assert set(decisions.reword(editing, sample, source, [t.text for t in editing.turns])) == {
        parts.editing
    }


def test_words_that_are_no_conversation_are_refused_and_the_form_stays(
    handlers, decisions, parts, sample
):
    source = handlers.refresh(sample, Source())[parts.source]

    with pytest.raises(NoSuchEdit, match="Row 3 can't be saved so: the reply is blank"):
        decisions.reword(decisions.edit(source, 3), sample, source, ("Why?", " "))


def test_a_row_is_left_out_brought_back_and_all_of_it_undone_and_redone(
    handlers, decisions, parts, sample
):
    source = handlers.refresh(sample, Source())[parts.source]

    out = decisions.toggle_out(sample, source, 3, "all")
    back = decisions.toggle_out(sample, out[parts.source], 3, "all")
    undone = decisions.undo(sample, back[parts.source], 3, "all")
    redone = decisions.redo(sample, undone[parts.source], 3, "all")

    assert "544 read = 521 kept + 23 removed" in out[parts.account]
    assert "You left this row out" in out[parts.preview]
    assert out[parts.leave].value == "Bring back"
    assert not out[parts.flag].interactive
    assert back[parts.source].options == source.options
    assert undone[parts.source].options == out[parts.source].options
    assert redone[parts.source].options == back[parts.source].options
    assert not redone[parts.redo].interactive


def test_a_row_that_a_step_removed_is_brought_back_where_it_is_shown(
    handlers, decisions, parts, sample
):
    source = handlers.refresh(sample, Source())[parts.source]
    number = handlers.list_removed("duplicates", source).choices[0][1]

    shown = decisions.toggle_out(sample, source, number, "removed")
    again = decisions.toggle_out(sample, shown[parts.source], number, "removed")

    assert shown[parts.source].options.restored == (number,)
    assert shown[parts.which].value == "removed"
    assert again[parts.leave].value == "Bring back"
    assert "You left this row out" in again[parts.preview]


def test_flagged_rows_are_marked_and_can_be_looked_at_one_by_one(
    handlers, decisions, parts, sample
):
    source = handlers.refresh(sample, Source())[parts.source]
    for number in (3, 9):
        shown = decisions.toggle_flag(sample, source, number, "all")
        source = shown[parts.source]

    first = handlers.look_at(source, "flagged")
    second = handlers.turn_page(1)(source, 3, "flagged")

    assert "Flagged</span>" in shown[parts.preview]
    assert ("Flagged: 2", "flagged") in shown[parts.which].choices
    assert (first[parts.position], second[parts.position]) == (3, 9)
    assert "2 of 2, row 9" in second[parts.where]
    assert handlers.turn_page(1)(source, 9, "flagged")[parts.position] == 3
    assert handlers.go_to(source, 250)[parts.position] == 250
    assert handlers.go_to(source, 9999)[parts.position] == 544


def test_the_first_decision_about_a_row_of_a_version_opens_a_draft_of_it(
    handlers, decisions, parts, sample, services, tmp_path
):
    rows = [{"user": " q", "agent": "a"}, *pairs(20), pairs(1)[0]]
    view = services.datasets.save(prepare(write(tmp_path / "a.csv", rows)), "desk")
    source = handlers.pick(view.id, sample, SAMPLE)[parts.source]

    flagged = decisions.toggle_flag(sample, source, 2, "all")
    saved = handlers.save(sample, flagged[parts.source], name="desk", seed=42, prompt="")
    later = decisions.toggle_out(sample, saved[parts.source], 5, "all")
    again = handlers.pick(saved[parts.selection].dataset, sample, SAMPLE)

    assert "21 read = 21 kept + 0 removed" in flagged[parts.account]
    assert saved[parts.selection].dataset == "desk-v2"
    assert "21 read = 20 kept + 1 removed" in later[parts.account]
    flags = handlers.turn_page(1)(again[parts.source], 1, "all")
    assert "Flagged</span>" in flags[parts.preview]


def test_another_dataset_closes_the_form(handlers, parts, sample, tmp_path):
    path = str(write(tmp_path / "a.csv", pairs(5)))

    assert handlers.upload(path, sample, SAMPLE)[parts.editing] is None
    assert handlers.pick(sample.dataset, sample, SAMPLE)[parts.editing] is None


def test_a_row_that_could_not_be_read_can_only_be_looked_at(handlers, decisions, parts, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"user": "a", "agent": "b"}\n{broken\n{"user": "c", "agent": "d"}\n')
    source = of_upload(str(path), None)

    shown = handlers.go_to(source, 2)

    assert [shown[b].interactive for b in (parts.edit, parts.leave, parts.flag)] == [False] * 3
    assert decisions.edit(source, 2) is None


def test_the_recipe_of_a_draft_is_downloaded_and_used_again(
    handlers, decisions, recipes, parts, sample
):
    source = handlers.refresh(sample, Source())[parts.source]
    chosen = ON | {"near": True, "similarity": 0.7, "seed": 7, "name": source.name}
    source = handlers.redraft(sample, source, 1, **chosen)[parts.source]
    source = decisions.toggle_out(sample, source, 3, "all")[parts.source]

    file = recipes.offer(source, "messages")[parts.download_recipe].value["path"]
    shown = recipes.use(file, sample, SAMPLE)

    assert Path(file).name == "recipe.json"
    assert shown[parts.source].options == source.options
    assert shown[parts.undo].interactive
    assert shown[parts.seed] == 7
    assert "The recipe is in use: 7 cleaning steps" in text(shown[parts.recipe_notes])
    assert shown[parts.recipe_file] is None


def test_what_of_a_recipe_does_not_fit_is_named(recipes, parts, sample, tmp_path):
    file = tmp_path / "recipe.json"
    file.write_text(
        json.dumps(
            {
                "mapping": {"user": HOSTILE, "assistant": "answer"},
                "file": "other.csv",
                "file_sha256": "0",
                "restored": [4],
                "edits": [{"row": 5, "excluded": True}],
            }
        )
    )

    shown = recipes.use(str(file), sample, SAMPLE)

    said = text(shown[parts.recipe_notes])
    assert "no such columns, so its own were taken: user = " in said
    assert "The recipe brings rows of other.csv back" in said
    assert "The recipe edits, leaves out or flags one row of other.csv" in said
    assert "<img" not in said
    options = shown[parts.source].options
    assert (options.mapping, options.restored, options.edits) == (
        (("assistant", "answer"),),
        (),
        (),
    )


def test_a_file_that_is_no_recipe_is_told_in_its_place(recipes, parts, sample, tmp_path):
    (tmp_path / "recipe.json").write_text('{"steps": ["magic"]}')

    shown = recipes.use(str(tmp_path / "recipe.json"), sample, SAMPLE)

    assert set(shown) == {parts.recipe_notes, parts.recipe_file}
    assert "There is no cleaning step &#x27;magic&#x27;" in text(shown[parts.recipe_notes])


def test_a_recipe_cleans_a_saved_version_into_a_draft(
    handlers, recipes, parts, sample, services, tmp_path
):
    view = services.datasets.save(prepare(write(tmp_path / "a.csv", pairs(20))), "desk")
    source = handlers.pick(view.id, sample, SAMPLE)[parts.source]
    (tmp_path / "r.json").write_text(
        '{"steps": ["flagged"], "parameters": {"flagged_words": ["7"]}}'
    )

    shown = recipes.use(str(tmp_path / "r.json"), sample, source)

    assert "20 read = 19 kept + 1 removed" in shown[parts.account]


def test_a_saved_version_is_downloaded_in_each_format_and_a_draft_is_not(
    handlers, recipes, parts, sample, services, tmp_path
):
    view = services.datasets.save(prepare(write(tmp_path / "a.csv", pairs(20))), "desk")
    source = handlers.pick(view.id, sample, SAMPLE)[parts.source]

    button = recipes.offer(source, "pairs")[parts.download]
    as_parquet = recipes.offer(source, "parquet")[parts.download]
    draft = recipes.offer(of_upload(str(tmp_path / "a.csv"), None), "pairs")[parts.download]

    assert button.value["path"].endswith("desk-v1.jsonl")
    assert len(Path(button.value["path"]).read_text().splitlines()) == 20
    assert as_parquet.value["path"].endswith("desk-v1.parquet")
    assert not draft.interactive


def test_a_format_that_has_no_place_for_something_says_so(
    handlers, recipes, parts, sample, services, tmp_path
):
    turns = [{"role": r, "content": c} for r, c in (("user", "a"), ("assistant", "b")) * 2]
    path = write(tmp_path / "a.json", [{"messages": turns}])
    view = services.datasets.save(prepare(path), "desk")

    shown = recipes.offer(handlers.pick(view.id, sample, SAMPLE)[parts.source], "pairs")

    assert "can&#x27;t be written as" in text(shown[parts.download_problem])
    assert not shown[parts.download].interactive


@pytest.fixture
def address():
    """A file on a server of this machine, which stands in for the public internet."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            is_listing = self.path == "/api/datasets/acme/talks"
            self.send_response(200 if is_listing or "chats.csv" in self.path else 404)
            self.end_headers()
            rows = b"user,agent\n" + b"".join(b"q%d,a%d\n" % (n, n) for n in range(9))
            listing = b'{"sha": "1", "siblings": [{"rfilename": "chats.csv"}]}'
            self.wfile.write(listing if is_listing else rows)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as served:
        thread = threading.Thread(target=served.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{served.server_address[1]}"
        served.shutdown()
        thread.join()


def test_a_file_at_an_address_is_fetched_and_shown(services, parts, sample, address):
    getting = GettingHandlers(services, parts, lambda _: True)

    *told, shown = getting.fetch(f" {address}/chats.csv ", sample)

    assert "Fetching: 0 bytes so far" in text(told[0][parts.address_status])
    assert "9 read = 9 kept + 0 removed" in shown[parts.account]
    assert shown[parts.source].name == "chats"
    assert shown[parts.address] == ""


def test_a_dataset_of_the_hub_is_fetched_by_its_name(services, parts, sample, address):
    services.settings = services.settings.model_copy(update={"hub": address})
    getting = GettingHandlers(services, parts, lambda _: True)

    *_, shown = getting.fetch("hf:acme/talks", sample)
    *_, refused = getting.fetch("hf:acme/gone", sample)

    assert "9 read = 9 kept + 0 removed" in shown[parts.account]
    assert shown[parts.source].name == "talks"
    assert "hf:acme/gone can&#x27;t be added" in text(refused[parts.address_status])


@pytest.mark.parametrize(
    ("path", "is_allowed", "told"),
    [
        ("/nothing.csv", True, "the server answers 404"),
        ("/chats.csv", False, "is not on the public internet"),
    ],
)
def test_what_cannot_be_fetched_is_told_below_the_field(
    services, parts, sample, address, path, is_allowed, told
):
    getting = GettingHandlers(services, parts, lambda _: is_allowed)

    *_, shown = getting.fetch(address + path, sample)
    *_, nothing = getting.fetch("chats.csv", sample)

    assert set(shown) == {parts.address_status}
    assert told in text(shown[parts.address_status])
    assert "an address begins with https://" in text(nothing[parts.address_status])
