"""The fields of two records, wired: which old ones make which new ones, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import attrs

from arrows import record
from migrations.lens import MISSING
from migrations.rule import Step
from migrations.way import Way

Path: TypeAlias = tuple[str, ...]
"""The names of the fields that lead to a value."""


@attrs.frozen
class Wire:
    """The way from fields of the old record to fields of the new; several are a tuple."""

    old: tuple[Path, ...]
    new: tuple[Path, ...]
    way: Way
    splits: bool = False
    merges: bool = False


def joined(
    old: Mapping[Path, type],
    new: Mapping[Path, type],
    wires: Sequence[Wire],
    dropped: Sequence[tuple[Path, Any]],
    given: Mapping[Path, Callable[[], Any]],
) -> Way:
    """The way of a record: `old` and `new` are the classes at the paths of the records that are taken apart and made.

    `dropped` fields have what stands for them on the way down, or MISSING; `given` ones of the new what makes them.
    """
    make, unmake = _builder(new, ()), _builder(old, ())

    def up(value: Any) -> Any:
        found = {path: first() for path, first in given.items()}
        for wire in wires:
            _spread(found, wire.new, wire.way.up(_gathered(value, wire.old, wire.merges)), wire.splits)
        return make(found)

    def back(value: Any, thrown: Mapping[Path, Any] | None) -> Any:
        lost = thrown or {}
        found = {path: lost.get(path, held) for path, held in dropped}
        for path, held in found.items():
            if held is MISSING:
                raise ValueError(f"nothing says what {'/'.join(path)} was")
        for wire in wires:
            after = _gathered(value, wire.new, wire.splits)
            _spread(found, wire.old, wire.way.back(after, lost.get(wire.old[0])), wire.merges)
        return unmake(found)

    can = all(wire.way.down for wire in wires) and all(held is not MISSING for _, held in dropped)
    down = (lambda value: back(value, {})) if can else None
    keeping = tuple((wire.old[0], wire.way.lost) for wire in wires if wire.way.lost is not None)
    if not keeping and not dropped:
        return Way(up, down)

    def lost(value: Any) -> Any:
        found = {path: _part(value, path) for path, _ in dropped}
        for path, threw in keeping:
            thrown = threw(_part(value, path))
            if thrown is not None:
                found[path] = thrown
        return found or None

    return Way(up, down, lost, back)


def _part(value: Any, path: Path) -> Any:
    for name in path:
        value = getattr(value, name)
    return value


def _gathered(value: Any, paths: tuple[Path, ...], several: bool) -> Any:
    return tuple(_part(value, path) for path in paths) if several else _part(value, paths[0])


def _spread(found: dict[Path, Any], paths: tuple[Path, ...], value: Any, several: bool) -> None:
    found.update(zip(paths, value, strict=True) if several else [(paths[0], value)])


def _builder(classes: Mapping[Path, type], path: Path) -> Step:
    """What makes a record of the values by their paths."""
    cls: Any = classes.get(path)
    if cls is None:
        return lambda found: found[path]
    parts = [(field.name, _builder(classes, (*path, field.name))) for field in record.fields(cls)]
    return lambda found: cls(**{name: part(found) for name, part in parts})
