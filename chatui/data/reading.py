"""Read a file of conversations of any usual kind, by what is in it and not by its name.

Tables, JSON Lines and Parquet are read in batches, however large they are; other kinds as a whole.
No value is changed on the way. What cannot be read as a whole is an error with a sentence; what is
wrong with a single record is told of that record.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from chatui.data.documents import looks_like_json, parquet_batches, read_json
from chatui.data.encodings import Choice, Encoding, choices_for, find_encoding, named_encoding
from chatui.data.json_lines import is_lines, line_batches
from chatui.data.marked import marks_of, read_marked
from chatui.data.options import Options
from chatui.data.origins import Meter, Origin, of_path, unpacked
from chatui.data.pieces import Errors, Piece, pieces_of
from chatui.data.records import BadRecord, Batch, Reading, Record, Records, shortened
from chatui.data.tables import layout_of, table_batches
from chatui.data.workbooks import read_workbook, sheet_names
from chatui.errors import NoRows

_HEAD = 2**20  # characters by which a text is recognised
_SEARCHED = 64 * 2**20  # bytes in which letters are looked for that tell encodings apart
_HALF: Errors = "surrogatepass"
_BATCH = 2000  # records of what was read as a whole


@dataclass(frozen=True, slots=True)
class HowToRead:
    """What a reader is told about a file, besides its bytes."""

    encoding: str | None = None  # a codec's name, where the user knows it
    limit: int | None = None  # bytes to read of it, for a preview
    sheet: str | None = None  # of a workbook, where the user chose one
    member: str | None = None  # of an archive, where the user chose one


def how_to_read(options: Options) -> HowToRead:
    """What options say about reading a file."""
    return HowToRead(options.encoding, sheet=options.sheet, member=options.member)


def file_bytes(path: Path) -> bytes:
    """The content of a file; raises FileMissing in words."""
    origin = of_path(path)
    with origin.open() as file:
        return file.read()


def open_reading(origin: Origin, how: HowToRead = HowToRead()) -> Reading:  # noqa: B008 - frozen
    """Find out how a file is to be read; its records are read when they are asked for."""
    if not origin.size:
        raise NoRows(origin.shown, "the file is empty")
    kind, origin = unpacked(origin, how.member)
    if kind == "parquet":
        reading = _parquet(origin, how)
    elif kind == "workbook":
        data = origin.whole("a workbook")
        records = read_workbook(data, origin.name, how.sheet)
        reading = of_records(origin.shown, origin.size, records)
    else:
        reading = _text(origin, how)
    packing = f", {origin.packing}" if origin.packing else ""
    notes = (*_about_members(origin), *reading.notes)
    return replace(reading, kind=f"{reading.kind}{packing}", notes=notes)


def _about_members(origin: Origin) -> tuple[str, ...]:
    """A sentence about the files of an archive that are not read, if there are any."""
    read, *others = origin.members or ("",)
    if not others:
        return ()
    listed = ", ".join(repr(shortened(other, 40)) for other in others[:10])
    listed += ", …" if len(others) > 10 else ""
    damaged = tuple(f"The file {shortened(name, 40)!r} is damaged." for name in origin.damaged)
    return (
        *damaged,
        f"The file {shortened(read, 40)!r} was read, {listed} "
        f"{'was' if len(others) == 1 else 'were'} not: choose the file that you want.",
    )


def encoding_choices(path: Path, member: str | None = None) -> tuple[Choice, ...]:
    """Three ways to read a text file whose encoding is not sure, each with a preview; else none."""
    kind, origin = unpacked(of_path(path), member)
    return choices_for(partial(origin.blocks, limit=_SEARCHED)) if kind == "text" else ()


def member_choices(path: Path) -> tuple[str, ...]:
    """The files of an archive that has several; else none."""
    names = unpacked(of_path(path))[1].members
    return names if len(names) > 1 else ()


def sheet_choices(path: Path, member: str | None = None) -> tuple[str, ...]:
    """The sheets of a workbook that has several; else none."""
    kind, origin = unpacked(of_path(path), member)
    names = sheet_names(origin.whole("a workbook"), origin.name) if kind == "workbook" else ()
    return names if len(names) > 1 else ()


def collected(reading: Reading) -> Records:
    """All records of a file at once; raises NoRows."""
    batches = list(reading.batches())
    good = tuple(record for batch in batches for record in batch.good)
    bad = tuple(record for batch in batches for record in batch.bad)
    columns = batches[-1].columns if batches else ()
    count = len(good) + len(bad)
    if not count:
        raise no_rows(reading)
    return Records(reading.kind, columns, good, bad, reading.notes, rows_read=count)


def no_rows(reading: Reading) -> NoRows:
    """What is said of a file in which no record was found."""
    return NoRows(reading.name, "there is only a header, or an empty list, in it")


def _parquet(origin: Origin, how: HowToRead) -> Reading:
    def batches() -> Iterator[Batch]:
        meter = Meter(origin.size)
        with origin.seekable() as file:
            for batch in parquet_batches(file, origin.name, meter):
                yield batch
                if how.limit is not None and batch.good[-1].row >= _PREVIEWED:
                    return

    return Reading(origin.shown, "Parquet", (), origin.size, batches, how.limit is not None)


_PREVIEWED = 4000  # rows of a Parquet file, which says nothing of their length beforehand


def _text(origin: Origin, how: HowToRead) -> Reading:
    blocks = partial(origin.blocks, limit=how.limit)
    is_part = how.limit is not None
    encoding = named_encoding(how.encoding) if how.encoding else find_encoding(blocks, is_part)
    text = _Text(origin, encoding, how.limit)
    head = text.head()
    reading = _by_head(text, head, is_part)
    notes = (*([encoding.note] if encoding.note else []), *reading.notes)
    return replace(reading, kind=f"{reading.kind}, {encoding.title}", notes=notes, is_part=is_part)


def _by_head(text: "_Text", head: str, is_part: bool) -> Reading:
    origin, whole = text.origin, partial(of_records, text.origin.shown, text.origin.size)
    if not head.strip("\ufeff \t\r\n"):
        raise NoRows(origin.shown, "there is only white space in it")
    if marks_of(head):
        return whole(read_marked(text.whole("a text with a template's marks")))
    if not looks_like_json(head):
        layout = layout_of(head)
        read = partial(table_batches, layout, is_part=is_part)
        return text.reading(layout.kind, layout.notes, lambda pieces, _: read(pieces))
    if is_lines(head):
        lines = text.reading("JSON Lines", (), line_batches)
        return replace(lines, is_uniform=False)
    return whole(read_json(text.whole("one piece of JSON"), is_part))


@dataclass(frozen=True, slots=True)
class _Text:
    """The text of a file."""

    origin: Origin
    encoding: Encoding
    limit: int | None

    def chunks(self) -> Iterator[str]:
        """The text in pieces."""
        blocks = self.origin.blocks(limit=self.limit)
        if self.limit is None:
            return self.encoding.decoded(blocks, self.origin.name)
        return iter((self._part(blocks, self.limit),))

    def pieces(self, meter: Meter) -> Iterator[Piece]:
        """The lines in pieces; where they are UTF-8 anyway, without decoding them."""
        if self.limit is not None:
            return pieces_of((text.encode("utf-8", _HALF) for text in self.chunks()), _HALF)
        blocks = self.origin.blocks(meter)
        if self.encoding.codec == "utf-8":
            return pieces_of(blocks)
        texts = self.encoding.decoded(blocks, self.origin.name)
        return pieces_of((text.encode("utf-8", _HALF) for text in texts), _HALF)

    def _part(self, blocks: Iterator[bytes], limit: int) -> str:
        """The whole lines among the first bytes; all of it, if it is shorter."""
        data = b"".join(blocks)
        is_cut = len(data) >= limit
        text = "".join(self.encoding.decoded(iter((data[:limit],)), self.origin.name, is_cut))
        return _whole_lines(text) if is_cut else text

    def head(self) -> str:
        """The first lines, whole if there are more."""
        head = ""
        for chunk in self.chunks():
            head += chunk
            if len(head) >= _HEAD:
                return _whole_lines(head)
        return head

    def whole(self, what: str) -> str:
        if self.limit is not None:
            return "".join(self.chunks())
        data = self.origin.whole(what)
        return "".join(self.encoding.decoded(iter((data,)), self.origin.name))

    def reading(
        self,
        kind: str,
        notes: tuple[str, ...],
        read: Callable[[Iterator[Piece], Meter], Iterator[Batch]],
    ) -> Reading:
        def batches() -> Iterator[Batch]:
            meter = Meter(self.origin.size)
            for batch in read(self.pieces(meter), meter):
                yield batch._replace(read=meter.read)

        return Reading(self.origin.shown, kind, notes, self.origin.size, batches)


def _whole_lines(text: str) -> str:
    return text[: max(text.rfind("\n"), text.rfind("\r")) + 1] or text


def of_records(name: str, size: int, records: Records) -> Reading:
    """What was read as a whole, in batches like everything else."""

    def batches() -> Iterator[Batch]:
        every: list[Record | BadRecord] = [*records.good, *records.bad]
        every.sort(key=lambda record: record.row)
        for start in range(0, max(1, len(every)), _BATCH):
            some = every[start : start + _BATCH]
            good = [record for record in some if isinstance(record, Record)]
            bad = [record for record in some if isinstance(record, BadRecord)]
            read = size * (start + len(some)) // max(1, len(every))
            yield Batch(good, bad, records.columns, read)

    return Reading(name, records.kind, records.notes, size, batches)
