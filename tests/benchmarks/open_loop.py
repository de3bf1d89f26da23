"""Requests over a socket at a fixed rate, whether or not they are answered in time.

Each request has a moment at which it is meant to be sent, and its latency counts from there. A generator that waits
for answers would send less while the server stands still, and not see what that costs those who would have come
(Tene, "How NOT to measure latency": coordinated omission).
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import attrs

TICK: Final = 0.0005


@attrs.frozen
class Load:
    """What came of a load: answers per second, and the latencies in milliseconds, sorted."""

    rate: float
    latencies: Sequence[float]

    def at(self, share: float) -> float:
        """The latency that this share of the requests did not exceed."""
        return self.latencies[min(len(self.latencies) - 1, int(share * len(self.latencies)))]

    def __str__(self) -> str:
        shares = ((0.5, "p50"), (0.99, "p99"), (0.999, "p99.9"))
        return ", ".join(f"{name} {self.at(share):.1f} ms" for share, name in shares)


class Connection(asyncio.Protocol):
    """Sends requests, one behind the other or `pipelined`, and notes when each was answered."""

    def __init__(
        self, request: bytes, answered: Callable[[bytearray], int], pipelined: bool, latencies: list[float]
    ) -> None:
        self._request = request
        self._answered = answered
        self._pipelined = pipelined
        self._latencies = latencies
        self._received = bytearray()
        self._meant: deque[float] = deque()
        self._under_way = 0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is there."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def ask(self, meant: float) -> None:
        """Send a request that was meant to be sent then."""
        self._meant.append(meant)
        self._send()

    def _send(self) -> None:
        assert self._transport is not None
        while self._under_way < (len(self._meant) if self._pipelined else min(1, len(self._meant))):
            self._transport.write(self._request)
            self._under_way += 1

    def data_received(self, data: bytes) -> None:
        """Take the answers that are whole."""
        self._received += data
        now = time.perf_counter()
        while self._under_way and (size := self._answered(self._received)):
            del self._received[:size]
            self._latencies.append((now - self._meant.popleft()) * 1000)
            self._under_way -= 1
        self._send()

    @property
    def waiting(self) -> int:
        """Requests that are not answered yet."""
        return len(self._meant)

    def close(self) -> None:
        """Let go."""
        assert self._transport is not None
        self._transport.close()


async def load(
    port: int,
    request: bytes,
    answered: Callable[[bytearray], int],
    *,
    rate: int,
    seconds: float,
    connections: int,
    pipelined: bool,
) -> Load:
    """Send requests for so many seconds, wait for the answers, and tell what came of it.

    `answered` gives the length of the answer at the beginning of some bytes, or 0 while it is not whole.
    """
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    made = [
        (
            await loop.create_connection(
                lambda: Connection(request, answered, pipelined, latencies), "127.0.0.1", port
            )
        )[1]
        for _ in range(connections)
    ]
    begin, sent = time.perf_counter(), 0
    while sent < rate * seconds:
        due = min((time.perf_counter() - begin) * rate, rate * seconds)
        while sent < due:
            made[sent % connections].ask(begin + sent / rate)
            sent += 1
        await asyncio.sleep(TICK)
    while any(each.waiting for each in made):
        await asyncio.sleep(TICK)
    taken = time.perf_counter() - begin
    for each in made:
        each.close()
    return Load(len(latencies) / taken, sorted(latencies))


def http_answer(received: bytearray) -> int:
    r"""The length of the HTTP answer at the beginning, which tells its own.

    >>> http_answer(bytearray(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"))
    40
    """
    head = received.find(b"\r\n\r\n")
    if head < 0:
        return 0
    assert received.startswith(b"HTTP/1.1 200 "), bytes(received[:200])
    start = received.lower().index(b"content-length:") + 15
    size = head + 4 + int(received[start : received.index(b"\r\n", start)])
    return size if len(received) >= size else 0


def number_answer(received: bytearray) -> int:
    r"""The length of the number in the protocol of Redis at the beginning.

    >>> number_answer(bytearray(b":12\r\n:13\r\n")), number_answer(bytearray(b":1"))
    (5, 0)
    """
    end = received.find(b"\r\n")
    assert end < 0 or received.startswith(b":"), bytes(received[:200])
    return end + 2 if end >= 0 else 0
