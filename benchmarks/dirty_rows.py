"""Conversations as support desks have them, made of words and dirt; the same seed, the same rows.

Shares of rows: 12 % with HTML, 5 % an e-mail address, 4 % a phone number, 5 % mojibake, 6 % double
spaces, 3 % copies and 3 % near copies of an earlier row; a quarter holds numbers that are nobody's,
and one in seven letters beyond ASCII, as clean chats do.
"""

import random

from chatui.conversation import Turn
from chatui.data.formats import RawRow

_SAID = """
the a to of and in for you we your our is it can will with on at by from that this please how do
my i have not be are was order parcel invoice refund account password address delivery card bank
payment reply team day days week weeks hour morning evening shop store website app phone mail
letter box colour size blue green small large new old broken missing wrong right first second
last next page button link form name number item items price cheap free send sent receive
received return returned cancel cancelled change changed open closed wait waiting help need want
would could should like thank thanks sorry hello hi yes no again still already soon today
tomorrow yesterday never always sometimes because when where which who what why chair table lamp
book jacket shoes battery screen cable printer keyboard garden kitchen bicycle train ticket
hotel room flight seat window door key bag coffee tea water bread lunch dinner doctor visit
report file folder version update install restart setting network router signal
"""
_WORDS = _SAID.split()
_HTML = (
    "<p>{}</p>", "<b>{}</b>", "{}<br>Kind regards", "<div class=\"note\">{}</div>",
    "{} &amp; more", "<ul><li>{}</li><li>and so on</li></ul>", "{}&nbsp;!",
    '<a href="https://example.org/help?page=2">{}</a>', "<span style='color: red'>{}</span>",
)  # fmt: skip
_MOJIBAKE = ("donâ€™t", "cafÃ©", "â‚¬ 20", "naÃ¯ve", "â€œyesâ€\x9d", "GrÃ¶ÃŸe")
_BEYOND = ("café", "don’t", "“yes”", "€ 20", "Größe", "naïve", "👍", "señor")
_HARMLESS = (
    "order 4{:05}",
    "in 20{:02} days",
    "$ {:03}.50",
    "at 1{:01}:30",
    "page {}",
    "on 2024-05-1{:01}",
)


def pairs(count: int, seed: int = 1) -> list[tuple[str, str]]:
    """`count` pairs of a question and a reply."""
    chance = random.Random(seed)
    made: list[tuple[str, str]] = []
    while len(made) < count:
        made.append(_pair(made, chance))
    return made


def rows_of(texts: list[tuple[str, str]]) -> list[RawRow]:
    """The pairs as rows, counted from 1."""
    return [
        RawRow(number, (Turn("user", asked), Turn("assistant", said)))
        for number, (asked, said) in enumerate(texts, start=1)
    ]


def _pair(earlier: list[tuple[str, str]], chance: random.Random) -> tuple[str, str]:
    kind = chance.random()
    if earlier and kind < 0.03:
        return chance.choice(earlier)
    if earlier and kind < 0.06:
        return tuple(_nearly(text, chance) for text in chance.choice(earlier))
    asked, said = (_sentences(chance.randint(*size), chance) for size in ((8, 30), (15, 70)))
    return _dirty(asked, chance, 0.5), _dirty(said, chance, 0.5)


def _nearly(text: str, chance: random.Random) -> str:
    """The text with one word in sixty replaced, and one at least."""
    words = text.split(" ")
    for _ in range(max(1, len(words) // 60)):
        words[chance.randrange(len(words))] = chance.choice(_WORDS)
    return " ".join(words)


def _sentences(count: int, chance: random.Random) -> str:
    words = [_WORDS[int(len(_WORDS) * chance.random() ** 1.6)] for _ in range(count)]
    for at in range(0, count, 11):
        words[at] = words[at].capitalize()
        words[at - 1] += "."
    return " ".join(words)


def _dirty(text: str, chance: random.Random, half: float) -> str:
    """The text with its share of the dirt; each row has two texts, so each gets half of it."""
    for share, spoil in _SPOILING:
        if chance.random() < share * half:
            text = spoil(text, chance)
    return text


def _with(text: str, said: str, chance: random.Random) -> str:
    words = text.split(" ")
    words.insert(chance.randrange(len(words)), said)
    return " ".join(words)


def _email(text: str, chance: random.Random) -> str:
    return _with(text, f"{chance.choice(_WORDS)}.{chance.randrange(10**4)}@example.org", chance)


def _phone(text: str, chance: random.Random) -> str:
    last = chance.randrange(1000)
    ways = (f"+1 212-736-5{last:03}", f"(212) 736-5{last:03}", f"+49 30 901820{last:03}")
    return _with(text, chance.choice(ways), chance)


_SPOILING = (
    (0.25, lambda text, chance: _with(
        text, chance.choice(_HARMLESS).format(chance.randrange(10)), chance)),
    (0.15, lambda text, chance: _with(text, chance.choice(_BEYOND), chance)),
    (0.06, lambda text, chance: text.replace(" ", "  ", 2)),
    (0.05, _email),
    (0.04, _phone),
    (0.05, lambda text, chance: _with(text, chance.choice(_MOJIBAKE), chance)),
    (0.12, lambda text, chance: chance.choice(_HTML).format(text)),
)  # fmt: skip
