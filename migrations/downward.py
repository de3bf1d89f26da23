"""The way down: from the state of the new version to that of the old, with what the way up threw away, or without."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from immutables import Map

from arrows.cells import Cell, Slot, Table, Values, initial
from arrows.keys import key_of, value_of
from arrows.shape import Product
from arrows.term import Arrow
from migrations.lazy import LazyTable
from migrations.lens import MISSING
from migrations.migration import Drop
from migrations.pairing import Begun, Joined, Part, Single
from migrations.planner import ACROSS, Index, Label, Lost, Planner, Refused, Row, Take, Threw, kind
from migrations.refusal import WrongLens
from migrations.tables import keys, rows
from migrations.way import Way, stepper


class Downward(Planner):
    """Plans the way down."""

    direction = "down"

    def level(
        self, old: tuple[Slot, ...], new: tuple[Slot, ...]
    ) -> tuple[Callable[[Values, Lost], Values], Threw]:
        """The way of the values of some slots. Nothing is kept of what it throws away."""
        move = self.takes(old, {slot.address: place for place, slot in enumerate(new)})
        used = {address for slot in old for address, _ in self._made_of(slot)}
        for slot in new:
            if slot.address not in used:
                added = isinstance(self.pairs.found.get(slot.address), Begun)
                self.drop(slot, declared=added or isinstance(self.down.get(slot.address), Drop))
        return move, lambda state: None

    def _made_of(self, slot: Slot) -> list[tuple[str, Single | Part | Joined]]:
        made = self.pairs.made.get(slot.address, ())
        return [(address, each) for address, each in made if not isinstance(self.down.get(address), Drop)]

    def take(self, slot: Slot, index: Index) -> Take:
        """What a slot of the old version takes."""
        made = self._made_of(slot)
        if not made:
            return self._returned(slot)
        address, origin = made[0]
        new = self.new[address]
        if address not in index:
            raise Refused(WrongLens(self.machine, slot.address, ACROSS))
        at = index[address]
        match origin:
            case Single():
                if isinstance(slot, Table) and isinstance(new, Table):
                    return self._table(slot, new, origin, at)
                if isinstance(slot, Cell) and isinstance(new, Cell):
                    return self._cell(slot, new, origin, at)
                return self._led_back(slot, new, self.across(slot, new, origin, slot), at, "convert")
            case Part(lens=lens):
                places = tuple(index[each] for each in lens.into)
                arrow = self._declared(slot, new, lens.down, str(lens))
                (shape,) = self.shapes(self.old, (slot.address,))
                whole = self.careful(slot, stepper(arrow, shape), fits=False)
                return lambda state, _: whole(tuple(state[place] for place in places))
            case Joined(slots=several, lens=lens):
                part = several.index(slot)
                arrow = self._declared(slot, new, lens.down, str(lens))
                shapes = Product(self.shapes(self.old, tuple(each.address for each in several)))
                parts = self.careful(slot, stepper(arrow, shapes), fits=False)
                return lambda state, _: parts(state[at])[part]

    def _declared(self, old: Slot, new: Slot, arrow: Arrow[Any, Any] | None, how: str) -> Arrow[Any, Any]:
        if arrow is None:
            raise Refused(self.undefined(old, new, old, f"nothing leads back from {how}"))
        self.rows.append(Row(old.address, "converted", kind(new), kind(old), f"declared ({how})"))
        return arrow

    def _returned(self, slot: Slot) -> Take:
        """A slot that the way up let go: what it held, else what the lens says, else its first value.

        One of which the way up made something, and the way down declares that go, begins with its first value.
        """
        went = slot.address not in self.pairs.made
        left = self.pairs.left.get(slot.address)
        given = MISSING if left is None else left.value
        first = initial((slot,))[0] if given is MISSING else self.fitting(slot, given, "what is put back")
        how = "what it held" if self.at_hand and went else "" if given is MISSING else "declared"
        self.rows.append(Row(slot.address, "new", "", kind(slot), how))
        address = slot.address
        return lambda state, lost: lost[address][0] if went and address in lost else first

    def _cell(self, old: Cell, new: Cell, origin: Single, at: int) -> Take:
        arrow = self.arrow(old.address)
        if arrow is not None:
            self.rows.append(Row(old.address, "converted", kind(new), kind(old), "declared"))
            step = self.careful(old, stepper(arrow, old.shape), fits=False)
            return lambda state, _: step(state[at])
        if isinstance(self.up.get(new.address), Arrow):
            why = "the way up is an arrow, and what undoes it is not known"
            raise Refused(self.undefined(old, new, old, why))
        made, label, how = self.resolved(old, new, origin, old)
        take = self._led_back(old, new, made, at, how)
        self.rows.append(Row(old.address, label, kind(new), kind(old), how))
        return take

    def _led_back(self, old: Slot, new: Slot, made: Way, at: int, how: str) -> Take:
        if made.down is None and not (self.at_hand and made.restore is not None):
            raise Refused(self.undefined(old, new, old, f"nothing leads back from: {how}"))
        address = old.address
        if made.restore is None and made.down is not None:
            plain = self.careful(old, made.down)
            return lambda state, _: plain(state[at])
        step = self.careful(old, made.back)
        return lambda state, lost: step(state[at], lost.get(address))

    def _table(self, old: Table, new: Table, origin: Single, at: int) -> Take:
        key = keys(self, old, new, origin)
        place, problems = len(self.rows), len(self.refused)
        move, _ = self.level(old.slots, new.slots)
        below = self.rows[place:]
        changed = any(row.label not in {"kept", "moved"} for row in below) or key.is_declared
        refused = len(self.refused) > problems
        label: Label = "refused" if refused else "converted" if changed else "moved" if origin.how else "kept"
        self.rows.insert(place, Row(old.address, label, kind(new), kind(old), origin.how))
        if not changed and not refused and old.slots == new.slots and old.key == new.key:
            return lambda state, _: state[at]
        first, empty, address = initial(old.slots), initial(new.slots), old.address

        def take(state: Values, lost: Lost) -> Any:
            thrown = lost.get(address, Map())
            table = state[at]
            if type(table) is LazyTable:
                return table.back(move, first, thrown.get)
            gone = ((value_of(k), empty) for k in thrown if k not in table)
            every = [*rows(table), *gone]
            return key.table(((key.step(k), move(row, thrown.get(key_of(k), {}))) for k, row in every), first)

        return take
