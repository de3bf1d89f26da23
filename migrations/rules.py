"""The table of what structure alone decides.

The first rule that speaks of two shapes decides. A rule loses nothing on the way up. On the way down goes only what the
old shape has no place for.
"""

from __future__ import annotations

import enum
from collections import abc
from collections.abc import Container
from typing import Any, Final

import attrs

from arrows import record
from arrows.canonical import same_shape
from arrows.fit import adopt
from arrows.shape import Enumeration, Many, Mapping, OneOf, Product, Record, Scalar, Shape, options
from migrations.quick import itself, remake
from migrations.rule import Rule, Search, Step, Stop
from migrations.union_way import choose, name_of


def _same(old: Shape, new: Shape, within: Search) -> tuple[Step, Step] | None:
    if old == new:
        return itself, itself
    if not same_shape(old, new):
        return None
    return (lambda value: adopt(value, new)), (lambda value: adopt(value, old))


def _wider(old: Shape, new: Shape, within: Search) -> tuple[Step, Step] | None:
    if old != Scalar(int) or new != Scalar(float):
        return None
    return _exact(float), _exact(int)


def _exact(to: type[int] | type[float]) -> Step:
    def step(value: Any) -> Any:
        made = to(value)
        if made != value:
            raise ValueError(f"{value!r:.50} is not exactly {'a float' if to is float else 'an int'}")
        return made

    return step


def _members(old: Shape, new: Shape, within: Search) -> tuple[Step, Step] | None:
    if not isinstance(old, Enumeration) or not isinstance(new, Enumeration):
        return None
    gone = [member.name for member in old.cls if member.name not in new.cls.__members__]
    if gone:
        raise Stop(
            f"{new} has no member {', '.join(gone)}",
            "keep it",
            (f"rename({name!r}, 'ANOTHER')" for name in gone),
        )

    def to(cls: Any) -> Step:
        def step(value: Any) -> Any:
            if value.name not in cls.__members__:
                raise ValueError(f"{cls.__name__} has no member {value.name}")
            return cls.__members__[value.name]

        return step

    return to(new.cls), to(old.cls)


def _fields(old: Shape, new: Shape, within: Search) -> tuple[Step, Step] | None:
    if not isinstance(old, Record) or not isinstance(new, Record):
        return None
    before = {field.name: field for field in record.fields(old.cls)}
    after = {field.name: field for field in record.fields(new.cls)}
    if before and after and not before.keys() & after.keys():
        return None
    gone = [name for name in before if name not in after]
    if gone:
        what = f"the field {gone[0]!r} of {old} would be lost"
        raise Stop(what, "keep it", (*(f"drop({name!r})" for name in gone), *_to_add(before, after)))
    for name, field in after.items():
        if name in before:
            if before[name].secret and not field.secret:
                raise Stop(f"the field {name!r} is secret and would not be", "mark it as before")
        elif field.default is None or not record.is_data(field.default):
            made = "no default" if field.default is None else "a default that code makes"
            what = f"the new field {name!r} of {new} has {made}"
            raise Stop(what, "give it a value as default", _to_add(before, after))
        else:
            within.loses(name)
    ways = {name: within(before[name].shape, after[name].shape, f".{name}") for name in before}

    return (
        remake(new.cls, {name: way[0] for name, way in ways.items()}),
        remake(old.cls, {name: way[1] for name, way in ways.items()}),
    )


def _to_add(before: Container[str], after: abc.Mapping[str, record.Field]) -> list[str]:
    """The lenses for the new fields that nothing makes."""
    return [
        f"add({name!r}, VALUE)"
        for name, field in after.items()
        if name not in before and (field.default is None or not record.is_data(field.default))
    ]


def _containers(old: Shape, new: Shape, within: Search) -> tuple[Step, Step] | None:
    if isinstance(old, Many) and isinstance(new, Many) and old.container is new.container:
        up, down = within(old.item, new.item, "[]")
        make = old.container
        return _each(make, up), _each(make, down)
    if isinstance(old, Product) and isinstance(new, Product) and len(old.items) == len(new.items):
        ways = [within(a, b, f"[{at}]") for at, (a, b) in enumerate(zip(old.items, new.items, strict=True))]
        return (
            lambda value: tuple(way[0](each) for way, each in zip(ways, value, strict=True)),
            lambda value: tuple(way[1](each) for way, each in zip(ways, value, strict=True)),
        )
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        keys, values = within(old.key, new.key, "[key]"), within(old.value, new.value, "[]")
        return (
            lambda value: {keys[0](key): values[0](each) for key, each in value.items()},
            lambda value: {keys[1](key): values[1](each) for key, each in value.items()},
        )
    return None


def _each(make: Any, step: Step) -> Step:
    return lambda value: make(step(each) for each in value)


def _wrapping(old: Shape, new: Shape, within: Search) -> tuple[Step, Step] | None:
    wrapped, inside = _only_field(new), _only_field(old)
    if wrapped is not None and not isinstance(old, Record) and name_of(new) not in map(name_of, options(old)):
        found = within.attempt(old, wrapped.shape, f".{wrapped.name}")
        return (
            None if found is None else (_into(new, wrapped.name, found[0]), _out_of(wrapped.name, found[1]))
        )
    if inside is not None and not isinstance(new, Record | OneOf):
        if inside.secret:
            raise Stop(f"the field {inside.name!r} of {old} is secret and would not be")
        up, down = within(inside.shape, new, f".{inside.name}")
        return _out_of(inside.name, up), _into(old, inside.name, down)
    return None


def _only_field(shape: Shape) -> record.Field | None:
    fields = record.fields(shape.cls) if isinstance(shape, Record) else ()
    return fields[0] if len(fields) == 1 else None


def _into(shape: Any, name: str, step: Step) -> Step:
    return lambda value: shape.cls(**{name: step(value)})


def _out_of(name: str, step: Step) -> Step:
    return lambda value: step(getattr(value, name))


# What the examples speak of


@attrs.frozen
class Point:
    """Two numbers."""

    x: int
    y: int


@attrs.frozen
class Place:
    """A point with a name."""

    x: int
    y: int
    name: str = ""


@attrs.frozen
class Marked:
    """A point with a name that must be given."""

    x: int
    y: int
    name: str


@attrs.frozen
class Id:
    """A text that is nothing but an id."""

    text: str


class Light(enum.Enum):
    """Two states."""

    RED = 1
    GREEN = 2


class Signal(enum.Enum):
    """Three states."""

    RED = "r"
    AMBER = "a"
    GREEN = "g"


RULES: Final = (
    Rule(
        "same",
        "A value of the same shape is the same value, of the new version's classes.",
        (tuple[int, str], tuple[int, str], (1, "a"), (1, "a")),
        (int, str, "nothing leads from int to str"),
        _same,
    ),
    Rule(
        "wider number",
        "An int becomes the float that equals it; one that no float equals is refused.",
        (int, float, 3, 3.0),
        (float, int, "nothing leads from float to int"),
        _wider,
    ),
    Rule(
        "enum by member",
        "A member becomes the one of the same name; each must be there.",
        (Light, Signal, Light.RED, Signal.RED),
        (Signal, Light, "Light has no member AMBER"),
        _members,
    ),
    Rule(
        "fields by name",
        "A record becomes one of another class field by field; a new field has its default, which must be a value.",
        (Point, Place, Point(1, 2), Place(1, 2, "")),
        (Point, Marked, "the new field 'name' of Marked has no default"),
        _fields,
    ),
    Rule(
        "wrapping",
        "A value becomes the only field of a record, and the only field of a record becomes the value.",
        (str, Id, "a", Id("a")),
        (str, Point, "nothing leads from str to Point"),
        _wrapping,
    ),
    Rule(
        "options",
        "A member of a union becomes the one that is the same, or of the same name, or the only one that it can be.",
        (int, int | None, 3, 3),
        (int | None, int, "nothing leads from None to any of int"),
        choose,
    ),
    Rule(
        "containers",
        "A list, tuple, frozenset or dict becomes one of the same kind, item by item.",
        (dict[str, int], dict[str, float], {"a": 1}, {"a": 1.0}),
        (list[int], tuple[int, ...], "nothing leads from list[int] to tuple[int, ...]"),
        _containers,
    ),
)
"""What structure decides, in order: the first rule that speaks of two shapes."""
