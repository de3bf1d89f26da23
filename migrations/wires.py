"""The fields of two records, wired: which old ones make which new ones, and back."""

from __future__ import annotations

import keyword
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import attrs

from arrows import record
from migrations.lens import MISSING
from migrations.quick import itself
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
    unmake = _builder(old, ())
    up = _made(new, [(w.new, w.splits, w.way.up, w.old, w.merges) for w in wires], given)

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

    ups = [(w.old, w.merges, w.way.down, w.new, w.splits) for w in wires if w.way.down is not None]
    can = len(ups) == len(wires) and all(held is not MISSING for _, held in dropped)
    down = _made(old, ups, {path: record.Always(held) for path, held in dropped}) if can else None
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


_Led: TypeAlias = tuple[tuple[Path, ...], bool, Step, tuple[Path, ...], bool]
"""Paths that are made (several as a tuple?), the step to them, and the paths that are read (several?)."""


def _made(
    classes: Mapping[Path, type], wires: Sequence[_Led], given: Mapping[Path, Callable[[], Any]]
) -> Step:
    """What makes a record of another: one call of its constructor where each field is made for itself."""
    if not any(splits for _, splits, _, _, _ in wires) and all(map(_is_name, _names(classes, wires))):
        steps = [step for _, _, step, _, _ in wires]
        texts = {path: f"_given[{at}]()" for at, path in enumerate(given)}
        for at, (made, _, step, read, merges) in enumerate(wires):
            parts = [".".join(("value", *path)) for path in read]
            held = f"({', '.join(parts)},)" if merges else parts[0]
            texts[made[0]] = held if step is itself else f"_steps[{at}]({held})"
        places = list(classes)
        names = {"_given": tuple(given.values()), "_steps": steps, "_classes": [classes[p] for p in places]}
        quick: Step = eval(f"lambda value: {_text(classes, places, (), texts)}", names)  # noqa: S307 - our own
        return quick
    make = _builder(classes, ())

    def slow(value: Any) -> Any:
        found = {path: first() for path, first in given.items()}
        for made, splits, led, read, merges in wires:
            _spread(found, made, led(_gathered(value, read, merges)), splits)
        return make(found)

    return slow


def _text(classes: Mapping[Path, type], places: list[Path], path: Path, texts: Mapping[Path, str]) -> str:
    """The call that makes the record at a path, of the texts that make its fields."""
    if path not in classes:
        return texts[path]
    fields = [field.name for field in record.fields(classes[path])]
    held = (f"{name}={_text(classes, places, (*path, name), texts)}" for name in fields)
    return f"_classes[{places.index(path)}]({', '.join(held)})"


def _names(classes: Mapping[Path, type], wires: Sequence[_Led]) -> Iterator[str]:
    for cls in classes.values():
        yield from (field.name for field in record.fields(cls))
    for _, _, _, read, _ in wires:
        for path in read:
            yield from path


def _is_name(name: str) -> bool:
    return name.isascii() and name.isidentifier() and not keyword.iskeyword(name)


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
