"""What is left to do of a migration between two versions of one label.

While it is developed a version keeps its label, and the migrations that lead from the label to itself stay in the file
when they have led. What the version before had of them is past. A declaration that a cell or a message may go is said
of whatever bears the name: it holds again where that has come back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import attrs

from arrows.cells import flat
from arrows.compile import Program
from arrows.digest import digest
from arrows.origin import BuildError
from arrows.shape import Record, Shape, options
from migrations.lens import Leave
from migrations.migration import Drop, Migration
from migrations.written import part_as_arrow

T = TypeVar("T")


def remaining(
    migration: Migration, had: Migration, old: Program[Any, Any], new: Program[Any, Any]
) -> Migration:
    """What a migration says that the one of the version before did not, and what it lets go that is there again."""
    cells = _addresses(old) - _addresses(new)
    messages = _names(old.takes) - _names(new.takes)
    replies = _names(old.gives) - _names(new.gives)
    return attrs.evolve(
        migration,
        up=_ways(migration.up, had.up, cells),
        down=None if migration.down is None else _ways(migration.down, had.down or {}, frozenset()),
        lenses=_lenses(migration.lenses, had.lenses, cells),
        inputs=_lenses(migration.inputs, had.inputs, messages),
        replies=_lenses(migration.replies, had.replies, replies),
    )


def is_past(migration: Migration, had: Migration) -> bool:
    """Whether all that a migration says the one of the version before said too."""
    none: frozenset[str] = frozenset()
    left = (
        _ways(migration.up, had.up, none),
        _ways(migration.down or {}, had.down or {}, none),
        _lenses(migration.lenses, had.lenses, none),
        _lenses(migration.inputs, had.inputs, none),
        _lenses(migration.replies, had.replies, none),
    )
    return not any(left)


def _ways(ways: Mapping[str, T], had: Mapping[str, Any], gone: frozenset[str]) -> dict[str, T]:
    return {
        address: way
        for address, way in ways.items()
        if address not in had
        or _content(way) != _content(had[address])
        or (isinstance(way, Drop) and address in gone)
    }


def _lenses(lenses: tuple[T, ...], had: tuple[Any, ...], gone: frozenset[str]) -> tuple[T, ...]:
    past = set(map(_content, had))
    return tuple(
        each
        for each in lenses
        if _content(each) not in past or (isinstance(each, Leave) and each.name in gone)
    )


def _content(part: Any) -> str:
    try:
        return digest(part_as_arrow(part))
    except BuildError:
        return str(id(part))  # it cannot be told what it is, so it is itself alone


def _addresses(program: Program[Any, Any]) -> frozenset[str]:
    return frozenset(slot.address for slot in flat(program.slots))


def _names(shape: Shape) -> frozenset[str]:
    return frozenset(each.cls.__name__ for each in options(shape) if isinstance(each, Record))
