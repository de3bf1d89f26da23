"""Keys whose rows cannot be led to the version that runs: each is set aside alone, and the others go on.

Its row stays as the old version left it, and comes back with a rollback. A snapshot has the keys; why each is set aside
its way up tells again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

from arrows.keys import value_of
from arrows.representation import represent
from migrations.lazy import LazyTable, all_led
from migrations.refusal import Refusal
from runtime.errors import cut
from runtime.hosted import Running


@attrs.frozen
class Aside:
    """A key that is set aside: of which machine and table (its address), and why."""

    machine: str
    address: str
    key: Any
    why: Refusal

    def to_plain(self) -> dict[str, str]:
        """For JSON; the key as Python writes it."""
        key = cut(represent(self.key))
        return {"machine": self.machine, "cell": self.address, "key": key, "why": cut(self.why.happened)}


@attrs.frozen
class KeysSetAside(Refusal):
    """Keys are set aside, and what was asked for would lose their rows."""

    application: str
    count: int
    example: str

    @property
    def happened(self) -> str:
        keys = "1 key is" if self.count == 1 else f"{self.count} keys are"
        return (
            f"{self.application}: {keys} set aside, as the rows cannot be led to the version that runs: "
            f"{self.example}."
        )

    @property
    def remedy(self) -> str:
        return (
            "Go back with `midflight rollback`, which gives the rows as they were, mend the migration, and upgrade "
            "again; `midflight status` lists the keys."
        )


def set_aside(running: Running) -> Iterator[Aside]:
    """The keys of an application that are set aside."""
    for machine, hosted in running.machines.items():
        for slot, table in zip(hosted.program.slots, hosted.state, strict=True):
            if type(table) is LazyTable and table.aside:
                for key, why in table.aside.items():
                    yield Aside(machine, slot.address, value_of(key), why)


def none_aside(running: Running) -> KeysSetAside | None:
    """Why an application's upgrade cannot be settled; None where no key is set aside."""
    found = list(set_aside(running))
    if not found:
        return None
    first = found[0]
    example = f"{first.machine}.{first.address} {cut(represent(first.key))}: {cut(first.why.happened)}"
    return KeysSetAside(running.compiled.application.name, len(found), example.rstrip("."))


def complete(running: Running) -> None:
    """Set every key aside whose row cannot be led: before that is written down in the middle of a sweep.

    A row that is neither led nor aside in a snapshot is one that is gone.
    """
    for hosted in running.machines.values():
        if any(type(each) is LazyTable and each.aside is not None and each.left for each in hosted.state):
            hosted.state = all_led(hosted.state)


def written(running: Running) -> dict[str, dict[str, list[Any]]]:
    """The keys that are set aside, to be kept: of each machine's slots, by their places. See `runtime.on_the_way`."""
    packing = running.compiled.packing
    found: dict[str, dict[str, list[Any]]] = {}
    for machine, hosted in running.machines.items():
        for at, table in enumerate(hosted.state):
            if type(table) is LazyTable and table.aside:
                keys = [packing.pack(value_of(key)) for key in table.aside]
                found.setdefault(machine, {})[str(at)] = keys
    return found
