"""Wakes a node on asyncio when a timer is due."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from runtime import bounds


class Alarm:
    """One callback of the loop, for the next deadline."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._handle: asyncio.TimerHandle | None = None
        self._deadline: int | None = None

    def set(self, loop: asyncio.AbstractEventLoop, deadline: int | None, now: Callable[[], int]) -> None:
        """Ring when `now` gives a deadline; None never rings.

        It looks at the clock every `bounds.LOOK` seconds, as a clock may be put forward.
        """
        if deadline == self._deadline:
            return
        self.stop()
        if deadline is not None:
            self._deadline = deadline
            self._handle = loop.call_later(min(max(0, deadline - now()) / 1000, bounds.LOOK), self._rung)

    def stop(self) -> None:
        """Ring no more."""
        if self._handle is not None:
            self._handle.cancel()
        self._handle = self._deadline = None

    def _rung(self) -> None:
        self._handle = self._deadline = None
        self._ring()
