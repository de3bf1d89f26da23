"""Engines for tests: nothing is durable before `advance`, commits fail on demand, and the power can be cut."""

from __future__ import annotations

import json
import random
import threading
from collections import deque
from collections.abc import Iterator

from runtime.in_order import InOrder
from runtime.store import Change, Done, Rejected, Uncertain


class Power:
    """What is on the disk: survives `Simulated`."""

    def __init__(self) -> None:
        self.log: dict[int, bytes] = {}
        self.table: dict[str, bytes] = {}

    def tail(self) -> dict[int, bytes]:
        """The log behind the last snapshot."""
        last = json.loads(self.table["snapshot"])["number"] if "snapshot" in self.table else 0
        return {number: data for number, data in self.log.items() if number > last}

    def apply(self, change: Change) -> None:
        for number, data in change.entries.items():
            assert number not in self.log, f"entry {number} twice"
            self.log[number] = data
        self.table.update(change.puts)
        for key in change.gone:
            self.table.pop(key, None)
        for number in [each for each in self.log if each <= change.keep_after]:
            del self.log[number]


class Simulated:
    """Takes changes and lets the test say when and how each ends. `automatic` ends each at once."""

    def __init__(self, power: Power, *, automatic: bool = False) -> None:
        self.power = power
        self.automatic = automatic
        self.waiting: deque[tuple[Change, Done]] = deque()
        self.dead = False

    def commit(self, change: Change, done: Done) -> None:
        self.waiting.append((change, done))
        if self.automatic:
            self.advance()

    def advance(self, error: Exception | None = None, *, told: bool = True) -> bool:
        """End the oldest change: durable, or failed; not `told` is a power cut before anybody heard."""
        if self.dead or not self.waiting:
            return False
        change, done = self.waiting.popleft()
        if error is None:
            self.power.apply(change)
        if isinstance(error, Rejected):  # nothing that was given since may be kept either
            later, self.waiting = self.waiting, deque()
            done(error)
            for _, each in later:
                each(error)
            return True
        self.dead = isinstance(error, Uncertain) or not told
        if told:
            done(error)
        return True

    def entries(self, after: int) -> Iterator[tuple[int, bytes]]:
        yield from sorted((number, data) for number, data in self.power.log.items() if number > after)

    def items(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        yield from sorted((key, data) for key, data in self.power.table.items() if key.startswith(prefix))

    def close(self) -> None:
        while self.advance():
            pass


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
