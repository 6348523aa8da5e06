"""One web server: the guests' pages first, then the owner's, a gate before both.

What is not mounted cannot be called: the raters' page is Blocks of its own, in which no endpoint of
the owner exists.
"""

import secrets
import socket
import sys
from urllib.parse import parse_qs, quote

import gradio as gr
import uvicorn
from fastapi import FastAPI, Request
from starlette.responses import RedirectResponse, Response

from chatui.errors import PortTaken
from chatui.services import Services
from chatui.settings import Settings
from chatui.ui.app import build_app
from chatui.ui.gate import (
    OWNER_COOKIE,
    RATER_COOKIE,
    SESSION_SECONDS,
    Doors,
    Gate,
    Slowdown,
    message_page,
    page,
)
from chatui.ui.guest.rater import build_rater_page
from chatui.ui.theme import HEAD, theme

_RATER_SECONDS = 90 * 24 * 60 * 60
_LONGEST_FORM = 4096  # bytes; anybody may send the login form


def build_server(services: Services, settings: Settings) -> FastAPI:
    """The whole application, ready for any ASGI server.

    `app.state.password` is the owner's password, or None where the page is open to this machine.
    """
    password = _password(settings)
    rater_of_token = services.studies.ballots.rater_of_token
    doors = Doors(password, services.workspace.session_key(), rater_of_token)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.state.password = password
    app.add_middleware(Gate, doors=doors)
    _add_login(app, doors)
    _add_links(app, doors)
    limit = f"{settings.max_upload_mb}mb"
    gr.mount_gradio_app(
        app,
        build_rater_page(services),
        "/rate",
        auth_dependency=doors.rater,
        footer_links=[],
        max_file_size="1kb",
        **_looks(),
    )
    gr.mount_gradio_app(
        app,
        build_app(services),
        "/",
        auth_dependency=doors.owner,
        footer_links=["api", "settings"],
        allowed_paths=[str(services.workspace.exports)],
        max_file_size=limit,
        **_looks(),
    )
    return app


def serve(services: Services, settings: Settings) -> None:
    """Serve until interrupted; prints where, and a generated password once."""
    _refuse_taken_port(settings)
    app = build_server(services, settings)
    services.searches.revive()
    services.jobs.tend()
    shown = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host
    lines = [f"chatui is ready: http://{shown}:{settings.port}"]
    if app.state.password and settings.password is None:
        lines.append(f"Password (set CHATUI_PASSWORD to choose your own): {app.state.password}")
    sys.stderr.write("\n".join(lines) + "\n")
    sys.stderr.flush()
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        log_level="warning",
        timeout_graceful_shutdown=3,  # pages keep a connection open for as long as they are shown
    )


def _password(settings: Settings) -> str | None:
    if settings.password is not None and settings.password.get_secret_value():
        return settings.password.get_secret_value()
    return None if settings.is_loopback else secrets.token_urlsafe(12)


def _looks() -> dict[str, object]:
    return {
        "theme": theme(),
        "head": HEAD,
        "run_history": False,  # it keeps what was typed in the browser, also on shared machines
        "ssr_mode": False,
        "show_error": True,
    }


def _add_login(app: FastAPI, doors: Doors) -> None:
    """The owner's way in and out."""
    slowdown = Slowdown()

    @app.get("/login")
    def login_page(request: Request) -> Response:
        if doors.owner(request):
            return RedirectResponse("/", 303)
        return _login_page(request.query_params.get("next", ""))

    @app.post("/login")
    async def log_in(request: Request) -> Response:
        who = request.client.host if request.client else ""
        form = parse_qs(await _small_body(request))
        query = form.get("next", [""])[0]
        if slowdown.seconds_to_wait(who) > 0:
            return _login_page(query, "Too many tries. Wait a minute, then try again.", 429)
        right = doors.is_password(form.get("password", [""])[0])
        slowdown.note(who, right)
        if not right:
            return _login_page(query, "That is not the password. Try again.", 401)
        response = RedirectResponse(f"/?{query}" if query else "/", 303)
        _set_cookie(request, response, OWNER_COOKIE, doors.new_session())
        return response

    @app.post("/logout")
    def log_out() -> Response:
        response = RedirectResponse("/login", 303)
        response.delete_cookie(OWNER_COOKIE)
        return response


def _add_links(app: FastAPI, doors: Doors) -> None:
    """The raters' way in, and what a container's health check asks."""

    @app.get("/health")
    def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/open/{token}")
    def open_link(token: str, request: Request) -> Response:
        if doors.rater_of_token(token) is None:
            sentence = "This link is not known, or was withdrawn. Ask for a new one."
            return message_page("Not found", sentence, 404)
        response = RedirectResponse("/rate/", 303, headers={"Cache-Control": "no-store"})
        _set_cookie(request, response, RATER_COOKIE, token)
        return response


def _set_cookie(request: Request, response: Response, name: str, value: str) -> None:
    is_rater = name == RATER_COOKIE
    forwarded = request.headers.get("x-forwarded-proto", request.url.scheme)
    response.set_cookie(
        name,
        value,
        max_age=_RATER_SECONDS if is_rater else SESSION_SECONDS,
        path="/rate" if is_rater else "/",
        httponly=True,
        samesite="lax",
        secure=forwarded.split(",")[0].strip() == "https",
    )


def _login_page(query: str, problem: str = "", status: int = 200) -> Response:
    told = f'<p role="alert">{problem}</p>' if problem else ""
    # Inside another site's frame browsers keep no cookie of ours: there, offer a window.
    framed = (
        '<p id="framed" hidden><a href="/login" target="_blank">Open in its own window</a> to '
        "log in.</p><script>if (window.top !== window) framed.hidden = false</script>"
    )
    body = (
        f'<h1>chatui</h1>{told}<form method="post" action="/login">'
        f'<input type="hidden" name="next" value="{quote(query, safe="=&")}">'
        '<label for="password">Password</label><input id="password" name="password" '
        'type="password" autocomplete="current-password" required autofocus>'
        f"<button>Log in</button></form>{framed}"
    )
    return page("Log in", body, status)


async def _small_body(request: Request) -> str:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LONGEST_FORM:
            return ""
    return body.decode("utf-8", "replace")


def _refuse_taken_port(settings: Settings) -> None:
    """Say so before the page is built, in a sentence; uvicorn would only log it."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise PortTaken(settings.host, settings.port, error.strerror or "") from error
