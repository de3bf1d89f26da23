"""What constants, cells and named operations give. An operation that is not listed gives anything."""

from __future__ import annotations

from typing import Any, Final, cast

from arrows import record
from arrows.either import Left, Right
from arrows.limits import LARGE
from arrows.origin import BuildError
from arrows.primitive import BINARY, UNARY
from arrows.shape import (
    ANYTHING,
    NOTHING,
    Many,
    Mapping,
    Product,
    Record,
    Scalar,
    Shape,
    options,
    shape_of_value,
    union,
)
from arrows.term import Constant, Node, Primitive, State
from arrows.told import UNKNOWN, Known, Several, Value, item, several, shape, sided, told

_ASKING: Final = {"is_a", "is", "is_not", "in", "not_in", "not"}
_COMPARING: Final = {"eq", "ne", "lt", "le", "gt", "ge"}
_NUMBERS: Final = {"add", "sub", "mul", "floordiv", "mod", "and", "or", "xor", "lshift", "rshift"}
_INT, _BOOL, _STR, _NO = Scalar(int), Scalar(bool), Scalar(str), Scalar(type(None))

TELLING: Final = {
    *("copy", "pick", "pack", "unpack", "field", "item", "split", "display", "construct", "label"),
    *_COMPARING,
    *_NUMBERS,
    *UNARY,
}
"""The operations whose output tells of their input."""


def outcome(term: Primitive, known: Known) -> Known:
    """What an operation gives."""
    match term.name, term.args:
        case "typed", (declared,):
            return told(declared, term)
        case "label", _:
            return known
        case "copy", ():
            return several((known, known), term)
        case "pick", (path,):
            return _picked(known, path)
        case "pack", (count,):
            return _packed(known, count, term)
        case "unpack", (count,):
            return several(tuple(item(known, at) for at in range(count)), term)
        case "field", (name,):
            return told(union(_field(each, name) for each in options(shape(known))), term)
        case "split", ():
            half = item(known, 0)
            if shape(half) == _NO:  # most often what is asked is whether it is None
                return sided(UNKNOWN, UNKNOWN, term)
            return sided(half, half, term)
        case "construct", (cls, _) if cls in (Left, Right):
            return sided(known if cls is Left else None, known if cls is Right else None, term)
        case "construct", (cls, _):
            return Value(Record(cls), term)
        case "display", (kind, signs):
            return _display(kind, signs, known, term)
        case "raise", _:
            return Value(NOTHING, term)
        case name, _ if name in _ASKING:
            return Value(_BOOL, term)
        case name, () if name in UNARY:
            return Value(_INT, term) if shape(known) == _INT else UNKNOWN
        case name, () if name in BINARY:
            return Value(_combined(name, shape(item(known, 0)), shape(item(known, 1))), term)
        case _:
            return UNKNOWN


def _picked(known: Known, path: tuple[int, ...]) -> Known:
    """A variable of a `@proc` is as deep in its environment as there are bindings after it."""
    here: Any = known
    try:
        for index in path:
            if here is UNKNOWN:
                break
            here = here.items[index] if here.__class__ is Several else item(here, index)
    except IndexError:
        return UNKNOWN
    return cast("Known", here)


def _field(of: Shape, name: str) -> Shape:
    try:
        known = (
            {each.name: each.shape for each in record.fields(of.cls)}
            if isinstance(of, Record) and record.is_frozen_record(of.cls)
            else {}
        )
    except BuildError:
        return ANYTHING
    return known.get(name, ANYTHING)


def _packed(known: Known, count: int, by: Node) -> Known:
    items: list[Known] = []
    for _ in range(count - 1):
        items.append(item(known, 1))
        known = item(known, 0)
    return several((known, *reversed(items)), by)


def _display(kind: str, signs: tuple[str, ...], known: Known, by: Node) -> Known:
    if kind == "dict":
        return Value(Mapping(ANYTHING, ANYTHING), by)
    if any(signs):
        return Value(Many(tuple if kind == "tuple" else list, ANYTHING), by)
    items = tuple(item(known, at) for at in range(len(signs)))
    if kind == "tuple":
        return several(items, by)
    return told(Many(list, union(map(shape, items)) if items else ANYTHING), by)


def _combined(name: str, one: Shape, other: Shape) -> Shape:
    """What an operator gives for two operands."""
    if name in _COMPARING:
        return _BOOL if isinstance(one, Scalar) and isinstance(other, Scalar) else ANYTHING
    if one == other == _INT and name in _NUMBERS:
        return _INT
    return _STR if one == other == _STR and name == "add" else ANYTHING


def constant(term: Constant) -> Known:
    """What a constant gives."""
    try:
        return told(shape_of_value(term.value), term) if _is_small(term.value) else UNKNOWN
    except (BuildError, RecursionError):
        return UNKNOWN


def _is_small(value: object) -> bool:
    waiting, count = [value], 0
    while waiting and count <= LARGE:
        each = waiting.pop()
        count += 1
        if isinstance(each, list | tuple | frozenset | dict) and len(each) <= LARGE:
            waiting += [*each, *each.values()] if isinstance(each, dict) else each
        elif isinstance(each, list | tuple | frozenset | dict):
            return False
    return count <= LARGE


def held(term: State) -> Shape:
    """What a cell certainly holds.

    Where only its first value tells, None, an empty tuple or a record says little of what comes.
    """
    try:
        shown = not _is_small(term.init) or shape_of_value(term.init) == term.of
    except (BuildError, RecursionError):
        return ANYTHING
    return _loose(term.of) if shown else term.of


def _loose(of: Shape) -> Shape:
    match of:
        case Scalar(type=cls) if cls is not type(None):
            return of
        case Product(items=()):
            return Many(tuple, ANYTHING)
        case Product(items=items):
            return Product(tuple(map(_loose, items)))
        case Many(container=container):
            return Many(container, ANYTHING)
        case Mapping():
            return Mapping(ANYTHING, ANYTHING)
        case _:
            return ANYTHING
