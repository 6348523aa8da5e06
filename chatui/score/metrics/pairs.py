"""Check replies and references before any metric sees them.

sacrebleu does not: two replies against one reference score 100, transposed references score 100,
and a bare string is taken for a list of characters.
"""

from collections.abc import Sequence

from chatui.errors import NotComparable

References = Sequence[str] | Sequence[Sequence[str]]  # one per item, or several per item


def checked_pairs(
    replies: Sequence[str], references: References
) -> tuple[list[str], list[list[str]]]:
    """Replies, and the references per item; raises NotComparable when they cannot be pairs."""
    if isinstance(replies, str) or isinstance(references, str):
        raise NotComparable("a bare string was given where a list of texts is wanted")
    if not len(replies):
        raise NotComparable("there is nothing to score")
    if len(replies) != len(references):
        raise NotComparable(_lengths(replies, references))
    per_item = [[each] if isinstance(each, str) else each for each in references]
    for number, (reply, refs) in enumerate(zip(replies, per_item, strict=True), start=1):
        _check_item(number, reply, refs, len(per_item[0] or ()))
    return list(replies), [list(refs) for refs in per_item]


def _check_item(number: int, reply: object, refs: object, wanted: int) -> None:
    if not isinstance(reply, str):
        raise NotComparable(f"the reply of item {number} is {_named(reply)}, not a text")
    if not isinstance(refs, Sequence) or not all(isinstance(ref, str) for ref in refs):
        raise NotComparable(f"a reference of item {number} is missing or is not a text")
    if not refs or len(refs) != wanted:
        raise NotComparable(
            f"item {number} has {len(refs)} references and item 1 has {wanted}: "
            "all items need the same number, at least one"
        )


def _lengths(replies: Sequence[str], references: References) -> str:
    counted = f"there are {len(replies)} replies and {len(references)} references"
    if any(not isinstance(each, str) and len(each or ()) == len(replies) for each in references):
        return counted + " (they seem transposed: one list of references per reply is wanted)"
    return counted


def _named(value: object) -> str:
    return "missing" if value is None else f"of type {type(value).__name__}"
