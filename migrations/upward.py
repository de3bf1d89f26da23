"""The way up: from the state of the old version to that of the new one, and what it throws away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
from immutables import Map

from arrows.cells import Cell, Slot, Table, Values, flat, initial
from arrows.keys import is_initial, key_of
from arrows.representation import represent
from arrows.shape import Product
from migrations.ahead import AT_ONCE, Ahead
from migrations.lazy import Thrown, lazily
from migrations.pairing import Begun, Joined, Part, Single
from migrations.planner import ABSENT, ACROSS, Index, Label, Lost, Planner, Refused, Row, Take, Threw, kind
from migrations.refusal import InitialChanged, WrongLens
from migrations.tables import keys, rows
from migrations.way import Way, stepper


class Upward(Planner):
    """Plans the way up."""

    direction = "up"
    _threws: dict[str, Threw]
    _noted: frozenset[str] = frozenset()
    """Dropped slots of the level that have their row already: others take their addresses."""

    def level(
        self, old: tuple[Slot, ...], new: tuple[Slot, ...]
    ) -> tuple[Callable[[Values, Lost], Values], Threw]:
        """The way of the values of some slots, and what it throws away."""
        index = {slot.address: place for place, slot in enumerate(old)}
        around = self._noted
        self._threws = threws = {}
        self._noted = frozenset()
        move = self.takes(new, index)
        noted = self._noted
        for slot in old:
            if slot.address not in self.pairs.made:
                if slot.address not in noted:
                    self.drop(slot, declared=slot.address in self.pairs.left)
                threws[slot.address] = _getter(index[slot.address])
        self._threws, self._noted = {}, around

        def threw(state: Values) -> Any:
            found = {address: one(state) for address, one in threws.items()}
            return {address: each for address, each in found.items() if each is not None} or None

        return move, threw

    def take(self, slot: Slot, index: Index) -> Take:
        """What a slot of the new version takes."""
        origin = self.pairs.found.get(slot.address)
        match origin:
            case None:
                if slot.address in self.pairs.left and slot.address in index:
                    self._noted |= {slot.address}
                    self.drop(self.old[slot.address], declared=True)
                for inner in flat((slot,)):
                    if inner.address in self.pairs.found:
                        raise Refused(WrongLens(self.machine, inner.address, ACROSS))
                return self._begun(slot, initial((slot,))[0], "")
            case Begun(lens=lens):
                return self._added(slot, lens.value)
            case Single(slot=old):
                at = self._place(old, slot, index)
                if isinstance(old, Table) and isinstance(slot, Table):
                    return self._table(old, slot, origin, at)
                if isinstance(old, Cell) and isinstance(slot, Cell):
                    return self._cell(old, slot, origin, at)
                return self._kept_whole(old, slot, self.across(old, slot, origin, slot), at)
            case Part(slot=old, lens=lens, at=part):
                at = self._place(old, slot, index)
                shapes = Product(self.shapes(self.new, lens.into))
                self.rows.append(Row(slot.address, "converted", kind(old), kind(slot), f"declared ({lens})"))
                both = self.careful(slot, stepper(lens.up, shapes), fits=False)
                return lambda state, _: both(state[at])[part]
            case Joined(slots=several, lens=lens):
                places = tuple(self._place(each, slot, index) for each in several)
                (shape,) = self.shapes(self.new, (slot.address,))
                held = ", ".join(map(kind, several))
                self.rows.append(Row(slot.address, "converted", held, kind(slot), f"declared ({lens})"))
                one = self.careful(slot, stepper(lens.up, shape), fits=False)
                return lambda state, _: one(tuple(state[place] for place in places))

    def _place(self, old: Slot, new: Slot, index: Index) -> int:
        if old.address not in index:
            raise Refused(WrongLens(self.machine, new.address, ACROSS))
        return index[old.address]

    def _begun(self, slot: Slot, first: Any, how: str) -> Take:
        self.rows.append(Row(slot.address, "new", "", kind(slot), how))
        return lambda state, lost: first

    def _added(self, slot: Slot, value: Any) -> Take:
        return self._begun(slot, self.fitting(slot, value, "what is added"), "declared")

    def _cell(self, old: Cell, new: Cell, origin: Single, at: int) -> Take:
        arrow = self.arrow(new.address)
        if arrow is not None:
            how = ", ".join(filter(None, (origin.how, "declared")))
            self.rows.append(Row(new.address, "converted", kind(old), kind(new), how))
            step = self.careful(new, stepper(arrow, new.shape), fits=False)
            return lambda state, _: step(state[at])
        made, label, how = self.resolved(old, new, origin, new)
        self.rows.append(Row(new.address, label, kind(old), kind(new), how))
        return self._kept_whole(old, new, made, at)

    def _kept_whole(self, old: Slot, new: Slot, made: Way, at: int) -> Take:
        if made.lost is not None:
            lost = made.lost
            self._threws[old.address] = lambda state: lost(state[at])
        step = self.careful(new, made.up)
        return lambda state, _: step(state[at])

    def _table(self, old: Table, new: Table, origin: Single, at: int) -> Take:
        key = keys(self, old, new, origin)
        place, problems, around = len(self.rows), len(self.refused), self._threws
        move, threw = self.level(old.slots, new.slots)
        self._threws = around
        refused = len(self.refused) > problems
        changed = any(row.label not in {"kept", "moved"} for row in self.rows[place:]) or key.is_declared
        label: Label = "refused" if refused else "converted" if changed else "moved" if origin.how else "kept"
        first, was = initial(new.slots), initial(old.slots)
        rest = Row(f"{new.address}{ABSENT}", label, represent(was), represent(first))
        if not refused:
            rest = self._absent(move, new.address, was, first, rest)
        how = ", ".join(filter(None, (origin.how, "declared (rekey)" if key.is_declared else "")))
        self.rows[place:place] = [Row(new.address, label, kind(old), kind(new), how), rest]
        if not changed and not refused and _alike(old, new):
            return lambda state, _: state[at]

        keeps = old.key == new.key and not key.is_declared

        def lost(state: Values) -> Any:
            table = state[at]
            if keeps and len(table) > AT_ONCE:
                return Thrown(table, threw)
            found = ((key.step(k), threw(row)) for k, row in rows(table))
            return Map((key_of(k), each) for k, each in found if each is not None) or None

        def take(state: Values, how: Lost) -> Any:
            table = state[at]
            if keeps and type(table) is Map and isinstance(how, Ahead) and how.lazily:
                return lazily(table, lambda row: move(row, {}), first, how.rows(), quarantine=how.quarantine)
            return key.table(((key.step(k), move(row, {})) for k, row in rows(table)), first)

        around[old.address] = lost
        return take

    def _absent(self, move: Any, address: str, was: Values, first: Values, row: Row) -> Row:
        """What becomes of the keys that are not stored: they must hold what the new version begins with."""
        try:
            after = move(was, {})
        except Refused as refused:
            self.refused.append(refused.refusal)
            return attrs.evolve(row, label="refused")
        if is_initial(after, first):
            return row
        self.refused.append(InitialChanged(self.machine, address, represent(after), represent(first)))
        return attrs.evolve(row, label="refused")


def _getter(place: int) -> Threw:
    return lambda state: (state[place],)


def _alike(old: Table, new: Table) -> bool:
    return old.slots == new.slots and old.key == new.key
