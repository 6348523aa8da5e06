"""Who may come in: every request passes here before any page sees it.

The owner's page is open on loopback, unless a password is set; reachable from elsewhere it always
has one. Raters come in by the cookie of their link, and only to their own page. Requests that
another site's page makes are refused. Gradio itself asks its `auth_dependency` on most of its
endpoints, but not on all (`cancel`, `heartbeat`, `stream`), hence this gate in front of them.
"""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

OWNER_COOKIE = "chatui_owner"
RATER_COOKIE = "chatui_rater"
SESSION_SECONDS = 14 * 24 * 60 * 60
OPEN_PATHS = ("/health", "/login", "/favicon.ico")
# Raters send no files and are served none: what the owner uploaded stays out of their reach.
CLOSED_TO_RATERS = ("upload", "file", "proxy", "stream")
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
# Inside a foreign page ours could be clicked unawares; only Spaces show it so. A picture in a reply
# must not tell another server who reads it.
POLICY = (
    "frame-ancestors 'self' https://huggingface.co; object-src 'none'; base-uri 'self'; "
    "form-action 'self'; img-src 'self' data: blob:; media-src 'self' data: blob:"
)
PATIENCE = 5  # wrong passwords from one address before it has to wait
LONGEST_WAIT = 60.0
_REMEMBERED_ADDRESSES = 10_000


@dataclass
class Slowdown:
    """Makes an address wait longer and longer after wrong passwords."""

    clock: Callable[[], float] = time.monotonic
    _wrong: dict[str, tuple[int, float]] = field(default_factory=dict)

    def seconds_to_wait(self, who: str) -> float:
        """How long this address has to wait before its next try."""
        return max(0.0, self._wrong.get(who, (0, 0.0))[1] - self.clock())

    def note(self, who: str, right: bool) -> None:
        """Remember how a try went."""
        if right:
            self._wrong.pop(who, None)
            return
        if len(self._wrong) >= _REMEMBERED_ADDRESSES:
            self._wrong.clear()
        count = self._wrong.get(who, (0, 0.0))[0] + 1
        wait = min(LONGEST_WAIT, 2.0 ** (count - PATIENCE)) if count >= PATIENCE else 0.0
        self._wrong[who] = (count, self.clock() + wait)


@dataclass(frozen=True)
class Doors:
    """What opens which page. `password` is None where the owner's page is open to this machine."""

    password: str | None
    key: bytes  # signs sessions; the same after a restart
    rater_of_token: Callable[[str], str | None]

    def is_password(self, tried: str) -> bool:
        """Whether this is the owner's password; takes as long for a near miss as for a far one."""
        known = (self.password or "").encode()
        return self.password is not None and secrets.compare_digest(tried.encode(), known)

    def new_session(self) -> str:
        """A cookie that lets the owner in until it expires or the password changes."""
        expires = str(int(time.time()) + SESSION_SECONDS)
        return f"{expires}.{self._signature(expires)}"

    def owner(self, request: HTTPConnection) -> str | None:
        """ "owner" if the request may see the owner's page."""
        if self.password is None:
            return "owner"
        expires, _, signature = request.cookies.get(OWNER_COOKIE, "").partition(".")
        expected = self._signature(expires)
        if not secrets.compare_digest(signature.encode(), expected.encode()):
            return None
        return "owner" if int(expires) > time.time() else None

    def rater(self, request: HTTPConnection) -> str | None:
        """The rater whose link this browser has opened, if the link still holds."""
        token = request.cookies.get(RATER_COOKIE)
        return self.rater_of_token(token) if token else None

    def _signature(self, expires: str) -> str:
        message = f"{expires}.{self.password}".encode()
        return hmac.new(self.key, message, hashlib.sha256).hexdigest()


class Gate:
    """ASGI middleware that lets a request through, or answers it."""

    def __init__(self, app: ASGIApp, doors: Doors) -> None:
        self._app = app
        self._doors = doors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":  # nothing here speaks WebSocket
            request = HTTPConnection(scope)
            refusal = await run_in_threadpool(self._refusal, request, scope["method"])
            await (refusal or self._app)(scope, receive, _with_headers(send))

    def _refusal(self, request: HTTPConnection, method: str) -> Response | None:
        path = request.url.path
        if self._doors.password is None and not _is_local(request):
            return _no(403, "This page answers to this machine only. Set CHATUI_PASSWORD first.")
        if _is_from_another_site(request):
            return _no(403, "Refused: the request came from another site's page.")
        if path in OPEN_PATHS or path.startswith("/open/"):
            return None
        if path == "/rate" or path.startswith("/rate/"):
            return self._refused_rater(request, path)
        if self._doors.owner(request) is not None:
            return None
        if method == "GET" and path == "/":
            return RedirectResponse(f"/login?next={quote(request.url.query)}", 303)
        return _no(401, "Log in first.")

    def _refused_rater(self, request: HTTPConnection, path: str) -> Response | None:
        if self._doors.rater(request) is None:
            sentence = "This page opens with the link you were given. Open that link again."
            return message_page("Rating", sentence, 401)
        asked = path.removeprefix("/rate/gradio_api/")
        return _no(404, "Not found.") if asked.startswith(CLOSED_TO_RATERS) else None


def message_page(title: str, sentence: str, status: int) -> Response:
    """A page with one sentence; both texts are ours, never a visitor's."""
    return page(title, f"<h1>{title}</h1><p>{sentence}</p>", status)


def page(title: str, body: str, status: int = 200) -> Response:
    """A small page of its own, for those who are not inside; `body` is safe HTML."""
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="color-scheme" content="light dark"><title>{title}</title><style>'
        "body{font:16px/1.5 ui-sans-serif,system-ui,sans-serif;max-width:24rem;"
        "margin:15vh auto 0;padding:0 16px}h1{font-size:24px}"
        "input,button{font:inherit;min-height:44px;width:100%;box-sizing:border-box;"
        "margin:8px 0;padding:8px 12px;border-radius:6px;border:1px solid #71717a}"
        "button{background:#0f766e;color:#fff;border:0;font-weight:600}"
        ":focus-visible{outline:3px solid #0d9488;outline-offset:2px}"
        f"</style></head><body><main>{body}</main></body></html>"
    )
    return HTMLResponse(html, status, headers={"Cache-Control": "no-store"})


def _no(status: int, sentence: str) -> Response:
    return JSONResponse({"detail": sentence}, status)


def _is_local(request: HTTPConnection) -> bool:
    """Whether the browser calls us by a local name.

    A foreign site can point its own name at 127.0.0.1 and then read an open page (DNS rebinding);
    the Host header still shows the foreign name.
    """
    name = urlsplit(f"//{request.headers.get('host', '')}").hostname
    return name in LOCAL_NAMES


def _is_from_another_site(request: HTTPConnection) -> bool:
    origin = request.headers.get("origin")
    if origin is None:
        return False
    ours = [request.headers.get(name, "") for name in ("host", "x-forwarded-host")]
    return not origin or urlsplit(origin).netloc.lower() not in [o.lower() for o in ours if o]


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.setdefault("X-Content-Type-Options", "nosniff")
            headers.setdefault("Referrer-Policy", "same-origin")
            headers.setdefault("Content-Security-Policy", POLICY)
        await send(message)

    return send_with_headers
