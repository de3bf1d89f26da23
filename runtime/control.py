"""A node's control: one JSON object a line in each direction, over a unix socket, or over TCP (`conversation`).

A request is `{"op": ...}` with the operation's fields, a reply `{"ok": true, ...}` or `{"ok": false, "reason":
..., "message": ...}`. Whoever may open the socket, which lies in a private folder, or knows the token, may do all of
it; the history tells who changed something. What is not a request is answered with a reason and harms nobody.

    {"op": "status"}
    {"op": "call", "machine": NAME, "message": JSON, "id": TEXT or null, "version": TEXT or null}
    {"op": "upgrade", "file": "FILE[:APP]", "expected": DIGEST or null, "through": [FILE, ...],
     "rehearse": INPUTS, "expect": FILE or null,
     "probation": "1000/10s" or null, "allow_pause": BOOL, "quarantine": BOOL,
     "settle": BOOL,
     "dry_run": BOOL, "wait": BOOL, "progress": BOOL}
    {"op": "rollback", "application": NAME or null}
    {"op": "settle", "application": NAME or null}
    {"op": "history"}
    {"op": "dead-letters"}
    {"op": "replay", "letters": [NUMBER, ...] or null for all}
    {"op": "drop", "letters": [NUMBER, ...] or null for all}
    {"op": "stop"}

Before the reply of an upgrade with `progress` come lines `{"progress": {...}}`, which tell how far it is
(`instruction.Progress`). Who leaves in the middle leaves it alone: it goes on to its end.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from typing import Any, Final

from returns.result import Failure, Result, Success

from arrows.plain import describe, from_plain
from migrations.refusal import Refusal
from runtime.application import Application
from runtime.asking import BadRequest, Plain, bad, count, limit, text
from runtime.beside import apart
from runtime.bounds import LOADING
from runtime.conversation import Talks, is_remote
from runtime.datadir import Claim
from runtime.errors import BadMessage, CallError, cut
from runtime.gateway import Malformed, encoded, parse
from runtime.history import rows
from runtime.instruction import Tell
from runtime.loader import load
from runtime.node import Node
from runtime.reading import looked
from runtime.refusal import CannotLoad, UnknownApplication
from runtime.status import shown
from runtime.upgrade import Upgraded

_UNTOLD: Final = ("status", "call", "history", "dead-letters")
"""What changes no version, and has no row of the history by itself."""

logger = logging.getLogger("midflight")


class Control:
    """Serves a node's operations on the socket of a claimed data directory.

    `urls` are told in the status; `stopping` is set when somebody asks the node to stop.
    """

    def __init__(self, node: Node, claim: Claim, urls: Sequence[str] = ()) -> None:
        self.stopping = asyncio.Event()
        self._node = node
        self._claim = claim
        self._urls = tuple(urls)
        self._talks = Talks(self.answer)
        self._tell: ContextVar[Tell | None] = ContextVar("tell", default=None)
        self._operations: dict[str, Callable[[Plain], Awaitable[Plain]]] = {
            "status": self._status,
            "call": self._call,
            "upgrade": self._upgrade,
            "rollback": self._rollback,
            "settle": self._settle,
            "history": self._history,
            "dead-letters": self._dead_letters,
            "replay": self._replay,
            "drop": self._drop,
            "stop": self._stop,
        }

    async def start(self) -> None:
        """Listen. Raises OSError where the socket cannot be made."""
        await self._talks.listen_on(str(self._claim.socket))
        self._claim.socket.chmod(0o600)

    async def listen(self, listening: socket.socket, token: bytes) -> None:
        """Listen on a bound TCP socket too, to whoever knows the token."""
        await self._talks.listen(listening, token)

    async def close(self) -> None:
        """Listen no more, and let each request that is under way be answered."""
        await self._talks.close()

    async def answer(self, line: bytes, tell: Tell | None = None) -> Plain:
        """Do what a line asks for, and return the reply; `tell` hears how far it is. Never raises."""
        token = self._tell.set(tell)
        try:
            request = parse(line)
            if not isinstance(request, dict):
                raise BadRequest("a request is a JSON object")
            operation = self._operations.get(text(request, "op"))
            if operation is None:
                raise BadRequest(
                    f"unknown op {cut(request['op'])!r}; there are: {', '.join(self._operations)}"
                )
            self._count(request)
            return {"ok": True, **await operation(request)}
        except (BadRequest, Malformed) as error:
            return bad(str(error))
        except CallError as error:
            plain = error.to_plain()
            return {"ok": False, "reason": plain.pop("error"), **plain}
        except _Refused as error:
            return {"ok": False, **error.refusal.to_plain()}
        except Exception as error:
            logger.exception("a control request failed")
            return {"ok": False, "reason": "Failed", "message": cut(f"{type(error).__name__}: {error}")}
        finally:
            self._tell.reset(token)

    def _count(self, request: Plain) -> None:
        """Let the history count what is asked for over TCP and leaves no other row there."""
        op, dry = request["op"], request.get("dry_run") is True
        if is_remote() and (op in _UNTOLD or dry):
            self._node.record_again(
                "asked for a dry run" if dry else f"asked for {op}", request.get("machine")
            )

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
        machine = text(request, "machine")
        if "message" not in request:
            raise BadRequest("a call has a field 'message'")
        id = text(request, "id") if request.get("id") is not None else None
        version = text(request, "version") if request.get("version") is not None else None
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
        file = text(request, "file")
        expected = text(request, "expected") if request.get("expected") is not None else None
        through = request.get("through", [])
        if not isinstance(through, list) or not all(isinstance(each, str) for each in through):
            raise BadRequest("the field 'through' is a list of texts")
        terms: Plain = {word: request.get(word) is True for word in ("allow_pause", "quarantine", "settle")}
        terms["probation"] = limit(request)
        dry = bool(request.get("dry_run"))
        found = [await _loaded(each) for each in (file, *through)]
        application, *between = (_unwrapped(each) if dry else self._granted(each) for each in found)
        if dry:
            rehearse = count(request, "rehearse")
            planned = await self._node.plan(
                application, expected, through=between, rehearse=rehearse, **terms
            )
            return {"plan": _unwrapped(planned).to_plain()}
        tell = self._tell.get() if request.get("progress") is True else None
        made = await self._node.upgrade(
            application,
            expected,
            through=between,
            rehearse=count(request, "rehearse"),
            expect=text(request, "expect") if request.get("expect") is not None else None,
            **terms,
            tell=tell,
        )
        upgraded = _unwrapped(made).to_plain()
        if request.get("wait"):
            _unwrapped(await self._node.passed(application.name))
        return {"upgraded": upgraded}

    async def _rollback(self, request: Plain) -> Plain:
        result: Result[Upgraded, Refusal] = await self._node.rollback(self._application(request))
        return {"upgraded": _unwrapped(result).to_plain()}

    async def _settle(self, request: Plain) -> Plain:
        name = self._application(request)
        return {"settled": self._granted(await self._node.settle(name), name).to_plain()}

    async def _history(self, request: Plain) -> Plain:
        return {"history": _unwrapped(await asyncio.to_thread(looked, self._claim.directory, rows))}

    async def _dead_letters(self, request: Plain) -> Plain:
        return {"dead_letters": [each.to_plain() for each in self._node.dead_letters()]}

    async def _replay(self, request: Plain) -> Plain:
        done, refused = await self._each(request, self._node.replay)
        return {"replayed": [{"number": number, "reply": shown(reply)} for number, reply in done], **refused}

    async def _drop(self, request: Plain) -> Plain:
        done, refused = await self._each(request, self._node.drop)
        return {"dropped": [number for number, _ in done], **refused}

    async def _each(
        self, request: Plain, do: Callable[[int], Awaitable[Result[Any, Refusal]]]
    ) -> tuple[list[tuple[int, Any]], Plain]:
        """Do something with each dead letter that is named: what came of those, and of those that refused."""
        given = request.get("letters", [])
        if given is None:
            given = [each.number for each in self._node.dead_letters()]
        if not isinstance(given, list) or not all(type(each) is int for each in given):
            raise BadRequest("the field 'letters' is a list of numbers, or null for all")
        done: list[tuple[int, Any]] = []
        refused: dict[int, Refusal] = {}
        for number in given:
            result = await do(number)
            if isinstance(result, Success):
                done.append((number, result.unwrap()))
            else:
                refused[number] = result.failure()
        if refused:
            self._node.record("refused", why=next(iter(refused.values())), letters=refused)
        told = [{"number": number, **why.to_plain()} for number, why in refused.items()]
        return done, {"refused": told}

    def _granted(self, result: Result[Any, Any], application: str | None = None) -> Any:
        """What was done. Where it was refused, the history tells it."""
        if isinstance(result, Failure):
            self._node.record("refused", application, result.failure())
        return _unwrapped(result)

    def _application(self, request: Plain) -> str:
        known = tuple(each.name for each in self._node.status().applications)
        if request.get("application") is not None:
            return text(request, "application")
        if len(known) == 1:
            return known[0]
        unnamed = UnknownApplication("(none named)", known)
        self._node.record("refused", why=unnamed)
        raise _Refused(unnamed)

    async def _stop(self, request: Plain) -> Plain:
        self._node.record("asked to stop")
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
    try:
        return await apart(LOADING, load, file)
    except TimeoutError:
        return Failure(CannotLoad(file, f"did not come to its end within {LOADING:g} s"))
