"""An engine in memory whose power can be cut: nothing is durable before `advance`, and commits fail on demand."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator

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

    def copy(self) -> Power:
        """The same once more, for a life of its own; of the log what recovery reads."""
        made = Power()
        made.log, made.table = self.tail(), dict(self.table)
        return made

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
