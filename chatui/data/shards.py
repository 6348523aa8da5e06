"""Make one file of several that hold the rows of one table, in their order."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from chatui.data.records import shortened
from chatui.errors import BrokenFile

_LINES = (".jsonl", ".ndjson")


def can_be_joined(files: Sequence[str]) -> bool:
    """Whether files of these names can be read one after the other."""
    return any(all(file.endswith(ending) for file in files) for ending in (".parquet", *_LINES))


def joined(files: Sequence[Path], target: Path, name: str) -> Path:
    """The one file, or all of them as `target`; raises BrokenFile, which calls them `name`."""
    if len(files) == 1:
        return files[0].rename(target)
    if target.suffix == ".parquet":
        _join_tables(files, target, name)
    else:
        _join_lines(files, target)
    return target


def _join_lines(files: Sequence[Path], target: Path) -> None:
    with target.open("wb") as out:
        for file in files:
            with file.open("rb") as part:
                shutil.copyfileobj(part, out)
            out.write(b"\n")  # a blank line is no row, and the last one may have no end


def _join_tables(files: Sequence[Path], target: Path, name: str) -> None:
    import pyarrow
    import pyarrow.parquet

    shown = shortened(name, 100)
    try:
        schema = pyarrow.parquet.read_schema(files[0]).remove_metadata()
        with pyarrow.parquet.ParquetWriter(target, schema) as writer:
            for number, file in enumerate(files, start=1):
                with pyarrow.parquet.ParquetFile(file) as part:
                    if part.schema_arrow.remove_metadata() != schema:
                        raise BrokenFile(shown, f"file {number} has other columns than the first")
                    for batch in part.iter_batches(use_threads=False):
                        writer.write_batch(batch)
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise BrokenFile(shown, shortened(str(error).partition("\n")[0], 100)) from error
