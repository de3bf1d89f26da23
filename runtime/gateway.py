"""The machines over HTTP: messages and replies as JSON, and every refusal as JSON with its reason.

`POST /machines/NAME` steps a machine, once for each `Idempotency-Key` where one is given; `GET /machines/NAME`
describes it; `GET /machines` lists them; `GET /topics/NAME` is what machines publish. `GET /healthz` tells that the
process lives, `GET /readyz` whether it takes messages. What is not a message that the machine accepts never reaches
it. `docs/http.md` tells it all.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from returns.result import Failure, Success
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from arrows.fit import Misfit
from arrows.plain import describe, from_plain, to_plain
from arrows.shape import Shape
from runtime import bounds
from runtime.errors import (
    BadId,
    BadMessage,
    CallError,
    IdReused,
    KeySetAside,
    Overloaded,
    RolledBack,
    StepFailed,
    Unavailable,
    UnknownMachine,
    UnknownVersion,
    cut,
)
from runtime.request_ids import RequestIds, request_id
from runtime.topics import Events

if TYPE_CHECKING:
    from runtime.node import Node


def application(node: Node) -> Starlette:
    """A web application over a node, to serve or to mount under a prefix."""

    async def machines(request: Request) -> Response:
        listed = [
            {"name": m.name, "application": m.application, "version": m.version, "digest": m.digest}
            for each in node.status().applications
            for m in each.machines
        ]
        return _json(200, {"machines": listed})

    async def look(request: Request) -> Response:
        return _json(200, node.machine(request.path_params["name"]).to_plain())

    async def step(request: Request) -> Response:
        name = request.path_params["name"]
        version = request.headers.get("midflight-version")
        node.dialect(name, version)  # an unknown machine is told before the body is read
        plain = parse(await _body(request))
        spoken = node.dialect(name, version)
        found = spoken.own(message(name, plain, spoken.takes))
        encode = encoded if version is None else lambda reply: encoded(spoken.reply(reply))
        reply = await node.call(name, found, request_id(request), encode, idempotency_key(request))
        return Response(reply, 200, media_type="application/json")

    async def alive(request: Request) -> Response:
        return _json(200, {"status": "alive"})

    async def ready(request: Request) -> Response:
        reason = node.unready()
        return (
            _json(200, {"status": "ready"})
            if reason is None
            else await _call_error(request, Unavailable(reason))
        )

    async def topic(request: Request) -> Response:
        reason = node.unready()
        if reason is not None:
            raise Unavailable(reason)
        return Events(node.subscribe(request.path_params["name"]), request, node.published())

    return Starlette(
        routes=[
            Route("/machines", machines, methods=["GET"]),
            Route("/machines/{name}", look, methods=["GET"]),
            Route("/machines/{name}", step, methods=["POST"]),
            Route("/topics/{name}", topic, methods=["GET"]),
            Route("/healthz", alive, methods=["GET"]),
            Route("/readyz", ready, methods=["GET"]),
        ],
        middleware=[Middleware(RequestIds, node.reference)],
        exception_handlers={
            CallError: _call_error,
            ClientDisconnect: _malformed,
            HTTPException: _http_error,
            Malformed: _malformed,
        },
    )


def idempotency_key(request: Request) -> str | None:
    """The id in a request's `Idempotency-Key`, a text in quotes or without. Raises BadId.

    The header is that of the IETF draft of its name; without it the request has no id.
    """
    given = request.headers.getlist("idempotency-key")
    if not given:
        return None
    if len(given) > 1:
        raise BadId("there are two of the header Idempotency-Key")
    (key,) = given
    quoted = _QUOTED.fullmatch(key)
    found = _ESCAPED.sub(r"\1", quoted[1]) if quoted else key
    if not found.isascii() or not found.isprintable() or (key.startswith('"') and not quoted):
        raise BadId(f"the header Idempotency-Key is {cut(repr(key))}, no text of printable ASCII")
    return found


_QUOTED = re.compile(r'"((?:[^"\\]|\\["\\])*)"')
_ESCAPED = re.compile(r'\\(["\\])')


class Malformed(ValueError):
    """A body that is not one JSON value."""


def parse(body: bytes) -> Any:
    """Read one JSON value.

    Raises Malformed for what is not strictly JSON (NaN, Infinity, numbers that overflow), for an object that
    names a field twice, and for nesting beyond `bounds.MAX_NESTING`.

    >>> parse(b'{"a": 1}')
    {'a': 1}
    """
    try:
        value = json.loads(
            body.decode(), object_pairs_hook=_object, parse_constant=_constant, parse_float=_float
        )
    except RecursionError:
        raise Malformed(f"nested deeper than {bounds.MAX_NESTING} levels") from None
    except UnicodeDecodeError as error:
        raise Malformed(f"not UTF-8 at byte {error.start}") from None
    except ValueError as error:
        raise Malformed(str(error)) from None
    level = [value]
    for _ in range(bounds.MAX_NESTING + 1):
        level = [inner for each in level for inner in _inner(each)]
        if not level:
            return value
    raise Malformed(f"nested deeper than {bounds.MAX_NESTING} levels")


def encoded(reply: Any) -> bytes:
    """A reply as JSON. Raises TypeError, ValueError or RecursionError for one that has no JSON form."""
    return json.dumps(to_plain(reply), allow_nan=False).encode()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        counts = Counter(name for name, _ in pairs)
        raise Malformed(f"an object names the field {cut(counts.most_common(1)[0][0])!r} twice")
    return found


def _constant(name: str) -> Any:
    raise Malformed(f"{name} is not JSON")


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise Malformed(f"the number {text[:50]} is too large")
    return value


def _inner(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        yield from value
    elif isinstance(value, dict):
        yield from value.values()


def message(name: str, plain: Any, takes: Shape) -> Any:
    """The message of the machine's own classes. Raises BadMessage for what is none."""
    try:
        result = from_plain(plain, takes)
    except Exception as error:
        result = Failure(Misfit("", "a message it can make", f"{type(error).__name__}: {error}"))
    match result:
        case Success(found):
            return found
        case Failure(misfit):
            raise BadMessage(name, misfit, describe(takes))


async def _body(request: Request) -> bytes:
    """The whole body; stops reading, with 413, as soon as it is longer than `bounds.MAX_BODY`."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > bounds.MAX_BODY:
        raise HTTPException(413)
    body = bytearray()
    chunks: AsyncIterator[bytes] = request.stream()
    async for chunk in chunks:
        body += chunk
        if len(body) > bounds.MAX_BODY:
            raise HTTPException(413)
    return bytes(body)


STATUS: dict[type[CallError], int] = {
    BadId: 400,
    BadMessage: 422,
    IdReused: 422,
    KeySetAside: 503,
    Overloaded: 503,
    RolledBack: 503,
    StepFailed: 500,
    Unavailable: 503,
    UnknownMachine: 404,
    UnknownVersion: 400,
}
"""The status of the answer to a message for which there is no reply."""


async def _call_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, CallError)
    headers = {}
    if isinstance(error, Overloaded | Unavailable):
        headers["retry-after"] = str(math.ceil(error.retry_after))
    return _json(STATUS[type(error)], error.to_plain(), headers)


async def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    what = {
        404: ("NotFound", "The addresses are /machines, /machines/NAME, /topics/NAME, /healthz and /readyz."),
        405: (
            "MethodNotAllowed",
            "GET /machines lists, GET /machines/NAME describes, POST /machines/NAME steps.",
        ),
        413: ("TooLarge", f"A body may have {bounds.MAX_BODY} bytes."),
    }
    name, message = what.get(error.status_code, ("Refused", str(error.detail)))
    headers = {**(error.headers or {}), **({"connection": "close"} if error.status_code == 413 else {})}
    return _json(error.status_code, {"error": name, "message": message}, headers)


async def _malformed(_: Request, error: Exception) -> Response:
    message = cut(str(error)) or "the body ended early"
    return _json(400, {"error": "Malformed", "message": message})


def _json(status: int, plain: Any, headers: dict[str, str] | None = None) -> Response:
    return Response(json.dumps(plain, allow_nan=False), status, headers, media_type="application/json")
