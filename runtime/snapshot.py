"""A snapshot: every machine's state at one batch's end, written in slices while the machines go on.

States are immutable, so the cut is a matter of holding references. The parts are packed later, a few rows at a
time. A head that lists the parts makes them a snapshot, in the same change that takes the log away which it
stands for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import attrs
from immutables import Map

from arrows.cells import Slot, Table, Values
from arrows.keys import key_of, value_of
from runtime import bounds
from runtime.hosted import Compiled, Running
from runtime.packing import Packing, parsed
from runtime.replies import Answers, written
from runtime.requests import Window
from runtime.waits import Due, Waits

ANSWER: Final = "answer"
DUE: Final = "due"


@attrs.frozen
class Cut:
    """The machines of one application: their states and what they did so far."""

    compiled: Compiled
    previous: str | None
    machines: Mapping[str, tuple[Values, int, int]]
    windows: Mapping[str, Window]
    waits: Mapping[str, Waits]


def cut(running: Running) -> Cut:
    """An application as it is now."""
    machines = {
        name: (hosted.state, hosted.stepped, hosted.failed) for name, hosted in running.machines.items()
    }
    previous = running.previous.compiled.edition if running.previous else None
    windows = {name: hosted.window for name, hosted in running.machines.items()}
    waits = {name: hosted.waits for name, hosted in running.machines.items()}
    return Cut(running.compiled, previous, machines, windows, waits)


def parts(cuts: Mapping[str, Cut]) -> Iterator[bytes]:
    """The parts of a snapshot, each of at most `bounds.PART` items. Raises NotData for a strange state.

    A part is a JSON array of items: `[application, machine, slot, value]` for a cell,
    `[application, machine, slot, key, row]` for a row of a table, `[application, machine, "answer", answer]`
    for what a named request was answered, in their order, and `[application, machine, "due", number, deadline,
    sender, name, message]` for what is due to a machine.
    """
    held: list[Any] = []
    for item in _items(cuts):
        held.append(item)
        if len(held) >= (bounds.PART_OF_ANSWERS if item[2] == ANSWER else bounds.PART):
            yield _bytes(held)
            held = []
    if held:
        yield _bytes(held)


def _items(cuts: Mapping[str, Cut]) -> Iterator[list[Any]]:
    for name, taken in cuts.items():
        packing = taken.compiled.packing
        for machine, (state, _, _) in taken.machines.items():
            slots = taken.compiled.programs[machine].slots
            for at, (slot, value) in enumerate(zip(slots, state, strict=True)):
                if isinstance(slot, Table):
                    for key, row in value.items():
                        packed = packing.pack_state(slot.slots, row)
                        yield [name, machine, at, packing.pack(value_of(key)), packed]
                else:
                    yield [name, machine, at, packing.pack(value)]
        for machine, window in taken.windows.items():
            for answer in window:
                yield [name, machine, ANSWER, written(answer)]
        for machine, waits in taken.waits.items():
            for due in waits:
                message = packing.pack(due.message)
                yield [name, machine, DUE, due.number, due.deadline, due.sender, due.name, message]


def head(number: int, now: int, count: int, cuts: Mapping[str, Cut], told: tuple[int, int]) -> bytes:
    """What makes parts a snapshot of the log up to a number, whose last entry is of that time.

    `told` is how far the outbox has counted.
    """
    return _bytes(
        {
            "number": number,
            "now": now,
            "told": told,
            "parts": count,
            "applications": {
                name: {
                    "edition": taken.compiled.edition,
                    "previous": taken.previous,
                    "did": {
                        machine: [stepped, failed] for machine, (_, stepped, failed) in taken.machines.items()
                    },
                }
                for name, taken in cuts.items()
            },
        }
    )


class Filling:
    """Machines' states that are read back, part by part."""

    def __init__(self, compiled: Mapping[str, Compiled]) -> None:
        self._compiled = compiled
        self._cells: dict[tuple[str, str, int], Any] = {}
        self._tables: dict[tuple[str, str, int], Any] = {}
        self._windows: dict[tuple[str, str], Window] = {}
        self._answers: dict[tuple[str, str], Answers] = {}
        self._waits: dict[tuple[str, str], Waits] = {}

    def add(self, part: bytes) -> None:
        """Read a part."""
        for name, machine, at, *packed in parsed(part):
            if at == ANSWER:
                self._answer(name, machine, packed[0])
                continue
            compiled = self._compiled[name]
            packing: Packing = compiled.packing
            if at == DUE:
                number, deadline, sender, label, message = packed
                due = Due(number, deadline, packing.unpack(message), sender, label)
                self._waits[name, machine] = self.waits(name, machine).having(due)
                continue
            slot: Slot = compiled.programs[machine].slots[at]
            place = (name, machine, at)
            if isinstance(slot, Table):
                rows = self._tables.setdefault(place, Map().mutate())
                rows[key_of(packing.unpack(packed[0]))] = packing.unpack_state(slot.slots, packed[1])
            else:
                self._cells[place] = packing.unpack(packed[0])

    def _answer(self, name: str, machine: str, packed: Any) -> None:
        at = (name, machine)
        if at not in self._answers:
            self._answers[at] = Answers(self._compiled[name].programs[machine])
        self._windows[at] = self.window(*at).having(self._answers[at].read(packed))

    def window(self, name: str, machine: str) -> Window:
        """What a machine answered."""
        return self._windows.get((name, machine), Window())

    def waits(self, name: str, machine: str) -> Waits:
        """What is due to a machine."""
        return self._waits.get((name, machine), Waits())

    def state(self, name: str, machine: str) -> Values:
        """The state of a machine."""
        slots = self._compiled[name].programs[machine].slots
        values = []
        for at, slot in enumerate(slots):
            rows = self._tables.get((name, machine, at))
            if isinstance(slot, Table):
                values.append(Map() if rows is None else rows.finish())
            else:
                values.append(self._cells[name, machine, at])
        return tuple(values)


def _bytes(plain: Any) -> bytes:
    return json.dumps(plain, separators=(",", ":"), ensure_ascii=True).encode()
