"""A model that another server answers for: the engine's side of an OpenAI-compatible API.

vLLM, SGLang, llama.cpp, Ollama or `transformers serve`. The server is asked for the base by its
name and for a run by the run's, so it has to offer the adapter under that name. What weights it
really holds can't be seen from here: replies are stamped with the address and the model's name.
"""

import json
import threading
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import httpx

from chatui.conversation import content_hash
from chatui.errors import EngineNotReachable
from chatui.model.catalog import BaseModel
from chatui.model.hashes import adapter_hash, model_hash
from chatui.model.requests import Ended, Reply, Request
from chatui.model.servers import failure_in_words, server_address, shown_address

_TIMEOUT = httpx.Timeout(120, connect=10)  # seconds; a queue before us may be long
_LISTEN = 0.05  # seconds between two looks at whether a reply is still wanted
_ENDS: dict[str, Ended] = {"length": "limit"}  # all other reasons are an end


class RemoteEngine:
    """Answers requests by asking a server; thread-safe. It gives no likelihoods."""

    def __init__(self, address: str, base: BaseModel, key: str | None = None) -> None:
        try:
            self._address = server_address(address)
        except ValueError as error:
            raise EngineNotReachable(shown_address(address), str(error)) from error
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        # Each request has a connection of its own: a server that failed may have closed the last.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._client = httpx.Client(
            timeout=_TIMEOUT, headers=headers, limits=limits, trust_env=False
        )
        self._base = base
        self._runs: dict[str, str] = {}  # adapter hash → what the server calls it

    @property
    def base_hash(self) -> str:
        """Names who answers: the server's address and its base model."""
        return content_hash(["remote", self._address, self._base.name])

    @property
    def template_hash(self) -> str:
        """Names whose chat template it is: the server's."""
        return content_hash(["remote", self._address])

    def attach(self, folder: Path) -> str:
        """Ask for a run's adapter by the run's name from now on; returns its hash."""
        name = adapter_hash(folder)
        self._runs[name] = folder.resolve().parent.name
        return name

    def model_hash(self, adapter: str | None) -> str:
        """Names what answers: base, adapter (None: the base alone) and template."""
        return model_hash(self.base_hash, adapter, self.template_hash)

    def stream(
        self, request: Request, cancelled: Callable[[], bool]
    ) -> Generator[str, None, Reply]:
        """Answer one request piece by piece; the generator's return value is the Reply.

        Raises EngineNotReachable, also when the stream breaks before its end.
        """
        started = time.monotonic()
        answer = _Answer(lambda: self._events(request))
        said, shown, tokens = "", "", 0
        ended: Ended | None = None
        try:
            while ended is None:
                event = answer.next(cancelled)
                if event is None:
                    ended = "cancelled"
                    break
                piece, tokens, ended = _read(event, tokens)
                said += piece
                text = said.strip()  # spaces at the end come with what follows them
                if len(text) > len(shown):
                    yield text[len(shown) :]
                    shown = text
        except (httpx.HTTPError, ValueError, LookupError, TypeError) as error:
            raise self._failed(failure_in_words(error)) from error
        finally:
            answer.close()
        return Reply(shown, tokens, ended, request.adapter, time.monotonic() - started)

    def _events(self, request: Request) -> Iterator[dict[str, Any]]:
        """What the server sends, as it comes; at last an event with the reason of the end."""
        decoding, offered = request.decoding, self._offered()
        asked: dict[str, Any] = {
            "model": self._served(request.adapter, offered),
            "messages": [turn.as_message() for turn in request.turns],
            "max_tokens": decoding.max_new_tokens,
            "temperature": decoding.temperature,
            "top_p": decoding.top_p,
            "seed": request.seed,
            "stream": True,
        }
        if decoding.top_k:
            asked["top_k"] = decoding.top_k
        if decoding.repetition_penalty != 1.0:
            asked["repetition_penalty"] = decoding.repetition_penalty
        url = f"{self._address}/chat/completions"
        with self._client.stream("POST", url, json=asked) as response:
            if response.status_code != httpx.codes.OK:
                response.read()
                told = f"; it offers {', '.join(offered)[:200]}" if offered else ""
                asked_for = f" (asked for {asked['model'][:80]!r}{told})"
                raise self._failed(_refusal(response) + asked_for)
            for line in response.iter_lines():
                if line.startswith("data:") and (data := line[5:].strip()) != "[DONE]":
                    yield json.loads(data)
        raise self._failed("it ended the reply before its end")

    def _served(self, adapter: str | None, offered: list[str]) -> str:
        """What the server calls the model: a run's name, or the base's, or that of its only one."""
        if adapter is not None:
            return self._runs[adapter]
        known = [name for name in offered if name in (self._base.name, self._base.path)]
        if known or len(offered) == 1:
            return (known or offered)[0]
        return self._base.path if self._base.is_local else self._base.name

    def _offered(self) -> list[str]:
        """What the server says that it offers; some don't, and answer all the same."""
        response = self._client.get(f"{self._address}/models")
        try:
            return [str(each["id"]) for each in response.json()["data"]]
        except (ValueError, LookupError, TypeError):
            return []

    def _failed(self, reason: str) -> EngineNotReachable:
        return EngineNotReachable(shown_address(self._address), reason)


class _Answer:
    """Events that a thread reads, so that whoever waits for them can stop at any moment."""

    def __init__(self, events: Callable[[], Iterator[dict[str, Any]]]) -> None:
        self._news: SimpleQueue[dict[str, Any] | BaseException] = SimpleQueue()
        self._is_closed = threading.Event()
        threading.Thread(target=self._read, args=(events,), name="remote", daemon=True).start()

    def next(self, cancelled: Callable[[], bool]) -> dict[str, Any] | None:
        """The next event; None if nobody wants it any more."""
        while not cancelled():
            try:
                heard = self._news.get(timeout=_LISTEN)
            except Empty:
                continue
            if isinstance(heard, BaseException):
                raise heard
            return heard
        return None

    def close(self) -> None:
        """Read no further: the connection ends with the next event, and the server with it."""
        self._is_closed.set()

    def _read(self, events: Callable[[], Iterator[dict[str, Any]]]) -> None:
        try:
            for event in events():
                if self._is_closed.is_set():
                    return
                self._news.put(event)
        except BaseException as error:  # noqa: BLE001 - raised again where somebody waits
            self._news.put(error)


def _read(event: dict[str, Any], tokens: int) -> tuple[str, int, Ended | None]:
    """A piece of the text, the tokens so far (one each where nobody counts), and the end."""
    if "error" in event:
        raise ValueError(str(event["error"])[:200])
    counted = (event.get("usage") or {}).get("completion_tokens")
    choices = event.get("choices") or []
    if not choices:
        return "", counted or tokens, None
    piece = str((choices[0].get("delta") or {}).get("content") or "")
    reason = choices[0].get("finish_reason")
    ended = None if reason is None else _ENDS.get(reason, "end")
    return piece, counted or tokens + bool(piece), ended


def _refusal(response: httpx.Response) -> str:
    try:
        told = response.json()
        reason = told.get("error", told)
        reason = reason.get("message", reason) if isinstance(reason, dict) else reason
    except (ValueError, AttributeError):
        reason = response.reason_phrase
    return f"it answers {response.status_code}: {str(reason)[:200]}"
