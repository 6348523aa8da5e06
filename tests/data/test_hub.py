"""A dataset of the Hub is fetched by its name, as it is meant, or a sentence says why not."""

import io
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import pyarrow
import pyarrow.parquet
import pytest

from chatui.cli import main
from chatui.data import fetching
from chatui.data.hub import Hub, fetched_dataset
from chatui.data.origins import of_path
from chatui.data.reading import collected, open_reading
from chatui.errors import BrokenFile, ChatUIError, NotFromHub
from tests.data.whole import read_file

LIMIT = 2**20
SHA = "0123abc"
REPO = "/api/datasets/acme/chats"
MAIN = f"/datasets/acme/chats/resolve/{SHA}"


def loopback(address):
    """Stands in for the public internet."""
    return address == "127.0.0.1"


def parquet(*questions, **more):
    out = io.BytesIO()
    columns = {"user": list(questions), "agent": ["ok"] * len(questions), **more}
    pyarrow.parquet.write_table(pyarrow.table(columns), out)
    return out.getvalue()


class StandIn(BaseHTTPRequestHandler):
    """Answers as the Hub does: what a dataset is made of, its parts, and its files."""

    def do_GET(self):
        site = self.server
        path = unquote(self.path)
        site.asked.append((path, self.headers.get("Authorization")))
        answer = site.answers.get(path, 404)
        if isinstance(answer, int):
            self.send_error(answer)
            return
        if isinstance(answer, str):
            self.send_response(302)
            self.send_header("Location", answer)
            self.end_headers()
            return
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Site:
    """The stand-in, and what it is told to answer."""

    def __init__(self, server):
        self.server = server
        self.address = f"http://127.0.0.1:{server.server_address[1]}"

    def has(self, files, revision=None):
        """A dataset with these files, and the Hub shows none of its parts."""
        listed = [{"rfilename": name} for name in files]
        at = f"{REPO}/revision/{revision}" if revision else REPO
        self.server.answers[at] = {"sha": SHA, "siblings": listed}
        self.server.answers |= {f"{MAIN}/{name}": data for name, data in files.items()}

    def shows(self, parts):
        """A dataset that the Hub shows by config and split, each a list of files."""
        self.has({"data.csv": b"user,agent\nhidden,yes\n"})
        listing: dict[str, dict[str, list[str]]] = {}
        for part, files in parts.items():
            config, split = part.split("/")
            for number, data in enumerate(files):
                path = f"{REPO}/parquet/{config}/{split}/{number}.parquet"
                listing.setdefault(config, {}).setdefault(split, []).append(self.address + path)
                self.server.answers[path] = data
        self.server.answers[f"{REPO}/parquet"] = listing

    def questions(self, name, token=None):
        """What is asked in the dataset, and what its file is called."""
        with fetched_dataset(name, Hub(self.address, token), LIMIT, loopback) as path:
            read = collected(open_reading(of_path(path)))
            return path.name, [record.values["user"] for record in read.good]

    def refusal(self, name):
        with pytest.raises(NotFromHub) as told:
            self.questions(name)
        return str(told.value)


@pytest.fixture
def site():
    with ThreadingHTTPServer(("127.0.0.1", 0), StandIn) as server:
        server.answers, server.asked = {}, []
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield Site(server)
        server.shutdown()
        thread.join()


def test_a_dataset_of_one_part_is_fetched_by_its_name(site):
    site.shows({"default/train": [parquet("a", "b")]})

    assert site.questions("acme/chats") == ("chats.parquet", ["a", "b"])


def test_the_files_of_a_part_are_read_in_their_order(site):
    site.shows({"default/train": [parquet("a", "b"), parquet("c"), parquet("d")]})

    assert site.questions("acme/chats")[1] == ["a", "b", "c", "d"]


def test_of_several_parts_none_is_guessed_and_all_can_be_chosen(site):
    site.shows({"en/train": [parquet("a")], "en/test": [parquet("b")], "de/train": [parquet("c")]})

    told = site.refusal("acme/chats")

    assert "it has several parts" in told
    assert "hf:acme/chats/en/train, hf:acme/chats/en/test, hf:acme/chats/de/train" in told
    assert site.questions("acme/chats/en/test") == ("chats-en-test.parquet", ["b"])
    assert site.questions("acme/chats/de")[1] == ["c"]
    assert site.questions("acme/chats/test")[1] == ["b"]
    assert "hf:acme/chats/en/train, hf:acme/chats/de/train" in site.refusal("acme/chats/train")
    assert "it has no such part: choose one of" in site.refusal("acme/chats/fr")


def test_at_a_revision_the_files_are_those_of_that_revision(site):
    site.has({"README.md": b"#", "chats.csv": b"user,agent\nold,yes\n"}, revision="refs/pr/1")

    assert site.questions("acme/chats@refs/pr/1") == ("chats.csv", ["old"])


def test_where_the_hub_shows_no_parts_the_files_are_taken(site):
    old = "-00000-of-00001-0123456789abcdef"
    site.has({
        "dataset_infos.json": b"{}", ".gitattributes": b"", ".hidden.csv": b"",
        "data/train-00001-of-00002.parquet": parquet("b"),
        "data/train-00000-of-00002.parquet": parquet("a"),
        f"data/test{old}.parquet": parquet("t"),
    })  # fmt: skip

    assert site.questions("acme/chats/train") == ("chats-data-train.parquet", ["a", "b"])
    assert site.questions("acme/chats/data/test")[1] == ["t"]
    one = "data/train-00001-of-00002.parquet"
    assert site.questions(f"acme/chats/{one}")[1] == ["b"]
    assert "hf:acme/chats/data/train.parquet" in site.refusal("acme/chats")


def test_lines_of_json_are_read_one_file_after_the_other(site):
    lines = [b'{"user": "a", "agent": "x"}', b'{"user": "b", "agent": "y"}\n']
    site.has({f"train-0000{n}-of-00002.jsonl": line for n, line in enumerate(lines)})

    assert site.questions("acme/chats")[1] == ["a", "b"]


def test_tables_in_several_files_are_refused_by_name(site):
    site.has({f"train-0000{n}-of-00002.csv": b"user,agent\na,b\n" for n in range(2)})

    assert "2 files that can't be read as one (train-00000-of-00002.csv" in site.refusal(
        "acme/chats"
    )
    assert site.questions("acme/chats/train-00001-of-00002.csv")[1] == ["a"]


def test_files_that_are_not_there_are_missed(site):
    site.has({f"train-0000{n}-of-00003.parquet": parquet("a") for n in (0, 2)})

    assert "2 of its 3 files are there" in site.refusal("acme/chats")


def test_files_with_other_columns_are_not_mixed(site):
    site.shows({"default/train": [parquet("a"), parquet("b", label=["x"])]})

    with pytest.raises(BrokenFile, match="file 2 has other columns than the first"):
        site.questions("acme/chats")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("acme/gone", "there is no such dataset, or it is private and needs CHATUI_HUB_TOKEN"),
        ("acme/chats@old", "there is no such dataset or revision"),
        ("acme/gated", "it is gated or private: accept its terms"),
        ("acme/late", "it is gated or private: accept its terms"),
        ("acme/pictures", "none of its 2 files is CSV, TSV"),
        ("acme/broken", "its answer can't be understood"),
        ("acme/down", "the server answers 500"),
        ("chats", "that is no name of a dataset; write hf:OWNER/NAME"),
        ("../..", "that is no name of a dataset"),
        ("acme/chats@", "that is no name of a dataset"),
    ],
)
def test_what_cannot_be_had_from_the_hub_says_why(site, name, sentence):
    files = [{"rfilename": "a.png"}, {"rfilename": "README.md"}]
    site.server.answers |= {
        "/api/datasets/acme/gone": 401,
        "/api/datasets/acme/gated": 403,
        "/api/datasets/acme/late": {"sha": "1", "siblings": [{"rfilename": "a.csv"}]},
        "/datasets/acme/late/resolve/1/a.csv": 401,
        "/api/datasets/acme/pictures": {"sha": "1", "siblings": files},
        "/api/datasets/acme/broken": b"<html>",
        "/api/datasets/acme/down": 500,
    }

    told = site.refusal(name)

    assert sentence in told
    assert told.startswith("hf:")
    assert told.endswith("Nothing was saved.")


def test_without_a_network_it_is_said(monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    with (
        pytest.raises(
            NotFromHub, match=r"hf:a/b can't be added .*there is no host huggingface\.co"
        ),
        fetched_dataset("a/b", Hub(), LIMIT),
    ):
        pass


def test_a_hub_inside_a_network_is_refused_like_any_address(site):
    with (
        pytest.raises(NotFromHub, match="is not on the public internet"),
        fetched_dataset("acme/chats", Hub(site.address), LIMIT),
    ):
        pass
    assert site.server.asked == []


def test_the_limit_is_for_all_files_together_and_counted_while_they_come(site):
    site.shows({"default/train": [parquet("a" * 9), parquet("b" * 9), parquet("c" * 9)]})
    one = len(site.server.answers[f"{REPO}/parquet/default/train/0.parquet"])
    told = []

    with (
        pytest.raises(NotFromHub, match="it is larger than 0 MB"),
        fetched_dataset(
            "acme/chats", Hub(site.address), 2 * one + 9, loopback, progress=told.append
        ),
    ):
        pass

    assert told[-1] <= 2 * one + 9
    assert one < told[-1]


def test_the_token_goes_to_the_hub_and_nowhere_else(site):
    with ThreadingHTTPServer(("127.0.0.1", 0), StandIn) as other:
        other.answers, other.asked = {"/elsewhere": b"user,agent\na,b\n"}, []
        thread = threading.Thread(target=other.serve_forever, args=(0.01,))
        thread.start()
        elsewhere = f"http://127.0.0.1:{other.server_address[1]}/elsewhere"
        site.has({"a.csv": elsewhere})

        assert site.questions("acme/chats", token="s3cret")[1] == ["a"]

        other.shutdown()
        thread.join()
    assert {token for _, token in site.server.asked} == {"Bearer s3cret"}
    assert other.asked == [("/elsewhere", None)]


def test_a_listing_that_leads_elsewhere_leads_there_without_the_token_and_not_inside(site):
    site.has({"a.csv": b""})
    inside = "http://169.254.169.254/latest/meta-data"
    site.server.answers[f"{REPO}/parquet"] = {"default": {"train": [inside]}}

    told = site.refusal("acme/chats")

    assert "169.254.169.254 is not on the public internet" in told


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("hf:acme/chats", "acme/chats"),
        (" hf://datasets/acme/chats@v1/ ", "acme/chats@v1"),
        ("https://huggingface.co/datasets/acme/chats", "acme/chats"),
        ("https://huggingface.co/datasets/acme/chats/viewer/en/train?row=3", "acme/chats/en/train"),
        ("https://huggingface.co/datasets/acme/chats/resolve/main/a.csv", None),
        ("https://example.org/datasets/acme/chats", None),
        ("chats.csv", None),
    ],
)
def test_a_name_is_told_from_an_address_and_from_a_file(typed, name):
    assert Hub().name_in(typed) == name


def test_add_takes_a_dataset_of_the_hub(site, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(fetching, "is_public", loopback)
    monkeypatch.setenv("CHATUI_HUB", site.address)
    monkeypatch.setenv("CHATUI_HUB_TOKEN", "s3cret")
    site.shows({"default/train": [parquet("a"), parquet("b")]})
    where = ["--workspace", str(tmp_path), "--json"]

    assert main(["add", "hf:acme/chats", *where]) == 0
    added = json.loads(capsys.readouterr().out)
    assert main(["add", "hf:acme/gone", *where]) == 1

    assert (added["dataset"], added["kept"], added["accounted"]) == ("chats-v1", 2, True)
    assert "there is no such dataset" in capsys.readouterr().err
    left = [p for p in tmp_path.rglob("*") if p.is_file() and b"s3cret" in p.read_bytes()]
    assert left == []


def test_a_file_of_the_hub_is_gone_afterwards(site):
    site.shows({"default/train": [parquet("a")]})

    with fetched_dataset("acme/chats", Hub(site.address), LIMIT, loopback) as path:
        assert read_file(path).rows_read == 1

    assert not path.exists()
    assert issubclass(NotFromHub, ChatUIError)
