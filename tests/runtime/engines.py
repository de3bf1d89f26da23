"""Engines for tests, beside the one in memory: told of in disorder, and late, on a thread of their own."""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Iterator

from runtime.in_order import InOrder
from runtime.simulated import Power, Simulated
from runtime.store import Change, Done, Rejected

__all__ = ["Power", "Remote", "Scattered", "Simulated"]


class Scattered(Simulated):
    """Hears of what it wrote in another order than it wrote it: the last first, three at a time."""

    def __init__(self, power: Power, *, automatic: bool = False) -> None:
        super().__init__(power, automatic=automatic)
        self.order = InOrder()
        self.answers: list[tuple[Done, Exception | None]] = []

    def commit(self, change: Change, done: Done) -> None:
        heard = self.order.take(done)
        super().commit(change, lambda error: self.answers.append((heard, error)))
        if self.automatic:
            self.hear()

    def advance(self, error: Exception | None = None, *, told: bool = True) -> bool:
        ended = super().advance(error, told=told)
        if not self.waiting or len(self.answers) > 2:
            self.hear()
        return ended

    def hear(self) -> None:
        answers, self.answers = self.answers, []
        for heard, error in reversed(answers):
            heard(error)


class Remote:
    """An engine with a thread and a mind of its own: late, in bursts, heard in any order, sometimes full."""

    def __init__(self, power: Power, seed: int) -> None:
        self.power = power
        self.full = False
        self.off = False
        self._order = InOrder()
        self._chance = random.Random(seed)
        self._given: deque[tuple[Change, Done]] = deque()
        self._call = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def commit(self, change: Change, done: Done) -> None:
        with self._call:
            self._given.append((change, self._order.take(done)))
            self._call.notify()

    def _work(self) -> None:
        while True:
            with self._call:
                self._call.wait_for(lambda: self._given or self._closing)
                if self.off or not self._given:
                    return
                burst, error = self._written(self._chance.randint(1, len(self._given)))
            self._chance.shuffle(burst)
            for _, heard in burst:
                if not self.off:
                    heard(error)

    def _written(self, count: int) -> tuple[list[tuple[Change, Done]], Exception | None]:
        """Write so many changes, up to one for which there is no room; that one goes with all that was given."""
        burst: list[tuple[Change, Done]] = []
        while len(burst) < count:
            change = self._given[0][0]
            if self.full and sum(map(len, change.entries.values())) > 1_000_000:
                if burst:
                    break
                burst = list(self._given)
                self._given.clear()
                return burst, Rejected("the disk is full")
            self.power.apply(change)
            burst.append(self._given.popleft())
        return burst, None

    def cut(self) -> None:
        """Cut the power: what was given and not written is gone, and nobody hears."""
        with self._call:
            self.off = self._closing = True
            self._given.clear()
            self._call.notify()
        self._thread.join()

    def entries(self, after: int) -> Iterator[tuple[int, bytes]]:
        yield from sorted((number, data) for number, data in self.power.log.items() if number > after)

    def items(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        yield from sorted((key, data) for key, data in self.power.table.items() if key.startswith(prefix))

    def close(self) -> None:
        with self._call:
            self._closing = True
            self._call.notify()
        self._thread.join()
