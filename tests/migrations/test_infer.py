"""What structure decides: each rule by its example and its counter-example, and random shapes by their values."""

from __future__ import annotations

import enum
import itertools
import random
import typing
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import GenericAlias
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from returns.result import Failure, Success

from arrows import record
from arrows.fit import misfit
from arrows.shape import (
    Enumeration,
    Many,
    Mapping,
    OneOf,
    Product,
    Record,
    Scalar,
    Shape,
    parts,
    shape_of,
)
from migrations.infer import Inferred, infer
from migrations.rule import Rule
from migrations.rules import RULES


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_example_and_the_counter_example_of_each_rule(rule: Rule) -> None:
    old, new, value, becomes = rule.example
    way = infer(shape_of(old), shape_of(new)).unwrap()
    made = way.up(value)
    assert (made, type(made)) == (becomes, type(becomes))
    assert way.down(made) == value
    assert rule.name in way.rules
    old, new, why = rule.counter
    refused = infer(shape_of(old), shape_of(new))
    assert isinstance(refused, Failure)
    assert why in str(refused.failure())
    without = [each for each in RULES if each is not rule]
    assert isinstance(infer(shape_of(rule.example[0]), shape_of(rule.example[1]), without), Failure), (
        "the rule is what decides its example"
    )


# Random shapes

numbers = itertools.count()


def a_class(fields: Sequence[tuple[str, Any]]) -> type:
    """A frozen class; a field is a type, or a type and a default."""
    spec = {
        name: attrs.field(type=kind[0], default=kind[1])
        if isinstance(kind, tuple)
        else attrs.field(type=kind)
        for name, kind in fields
    }
    return attrs.make_class(f"C{next(numbers)}", spec, frozen=True)


NAMES = ("a", "b", "c", "d")
scalars = st.sampled_from([int, str, bool, float, bytes])


def an_enum(members: Sequence[str]) -> type[enum.Enum]:
    return enum.Enum(f"E{next(numbers)}", list(members))  # type: ignore[return-value]


enums = st.lists(st.sampled_from(["RED", "GREEN", "BLUE"]), min_size=1, max_size=3, unique=True).map(an_enum)


def classes(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    fields = st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)
    return fields.map(lambda found: a_class(list(found.items())))


kinds: st.SearchStrategy[Any] = st.recursive(
    scalars | enums,
    lambda inner: (
        inner.map(lambda kind: GenericAlias(list, (kind,)))
        | inner.map(lambda kind: GenericAlias(tuple, (kind, ...)))
        | st.tuples(inner, inner).map(lambda both: GenericAlias(tuple, both))
        | inner.map(lambda kind: GenericAlias(dict, (str, kind)))
        | inner.map(lambda kind: kind | None)
        | classes(inner)
    ),
    max_leaves=5,
)


def values(shape: Shape) -> st.SearchStrategy[Any]:
    match shape:
        case Scalar(type=cls):
            return st.none() if cls is type(None) else st.from_type(cls).filter(lambda each: each == each)
        case Enumeration(cls=cls):
            return st.sampled_from(list(cls))
        case Many(container=container, item=item):
            return st.lists(values(item), max_size=3).map(container)
        case Product(items=items):
            return st.tuples(*map(values, items))
        case Mapping(key=key, value=value):
            return st.dictionaries(values(key), values(value), max_size=3)
        case OneOf(options=several):
            return st.one_of(*map(values, several))
        case Record(cls=cls):
            return st.builds(cls, **{field.name: values(field.shape) for field in record.fields(cls)})
    raise AssertionError(shape)


def later(kind: Any, chance: random.Random) -> Any:
    """A type that a later version might have: every change is one that structure decides."""
    shape = shape_of(kind)
    change = chance.randrange(6)
    if change == 0 and not isinstance(shape, OneOf):
        return kind | None
    if change == 1 and not isinstance(shape, Record):
        return a_class([("only", kind)])
    match shape:
        case Scalar(type=cls):
            return float if cls is int and change < 4 else kind
        case Enumeration(cls=cls):
            return an_enum([*(member.name for member in cls), "MORE"])
        case Many(container=container, item=_):
            (item, *_) = typing.get_args(kind)
            inner = later(item, chance)
            return GenericAlias(list, (inner,)) if container is list else GenericAlias(tuple, (inner, ...))
        case Product():
            return GenericAlias(tuple, tuple(later(each, chance) for each in typing.get_args(kind)))
        case Mapping():
            return GenericAlias(dict, (str, later(typing.get_args(kind)[1], chance)))
        case Record(cls=cls):
            fields = [
                (field.name, later(attrs.fields_dict(cls)[field.name].type, chance))
                for field in record.fields(cls)
            ]
            chance.shuffle(fields)
            return a_class([*fields, ("new", (int | None, chance.choice([None, 7])))])
    return kind


def everything(value: Any) -> Iterator[Any]:
    """A value and all that is in it."""
    yield value
    if isinstance(value, dict):
        for pair in value.items():
            yield from everything(pair)
    elif isinstance(value, list | tuple | frozenset):
        for each in value:
            yield from everything(each)
    elif attrs.has(type(value)):
        yield from everything(record.values(value))


def inside(value: Any) -> set[type]:
    """The classes of all that is in a value."""
    return set(map(type, everything(value)))


def lawful(way: Inferred, old: Shape, new: Shape, value: Any) -> None:
    """What holds of every way that is inferred, for a value that has a counterpart."""
    try:
        made = way.up(value)
    except ValueError:
        assert any(type(each) is int and float(each) != each for each in everything(value))
        return
    assert misfit(made, new) is None
    assert way.down(made) == value
    known = {cls for cls in inside(value) if attrs.has(cls) or issubclass(cls, enum.Enum)}
    if old != new:
        assert not (known - named(new)) & inside(made), "a value of an old class is left"


def named(shape: Shape) -> set[type]:
    found, todo = set[type](), [shape]
    while todo:
        each = todo.pop()
        todo.extend(parts(each))
        if isinstance(each, Record | Enumeration) and each.cls not in found:
            found.add(each.cls)
            if isinstance(each, Record):
                todo.extend(field.shape for field in record.fields(each.cls))
    return found


@settings(max_examples=400, deadline=None)
@given(st.data(), kinds, st.integers(0, 2**32))
def test_a_later_version_of_a_type_is_inferred(data: st.DataObject, kind: Any, seed: int) -> None:
    after = later(kind, random.Random(seed))
    old, new = shape_of(kind), shape_of(after)
    found = infer(old, new)
    assert isinstance(found, Success), (str(found.failure()), kind, after)
    lawful(found.unwrap(), old, new, data.draw(values(old)))


@settings(max_examples=400, deadline=None)
@given(st.data(), kinds, kinds)
def test_of_any_two_types_a_way_is_lawful_or_unclear(data: st.DataObject, one: Any, other: Any) -> None:
    old, new = shape_of(one), shape_of(other)
    found = infer(old, new)
    if isinstance(found, Failure):
        assert found.failure().problem
    else:
        lawful(found.unwrap(), old, new, data.draw(values(old)))


@attrs.frozen
class Rate:
    each: float


def test_an_int_of_a_union_is_no_float_that_looks_like_it() -> None:
    """An int is a value where a float is expected; where the union has an int as well, it is that one."""
    way = infer(shape_of(float | int), shape_of(Rate | int)).unwrap()
    assert way.up(3) == 3
    assert way.up(3.0) == Rate(3.0)
    lists = infer(shape_of(list[float] | list[int]), shape_of(list[int] | Rate | list[float])).unwrap()
    assert [type(each) for each in lists.up([1, 2])] == [int, int]


def test_the_page_has_the_table() -> None:
    page = (Path(__file__).parent.parent.parent / "docs" / "migrations.md").read_text()
    lines = [f"| {rule.name} | {rule.says} |" for rule in RULES]
    assert "\n".join(lines) in page
