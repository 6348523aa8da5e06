"""Find what identifies a person by its form, and replace it with a placeholder.

Each kind is a gate that costs next to nothing, a pattern that is quick to search, and a check that
has to agree: Luhn for cards, ISO 7064 for IBANs, `ipaddress`, and `phonenumbers` for phones. Names
and postal addresses have no form and are not found. Repetition is bounded everywhere, so the time
grows with the text only. Patterns begin with a character and look back from behind it: a pattern
that begins by looking back is tried at each character of a text.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

from chatui.data.cleaning.checksums import IBAN, iban_holds, luhn_holds
from chatui.data.cleaning.placeholders import Placeholders

Hit = tuple[str, int, int] | None  # what spellings of one value share, where it starts and ends

_URL = re.compile(r"\b[a-zA-Z][a-zA-Z0-9+.\-]{1,20}://[^\s<>\"'`]{2,2000}[^\s<>\"'`.,;:!?)\]}]")
_USERINFO = re.compile(r"[^/?#@]{1,200}:[^/?#@]{1,200}@")
_SECRET = re.compile(
    r"[?&#;](?:\w{0,20}[_\-])?(?:token|api_?key|key|secret|sig|signature|password|passwd|pwd|auth|"
    r"session(?:id)?|sid|code)=[^&#\s]{6,}",
    re.IGNORECASE,
)
_KEY = re.compile(
    r"\b(?:(?:sk|pk|rk)[-_](?:[a-z]{1,10}[-_]){0,2}[A-Za-z0-9]{16,200}|gh[pousr]_[A-Za-z0-9]{30,200}"
    r"|github_pat_\w{22,200}|hf_[A-Za-z0-9]{30,200}|xox[abprs]-[A-Za-z0-9\-]{10,200}"
    r"|AKIA[A-Z0-9]{16}|AIza[\w\-]{35}"
    r"|eyJ[\w\-]{10,2000}\.[\w\-]{10,2000}\.[\w\-]{10,1000})(?![\w\-])"
)
KEYS_OF_LETTERS = ("AKIA", "AIza", "eyJ")  # how those begin that may have nothing else
_KEYS_WITH_MARKS = (
    *("sk-", "pk-", "rk-", "sk_", "pk_", "rk_", "xox", "hf_"),
    *("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
)
_EMAIL = re.compile(
    r"(?<!\w)\w(?:[\w.+%'’\-]{0,62}[\w+\-])?@(?:[\w\-]{1,63}\.){1,8}[^\W\d_]{2,24}(?!\w)"
)
_IBAN_BEGINS = re.compile(r"[0-9]{2}(?<=[A-Za-z]{2}[0-9]{2})")
_CARD = re.compile(r"\d(?<![\w.+\-]\d)(?:[ \-]?\d){12,18}(?![\w\-])(?!\.\d)")
_ISSUERS = re.compile(
    r"4\d{12}(?:\d{3}){0,2}|5[1-5]\d{14}|2(?:2[2-9]|[3-6]\d|7[01])\d{13}|2720\d{12}|3[47]\d{13}"
    r"|3(?:0[0-5]|[689]\d)\d{11}|35\d{14}|6(?:011|4[4-9]\d|5\d\d)\d{12}|62\d{14,17}"
)
_FILES = frozenset(("png", "jpg", "jpeg", "gif", "svg", "webp", "pdf", "css", "js", "ico"))
_IP4 = re.compile(r"\d(?<![\w.\-]\d)\d{0,2}(?:\.\d{1,3}){3}(?![\w\-])(?!\.\d)")
_VERSION = re.compile(
    r"(?:\b(?:v|ver|vers|version|versión|release|firmware|build|driver|update|upgrade[sd]?|patch|"
    r"section|chapter|clause|schema|sdk)\b\.?[ :=#]{0,3}(?:to |from |is |was )?|\w[/@]v?)$",
    re.IGNORECASE,
)
_IP6 = re.compile(
    r"(?<![\w:.])(?=[A-Fa-f:]{0,40}\d)[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,8}(?![\w:])"
)
_SSN = re.compile(r"[0-8](?<![\w\-.]\d)\d{2}(?<!000)(?<!666)-(?!00)\d{2}-(?!0000)\d{4}(?![\w\-])")
_PHONE = re.compile(
    r"[+(\d](?<![\w.+\-=#][+(\d])(?<!\w[/:][+(\d])"
    r"[\d ()./\-\u00a0\u2011\u2013]{5,22}\d(?!\w)(?![.,:]\d)"
)
_DATE = re.compile(
    r"(?:\d{4}[./\-]\d{1,2}[./\-]\d{1,2}|\d{1,2}[./\-]\d{1,2}[./\-]\d{2,4})(?:[ T.]{1,2}\d.*)?"
)
_CALLING = re.compile(
    r"\b(?:tel|phone|telephone|telefon|téléphone|teléfono|call|calling|fax|mobile|mobil|cell|"
    r"whatsapp|sms|text|dial|ring|reach|handy|hotline|contact)\b[^\d\n]{0,24}$",
    re.IGNORECASE,
)


def _whole(found: re.Match[str], _: str) -> Hit:
    return found[0], 0, len(found[0])


def _url(found: re.Match[str], _: str) -> Hit:
    rest = found[0].partition("://")[2]
    return _whole(found, _) if _USERINFO.match(rest) or _SECRET.search(rest) else None


def _email(found: re.Match[str], _: str) -> Hit:
    name, _at, domain = found[0].casefold().partition("@")
    # git@github.com is nobody's address, and logo@2x.png is a picture.
    if name == "git" or domain.rpartition(".")[2] in _FILES:
        return None
    return found[0].casefold(), 0, len(found[0])


def _iban(found: re.Match[str], _: str) -> Hit:
    compact = re.sub("[ -]", "", found[0]).upper()
    return (compact, 0, len(found[0])) if iban_holds(compact) else None


def _card(found: re.Match[str], _: str) -> Hit:
    return (_digits(found[0]), 0, len(found[0])) if _is_card(_digits(found[0])) else None


@lru_cache(maxsize=10_000)
def _is_card(digits: str) -> bool:
    return bool(_ISSUERS.fullmatch(digits) and luhn_holds(digits))


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def _ip(found: re.Match[str], _: str) -> Hit:
    address = _address(found[0])
    if address is None or ("." in address and _VERSION.search(_before(found, 0))):
        return None
    return address, 0, len(found[0])


@lru_cache(maxsize=10_000)
def _address(said: str) -> str | None:
    try:
        address = ipaddress.ip_address(said)
    except ValueError:
        return None
    # Every machine has these two.
    return None if address.is_loopback or address.is_unspecified else address.compressed


def _phone(found: re.Match[str], region: str) -> Hit:
    said = found[0]
    if sum(character.isdigit() for character in said) < 7 or _DATE.fullmatch(said):
        return None
    return next(
        (
            (key, start, end)
            for key, start, end in _phones(said, region)
            # A bare run of digits is an order number, unless it is called a phone.
            if not said[start:end].isdigit() or _CALLING.search(_before(found, start))
        ),
        None,
    )


@lru_cache(maxsize=10_000)  # the same few numbers come again and again, at 100 µs each
def _phones(said: str, region: str) -> tuple[tuple[str, int, int], ...]:
    """The numbers in a run of digits: E.164, start, end.

    What begins with neither +, ( nor 0 must be grouped as the country groups its numbers, or
    "invoice 2024-000123" would be one.
    """
    from phonenumbers import Leniency, PhoneNumberFormat, PhoneNumberMatcher, format_number

    leniency = Leniency.VALID if said[0] in "+(0" else Leniency.STRICT_GROUPING
    matches = PhoneNumberMatcher(said, region, leniency=leniency)
    return tuple(
        # A bracket that opens before the number and closes behind it is none of the number's.
        (
            format_number(m.number, PhoneNumberFormat.E164),
            m.start + (m.raw_string[0] == "(" and ")" not in m.raw_string),
            m.end,
        )
        for m in matches
    )


def _count_digits(text: str) -> int:
    if text.isascii():
        return len(text) - len(text.encode().translate(None, b"0123456789"))
    return len(re.findall(r"\d", text))


def _may_hold_key(text: str) -> bool:
    if any(map(text.__contains__, KEYS_OF_LETTERS)):
        return True
    return ("-" in text or "_" in text) and any(map(text.__contains__, _KEYS_WITH_MARKS))


def _before(found: re.Match[str], offset: int) -> str:
    """What stands before a place of a match, as far as it may say what the match is."""
    at = found.start() + offset
    return found.string[max(0, at - 40) : at]


@dataclass(frozen=True, slots=True)
class _Kind:
    name: str  # of the placeholder
    pattern: re.Pattern[str]
    check: Callable[[re.Match[str], str], Hit]
    may_be_in: Callable[[str, int], bool]  # of a text and how many digits it has; often wrong


# In this order: an address inside a link is part of the link, a card is no phone.
_KINDS = (
    _Kind("URL", _URL, _url, lambda text, _: "://" in text),
    _Kind("KEY", _KEY, _whole, lambda text, _: _may_hold_key(text)),
    _Kind("EMAIL", _EMAIL, _email, lambda text, _: "@" in text),
    _Kind("IBAN", IBAN, _iban, lambda text, n: n > 1 and bool(_IBAN_BEGINS.search(text))),
    _Kind("CARD", _CARD, _card, lambda _, digits: digits >= 13),
    _Kind("IP", _IP4, _ip, lambda text, digits: digits >= 4 and "." in text),
    _Kind("IP", _IP6, _ip, lambda text, digits: digits >= 1 and text.count(":") >= 2),
    _Kind("SSN", _SSN, _whole, lambda text, digits: digits >= 9 and "-" in text),
    _Kind("PHONE", _PHONE, _phone, lambda _, digits: digits >= 7),
)
_PLACEHOLDER = re.compile(rf"<({'|'.join(sorted({kind.name for kind in _KINDS}))})_(\d{{1,9}})>")
_PASSES = 8


class Masker:
    """Replaces personal data with placeholders; one value has one placeholder, everywhere.

    `region` is the country that phone numbers without a + belong to.
    """

    def __init__(self, region: str) -> None:
        self._region = region
        self._placeholders = Placeholders()

    def put_values_in(self, folder: Path | None) -> None:
        """Where many values are kept; to be said before any is found."""
        self._placeholders = Placeholders(folder)

    @property
    def values(self) -> dict[str, str]:
        """What stands behind each placeholder, as it was first written."""
        return self._placeholders.values()

    def reserve(self, texts: Iterable[str]) -> None:
        """Give none of the numbers that placeholders in these texts have already."""
        for text in texts:
            for found in _PLACEHOLDER.finditer(text) if "_" in text else ():
                self._placeholders.reserve(found[1], int(found[2]))

    def __call__(self, text: str) -> str:
        """The text with placeholders."""
        for _ in range(_PASSES):  # what stood against a value may now be a boundary
            before, digits = text, _count_digits(text)
            for kind in _KINDS:
                if kind.may_be_in(text, digits):
                    text = kind.pattern.sub(partial(self._masked, kind), text)
            if text == before:
                break
        return text

    def _masked(self, kind: _Kind, found: re.Match[str]) -> str:
        hit = kind.check(found, self._region)
        if hit is None:
            return found[0]
        key, start, end = hit
        placeholder = self._placeholders.of(kind.name, key, found[0][start:end])
        return f"{found[0][:start]}{placeholder}{found[0][end:]}"
