"""Which cases of a switch may be chosen, and what their arrows get."""

from __future__ import annotations

from arrows.disjoint import disjoint
from arrows.either import Left, Right
from arrows.origin import BuildError
from arrows.shape import (
    ANYTHING,
    Anything,
    Enumeration,
    Many,
    Mapping,
    Product,
    Record,
    Scalar,
    Shape,
    options,
    shape_of,
    union,
)
from arrows.term import Switch
from arrows.told import UNKNOWN, Known, Several, Sided, Value, shape


def case(cls: type) -> Shape:
    """The shape of what a case of a switch is chosen for."""
    try:
        return Record(cls) if cls in (Left, Right) else shape_of(cls)
    except BuildError:
        return ANYTHING


def narrowed(known: Known, cls: type, by: Switch) -> Known | None:
    """What the arrow of a case gets, or None where that case is never chosen."""
    taken = case(cls)
    if cls in (Left, Right):
        if isinstance(known, Sided):
            return known.left if cls is Left else known.right
        return None if disjoint(shape(known), taken) else UNKNOWN
    if isinstance(taken, Anything):
        return UNKNOWN
    if isinstance(known, Several):
        return None if disjoint(shape(known), taken) else known
    if shape(known) == ANYTHING:
        return Value(taken, by, "hands on")
    fitting = [each for each in options(shape(known)) if not disjoint(each, taken)]
    if not fitting:
        return None
    if all(_under(each, cls) for each in fitting):
        return Value(union(fitting), known.by) if isinstance(known, Value) else known
    return Value(taken, by, "hands on")


def _under(told: Shape, cls: type) -> bool:
    match told:
        case Scalar(type=own) | Many(container=own) | Record(cls=own) | Enumeration(cls=own):
            return issubclass(own, cls)
        case Product():
            return cls is tuple
        case Mapping():
            return cls is dict
        case _:
            return False
