"""Fetch a file from a public web address, and from nowhere else.

The address is checked where the connection is made: after the name was resolved, for each redirect,
and the very address that was checked is connected to. So no name can lead into the network that the
app runs in. What arrives is counted, not what was announced.
"""

import ipaddress
import socket
import ssl
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

import httpcore
import httpx

from chatui.data.records import shortened
from chatui.errors import NotFetched

MAX_REDIRECTS = 5
MAX_SECONDS = 900.0  # for all of a file; a server that is slower has to be asked otherwise
_TIMEOUT = {"connect": 10.0, "read": 30.0, "write": 10.0, "pool": 10.0}  # seconds
_MOVED = (301, 302, 303, 307, 308)
# Addresses that hold another one: what they lead to is not seen by looking at them.
_TRANSLATED = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16")))

Permit = Callable[[str], bool]


def is_url(text: str) -> bool:
    """Whether a user means a web address rather than a file."""
    return text.lower().startswith(("http://", "https://"))


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open internet."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped:
            ip = ip.ipv4_mapped
        elif any(ip in network for network in _TRANSLATED):
            return False
    return ip.is_global and not ip.is_multicast


@contextmanager
def fetched(
    url: str,
    max_bytes: int,
    permit: Permit | None = None,
    *,
    seconds: float = MAX_SECONDS,
    progress: Callable[[int], None] = lambda _: None,
    token: str | None = None,
) -> Iterator[Path]:
    """The file at a web address, on disk for as long as the block lasts; raises NotFetched.

    `permit` says which IP addresses may be asked, `seconds` how long all of it may take, and
    `progress` is told how many bytes have come. A `token` is shown to the host of the address, and
    to none that it redirects to.
    """
    ends_at = time.monotonic() + seconds
    shown = _without_secrets(url)
    try:
        with tempfile.TemporaryDirectory(prefix="chatui-") as folder:
            path = Path(folder) / name_of(url)
            backend = _CheckedBackend(shown, permit or is_public)
            with (
                httpcore.ConnectionPool(network_backend=backend) as pool,
                _answer(pool, httpx.URL(url), shown, token) as answer,
                path.open("wb") as file,
            ):
                for chunk in _counted(answer.iter_stream(), max_bytes, shown):
                    file.write(chunk)
                    progress(file.tell())
                    if time.monotonic() > ends_at:  # a server may send a byte at a time for ever
                        raise NotFetched(shown, f"it takes longer than {seconds / 60:.0f} minutes")
            yield path
    except (*_NETWORK, httpx.InvalidURL, UnicodeError) as error:
        raise NotFetched(shown, _in_words(error)) from error


def is_same_site(one: httpx.URL, other: httpx.URL) -> bool:
    """Whether two addresses lead to the same server, in the same way."""
    return (one.scheme, one.host, one.port) == (other.scheme, other.host, other.port)


def name_of(url: str) -> str:
    """The file's name in an address, which can name no other folder."""
    name = PurePosixPath(unquote(httpx.URL(url).path)).name
    return shortened(name.replace("\0", "").replace("\\", ""), 100).strip(". ") or "file"


_NETWORK = (
    httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError,
    httpcore.UnsupportedProtocol, ssl.SSLError,
)  # fmt: skip


class _CheckedBackend(httpcore.SyncBackend):
    """Connections to addresses that are permitted; a name must have no other."""

    def __init__(self, shown: str, permit: Permit) -> None:
        self._shown, self._permit = shown, permit

    def connect_tcp(  # noqa: PLR0917 - httpcore's own signature
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Resolve, check and connect."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise NotFetched(self._shown, f"there is no host {shortened(host, 60)}") from error
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        if not addresses or not all(map(self._permit, addresses)):
            reason = f"{shortened(host, 60)} is not on the public internet"
            raise NotFetched(self._shown, reason)
        problem: Exception | None = None
        for address in addresses:
            try:
                return super().connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                problem = error
        raise problem or httpcore.ConnectError("no address")


@contextmanager
def _answer(
    pool: httpcore.ConnectionPool, url: httpx.URL, shown: str, token: str | None
) -> Iterator[httpcore.Response]:
    """The answer that has the file, after all redirects."""
    first = url
    for _ in range(MAX_REDIRECTS + 1):
        if url.scheme not in ("http", "https") or not url.host or url.userinfo:
            raise NotFetched(shown, "only http and https addresses without a password can be asked")
        target = httpcore.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        )
        # Packed answers would hide how large they are.
        headers = [(b"Host", url.netloc), (b"Accept-Encoding", b"identity")]
        if token and is_same_site(url, first):
            headers.append((b"Authorization", f"Bearer {token}".encode()))
        with pool.stream(
            "GET", target, headers=headers, extensions={"timeout": _TIMEOUT}
        ) as answer:
            if answer.status == 200:
                yield answer
                return
            if answer.status not in _MOVED:
                reason = f"the server answers {answer.status}"
                raise NotFetched(shown, reason, answer.status)
            url = url.join(_header(answer, b"location").decode("latin-1"))
    raise NotFetched(shown, f"it redirects more than {MAX_REDIRECTS} times")


def _header(answer: httpcore.Response, name: bytes) -> bytes:
    return next((value for key, value in answer.headers if key.lower() == name), b"")


def _counted(chunks: Iterable[bytes], max_bytes: int, shown: str) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > max_bytes:
            raise NotFetched(shown, f"it is larger than {max_bytes / 2**20:,.0f} MB")
        yield chunk


def _without_secrets(url: str) -> str:
    """An address as it may be shown: without a password or what stands after a "?"."""
    plain, _, rest = url.partition("://")
    host, slash, path = rest.partition("?")[0].partition("/")
    return shortened(f"{plain}://{host.rpartition('@')[2]}{slash}{path}", 120)


def _in_words(error: Exception) -> str:
    if isinstance(error, httpcore.TimeoutException):
        return "the server does not answer in time"
    if isinstance(error, httpx.InvalidURL | UnicodeError):
        return "it is no web address"
    return f"the connection fails ({shortened(str(error) or type(error).__name__, 80)})"
