"""Addresses of OpenAI-compatible servers, and what goes wrong with them, in words."""

import httpx


def server_address(text: str) -> str:
    """The address of an API such as http://127.0.0.1:8000/v1; raises ValueError, with the reason.

    The owner names it, so it may stand on this machine or in this network.
    """
    try:
        url = httpx.URL(text.strip().rstrip("/"))
    except httpx.InvalidURL as error:
        raise ValueError("that is no web address") from error
    if url.scheme not in ("http", "https") or not url.host or url.userinfo:
        raise ValueError("that is no http or https address without a login")
    return str(url)


def shown_address(address: str) -> str:
    """The address as it may be shown: without a login and without parameters."""
    try:
        url = httpx.URL(address)
        shown = str(url.copy_with(username=None, password=None, query=None, fragment=None))[:100]
    except (httpx.InvalidURL, TypeError):
        return "this address"
    return shown or "no address"


def failure_in_words(error: Exception) -> str:
    """Why nothing came."""
    if isinstance(error, httpx.TimeoutException):
        return "it does not answer in time"
    if isinstance(error, httpx.ConnectError):
        return "nothing answers there"
    return f"the connection failed ({type(error).__name__})"
