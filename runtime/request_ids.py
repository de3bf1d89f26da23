"""An id for every request over HTTP: the caller's `x-request-id`, or one of our own.

It is the trace id that observers and the journal see, and every answer repeats it, so that what a client saw can be
found again on the node. An id that is no short text of printable ASCII is replaced: it goes into logs.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER: Final = "x-request-id"

_KEY: Final = "midflight.request_id"
_FINE: Final = re.compile(r"[!-~]{1,128}")


class RequestIds:
    """Middleware that gives each request an id; `reference` supplies unique texts."""

    def __init__(self, app: ASGIApp, reference: Callable[[], str]) -> None:
        self._app = app
        self._reference = reference

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        id = scope[_KEY] = given if _FINE.fullmatch(given) else self._reference()

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = id
            await send(message)

        await self._app(scope, receive, named)


def request_id(request: Request) -> str:
    """The id of a request."""
    found: str = request.scope[_KEY]
    return found
