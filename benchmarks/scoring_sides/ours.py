"""chatui's engine."""

from pathlib import Path

from chat_sides.asking import base_of

from chatui.model.catalog import STARTER_FOLDER, find_base
from chatui.model.encoding import EncodedRow
from scoring_sides.items import measured, prompts, token_rows


def likelihoods(shape: str, folder: Path, count: int) -> dict:
    from chatui.model.likelihood import batches_by_budget

    engine = _engine(shape, folder)
    size = engine._loaded.model.config.vocab_size  # noqa: SLF001 - rows of tokens, not of texts
    rows = {
        i: EncodedRow(ids, [n >= begins for n in range(len(ids))])
        for i, (ids, begins) in enumerate(token_rows(count, size))
    }

    def score() -> float:
        sums = [
            found
            for keys in batches_by_budget(rows, size)
            for found in engine._score([rows[key] for key in keys], None)  # noqa: SLF001
        ]
        return sum(nats for nats, _, _ in sums) / sum(tokens for _, tokens, _ in sums)

    return measured(score, sum(len(row.ids) for row in rows.values()))


def replies(shape: str, folder: Path, count: int, *, adapter: bool) -> dict:
    from chatui.model.decoding import Decoding
    from chatui.model.requests import Request

    engine = _engine(shape, folder)
    engine.only_write()
    engine.encoder.end_ids = frozenset()
    name = engine.attach(folder / "adapter") if adapter else None
    asked = prompts(count, engine._loaded.model.config.vocab_size)  # noqa: SLF001
    given = iter([ids for ids, _ in asked])
    engine.encoder.prompt = lambda turns, new: next(given)
    requests = [Request((), name, Decoding(max_new_tokens=tokens)) for _, tokens in asked]
    return measured(lambda: float(len(engine.replies(requests))), sum(n for _, n in asked))


def equal_texts(folder: Path, count: int) -> dict:
    """The share of the starter's greedy replies that are the same alone and 16 at a time."""
    from chatui.data.store import DatasetStore
    from chatui.model import writing
    from chatui.model.decoding import Decoding
    from chatui.model.engine import Engine
    from chatui.model.requests import Request
    from chatui.workspace import Workspace

    store = DatasetStore(Workspace(folder / "workspace"))
    rows = list(store.conversations(store.ensure_sample().id))[:count]
    engine = Engine.open(find_base(str(STARTER_FOLDER)), decodes_only=True)
    requests = [Request(row.prompt, None, Decoding(max_new_tokens=48)) for row in rows]
    alone = [engine.replies([request])[0] for request in requests]
    writing._ROWS = 16  # noqa: SLF001 - what is asked is whether 1 and 16 agree
    together = engine.replies(requests)
    same = [a.text == b.text for a, b in zip(together, alone, strict=True)]
    return {"found": sum(same) / len(same), "items": len(same)}


def _engine(shape: str, folder: Path):
    from chatui.model.engine import Engine

    return Engine.open(find_base(str(base_of(shape, folder))))
