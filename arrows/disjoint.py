"""Can a value have two shapes: a reader of pairs of shapes."""

from __future__ import annotations

from collections import abc
from collections.abc import Iterator
from typing import assert_never

from arrows.shape import Anything, Enumeration, Many, Mapping, OneOf, Product, Record, Scalar, Shape


def disjoint(one: Shape, other: Shape) -> bool:
    """Whether a value of one shape is certainly not of the other.

    False in every doubt: where nothing is known of either, where unions share a member, for a class and
    its parent, for bool, int and float among each other, and for two classes of one name, which may be two
    versions of one class. An annotation as `Sequence[int]` takes lists, tuples and texts alike.

    Containers are told apart by their items, although an empty one would pass as both: `list[int]` and
    `list[str]` are disjoint, for a type checker says so and nobody composes them for the empty list's sake.

    >>> from arrows.shape import shape_of
    >>> disjoint(shape_of(int), shape_of(str)), disjoint(shape_of(int | None), shape_of(int | str))
    (True, False)
    """
    if isinstance(one, Anything) or isinstance(other, Anything):
        return False
    for shape, against in ((one, other), (other, one)):
        if isinstance(shape, OneOf):
            return bool(shape.options) and all(disjoint(each, against) for each in shape.options)
    if isinstance(one, Scalar) and isinstance(other, Scalar):
        return one.type is not other.type and not {one.type, other.type} <= {bool, int, float}
    if not _related(one, other):
        return True
    if isinstance(one, Product) and isinstance(other, Product):
        items = zip(one.items, other.items, strict=False)
        return len(one.items) != len(other.items) or any(disjoint(a, b) for a, b in items)
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return disjoint(one.key, other.key) or disjoint(one.value, other.value)
    return any(disjoint(a, b) for a in _items(one) for b in _items(other))


def _items(shape: Shape) -> tuple[Shape, ...]:
    """The shapes of what iterating over a value gives, where that is known."""
    match shape:
        case Many(item=item):
            return (item,)
        case Product(items=items):
            return items
        case Scalar(type=cls) if cls is str:
            return (shape,)
        case Scalar(type=cls) if cls is bytes:
            return (Scalar(int),)
        case _:
            return ()


_TAKEN: dict[type, type] = {tuple: abc.Sequence, frozenset: abc.Set}
"""What an annotation of that shape may have been."""


def _class(shape: Shape) -> type:
    match shape:
        case Many(container=container):
            return _TAKEN.get(container, container)
        case Product():
            return tuple
        case Mapping():
            return abc.Mapping
        case Scalar(type=cls) | Record(cls=cls) | Enumeration(cls=cls):
            return cls
        case OneOf() | Anything():
            return object
        case _:
            assert_never(shape)


def _related(one: Shape, other: Shape) -> bool:
    """Whether something can be an instance of the classes of both."""
    a, b = _class(one), _class(other)
    if issubclass(a, b) or issubclass(b, a):
        return True
    if (b is float and issubclass(a, int)) or (a is float and issubclass(b, int)):
        return True
    ours, theirs = isinstance(one, Record | Enumeration), isinstance(other, Record | Enumeration)
    if ours and theirs and a.__name__ == b.__name__:
        return True
    return (ours and any(issubclass(each, b) for each in _derived(a))) or (
        theirs and any(issubclass(each, a) for each in _derived(b))
    )


def _derived(cls: type) -> Iterator[type]:
    below: list[type] = type.__subclasses__(cls)
    for each in below:
        yield each
        yield from _derived(each)
