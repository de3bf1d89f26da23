"""Reads the parts of a snapshot, or of a given state, back into machines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from immutables import Map

from arrows.cells import Slot, Table, Values
from arrows.keys import key_of
from runtime.hosted import Compiled
from runtime.packing import parsed
from runtime.replies import Answers
from runtime.requests import Window
from runtime.waits import Due, Waits


class Filling:
    """Machines' states that are read back, part by part; `before` are the versions before those that run."""

    def __init__(
        self, compiled: Mapping[str, Compiled], before: Mapping[str, Compiled] | None = None
    ) -> None:
        self._compiled = compiled
        self._states = _States(compiled)
        self._before = _States(before or {})
        self._windows: dict[tuple[str, str], Window] = {}
        self._answers: dict[tuple[str, str], Answers] = {}
        self._waits: dict[tuple[str, str], Waits] = {}

    def add(self, part: bytes) -> None:
        """Read a part."""
        for name, machine, at, *packed in parsed(part):
            match at:
                case "answer":
                    self._answer(name, machine, *packed)
                case "due":
                    self._due(name, machine, *packed)
                case "before" if name not in self._before:
                    pass  # of a layer behind which it was gone back
                case "before" if packed:
                    self._before.add(name, machine, *packed)
                case "before":
                    self._before.begin(name, machine)
                case _:
                    self._states.add(name, machine, at, *packed)

    def _due(self, name: str, machine: str, *packed: Any) -> None:
        if not packed:
            self._waits.pop((name, machine), None)
            return
        number, deadline, sender, label, message = packed
        due = Due(number, deadline, self._compiled[name].packing.unpack(message), sender, label)
        self._waits[name, machine] = self.waits(name, machine).having(due)

    def _answer(self, name: str, machine: str, *packed: Any) -> None:
        at = (name, machine)
        if not packed:
            self._windows.pop(at, None)
            return
        if at not in self._answers:
            self._answers[at] = Answers(self._compiled[name].programs[machine])
        self._windows[at] = self.window(*at).having(self._answers[at].read(packed[0]))

    def window(self, name: str, machine: str) -> Window:
        """What a machine answered."""
        return self._windows.get((name, machine), Window())

    def waits(self, name: str, machine: str) -> Waits:
        """What is due to a machine."""
        return self._waits.get((name, machine), Waits())

    def state(self, name: str, machine: str) -> Values:
        """The state of a machine."""
        return self._states.of(name, machine)

    def before(self, name: str) -> dict[str, Values]:
        """The states of the version before, where they were written."""
        return {machine: self._before.of(name, machine) for machine in self._before.machines(name)}


class _States:
    """States of versions, slot by slot."""

    def __init__(self, compiled: Mapping[str, Compiled]) -> None:
        self._compiled = compiled
        self._begun: dict[tuple[str, str], None] = {}
        self._cells: dict[tuple[str, str, int], Any] = {}
        self._tables: dict[tuple[str, str, int], Any] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._compiled

    def begin(self, name: str, machine: str) -> None:
        """Forget a state; what follows is a whole one."""
        self._begun[name, machine] = None
        for held in (self._cells, self._tables):
            for place in [each for each in held if each[:2] == (name, machine)]:
                del held[place]

    def machines(self, name: str) -> list[str]:
        """Those of which a whole state was begun."""
        return [machine for application, machine in self._begun if application == name]

    def add(self, name: str, machine: str, at: int, *packed: Any) -> None:
        """A cell, or a row of a table, or the key of one that has gone."""
        compiled = self._compiled[name]
        packing, place = compiled.packing, (name, machine, at)
        slot: Slot = compiled.programs[machine].slots[at]
        if not isinstance(slot, Table):
            self._cells[place] = packing.unpack(packed[0])
            return
        rows = self._tables.setdefault(place, Map().mutate())
        key = key_of(packing.unpack(packed[0]))
        if len(packed) > 1:
            rows[key] = packing.unpack_state(slot.slots, packed[1])
        else:
            rows.pop(key, None)

    def of(self, name: str, machine: str) -> Values:
        """The state of a machine."""
        values = []
        for at, slot in enumerate(self._compiled[name].programs[machine].slots):
            rows = self._tables.get((name, machine, at))
            if isinstance(slot, Table):
                values.append(Map() if rows is None else rows.finish())
            else:
                values.append(self._cells[name, machine, at])
        return tuple(values)
