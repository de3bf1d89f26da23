"""Shapes: what a value looks like, as data. Names, field names and types; never code.

A shape decides whether a cell is kept over an upgrade and whether a message fits. Shapes come from
annotations (`shape_of`) or from a value (`shape_of_value`).
"""

from __future__ import annotations

import collections.abc
import enum
import types
import typing
from typing import Any, TypeAlias, assert_never

import attrs

from arrows.origin import BuildError, caller
from arrows.secret import is_marked


@attrs.frozen
class Scalar:
    """One of bool, bytes, float, int, str and None."""

    type: type

    def __str__(self) -> str:
        return "None" if self.type is type(None) else self.type.__name__


@attrs.frozen
class Many:
    """A list, frozenset, or tuple of any length: `container` says which; all items alike."""

    container: type
    item: Shape

    def __str__(self) -> str:
        dots = ", ..." if self.container is tuple else ""
        return f"{self.container.__name__}[{self.item}{dots}]"


@attrs.frozen
class Product:
    """A tuple of fixed length."""

    items: tuple[Shape, ...]

    def __str__(self) -> str:
        return f"tuple[{', '.join(map(str, self.items)) or '()'}]"


@attrs.frozen
class Mapping:
    """A dict."""

    key: Shape
    value: Shape

    def __str__(self) -> str:
        return f"dict[{self.key}, {self.value}]"


@attrs.frozen
class OneOf:
    """Any of several shapes."""

    options: tuple[Shape, ...]

    def __str__(self) -> str:
        return " | ".join(map(str, self.options))


@attrs.frozen
class Record:
    """A frozen attrs class, frozen dataclass or frozen msgspec.Struct; its fields are in `arrows.record`."""

    cls: type

    def __str__(self) -> str:
        return self.cls.__name__


@attrs.frozen
class Enumeration:
    """An enum class; its members go by name."""

    cls: type[enum.Enum]

    def __str__(self) -> str:
        return self.cls.__name__


@attrs.frozen
class Anything:
    """Nothing is known."""

    def __str__(self) -> str:
        return "Any"


Shape: TypeAlias = Scalar | Many | Product | Mapping | OneOf | Record | Enumeration | Anything

SCALARS: tuple[type, ...] = (bool, bytes, float, int, str, type(None))
ANYTHING = Anything()
NOTHING = OneOf(())
"""The shape of what never comes back: a primitive that raises."""

_CONTAINERS: dict[object, type] = {
    list: list,
    frozenset: frozenset,
    collections.abc.Set: frozenset,
    collections.abc.Sequence: tuple,
}


def union(options: collections.abc.Iterable[Shape]) -> Shape:
    """Join shapes into the one that accepts each of them, each named once."""
    flat: dict[Shape, None] = {}
    for option in options:
        for each in option.options if isinstance(option, OneOf) else (option,):
            if isinstance(each, Anything):
                return ANYTHING
            flat[each] = None
    return next(iter(flat)) if len(flat) == 1 else OneOf(tuple(flat))


def shape_of(annotation: Any) -> Shape:
    """Return the shape an annotation speaks of.

    Raises BuildError for a type whose values are not plain immutable data.

    >>> str(shape_of(dict[str, tuple[int, ...]] | None))
    'dict[str, tuple[int, ...]] | None'
    """
    if annotation is None or annotation in SCALARS:
        return Scalar(type(None) if annotation is None else annotation)
    if annotation in (Any, object) or isinstance(annotation, typing.TypeVar):
        return ANYTHING
    if annotation in (typing.Never, typing.NoReturn):
        return NOTHING
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if is_marked(annotation):
        raise BuildError(
            "Secret marks a field of a class, and nothing inside its type or elsewhere",
            where=caller(),
            remedy="Write `field: Annotated[TYPE, Secret]` in a message or state class, and use that class here.",
        )
    if origin is typing.Annotated:
        return shape_of(args[0])
    if origin in (typing.Union, types.UnionType):
        return union(map(shape_of, args))
    if origin is typing.Literal:
        return union(Scalar(type(each)) for each in args)
    return _generic(annotation, origin or annotation, args)


def _generic(annotation: Any, origin: Any, args: tuple[Any, ...]) -> Shape:
    if origin is tuple and args and args[-1] is not Ellipsis:
        return Product(tuple(map(shape_of, args)))
    if origin is tuple and annotation == tuple[()]:
        return Product(())
    if origin is tuple:
        return Many(tuple, shape_of(args[0]) if args else ANYTHING)
    if origin in _CONTAINERS:
        return Many(_CONTAINERS[origin], shape_of(args[0]) if args else ANYTHING)
    if origin in (dict, collections.abc.Mapping):
        return Mapping(*map(shape_of, args)) if args else Mapping(ANYTHING, ANYTHING)
    return class_shape(origin)


def class_shape(cls: Any) -> Record | Enumeration:
    """Return the shape of a message or state class, or raise BuildError where it is not frozen data."""
    from arrows.record import is_frozen_record, use  # noqa: PLC0415 - a record's fields are shapes in turn

    if isinstance(cls, type) and (issubclass(cls, enum.Enum) or is_frozen_record(cls)):
        use(cls)
        return Enumeration(cls) if issubclass(cls, enum.Enum) else Record(cls)
    raise BuildError(
        f"{getattr(cls, '__qualname__', cls)} is not plain immutable data",
        where=caller(),
        remedy="Use int, str, tuple, list, dict, frozenset, an enum, or a class declared with @attrs.frozen, "
        "@dataclass(frozen=True) or msgspec.Struct(frozen=True).",
    )


def shape_of_value(value: Any) -> Shape:
    """Return the narrowest shape that a value shows; an empty container's items are Anything.

    >>> str(shape_of_value((1, "a")))
    'tuple[int, str]'
    """
    cls = type(value)
    if cls in SCALARS:
        return Scalar(cls)
    if cls is tuple:
        return Product(tuple(map(shape_of_value, value)))
    if cls in (list, frozenset):
        return Many(cls, union(map(shape_of_value, value)) if value else ANYTHING)
    if cls is dict:
        if not value:
            return Mapping(ANYTHING, ANYTHING)
        return Mapping(union(map(shape_of_value, value)), union(map(shape_of_value, value.values())))
    return class_shape(cls)


def options(shape: Shape) -> tuple[Shape, ...]:
    """The members of a union, or the shape alone."""
    return shape.options if isinstance(shape, OneOf) else (shape,)


def parts(shape: Shape) -> tuple[Shape, ...]:
    """The shapes directly inside a shape; a record's fields are not among them."""
    match shape:
        case Many(item=item):
            return (item,)
        case Product(items=items):
            return items
        case Mapping(key=key, value=value):
            return (key, value)
        case OneOf(options=several):
            return several
        case Scalar() | Record() | Enumeration() | Anything():
            return ()
        case _:
            assert_never(shape)
