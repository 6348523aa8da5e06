"""The doors, over raw HTTP: what "private" hides from clients must be refused, not hidden."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from fastapi import FastAPI
from sqlalchemy import func, select
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from chatui.database import RaterRow, StudyRow
from chatui.rate.ballots import hash_of_token
from chatui.settings import Settings
from chatui.ui import server
from chatui.ui.gate import OWNER_COOKIE, RATER_COOKIE
from chatui.ui.server import build_server

PASSWORD = "correct horse battery"  # noqa: S105 - of a test
LOCAL = "http://127.0.0.1:7860"
ELSEWHERE = "http://chatui.example.org"
HTML = {"accept": "text/html"}


def settings(real_services, **fields) -> Settings:
    return Settings(workspace=real_services.settings.workspace, **fields)


@pytest.fixture(scope="module")
def locked_app(real_services) -> FastAPI:
    return build_server(real_services, settings(real_services, host="0.0.0.0", password=PASSWORD))


@pytest.fixture
def stranger(locked_app) -> Iterator[TestClient]:
    with TestClient(locked_app, ELSEWHERE, follow_redirects=False) as client:
        yield client


@pytest.fixture(scope="module")
def open_app(real_services) -> FastAPI:
    return build_server(real_services, settings(real_services))


@pytest.fixture
def at_home(open_app) -> Iterator[TestClient]:
    with TestClient(open_app, LOCAL, follow_redirects=False) as client:
        yield client


def log_in(client: TestClient, password: str = PASSWORD, query: str = ""):
    return client.post("/login", data={"password": password, "next": query})


def every_endpoint(app: FastAPI, path: str) -> list[tuple[str, str]]:
    mounted = next(each for each in app.routes if isinstance(each, Mount) and each.path == path)
    routes = list(mounted.app.routes)
    for each in mounted.app.routes:  # FastAPI keeps an included router as one route
        routes += getattr(getattr(each, "original_router", None), "routes", [])
    return [
        (method, path + re.sub(r"{[^}]+}", "x", route.path))
        for route in routes
        if isinstance(route, Route)
        for method in route.methods or ()
    ]


@pytest.fixture
def link(real_services) -> Iterator[str]:
    """The token of a rater; revoked by `revoke`."""
    with real_services.studies._database.writing() as session:
        if session.get(StudyRow, "t1") is None:
            now, words = datetime.now(UTC), {"consent_version": "1", "consent_text": "Yes."}
            session.add(
                StudyRow(
                    id="t1",
                    name="t1",
                    run="r1",
                    pack={},
                    pack_hash="",
                    app_version="0",
                    created_at=now,
                    **words,
                )
            )
            session.flush()
        number = session.scalar(select(func.count()).select_from(RaterRow)) + 1
        token = f"a-good-token-{number}"
        session.add(
            RaterRow(
                id=f"rater-{number}",
                study="t1",
                number=number,
                is_owner=False,
                token_hash=hash_of_token(token),
                created_at=datetime.now(UTC),
            )
        )
    yield token
    revoke(real_services, token)


def revoke(real_services, token: str) -> None:
    wanted = select(RaterRow).where(RaterRow.token_hash == hash_of_token(token))
    with real_services.studies._database.writing() as session:
        session.scalars(wanted).one().revoked_at = datetime.now(UTC)


def test_the_page_is_open_on_loopback_without_a_password(at_home):
    assert at_home.get("/", headers=HTML).status_code == 200
    assert at_home.get("/config").status_code == 200


def test_every_endpoint_of_the_owner_is_refused_without_a_session(stranger, locked_app):
    endpoints = every_endpoint(locked_app, "")
    statuses = {each: stranger.request(*each, json={}).status_code for each in endpoints}

    assert len(endpoints) > 40
    open_paths = {"/", "/login", "/favicon.ico"}  # "/" leads to the login page
    assert {s for each, s in statuses.items() if each[1] not in open_paths} == {401}


@pytest.mark.parametrize("path", ["queue/join", "upload", "call/start_run", "cancel", "run/x"])
def test_what_starts_work_is_refused_without_a_session(stranger, path):
    assert stranger.post(f"/gradio_api/{path}", json={"data": []}).status_code == 401


def test_every_endpoint_of_the_raters_is_refused_without_a_link(stranger, locked_app):
    endpoints = every_endpoint(locked_app, "/rate")
    statuses = {stranger.request(*each, json={}).status_code for each in endpoints}

    assert statuses == {401}


def test_a_browser_without_a_session_is_sent_to_the_login_page(stranger):
    sent = stranger.get("/?tab=score&run=r3", headers=HTML)

    assert sent.status_code == 303
    assert sent.headers["location"] == "/login?next=tab%3Dscore%26run%3Dr3"
    assert 'value="tab=score&run=r3"' in stranger.get(sent.headers["location"]).text


def test_the_password_lets_in_and_leads_to_where_one_wanted_to_go(stranger):
    entered = log_in(stranger, query="tab=score&run=r3")

    cookie = entered.headers["set-cookie"]
    assert entered.headers["location"] == "/?tab=score&run=r3"
    assert all(word in cookie for word in (OWNER_COOKIE, "HttpOnly", "SameSite=lax"))
    assert stranger.get("/config").status_code == 200


def test_the_cookie_is_for_https_only_behind_https(stranger):
    sent = {"password": PASSWORD}
    entered = stranger.post("/login", data=sent, headers={"x-forwarded-proto": "https"})

    assert "Secure" in entered.headers["set-cookie"]


def test_a_wrong_password_says_so_and_many_are_slowed_down(real_services):
    app = build_server(real_services, settings(real_services, password=PASSWORD))
    with TestClient(app, LOCAL, follow_redirects=False) as client:
        statuses = [log_in(client, "wrong").status_code for _ in range(6)]

        assert statuses == [401] * 5 + [429]
        assert log_in(client).status_code == 429


def test_a_hostile_destination_stays_on_this_site(stranger):
    page = stranger.get("/login", params={"next": '"><script>alert(1)</script>'}).text
    entered = log_in(stranger, query="//evil.example\r\nSet-Cookie: x=y")

    assert "<script>alert" not in page
    assert entered.headers["location"].startswith("/?")
    assert "x" not in entered.cookies


def test_an_endless_login_form_is_not_read(stranger):
    assert stranger.post("/login", content=b"password=" + b"x" * 100_000).status_code == 401


def test_logging_out_ends_the_session(stranger):
    log_in(stranger)
    stranger.post("/logout")

    assert stranger.get("/config").status_code == 401


def test_health_needs_no_session(stranger):
    assert stranger.get("/health").json() == {"status": "ok"}


def test_a_password_is_generated_beyond_loopback_and_none_on_loopback(real_services, open_app):
    reachable = build_server(real_services, settings(real_services, host="0.0.0.0"))

    assert len(reachable.state.password) >= 16
    assert open_app.state.password is None


def test_serving_prints_the_address_and_a_generated_password_once(
    real_services, monkeypatch, capsys
):
    monkeypatch.setattr(server.uvicorn, "run", lambda app, **options: None)
    server.serve(real_services, settings(real_services, host="0.0.0.0", port=17861))

    told = capsys.readouterr().err
    assert "http://127.0.0.1:17861" in told
    assert told.count("Password") == 1


def test_a_password_of_ones_own_is_not_printed(real_services, monkeypatch, capsys):
    monkeypatch.setattr(server.uvicorn, "run", lambda app, **options: None)
    server.serve(real_services, settings(real_services, port=17862, password=PASSWORD))

    assert PASSWORD not in capsys.readouterr().err


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1.evil.test"])
def test_another_sites_page_can_do_nothing(at_home, origin):
    refused = at_home.post("/gradio_api/queue/join", json={}, headers={"origin": origin})

    assert refused.status_code == 403


def test_our_own_page_can(at_home):
    joined = at_home.post("/gradio_api/queue/join", json={}, headers={"origin": LOCAL})

    assert joined.status_code not in (401, 403)


def test_a_foreign_name_that_points_here_is_refused_while_the_page_is_open(at_home):
    assert at_home.get("/config", headers={"host": "rebound.example"}).status_code == 403
    assert at_home.get("/config", headers={"host": "localhost:7860"}).status_code == 200


def test_pages_are_not_framed_elsewhere_and_load_no_foreign_pictures(at_home):
    policy = at_home.get("/", headers=HTML).headers["content-security-policy"]

    assert "frame-ancestors 'self'" in policy
    assert "img-src 'self' data: blob:" in policy


def test_a_link_opens_the_raters_page_and_nothing_of_the_owners(stranger, link):
    opened = stranger.get(f"/open/{link}", headers=HTML)

    cookie = opened.headers["set-cookie"]
    assert opened.headers["location"] == "/rate/"
    assert all(word in cookie for word in (RATER_COOKIE, "HttpOnly", "SameSite=lax", "Path=/rate"))
    assert stranger.get("/rate/", headers=HTML).status_code == 200
    assert stranger.get("/config").status_code == 401


def test_a_revoked_link_closes_the_page_at_once(stranger, link, real_services):
    stranger.get(f"/open/{link}")
    revoke(real_services, link)

    assert stranger.get("/rate/", headers=HTML).status_code == 401
    assert stranger.get(f"/open/{link}").status_code == 404


def test_raters_can_neither_send_nor_fetch_files(stranger, link):
    stranger.get(f"/open/{link}")

    assert stranger.post("/rate/gradio_api/upload").status_code == 404
    assert stranger.get("/rate/gradio_api/file=/etc/passwd").status_code == 404


def test_an_unknown_link_is_a_page_with_a_sentence(stranger):
    unknown = stranger.get("/open/nobody-knows-me", headers=HTML)

    assert unknown.status_code == 404
    assert "This link is not known" in unknown.text
    assert "set-cookie" not in unknown.headers


def test_the_raters_page_has_no_endpoint_of_the_owners_in_it(stranger, link):
    stranger.get(f"/open/{link}")

    endpoints = {each["api_name"] for each in stranger.get("/rate/config").json()["dependencies"]}

    assert endpoints
    assert not endpoints & {"start_run", "start_score", "save_version", "chat_reply"}
