"""Five hundred sentences with personal data or with what only looks like it, by a seed."""

import random

_FIRST = ["anna", "ben", "carla", "david", "emma", "finn", "greta", "hugo", "ida", "jonas"]
_LAST = [
    "meyer",
    "o'brien",
    "lopez",
    "smith-jones",
    "nowak",
    "rossi",
    "dubois",
    "kim",
    "ivanov",
    "berg",
]
_HOSTS = [
    "example.org",
    "mail.example.com",
    "shop.example.co.uk",
    "müller.example.de",
    "example.museum",
]
_ABOUT = {
    "EMAIL": [
        "Write to {}.",
        "My address is {}, thanks",
        "<{}>",
        "mailto:{}",
        "Contact: {};",
        "({})",
    ],
    "PHONE": ["Call me at {} after six.", "Tel. {}", "My number: {}", "Ring {}, please", "({})"],
    "CARD": ["I paid with card {} yesterday.", "Card number: {}", "It is {}, valid until 09/27."],
    "IBAN": ["Send it to {} please", "IBAN: {}", "My account {} is with them.", "({})"],
    "IP": ["I log in from {} at work.", "The server is {}.", "Address {}, port 22", "ping {}"],
    "SSN": ["My social security number is {}.", "SSN {}", "({})"],
    "KEY": ["export KEY={}", "The key is {} and it fails.", "Authorization: Bearer {}"],
    "URL": ["Click {} to log in", "I used {}, as you said.", "({})"],
}
_TRAPS = (
    "My order number is {d8}.", "Order {d10} has not arrived.", "Ticket #{d9} is still open.",
    "We run version {v}.{v}.{v}.{v} of it.", "Update to v{v}.{v}.{v}.{v}, please.",
    "Chrome/{v}.0.{d4}.{v} shows it.", "It was on 2024-0{n}-1{n} at 1{n}:30.",
    "Born on 1{n}.0{n}.19{v}, as I said.", "Delivery between 0{n}/1{n}/2024 and 0{n}/2{n}/2024.",
    "It costs {n},{d3},{d3}.00 in all.", "That is $ {d3}.{n}0 or {d4} EUR.",
    "ISBN 978-3-16-148410-{n} is out of print.", "ISBN-10: 3-16-14841{n}-0",
    "Tracking 1Z999AA1{d8} says nothing.", "Invoice 2024-{d6} is wrong.",
    "Invoice INV-{d4}-{d4} is paid.", "The part number is {d3}-{d5}-{n}.",
    "See https://example.org/p/{d10}?page={n}.", "Clone git@github.com:team/repo.git",
    "Open logo@2x.png, please.", "It listens on 127.0.0.1:80{n}0.", "Use std::a{n}::b in C++.",
    "From 10:{n}0:15 to 11:{n}5:00.", "Section 4.{n}.{n}.{n} says so.", "Ask @jo_{d4} about it.",
    "The MAC is 00:1B:44:11:3A:B{n}.", "id 3f2504e0-4f89-11d3-9a0c-0305e82c33{v}",
    "VAT DE{d9} is ours.", "It weighs {d3}.{n} kg and is {d3} x {d3} mm.",
    "Chapter {n}.{v}, page {d3}", "{d4} {d4} {d4} {d3}{x} is no card.", "DE00 {d4} {d4} {d4} {n}",
    "SKU {d3}-{d3}-{n}{n}{n}", "The coordinates are 52.{d4}, 13.{d4}.", "sha256:{d8}abcdef{d8}",
    "GDP grew from {d4} to {d4} in 20{v}.", "Room {d3}, floor {n}, 1{n}:00-1{n}:45",
    "a@b is no address", "Press Ctrl+{n} or call foo(1, 2, {d3}).", "temperature -{n}.5 to 2{n}.5",
)  # fmt: skip


def samples(count: int = 500, seed: int = 20) -> list[tuple[str, str | None, str]]:
    """(text, kind, value): what kind of personal data a text holds, and which; or none."""
    chance = random.Random(seed)
    made: list[tuple[str, str | None, str]] = []
    for number in range(count):
        if number % 5 < 2:
            made.append((_trap(chance), None, ""))
            continue
        kind = list(_ABOUT)[number % len(_ABOUT)]
        value = _VALUES[kind](chance)
        made.append((chance.choice(_ABOUT[kind]).format(value), kind, value))
    return made


def _digits(chance: random.Random, count: int) -> str:
    return "".join(chance.choices("0123456789", k=count))


def _trap(chance: random.Random) -> str:
    known = {f"d{n}": _digits(chance, n) for n in (3, 4, 5, 6, 8, 9, 10)}
    known["d8"] = "40" + known["d8"][2:]
    groups = chance.choice(["4111 1111 1111 111"])
    text = chance.choice(_TRAPS)
    if "{x}" in text:  # a card's form with a wrong last digit
        text = text.replace("{d4} {d4} {d4} {d3}{x}", groups + chance.choice("023456789"))
    return text.format(**known, n=chance.randint(1, 9), v=chance.randint(10, 99))


def _email(chance: random.Random) -> str:
    joined = chance.choice([".", "_", "-", ""])
    name = joined.join((chance.choice(_FIRST), chance.choice(_LAST)))
    tagged = chance.choice(["", "", "+shop", _digits(chance, 2)])
    return f"{name}{tagged}@{chance.choice(_HOSTS)}"


def _phone(chance: random.Random) -> str:
    last = _digits(chance, 3)
    return chance.choice(
        [f"+1 212-736-5{last}", f"(212) 736-5{last}", f"212-736-5{last}", f"212.736.5{last}"]
        + [f"+49 30 901820{last}", f"+44 20 7946 0{last}", f"+33 1 42 68 5{last[0]} {last[1:]}"]
        + [f"+1 (415) 555-2{last}", f"+3491411{last}1"]
    )


def _with_luhn(body: str) -> str:
    """The digits with the one that makes them hold, worked out by trying all ten."""
    for last in "0123456789":
        digits = [int(digit) for digit in (body + last)[::-1]]
        total = sum(d if n % 2 == 0 else sum(divmod(2 * d, 10)) for n, d in enumerate(digits))
        if total % 10 == 0:
            return body + last
    raise AssertionError(body)


def _card(chance: random.Random) -> str:
    start, length = chance.choice([("4", 16), ("52", 16), ("37", 15), ("6011", 16)])
    number = _with_luhn(start + _digits(chance, length - len(start) - 1))
    groups = " ".join(number[at : at + 4] for at in range(0, len(number), 4))
    return chance.choice([number, groups, groups.replace(" ", "-")])


# Examples that the countries' registers print.
_PRINTED = """
DE89370400440532013000 GB29NWBK60161331926819 FR1420041010050500013M02606 NL91ABNA0417164300
ES9121000418450200051332 IT60X0542811101000000123456 BE68539007547034 CH9300762011623852957
AT611904300234573201 PL61109010140000071219812874 NO9386011117947 SE4550000000058398257466
"""
_IBANS = _PRINTED.split()


def _iban(chance: random.Random) -> str:
    number = chance.choice(_IBANS)
    grouped = " ".join(number[at : at + 4] for at in range(0, len(number), 4))
    return chance.choice([number, grouped, number.lower()])


def _ip(chance: random.Random) -> str:
    four = f"{chance.randint(11, 99)}.{chance.randint(0, 255)}.{chance.randint(0, 255)}.7"
    return chance.choice([four, f"2001:db8::{_digits(chance, 3)}:1", "fe80::1ff:fe23:4567:890a"])


def _ssn(chance: random.Random) -> str:
    area, group = chance.randint(100, 599), chance.randint(10, 99)
    return f"{area}-{group}-{chance.randint(1000, 9999)}"


def _key(chance: random.Random) -> str:
    body = "".join(chance.choices("abcdefghABCDEFGH23456789", k=36))
    return chance.choice(["sk-proj-", "ghp_", "hf_", "sk_live_"]) + body


def _url(chance: random.Random) -> str:
    secret = _digits(chance, 12)
    return chance.choice(
        [f"https://jo:{secret}@example.org/a", f"https://example.org/?a=1&access_token={secret}"]
        + [f"https://example.org/reset?token={secret}", f"https://example.org/f?sig={secret}&b=2"]
    )


_VALUES = {"EMAIL": _email, "PHONE": _phone, "CARD": _card, "IBAN": _iban, "IP": _ip}
_VALUES |= {"SSN": _ssn, "KEY": _key, "URL": _url}
