"""Find all pairs of sets that have a share of their members in common: exactly, without a sample.

Knows numbers only. Two sets with a Jaccard similarity of t or more share at least one of their
rarest members: of a set of n, the first n - ceil(t n) + 1 in the order of how often members occur
(prefix filtering: Chaudhuri, Ganti and Kaushik 2006; Bayardo, Ma and Srikant 2007). Where too many
sets share one, they must share two of one more, and so on (Wang, Li and Feng 2012, AdaptJoin).
MinHash would be no faster here, and would miss one pair in 200 at the threshold.

Members are compared some at a time, so memory grows by some twenty bytes for each set.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from chatui.data.sequences import MAX_MEMBERS, Shared, scrambled

# An estimate from 256 members has a standard deviation of 0.025 at 0.8; three of them, so that one
# pair in a thousand is missed where texts have more sequences than are kept.
_TOLERANCE = 0.075
_FULL = 32  # sets that may share a member before two must be shared
_LEVELS = 3
# Sets that share three of their rarest members with hundreds of others come from one template. Each
# is compared with so many that are most like it: all of them would take the square of the time.
_OF_A_TEMPLATE = 8
_BATCH = 500_000  # pairs, or members, that are compared at once
_SETS = 200_000  # whose members are looked through at once


class Components:
    """Things that hang together, by the number of each; first each by itself."""

    def __init__(self, count: int) -> None:
        import numpy

        self.of = numpy.arange(count, dtype=numpy.int32)

    def join(self, pairs: Any) -> None:
        """Take in an array of pairs that belong together."""
        import numpy
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        ends = self.of[pairs]
        ends = ends[ends[:, 0] != ends[:, 1]]
        if not len(ends):
            return
        labels, at = numpy.unique(ends, return_inverse=True)
        at = at.reshape(ends.shape)
        ones = numpy.ones(len(at), numpy.int8)
        graph = coo_array((ones, (at[:, 0], at[:, 1])), shape=(len(labels), len(labels)))
        joined = connected_components(graph, directed=False)[1]
        _, first = numpy.unique(joined, return_index=True)
        now = numpy.arange(len(self.of), dtype=numpy.int32)
        now[labels] = labels[first][joined]
        self.of = now[self.of]


def join_near(shared: Shared, ranks: Any, similarity: float) -> Components:
    """Sets that are at least so similar hang together. `ranks` decides where nothing else does."""
    search = _Search(shared, ranks, similarity)
    search.join()
    return search.components


class _Search:
    def __init__(self, shared: Shared, ranks: Any, similarity: float) -> None:
        import numpy

        self._shared, self._ranks = shared, ranks
        self.components = Components(len(shared.sizes))
        # By the size of a set: whether one that it resembles may be cut, and what follows.
        sizes = numpy.arange(MAX_MEMBERS + 1)
        is_cut = sizes > similarity * MAX_MEMBERS - 1
        self._least = numpy.where(is_cut, similarity - _TOLERANCE, similarity)
        overlap = numpy.ceil(self._least * sizes - 1e-9).astype(numpy.int64)
        self._prefix = sizes - overlap + 1

    def join(self) -> None:
        self._compare(self._shared.sums, self._shared.equal, 1)
        parts = 1 + sum(int(counts.sum()) for _, counts in self._prefixes()) // _BATCH
        total = self._shared.kinds
        for part in range(parts):
            low, high = total * part // parts, total * (part + 1) // parts
            self._compare_all(*self._entries(low, high))

    def _compare_all(self, keys: Any, rows: Any, at: Any) -> None:
        """Compare sets that share a key, and share more where many do."""
        for level in range(1, _LEVELS + 1):
            keys, rows, at = self._ordered(keys, rows, at)
            is_full = _bucket_sizes(keys) > _FULL
            self._compare(keys[~is_full], rows[~is_full], _FULL)
            reach = _OF_A_TEMPLATE if level == _LEVELS else 2
            self._compare(keys[is_full], rows[is_full], reach)
            if level < _LEVELS:
                keys, rows, at = self._of_several(keys[is_full], rows[is_full], at[is_full])
                keys, rows, at = self._extended(keys, rows, at, level)

    def _prefixes(self) -> Iterator[tuple[Any, Any]]:
        """Sets, and how many of their shared members are among the rarest, some sets at a time."""
        import numpy

        for first in range(0, len(self._shared.sizes), _SETS):
            rows = numpy.arange(first, min(first + _SETS, len(self._shared.sizes)))
            yield rows, self._reach(rows, 0)

    def _reach(self, rows: Any, more: int) -> Any:
        """How many shared members of each set are among the rarest and `more` beyond these."""
        import numpy

        sizes = self._shared.sizes[rows].astype(numpy.int64)
        counts = self._shared.starts[rows + 1] - self._shared.starts[rows]
        return numpy.minimum(self._prefix[sizes] + more - sizes + counts, counts).clip(min=0)

    def _entries(self, low: int, high: int) -> tuple[Any, Any, Any]:
        """Where sets have a member of a range among their rarest: member, set and place."""
        import numpy

        found = []
        for rows, counts in self._prefixes():
            at = _spans(self._shared.starts[rows], counts)
            members = self._shared.members.take(at)
            mine = (members >= low) & (members < high)
            owner = numpy.repeat(rows, counts)
            found.append((members[mine].astype(numpy.uint64), owner[mine], at[mine]))
        keys, owners, places = (numpy.concatenate(part) for part in zip(*found, strict=True))
        return keys, owners, places

    def _ordered(self, keys: Any, rows: Any, at: Any) -> tuple[Any, Any, Any]:
        """The entries whose key is not theirs alone, sorted by key, alike sets side by side."""
        import numpy

        order = numpy.lexsort((self._ranks[rows], self._shared.likeness[rows], keys))
        keys, rows, at = keys[order], rows[order], at[order]
        several = _bucket_sizes(keys) > 1
        return keys[several], rows[several], at[several]

    def _of_several(self, keys: Any, rows: Any, at: Any) -> tuple[Any, Any, Any]:
        """The entries of buckets that are not all of one component already."""
        import numpy

        if not len(keys):
            return keys, rows, at
        component = self.components.of[rows]
        starts = numpy.flatnonzero(numpy.r_[True, keys[1:] != keys[:-1]])
        sizes = numpy.diff(numpy.r_[starts, len(keys)])
        lowest = numpy.minimum.reduceat(component, starts)
        highest = numpy.maximum.reduceat(component, starts)
        mixed = numpy.repeat(lowest != highest, sizes)
        return keys[mixed], rows[mixed], at[mixed]

    def _extended(self, keys: Any, rows: Any, at: Any, level: int) -> tuple[Any, Any, Any]:
        """One more member to each key, from a prefix that is one longer."""
        import numpy

        end = self._shared.starts[rows] + self._reach(rows, level)
        counts = (end - at - 1).clip(min=0)
        more = _spans(at + 1, counts)
        members = self._shared.members.take(more).astype(numpy.uint64)
        return scrambled(numpy.repeat(keys, counts)) + members, numpy.repeat(rows, counts), more

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

        component = self.components.of
        pairs = pairs[component[pairs[:, 0]] != component[pairs[:, 1]]].astype(numpy.int64)
        sizes = self._shared.sizes[pairs]
        least = self._least[sizes].min(axis=1)
        pairs = pairs[sizes.min(axis=1) >= least * sizes.max(axis=1) - 1e-9]
        if not len(pairs):
            return
        count = len(component)
        once = numpy.unique(pairs.min(axis=1) * count + pairs.max(axis=1))
        pairs = numpy.stack((once // count, once % count), axis=1)
        near = numpy.concatenate([self._are_near(part) for part in self._parts(pairs)])
        self.components.join(pairs[near])

    def _parts(self, pairs: Any) -> Sequence[Any]:
        """The pairs in parts of some hundred thousands of members."""
        import numpy

        total = numpy.cumsum(self._counts(pairs).sum(axis=1)) // _BATCH
        parts: Sequence[Any] = numpy.split(pairs, numpy.flatnonzero(total[1:] != total[:-1]) + 1)
        return parts

    def _counts(self, rows: Any) -> Any:
        return self._shared.starts[rows + 1] - self._shared.starts[rows]

    def _are_near(self, pairs: Any) -> Any:
        import numpy

        counts = self._counts(pairs)
        members = self._shared.members.take(
            _spans(self._shared.starts[pairs].ravel(), counts.ravel())
        )
        number = numpy.repeat(numpy.arange(len(pairs)), counts.sum(axis=1))
        both = (number << 32) | members
        both.sort()
        twice = both[1:][both[1:] == both[:-1]] >> 32
        common = numpy.bincount(twice, minlength=len(pairs))
        sizes = self._shared.sizes[pairs].astype(numpy.int64)
        least = self._least[sizes].min(axis=1)
        return common >= least * (sizes.sum(axis=1) - common) - 1e-9


def _bucket_sizes(keys: Any) -> Any:
    """For each of the sorted keys, how often it is there."""
    import numpy

    starts = numpy.flatnonzero(numpy.r_[True, keys[1:] != keys[:-1]]) if len(keys) else keys[:0]
    sizes = numpy.diff(numpy.r_[starts, len(keys)]).astype(numpy.int64)
    return numpy.repeat(sizes, sizes)


def _spans(starts: Any, counts: Any) -> Any:
    """The numbers start, start + 1, … of each span, one span after the other."""
    import numpy

    ends = numpy.cumsum(counts)
    return numpy.arange(ends[-1] if len(ends) else 0) + numpy.repeat(
        starts - (ends - counts), counts
    )
