"""Tell the languages of many texts together, by the model that py3langid brings.

py3langid looks at one text at a time: 0.1 ms goes into a loop over its bytes, and as much into
widening what the model says of each sequence of letters. Here a block of texts is walked through
the same automaton side by side, one byte of each at a time, and what the model says of a sequence
is read once for all texts that hold it. The scores are the same sums, so the languages are those
that `LanguageIdentifier.classify` gives; a text's own does not depend on those around it.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

MIN_LETTERS = 20  # below these a language is a guess: "hallo" is German, Dutch or Catalan
_REACH = 6  # bytes: the longest sequence that py3langid 0.4.0 knows
_PIECE = 64  # bytes of a text that are walked one after the other
_TEXTS, _BYTES = 4096, 2**20  # that are looked at together
_LANE = 16  # languages, padded to so many: the sums take a seventh less where rows are aligned
_NONE = -1


def language_of(text: str) -> str | None:
    """The language of a text as an ISO 639-1 code; None where there are too few letters to tell."""
    return languages_of([text])[0]


def languages_of(texts: Sequence[str]) -> list[str | None]:
    """The language of each text; see `language_of`."""
    model = _model()
    return [language for block in _blocks(texts) for language in _told(*block, model)]


class _Model(NamedTuple):
    """py3langid's model as arrays. A place is a row of the automaton and a byte that follows."""

    moves: Any  # by place, where the next row begins
    features: Any  # by place, the sequence that ends there, or -1
    weights: Any  # by sequence and language: half-precision logarithms
    priors: Any  # by language
    languages: list[str]
    aliases: list[tuple[int, int]]  # languages that stand twice


class _Pieces(NamedTuple):
    """Where texts are cut to be walked side by side, the longest piece first."""

    begins: Any  # in the bytes of all texts
    lengths: Any
    warm: Any  # bytes at the beginning that belong to the piece before
    order: Any  # of the pieces, by where they stand in the texts
    firsts: Any  # by text, its first piece in that order, and the number of all


@lru_cache(maxsize=1)
def _model() -> _Model:
    import numpy
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    read = LanguageIdentifier.from_model_file(MODEL_FILE)
    rows = numpy.array(read.tk_row, numpy.int32) << 8
    states = numpy.frombuffer(read.tk_nextmove, numpy.uint32)
    sequences = numpy.array(read.tk_output, numpy.int32)
    added = -len(read.nb_classes) % _LANE
    weights = numpy.pad(read.nb_ptc, ((0, 0), (0, added)))
    priors = numpy.pad(read.nb_pc, (0, added), constant_values=-numpy.inf)
    aliases = list(read._alias_pairs)
    return _Model(rows[states], sequences[states], weights, priors, list(read.nb_classes), aliases)


def _blocks(texts: Sequence[str]) -> Iterator[tuple[list[str], list[bytes]]]:
    """Texts that are looked at together, and their bytes."""
    some: list[str] = []
    data: list[bytes] = []
    size = 0
    for text in texts:
        some.append(text)
        data.append(_bytes_of(text))
        size += len(data[-1])
        if len(some) == _TEXTS or size >= _BYTES:
            yield some, data
            some, data, size = [], [], 0
    if some:
        yield some, data


def _bytes_of(text: str) -> bytes:
    """A text as the model was trained on it."""
    text = text.lower() if text.isupper() else text
    return unicodedata.normalize("NFC", text).encode("utf-8", "surrogatepass")


def _told(texts: list[str], encoded: list[bytes], model: _Model) -> list[str | None]:
    import numpy

    data = numpy.frombuffer(b"".join(encoded), numpy.uint8)
    sizes = numpy.fromiter(map(len, encoded), numpy.int64, len(encoded))
    starts = numpy.cumsum(sizes) - sizes
    if not len(data):
        return [None] * len(texts)
    found, ends = _sequences(data, _pieces(starts, sizes), model)
    scores = _scores(found, ends, model)
    best = scores.argmax(axis=1)
    best[numpy.diff(ends) == 0] = _NONE  # no sequence that is known
    for at in numpy.flatnonzero(_letters(data, starts, sizes) < MIN_LETTERS).tolist():
        best[at] = best[at] if _has_letters(texts[at]) else _NONE
    return [None if at == _NONE else model.languages[at] for at in best.tolist()]


def _letters(data: Any, starts: Any, sizes: Any) -> Any:
    """How many letters from a to z each text has."""
    import numpy

    is_letter = numpy.array([bytes((code,)).isalpha() for code in range(256)], numpy.int32)
    counts = numpy.zeros(len(sizes), numpy.int32)
    there = numpy.flatnonzero(sizes)
    counts[there] = numpy.add.reduceat(is_letter.take(data), starts[there])
    return counts


def _has_letters(text: str) -> bool:
    letters = sum(map(str.isalpha, text[: 3 * MIN_LETTERS]))
    return letters >= MIN_LETTERS or sum(map(str.isalpha, text)) >= MIN_LETTERS


def _pieces(starts: Any, sizes: Any) -> _Pieces:
    """Cut texts, so that a long one does not have the automaton for itself.

    Where it stands depends on the last few bytes only: a piece begins that much earlier.
    """
    import numpy

    counts = -(-sizes // _PIECE)
    firsts = numpy.append(0, numpy.cumsum(counts))
    number = numpy.arange(firsts[-1]) - numpy.repeat(firsts[:-1], counts)
    warm = numpy.where(number, _REACH - 1, 0)
    lengths = numpy.minimum(_PIECE, numpy.repeat(sizes, counts) - number * _PIECE) + warm
    begins = numpy.repeat(starts, counts) + number * _PIECE - warm
    order = numpy.argsort(-lengths, kind="stable")
    return _Pieces(begins[order], lengths[order], warm[order], order.astype(numpy.int32), firsts)


def _sequences(data: Any, pieces: _Pieces, model: _Model) -> tuple[Any, Any]:
    """The sequences that stand in the texts, text by text; and where those of each text end."""
    import numpy
    from scipy.sparse import csr_array

    steps = numpy.arange(pieces.lengths[0])
    active = numpy.searchsorted(-pieces.lengths, -steps, side="left")
    visited = numpy.empty(int(pieces.lengths.sum()), numpy.int32)
    row, at, starts = numpy.zeros(len(pieces.order), numpy.int32), 0, [0]
    for step, count in enumerate(active.tolist()):
        place = visited[at : at + count]
        numpy.add(row[:count], data.take(pieces.begins[:count] + step), out=place)
        row = model.moves.take(place)
        at += count
        starts.append(at)
    features = model.features.take(visited)
    for step in range(min(_REACH - 1, len(steps))):
        features[starts[step] : starts[step + 1]][pieces.warm[: active[step]] > step] = -1
    hits = numpy.flatnonzero(features >= 0)
    rows = numpy.searchsorted(hits, starts).astype(numpy.int32)
    piece = pieces.order.take(hits - numpy.repeat(starts[:-1], numpy.diff(rows)))
    shape = (len(steps), len(pieces.order))
    by_piece = csr_array((features.take(hits), piece, rows), shape=shape).tocsc()
    return by_piece.data, by_piece.indptr[pieces.firsts]


def _scores(found: Any, ends: Any, model: _Model) -> Any:
    """By text and language, the sum over its sequences: log(1 + how often) times their weight."""
    import numpy
    from scipy.sparse import csc_array, csr_array

    ones, shape = numpy.ones(len(found), numpy.int8), (len(ends) - 1, len(model.weights))
    by_sequence = csr_array((ones, found, ends), shape=shape).tocsc()
    text, starts = by_sequence.indices, by_sequence.indptr
    used = numpy.flatnonzero(numpy.diff(starts))
    starts = numpy.append(starts[used], len(text))
    is_first = numpy.empty(len(text), bool)  # of a sequence in a text
    is_first[1:] = text[1:] != text[:-1]
    is_first[starts[:-1]] = True
    firsts = numpy.flatnonzero(is_first).astype(numpy.int32)
    counts = numpy.empty(len(firsts), numpy.float32)
    counts[:-1] = firsts[1:] - firsts[:-1]
    counts[-1:] = len(text) - firsts[-1:]
    starts = numpy.searchsorted(firsts, starts).astype(numpy.int32)
    logs = numpy.log1p(counts, out=counts)
    times = csc_array((logs, text.take(firsts), starts), shape=(shape[0], len(used)))
    scores = times @ model.weights.take(used, axis=0).astype(numpy.float32)
    scores += model.priors
    for one, same in model.aliases:
        scores[:, one] = numpy.maximum(scores[:, one], scores[:, same])
        scores[:, same] = -numpy.inf
    return scores
