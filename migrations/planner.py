"""Plans the way of a state slot by slot. `migrations.upward` and `migrations.downward` are the two directions.

What stands where is read once from the two versions (`migrations.pairing`). Then the slots of the version that is led
to are walked: each takes its value from what stands for it in the other.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, TypeAlias

import attrs

from arrows.cells import Cell, Slot, Values, flat
from arrows.fit import adopt, misfit
from arrows.shape import Shape
from arrows.source import raised_at
from arrows.term import Arrow
from migrations.ahead import Ahead
from migrations.doubles import doubles
from migrations.finite import Followed
from migrations.lens import Leave, Move
from migrations.migration import Drop, Migration, Ways
from migrations.pairing import Pairing, Single, Unfit, addresses, pairing
from migrations.quick import surely_fits
from migrations.refusal import (
    MigrationMisfit,
    MigrationRaised,
    Refusal,
    UndeclaredLoss,
    Undefined,
    UnknownCell,
    WrongLens,
)
from migrations.resolve import way
from migrations.rule import Search, Stop
from migrations.rules import RULES
from migrations.tables import whole
from migrations.way import Misfitting, Way

Lost: TypeAlias = Mapping[str, Any]
"""What a way up threw away, by the address that it had: the complement of a state."""

Take: TypeAlias = Callable[[Values, Lost], Any]
"""The value of a slot, of the state of the other version and what was lost."""

Threw: TypeAlias = Callable[[Values], Any]
"""What is lost of a state: None for nothing."""

Index: TypeAlias = Mapping[str, int]
"""The place of each slot of a level in the state that is read."""

Label: TypeAlias = Literal["kept", "converted", "moved", "new", "dropped", "refused"]

_NONE: Final[Ways] = {}


@attrs.frozen
class Row:
    """A cell and what becomes of it: kept, converted, moved, new, dropped or refused."""

    address: str
    label: Label
    old: str
    new: str
    how: str = ""
    """Who says so: `declared`, or which rules inferred it and what the way back leaves out; nothing of what is kept."""


class Refused(Exception):
    """A refusal on its way out."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal)
        self.refusal = refusal


class Planner(ABC):
    """Reads two versions and what is between them; `rows` and `refused` tell what was found.

    `at_hand` says that what the way up threw away will be there on the way down.
    """

    direction: str

    def __init__(
        self,
        migration: Migration | None,
        old: tuple[Slot, ...],
        new: tuple[Slot, ...],
        machine: str,
        *,
        at_hand: bool = False,
    ) -> None:
        self.machine = migration.machine if migration else machine
        self.rows: list[Row] = []
        spoken = (*addresses(migration.lenses), *migration.up, *(migration.down or ())) if migration else ()
        self.refused: list[Refusal] = doubles(self.machine, old, new, spoken)
        self.at_hand = at_hand
        self.followed: Followed | None = None
        self.up: Ways = migration.up if migration else _NONE
        self.down: Ways = (migration.down if migration else None) or _NONE
        self.old = {slot.address: slot for slot in flat(old)}
        self.new = {slot.address: slot for slot in flat(new)}
        self.pairs = self._paired(migration, old, new)
        self._rules = migration.table if migration else RULES

    def _paired(self, migration: Migration | None, old: tuple[Slot, ...], new: tuple[Slot, ...]) -> Pairing:
        lenses = migration.lenses if migration else ()
        dropped = tuple(Leave(a) for a, each in self.up.items() if isinstance(each, Drop) and a in self.old)
        self._check_names(
            {name for lens in lenses if isinstance(lens, Move) for name in (lens.old, lens.new)}
        )
        try:
            return pairing(old, new, (*dropped, *lenses))
        except Unfit as unfit:
            if unfit.known is not None:
                self.refused.append(UnknownCell(self.machine, unfit.address, "lenses", unfit.known))
            else:
                self.refused.append(WrongLens(self.machine, unfit.address, unfit.problem))
            return pairing(old, new, dropped)

    def _check_names(self, moved: set[str]) -> None:
        """Let the arrows speak of cells that are on both sides, and drops of slots that are read."""
        is_down = self.direction == "down"
        ways, read, made = (self.down, self.new, self.old) if is_down else (self.up, self.old, self.new)
        cells = (a for a, slot in made.items() if isinstance(slot, Cell))
        both = tuple(a for a in cells if isinstance(read.get(a), Cell) or a in moved)
        for address, each in ways.items():
            known = tuple(read) if isinstance(each, Drop) else both
            if address not in known:
                self.refused.append(UnknownCell(self.machine, address, self.direction, known))

    # Levels: the slots of a machine, or of the rows of a table

    @abstractmethod
    def level(
        self, old: tuple[Slot, ...], new: tuple[Slot, ...]
    ) -> tuple[Callable[[Values, Lost], Values], Threw]:
        """The way of the values of some slots and what it throws away."""

    @abstractmethod
    def take(self, slot: Slot, index: Index) -> Take:
        """What a slot that is led to takes. Raises Refused."""

    def takes(self, target: tuple[Slot, ...], index: Index) -> Callable[[Values, Lost], Values]:
        """What the slots of a level take. One that is refused is noted with its row."""
        found = tuple(self._guarded(slot, index) for slot in target)
        places = tuple((slot.address, take) for slot, take in zip(target, found, strict=True))

        def taken(state: Values, lost: Lost) -> Values:
            if type(lost) is Ahead:
                lost.took(tuple(address for address, _ in places))
                return tuple([lost.take(address, take, state) for address, take in places])
            return tuple([take(state, lost) for take in found])

        return taken

    def _guarded(self, slot: Slot, index: Index) -> Take:
        try:
            return self.take(slot, index)
        except Refused as refused:
            self.refused.append(refused.refusal)
            other = (self.new if self.direction == "down" else self.old).get(slot.address)
            self.rows.append(Row(slot.address, "refused", kind(other) if other else "", kind(slot)))
            return lambda state, lost: None

    def drop(self, slot: Slot, *, declared: bool) -> None:
        """Note that nothing is made of a slot."""
        if not declared:
            self.refused.append(UndeclaredLoss(self.machine, slot.address, self.direction))
        label: Label = "dropped" if declared else "refused"
        self.rows.append(Row(slot.address, label, kind(slot), "", "declared" if declared else ""))

    # Values

    def resolved(self, old: Cell, new: Cell, origin: Single, of: Cell) -> tuple[Way, Label, str]:
        """The way of a value by lenses or by structure, its label, and who says so."""
        if self.followed is not None and not origin.lenses:
            return self.followed.way, "converted", f"inferred ({self.followed.how})"
        search = Search(self._rules)
        try:
            made = way(old.shape, new.shape, origin.lenses, search)
        except Stop as stop:
            unclear = stop.unclear
            plain = not (unclear.path or unclear.instead or origin.lenses)
            line = unclear.line(new.address) if self.direction == "up" and not origin.lenses else ""
            raise Refused(self.undefined(old, new, of, "" if plain else str(unclear), line)) from None
        told = [origin.how] if origin.how else []
        if origin.lenses:
            told.append(f"declared ({', '.join(map(str, origin.lenses))})")
        rules = tuple(dict.fromkeys(search.used))
        if not origin.lenses and rules != ("same",):
            lost = f"; down loses {', '.join(search.lost)}" if search.lost else ""
            told.append(f"inferred ({', '.join(rules)}{lost})")
        same = rules == ("same",) and not origin.lenses
        if same and old.shape == new.shape:
            made = Way(_itself, _itself)
        label: Label = ("moved" if origin.how else "kept") if same else "converted"
        return made, label, ", ".join(told)

    def across(self, old: Slot, new: Slot, origin: Single, of: Slot) -> Way:
        """The way between a cell and a table, which a lens must give. Raises Refused."""
        if not origin.lenses:
            raise Refused(self.undefined(old, new, of))
        try:
            (before, plain, table), (after, other_plain, other_table) = whole(old), whole(new)
            made = way(before, after, origin.lenses, Search(self._rules))
        except (Stop, ValueError) as problem:
            raise Refused(self.undefined(old, new, of, str(getattr(problem, "unclear", problem)))) from None
        how = f"declared ({', '.join(map(str, origin.lenses))})"
        sides = (kind(new), kind(old)) if self.direction == "down" else (kind(old), kind(new))
        self.rows.append(Row(of.address, "converted", *sides, how))
        lost = made.lost
        return Way(
            lambda value: other_table(made.up(plain(value))),
            None if made.down is None else lambda value: table(made.back(other_plain(value), None)),
            None if lost is None else lambda value: lost(plain(value)),
            lambda value, thrown: table(made.back(other_plain(value), thrown)),
        )

    def careful(self, slot: Slot, step: Callable[..., Any], *, fits: bool = True) -> Callable[..., Any]:
        """A step whose errors are refusals, and whose result is looked at."""
        if step is _itself:
            return step
        shape = slot.shape if isinstance(slot, Cell) and fits else None
        surely = None if shape is None else surely_fits(shape)

        def made(*args: Any) -> Any:
            try:
                value = step(*args)
            except Misfitting as wrong:
                raise Refused(MigrationMisfit(self.machine, slot.address, str(wrong))) from wrong
            except Exception as error:
                what = f"{type(error).__name__}: {error}"
                raise Refused(MigrationRaised(self.machine, slot.address, what, raised_at(error))) from error
            if shape is None or surely is None or surely(value):
                return value
            other = misfit(value, shape)
            if other is not None:
                raise Refused(MigrationMisfit(self.machine, slot.address, str(other)))
            return value

        return made

    def undefined(self, old: Slot, new: Slot, of: Slot, why: str = "", line: str = "") -> Undefined:
        """Why nothing leads from one slot to another; `of` is the one that is led to."""
        one, other = (new, old) if self.direction == "down" else (old, new)
        return Undefined(self.machine, of.address, self.direction, kind(one), kind(other), why, line)

    def shapes(self, among: Mapping[str, Slot], addresses: tuple[str, ...]) -> tuple[Shape, ...]:
        """The shapes of cells of which a lens speaks together."""
        found = []
        for address in addresses:
            slot = among.get(address)
            if not isinstance(slot, Cell):
                raise Refused(WrongLens(self.machine, address, "a lens needs a cell there"))
            found.append(slot.shape)
        return tuple(found)

    def fitting(self, slot: Slot, value: Any, what: str) -> Any:
        """A value that a lens gives to a slot, of the classes of its version. Raises Refused."""
        if not isinstance(slot, Cell):
            raise Refused(
                WrongLens(self.machine, slot.address, "a lens gives a value, and needs a cell for it")
            )
        found = adopt(value, slot.shape)
        wrong = misfit(found, slot.shape)
        if wrong is not None:
            raise Refused(WrongLens(self.machine, slot.address, f"{what} does not fit: {wrong}"))
        return found

    def arrow(self, address: str) -> Arrow[Any, Any] | None:
        """The arrow that the migration gives for a slot that is led to."""
        given = (self.down if self.direction == "down" else self.up).get(address)
        return given if isinstance(given, Arrow) else None


def _itself(value: Any, lost: Any = None) -> Any:
    return value


def kind(slot: Slot) -> str:
    """What a slot holds, in words."""
    return str(slot.shape) if isinstance(slot, Cell) else f"a table by {slot.key}"


ABSENT: Final = " (absent keys)"
"""Stands behind the address of a table, in the row of what the keys hold that it does not."""

ACROSS: Final = "it would move into or out of a keyed, whose rows each hold their own"
