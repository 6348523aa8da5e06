"""`transformers serve --continuous-batching`, asked over HTTP."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from chat_sides.asking import Answer


@contextmanager
def open_side(shape: str, folder: Path) -> Iterator[tuple[Answer, Callable[[], float]]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    model = str(folder / "served")
    command = [
        Path(sys.executable).with_name("transformers"),
        "serve",
        model,
        "--continuous-batching",
    ]
    command += ["--quantization", "bnb-4bit", "--dtype", "bfloat16", "--port", str(port)]
    command += ["--host", "127.0.0.1", "--cb-num-blocks", "512", "--cb-max-batch-tokens", "512"]
    server = subprocess.Popen(command, stdout=sys.stderr, stderr=sys.stderr)
    try:
        client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=600)
        _wait(client, server)
        process = psutil.Process(server.pid)

        def seconds() -> float:
            used = [process, *process.children(recursive=True)]
            return sum(sum(each.cpu_times()[:2]) for each in used)

        yield _asking(client, model), seconds
    finally:
        server.terminate()
        server.wait(30)


def _asking(client: httpx.Client, model: str) -> Answer:
    def answer(text: str, tokens: int) -> int:
        asked = {
            "model": model,
            "messages": [{"role": "user", "content": text}],
            "max_tokens": tokens,
            "temperature": 0,
            "stream": True,
        }
        reason = None
        with client.stream("POST", "/v1/chat/completions", json=asked) as response:
            response.raise_for_status()
            for line in response.iter_lines():
                if line.startswith("data: {"):
                    choices = json.loads(line[6:]).get("choices") or [{}]
                    reason = choices[0].get("finish_reason") or reason
        if reason != "length":
            raise SystemExit(f"serve ended with {reason!r} instead of {tokens} tokens")
        return tokens

    return answer


def _wait(client: httpx.Client, server: subprocess.Popen) -> None:
    until = time.monotonic() + 180
    while time.monotonic() < until and server.poll() is None:
        try:
            client.get("/health").raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.2)
        else:
            return
    raise SystemExit("transformers serve did not start")
