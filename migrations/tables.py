"""The keys of a table on their way between two versions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import attrs
from immutables import Map

from arrows.canonical import same_shape
from arrows.cells import Cell, Slot, Table, Values, initial
from arrows.digest import code_digest
from arrows.fit import adopt
from arrows.keys import is_initial, key_of, value_of
from arrows.origin import BuildError
from arrows.shape import Mapping, Product, Shape
from arrows.term import Arrow
from migrations.lens import Rekey
from migrations.pairing import Single
from migrations.refusal import KeyChanged, KeysCollide, WrongLens
from migrations.rule import Step
from migrations.way import stepper

if TYPE_CHECKING:
    from migrations.planner import Planner


@attrs.frozen
class Keys:
    """The way of the keys in one direction. `is_declared` says that a lens gives it."""

    step: Step
    is_declared: bool
    collide: Callable[[Any], Exception]

    def table(self, pairs: Iterable[tuple[Any, Values]], first: Values) -> Map[Any, Values]:
        """The table of these rows. One that is like the first is not stored; no two keys may become one."""
        found: dict[Any, Values] = {}
        for value, row in pairs:
            key = key_of(value)
            if key in found:
                raise self.collide(value)
            found[key] = row
        return Map((key, row) for key, row in found.items() if not is_initial(row, first))


def rows(table: Map[Any, Values]) -> Iterator[tuple[Any, Values]]:
    """Every row with its key."""
    return ((value_of(key), row) for key, row in table.items())


def keys(planner: Planner, old: Table, new: Table, origin: Single) -> Keys:
    """The way of the keys of `old` to those of `new`, or back. Raises Refused."""
    from migrations.planner import Refused  # noqa: PLC0415 - the planner plans tables with this

    is_down = planner.direction == "down"
    source, target = (new, old) if is_down else (old, new)

    def collide(key: Any) -> Exception:
        return Refused(KeysCollide(planner.machine, target.address, repr(key)[:80]))

    if not origin.lenses:
        if not same_shape(old.key, new.key):
            raise Refused(planner.undefined(old, new, target))
        changed = _changed(old, new)
        if changed is not None:
            raise Refused(KeyChanged(planner.machine, new.address, changed))
        return Keys(_adopting(target.key), is_declared=False, collide=collide)
    lens = origin.lenses[0]
    if not isinstance(lens, Rekey) or len(origin.lenses) > 1:
        what = f"{lens} does not speak of a table: name its cells by their addresses ({source.address}/...)"
        raise Refused(WrongLens(planner.machine, target.address, what))
    arrow: Arrow[Any, Any] | None = lens.down if is_down else lens.up
    if arrow is None:
        raise Refused(planner.undefined(old, new, target, "nothing leads the keys back"))
    made = stepper(arrow, target.key)

    def key(value: Any) -> Any:
        found = made(value)
        key_of(found)  # raises where it is no data
        return found

    step = planner.careful(target, key, fits=False)
    return Keys(step, is_declared=True, collide=collide)


def _changed(old: Table, new: Table) -> str | None:
    """Why the keys of messages may not be what they were; None where they are."""
    if old.by == new.by:
        return None
    try:
        return None if code_digest(old.by) == code_digest(new.by) else ""
    except BuildError as error:
        return error.what


def whole(slot: Slot) -> tuple[Shape, Step, Step]:
    """A slot as one value, where its rows are given up or made: its shape, and the steps to that value and back.

    A table is a dict by its keys, of the values of its only cell, or of tuples of those of its cells. Raises ValueError
    for a table in a table.
    """
    if isinstance(slot, Cell):
        return slot.shape, _itself, _itself
    cells = [each for each in slot.slots if isinstance(each, Cell)]
    if len(cells) < len(slot.slots):
        raise ValueError("a table in a table cannot be led so")
    one, first = len(cells) == 1, initial(slot.slots)
    shape = Mapping(slot.key, cells[0].shape if one else Product(tuple(each.shape for each in cells)))

    def plain(table: Map[Any, Values]) -> dict[Any, Any]:
        return {key: row[0] if one else row for key, row in rows(table)}

    def table(value: dict[Any, Any]) -> Map[Any, Values]:
        made = ((key_of(key), (row,) if one else row) for key, row in value.items())
        return Map((key, row) for key, row in made if not is_initial(row, first))

    return shape, plain, table


def _itself(value: Any) -> Any:
    return value


def _adopting(to: Shape) -> Step:
    return lambda key: adopt(key, to)
