"""What a node needs of an engine that keeps its data: a log and a table, changed together or not at all.

The log holds what happened, in order; the table holds versions, snapshots and what else is looked up by key.
A `Change` is one transaction over both. `commit` takes it and returns at once; `done` is called later, on any
thread, with None when the change is *durable*: it survives the end of the process and of the machine's power.
`done` returns at once; it may call `commit`, and it waits for no thread that does.

Changes become durable in the order in which they were given, each whole or not at all, and are told of in that order
(`runtime.in_order` helps an engine that hears of them in another one). An engine that fails says which way:

- `Rejected`: surely nothing of this change, nor of any given after it and before `done` was called, is
  there or will be. The engine goes on with what is given next.
- `Uncertain`: nobody can tell without reading again. The engine takes nothing more; the process must end, and
  recovery decides. (After a failed fsync, a second one that succeeds tells nothing about what the first one
  lost: Rebello et al., "Can Applications Recover from fsync Failures?", 2020.)

`entries` and `items` are synchronous and are for recovery, before the first commit. An engine changes nothing
before that: what recovery refuses stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol, TypeAlias

import attrs

from migrations.refusal import Refusal


@attrs.frozen
class Change:
    """One transaction: entries for the log by number, what to put and what to take away by key.

    `keep_after` takes away the entries up to that number.
    """

    entries: Mapping[int, bytes] = attrs.field(factory=dict)
    puts: Mapping[str, bytes] = attrs.field(factory=dict)
    gone: frozenset[str] = frozenset()
    keep_after: int = 0


class Rejected(Exception):
    """Surely nothing of a change is kept; the text says why."""


class Uncertain(Exception):
    """Whether a change is kept is not known, and the engine takes no more."""


Done: TypeAlias = Callable[[Exception | None], object]
"""Called once for each change, in their order: with None, Rejected or Uncertain."""


@attrs.frozen
class Damaged(Refusal):
    """What is on disk is not what was written: where, and what is known."""

    place: str
    problem: str
    instead: str = "Restore the directory from a copy, or move it away to begin with nothing"

    @property
    def happened(self) -> str:
        return f"{self.place}: {self.problem}. Nothing was changed."

    @property
    def remedy(self) -> str:
        return f"{self.instead}."


class Readable(Protocol):
    """What can be read of an engine."""

    def entries(self, after: int) -> Iterator[tuple[int, bytes]]:
        """The log's entries with a larger number, in order; of those none may be taken away. Raises DamagedData."""

    def items(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        """What is kept under keys that begin so, in the order of the keys. Raises DamagedData."""


class Store(Readable, Protocol):
    """An engine. `tests/runtime/stores.py` holds what each must do."""

    def commit(self, change: Change, done: Done) -> None:
        """Take a change; `done` is called when it is durable or has failed."""

    def close(self) -> None:
        """Finish what was taken, and let go."""


class DamagedData(Exception):
    """Raised while reading; holds the refusal that the user gets."""

    def __init__(self, refusal: Damaged) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal
