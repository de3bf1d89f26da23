"""Python's collector of cycles, which is kept from looking through large tables while they are led to a new version.

Every row that is led is an object more for it. While a table grows it would look through the whole of it again and
again, a pause of a second each for a million rows. So what there is is taken out of its sight now and then
(`gc.freeze`). That has a price: cycles of objects that nobody uses any more, such as the classes of the version before,
stay in memory while they are out of sight. So it sees everything again, and collects, when no message came for a
while; on a node that is never idle after many such upgrades, as the memory of each would stay. Where the program had
frozen something itself, what is left is frozen again.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable

from runtime import bounds


class Collector:
    """Hides what there is, and lets it be seen again. Without a loop, or where `gc.disable()` was called, nothing.

    `did` counts the messages that were stepped, and `busy` says whether rows are on their way.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop | None = None,
        did: Callable[[], int] = lambda: 0,
        busy: Callable[[], bool] = lambda: False,
    ) -> None:
        self._loop = loop
        self._did = did
        self._busy = busy
        self._seen = -1
        self._upgrades = 0
        self._timer: asyncio.TimerHandle | None = None
        self._hides = False

    def hide(self) -> None:
        """Let nothing be seen of what there is now."""
        if self._loop is None or not gc.isenabled():
            return
        if self._timer is None:
            self._hides = gc.get_freeze_count() > bounds.FROZEN_BEFORE
            self._timer = self._loop.call_later(bounds.IDLE, self._look)
        gc.freeze()

    def swept(self) -> None:
        """A table is at its end: all of its rows were led."""
        self._upgrades += 1
        self.hide()

    def end(self) -> None:
        """Hide nothing any more."""
        self._loop = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            if not self._hides:
                gc.unfreeze()

    def _look(self) -> None:
        assert self._loop is not None
        did, idle = self._did(), False
        if not self._busy():
            idle = did == self._seen or self._upgrades >= bounds.HIDDEN
        self._seen, self._timer = did, None
        if idle:
            self._upgrades = 0
            gc.unfreeze()
            gc.collect()
            if self._hides:  # the program froze what it consists of, and wants it so
                gc.freeze()
        else:
            self._timer = self._loop.call_later(bounds.IDLE, self._look)
