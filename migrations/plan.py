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
from arrows.representation import represent
from arrows.term import Arrow
from migrations.infer import infer
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

Label: TypeAlias = Literal["kept", "converted", "new", "dropped", "refused"]


@attrs.frozen
class Row:
    """A cell and what becomes of it."""

    address: str
    label: Label
    old: str
    new: str
    how: str = ""
    """Who says so: `declared`, or which rules inferred it and what the way back leaves out; nothing of what is kept."""


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


@attrs.frozen
class Survey:
    """A plan, and all that stands against it."""

    plan: Plan
    refused: tuple[Refusal, ...]


def plan(
    old: Program[Any, Any],
    new: Program[Any, Any],
    migration: Migration | None,
    *,
    machine: str = "",
    down: bool = False,
) -> Result[Plan, Refusal]:
    """Plan the way from the state of `old` to the state of `new`.

    With `down`, `old` is the version that the migration leads to, and its `down` arrows are used. Cells match by
    address; where the migration has no arrow between two, structure may decide (`migrations.infer`). Returns
    Failure(UndeclaredLoss | Undefined | UnknownCell | InitialChanged | NoDown) where a cell's way is not given:
    nothing is reset silently.
    """
    found = survey(old, new, migration, machine=machine, down=down)
    return Failure(found.refused[0]) if found.refused else Success(found.plan)


def survey(
    old: Program[Any, Any],
    new: Program[Any, Any],
    migration: Migration | None,
    *,
    machine: str = "",
    down: bool = False,
) -> Survey:
    """As `plan`, with every cell in the plan's rows and all that stands against it."""
    name = migration.machine if migration else machine
    ways: Ways | None = {} if migration is None else migration.down if down else migration.up
    back: Ways = migration.up if migration and down else {}
    planner = _Planner(name, "down" if down else "up", ways or {}, back)
    planner.check_names(old.slots, new.slots)
    move = planner.slots(old.slots, new.slots)
    if planner.refused and migration is not None and ways is None:
        planner.refused.insert(0, NoDown(name, migration.old, migration.new))
    return Survey(Plan(name, tuple(planner.rows), move), tuple(planner.refused))


@attrs.frozen
class _Planner:
    machine: str
    direction: str
    ways: Ways
    back: Ways
    """What leads the other way, where this is the way down."""
    rows: list[Row] = attrs.field(factory=list)
    refused: list[Refusal] = attrs.field(factory=list)

    def check_names(self, old: tuple[Slot, ...], new: tuple[Slot, ...]) -> None:
        before = tuple(slot.address for slot in flat(old))
        cells = {slot.address for slot in flat(old) if isinstance(slot, Cell)}
        both = tuple(s.address for s in flat(new) if isinstance(s, Cell) and s.address in cells)
        for address, way in self.ways.items():
            known = before if isinstance(way, Drop) else both
            if address not in known:
                self.refused.append(UnknownCell(self.machine, address, self.direction, known))

    def slots(self, old: tuple[Slot, ...], new: tuple[Slot, ...]) -> Callable[[Values], Values]:
        places = {slot.address: place for place, slot in enumerate(old)}
        taken = [self.slot_or_row(old[places[s.address]] if s.address in places else None, s) for s in new]
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
        declared = isinstance(self.ways.get(slot.address), Drop)
        if not declared:
            self.refused.append(UndeclaredLoss(self.machine, slot.address, self.direction))
        label: Label = "dropped" if declared else "refused"
        self.rows.append(Row(slot.address, label, _kind(slot), "", "declared" if declared else ""))

    def slot_or_row(self, old: Slot | None, new: Slot) -> Callable[[Any], Any]:
        try:
            return self.slot(old, new)
        except _Refused as refused:
            self.refused.append(refused.refusal)
            self.rows.append(Row(new.address, "refused", _kind(old) if old else "", _kind(new)))
            return lambda value: value

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
        raise _Refused(self.undefined(old, new))

    def cell(self, old: Cell, new: Cell) -> Callable[[Any], Any]:
        way = self.ways.get(new.address)
        if way is None:
            return self.inferred(old, new)
        assert isinstance(way, Arrow)
        self.rows.append(Row(new.address, "converted", _kind(old), _kind(new), "declared"))
        program = compile(way)

        def convert(value: Any) -> Any:
            try:
                _, result = program.step(program.initial(), value)
                adopted = adopt(result, new.shape)
            except Exception as error:
                raise self.raised(new, error) from error
            return self.fitting(new, adopted)

        return convert

    def inferred(self, old: Cell, new: Cell) -> Callable[[Any], Any]:
        """The way that structure decides: on the way down, what undoes the one that it decided on the way up."""
        down = self.direction == "down"
        if isinstance(self.back.get(new.address), Arrow):
            raise _Refused(
                self.undefined(old, new, "the way up is an arrow, and what undoes it is not known")
            )
        found = infer(*((new.shape, old.shape) if down else (old.shape, new.shape)))
        if isinstance(found, Failure):
            unclear = found.failure()
            raise _Refused(self.undefined(old, new, str(unclear) if unclear.path or unclear.instead else ""))
        way = found.unwrap()
        if way.rules == ("same",):
            self.rows.append(Row(new.address, "kept", _kind(old), _kind(new)))
            if old.shape == new.shape:
                return lambda value: value
        else:
            lost = f"; down loses {', '.join(way.lost)}" if way.lost else ""
            how = f"inferred ({', '.join(way.rules)}{lost})"
            self.rows.append(Row(new.address, "converted", _kind(old), _kind(new), how))
        step = way.down if down else way.up

        def convert(value: Any) -> Any:
            try:
                made = step(value)
            except Exception as error:
                raise self.raised(new, error) from error
            return self.fitting(new, made)

        return convert

    def fitting(self, new: Cell, value: Any) -> Any:
        wrong = misfit(value, new.shape)
        if wrong:
            raise _Refused(MigrationMisfit(self.machine, new.address, str(wrong)))
        return value

    def undefined(self, old: Slot, new: Slot, why: str = "") -> Undefined:
        return Undefined(self.machine, new.address, self.direction, _kind(old), _kind(new), why)

    def raised(self, new: Cell, error: Exception) -> _Refused:
        return _Refused(MigrationRaised(self.machine, new.address, f"{type(error).__name__}: {error}"))

    def table(self, old: Table, new: Table) -> Callable[[Any], Any]:
        place, problems = len(self.rows), len(self.refused)
        move = self.slots(old.slots, new.slots)
        changed = any(row.label != "kept" for row in self.rows[place:])
        refused = len(self.refused) > problems
        label: Label = "refused" if refused else "converted" if changed else "kept"
        first = initial(new.slots)
        rest = Row(f"{new.address} (absent keys)", label, represent(initial(old.slots)), represent(first))
        if not refused:
            rest = self.absent(move, initial(old.slots), first, rest)
        self.rows[place:place] = [Row(new.address, label, _kind(old), _kind(new)), rest]
        same = not changed and old.slots == new.slots and old.key == new.key

        def rows(table: Map[Any, Any]) -> Map[Any, Any]:
            moved = ((key_of(adopt(value_of(key), new.key)), move(row)) for key, row in table.items())
            return Map((key, row) for key, row in moved if not is_initial(row, first))

        return (lambda table: table) if same else rows

    def absent(self, move: Callable[[Values], Values], was: Values, first: Values, row: Row) -> Row:
        """What becomes of the keys that are not stored: they must hold what the new version begins with."""
        try:
            after = move(was)
        except _Refused as refused:
            self.refused.append(refused.refusal)
            return attrs.evolve(row, label="refused")
        if is_initial(after, first):
            return row
        address = row.address.partition(" ")[0]
        self.refused.append(InitialChanged(self.machine, address, represent(after), represent(first)))
        return attrs.evolve(row, label="refused")


def _kind(slot: Slot) -> str:
    return str(slot.shape) if isinstance(slot, Cell) else f"a table by {slot.key}"
