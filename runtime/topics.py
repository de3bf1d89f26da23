"""What machines publish, as server-sent events: `GET /topics/NAME`.

Each event has the `id` that the node counts it by, the class of the message as its `event`, and the message as JSON.
A client that comes again tells by `Last-Event-ID` what it had last; where the node has counted on since, an event
`gap` comes first, as nobody knows any more whether one of this topic was among them. One that does not keep up gets
an event `lagged`, or where it reads nothing at all is cut off.

The format is that of the HTML standard, "Server-sent events".
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from arrows.plain import to_plain
from runtime import bounds
from runtime.subscriptions import Lagged, Subscription

if TYPE_CHECKING:
    from runtime.outbox import Published

_HEADERS = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-store"}


class Events(Response):
    """An answer that ends when the client goes, does not keep up, or the node stops."""

    def __init__(self, subscription: Subscription, request: Request, counted: int) -> None:
        super().__init__(status_code=200, headers=_HEADERS)
        del self.headers["content-length"]
        self._subscription = subscription
        self._last = request.headers.get("last-event-id", "")
        self._counted = counted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events until one of the two ends."""
        sending = asyncio.ensure_future(self._send(send))
        leaving = asyncio.ensure_future(_gone(receive))
        try:
            await asyncio.wait([sending, leaving], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in (sending, leaving):
                each.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)

    async def _send(self, send: Send) -> None:
        async def body(text: str, more: bool = True) -> None:
            part = {"type": "http.response.body", "body": text.encode(), "more_body": more}
            async with asyncio.timeout(bounds.UNREAD):
                await send(part)

        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async with self._subscription as events:
            await body(_first(self._last, self._counted))
            with contextlib.suppress(StopAsyncIteration):
                while True:
                    try:
                        async with asyncio.timeout(bounds.HEARTBEAT):
                            event = await anext(events)
                    except TimeoutError:
                        await body(":\n\n")
                    except Lagged as lagged:
                        await body(_event("lagged", {"message": str(lagged)}))
                        break
                    else:
                        await body(_published(event))
        await body("", more=False)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _first(last: str, counted: int) -> str:
    """What a client is greeted with; `counted` is how many events there were so far."""
    greeting = ": subscribed\n\n"
    if last.isdecimal() and len(last) < 20 and int(last) < counted:
        gap = {"after": int(last), "before": counted + 1}
        return greeting + _event("gap", gap)
    return greeting


def _published(event: Published) -> str:
    try:
        told = _event(type(event.message).__name__, to_plain(event.message))
    except (TypeError, ValueError, RecursionError) as error:
        told = _event(
            "unreadable", {"message": f"a {type(event.message).__name__} has no JSON form: {error}"}
        )
    return f"id: {event.number}\n{told}"


def _event(name: str, data: Any) -> str:
    return f"event: {name}\ndata: {json.dumps(data, allow_nan=False)}\n\n"
