"""Write files of conversations in every format that the Data tab reads."""

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pyarrow
import pyarrow.parquet


def csv_text(rows: list[dict[str, str]], separator: str = ",") -> str:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]), delimiter=separator, quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def write(path: Path, rows: list[dict]) -> Path:
    """Write rows in the format that the file's name ends in."""
    path.write_bytes(_WRITERS[path.suffix](rows))
    return path


def _parquet(rows: list[dict]) -> bytes:
    out = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), out)
    return out.getvalue()


def _xlsx(rows: list[dict]) -> bytes:
    book = openpyxl.Workbook()
    for line in (list(rows[0]), *([row[key] for key in rows[0]] for row in rows)):
        book.active.append(line)
    for cell in (cell for line in book.active for cell in line):
        cell.data_type = "s"  # otherwise "=1" would be a formula, and "#N/A" an error
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _zip(rows: list[dict]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.csv", csv_text(rows))
    return out.getvalue()


_WRITERS: dict[str, Callable[[list[dict]], bytes]] = {
    ".csv": lambda rows: csv_text(rows).encode(),
    ".tsv": lambda rows: csv_text(rows, "\t").encode(),
    ".json": lambda rows: json.dumps(rows, indent=1).encode(),
    ".jsonl": lambda rows: "\n".join(json.dumps(r, ensure_ascii=False) for r in rows).encode(),
    ".parquet": _parquet,
    ".xlsx": _xlsx,
    ".zip": _zip,
    ".gz": lambda rows: gzip.compress(csv_text(rows).encode()),
}
FORMATS = (".csv", ".tsv", ".json", ".jsonl", ".parquet")
ALL_FORMATS = (*FORMATS, ".xlsx", ".zip", ".gz")  # a workbook can't hold every text


def pairs(count: int) -> list[dict[str, str]]:
    return [{"user": f"question {n}", "agent": f"reply {n}"} for n in range(count)]
