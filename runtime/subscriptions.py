"""Who hears what machines publish: subscribers to a topic, each with the events that it has not taken yet.

An event is told once its batch is committed, to those who are subscribed then, and to nobody later. A subscriber
who does not keep up is dropped, and told so: it never holds up the node.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self

from runtime import bounds
from runtime.outbox import Published


class Lagged(Exception):
    """A subscriber had `bounds.EVENTS` events waiting when another came; it is dropped. Subscribe again."""

    def __init__(self, topic: str) -> None:
        super().__init__(
            f"this subscriber to {topic!r} did not keep up: {bounds.EVENTS} events waited for it, and it is "
            "dropped; subscribe again, and compare the number of the next event with that of the last one"
        )
        self.topic = topic


class Subscriber:
    """The events of one topic that were not taken yet; `heard` is called when there is something to see."""

    def __init__(self, hub: Hub, topic: str, heard: Callable[[], object]) -> None:
        self.topic = topic
        self.closed = False
        self._hub = hub
        self._heard = heard
        self._waiting: deque[Published] = deque()
        self._lagged = False

    def take(self) -> list[Published]:
        """The events since the last time, in their order. Raises Lagged where some are missing."""
        if not self._waiting and self._lagged:
            raise Lagged(self.topic)
        events, self._waiting = list(self._waiting), deque()
        return events

    def next(self) -> Published | None:
        """The next event, or None. Raises Lagged where it is missing."""
        if not self._waiting and self._lagged:
            raise Lagged(self.topic)
        return self._waiting.popleft() if self._waiting else None

    def tell(self, event: Published) -> None:
        """Give it an event, if there is room."""
        if len(self._waiting) < bounds.EVENTS:
            self._waiting.append(event)
        else:
            self._lagged = True
            self.close()
        self._heard()

    def close(self) -> None:
        """Hear no more; what waits can be taken."""
        self.closed = True
        self._hub.drop(self)
        self._heard()


class Hub:
    """The subscribers of a node."""

    def __init__(self) -> None:
        self._topics: dict[str, list[Subscriber]] = {}

    def subscribe(self, topic: str, heard: Callable[[], object] = lambda: None) -> Subscriber:
        """Hear of a topic from now on."""
        subscriber = Subscriber(self, topic, heard)
        self._topics.setdefault(topic, []).append(subscriber)
        return subscriber

    def publish(self, event: Published) -> None:
        """Tell an event to those who are subscribed."""
        for subscriber in tuple(self._topics.get(event.topic, ())):
            subscriber.tell(event)

    def drop(self, subscriber: Subscriber) -> None:
        """Forget a subscriber."""
        others = self._topics.get(subscriber.topic, [])
        if subscriber in others:
            others.remove(subscriber)
        if not others:
            self._topics.pop(subscriber.topic, None)

    def close(self) -> None:
        """Let every subscription end."""
        for subscribers in list(self._topics.values()):
            for subscriber in tuple(subscribers):
                subscriber.close()


class Subscription:
    """A subscriber in a loop: enter it to subscribe, and iterate over the events.

    It ends when the node does. Raises Lagged when it did not keep up.
    """

    def __init__(self, hub: Hub, topic: str) -> None:
        self._hub = hub
        self._topic = topic
        self._more = asyncio.Event()
        self._subscriber: Subscriber | None = None

    async def __aenter__(self) -> Self:
        self._subscriber = self._hub.subscribe(self._topic, self._more.set)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._subscriber is not None:
            self._subscriber.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Published:
        subscriber = self._subscriber
        if subscriber is None:
            raise RuntimeError("enter a subscription first: async with node.subscribe(topic) as events")
        while True:
            event = subscriber.next()
            if event is not None:
                return event
            if subscriber.closed:
                raise StopAsyncIteration
            self._more.clear()
            await self._more.wait()
