"""Find all pairs of sets that have a share of their members in common: exactly, without a sample.

Knows numbers only. Two sets with a Jaccard similarity of t or more share at least one of their
rarest members: of a set of n, the first n - ceil(t n) + 1 in the order of how often members occur
(prefix filtering: Chaudhuri, Ganti and Kaushik 2006; Bayardo, Ma and Srikant 2007). Where too many
sets share one, they must share two of one more, and so on (Wang, Li and Feng 2012, AdaptJoin).
MinHash would be no faster here, and would miss one pair in 200 at the threshold.
"""

from array import array
from collections.abc import Iterator, Sequence
from typing import Any

MAX_MEMBERS = 256  # of a set that are kept: those with the lowest hashes, the same in alike sets
# An estimate from 256 members has a standard deviation of 0.025 at 0.8; three of them, so that one
# pair in a thousand is missed where texts have more sequences than are kept.
_TOLERANCE = 0.075
_FULL = 32  # sets that may share a member before two must be shared
_LEVELS = 3
# Sets that share three of their rarest members with hundreds of others come from one template. Each
# is compared with so many that are most like it: all of them would take the square of the time.
_OF_A_TEMPLATE = 8
_BATCH = 1_000_000  # pairs that are compared at once


class Sets:
    """Sets of 64-bit members, made of the three-word sequences of word hashes."""

    def __init__(self) -> None:
        self._members: list[Any] = []
        self._sizes: list[Any] = []

    def add(self, words: "array[int]", counts: "array[int]") -> None:
        """Take in some texts, each as hashes of its words; a shorter one is one sequence."""
        import numpy

        flat, lengths = numpy.frombuffer(words, numpy.uint64), numpy.frombuffer(counts, "u4")
        lengths = lengths.astype(numpy.int64)
        owner = numpy.repeat(numpy.arange(len(lengths)), lengths)
        place = numpy.arange(len(flat)) - numpy.repeat(numpy.cumsum(lengths) - lengths, lengths)
        runs = _mixed(flat, owner)
        is_run = (place + 2 < lengths[owner]) | (place == 0)
        runs, owner = runs[is_run], owner[is_run]
        order = numpy.lexsort((runs, owner))
        runs, owner = runs[order], owner[order]
        is_new = numpy.ones(len(runs), bool)
        is_new[1:] = (runs[1:] != runs[:-1]) | (owner[1:] != owner[:-1])
        runs, owner = runs[is_new], owner[is_new]
        sizes = numpy.bincount(owner, minlength=len(lengths))
        place = numpy.arange(len(runs)) - numpy.repeat(numpy.cumsum(sizes) - sizes, sizes)
        self._members.append(runs[place < MAX_MEMBERS])
        self._sizes.append(sizes.clip(max=MAX_MEMBERS))

    def of(self, rows: Any) -> tuple[Any, Any]:
        """The members of these sets one after the other, and how many each has."""
        import numpy

        members, sizes = numpy.concatenate(self._members), numpy.concatenate(self._sizes)
        starts = numpy.cumsum(sizes) - sizes
        return members[_spans(starts[rows], sizes[rows])], sizes[rows]


def near_pairs(members: Any, sizes: Any, similarity: float) -> list[Any]:
    """Pairs of sets at least so similar, enough of them to join all that are."""
    return _Search(members, sizes, similarity).pairs()


def joined(count: int, pairs: Sequence[Any]) -> Any:
    """The component of each of `count` things, given arrays of pairs that belong together."""
    import numpy
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    both = numpy.concatenate([numpy.empty((0, 2), numpy.int64), *pairs])
    ones = numpy.ones(len(both), numpy.int8)
    graph = coo_array((ones, (both[:, 0], both[:, 1])), shape=(count, count))
    return connected_components(graph, directed=False)[1]


class _Search:
    def __init__(self, members: Any, sizes: Any, similarity: float) -> None:
        import numpy

        self._sizes = sizes
        self._starts = numpy.cumsum(sizes) - sizes
        is_cut = sizes > similarity * MAX_MEMBERS - 1  # it, or one that it may resemble
        self._least = numpy.where(is_cut, similarity - _TOLERANCE, similarity)
        self._overlap = numpy.ceil(self._least * sizes - 1e-9).astype(numpy.int64)
        _, self._ids, counts = numpy.unique(members, return_inverse=True, return_counts=True)
        owner = numpy.repeat(numpy.arange(len(sizes)), sizes)
        order = numpy.lexsort((self._ids, counts[self._ids], owner))
        self._ids = self._ids[order]
        self._is_shared = counts[self._ids] > 1
        hashes = _scrambled(self._ids.astype(numpy.uint64))
        hashes[~self._is_shared] = numpy.iinfo(numpy.uint64).max
        self._likeness = numpy.minimum.reduceat(hashes, self._starts)  # often equal in alike sets
        self._found: list[Any] = []
        self._component = numpy.arange(len(sizes))

    def pairs(self) -> list[Any]:
        import numpy

        self._join_equal()
        prefix = self._sizes - self._overlap + 1
        rows = numpy.repeat(numpy.arange(len(self._sizes)), prefix)
        at = _spans(self._starts, prefix)
        keys = self._ids[at].astype(numpy.uint64)
        for level in range(1, _LEVELS + 1):
            keys, rows, at = self._shared(keys, rows, at)
            is_full = _bucket_sizes(keys) > _FULL
            self._compare(keys[~is_full], rows[~is_full], _FULL)
            reach = _OF_A_TEMPLATE if level == _LEVELS else 2
            self._compare(keys[is_full], rows[is_full], reach)
            keys, rows, at = self._of_several(keys[is_full], rows[is_full], at[is_full])
            keys, rows, at = self._extended(keys, rows, at, level)
        return self._found

    def _join_equal(self) -> None:
        """Sets with the same members: the order of words in a text may differ."""
        import numpy

        weights = _scrambled(self._ids.astype(numpy.uint64))
        sums = numpy.add.reduceat(weights, self._starts)
        self._compare(numpy.sort(sums), numpy.argsort(sums), 1)

    def _shared(self, keys: Any, rows: Any, at: Any) -> tuple[Any, Any, Any]:
        """The entries whose key is not theirs alone, sorted by key, alike sets side by side."""
        import numpy

        mine = self._is_shared[at]
        keys, rows, at = keys[mine], rows[mine], at[mine]
        order = numpy.lexsort((rows, self._likeness[rows], keys))
        keys, rows, at = keys[order], rows[order], at[order]
        several = _bucket_sizes(keys) > 1
        return keys[several], rows[several], at[several]

    def _of_several(self, keys: Any, rows: Any, at: Any) -> tuple[Any, Any, Any]:
        """The entries of buckets that are not all of one component already."""
        import numpy

        if not len(keys):
            return keys, rows, at
        component = self._component[rows]
        starts = numpy.flatnonzero(numpy.r_[True, keys[1:] != keys[:-1]])
        sizes = numpy.diff(numpy.r_[starts, len(keys)])
        lowest = numpy.minimum.reduceat(component, starts)
        highest = numpy.maximum.reduceat(component, starts)
        mixed = numpy.repeat(lowest != highest, sizes)
        return keys[mixed], rows[mixed], at[mixed]

    def _extended(self, keys: Any, rows: Any, at: Any, level: int) -> tuple[Any, Any, Any]:
        """One more member to each key, from a prefix that is one longer."""
        import numpy

        end = self._starts[rows] + self._sizes[rows] - self._overlap[rows] + 1 + level
        end = numpy.minimum(end, self._starts[rows] + self._sizes[rows])
        counts = (end - at - 1).clip(min=0)
        more = _spans(at + 1, counts)
        keys = _scrambled(numpy.repeat(keys, counts)) + self._ids[more].astype(numpy.uint64)
        return keys, numpy.repeat(rows, counts), more

    def _compare(self, keys: Any, rows: Any, reach: int) -> None:
        """Compare each row with the next `reach` ones that have its key."""
        import numpy

        active = numpy.arange(len(keys))
        waiting: list[Any] = []
        for distance in range(1, reach + 1):
            active = active[active + distance < len(keys)]
            active = active[keys[active] == keys[active + distance]]
            if not len(active):
                break
            waiting.append(numpy.stack((rows[active], rows[active + distance]), axis=1))
            # After 1, 2, 4, 8, …: what is joined by then is compared no more.
            if distance & (distance - 1) == 0 or sum(map(len, waiting)) > _BATCH:
                self._decide(numpy.concatenate(waiting))
                waiting = []
        if waiting:
            self._decide(numpy.concatenate(waiting))

    def _decide(self, pairs: Any) -> None:
        import numpy

        component = self._component
        pairs = pairs[component[pairs[:, 0]] != component[pairs[:, 1]]]
        sizes = self._sizes[pairs]
        least = self._least[pairs].min(axis=1)
        pairs = pairs[sizes.min(axis=1) >= least * sizes.max(axis=1) - 1e-9]
        if not len(pairs):
            return
        count = len(self._sizes)
        once = numpy.unique(pairs.min(axis=1) * count + pairs.max(axis=1))
        pairs = numpy.stack((once // count, once % count), axis=1)
        near = numpy.concatenate([self._are_near(part) for part in _parts(pairs, self._sizes)])
        if near.any():
            self._found.append(pairs[near])
            self._component = joined(len(self._sizes), self._found)

    def _are_near(self, pairs: Any) -> Any:
        import numpy

        sizes = self._sizes[pairs]
        at = _spans(self._starts[pairs].ravel(), sizes.ravel())
        number = numpy.repeat(numpy.arange(len(pairs)), sizes.sum(axis=1))
        both = number * (self._ids.max() + 1) + self._ids[at]
        both.sort()
        twice = both[1:][both[1:] == both[:-1]] // (self._ids.max() + 1)
        shared = numpy.bincount(twice, minlength=len(pairs))
        least = self._least[pairs].min(axis=1)
        return shared >= least * (sizes.sum(axis=1) - shared) - 1e-9


def _parts(pairs: Any, sizes: Any) -> Iterator[Any]:
    """The pairs in parts of some millions of members."""
    import numpy

    if len(pairs):
        total = numpy.cumsum(sizes[pairs].sum(axis=1)) // 4_000_000
        yield from numpy.split(pairs, numpy.flatnonzero(total[1:] != total[:-1]) + 1)


def _mixed(words: Any, owner: Any) -> Any:
    """A hash of each word and the two after it in the same text."""
    import numpy

    second, third = numpy.zeros_like(words), numpy.zeros_like(words)
    second[:-1] = numpy.where(owner[1:] == owner[:-1], words[1:], 0)
    third[:-2] = numpy.where(owner[2:] == owner[:-2], words[2:], 0)
    return _scrambled(_scrambled(_scrambled(words) + second) + third)


def _scrambled(values: Any) -> Any:
    """Each 64-bit number as another one, bits far apart (the finaliser of SplitMix64)."""
    import numpy

    values = values + numpy.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
    return values ^ (values >> numpy.uint64(31))


def _bucket_sizes(keys: Any) -> Any:
    """For each of the sorted keys, how often it is there."""
    import numpy

    _, inverse, counts = numpy.unique(keys, return_inverse=True, return_counts=True)
    return counts[inverse]


def _spans(starts: Any, counts: Any) -> Any:
    """The numbers start, start + 1, … of each span, one span after the other."""
    import numpy

    ends = numpy.cumsum(counts)
    return numpy.arange(ends[-1] if len(ends) else 0) + numpy.repeat(
        starts - (ends - counts), counts
    )
