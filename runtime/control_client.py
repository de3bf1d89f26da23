"""Asking a running node through its control socket, from another process."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import attrs
from returns.result import Failure, Result, Success

from migrations.refusal import Refusal
from runtime.datadir import socket_of


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


def ask(data: str | Path, request: dict[str, Any], timeout: float = 120.0) -> Result[dict[str, Any], Refusal]:
    """Send one request and return its reply. Returns Failure(NoNode | NoAnswer | Refused)."""
    directory, path = str(Path(data).absolute()), socket_of(data)
    try:
        path.lstat()
        with socket.socket(socket.AF_UNIX) as talk:
            talk.settimeout(timeout)
            talk.connect(str(path))
            talk.sendall(json.dumps(request).encode() + b"\n")
            with talk.makefile("rb") as lines:
                line = lines.readline()
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
        return Failure(NoNode(directory))
    except OSError as error:
        return Failure(NoAnswer(directory, str(error)))
    try:
        reply = json.loads(line)
    except ValueError:
        return Failure(NoAnswer(directory, "it ended the conversation"))
    return Success(reply) if reply.get("ok") else Failure(Refused(reply))
