"""A file is what its content is, whatever its name says."""

import io
import zipfile

import pytest

from chatui.data.sniffing import decode, sniff
from chatui.errors import BrokenFile, NotConversations


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


def test_a_file_that_belies_its_mark_is_damaged():
    with pytest.raises(BrokenFile, match="it says it is UTF-8"):
        decode(b"\xef\xbb\xbfuser\xff", "a.csv")
