"""Print scores of texts as a table for people."""

from chatui.cli.printing import table
from chatui.score.text_figures import TextFigure, TextScores
from chatui.score.verdict import p_in_words

FOOT = (
    "95 % intervals: bootstrap over items; distinct and self-BLEU: half samples. "
    "BLEU and chrF 0 to 100, all others 0 to 1 (length_ratio may be above)."
)
FOOT_OF_TWO = "p: approximate randomization, adjusted by Holm over all rows."


def text_table(scores: TextScores) -> str:
    """A row for each metric: its value, or those of a and b and their difference."""
    first = scores.systems["a"]
    two = len(scores.systems) > 1
    headers = ["", "a", "b", "b − a", "p"] if two else ["", "value"]
    rows = []
    for name in first:
        cells = [_words(figures[name]) for figures in scores.systems.values()]
        rows.append([name, *cells, *([_p(scores.systems["difference"][name])] if two else [])])
    foot = f"n = {scores.n}. {FOOT}" + (f"\n{FOOT_OF_TWO}" if two else "")
    notes = sorted({f"{name}: {each.reason}." for name, each in first.items() if each.reason})
    return "\n".join([table(headers, rows), foot, *notes])


def _words(figure: TextFigure) -> str:
    if figure.value is None:
        return "undefined"
    digits = 2 if figure.signature.startswith("nrefs") and "version:" in figure.signature else 3
    shown = [
        f"{round(each, digits) + 0.0:.{digits}f}"  # + 0.0: there is no minus zero
        for each in (figure.value, figure.low, figure.high)
        if each is not None
    ]
    return f"{shown[0]} [{shown[1]}, {shown[2]}]" if len(shown) == 3 else shown[0]


def _p(figure: TextFigure) -> str:
    return "" if figure.p_adjusted is None else p_in_words(figure.p_adjusted)
