"""The way between two shapes by lenses, and where they say nothing by the table of rules."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Any

import attrs

from arrows.canonical import canonical
from arrows.representation import represent
from arrows.shape import Enumeration, Many, Mapping, OneOf, Record, Shape, options
from migrations.lens import Convert, Each, Inside, Lens, Move, Rekey, Unwrap, Wrap
from migrations.record_way import record_way
from migrations.rule import Search, Stop
from migrations.way import Way, chosen, entries, items, stepper


def way(old: Shape, new: Shape, lenses: Sequence[Lens], search: Search, path: str = "") -> Way:
    """The way between two shapes by lenses, and where they say nothing by the table of rules. Raises Stop."""
    if not lenses:
        return Way(*search(old, new, path))
    with search.at(path):
        first = lenses[0]
        if isinstance(first, Convert):
            _alone(lenses)
            return _converted(first, new, old)
        if isinstance(first, Each) and all(isinstance(lens, Each) for lens in lenses):
            inner = tuple(inner for lens in lenses if isinstance(lens, Each) for inner in lens.lenses)
            return _each(old, new, inner, search)
        if isinstance(first, Rekey):
            _alone(lenses)
            return _rekeyed(old, new, first, search)
        if isinstance(old, Enumeration) and isinstance(new, Enumeration):
            return _members(old.cls, new.cls, lenses)
        if (isinstance(old, OneOf) or isinstance(new, OneOf)) and not _whole(old, new, lenses):
            return _choice(old, new, lenses, search)
        return record_way(old, new, lenses, search, way)


def _whole(old: Shape, new: Shape, lenses: Sequence[Lens]) -> bool:
    """Whether lenses put a value into a record or take it out, of whatever shape it is."""
    into, out = isinstance(lenses[0], Wrap), isinstance(lenses[-1], Unwrap)
    return (into and isinstance(new, Record)) or (out and isinstance(old, Record))


def _alone(lenses: Sequence[Lens]) -> None:
    if len(lenses) > 1:
        raise Stop(f"{lenses[0]} and {lenses[1]} both speak of the whole value", "let one arrow do it")


def _converted(lens: Convert, new: Shape, old: Shape) -> Way:
    up, down = stepper(lens.up, new), stepper(lens.down, old) if lens.down is not None else None
    if down is not None and not lens.lossy:
        return Way(up, down)

    def restore(value: Any, lost: Any) -> Any:
        if lost is not None and canonical(up(lost[0])) == canonical(value):
            return lost[0]
        return Way(up, down).back(value, None)

    return Way(up, down, lambda value: (value,), restore)


def _each(old: Shape, new: Shape, lenses: Sequence[Lens], search: Search) -> Way:
    if isinstance(old, Many) and isinstance(new, Many) and old.container is new.container:
        return items(old.container, way(old.item, new.item, lenses, search, "[]"))
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        keys = search(old.key, new.key, "[key]")
        return entries(keys, way(old.value, new.value, lenses, search, "[]"))
    raise Stop(f"each speaks of items, and {old} to {new} has none of one kind")


def _rekeyed(old: Shape, new: Shape, lens: Rekey, search: Search) -> Way:
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        raise Stop(f"rekey speaks of keys, and {old} to {new} has none")
    down = _impossible if lens.down is None else stepper(lens.down, old.key)
    made = entries((stepper(lens.up, new.key), down), Way(*search(old.value, new.value, "[]")))
    return made if lens.down is not None else attrs.evolve(made, down=None)


def _impossible(key: Any) -> Any:
    raise ValueError(f"no arrow leads back from the key {represent(key):.50}")


def _members(old: type[enum.Enum], new: type[enum.Enum], lenses: Sequence[Lens]) -> Way:
    """An enum, whose members lenses call by other names."""
    names = {member.name: member for member in old}
    for lens in lenses:
        if not isinstance(lens, Move):
            raise Stop(f"{lens} says nothing of an enum", "rename its members, or convert it")
        if lens.old not in names or lens.new in names:
            raise Stop(f"{lens}: there are the members {', '.join(names)}")
        names[lens.new] = names.pop(lens.old)
    gone = [name for name in names if name not in new.__members__]
    if gone:
        raise Stop(f"{new.__name__} has no member {', '.join(gone)}", "rename or convert it")
    there = {member: new[name] for name, member in names.items()}
    back = {after: before for before, after in there.items()}

    def down(value: Any) -> Any:
        if value not in back:
            raise ValueError(f"{old.__name__} has no counterpart of {value.name}")
        return back[value]

    return Way(there.__getitem__, down)


def _choice(old: Shape, new: Shape, lenses: Sequence[Lens], search: Search) -> Way:
    """A union of records: lenses speak of its classes by name; of the only record beside None, also of its fields."""
    before, after = _records(old), _records(new)
    pairs: list[tuple[Shape, Shape, tuple[Lens, ...]]] = []
    if len(before) == len(after) == 1 and not any(_names(lens) & before.keys() for lens in lenses):
        ((_, one),), ((_, other),) = before.items(), after.items()
        pairs.append((one, other, tuple(lenses)))
    else:
        for name, (option, inner) in option_lenses(before, lenses).items():
            if name not in after:
                raise Stop(f"{name} has no counterpart in {new}", "rename it")
            pairs.append((option, after[name], inner))
    ways = [(one, other, way(one, other, inner, search)) for one, other, inner in pairs]
    known = {one for one, _, _ in ways}
    for option in options(old):
        if option not in known:
            if option not in options(new):
                raise Stop(f"{option} has no counterpart in {new}", "convert the whole value")
            ways.append((option, option, Way(*search(option, option))))
    return chosen(ways)


def _records(shape: Shape) -> dict[str, Shape]:
    return {each.cls.__name__: each for each in options(shape) if isinstance(each, Record)}


def _names(lens: Lens) -> set[str]:
    return {lens.old} if isinstance(lens, Move) else {lens.name} if isinstance(lens, Inside) else set()


def option_lenses(
    classes: dict[str, Shape], lenses: Sequence[Lens]
) -> dict[str, tuple[Shape, tuple[Lens, ...]]]:
    """By its new name: each class of a union, and the lenses for what it holds. Raises Stop."""
    found: dict[str, tuple[Shape, tuple[Lens, ...]]] = {name: (each, ()) for name, each in classes.items()}
    for lens in lenses:
        if not isinstance(lens, Move | Inside):
            raise Stop(f"{lens} says nothing of a union", "name the class: inside(CLASS, ...)")
        name = lens.old if isinstance(lens, Move) else lens.name
        if name not in found:
            raise Stop(f"{lens}: there is no class {name!r} here; there are {', '.join(found) or 'none'}")
        shape, inner = found.pop(name)
        if isinstance(lens, Move):
            if lens.new in found:
                raise Stop(f"{lens}: there is a class {lens.new!r} already", "rename or drop it before")
            found[lens.new] = shape, inner
        else:
            found[name] = shape, (*inner, *lens.lenses)
    return found
