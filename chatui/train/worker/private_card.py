"""The card of a private adapter: what is promised, to whom, and what is not."""

from chatui.train.privacy import told
from chatui.train.record import RunRecord
from chatui.train.worker.private import Private

_CARD = """\
---
library_name: peft
base_model: {base}
tags:
- differential-privacy
- dp-sgd
- lora
---

# A private adapter of {base}

Trained by chatui on `{dataset}` with differential privacy (DP-SGD).

| | |
|---|---|
| promise | ({epsilon}, {delta:.3g})-differential privacy |
| unit | one conversation: there or not there |
| conversations | {rows:,} to learn from |
| steps | {taken:,}{planned}, each drawing {expected} conversations on average (Poisson sampling) |
| noise | σ = {noise:g}, in greatest lengths of a gradient ({clip:g}) |
| accountant | privacy loss distributions (Google's dp-accounting), never below the truth |

## What this covers, and what not

The weights of this adapter, and whatever is made with them and without the data. It does not cover:

- **people with several conversations**: the unit is one conversation, not one person. Merge or cap
  the conversations of a person before training. One that stands there several times gets as many
  times the ε, and more than as many times the δ;
- **what was done to the data before**: finding duplicates, balancing, mixing and splitting looked
  at all conversations without noise;
- **validation**: this adapter was chosen by its loss on the validation conversations, and a run may
  have ended early by it; they are protected only if they are not private;
- **the best of several runs**: each run on the same data spends its own ε, and choosing by what
  came out spends more;
- **the run's journal**, its charts and sample replies, which are exact;
- **the base model**, and whatever it has read{continues};
- **an attacker who knows the generator**: noise comes from a fast generator with a secret of 128
  bits and is rounded as floating-point numbers are; it is not cryptographically secure.

Removing personal data from texts is another thing: neither replaces the other.
"""


def card(private: Private, record: RunRecord, base_name: str, steps: int) -> str:
    """The card, in Markdown, of an adapter for which so many steps were taken."""
    mechanism = private.mechanism
    is_all = steps == mechanism.steps
    return _CARD.format(
        base=base_name,
        dataset=record.dataset,
        epsilon=told(mechanism.spent(steps)),
        delta=mechanism.delta,
        rows=mechanism.rows,
        taken=steps,
        planned="" if is_all else f" of {mechanism.steps:,}",
        expected=mechanism.expected,
        noise=mechanism.noise,
        clip=private.clip,
        continues=_continued(record),
    )


def _continued(record: RunRecord) -> str:
    if record.continues is None:
        return ""
    return (
        f", and the adapter of run {record.continues} that this one\n  began with: if it learned "
        "privately from the same conversations, the ε of both add up"
    )
