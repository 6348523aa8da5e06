"""Personal data is found by its form and its checksum; what only looks like it stays."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatui.data import spool
from chatui.data.cleaning import placeholders
from chatui.data.cleaning.checksums import IBAN, iban_holds, luhn_holds
from chatui.data.cleaning.pii import _KINDS, Masker
from chatui.data.cleaning.placeholders import Placeholders
from tests.data.private_texts import samples


def test_five_hundred_texts_are_masked_with_precision_and_recall_of_98_percent():
    wanted = masked = right = 0
    for text, kind, value in samples():
        after = Masker("US")(text)
        wanted += kind is not None
        masked += after != text
        right += kind is not None and after == text.replace(value, f"<{kind}_1>")

    assert wanted == 300
    assert right / wanted >= 0.98
    assert right / masked >= 0.98


def test_the_five_hundred_texts_are_the_same_each_time_and_hold_each_kind():
    kinds = [kind for _, kind, _ in samples()]

    assert samples() == samples()
    assert kinds.count(None) == 200
    assert set(kinds) - {None} == {kind.name for kind in _KINDS}
    assert len({text for text, _, _ in samples()}) > 400


@pytest.mark.parametrize(
    ("digits", "holds"),
    [
        ("79927398713", True),  # the example of ISO/IEC 7812-1's readers
        ("79927398710", False),
        ("4111111111111111", True),
        ("378282246310005", True),
        ("6011111111111117", True),
        ("4111111111111112", False),
        ("0", True),
    ],
)
def test_the_last_digit_of_a_card_is_that_of_luhn(digits, holds):
    assert luhn_holds(digits) == holds


@given(st.text("0123456789", min_size=1, max_size=19), st.integers(0, 18), st.integers(1, 9))
def test_any_digit_that_is_wrong_breaks_luhn(digits, at, by):
    last = next(d for d in "0123456789" if luhn_holds(digits + d))
    at %= len(digits)
    other = digits[:at] + str((int(digits[at]) + by) % 10) + digits[at + 1 :]

    assert not luhn_holds(other + last)


@pytest.mark.parametrize(
    ("number", "holds"),
    [
        ("GB82WEST12345698765432", True),  # the example of ISO 13616's readers
        ("GB82WEST12345698765433", False),
        ("GB28WEST12345698765432", False),
        ("DE89370400440532013000", True),
        ("NO9386011117947", True),
        ("MT84MALT011000012345MTLCAST001S", True),
    ],
)
def test_the_check_digits_of_an_iban_are_those_of_the_rest(number, holds):
    assert iban_holds(number) == holds
    assert IBAN.fullmatch(number)


@pytest.mark.parametrize(
    "text", ["DE8937040044053201300", "XX89370400440532013000", "DE89370400440532013OOO", "DE89"]
)
def test_an_iban_is_as_long_as_its_country_has_them(text):
    assert not IBAN.search(text)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("DE89 3704 0044 0532 0130 00 and more", "<IBAN_1> and more"),
        ("BE68 5390 0754 7034 for me", "<IBAN_1> for me"),
        ("DE89 3704 0044 0532 0130 01", "DE89 3704 0044 0532 0130 01"),
        ("4111 1111 1111 1112", "4111 1111 1111 1112"),
        ("212-736-5000/212-736-5001", "<PHONE_1>/<PHONE_2>"),
        ("call 2127365000", "call <PHONE_1>"),
        ("300.1.2.3", "300.1.2.3"),
    ],
)
def test_checksums_and_borders_decide(text, masked):
    assert Masker("US")(text) == masked


def test_two_spellings_of_one_value_have_one_placeholder():
    mask = Masker("US")

    assert mask("+1 212 736 5000, (212) 736-5000") == "<PHONE_1>, <PHONE_1>"
    assert mask("4111111111111111 4111-1111-1111-1111") == "<CARD_1> <CARD_1>"
    assert mask.values["<PHONE_1>"] == "+1 212 736 5000"


def test_numbers_without_a_country_belong_to_the_one_that_was_chosen():
    assert Masker("DE")("Ruf 030 901820 an") == "Ruf <PHONE_1> an"
    assert Masker("US")("Ruf 030 901820 an") == "Ruf 030 901820 an"


def test_many_values_have_each_one_placeholder_and_are_known_again(tmp_path):
    known = Placeholders(tmp_path)
    values = [("EMAIL" if n % 3 else "PHONE", f"{n}@example.org") for n in range(5000)]
    known.reserve("PHONE", 7)

    first = [known.of(kind, value, value.upper()) for kind, value in values]
    again = [known.of(kind, value, "otherwise") for kind, value in reversed(values)]

    assert again == first[::-1]
    assert len(set(first)) == 5000
    assert (first[0], first[1], first[3]) == ("<PHONE_8>", "<EMAIL_1>", "<PHONE_9>")
    assert known.values() == {n: v.upper() for n, (_, v) in zip(first, values, strict=True)}
    assert known.of("IP", "1@example.org", "") == "<IP_1>"  # the same text, another kind


def test_hashes_that_meet_in_one_place_stay_apart(monkeypatch):
    monkeypatch.setattr(placeholders, "_PLACES", 2)
    known = Placeholders()

    assert [known.of("IP", f"{n % 9}", "") for n in range(18)] == [
        f"<IP_{1 + n % 9}>" for n in range(18)
    ]


def test_a_value_takes_a_few_bytes_of_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(spool, "IN_MEMORY", 2**20)
    known = Placeholders(tmp_path)
    tracemalloc.start()
    for n in range(200_000):
        known.of("EMAIL", f"somebody.{n}@mail.example.org", f"somebody.{n}@mail.example.org")
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()

    assert size < 40 * 200_000
