"""What stands before the costly steps lets no text through that they would change."""

import random
import re

import ftfy
from ftfy.badness import BADNESS_RE, MOJIBAKE_CATEGORIES, is_bad
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chatui.conversation import Turn
from chatui.data.cleaning import STEPS, Parameters, clean, texts
from chatui.data.cleaning.pii import _KINDS, Masker
from chatui.data.cleaning.plain import is_plain
from chatui.data.cleaning.texts import repair, trim
from chatui.data.formats import RawRow

SUSPICIOUS = "".join(
    re.sub(r"(.)-(.)", lambda m: "".join(map(chr, range(ord(m[1]), ord(m[2]) + 1))), characters)
    for characters in MOJIBAKE_CATEGORIES.values()
)
ODD_TEXT = st.text(st.sampled_from(SUSPICIOUS + "aZ1 .\n\t&<" * 20), max_size=30)


@settings(max_examples=500, deadline=None)
@given(ODD_TEXT)
def test_mojibake_is_suspected_wherever_ftfy_suspects_it(text):
    assert texts._holds_mojibake(text) == is_bad(text)


def test_ftfy_suspects_no_character_alone_but_those_that_are_asked_about():
    around = "\x01".join(f"{a}{{0}}{b}" for a in " aZ1.\n" for b in map(chr, range(128)))
    suspected = {c for c in SUSPICIOUS if BADNESS_RE.search(around.replace("{0}", c))}

    assert suspected
    assert all(texts._SUSPECT.search(character) for character in suspected)
    assert not texts._SUSPECT.search("é")


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(["é", "Ã©", "â€™", "\n", "\r", "a", " ", "\x00", "Ã×²"])))
def test_a_repair_is_what_ftfy_alone_does(pieces):
    text = "".join(pieces)
    alone = ftfy.fix_text(
        text,
        uncurl_quotes=False,
        unescape_html=False,
        fix_character_width=False,
        fix_latin_ligatures=False,
    )

    assert repair(text) == alone


def test_no_repair_of_three_thousand_dirty_texts_differs_from_what_ftfy_alone_does():
    """benchmarks/data.py compares 200,000."""
    chance = random.Random(14)
    clean = [
        "order",
        "“yes”",
        "m²",
        "x³",
        "don’t",
        "Größe",
        "ﬁne",
        "１２",
        "naïve",
        "👍",
        "a &amp; b",
    ]
    dirt = [
        "donâ€™t",
        "cafÃ©",
        "â‚¬ 20",
        "GrÃ¶ÃŸe",
        "â€œyesâ€\x9d",
        "\x07",
        "\r\n",
        "\ufeff",
        "e\u0301",
    ]
    texts = [
        " ".join(chance.choices(clean, k=9) + chance.choices(dirt, k=chance.choice((0, 0, 1, 3))))
        for _ in range(3000)
    ]
    alone = {"uncurl_quotes", "unescape_html", "fix_character_width", "fix_latin_ligatures"}

    repaired = [repair(text) for text in texts]

    assert repaired == [ftfy.fix_text(text, **dict.fromkeys(alone, False)) for text in texts]
    assert sum(a != b for a, b in zip(repaired, texts, strict=True)) > 1000
    assert all(sign in "".join(repaired) for sign in ("“", "²", "’", "ﬁ", "１", "&amp;"))


def test_what_nobody_wrote_is_repaired_in_parts_and_not_line_by_line(monkeypatch):
    asked = []
    real = ftfy.fix_text_segment
    monkeypatch.setattr(
        ftfy, "fix_text_segment", lambda text, **kept: asked.append(text) or real(text, **kept)
    )
    text = "cafÃ©\n" * 20_000

    assert repair(text) == "café\n" * 20_000
    assert len(asked) * texts._SHORTEST <= len(text)
    assert "".join(asked) == text


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("a \n\t`|\u00a0é"), max_size=20))
@example("\té  é")  # the tab, which keeps a table's spaces, is not in it at the end
def test_trimmed_text_is_not_trimmed_again(text):
    once = trim(text)

    assert trim(once) == once
    assert "\n\n\n" not in once
    assert once == once.strip()


def ungated(text):
    """The kinds of personal data that are found in a text when each is looked for."""
    return [
        kind.name
        for kind in _KINDS
        if any(kind.check(m, "US") for m in kind.pattern.finditer(text))
    ]


def test_personal_data_passes_the_gates_wherever_it_is():
    chance = random.Random(2)
    values = [
        "https://jo:secret99@example.org/a", "https://example.org/?token=abcdef12",
        "jo@example.org",
        "sk-aB3dE6gHaB3dE6gH", "AKIAABCDEFGHIJKLMNOP", "eyJabcdefghij.abcdefghij.abcdefghij",
        "DE89370400440532013000", "4111 1111 1111 1111", "10.1.2.3", "2001:db8::1", "123-45-6789",
        "+49 30 901820", "(212) 736-5000", "٠٥٠", "+٤٩٣٠٩٠١٨٢٠", "4.1", "a_b", "12:30", "1-2-3",
    ]  # fmt: skip
    for _ in range(500):
        text = chance.choice([" ", ", ", "\n"]).join(chance.sample(values, 2))
        digits = len(re.findall(r"\d", text))
        passed = {kind.name for kind in _KINDS if kind.may_be_in(text, digits)}

        assert set(ungated(text)) <= passed
        assert bool(ungated(text)) == (Masker("US")(text) != text)


PLAIN = st.lists(
    st.sampled_from(
        [*"aZ .,;:!?'\"()", "don't", "e.g.", "(a", "AKIA", "eyJ", "script", "ABCDEFGHIJKLM"]
    )
    | st.sampled_from("-_<&[@1\n\t\x00|`/é"),
    max_size=30,
).map("".join)


@settings(max_examples=500, deadline=None)
@given(PLAIN)
@example("AKIAABCDEFGHIJKLMNOP")
@example("eyJabcdefghij.abcdefghij.abcdefghij")
def test_plain_texts_are_left_as_they_are_by_every_step_that_mends(text):
    mending = [s.fix(Parameters()) for s in STEPS if s.fix and not s.rewords]

    assert len(mending) == 5
    if is_plain(text):
        assert [fix(text) for fix in mending] == [text] * 5


def test_what_most_people_say_is_plain():
    assert is_plain("Hello! Where is my order (the blue lamp)? I don't know...")


def test_steps_that_reword_also_reword_plain_texts():
    assert is_plain("Where is the lamp, then?")
    row = RawRow(1, (Turn("user", "Where is the lamp, then?"), Turn("assistant", "Here.")))

    (kept,) = clean([row], ("punctuation",)).kept

    assert kept.turns[0].text == "Where is the lamp then?"
