"""Questions in other words: by translation there and back, and by a server on this machine."""

import pytest

from chatui.data.augmenting import augmented, back_translation, paraphrases, save_augmentation
from chatui.data.paraphrasing import Paraphraser
from chatui.data.store import DatasetStore
from chatui.errors import CannotAugment, NoParaphrases, NoTranslationModel
from tests.data.making import questions, save
from tests.data.paraphrase_server import Server, serving

KEY = "sk-a-key-that-nobody-may-see"


@pytest.fixture
def address(monkeypatch):
    monkeypatch.setattr(Server, "asked", [])
    with serving() as address:
        yield address


@pytest.fixture
def store(workspace):
    return DatasetStore(workspace)


@pytest.fixture
def version(store, tmp_path):
    return save(store, tmp_path, "desk", questions(80))


def test_paraphrases_are_added_with_the_key_in_the_header_and_nowhere_else(
    store, version, address, workspace
):
    way = paraphrases(address, KEY)
    saved = save_augmentation(store, augmented(store, version.id, way, 0.1))

    copies = [row for row in store.rows(saved.id) if row.made_by]
    assert len(copies) == saved.added == 6
    assert all(row.made_by == "paraphrase" and row.split == "train" for row in copies)
    assert all(row.turns[0].text.startswith("Please tell me: what about ") for row in copies)
    assert {header for header, _ in Server.asked} == {f"Bearer {KEY}"}
    assert {body["model"] for _, body in Server.asked} == {"small-model"}
    files = [path for path in workspace.root.rglob("*") if path.is_file()]
    assert all(KEY.encode() not in path.read_bytes() for path in files)


def test_a_named_model_is_asked_without_a_key(store, version, address):
    augmented(store, version.id, paraphrases(address + "/", model="big-model"), 0.05)

    assert {(header, body["model"]) for header, body in Server.asked} == {(None, "big-model")}


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ("refused", "it answers 401"),
        ("html", "its answer is no JSON"),
        ("no models", "it names no model"),
        ("no message", "its answer holds no message"),
        ("a number", "its answer holds no message"),
        ("late", "its answer holds no message"),
    ],
)
def test_a_server_that_fails_is_told_in_a_sentence_and_nothing_is_saved(
    store, version, address, monkeypatch, broken, told
):
    monkeypatch.setattr(Server, "broken", broken)

    with pytest.raises(NoParaphrases, match=told) as raised:
        augmented(store, version.id, paraphrases(address, KEY), 0.2)
    assert KEY not in str(raised.value)
    assert [view.id for view in store.all()] == ["desk-v1"]


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("http://127.0.0.1:1/v1", "nothing answers there"),
        ("ftp://127.0.0.1/v1", "no http or https address"),
        ("http://me:s3cret@127.0.0.1/v1", "without a login"),
        ("nonsense", "no http or https address"),
        ("", "No paraphrases from no address: that is no http"),
        ("http://[::1", "that is no web address"),
    ],
)
def test_an_address_that_cannot_be_is_said_without_its_login(address, told):
    with pytest.raises(NoParaphrases, match=told) as raised:
        Paraphraser(address)(["What?"])
    assert "s3cret" not in str(raised.value)


def test_what_translation_makes_nonsense_of_is_refused(store, version, tiny_marian):
    way = back_translation(tiny_marian, tiny_marian)

    with pytest.raises(CannotAugment, match="no row came of back-translation"):
        augmented(store, version.id, way, 0.05)


def test_a_folder_without_a_model_is_named_before_anything_is_read(tmp_path, tiny_marian):
    with pytest.raises(NoTranslationModel, match="nowhere"):
        back_translation(tiny_marian, tmp_path / "nowhere")
