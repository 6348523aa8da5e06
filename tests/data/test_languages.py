"""Languages that are told of many texts together are those that py3langid tells of each alone."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from chatui.conversation import Turn
from chatui.data.cleaning import Parameters, clean, languages, passage
from chatui.data.cleaning.languages import language_of, languages_of
from chatui.data.formats import RawRow

ALONE = LanguageIdentifier.from_model_file(MODEL_FILE)
SAID = {
    "en": "Where is my order? I have waited for two weeks.",
    "de": "Können Sie mir bitte helfen? Meine Bestellung fehlt.",
    "fr": "Où est ma commande ? J'attends depuis deux semaines.",
    "ru": "Где мой заказ? Я жду уже две недели.",
    "ja": "私の注文はどこにありますか。もう二週間待っています。",
    "el": "Πού είναι η παραγγελία μου; Περιμένω δύο εβδομάδες.",
}
LETTERS = st.text(
    st.sampled_from(
        "etaoinshrdlu ÄÖÜßéèñçłżšøåабвгдежзиклмнопрсту你好我的日本語のはが한국어עבריתعربي "
    )
    | st.characters(),  # half of a surrogate pair too
    max_size=120,
)


def alone(text):
    """What py3langid says, where there is enough to say something."""
    if sum(map(str.isalpha, text)) < languages.MIN_LETTERS:
        return None
    return ALONE.classify(text)[0]


@settings(max_examples=200, deadline=None)
@given(st.lists(LETTERS | st.sampled_from(list(SAID.values())), max_size=8))
def test_each_language_is_the_one_that_is_told_of_the_text_alone(texts):
    assert languages_of(texts) == [language_of(text) for text in texts]
    assert languages_of(texts) == [
        alone(text) if told or ALONE.classify(text)[1] > -1e30 else None
        for text, told in zip(texts, languages_of(texts), strict=True)
    ]


def test_sentences_are_told_as_what_they_are():
    assert languages_of(list(SAID.values())) == list(SAID)
    assert language_of(SAID["de"].upper()) == "de"


@pytest.mark.parametrize("name", SAID)
def test_a_long_text_is_told_piece_by_piece_as_it_is_as_a_whole(name):
    text = " ".join([SAID[name]] * 40)

    assert len(text.encode()) > 10 * languages._PIECE
    assert language_of(text) == alone(text) == name


def test_every_sequence_of_a_long_text_is_seen_once(monkeypatch):
    text = (" ".join(SAID.values()) + " ") * 5
    whole = languages._told([text], [text.encode()], model := languages._model())

    scores = []
    real = languages._scores
    monkeypatch.setattr(languages, "_scores", lambda *a: scores.append(real(*a)) or scores[-1])
    for piece in (7, 64, 10_000):
        monkeypatch.setattr(languages, "_PIECE", piece)
        assert languages._told([text], [text.encode()], model) == whole

    assert scores[0].tolist() == scores[1].tolist() == scores[2].tolist()
    assert scores[0].max() == pytest.approx(ALONE.classify(text)[1], rel=1e-5)


def test_texts_are_told_in_blocks_of_any_size(monkeypatch):
    texts = [*SAID.values(), "", "Hi", "12345 67890 12345 67890", *SAID.values()]
    told = languages_of(texts)

    monkeypatch.setattr(languages, "_TEXTS", 2)
    assert languages_of(texts) == told
    monkeypatch.setattr(languages, "_BYTES", 1)
    assert languages_of(texts) == told
    assert languages_of([]) == []
    assert told == [*SAID, None, None, None, *SAID]


def test_letters_that_the_model_never_saw_are_no_language():
    assert language_of("\u01b9" * 25) is None


def test_rows_are_judged_together_and_removed_in_their_order(monkeypatch):
    rows = [
        RawRow(number, (Turn("user", text), Turn("assistant", answer)))
        for number, (text, answer) in enumerate(
            [
                *((text, "Tak.") for text in SAID.values()),
                ("Hi", " "),
                ("Damn, where is my order? I have waited for two weeks.", "Soon."),
                ("Verdammt, wo ist meine Bestellung? Ich warte.", "Bald."),
            ],
            start=1,
        )
    ]
    steps, chosen = ("blank", "language", "flagged"), Parameters(flagged_words="damn, verdammt")

    together = clean(rows, steps, chosen)
    monkeypatch.setattr(passage, "_ROWS", 2)
    apart = clean(rows, steps, chosen)

    removed = [(row.row, row.step) for row in together.removed]
    language = [(number, "language") for number in range(2, 7)]
    assert removed == [*language, (7, "blank"), (8, "flagged"), (9, "language")]
    assert [row.row for row in together.kept] == [1]
    assert apart.removed == together.removed
    assert apart.kept == together.kept


def test_a_row_that_is_restored_is_kept_in_whatever_language():
    row = RawRow(1, (Turn("user", SAID["de"]), Turn("assistant", SAID["fr"])))

    assert not clean([row], ("language",)).kept
    assert clean([row], ("language",), restored=[1]).kept
