"""What stands in a request on the control socket, and who sent it."""

from __future__ import annotations

import asyncio
import pwd
import socket
import struct
from typing import Any

from runtime.instruction import Probation, probation

Plain = dict[str, Any]


class BadRequest(Exception):
    """A line that is no request."""


def bad(problem: str) -> Plain:
    """The reply to what is no request."""
    return {"ok": False, "reason": "BadRequest", "message": problem}


def limit(request: Plain) -> Probation | None:
    """How long a new version is watched: as usual where it is not said, not at all for null. Raises BadRequest."""
    if "probation" not in request:
        return Probation()
    if request["probation"] is None:
        return None
    try:
        return probation(text(request, "probation"))
    except ValueError as error:
        raise BadRequest(str(error)) from None


def peer(writer: asyncio.StreamWriter) -> str:
    """Who is at the other end: the name of the user, and the process, where the system tells it."""
    talk = writer.get_extra_info("socket")
    try:
        process, user, _ = struct.unpack("3i", talk.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    except (AttributeError, OSError):
        return "control socket"
    try:
        name = pwd.getpwuid(user).pw_name
    except KeyError:
        name = str(user)
    return f"{name}, process {process}"


def text(request: Plain, field: str) -> str:
    """A field that is a text. Raises BadRequest."""
    value = request.get(field)
    if not isinstance(value, str):
        raise BadRequest(
            f"a request has a field {field!r} with a text" if field == "op" else f"{field!r} is a text"
        )
    return value


def count(request: Plain, field: str) -> int:
    """A field that is a number, 0 where it is not there. Raises BadRequest."""
    value = request.get(field, 0)
    if type(value) is not int or value < 0:
        raise BadRequest(f"{field!r} is a whole number from 0 on")
    return value
