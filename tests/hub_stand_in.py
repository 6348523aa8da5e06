"""A stand-in of the Hugging Face Hub on the loopback: models as folders, with what they are."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

SHA = "0123456789abcdef0123456789abcdef01234567"


class StandIn:
    """The models of a Hub, who asked for what, and a gate before what is large."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.models: dict[str, tuple[Path, dict[str, object]]] = {}
        self.tokens: set[str] = set()  # if any, who asks needs one of them
        self.asked: list[tuple[str, str, str | None]] = []  # method, path, Authorization
        self.gate = threading.Event()  # weights come to an end only when it is open
        self.gate.set()
        self.waits = threading.Event()  # set once somebody stands before it
        self.answers = threading.Event()  # nothing at all is answered unless it is set
        self.answers.set()

    def has(self, name: str, folder: Path, **about: object) -> None:
        """Offer the files of a folder as a model."""
        self.models[name] = folder, about


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, *, with_body: bool) -> None:
        site: StandIn = self.server.site  # type: ignore[attr-defined]
        path = unquote(urlsplit(self.path).path)
        token = self.headers.get("Authorization")
        site.asked.append((self.command, path, token))
        site.answers.wait(60)
        if site.tokens and token not in {f"Bearer {each}" for each in site.tokens}:
            self._send(401, b"", {"X-Error-Code": "GatedRepo"}, with_body)
            return
        if path.startswith("/api/models/"):
            name, _, what = path.removeprefix("/api/models/").partition("/tree/")
            self._about(site, name.partition("/revision/")[0], is_tree=bool(what))
            return
        name, found, rest = path.strip("/").partition("/resolve/")
        file = rest.partition("/")[2]
        if not found or name not in site.models or not (site.models[name][0] / file).is_file():
            self._send(404, b"", {"X-Error-Code": "RepoNotFound"}, with_body)
            return
        self._file(site, site.models[name][0] / file, with_body)

    def _about(self, site: StandIn, name: str, *, is_tree: bool) -> None:
        if name not in site.models:
            self._send(404, b"", {"X-Error-Code": "RepoNotFound"}, True)
            return
        folder, about = site.models[name]
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        siblings = [
            {"rfilename": path.relative_to(folder).as_posix(), "size": path.stat().st_size}
            for path in files
        ]
        answer: object = {"id": name, "sha": SHA, "siblings": siblings, **about}
        if is_tree:
            answer = [
                {"type": "file", "path": each["rfilename"], "size": each["size"], "oid": SHA}
                for each in siblings
            ]
        self._send(200, json.dumps(answer).encode(), {}, True)

    def _file(self, site: StandIn, path: Path, with_body: bool) -> None:
        body = path.read_bytes()
        known = {"ETag": f'"{hashlib.sha1(body).hexdigest()}"', "X-Repo-Commit": SHA}
        if not with_body or path.suffix != ".safetensors":
            self._send(200, body, known, with_body)
            return
        self._head(200, len(body), known)
        self.wfile.write(body[: len(body) // 2])
        self.wfile.flush()
        if not site.gate.is_set():
            site.waits.set()
            site.gate.wait(60)
        self.wfile.write(body[len(body) // 2 :])

    def _send(self, status: int, body: bytes, known: dict[str, str], with_body: bool) -> None:
        self._head(status, len(body), known)
        if with_body:
            self.wfile.write(body)

    def _head(self, status: int, length: int, known: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**known, "Content-Length": str(length)}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was stopped hangs up: that is what is tested."""


@contextmanager
def hub() -> Iterator[StandIn]:
    """Serve until the block ends."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.site = site = StandIn(server.server_address[1])  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield site
        finally:
            site.gate.set()
            site.answers.set()
            server.shutdown()
            thread.join()
