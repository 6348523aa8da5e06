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
        ("<p>one</p><p>two</p><p>three</p>", "one\n\ntwo\n\nthree"),
        ("<div>a</div><div>b</div>", "a\n\nb"),
        ("a<hr>b", "a\nb"),
        ("<tr><td>a</td><td>b</td></tr><tr><td>c</td></tr>", "a  b\n\nc"),
        ("<strong>Note:</strong> use <em>this</em>.", "Note: use this."),
        ("<P ALIGN=center>Hello</P>", "Hello"),
        ("x<sup>2</sup> and H<sub>2</sub>O", "x2 and H2O"),
        ("<a href='mailto:jo@example.org'>write</a> to us", "write to us"),
        ("<span>a < b</span>", "a < b"),
        ("&lt;p&gt; &copy; &euro; &hellip;", "<p> © € …"),
        ("<font color=red>hi</font><br><br><br>there", "hi\n\nthere"),
        ("if <b>x</b> < y", "if x < y"),
        ("<script type='text/javascript'>if (a < b) {}</script>text", "text"),
        ("before<!-- a <b>note</b> -->after", "beforeafter"),
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
        "std::vector<int> v; v.push_back(1);",
        "Array<number | string>",
        "HashMap<String, Vec<u8>>",
        "x << 2 >> 1",
        "5 > 3 && 2 < 4",
        "-> and <- and => and <=",
        "<3 <3 <3",
        "</3",
        "<jo.smith@example.org>",
        "From: Jo <jo@example.org> To: Al <al@example.org>",
        "<|system|>be kind<|end|>",
        "<s>hi</s>",
        "<<SYS>>be kind<</SYS>>",
        "<tool_call>{}</tool_call>",
        "<EMAIL_1> wrote",
        "T<U extends V>",
        "<your name here>",
        "if (a<b) { return c>d; }",
        "`x<br>y` and `&amp;`",
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


def test_there_are_sixty_probes_at_least():
    marks = [
        mark
        for test in (
            test_tags_comments_and_entities_go_and_words_are_not_glued,
            test_what_is_no_html_is_left_alone,
        )
        for mark in test.pytestmark
    ]

    assert sum(len(mark.args[1]) for mark in marks) >= 60
