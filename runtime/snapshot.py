"""A snapshot: every machine's state at one batch's end, written in slices while the machines go on.

States are immutable, so the cut is a matter of holding references. The parts are packed later, a few rows at a
time. A head makes them a snapshot, in the same change that takes the log away which it stands for.

A snapshot is made of layers, the first of which is whole. Each later one holds the cells, and of the tables only
the rows that are not the same objects as in the layer before, and the keys that have gone. When the later ones
together are larger than the first, or a version has changed, the next snapshot is one whole layer again: what is
written and what is kept stays in proportion to what changes and to what there is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import attrs
from immutables import Map

from arrows.cells import Table, Values
from arrows.keys import value_of
from runtime import bounds
from runtime.hosted import Compiled, Hosted, Previous, Running
from runtime.journal import part_key
from runtime.letting_go import tables
from runtime.packing import Packing
from runtime.probation import standing
from runtime.replies import written
from runtime.requests import Window
from runtime.waits import Waits

ANSWER: Final = "answer"
BEFORE: Final = "before"
DUE: Final = "due"


@attrs.frozen
class Cut:
    """The machines of one application: their states and what they did so far."""

    compiled: Compiled
    previous: Previous | None
    machines: Mapping[str, tuple[Values, int, int]]
    windows: Mapping[str, Window]
    waits: Mapping[str, Waits]
    standing: Mapping[str, Any]

    @property
    def before(self) -> str | None:
        """The edition of the version before, whose states are written too."""
        return self.previous.compiled.edition if self.previous else None


def cut(running: Running) -> Cut:
    """An application as it is now."""
    machines = {
        name: (hosted.state, hosted.stepped, hosted.failed) for name, hosted in running.machines.items()
    }
    windows = {name: hosted.window for name, hosted in running.machines.items()}
    waits = {name: hosted.waits for name, hosted in running.machines.items()}
    return Cut(running.compiled, running.previous, machines, windows, waits, standing(running))


@attrs.frozen
class Base:
    """The snapshot there is: what it holds, and its layers, each with the number of its parts."""

    cuts: Mapping[str, Cut] = attrs.field(factory=dict)
    layers: tuple[tuple[int, int], ...] = ()

    def keys(self) -> set[str]:
        """The keys of its parts."""
        return {part_key(layer, part) for layer, count in self.layers for part in range(count)}

    def whole(self, cuts: Mapping[str, Cut]) -> bool:
        """Whether the next layer must be a whole one: also where another version is the one before."""
        before, now = (
            {name: (each.compiled.digest, each.before) for name, each in held.items()}
            for held in (self.cuts, cuts)
        )
        return not self.layers or before != now or sum(n for _, n in self.layers[1:]) > self.layers[0][1]

    def without(self, running: Running) -> Base:
        """Without what no later layer is compared with, now that there is no way back from the version that runs."""
        name = running.compiled.application.name
        taken = self.cuts.get(name)
        if taken is None or running.is_open:
            return self
        if taken.compiled.digest != running.compiled.digest:
            return Base({}, self.layers)  # the next layer is a whole one
        return attrs.evolve(self, cuts={**self.cuts, name: attrs.evolve(taken, previous=None)})

    def let_go(self, now: Base) -> Iterator[Map[Any, Any]]:
        """The tables of other versions than those that `now` holds."""
        for name, taken in self.cuts.items():
            held = now.cuts.get(name)
            if held is None or held.compiled is not taken.compiled:
                for state, _, _ in taken.machines.values():
                    yield from tables(state)
            if taken.previous is not None and (held is None or held.previous is not taken.previous):
                for state in taken.previous.states.values():
                    yield from tables(state)


def parts(cuts: Mapping[str, Cut], since: Mapping[str, Cut] | None = None) -> Iterator[bytes]:
    """The parts of a layer, each of at most `bounds.PART` items; of what there was at `since` only what changed.

    A part is a JSON array of items: `[application, machine, slot, value]` for a cell,
    `[application, machine, slot, key, row]` for a row of a table and `[application, machine, slot, key]` for one
    that has gone, `[application, machine, "answer"]` where answers are told anew, and `[application, machine,
    "answer", answer]` for what a named request was answered, in their order, and likewise `[application, machine,
    "due", number, deadline, sender, name, message]` for what is due to a machine. `[application, machine, "before"]`
    and `[application, machine, "before", slot, ...]` are the state of the version before, as it was taken over.
    An empty part says that many rows were looked at and are as they were. Raises NotData for a strange state.
    """
    held: list[Any] = []
    looked = 0
    for item in _items(cuts, since):
        looked += 1
        if item is not None:
            held.append(item)
        if len(held) >= (bounds.PART_OF_ANSWERS if item and item[2] == ANSWER else bounds.PART):
            yield _bytes(held)
            held, looked = [], 0
        elif looked >= bounds.LOOKED:
            yield b""
            looked = 0
    if held:
        yield _bytes(held)


def packed(compiled: Compiled, states: Mapping[str, Values]) -> Iterator[bytes]:
    """The parts of a state that an application is to begin with."""
    running = Running(compiled, {machine: Hosted(machine, compiled) for machine in compiled.programs})
    for machine, hosted in running.machines.items():
        hosted.state = states[machine]
    return parts({compiled.application.name: cut(running)})


def _items(cuts: Mapping[str, Cut], since: Mapping[str, Cut] | None) -> Iterator[list[Any] | None]:
    for name, taken in cuts.items():
        packing = taken.compiled.packing
        before = None if since is None else since[name]
        for machine, (state, _, _) in taken.machines.items():
            slots = taken.compiled.programs[machine].slots
            for at, (slot, value) in enumerate(zip(slots, state, strict=True)):
                if isinstance(slot, Table):
                    old = None if before is None else before.machines[machine][0][at]
                    yield from _rows([name, machine, at], slot, packing, value, old)
                else:
                    yield [name, machine, at, packing.pack(value)]
        if before is None or before.previous is not taken.previous:
            yield from _before(name, taken.previous)
        for machine, window in taken.windows.items():
            if before is None or before.windows[machine] is not window:
                yield [name, machine, ANSWER]
                for answer in window:
                    yield [name, machine, ANSWER, written(answer)]
        for machine, waits in taken.waits.items():
            if before is None or before.waits[machine] is not waits:
                yield [name, machine, DUE]
                for due in waits:
                    message = packing.pack(due.message)
                    yield [name, machine, DUE, due.number, due.deadline, due.sender, due.name, message]


def _before(name: str, previous: Previous | None) -> Iterator[list[Any]]:
    """The states of the version before, as they were when it was taken over from."""
    if previous is None:
        return
    packing = previous.compiled.packing
    for machine, state in previous.states.items():
        yield [name, machine, BEFORE]
        for at, (slot, value) in enumerate(
            zip(previous.compiled.programs[machine].slots, state, strict=True)
        ):
            if isinstance(slot, Table):
                for item in _rows([name, machine, BEFORE, at], slot, packing, value, None):
                    yield item or []
            else:
                yield [name, machine, BEFORE, at, packing.pack(value)]


def _rows(
    place: list[Any], table: Table, packing: Packing, rows: Map[Any, Values], old: Map[Any, Values] | None
) -> Iterator[list[Any] | None]:
    """The rows that are not those of before, and the keys that have gone; None for each other one."""
    there = 0
    for key, row in rows.items():
        was = None if old is None else old.get(key)
        there += was is not None
        if was is row:
            yield None
        else:
            yield [*place, packing.pack(value_of(key)), packing.pack_state(table.slots, row)]
    if old is not None and there < len(old):
        for key in old:
            yield None if key in rows else [*place, packing.pack(value_of(key))]


def head(number: int, now: int, base: Base, told: tuple[int, int]) -> bytes:
    """What makes layers a snapshot of the log up to a number, whose last entry is of that time.

    `told` is how far the outbox has counted.
    """
    return _bytes(
        {
            "number": number,
            "now": now,
            "told": told,
            "layers": base.layers,
            "applications": {
                name: {
                    "edition": taken.compiled.edition,
                    "previous": taken.before,
                    **({"settled": True} if taken.previous and taken.previous.settled else {}),
                    **taken.standing,
                    **(
                        {"through": through}
                        if (through := [e.edition for e in taken.compiled.through])
                        else {}
                    ),
                    "did": {
                        machine: [stepped, failed] for machine, (_, stepped, failed) in taken.machines.items()
                    },
                }
                for name, taken in base.cuts.items()
            },
        }
    )


def _bytes(plain: Any) -> bytes:
    return json.dumps(plain, separators=(",", ":"), ensure_ascii=True).encode()
