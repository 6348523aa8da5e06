import xml.etree.ElementTree as ET

import pytest

from chatui.statistics import Interval
from chatui.ui import charts

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
ROW = charts.IntervalRow(
    "BLEU",
    "0–100",
    Interval(3.2, 2.1, 4.0),
    Interval(15.5, 13.0, 18.0),
    "higher is better",
    "▲ better",
)


def svg_of(html):
    drawing = html[html.index("<svg class") : html.index("</svg>") + 6]
    return ET.fromstring(drawing.replace(' xmlns="http://www.w3.org/2000/svg"', ""))


def texts_of(html):
    return " ".join(svg_of(html).itertext())


@pytest.mark.parametrize(
    "html",
    [
        charts.interval_plot(
            [charts.IntervalRow(HOSTILE, HOSTILE, ROW.base, ROW.tuned, HOSTILE, HOSTILE)], HOSTILE
        ),
        charts.win_bar(1, 2, 3, Interval(0.5, 0.2, 0.8), HOSTILE),
        charts.split_bar({HOSTILE: 3, "test": 1}, HOSTILE),
        charts.html_table([HOSTILE], [[HOSTILE]]),
        charts.diff_html(HOSTILE, HOSTILE + "x"),
        charts.as_details(HOSTILE, ""),
    ],
)
def test_hostile_text_is_inert_in_every_drawing(html):
    assert "<script" not in html
    assert "<img" not in html


def test_an_interval_plot_has_a_title_and_tells_its_figures_in_words():
    html = charts.interval_plot([ROW], "n = 29")

    assert svg_of(html).find("title") is not None
    assert "base 3.20 [2.10, 4.00], tuned 15.5 [13.0, 18.0]" in texts_of(html)
    assert "n = 29" in html


def test_base_is_a_dashed_line_with_a_hollow_circle_and_tuned_a_filled_square():
    drawing = svg_of(charts.interval_plot([ROW], ""))

    circle, square = drawing.find(".//circle"), drawing.find(".//rect")
    assert circle.get("stroke") == charts.BASE_COLOUR
    assert "fill" not in circle.attrib
    assert square.get("fill") == charts.TUNED_COLOUR
    assert [line.get("stroke-dasharray") for line in drawing.iter("line")][:2] == ["5 4", None]


def test_lengths_across_are_shares_so_that_letters_keep_their_size_on_a_phone():
    drawing = svg_of(charts.interval_plot([ROW], ""))

    assert drawing.get("viewBox") is None
    assert all(line.get("x1").endswith("%") for line in drawing.iter("line"))


def test_each_metric_has_a_scale_of_its_own():
    small = charts.IntervalRow(
        "F1", "", Interval(0.1, 0.1, 0.1), Interval(0.2, 0.2, 0.2), "higher is better", "≈"
    )
    drawing = svg_of(charts.interval_plot([ROW, small], ""))

    squares = [float(each.get("x").rstrip("%")) for each in drawing.iter("rect")]
    assert squares[1] == pytest.approx(98)


def test_equal_values_without_width_can_be_drawn():
    point = Interval(1.0, 1.0, 1.0)
    row = charts.IntervalRow("x", "", point, point, "lower is better", "≈ cannot tell")

    assert "lower is better" in texts_of(charts.interval_plot([row], ""))


def test_shares_of_a_win_bar_fill_it():
    drawing = svg_of(charts.win_bar(14, 3, 3, Interval(0.77, 0.6, 0.9), ""))

    widths = [float(each.get("width").rstrip("%")) for each in drawing.iter("rect")]
    assert widths == [70, 15, 15]
    assert "win rate of tuned 77 % [60, 90]" in " ".join(drawing.itertext())


def test_nothing_rated_and_nothing_split_is_drawn_as_nothing():
    assert "<rect" not in svg_of_text(charts.win_bar(0, 0, 0, None, ""))
    assert "<rect" not in svg_of_text(charts.split_bar({"train": 0}))


def svg_of_text(html):
    return html[html.index("<svg class") : html.index("</svg>")]


def test_a_table_names_each_cell_for_phones_and_shows_none_as_a_dash():
    html = charts.html_table(["metric", "base"], [["BLEU", 3.14159], ["chrF", None]])

    assert '<td data-label="base" class="chatui-number">3.14</td>' in html
    assert '<td data-label="base">–</td>' in html


def test_a_table_refuses_rows_of_another_length():
    with pytest.raises(ValueError, match="zip"):
        charts.html_table(["a", "b"], [["only one"]])


def test_a_diff_marks_words_and_makes_lost_spaces_visible():
    html = charts.diff_html("My  own <b>bill</b>", "My own bill")

    assert "My<del>␣</del> own" in html
    assert "<del>&lt;b&gt;</del>bill<del>&lt;/b&gt;</del>" in html


def test_added_words_are_marked():
    assert "<ins> now</ins>" in charts.diff_html("Pay", "Pay now")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.0021, "0.0021"),
        (0.07, "0.07"),
        (-0.5, "-0.50"),
        (12.34, "12.3"),
        (1234.5, "1,234"),
    ],
)
def test_numbers_have_as_many_digits_as_count(value, text):
    assert charts.number(value) == text
