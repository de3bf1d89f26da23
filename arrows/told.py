"""What is known of a value on its way through a machine: what it looks like, and which node told so."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias, assert_never

import attrs

from arrows.disjoint import disjoint
from arrows.either import Left, Right
from arrows.limits import LARGE
from arrows.shape import ANYTHING, NOTHING, Many, OneOf, Product, Record, Shape, parts, union
from arrows.term import Node


@attrs.frozen
class Value:
    """A value of a shape. `by` is the node that told it, `at` the place in what that node told."""

    shape: Shape
    by: Node | None = attrs.field(default=None, eq=False)
    verb: str = attrs.field(default="gives", eq=False)
    at: tuple[int, ...] = attrs.field(default=(), eq=False)
    weight: int = attrs.field(default=1, eq=False)


@attrs.frozen
class Several:
    """A tuple, known item by item. Made by `several`."""

    items: tuple[Known, ...]
    by: Node = attrs.field(eq=False)
    weight: int = attrs.field(eq=False)


@attrs.frozen
class Sided:
    """A `Left` or a `Right` and what it holds; None where it is never on that side. Made by `sided`."""

    left: Known | None
    right: Known | None
    by: Node = attrs.field(eq=False)
    weight: int = attrs.field(eq=False)


Known: TypeAlias = Value | Several | Sided

UNKNOWN = Value(ANYTHING)


def told(shape: Shape, by: Node, verb: str = "gives") -> Known:
    """A value of a shape, or nothing where the shape is too large to carry about."""
    weight = _weight(shape)
    return UNKNOWN if weight > LARGE else Value(shape, by, verb, (), weight)


def several(items: tuple[Known, ...], by: Node) -> Known:
    """A tuple, or nothing where it is too large: a value that is copied again and again grows without end."""
    weight = 1 + sum(each.weight for each in items)
    return UNKNOWN if weight > LARGE else Several(items, by, weight)


def sided(left: Known | None, right: Known | None, by: Node) -> Known:
    """A value on the one side or the other, or nothing where it is too large."""
    weight = 1 + sum(each.weight for each in (left, right) if each is not None)
    return UNKNOWN if weight > LARGE else Sided(left, right, by, weight)


def _weight(shape: Shape) -> int:
    inner = parts(shape)
    return 1 + sum(map(_weight, inner)) if inner else 1


def shape(known: Known) -> Shape:
    """What a value looks like."""
    match known:
        case Value(shape=known_shape):
            return known_shape
        case Several(items=items):
            return Product(tuple(map(shape, items)))
        case Sided(left=left, right=right):
            sides = ((left, Left), (right, Right))
            return union(Record(cls) for held, cls in sides if held is not None)
        case _:
            assert_never(known)


def item(known: Known, index: int) -> Known:
    """What is known of one item of a tuple or list."""
    if isinstance(known, Several):
        return known.items[index] if index < len(known.items) else UNKNOWN
    if isinstance(known, Sided) or known.shape == ANYTHING:
        return UNKNOWN
    return Value(_inside(known.shape, index), known.by, known.verb, (*known.at, index), known.weight)


def _inside(shape: Shape, index: int) -> Shape:
    match shape:
        case Product(items=items) if index < len(items):
            return items[index]
        case Many(container=container, item=each) if container in (list, tuple):
            return each
        case OneOf(options=several):
            return union(_inside(each, index) for each in several)
        case _:
            return ANYTHING


def join(values: Iterable[Known], by: Node) -> Known:
    """What is known of a value that is one of several; `by` is the node that chooses."""
    ways = [each for each in values if not (isinstance(each, Value) and each.shape == NOTHING)]
    if not ways:
        return Value(NOTHING, by)
    first = ways[0]
    if all(each == first for each in ways):
        return first
    if isinstance(first, Several):
        alike = [each for each in ways if isinstance(each, Several) and len(each.items) == len(first.items)]
        if len(alike) == len(ways):
            rows = zip(*(each.items for each in alike), strict=True)
            return several(tuple(join(row, by) for row in rows), by)
    sides = [each for each in ways if isinstance(each, Sided)]
    if len(sides) == len(ways):
        lefts = [each.left for each in sides if each.left is not None]
        rights = [each.right for each in sides if each.right is not None]
        return sided(join(lefts, by) if lefts else None, join(rights, by) if rights else None, by)
    return told(union(map(shape, ways)), by)


@attrs.frozen
class Clash:
    """A value that is certainly not what is taken; `at` is the place in what is taken."""

    known: Known
    taken: Shape
    at: tuple[int, ...]


def clash(known: Known, taken: Shape, at: tuple[int, ...] = ()) -> Clash | None:
    """Return where a value cannot be what is taken, or None where it may be."""
    if isinstance(known, Several) and isinstance(taken, Product) and len(known.items) == len(taken.items):
        both = enumerate(zip(known.items, taken.items, strict=True))
        return next(filter(None, (clash(each, inner, (*at, i)) for i, (each, inner) in both)), None)
    return Clash(known, taken, at) if disjoint(shape(known), taken) else None
