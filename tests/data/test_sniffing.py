"""A file is what its content is, whatever its name says."""

import codecs
import io
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatui.data import encodings
from chatui.data.encodings import choices_for, find_encoding, named_encoding
from chatui.data.sniffing import sniff
from chatui.errors import BrokenFile, NotConversations, UnknownEncoding


def decode(data, name):
    found = find_encoding(lambda: iter((data,)))
    return "".join(found.decoded(iter((data,)), name)), found.title, found.note


def zipped(*names):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, "x" * 1000)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "support.csv is a PNG image"),
        (b"\xff\xd8\xff\xe0" + bytes(50), "is a JPEG image"),
        (b"%PDF-1.7\n", "is a PDF document"),
        (zipped("word/document.xml"), "is a Word document"),
        (b"<!DOCTYPE html><html></html>", "is a web page"),
        (b"SQLite format 3\x00" + bytes(50), "is an SQLite database"),
        (bytes(range(256)) + bytes(100), "is a binary file"),
        ("user,agent\n".encode("utf-16-le"), "UTF-16 without its mark"),
    ],
)
def test_what_is_no_text_is_called_what_it_is(data, what):
    with pytest.raises(NotConversations, match=what):
        sniff(data, "support.csv")


def test_what_can_be_read_is_let_in():
    assert sniff(b"user,agent\n<b>hi</b>,hello", "a.png") == "text"
    assert sniff("user,agent".encode("utf-16"), "a.csv") == "text"
    assert sniff(b"PAR1....", "a.csv") == "parquet"
    assert sniff(b"\x1f\x8b\x08" + bytes(50), "a.csv") == "gzip"
    assert sniff(zipped("a.csv"), "a.csv") == "zip"
    assert sniff(zipped("xl/workbook.xml"), "a.csv") == "workbook"


def test_bytes_that_windows_1252_leaves_open_are_still_read():
    text, encoding, note = decode(b"user,agent\n\x81\xe9,b", "a.csv")

    assert text.endswith("é,b")
    assert encoding == "Windows-1252"
    assert note


FOREIGN = {
    "cp1251": "Здравствуйте, где мой заказ? Он должен был прийти вчера.",
    "koi8_r": "Здравствуйте, где мой заказ? Он должен был прийти вчера.",
    "cp866": "Здравствуйте, где мой заказ? Он должен был прийти вчера.",
    "cp1253": "Πού είναι η παραγγελία μου; Δεν έχει φτάσει ακόμα.",
    "cp1255": "איפה ההזמנה שלי? ההזמנה שלך בדרך ותגיע מחר.",
    "cp1256": "أين طلبي؟ لم يصل بعد. طلبك في الطريق وسيصل غدا.",
    "cp874": "คำสั่งซื้อของฉันอยู่ที่ไหน กำลังจัดส่ง จะถึงพรุ่งนี้",
    "cp932": "注文した商品はどこですか?まだ届いていません。",
    "euc_jp": "注文した商品はどこですか?まだ届いていません。",
    "gb18030": "我的订单在哪里?还没有收到。非常抱歉,您的订单明天会送到。",
    "big5": "我的訂單在哪裡?還沒有收到。非常抱歉,您的訂單明天會送到。",
    "cp949": "제 주문은 어디에 있나요? 아직 도착하지 않았습니다.",
}


@pytest.mark.parametrize("codec", FOREIGN)
@pytest.mark.parametrize("lines", [1, 50])
def test_letters_that_are_not_latin_are_read_as_what_they_are_and_it_is_said(codec, lines):
    said = "user;agent\n" + f"{FOREIGN[codec]};ok\n" * lines

    text, title, note = decode(said.encode(codec), "a.csv")

    assert text == said
    assert f"by its letters it was taken for {title}" in note


def test_a_damaged_byte_after_what_is_guessed_from_costs_no_other_letter():
    data = ("user;agent\n" + f"{FOREIGN['euc_jp']};ok\n" * 6000).encode("euc_jp")

    text, _, _ = decode(data + b"\xff;x\n", "a.csv")

    assert text.count(FOREIGN["euc_jp"]) == 6000
    assert "\udcff;x" in text


def test_a_latin_text_is_not_guessed_at():
    german = "Wo ist mein Gerät? Es ist für meine Großmutter.".encode("cp1252")

    assert decode(german, "a.csv")[1] == "Windows-1252"


def test_a_file_that_belies_its_mark_is_damaged():
    with pytest.raises(BrokenFile, match="it says it is UTF-8"):
        decode(b"\xef\xbb\xbfuser\xff", "a.csv")


def choices(said, codec):
    return choices_for(lambda: iter((said.encode(codec),)))


@pytest.mark.parametrize("codec", FOREIGN)
def test_of_foreign_letters_the_likeliest_encoding_comes_first(codec):
    said = "user;agent\n" + f"{FOREIGN[codec]};ok\n" * 9

    offered = choices(said, codec)

    assert offered[0].codec == codec
    assert offered[0].preview.splitlines()[0] == f"{FOREIGN[codec]};ok"[:120]
    assert len({choice.preview for choice in offered}) == len(offered) == 3


def test_of_latin_letters_three_ways_are_shown_and_the_usual_one_first():
    offered = choices("user,agent\nist für Łódź,ja\n", "cp1250")

    assert [choice.codec for choice in offered][0] == "cp1252"
    assert "cp1250" in [choice.codec for choice in offered]
    assert [c.preview for c in offered if c.codec == "cp1250"] == ["ist für Łódź,ja"]


def test_a_preview_shows_the_letters_that_tell_also_where_they_come_late_in_a_line():
    offered = choices(f"user,agent\n{'long ' * 50}für,ja\n", "cp1252")

    assert len(offered) == 3
    assert offered[0].preview.endswith("für,ja")


def test_where_the_encoding_is_sure_there_is_nothing_to_choose():
    assert choices("user,agent\nGrüße,schön\n", "utf-8") == ()
    assert choices("user,agent\nGrüße,schön\n", "utf-16") == ()
    damaged = "user,agent\nGrüße,schön\n".encode() + b"f\xffl,x\n"
    assert choices_for(lambda: iter((damaged,))) == ()


def test_letters_that_come_late_are_shown_too():
    data = b"user,agent\n" + b"a,b\n" * 500_000 + "für,schön\n".encode("cp1252")
    blocks = [data[at : at + 2**20] for at in range(0, len(data), 2**20)]

    assert choices_for(lambda: iter(blocks))[0].preview == "für,schön"


def test_what_a_user_says_about_the_letters_goes_before_any_guess():
    for name, codec in (("latin1", "latin_1"), ("UTF8", "utf-8-sig"), ("Windows-1250", "cp1250")):
        assert named_encoding(name).codec == codec
        assert named_encoding(name).note is None
    for name in ("klingon", "rot13", "", "base64"):
        with pytest.raises(UnknownEncoding, match="There is no encoding"):
            named_encoding(name)


@settings(max_examples=300, deadline=None)
@given(
    parts=st.lists(
        st.sampled_from(
            [
                b"a",
                b"\xc3\xa9",
                b"\xe6\x97\xa5",
                b"\xf0\x9f\x98\x80",
                b"\xff",
                b"\xc3",
                b"\xed\xa0\x80",
            ]
            + [b"\xe6\x97", b"\xc0\x80", b"\xf5\x80\x80\x80", b"\n"]
        )
    ),
    size=st.integers(1, 5),
    is_part=st.booleans(),
)
def test_the_first_byte_that_is_no_utf8_is_found_wherever_blocks_are_cut(parts, size, is_part):
    data = b"".join(parts)
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data, final=not is_part)
        wanted = None
    except UnicodeDecodeError as error:
        wanted = error.start

    blocks = [data[at : at + size] for at in range(0, len(data), size)]

    assert encodings._first_not_utf8(iter(blocks), is_part) == wanted
