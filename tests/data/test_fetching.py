"""A file is fetched from where it is public, counted while it comes, and from nowhere else."""

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from chatui.cli import main
from chatui.data import fetching
from chatui.data.fetching import fetched, is_public, is_url, name_of
from chatui.data.prepare import prepare
from chatui.errors import NotFetched

TABLE = b"user,agent\nhi,hello\n"
LIMIT = 2**20


def loopback(address):
    """Stands in for the public internet."""
    return address == "127.0.0.1"


class Handler(BaseHTTPRequestHandler):
    """Answers by the path that is asked for."""

    asked: list[str] = []  # noqa: RUF012 - emptied by the fixture

    def do_GET(self):
        self.asked.append(self.path)
        port = self.server.server_address[1]
        moved = {
            "/moved": "/folder/chats.csv?token=s3cret",
            "/inside": f"http://127.0.0.2:{port}/chats.csv",
            "/metadata": "http://169.254.169.254/latest/meta-data",
            "/file": "file:///etc/passwd",
            "/round": "/round",
            "/nowhere": "",
        }
        if self.path in moved:
            self.send_response(302)
            if moved[self.path]:
                self.send_header("Location", moved[self.path])
            self.end_headers()
        elif "chats.csv" in self.path:
            self.send_response(200)
            self.send_header("Content-Length", str(len(TABLE)))
            self.end_headers()
            self.wfile.write(TABLE)
        elif self.path == "/endless":
            self.send_response(200)
            self.end_headers()
            self.fill()
        else:
            self.send_error(404)

    def fill(self):
        try:
            while True:
                self.wfile.write(b"x" * 65536)
        except OSError:
            self.asked.append("hung up")

    def log_message(self, *arguments):
        pass


@pytest.fixture
def site():
    Handler.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("path", ["/folder/chats.csv", "/moved"])
def test_a_file_is_fetched_read_and_gone_afterwards(site, path):
    with fetched(site + path, LIMIT, loopback) as file:
        assert file.read_bytes() == TABLE
        assert prepare(file).rows_read == 1

    assert not file.exists()


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/inside", "127.0.0.2 is not on the public internet"),
        ("/metadata", "169.254.169.254 is not on the public internet"),
        ("/file", "only http and https addresses"),
        ("/round", "it redirects more than 5 times"),
        ("/nowhere", "it redirects more than 5 times"),
        ("/gone", "the server answers 404"),
        ("/endless", "it is larger than 1 MB"),
    ],
)
def test_what_cannot_be_fetched_says_why(site, path, reason):
    with pytest.raises(NotFetched, match=reason), fetched(site + path, LIMIT, loopback):
        pass


def test_an_address_inside_is_refused_before_anything_is_asked(site):
    with pytest.raises(NotFetched, match="is not on the public"), fetched(site, LIMIT):
        pass
    assert Handler.asked == []


def test_a_name_is_refused_by_any_of_its_addresses(monkeypatch):
    found = [(0, 0, 0, "", (ip, 80)) for ip in ("93.184.216.34", "10.0.0.7")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)

    with (
        pytest.raises(NotFetched, match="example.org is not on the public"),
        fetched("http://example.org/a.csv", LIMIT),
    ):
        pass


def test_the_address_that_was_checked_is_the_one_that_is_asked(site, monkeypatch):
    port = int(site.rpartition(":")[2])
    answers = [[(0, 0, 0, "", ("127.0.0.1", port))]]
    resolve = socket.getaddrinfo
    monkeypatch.setattr(
        fetching.socket,
        "getaddrinfo",
        lambda host, *a, **k: answers.pop() if host == "rebinding.test" else resolve(host, *a, **k),
    )

    with fetched(f"http://rebinding.test:{port}/chats.csv", LIMIT, loopback) as file:
        assert file.read_bytes() == TABLE
    assert answers == []


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0",
        "100.64.0.1", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0",
        "fc00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1",
        "2002:7f00:1::",
    ],
)  # fmt: skip
def test_addresses_inside_a_network_are_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:8.8.8.8"])
def test_addresses_of_the_internet_are_public(address):
    assert is_public(address)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://", "only http and https"),
        ("http://[::1", "no web address"),
        ("http://user:secret@example.org/a.csv", "without a password"),
        ("http://2130706433/", "is not on the public internet"),
        ("http://localhost/a", "is not on the public internet"),
    ],
)
def test_an_address_that_is_none_gets_a_sentence_without_its_secrets(url, reason):
    with pytest.raises(NotFetched, match=reason) as told, fetched(f"{url}?token=s3cret", LIMIT):
        pass
    assert "secret" not in str(told.value)
    assert "s3cret" not in str(told.value)


def test_a_name_that_nobody_has_is_told(monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    with (
        pytest.raises(NotFetched, match="there is no host example.org"),
        fetched("https://example.org/a.csv", LIMIT),
    ):
        pass


def test_add_takes_an_address(site, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(fetching, "is_public", loopback)

    status = main(["add", f"{site}/moved", "--workspace", str(tmp_path), "--json"])

    added = json.loads(capsys.readouterr().out)
    assert status == 0
    assert (added["dataset"], added["rows_read"], added["accounted"]) == ("moved-v1", 1, True)


def test_a_server_that_is_gone_is_told(site):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/a.csv"
        with pytest.raises(NotFetched, match="the connection fails"), fetched(url, LIMIT, loopback):
            pass


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://example.org/a/chats.csv?x=1", "chats.csv"),
        ("https://example.org/", "file"),
        ("https://example.org/..%2f..%2fetc%2fpasswd", "passwd"),
        ("https://example.org/%2e%2e", "file"),
        ("https://example.org/a%00b", "ab"),
    ],
)
def test_a_name_from_an_address_is_a_file_name_and_nothing_else(url, name):
    assert name_of(url) == name


def test_an_address_is_told_from_a_file():
    assert is_url("https://example.org/a.csv")
    assert is_url("HTTP://example.org")
    assert not is_url("http.csv")


def test_a_download_that_takes_too_long_as_a_whole_is_given_up(site):
    with (
        pytest.raises(NotFetched, match="it takes longer than 0 minutes"),
        fetched(f"{site}/endless", 2**40, loopback, seconds=0),
    ):
        pass


def test_progress_is_told_in_bytes(site):
    told = []

    with fetched(f"{site}/chats.csv", LIMIT, loopback, progress=told.append) as path:
        assert told[-1] == path.stat().st_size == len(TABLE)
