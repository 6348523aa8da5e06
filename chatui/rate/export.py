"""Ratings as files: one row an answer, with all its revisions, for people and for programs.

Raters are pseudonyms. What a spreadsheet would take for a formula is made text in CSV.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from chatui.database import RatingRow
from chatui.rate.answers import Answers, system_of
from chatui.rate.study import PREFERENCE, SKIPPED, Pack

Format = Literal["csv", "jsonl"]
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
Cell = str | int | bool | None


def export_rows(study: str, pack: Pack, ratings: Sequence[RatingRow]) -> Iterator[dict[str, Cell]]:
    """Every answer, oldest first. `counts` tells the last valid revision of each from the others;
    `system` is the preferred system, or the one a scale is about; empty for ties.
    """
    counting = {row.id for row in Answers.of(ratings).valid}
    items = {item.id: item for item in pack.items}
    for row in sorted(ratings, key=lambda rating: rating.id):
        item = items[row.item]
        a_is_tuned = row.shown_as_a == "tuned"
        yield {
            "study": study,
            "pack_hash": row.pack_hash,
            "rater": row.rater,
            "item": row.item,
            "conversation": item.conversation,
            "criterion": row.criterion,
            "reply": row.reply,
            "revision": row.revision,
            "counts": row.id in counting,
            "value": row.value,
            "system": _system(row),
            "shown_as_a": row.shown_as_a,
            "reason": row.reason,
            "shown_at": row.shown_at.isoformat(),
            "submitted_at": row.submitted_at.isoformat(),
            "milliseconds": row.milliseconds,
            "app_version": row.app_version,
            "question": "\n".join(t.content for t in item.prompt if t.role != "system"),
            "reply_a": item.tuned if a_is_tuned else item.base,
            "reply_b": item.base if a_is_tuned else item.tuned,
        }


def as_text(rows: Iterable[Mapping[str, Cell]], kind: Format) -> str:
    """The rows as a file's text."""
    return _csv(list(rows)) if kind == "csv" else _jsonl(rows)


def _system(row: RatingRow) -> str | None:
    if row.value in (None, SKIPPED) or (
        row.criterion == PREFERENCE and row.value not in ("a", "b")
    ):
        return None
    return system_of(row)


def _csv(rows: Sequence[Mapping[str, Cell]]) -> str:
    text = io.StringIO()
    if rows:
        writer = csv.writer(text)
        writer.writerow(rows[0])
        writer.writerows([_inert(cell) for cell in row.values()] for row in rows)
    return text.getvalue()


def _inert(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    text = str(cell)
    return "'" + text if text.startswith(_FORMULA) else text


def _jsonl(rows: Iterable[Mapping[str, Cell]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows)
