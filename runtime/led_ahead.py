"""Leads what is large before the swap: in a thread beside the machines, on the values of that moment.

A value that is still the same object in the swap is taken over as it was led. One that has changed and took long is led
again, a few times; a cell that changes with every message is never still, and the upgrade is refused.
"""

from __future__ import annotations

import asyncio
import ctypes
import resource
import threading
import time
from pathlib import Path
from typing import Any

import attrs
from returns.result import Failure, Result, Success

from migrations.ahead import Ahead
from migrations.refusal import Refusal
from runtime import bounds
from runtime.beside import beside
from runtime.errors import OverBudget
from runtime.gate import Gate
from runtime.joint import Joint
from runtime.swapping import migrated
from runtime.upgrade import Prepared

_throw = ctypes.pythonapi.PyThreadState_SetAsyncExc
_throw.argtypes = (ctypes.c_ulong, ctypes.py_object)


@attrs.frozen
class WouldPause(Refusal):
    """A large cell changes all the time: it cannot be led while the machine goes on."""

    machine: str
    address: str
    seconds: float
    tries: int

    @property
    def happened(self) -> str:
        return (
            f"{self.machine}.{self.address}: to lead it took {self.seconds:.3g} s, and messages changed it meanwhile, "
            f"{self.tries} times in a row."
        )

    @property
    def remedy(self) -> str:
        return (
            "Upgrade again when fewer messages come, keep such a cell as a `keyed`, whose rows are led one by one, or "
            "let callers wait for that long: upgrade --allow-pause (allow_pause=True)."
        )


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


def with_memory(joint: Joint) -> Joint:
    """A change that remembers what was led for it before its moment."""
    return attrs.evolve(joint, swaps=tuple(map(_with_memory, joint.swaps)))


def _with_memory(prepared: Prepared) -> Prepared:
    quarantine = prepared.terms.quarantine
    ahead = {machine: Ahead(time.thread_time, quarantine=quarantine) for machine in prepared.plans}
    return attrs.evolve(prepared, ahead=ahead)


async def lead(joint: Joint) -> Result[None, Refusal]:
    """Lead the states of now beside the machines. Returns Failure where a migration refuses, or takes too long."""
    threads: list[int] = []

    def work(joint: Joint, _: object) -> Result[None, Refusal]:
        threads.append(threading.get_ident())
        for states in joint.swaps:
            for machine, plan in states.plans.items():
                hosted, ahead = states.running.machines[machine], states.ahead[machine]
                made = migrated(plan, hosted, None, ahead)
                if isinstance(made, Failure):
                    return Failure(made.failure())
                ahead.again()
        return Success(None)

    gate, name = Gate(work), joint.name
    working = asyncio.create_task(beside(gate, joint, None))
    why = await _too_long(working, name)
    while not working.done():  # what is thrown may be caught by a migration
        token = gate.open
        if token is not None and gate.open is token:
            _throw(threads[0], _Late)
        await asyncio.wait([working], timeout=bounds.BUDGET)
    result: Result[None, Refusal] = working.result()
    return result if why is None else Failure(why)


async def _too_long(working: asyncio.Task[Any], name: str) -> Refusal | None:
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


def would_pause(joint: Joint, tries: int) -> WouldPause | None:
    """Why the swap would keep callers waiting: what has changed since it was led, and takes long; None for nothing."""
    found = [
        (seconds, machine, address)
        for prepared in joint.swaps
        for machine, ahead in prepared.ahead.items()
        for address, seconds in ahead.late(prepared.running.machines[machine].state).items()
    ]
    if sum(seconds for seconds, _, _ in found) <= bounds.PAUSE:
        return None
    seconds, machine, address = max(found)
    return WouldPause(machine, address, seconds, tries)
