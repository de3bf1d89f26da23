"""Where a node listens: `--listen` URLs as bound sockets."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import socket
from collections.abc import Collection, Iterator, Sequence
from urllib.parse import urlsplit

import attrs
import uvicorn
from returns.result import Failure, Result, Success

from migrations.refusal import Refusal
from runtime import bounds

DEFAULT = "http://127.0.0.1:8080"


@attrs.frozen
class CannotListen(Refusal):
    """An address at which the node cannot be reached."""

    url: str
    problem: str

    @property
    def happened(self) -> str:
        return f"cannot listen on {self.url}: {self.problem}"

    @property
    def remedy(self) -> str:
        return ""


@attrs.frozen
class Listener:
    """A bound socket; `url` has the port that was picked, `is_public` tells whether other machines reach it."""

    url: str
    socket: socket.socket
    is_public: bool

    @property
    def scheme(self) -> str:
        """The protocol that is spoken there."""
        return urlsplit(self.url).scheme


class Server(uvicorn.Server):
    """A server over HTTP that leaves the signals to who begins it: to be ended is no failure."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def bind(urls: Sequence[str], codecs: Collection[str] = ()) -> Result[list[Listener], CannotListen]:
    """Bind every address, of http or of a codec's scheme, or none.

    Returns Failure(CannotListen) with the first that cannot be.
    """
    bound: list[Listener] = []
    for url in urls:
        match _bind(url, codecs):
            case Success(listener):
                bound.append(listener)
            case Failure(refusal):
                for each in bound:
                    each.socket.close()
                return Failure(refusal)
    return Success(bound)


def _bind(url: str, codecs: Collection[str]) -> Result[Listener, CannotListen]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, 80 if parts.port is None and parts.scheme == "http" else parts.port
    except ValueError as error:
        return Failure(CannotListen(url, f"{error}; write {DEFAULT}"))
    if parts.scheme != "http" and parts.scheme not in codecs:
        spoken = ", ".join(["http", *sorted(codecs)])
        problem = f"{parts.scheme or 'no scheme'} is not spoken here, but {spoken}; write {DEFAULT}"
        return Failure(CannotListen(url, problem))
    if port is None:
        return Failure(CannotListen(url, f"name a port; write {parts.scheme}://127.0.0.1:PORT"))
    if not host or parts.path not in ("", "/") or parts.query or parts.fragment or parts.username:
        return Failure(CannotListen(url, f"an address is a host and a port; write {DEFAULT}"))
    made: socket.socket | None = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        made = socket.socket(family, kind, protocol)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(bounds.BACKLOG)
        made.setblocking(False)
    except OSError as error:
        if made is not None:
            made.close()
        return Failure(CannotListen(url, _why(error)))
    shown = f"[{host}]" if ":" in host else host
    is_public = not ipaddress.ip_address(str(address[0]).partition("%")[0]).is_loopback
    return Success(Listener(f"{parts.scheme}://{shown}:{made.getsockname()[1]}", made, is_public))


def _why(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "another program listens there. Choose another port, 0 for a free one."
    if error.errno == errno.EACCES:
        return "that port needs more rights. Choose one above 1023."
    return (error.strerror or os.strerror(error.errno or 0)).lower()
