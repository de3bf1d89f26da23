"""A message that a machine would take, to show somebody what to send."""

from __future__ import annotations

from typing import Any, assert_never

from arrows import record
from arrows.shape import Anything, Enumeration, Many, Mapping, OneOf, Product, Record, Scalar, Shape

_SCALARS: dict[type, Any] = {bool: True, int: 1, float: 1.5, str: "text", bytes: ""}


def sample(shape: Shape, seen: frozenset[type] = frozenset()) -> Any:
    """Some plain JSON of a shape; `seen` are the classes around it, which it avoids.

    >>> from arrows.shape import shape_of
    >>> sample(shape_of(tuple[int, str]))
    [1, 'text']
    """
    match shape:
        case Anything():
            return 1
        case Scalar(type=kind):
            return _SCALARS.get(kind)
        case Mapping(key=Scalar(type=kind)) if kind is str:
            return {}
        case Many() | Mapping():
            return []
        case Product(items=items):
            return [sample(each, seen) for each in items]
        case OneOf(options=options):
            outside = [each for each in options if not (isinstance(each, Record) and each.cls in seen)]
            return sample((outside or list(options))[0], seen)
        case Enumeration(cls=cls):
            return next(iter(cls.__members__))
        case Record(cls=cls):
            if cls in seen:
                return {}
            shown = {
                field.name: sample(field.shape, seen | {cls})
                for field in record.fields(cls)
                if field.required or isinstance(field.shape, Scalar)
            }
            return {"type": cls.__name__, **shown}
        case _:
            assert_never(shape)
