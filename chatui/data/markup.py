"""Remove HTML from what people said, and nothing that only looks like it.

Tags are known by name: every parser that was tried also ate `if x<y then z>w`, `List<String>`,
`#include <stdio.h>`, `<think>` and `user <user@example.org>`. Code between backticks is left alone.
All patterns take a time that grows with the text and no faster.
"""

import re
from html import unescape
from itertools import groupby

_BLOCK = (
    "address article aside blockquote br caption center dd div dl dt figcaption figure footer form "
    "h1 h2 h3 h4 h5 h6 header hr li main nav ol p pre section table tbody tfoot thead title tr ul"
)
_INLINE = (
    "a abbr acronym b basefont bdi bdo big body button cite code col colgroup del dfn em embed "
    "fieldset font head html i iframe img input ins kbd label legend link mark meta object option "
    "param q samp select small source span strike strong style sub sup svg td textarea th time tt "
    "u var video wbr script noscript path"
)
# Words that people also put between angle brackets to mean something: <name>, <input>, List<Time>.
# They count as tags only with an attribute, or where the closing tag is there too. `s` is none of
# the tags at all, because <s> and </s> are the marks of chat templates.
_AMBIGUOUS = (
    "a address article aside b body button caption cite code col form header i input label legend "
    "link main mark meta nav object option param path q section select source table time title u "
    "var video"
)
_NEVER_CLOSED = frozenset(("col", "input", "link", "meta", "param", "source"))
_UNSURE = frozenset(_AMBIGUOUS.split())
_BLOCKS = frozenset(_BLOCK.split())


def _by_first_letter(names: list[str]) -> str:
    """The names as a pattern that tries only those with the right letter: a fifth of the time."""
    longest_first = sorted(names, key=lambda name: (name[0], -len(name)))
    groups = groupby(longest_first, key=lambda name: name[0])
    return "|".join(f"{c}(?:{'|'.join(name[1:] for name in group)})" for c, group in groups)


_NAMES = _by_first_letter([*_BLOCK.split(), *_INLINE.split()])
_VALUE = r"""(?:"[^"<]{0,4000}"|'[^'<]{0,4000}'|[^\s"'<>`]{1,4000})"""
_FLAG = "disabled|checked|hidden|selected|async|defer|controls|nowrap|noshade|allowfullscreen"
_TAG = re.compile(
    rf"<(?=/?[a-z])(?P<close>/)?(?P<name>{_NAMES})\b"
    rf"(?P<attributes>(?:\s{{1,50}}(?:[a-z][\w:.\-]{{0,60}}\s?=\s?{_VALUE}|(?:{_FLAG})\b)){{0,40}})"
    r"\s{0,50}/?>",
    re.IGNORECASE,
)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_CODE = re.compile(r"(```.*?(?:```|\Z)|`[^`\n]+`)", re.DOTALL)
_GAPS = re.compile(r"[ \t]{0,50}\n[ \t]{0,50}")


def remove_html(text: str) -> str:
    """The text without tags, comments and entities; block tags leave a line break."""
    if "<" not in text and "&" not in text:
        return text
    parts = _CODE.split(text)
    parts[::2] = [_without_markup(part) for part in parts[::2]]
    result = "".join(parts)
    return text if result == text else result.strip()


def _without_markup(text: str) -> str:
    result = text
    if "<" in text:
        result = _without_spans(_without_spans(_without_comments(text), "script"), "style")
        tags = {(bool(tag["close"]), tag["name"].lower()) for tag in _TAG.finditer(result)}
        if tags:
            paired = {name for is_close, name in tags if is_close and (False, name) in tags}
            result = _TAG.sub(lambda tag: _replaced(tag, paired), result)
        if result != text:
            result = re.sub(r"\n{3,}", "\n\n", _GAPS.sub("\n", result))
    if "&" in result:
        result = _ENTITY.sub(lambda entity: unescape(entity[0]).replace("\xa0", " "), result)
    return result


def _replaced(tag: re.Match[str], paired: set[str]) -> str:
    name = tag["name"].lower()
    if (
        name in _AMBIGUOUS
        and not tag["attributes"]
        and (name in _NEVER_CLOSED or name not in paired)
    ):
        return tag[0]
    if name in ("td", "th"):
        return " "
    if name == "li":
        return "" if tag["close"] else "\n- "
    return "\n" if name in _BLOCKS else ""


def _without_comments(text: str) -> str:
    """Cut `<!-- … -->` by searching: a pattern would take a quadratic time on open comments."""
    pieces, at = [], 0
    while (start := text.find("<!--", at)) >= 0:
        end = text.find("-->", start + 4)
        if end < 0:
            break
        pieces.append(text[at:start])
        at = end + 3
    return "".join(pieces) + text[at:]


def _without_spans(text: str, name: str) -> str:
    """Cut a script or a style sheet together with what is in it, where it is closed."""
    lowered = text.lower()
    if len(lowered) != len(text) or f"<{name}" not in lowered:
        return text
    pieces, at = [], 0
    closing = f"</{name}>"
    for opening in re.finditer(rf"<{name}\b[^<>]{{0,2000}}>", lowered):
        if opening.start() < at:
            continue
        end = lowered.find(closing, opening.end())
        if end < 0:
            break
        pieces.append(text[at : opening.start()])
        at = end + len(closing)
    return "".join(pieces) + text[at:]
