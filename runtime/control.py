"""A node's control socket: one JSON object a line in each direction.

A request is `{"op": ...}` with the operation's fields, a reply `{"ok": true, ...}` or `{"ok": false, "reason":
..., "message": ...}`. Whoever may open the socket, which lies in a private folder, may do all of it. What is not
a request is answered with a reason and harms nobody.

    {"op": "status"}
    {"op": "call", "machine": NAME, "message": JSON, "id": TEXT or null, "version": TEXT or null}
    {"op": "upgrade", "file": "FILE[:APP]", "expected": DIGEST or null, "through": [FILE, ...]}
    {"op": "rollback", "application": NAME or null}
    {"op": "settle", "application": NAME or null}
    {"op": "stop"}
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import pwd
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from returns.result import Failure, Result, Success

from arrows.plain import describe, from_plain
from migrations.refusal import Refusal
from runtime import bounds
from runtime.application import Application
from runtime.datadir import Claim
from runtime.errors import BadMessage, CallError, cut
from runtime.gateway import Malformed, encoded, parse
from runtime.history import WHO
from runtime.loader import load
from runtime.node import Node
from runtime.refusal import CannotLoad, UnknownApplication
from runtime.upgrade import Upgraded

MAX_LINE = 2 * bounds.MAX_BODY
"""Bytes of a request."""

LOADING = 30.0
"""Seconds that a file may take to be executed."""

CLOSING = 5.0
"""Seconds that requests under way have when the node stops."""

Plain = dict[str, Any]

logger = logging.getLogger("midflight")


class BadRequest(Exception):
    """A line that is no request."""


class Control:
    """Serves a node's operations on the socket of a claimed data directory.

    `urls` are told in the status; `stopping` is set when somebody asks the node to stop.
    """

    def __init__(self, node: Node, claim: Claim, urls: Sequence[str] = ()) -> None:
        self.stopping = asyncio.Event()
        self._node = node
        self._claim = claim
        self._urls = tuple(urls)
        self._talks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._operations: dict[str, Callable[[Plain], Awaitable[Plain]]] = {
            "status": self._status,
            "call": self._call,
            "upgrade": self._upgrade,
            "rollback": self._rollback,
            "settle": self._settle,
            "stop": self._stop,
        }

    async def start(self) -> None:
        """Listen. Raises OSError where the socket cannot be made."""
        path = str(self._claim.socket)
        self._server = await asyncio.start_unix_server(self._accept, path, limit=MAX_LINE)
        self._claim.socket.chmod(0o600)

    async def close(self) -> None:
        """Listen no more, and let each request that is under way be answered."""
        if self._server is not None:
            self._server.close()
        for talk in list(self._talks):
            talk.cancel()
        if self._talks:
            await asyncio.wait(self._talks, timeout=CLOSING)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.ensure_future(self._talk(reader, writer))
        self._talks.add(talk)
        talk.add_done_callback(self._talks.discard)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        WHO.set(_peer(writer))
        try:
            while True:
                try:
                    line = await reader.readline()
                except ValueError:
                    await _send(writer, _bad(f"a request may have {MAX_LINE} bytes"))
                    return
                if not line:
                    return
                answer = asyncio.ensure_future(self._answered(writer, line))
                try:
                    await asyncio.shield(answer)
                except asyncio.CancelledError:
                    await answer
                    raise
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _answered(self, writer: asyncio.StreamWriter, line: bytes) -> None:
        await _send(writer, await self.answer(line))

    async def answer(self, line: bytes) -> Plain:
        """Do what a line asks for, and return the reply; never raises."""
        try:
            request = parse(line)
            if not isinstance(request, dict):
                raise BadRequest("a request is a JSON object")
            operation = self._operations.get(_text(request, "op"))
            if operation is None:
                raise BadRequest(
                    f"unknown op {cut(request['op'])!r}; there are: {', '.join(self._operations)}"
                )
            return {"ok": True, **await operation(request)}
        except (BadRequest, Malformed) as error:
            return _bad(str(error))
        except CallError as error:
            plain = error.to_plain()
            return {"ok": False, "reason": plain.pop("error"), **plain}
        except _Refused as error:
            return {"ok": False, **error.refusal.to_plain()}
        except Exception as error:
            logger.exception("a control request failed")
            return {"ok": False, "reason": "Failed", "message": cut(f"{type(error).__name__}: {error}")}

    # Operations

    async def _status(self, request: Plain) -> Plain:
        status = self._node.status().to_plain()
        return {
            "status": {
                **status,
                "process": os.getpid(),
                "data": str(self._claim.directory),
                "urls": self._urls,
            }
        }

    async def _call(self, request: Plain) -> Plain:
        machine = _text(request, "machine")
        if "message" not in request:
            raise BadRequest("a call has a field 'message'")
        id = _text(request, "id") if request.get("id") is not None else None
        version = _text(request, "version") if request.get("version") is not None else None
        spoken = self._node.dialect(machine, version)
        match from_plain(request["message"], spoken.takes):
            case Success(message):
                own = spoken.own(message)
                reply = await self._node.call(machine, own, encode=lambda r: encoded(spoken.reply(r)), id=id)
                return {"reply": json.loads(reply)}
            case Failure(misfit):
                raise BadMessage(machine, misfit, describe(spoken.takes))
        raise AssertionError("a Result is one of the two")

    async def _upgrade(self, request: Plain) -> Plain:
        file = _text(request, "file")
        expected = _text(request, "expected") if request.get("expected") is not None else None
        through = request.get("through", [])
        if not isinstance(through, list) or not all(isinstance(each, str) for each in through):
            raise BadRequest("the field 'through' is a list of texts")
        application = _unwrapped(await _loaded(file))
        between = [_unwrapped(await _loaded(each)) for each in through]
        made = await self._node.upgrade(application, expected, through=between)
        return {"upgraded": _unwrapped(made).to_plain()}

    async def _rollback(self, request: Plain) -> Plain:
        result: Result[Upgraded, Refusal] = await self._node.rollback(self._application(request))
        return {"upgraded": _unwrapped(result).to_plain()}

    async def _settle(self, request: Plain) -> Plain:
        return {"settled": _unwrapped(await self._node.settle(self._application(request))).to_plain()}

    def _application(self, request: Plain) -> str:
        known = tuple(each.name for each in self._node.status().applications)
        if request.get("application") is not None:
            return _text(request, "application")
        if len(known) == 1:
            return known[0]
        raise _Refused(UnknownApplication("(none named)", known))

    async def _stop(self, request: Plain) -> Plain:
        self.stopping.set()
        return {}


class _Refused(Exception):
    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal


def _unwrapped(result: Result[Any, Any]) -> Any:
    if isinstance(result, Failure):
        raise _Refused(result.failure())
    return result.unwrap()


async def _loaded(file: str) -> Result[Application, CannotLoad]:
    """Load a file beside the machines. The thread is let go of where the file never comes to its end."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Result[Application, CannotLoad]] = loop.create_future()

    def done(result: Result[Application, CannotLoad]) -> None:
        if not future.done():
            future.set_result(result)

    def work() -> None:
        result = load(file)
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(done, result)

    threading.Thread(target=work, name="midflight-load", daemon=True).start()
    try:
        return await asyncio.wait_for(future, LOADING)
    except TimeoutError:
        return Failure(CannotLoad(file, f"did not come to its end within {LOADING:g} s"))


def _peer(writer: asyncio.StreamWriter) -> str:
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


def _text(request: Plain, field: str) -> str:
    value = request.get(field)
    if not isinstance(value, str):
        raise BadRequest(
            f"a request has a field {field!r} with a text" if field == "op" else f"{field!r} is a text"
        )
    return value


def _bad(problem: str) -> Plain:
    return {"ok": False, "reason": "BadRequest", "message": problem}


async def _send(writer: asyncio.StreamWriter, reply: Plain) -> None:
    writer.write(json.dumps(reply, allow_nan=False).encode() + b"\n")
    await writer.drain()
