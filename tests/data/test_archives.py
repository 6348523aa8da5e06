"""Archives: one data file inside is read, and what would fill the memory is refused."""

import contextlib
import gzip
import io
import json
import random
import stat
import warnings
import zipfile

import openpyxl
import pytest

from chatui.cli import main
from chatui.data import archives
from chatui.data.options import Options
from chatui.data.origins import of_path
from chatui.data.prepare import draft_of
from chatui.data.reading import (
    HowToRead,
    collected,
    encoding_choices,
    member_choices,
    open_reading,
    sheet_choices,
)
from chatui.data.recipe import recipe_of
from chatui.errors import (
    BrokenFile,
    BrokenMember,
    ChatUIError,
    ManyFiles,
    NoSuchMember,
    NotConversations,
    UnpacksTooLarge,
)
from tests.data.whole import of_bytes, read_bytes, read_file
from tests.data.writing import FORMATS, pairs, write

TABLE = b"user,agent\nhi,hello\n"


def gzipped(data: bytes) -> bytes:
    """Without the time: it would be in the name of a test, which every process must call alike."""
    return gzip.compress(data, mtime=0)


def zipped(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("pack", [gzip.compress, lambda data: zipped({"in a folder/a": data})])
def test_every_format_is_read_out_of_an_archive(tmp_path, kind, pack):
    plain = write(tmp_path / f"a{kind}", pairs(5))

    read = read_bytes(pack(plain.read_bytes()), "a.bin")

    assert [record.values for record in read.good] == pairs(5)
    assert read.kind.startswith(read_file(plain).kind)


def test_what_systems_put_beside_a_file_is_not_taken_for_data():
    files = {"__MACOSX/._a.csv": b"\x00", ".DS_Store": b"\x00", "folder/": b"", "a.csv": TABLE}

    read = read_bytes(zipped({**files, "readme": b"about"}), "a.zip")

    assert read.kind == "CSV, UTF-8, zip of a.csv"


def test_of_a_chatgpt_export_the_conversations_are_read():
    files = {"user.json": b"{}", "x/conversations.json": b'[{"user": "a", "agent": "b"}]'}

    assert read_bytes(zipped(files), "export.zip").rows_read == 1


def several():
    table = b"user,agent\nbye,so long\nthanks,welcome\n"
    return zipped({"readme.txt": b"about", "b.csv": TABLE, "c/d.csv": table, "e.csv": b""})


def test_of_several_files_the_first_is_read_and_a_note_names_the_others():
    read = read_bytes(several(), "a.zip")

    assert read.kind == "CSV, UTF-8, zip of b.csv"
    assert read.notes == (
        "The file 'b.csv' was read, 'c/d.csv', 'readme.txt', 'e.csv' were not: choose the file "
        "that you want.",
    )


def test_the_file_of_an_archive_that_was_chosen_is_read(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(several())
    chosen = HowToRead(member="c/d.csv")

    read = collected(open_reading(of_path(path), chosen))

    assert member_choices(path) == ("b.csv", "c/d.csv", "readme.txt", "e.csv")
    assert [r.values["user"] for r in read.good] == ["bye", "thanks"]
    assert read.kind == "CSV, UTF-8, zip of d.csv"


def test_a_file_that_the_archive_does_not_hold_is_named_with_those_that_it_does():
    with pytest.raises(NoSuchMember, match=r"a\.zip holds no file 'x'\. Choose .*'b\.csv', 'c/d"):
        open_reading(of_bytes(several(), "a.zip"), HowToRead(member="x"))


def test_a_file_that_can_hold_no_conversations_is_passed_over():
    files = {"a.csv": b"\x89PNG", "b.csv": TABLE}

    assert read_bytes(zipped(files), "a.zip").kind.endswith("zip of b.csv")
    with pytest.raises(NotConversations, match=r"a\.csv in a\.zip is a PNG image"):
        open_reading(of_bytes(zipped(files), "a.zip"), HowToRead(member="a.csv"))


def damaged(files, name):
    """An archive in which a file, which is written last, has other bytes than were packed."""
    data = bytearray(zipped({n: files[n] for n in sorted(files, key=lambda n: n == name)}))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        info = archive.getinfo(name)
    at = info.header_offset + 30 + len(name) + info.compress_size // 2
    data[at] ^= 0xFF
    return bytes(data)


def test_a_damaged_file_is_passed_over_and_told(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(damaged({"b.txt": TABLE, "a.csv": TABLE * 9}, "a.csv"))

    read = read_bytes(path.read_bytes(), "a.zip")

    assert read.kind.endswith("zip of b.txt")
    assert read.notes[:2] == (
        "The file 'a.csv' is damaged.",
        "The file 'b.txt' was read, 'a.csv' was not: choose the file that you want.",
    )
    assert member_choices(path) == ("b.txt", "a.csv")


def test_a_damaged_file_that_was_chosen_names_those_that_can_be_read():
    files = {"b.csv": TABLE, "c/d.csv": TABLE, "a.csv": TABLE * 9}
    said = (
        r"a\.zip can't be read: the file 'a\.csv' in it is damaged \(.*\)\. Export it again, or "
        r"choose another file of the archive: 'b\.csv', 'c/d\.csv'\. Nothing was saved\."
    )

    with pytest.raises(BrokenMember, match=said):
        open_reading(of_bytes(damaged(files, "a.csv"), "a.zip"), HowToRead(member="a.csv"))


def test_damage_behind_the_beginning_names_the_other_files_too():
    chance = random.Random(1)
    large = b"".join(b"user %d,%x\n" % (n, chance.getrandbits(200)) for n in range(60_000))
    files = {"b.csv": TABLE, "a.csv": b"user,agent\n" + large}
    data = damaged(files, "a.csv")

    with pytest.raises(BrokenMember, match=r"'a\.csv' in it is damaged .* archive: 'b\.csv'\."):
        collected(open_reading(of_bytes(data, "a.zip"), HowToRead(member="a.csv")))


def test_where_all_is_damaged_nothing_is_offered():
    with pytest.raises(BrokenMember, match=r"is damaged \(.*\)\. Export it again\. Nothing was"):
        read_bytes(damaged({"a.csv": TABLE * 9}, "a.csv"), "a.zip")


def test_sheets_and_letters_are_those_of_the_chosen_file(tmp_path):
    book = openpyxl.Workbook()
    for sheet in (book.active, book.create_sheet("Other")):
        sheet.append(["user", "agent"])
    book.save(tmp_path / "b.xlsx")
    letters = "user,agent\nPaket für Łódź?,Im Büro.\n".encode("cp1250") * 9
    path = tmp_path / "a.zip"
    path.write_bytes(zipped({"a.csv": letters, "b.xlsx": (tmp_path / "b.xlsx").read_bytes()}))

    assert sheet_choices(path) == ()
    assert sheet_choices(path, "b.xlsx") == ("Sheet", "Other")
    assert len(encoding_choices(path)) == 3
    assert encoding_choices(path, "b.xlsx") == ()


def test_the_chosen_file_is_part_of_the_recipe(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(several())

    draft = draft_of(path, Options(member="c/d.csv"), "a.zip")
    again = draft_of(path, recipe_of(draft).options(), "a.zip")

    assert recipe_of(draft).as_json()["member"] == "c/d.csv"
    assert [c.turns[0].text for c in again.conversations] == ["bye", "thanks"]


def test_add_takes_the_file_of_an_archive(tmp_path, capsys):
    path = tmp_path / "a.zip"
    path.write_bytes(several())

    where = ["--workspace", str(tmp_path / "w"), "--json"]
    assert main(["add", str(path), "--member", "c/d.csv", *where]) == 0
    assert json.loads(capsys.readouterr().out)["kept"] == 2
    assert main(["add", str(path), *where]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["kept"] == 1
    assert "The file 'b.csv' was read" in shown.err
    assert main(["add", str(path), "--member", "d.csv", *where]) == 1
    assert "holds no file 'd.csv'" in capsys.readouterr().err


def test_a_name_that_leads_out_of_the_archive_leads_nowhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    read = read_bytes(zipped({"../../evil.csv": TABLE}), "a.zip")

    assert read.kind.endswith("zip of evil.csv")
    assert list(tmp_path.iterdir()) == []


def test_a_link_is_not_followed():
    link = zipfile.ZipInfo("a.csv")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(link, "/etc/passwd")

    with pytest.raises(NotConversations, match="an archive without a file in it"):
        read_bytes(out.getvalue(), "a.zip")


def with_a_password(data):
    """The archive with the mark of encryption set, in both of its lists."""
    marked = bytearray(data)
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        marked[marked.index(magic) + offset] |= 1
    return bytes(marked)


@pytest.mark.parametrize(
    ("data", "error", "sentence"),
    [
        (zipped({}), NotConversations, r"a\.zip is an archive without a file in it"),
        (zipped({"a.zip": zipped({"a.csv": TABLE})}), NotConversations, "an archive in an archive"),
        (gzipped(gzipped(TABLE)), NotConversations, "an archive in an archive"),
        (zipped({"a.csv": b"\x89PNG"}), NotConversations, r"a\.csv in a\.zip is a PNG image"),
        (with_a_password(zipped({"a.csv": TABLE})), NotConversations, "an archive with a password"),
        (zipped({"a.csv": TABLE * 9})[:-30], BrokenFile, "the archive is damaged"),
        (gzipped(TABLE)[:-9], BrokenFile, "the archive is damaged"),
        (gzipped(TABLE)[:20] + b"?" * 20, BrokenFile, "the archive is damaged"),
        (gzipped(b""), ChatUIError, "the file is empty"),
        (zipped({"a.csv": b" "}), ChatUIError, r"a\.csv in a\.zip has no rows: .*white space"),
        (gzipped(b"\0" * 257 + b"ustar" + b"\0" * 300), NotConversations, "a tar archive"),
    ],
)
def test_an_archive_that_cannot_be_read_says_why(data, error, sentence):
    with pytest.raises(error, match=sentence):
        read_bytes(data, "a.zip")


@pytest.mark.parametrize("pack", [gzip.compress, lambda data: zipped({"a.csv": data})])
def test_a_bomb_is_stopped_by_what_comes_out_and_not_by_what_it_says(pack, monkeypatch):
    bomb = pack(b"user,agent\n" + b"a" * 30 * 2**20)
    unpacked = []
    count = archives._counted

    def counted(*arguments):
        unpacked.append(0)
        for chunk in count(*arguments):
            unpacked[-1] += len(chunk)
            yield chunk

    monkeypatch.setattr(archives, "_counted", counted)

    with pytest.raises(UnpacksTooLarge, match=r"a\.zip is packed so .* more than 100 times"):
        read_bytes(bomb, "a.zip")
    assert max(unpacked) <= 10 * 2**20


def test_a_large_file_is_refused_at_the_limit(monkeypatch):
    monkeypatch.setattr(archives, "MAX_UNPACKED", 2**20)

    with pytest.raises(UnpacksTooLarge, match="more than 1 MB"):
        read_bytes(gzip.compress(b"user,agent\n" + b"a,b\n" * 300_000), "a.csv.gz")


@pytest.mark.parametrize("at", range(0, 140, 7))
def test_any_damaged_byte_of_an_archive_gives_rows_or_a_sentence(at):
    data = bytearray(zipped({"a.csv": TABLE}))
    data[at % len(data)] ^= 0xFF

    with contextlib.suppress(ChatUIError):
        assert read_bytes(bytes(data), "a.zip").rows_read


def test_of_two_entries_of_one_name_none_is_guessed():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile's own, about the second of a name
        archive.writestr("a.csv", TABLE)
        archive.writestr("a.csv", TABLE)

    with pytest.raises(ManyFiles, match=r"holds several files of one name: a\.csv, a\.csv"):
        read_bytes(out.getvalue(), "a.zip")
