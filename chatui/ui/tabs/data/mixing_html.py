"""What the Data tab says about labels, mixtures and added rows: HTML, every text escaped."""

from collections.abc import Sequence
from html import escape

from chatui.data.augmenting import Augmentation
from chatui.data.balancing import LabelLine
from chatui.data.mixing import SourceLine
from chatui.data.store import DatasetView
from chatui.ui.charts import TRAIN_COLOUR, as_details, diff_html, html_table

_MOST_BARS = 20
_ROW, _NAME = 30, 22  # height of a bar's row in pixels, and how many letters of a label are shown


def origin_html(view: DatasetView) -> str:
    """What a version was made of and what was added to it, if anything."""
    said = f"{view.id} was made of {', '.join(view.parents)}. " if view.parents else ""
    if view.added:
        said += f"{view.added:,} rows were added to it, for training only. "
    return f'<p class="chatui-muted">{escape(said)}</p>' if said else ""


def labels_html(lines: Sequence[LabelLine]) -> str:
    """How common each label is in training, as bars and in a table."""
    trained = [line for line in lines if line.train]
    if len(trained) < 2:
        what = "one label" if trained else "no labels"
        told = f"The training rows have {what}: there is nothing to balance."
        return f'<p class="chatui-muted">{told}</p>'
    ranked = sorted(trained, key=lambda line: -line.train)
    times = ranked[0].train / ranked[-1].train
    title = f"“{ranked[0].label}” is {times:,.1f} times as common as “{ranked[-1].label}”"
    total = sum(line.train for line in ranked)
    drawn = "".join(
        _bar(number, line, ranked[0].train) for number, line in enumerate(ranked[:_MOST_BARS])
    )
    told = "; ".join(f"{line.label}: {line.train}" for line in ranked[:_MOST_BARS])
    shown = f", the {_MOST_BARS} most common of {len(ranked):,}" if len(ranked) > _MOST_BARS else ""
    return (
        f'<figure class="chatui-figure"><strong>{escape(title)}</strong>'
        f'<svg class="chatui-chart" role="img" width="100%" '
        f'height="{_ROW * min(len(ranked), _MOST_BARS)}" xmlns="http://www.w3.org/2000/svg">'
        f"<title>{escape(title)}</title><desc>{escape(told)}</desc>"
        f'<g fill="currentColor" font-size="13" '
        f'font-family="ui-sans-serif, system-ui, sans-serif">{drawn}</g></svg>'
        f"<figcaption>Training rows of each label, n = {total:,}{shown}</figcaption></figure>"
        + as_details("Show as table", _labels_table(ranked))
    )


def balance_html(lines: Sequence[LabelLine]) -> str:
    """What balancing would do, label by label."""
    dropped, repeated = sum(x.dropped for x in lines), sum(x.repeated for x in lines)
    told = f"{dropped:,} training rows are left out, {repeated:,} are repeated."
    return f"<p>{told} Validation and test stay as they are.</p>" + _labels_table(lines)


def mixture_html(lines: Sequence[SourceLine]) -> str:
    """What becomes of each source, before the start."""
    heads = [
        *("Source", "Rows", "Weight", "Share, %", "Seen per epoch", "Times each", "Unused"),
        *("Left out", "Validation", "Test"),
    ]
    rows = [
        [
            *(line.source, line.rows, line.weight, 100 * line.share, line.seen, line.repeats),
            *(line.unused, line.left_out, line.validation, line.test),
        ]
        for line in lines
    ]
    why = "Left out: rows that ask nearly the same as a test or validation row of another source."
    return html_table(heads, rows) + f'<p class="chatui-muted">{why}</p>'


def augmentation_html(made: Augmentation) -> str:
    """How many rows would be added, what was refused, and what the first look like."""
    told = f"{len(made.copies):,} rows more for {made.train:,} training rows."
    sources = {row.id: row for row in made.content.conversations}
    shown = "".join(
        diff_html(sources[copy.parent or ""].turns[-2].text[:1000], copy.turns[-2].text[:1000])
        for copy in made.copies[:10]
    )
    refused = html_table(["Not used, because", "Rows"], list(made.refused.items()))
    return (
        f"<p>{told}</p>"
        + (refused if made.refused else "")
        + as_details(f"Show the first {len(made.copies[:10])}", shown)
    )


def _labels_table(lines: Sequence[LabelLine]) -> str:
    heads = ["Label", "Rows", "Training", "Share, %", "Dropped", "Repeated", "Seen per epoch"]
    rows = [
        [
            *(line.label, line.rows, line.train, 100 * line.share),
            *(line.dropped, line.repeated, line.seen, 100 * line.seen_share),
        ]
        for line in lines
    ]
    return html_table([*heads, "Then, %"], rows)


def _bar(number: int, line: LabelLine, most: int) -> str:
    name = line.label if len(line.label) <= _NAME else line.label[: _NAME - 1] + "…"
    y, width = number * _ROW, 50 * line.train / most
    return (
        f'<text x="0" y="{y + 20}">{escape(name)}<title>{escape(line.label)}</title></text>'
        f'<rect x="36%" y="{y + 6}" width="{width:.2f}%" height="18" fill="{TRAIN_COLOUR}"/>'
        f'<text x="{36 + width + 1:.2f}%" y="{y + 20}">{line.train:,}</text>'
    )
