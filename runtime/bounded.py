"""Work that runs the code of migrations in a thread beside the machines, bounded in time and memory.

What takes more is interrupted and refused: a migration that loops or eats memory must not end the node, nor keep it
from ever being upgraded again. A plan runs migrations too: on what the rows of a table begin with.
"""

from __future__ import annotations

import asyncio
import resource
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import attrs
from returns.result import Failure, Result

from migrations.refusal import Refusal
from runtime import bounds
from runtime.beside import beside
from runtime.errors import OverBudget
from runtime.gate import Gate

T = TypeVar("T")


@attrs.frozen
class LeadsTooLong(Refusal):
    """The migrations took longer than they may."""

    application: str
    seconds: float

    @property
    def happened(self) -> str:
        return f"{self.application}: its migrations were not done with the state after {self.seconds:g} s."

    @property
    def remedy(self) -> str:
        return "Look whether one of them loops: `midflight check OLD NEW` tries them on small states."


@attrs.frozen
class LeadsTooMuch(Refusal):
    """The migrations took more memory than they may."""

    application: str
    megabytes: int

    @property
    def happened(self) -> str:
        return (
            f"{self.application}: its migrations were interrupted, as the process had grown by {self.megabytes} MB for "
            "them, and the node itself was in danger."
        )

    @property
    def remedy(self) -> str:
        return (
            "Look whether one of them goes on and on: `midflight check OLD NEW` tries them on small states."
        )


async def bounded(application: str, work: Callable[[], Result[T, Refusal]]) -> Result[T, Refusal]:
    """What work comes to; or Failure(LeadsTooLong | LeadsTooMuch), once it has been interrupted."""
    threads: list[int] = []

    def inside(_: object, __: object) -> Result[T, Refusal]:
        threads.append(threading.get_ident())
        return work()

    gate = Gate(inside)
    working: asyncio.Task[Result[T, Refusal]] = asyncio.create_task(beside(gate, None, None))
    why = await _too_much(working, application)
    while not working.done():  # what is thrown may be caught by a migration
        if threads:
            gate.throw(threads[0], _Late)
        await asyncio.wait([working], timeout=bounds.BUDGET)
    if why is not None:
        working.exception()  # whatever it was
        return Failure(why)
    return working.result()


async def _too_much(working: asyncio.Task[Any], name: str) -> Refusal | None:
    """Wait for the end of migrations. Return why they are to be interrupted, where they are."""
    began, until = _size(), time.monotonic() + bounds.LEADING
    may = max(bounds.LEADING_MEMORY, began)
    while not working.done():
        await asyncio.wait([working], timeout=min(bounds.SEEN, bounds.LEADING))
        if time.monotonic() >= until and not working.done():
            return LeadsTooLong(name, bounds.LEADING)
        grown = _size() - began
        if grown > may and not working.done():
            return LeadsTooMuch(name, grown >> 20)
    return None


def _size() -> int:
    """Bytes of memory that this process has; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * resource.getpagesize()


class _Late(OverBudget):
    """Made where it arrives, from a class and nothing else."""

    def __init__(self) -> None:
        super().__init__("migration", bounds.LEADING, "a thread of its own")
