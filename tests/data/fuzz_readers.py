"""Look for files that a reader falls over: `make fuzz`.

Not collected with the tests, since it looks for as many seconds as it is given. Whatever it finds
is mended, and kept as a case in the tests. A file may be refused with a sentence, and a record may
be, but each record is in one place and nothing else is raised.
"""

import io
import json
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from openpyxl.utils.exceptions import IllegalCharacterError

from chatui.data.options import Options
from chatui.data.origins import of_path
from chatui.data.prepare import draft_of
from chatui.data.reading import HowToRead, collected, member_choices, open_reading, sheet_choices
from chatui.errors import ChatUIError
from tests.data.writing import ALL_FORMATS, write

_ROUND = 100  # examples between two looks at the clock
_PIECES = (
    "user", "agent", "a", "7", "", " ", "\n", "\r", "\r\n", "\t", ",", ";", "|", '"', '""', "'",
    "{", "}", "[", "]", ":", "\\", "\\u0000", "\\ud800", "\0", "\ufeff", "\ufffd", "null", "NaN",
    "1e999", "é", "日本", "\x85", "\u2028", "<s>", "[INST] a [/INST] b", "<|im_start|>user\na",
    '{"role": "user", "content": "a"}', '{"from": "human", "value": []}', '{"mapping": {}}', "=1",
    '"messages": ', '"parent": ', "sep=;\n", "---", "True", "[[", "{'a': 1}", "%s", "\x1a",
)  # fmt: skip
TEXTS = st.lists(st.sampled_from(_PIECES), max_size=4).map("".join) | st.text(
    st.characters(exclude_categories=["Cs"]), max_size=12
)
NAMES = st.sampled_from(
    ("user", "agent", "messages", "conversation_id", "role", "content", "id", "parent", "label",
     "system", "turn", "rejected", "history", "instruction", "input", "x")
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | TEXTS, inner, max_size=4),
    max_leaves=12,
)
ROWS = {"min_size": 1, "max_size": 5}
TABLES = st.lists(NAMES, min_size=1, max_size=4, unique=True).flatmap(
    lambda names: st.lists(st.fixed_dictionaries(dict.fromkeys(names, TEXTS)), **ROWS)
)
CODECS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1252", "shift_jis", "cp1251")
EDITS = st.lists(
    st.tuples(
        st.floats(0, 1),
        st.integers(0, 40),
        st.binary(max_size=6) | st.sampled_from([piece.encode() for piece in _PIECES]),
    ),
    max_size=4,
)


Edits = list[tuple[float, int, bytes]]


def damaged(data: bytes, edits: Edits) -> bytes:
    """The bytes with some of them replaced, left out or put between."""
    for at, gone, put in edits:
        start = int(at * len(data))
        data = data[:start] + put + data[start + gone :]
    return data


def check(data: bytes, name: str) -> None:
    """Read and prepare a file in every way that somebody could choose."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{time.monotonic_ns()}{name}"
        path.write_bytes(data)
        try:
            members = member_choices(path)
        except ChatUIError:
            members = ()
        for member in members or (None,):
            try:
                sheets = sheet_choices(path, member)
            except ChatUIError:
                sheets = ()
            for sheet in sheets or (None,):
                _check_one(path, member, sheet)


def _check_one(path: Path, member: str | None, sheet: str | None) -> None:
    for limit in (None, 64):
        with suppress(ChatUIError):
            read = collected(open_reading(of_path(path), HowToRead(None, limit, sheet, member)))
            rows = [record.row for record in (*read.good, *read.bad)]
            assert sorted(rows) == list(range(1, read.rows_read + 1)), rows
    with suppress(ChatUIError):
        assert draft_of(path, Options(member=member, sheet=sheet), path.name).accounted


def written(rows: list[dict[str, str]], kind: str) -> bytes:
    """A file with rows; none of a sheet that can't hold them."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            return write(Path(folder) / f"a{kind}", rows).read_bytes()
        except (ValueError, IllegalCharacterError):
            return b""


def damaged_file(rows: list[dict[str, str]], kind: str, edits: Edits) -> None:
    """A file of every format, with something wrong in it."""
    check(damaged(written(rows, kind), edits), f"a{kind}")


def strange_json(values: list[object], form: str, edits: Edits) -> None:
    """JSON of any shape."""
    text = {
        "lines": "\n".join(map(json.dumps, values)),
        "list": json.dumps(values),
        "object": json.dumps({"data": values}),
        "pretty": json.dumps(values, indent=1),
    }[form]
    check(damaged(text.encode(), edits), "a.json")


def strange_text(pieces: list[str], codec: str, edits: Edits) -> None:
    """Texts of any letters, separators and marks."""
    check(damaged("".join(pieces).encode(codec, "replace"), edits), "a.txt")


def any_bytes(data: bytes) -> None:
    """Bytes that are no file at all."""
    check(data, "a.bin")


def archive(files: list[tuple[str, list[dict[str, str]], str]], edits: Edits) -> None:
    """Archives of several files, with names of any kind."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile's own, about names that stand twice
        for name, rows, kind in files:
            plain = name.replace("\0", "?")  # zipfile cuts a name there when it writes one
            packed.writestr(f"{plain}{kind}", written(rows, kind))
    check(damaged(out.getvalue(), edits), "a.zip")


KINDS = st.sampled_from(ALL_FORMATS)
FORMS = st.sampled_from(("lines", "list", "object", "pretty"))
SEARCHES: tuple[tuple[Callable[..., None], tuple[st.SearchStrategy[Any], ...]], ...] = (
    (damaged_file, (TABLES, KINDS, EDITS)),
    (strange_json, (st.lists(VALUES, max_size=5), FORMS, EDITS)),
    (strange_text, (st.lists(TEXTS, max_size=30), st.sampled_from(CODECS), EDITS)),
    (any_bytes, (st.binary(max_size=200),)),
    (archive, (st.lists(st.tuples(TEXTS, TABLES, KINDS), max_size=4), EDITS)),
)


def look(search: Callable[..., None], what: tuple[st.SearchStrategy[Any], ...], number: int) -> int:
    """Look at a round of files, other ones for each number; returns how many were looked at."""
    looked = 0

    @seed(number)
    @settings(
        max_examples=_ROUND, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(st.tuples(*what))
    def one_round(parts: tuple[Any, ...]) -> None:
        nonlocal looked
        looked += 1
        search(*parts)

    one_round()
    return looked


def main(seconds: float) -> int:
    """Look for so many seconds; returns how many of the searches have found something."""
    ends_at = time.monotonic() + seconds
    found: set[str] = set()
    looked, number = 0, time.time_ns()
    while time.monotonic() < ends_at and len(found) < len(SEARCHES):
        for search, what in SEARCHES:
            if search.__name__ in found:  # it would find the same again
                continue
            number += 1
            try:
                looked += look(search, what, number)
            except Exception:  # noqa: BLE001 - what is looked for
                traceback.print_exc()
                found.add(search.__name__)
    sys.stdout.write(f"{looked:,} files in {seconds:.0f} s; findings: {sorted(found) or 'none'}\n")
    return len(found)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 600))
