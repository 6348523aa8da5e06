"""A server elsewhere answers: pieces as they come, and a sentence for whatever goes wrong."""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from chatui.errors import EngineNotReachable
from chatui.model.catalog import STARTER, STARTER_FOLDER, find_base
from chatui.model.decoding import Decoding
from chatui.model.engine import Engine
from chatui.model.remote import RemoteEngine
from chatui.model.requests import Request
from chatui.services import Services
from chatui.settings import Settings
from tests.model.conftest import turns
from tests.model.test_engine_replies import read

QUESTION = Request(turns("Where is my order?", system="Be kind."), decoding=Decoding(top_k=7))


class Server:
    """A stand-in that says what it is told to say, and keeps what it was asked."""

    def __init__(self) -> None:
        self.models = [STARTER, "r7"]
        self.lines: list[str] = []
        self.status = 200
        self.asked: list[dict] = []
        self.keys: list[str | None] = []
        self.go_on = threading.Event()  # before each line after the first
        self.go_on.set()
        self.is_left = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *given: object) -> None:
                pass

            def do_GET(self) -> None:
                data = json.dumps({"data": [{"id": name} for name in server.models]})
                self.send_response(200)
                self.end_headers()
                self.wfile.write(data.encode())

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                server.asked.append(json.loads(body))
                server.keys.append(self.headers["Authorization"])
                self.send_response(server.status)
                self.end_headers()
                try:
                    for number, line in enumerate(server.lines):
                        if number:
                            server.go_on.wait(30)
                        self.wfile.write(f"{line}\n\n".encode())
                        self.wfile.flush()
                except OSError:
                    server.is_left.set()

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.http.server_port}/v1"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def says(self, *pieces: str, reason: str | None = "stop") -> None:
        events = [{"choices": [{"delta": {"content": piece}}]} for piece in pieces]
        if reason:
            events.append({"choices": [{"delta": {}, "finish_reason": reason}]})
        self.lines = [f"data: {json.dumps(event)}" for event in events]
        self.lines += ["data: [DONE]"] if reason else []


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.go_on.set()
    server.http.shutdown()
    server.http.server_close()


def engine_of(server: Server, **options: str) -> RemoteEngine:
    return RemoteEngine(server.address, find_base(STARTER), **options)


def test_pieces_come_as_the_server_sends_them_and_are_the_reply(server):
    server.says(" It", " is", " on its way. ", reason="length")

    pieces, reply = read(engine_of(server, key="secret").stream(QUESTION, lambda: False))

    assert pieces == ["It", " is", " on its way."]
    assert (reply.text, reply.tokens, reply.ended) == ("It is on its way.", 3, "limit")
    (asked,) = server.asked
    assert asked["messages"] == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Where is my order?"},
    ]
    assert (asked["model"], asked["top_k"], asked["temperature"]) == (STARTER, 7, 0.0)
    assert server.keys == ["Bearer secret"]


def test_a_run_is_asked_for_by_its_name(server, tmp_path, tiny_adapter):
    folder = shutil.copytree(tiny_adapter, tmp_path / "r7" / "adapter")
    server.says("Hi")
    engine = engine_of(server)

    name = engine.attach(folder)
    read(engine.stream(Request(QUESTION.turns, name), lambda: False))

    assert server.asked[0]["model"] == "r7"
    assert engine.model_hash(name) != engine.model_hash(None)


def test_a_run_that_the_server_does_not_offer_is_named_with_what_it_offers(server, tiny_adapter):
    engine = engine_of(server)
    name = engine.attach(tiny_adapter)
    server.status, server.lines = 404, ['{"error": "unknown model"}']

    with pytest.raises(EngineNotReachable, match="404: unknown model .* it offers starter, r7"):
        read(engine.stream(Request(QUESTION.turns, name), lambda: False))


def test_a_server_with_one_model_is_asked_for_it_as_the_base(server):
    server.models = ["my-model"]
    server.says("Hi")

    read(engine_of(server).stream(QUESTION, lambda: False))

    assert server.asked[0]["model"] == "my-model"


def test_a_server_that_lists_nothing_is_asked_for_the_base_by_its_folder(server):
    server.models = []
    server.says("Hi")

    read(engine_of(server).stream(QUESTION, lambda: False))

    assert server.asked[0]["model"] == str(STARTER_FOLDER)


def test_cancelling_does_not_wait_for_the_server(server):
    server.says("It", " is", " late")
    server.go_on.clear()
    wanted = threading.Event()
    stream = engine_of(server).stream(QUESTION, wanted.is_set)
    first = next(stream)
    wanted.set()

    pieces, reply = read(stream)

    assert [first, *pieces] == ["It"]
    assert (reply.text, reply.ended) == ("It", "cancelled")


@pytest.mark.parametrize(
    ("status", "lines", "told"),
    [
        (401, ['{"error": {"message": "no such key"}}'], "it answers 401: no such key"),
        (503, ["busy"], "it answers 503"),
        (200, ['data: {"choices": [{"delta": {"content": "It"}}]}'], "before its end"),
        (200, ["data: {broken"], "JSONDecodeError"),
        (200, ['data: {"error": "out of memory"}'], "ValueError"),
    ],
)
def test_what_goes_wrong_is_a_sentence_that_says_what_to_do(server, status, lines, told):
    server.status, server.lines = status, lines

    with pytest.raises(EngineNotReachable, match=told) as failed:
        read(engine_of(server).stream(QUESTION, lambda: False))

    assert "unset CHATUI_ENGINE_URL" in str(failed.value)


def test_a_server_that_is_not_there_is_a_sentence():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}/v1"

    with pytest.raises(EngineNotReachable, match="nothing answers there"):
        read(RemoteEngine(address, find_base(STARTER)).stream(QUESTION, lambda: False))
    with pytest.raises(EngineNotReachable, match="no http or https address"):
        RemoteEngine("ftp://127.0.0.1", find_base(STARTER))


def test_the_settings_decide_who_answers_and_nothing_is_loaded_here(server, tmp_path):
    server.says("Hi")
    settings = Settings(workspace=tmp_path, engine_url=server.address, engine_key="secret")
    models = Services.open(settings).models

    assert models.is_loaded(STARTER)
    with models.using(STARTER) as engine:
        _, reply = read(engine.stream(QUESTION, lambda: False))

    assert reply.text == "Hi"
    assert server.keys == ["Bearer secret"]


@pytest.mark.long
def test_transformers_serve_answers_as_the_engine_here_does():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    tool = Path(sys.executable).with_name("transformers")
    command = [str(tool), "serve", str(STARTER_FOLDER), "--port", str(port)]
    command += ["--host", "127.0.0.1", "--dtype", "float32"]
    process = subprocess.Popen(command, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    try:
        address = f"http://127.0.0.1:{port}"
        wait_for(f"{address}/health", process)
        remote = RemoteEngine(f"{address}/v1", find_base(STARTER))
        request = Request(turns("Hello, who are you?"), decoding=Decoding(max_new_tokens=12))

        pieces, reply = read(remote.stream(request, lambda: False))
    finally:
        process.terminate()
        process.wait(30)

    here = Engine.open(find_base(STARTER)).replies([request])[0]
    assert "".join(pieces) == reply.text
    assert reply.text.split()[:2] == here.text.split()[:2]  # 4 bits here, 32 there


def wait_for(url: str, process: subprocess.Popen) -> None:
    until = time.monotonic() + 120
    pause = threading.Event()
    while time.monotonic() < until and process.poll() is None:
        try:
            httpx.get(url).raise_for_status()
        except httpx.HTTPError:
            pause.wait(0.2)
        else:
            return
    raise AssertionError("the server did not start")
