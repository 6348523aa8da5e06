import pytest
from starlette.requests import HTTPConnection

from chatui.ui.gate import OWNER_COOKIE, RATER_COOKIE, Doors, Slowdown


def doors(password="right", key=b"k" * 32):
    return Doors(password, key, {"good": "rater-1"}.get)


def request(**cookies):
    cookie = "; ".join(f"{name}={value}" for name, value in cookies.items())
    return HTTPConnection({"type": "http", "headers": [(b"cookie", cookie.encode())]})


def test_a_session_lets_the_owner_in():
    assert doors().owner(request(**{OWNER_COOKIE: doors().new_session()})) == "owner"


@pytest.mark.parametrize(
    "cookie", ["", "x", ".", "99999999999.0", "é.é", f"99999999999.{'0' * 64}"]
)
def test_a_made_up_session_does_not(cookie):
    assert doors().owner(request(**{OWNER_COOKIE: cookie})) is None


def test_a_session_ends_when_the_password_changes():
    session = doors().new_session()

    assert doors("other").owner(request(**{OWNER_COOKIE: session})) is None


def test_a_session_of_another_workspace_is_refused():
    session = doors(key=b"o" * 32).new_session()

    assert doors().owner(request(**{OWNER_COOKIE: session})) is None


def test_an_expired_session_is_refused():
    expired = doors()
    cookie = f"1000.{expired._signature('1000')}"

    assert expired.owner(request(**{OWNER_COOKIE: cookie})) is None


def test_only_the_password_opens():
    assert doors().is_password("right")
    assert not doors().is_password("Right")
    assert not doors(None).is_password("")


def test_a_rater_is_known_by_the_token_in_the_cookie():
    assert doors().rater(request(**{RATER_COOKIE: "good"})) == "rater-1"
    assert doors().rater(request(**{RATER_COOKIE: "bad"})) is None
    assert doors().rater(request()) is None


def test_wrong_passwords_make_an_address_wait_longer_and_longer():
    now = [0.0]
    slowdown = Slowdown(clock=lambda: now[0])
    for _ in range(5):
        slowdown.note("1.2.3.4", right=False)
    first = slowdown.seconds_to_wait("1.2.3.4")
    now[0] += first
    assert slowdown.seconds_to_wait("1.2.3.4") == 0

    slowdown.note("1.2.3.4", right=False)

    assert slowdown.seconds_to_wait("1.2.3.4") > first > 0
    assert slowdown.seconds_to_wait("5.6.7.8") == 0


def test_the_right_password_ends_the_waiting():
    slowdown = Slowdown(clock=lambda: 0.0)
    for right in (False, False, False, False, False, True):
        slowdown.note("1.2.3.4", right)

    assert slowdown.seconds_to_wait("1.2.3.4") == 0
