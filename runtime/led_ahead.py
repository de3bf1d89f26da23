"""Leads what is large before the swap: in a thread beside the machines, on the values of that moment.

A value that is still the same object in the swap is taken over as it was led. One that has changed and took long is led
again, a few times; a cell that changes with every message is never still, and the upgrade is refused.
"""

from __future__ import annotations

import time

import attrs
from returns.result import Failure, Result, Success

from migrations.ahead import Ahead
from migrations.refusal import Refusal
from runtime import bounds
from runtime.bounded import bounded
from runtime.joint import Joint
from runtime.swapping import migrated
from runtime.upgrade import Prepared


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


def with_memory(joint: Joint) -> Joint:
    """A change that remembers what was led for it before its moment."""
    return attrs.evolve(joint, swaps=tuple(map(_with_memory, joint.swaps)))


def _with_memory(prepared: Prepared) -> Prepared:
    quarantine = prepared.terms.quarantine
    ahead = {machine: Ahead(time.thread_time, quarantine=quarantine) for machine in prepared.plans}
    return attrs.evolve(prepared, ahead=ahead)


def done_before(prepared: Prepared) -> Prepared:
    """A change that was accepted once: none of its rows are led at once, as it was others that were then."""
    ahead = {machine: Ahead(quarantine=prepared.terms.quarantine) for machine in prepared.plans}
    for each in ahead.values():
        each.again()
    return attrs.evolve(prepared, ahead=ahead)


async def lead(joint: Joint) -> Result[None, Refusal]:
    """Lead the states of now beside the machines. Returns Failure where a migration refuses, or takes too much."""

    def work() -> Result[None, Refusal]:
        for states in joint.swaps:
            for machine, plan in states.plans.items():
                hosted, ahead = states.running.machines[machine], states.ahead[machine]
                made = migrated(plan, hosted, None, ahead)
                if isinstance(made, Failure):
                    return Failure(made.failure())
                ahead.again()
        return Success(None)

    return await bounded(joint.name, work)


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
