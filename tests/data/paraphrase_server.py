"""An OpenAI-compatible server for tests, on this machine: it says every question politely."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server(BaseHTTPRequestHandler):
    """Says every question politely; `broken` says what it does instead."""

    broken: str | None = None
    asked: list[tuple[str, dict]] = []  # noqa: RUF012 - emptied by the fixture

    def do_GET(self):
        self.answer({"data": [{"id": "small-model"}]} if self.broken != "no models" else {})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append((self.headers.get("Authorization"), body))
        said = f"Please tell me: {body['messages'][-1]['content'].lower()}"
        answers = {
            "no message": {"choices": []},
            "a number": {"choices": [{"message": {"content": 7}}]},
            "late": {"choices": []},
        }
        if self.broken == "late" and len(self.asked) < 4:
            self.answer({"choices": [{"message": {"content": said}}]})
        else:
            usual = {"choices": [{"message": {"role": "assistant", "content": said}}]}
            self.answer(answers.get(self.broken or "", usual))

    def answer(self, value):
        self.send_response(401 if self.broken == "refused" else 200)
        self.end_headers()
        self.wfile.write(b"<html>" if self.broken == "html" else json.dumps(value).encode())

    def log_message(self, *_):
        pass


@contextmanager
def serving() -> Iterator[str]:
    """The address of the API, for as long as the block lasts."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        server.shutdown()
        thread.join()
