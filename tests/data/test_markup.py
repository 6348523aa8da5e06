"""HTML goes; what only looks like HTML stays."""

import re

import pytest

from chatui.data import markup
from chatui.data.markup import remove_html


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<p>Hello</p>", "Hello"),
        ("<b>30 days</b> only", "30 days only"),
        ("one</p><p>two", "one\n\ntwo"),
        ("one<br>two<br/>three<BR />four", "one\ntwo\nthree\nfour"),
        ("<ul><li>a</li><li>b</li></ul>", "- a\n- b"),
        ("<td>a</td><td>b</td>", "a  b"),
        ('<a href="https://example.org/?a=1&amp;b=2" target=_blank>here</a>', "here"),
        ("<div class='x' hidden><span style=\"color: red\">hi</span></div>", "hi"),
        ("Tom &amp; Jerry &lt;3 &quot;x&quot; it&#39;s &#x2019;", 'Tom & Jerry <3 "x" it\'s ’'),
        ("a&nbsp;b", "a b"),
        ("<!-- note -->hi<script>alert(1 < 2)</script><style>p {}</style>", "hi"),
        ("<h1>Title</h1>text", "Title\ntext"),
        ("<title>Mail</title>text", "Mail\ntext"),
        ("<img src=x onerror=alert(1)>hi", "hi"),
    ],
)
def test_tags_comments_and_entities_go_and_words_are_not_glued(before, after):
    assert remove_html(before) == after


@pytest.mark.parametrize(
    "text",
    [
        "if x<y then z>w",
        "a < b and c > d",
        "if a<b and c>d",
        "I <3 you",
        "List<String> and Map<K, V> and vector<a>",
        "#include <stdio.h>",
        "write to Jo <jo@example.org>",
        "see <https://example.org/?a=1&copy=2&lt=3>",
        "<|im_start|>user",
        "<s>[INST] hi [/INST]</s>",
        "<think>hm</think>",
        "put your <name> and <address> here",
        "fill in <input> and <title>",
        "<input>some text</input>",
        "AT&T; R&D; fish & chips",
        "`<b>bold</b>` is bold",
        "```html\n<p>&amp;</p>\n```",
        "```\n<p>never closed",
        "<foo>bar</foo>",
        "1 <2> 3",
        "<!-- never closed",
        "<b",
    ],
)
def test_what_is_no_html_is_left_alone(text):
    assert remove_html(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "<!--" * 5000,
        "<script>" * 5000,
        "<a href=" * 5000,
        '<a b="' * 5000,
        "<a" + " b=c" * 8000,
        "&" * 20000,
        "&#" * 20000,
        "`" * 20001,
        "<" * 20000,
        "<p" + " " * 20000,
        "<b>" * 5000 + "</b" * 5000,
    ],
)
def test_text_made_to_be_slow_costs_steps_in_proportion_to_its_length(text, monkeypatch):
    """Bounded repetition holds each pattern to a fixed number of tries at a place."""
    finds = []
    real = str.find

    class Counted(str):
        def find(self, *args):
            finds.append(args)
            return real(self, *args)

    markup._without_comments(Counted(text))

    assert len(finds) <= text.count("<!--") * 2 + 2
    assert isinstance(remove_html(text), str)


def test_no_pattern_repeats_without_a_bound_inside_a_repetition():
    for pattern in (markup._TAG, markup._ENTITY, markup._GAPS):
        assert not re.search(r"(?<!\\)[*+]", re.sub(r"\[[^\]]*\]", "", pattern.pattern))
