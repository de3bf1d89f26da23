"""Asking a running node through its control socket, from another process."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import attrs
from returns.result import Failure, Result, Success

from migrations.refusal import Refusal
from runtime.control_token import NAME, read, usable
from runtime.datadir import socket_of
from runtime.errors import of_system

CONNECTING = 10.0
"""Seconds until an address must take a connection."""


@attrs.frozen
class NoNode(Refusal):
    """No node runs on the data directory."""

    directory: str

    @property
    def happened(self) -> str:
        return f"no node runs on {self.directory}."

    @property
    def remedy(self) -> str:
        return (
            "Start one with `midflight run FILE`, or name the data directory of the one you mean "
            "with --data DIR."
        )


@attrs.frozen
class NoAnswer(Refusal):
    """The node did not answer."""

    directory: str
    problem: str

    @property
    def happened(self) -> str:
        return f"the node on {self.directory} did not answer: {self.problem}."

    @property
    def remedy(self) -> str:
        return "Look at its log, and at its status."


@attrs.frozen
class Refused(Refusal):
    """What the node answered instead; `plain` is its reply."""

    plain: dict[str, Any]

    @property
    def reason(self) -> str:
        return str(self.plain.get("reason", "Failed"))

    @property
    def happened(self) -> str:
        return str(self.plain.get("message", ""))

    @property
    def remedy(self) -> str:
        return ""

    def to_plain(self) -> dict[str, Any]:
        """The reply as it came."""
        return {key: value for key, value in self.plain.items() if key != "ok"}


@attrs.frozen
class NoRemote(Refusal):
    """A node's control over TCP cannot be reached."""

    url: str
    problem: str

    @property
    def happened(self) -> str:
        return f"no node's control can be reached at {self.url}: {self.problem}."

    @property
    def remedy(self) -> str:
        return (
            "Give the address that `midflight run --control tcp://HOST:PORT` shows, and its token with --token-file "
            "FILE or as MIDFLIGHT_TOKEN."
        )


@attrs.frozen
class Remote:
    """A node's control over TCP."""

    host: str
    port: int
    token: bytes = attrs.field(repr=False)

    def __str__(self) -> str:
        return f"tcp://[{self.host}]:{self.port}" if ":" in self.host else f"tcp://{self.host}:{self.port}"


def remote(url: str, token_file: Path | None, data: Path) -> Result[Remote, Refusal]:
    """The control at a URL, with the token in a file, in the environment, or in a data directory.

    Returns Failure(NoRemote | BadTokenFile).
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        return Failure(NoRemote(url, str(error)))
    if parts.scheme != "tcp" or not host or not port or parts.path or parts.query or parts.username:
        return Failure(NoRemote(url, "that is no tcp://HOST:PORT"))
    beside = data / NAME
    said = os.environ.get("MIDFLIGHT_TOKEN")
    found: Result[bytes, Refusal]
    if token_file is None and said is not None:
        found = usable(said.strip().encode(errors="replace")).alt(
            lambda problem: NoRemote(url, f"MIDFLIGHT_TOKEN is no good token: {problem}")
        )
    elif token_file is None and not beside.exists():
        return Failure(NoRemote(url, "no token is given"))
    else:
        found = read(token_file or beside)
    return found.map(lambda token: Remote(host, port, token))


def _connected(place: str | Path | Remote, timeout: float | None) -> socket.socket:
    """A conversation with a node. Raises OSError."""
    if isinstance(place, Remote):
        return socket.create_connection((place.host, place.port), CONNECTING)
    path = socket_of(place)
    path.lstat()
    talk = socket.socket(socket.AF_UNIX)
    try:
        talk.settimeout(timeout)
        talk.connect(str(path))
    except BaseException:
        talk.close()
        raise
    return talk


def ask(
    place: str | Path | Remote,
    request: dict[str, Any],
    timeout: float | None = 120.0,
    tell: Callable[[dict[str, Any]], object] | None = None,
) -> Result[dict[str, Any], Refusal]:
    """Send one request to the node of a data directory, or at an address; return its reply.

    `tell` hears how far it is, where the request has `progress`. Returns Failure(NoNode | NoRemote | NoAnswer |
    Refused).
    """
    where = str(place) if isinstance(place, Remote) else str(Path(place).absolute())
    try:
        with _connected(place, timeout) as talk:
            line = _asked(place, talk, request, timeout, tell)
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError, socket.gaierror) as error:
        return Failure(NoRemote(where, of_system(error)) if isinstance(place, Remote) else NoNode(where))
    except OSError as error:
        return Failure(NoAnswer(where, of_system(error)))
    try:
        reply = json.loads(line)
    except ValueError:
        return Failure(NoAnswer(where, "it ended the conversation"))
    return Success(reply) if reply.get("ok") else Failure(Refused(reply))


def _asked(
    place: str | Path | Remote,
    talk: socket.socket,
    request: dict[str, Any],
    timeout: float | None,
    tell: Callable[[dict[str, Any]], object] | None,
) -> bytes:
    """The line of the reply, behind those that tell how far it is. Raises OSError."""
    with talk.makefile("rb") as lines:
        if isinstance(place, Remote):
            talk.sendall(json.dumps({"token": place.token.decode()}).encode() + b"\n")
            line = lines.readline()
            if line.rstrip() != b'{"ok": true}':
                return line
            talk.settimeout(timeout)
        talk.sendall(json.dumps(request).encode() + b"\n")
        line = lines.readline()
        while tell is not None and line.startswith(b'{"progress"'):
            tell(json.loads(line)["progress"])
            line = lines.readline()
        return line
