"""What becomes of each cell: read from the two versions and the migration between them, before anything runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import attrs
from immutables import Map
from returns.result import Failure, Result, Success

from arrows.canonical import same_shape
from arrows.cells import Cell, Slot, Table, Values, flat, initial
from arrows.compile import Program, compile
from arrows.fit import adopt, misfit
from arrows.keys import is_initial, key_of, value_of
from arrows.shape import Shape
from arrows.term import Arrow, Identity
from migrations.migration import Drop, Migration, Ways
from migrations.refusal import (
    InitialChanged,
    MigrationMisfit,
    MigrationRaised,
    NoDown,
    Refusal,
    UndeclaredLoss,
    Undefined,
    UnknownCell,
)

Label: TypeAlias = Literal["kept", "converted", "new", "dropped"]


@attrs.frozen
class Row:
    """A cell and what becomes of it."""

    address: str
    label: Label
    old: str
    new: str


class _Refused(Exception):
    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal


@attrs.frozen
class Plan:
    """A checked way from one machine's state to another's. `rows` tell it cell by cell."""

    machine: str
    rows: tuple[Row, ...]
    _move: Callable[[Values], Values] = attrs.field(eq=False, repr=False)

    def apply(self, state: Values) -> Result[Values, Refusal]:
        """Return Success(new state), or Failure(MigrationRaised | MigrationMisfit). `state` is not altered."""
        try:
            return Success(self._move(state))
        except _Refused as refused:
            return Failure(refused.refusal)


def plan(
    old: Program[Any, Any],
    new: Program[Any, Any],
    migration: Migration | None,
    *,
    machine: str = "",
    down: bool = False,
) -> Result[Plan, Refusal]:
    """Plan the way from the state of `old` to the state of `new`.

    With `down`, `old` is the version that the migration leads to, and its `down` arrows are used. Cells
    match by address. Returns Failure(UndeclaredLoss | Undefined | UnknownCell | NoDown) where a cell's
    way is not given: nothing is reset silently.
    """
    name = migration.machine if migration else machine
    ways: Ways | None = {} if migration is None else migration.down if down else migration.up
    planner = _Planner(name, "down" if down else "up", ways or {}, [])
    try:
        planner.check_names(old.slots, new.slots)
        move = planner.slots(old.slots, new.slots)
    except _Refused as refused:
        if migration is not None and ways is None:
            return Failure(NoDown(name, migration.old, migration.new))
        return Failure(refused.refusal)
    return Success(Plan(name, tuple(planner.rows), move))


@attrs.frozen
class _Planner:
    machine: str
    direction: str
    ways: Ways
    rows: list[Row]

    def check_names(self, old: tuple[Slot, ...], new: tuple[Slot, ...]) -> None:
        before = tuple(slot.address for slot in flat(old))
        cells = {slot.address for slot in flat(old) if isinstance(slot, Cell)}
        both = tuple(s.address for s in flat(new) if isinstance(s, Cell) and s.address in cells)
        for address, way in self.ways.items():
            known = before if isinstance(way, Drop) else both
            if address not in known:
                raise _Refused(UnknownCell(self.machine, address, self.direction, known))

    def slots(self, old: tuple[Slot, ...], new: tuple[Slot, ...]) -> Callable[[Values], Values]:
        places = {slot.address: place for place, slot in enumerate(old)}
        taken = [self.slot(old[places[s.address]] if s.address in places else None, s) for s in new]
        kept = {slot.address for slot in new}
        for slot in old:
            if slot.address not in kept:
                self.drop(slot)
        sources = [places.get(slot.address) for slot in new]

        def move(state: Values) -> Values:
            pairs = zip(taken, sources, strict=True)
            return tuple(way(None if source is None else state[source]) for way, source in pairs)

        return move

    def drop(self, slot: Slot) -> None:
        if not isinstance(self.ways.get(slot.address), Drop):
            raise _Refused(UndeclaredLoss(self.machine, slot.address, self.direction))
        self.rows.append(Row(slot.address, "dropped", _kind(slot), ""))

    def slot(self, old: Slot | None, new: Slot) -> Callable[[Any], Any]:
        if old is not None and isinstance(self.ways.get(old.address), Drop):
            self.drop(old)
            old = None
        if old is None:
            (first,) = initial((new,))
            self.rows.append(Row(new.address, "new", "", _kind(new)))
            return lambda _: first
        if isinstance(old, Cell) and isinstance(new, Cell):
            return self.cell(old, new)
        if isinstance(old, Table) and isinstance(new, Table) and same_shape(old.key, new.key):
            return self.table(old, new)
        raise _Refused(Undefined(self.machine, new.address, self.direction, _kind(old), _kind(new)))

    def cell(self, old: Cell, new: Cell) -> Callable[[Any], Any]:
        way = self.ways.get(new.address)
        if way is None and not same_shape(old.shape, new.shape):
            raise _Refused(Undefined(self.machine, new.address, self.direction, _kind(old), _kind(new)))
        self.rows.append(Row(new.address, "kept" if way is None else "converted", _kind(old), _kind(new)))
        if way is None and old.shape == new.shape:
            return lambda value: value
        program = compile(way if isinstance(way, Arrow) else Identity())

        def convert(value: Any) -> Any:
            try:
                _, result = program.step(program.initial(), value)
                adopted = adopt(result, new.shape)
            except Exception as error:
                problem = f"{type(error).__name__}: {error}"
                raise _Refused(MigrationRaised(self.machine, new.address, problem)) from error
            return self.fitting(new.address, adopted, new.shape)

        return convert

    def fitting(self, address: str, value: Any, shape: Shape) -> Any:
        wrong = misfit(value, shape)
        if wrong:
            raise _Refused(MigrationMisfit(self.machine, address, str(wrong)))
        return value

    def table(self, old: Table, new: Table) -> Callable[[Any], Any]:
        place = len(self.rows)
        move = self.slots(old.slots, new.slots)
        changed = any(row.label != "kept" for row in self.rows[place:])
        self.rows.insert(place, Row(new.address, "converted" if changed else "kept", _kind(old), _kind(new)))
        first = initial(new.slots)
        absent = move(initial(old.slots))
        if not is_initial(absent, first):
            raise _Refused(InitialChanged(self.machine, new.address, repr(absent), repr(first)))
        same = not changed and old.slots == new.slots and old.key == new.key

        def rows(table: Map[Any, Any]) -> Map[Any, Any]:
            moved = ((key_of(adopt(value_of(key), new.key)), move(row)) for key, row in table.items())
            return Map((key, row) for key, row in moved if not is_initial(row, first))

        return (lambda table: table) if same else rows


def _kind(slot: Slot) -> str:
    return str(slot.shape) if isinstance(slot, Cell) else f"a table by {slot.key}"
