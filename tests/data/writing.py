"""Write files of conversations in every format that the Data tab reads."""

import csv
import io
import json
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
    kind = path.suffix
    if kind == ".csv":
        path.write_bytes(csv_text(rows).encode())
    elif kind == ".tsv":
        path.write_bytes(csv_text(rows, "\t").encode())
    elif kind == ".json":
        path.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    elif kind == ".jsonl":
        lines = [json.dumps(row, ensure_ascii=False) for row in rows]
        path.write_bytes("\n".join(lines).encode())
    elif kind == ".xlsx":
        book = openpyxl.Workbook()
        for line in (list(rows[0]), *([row[key] for key in rows[0]] for row in rows)):
            book.active.append(line)
        for cell in (cell for line in book.active for cell in line):
            cell.data_type = "s"  # otherwise "=1" would be a formula, and "#N/A" an error
        book.save(path)
    else:
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    return path


FORMATS = (".csv", ".tsv", ".json", ".jsonl", ".parquet")


def pairs(count: int) -> list[dict[str, str]]:
    return [{"user": f"question {n}", "agent": f"reply {n}"} for n in range(count)]
