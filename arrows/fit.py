"""Does a value have a shape, and can it be given one: two readers of shapes.

`misfit` answers with the first place where a value and a shape part. `adopt` rebuilds a value whose
classes were replaced by others of the same shape, as happens when a method of a class was edited.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any, assert_never

import attrs

from arrows import record
from arrows.shape import Anything, Enumeration, Many, Mapping, OneOf, Product, Record, Scalar, Shape


@attrs.frozen
class Misfit:
    """The place (as a path of fields and indices) where something else was expected."""

    path: str
    expected: str
    found: str

    def __str__(self) -> str:
        place = f"{self.path}: " if self.path else ""
        return f"{place}expected {self.expected}, found {self.found}"


def show(value: object, limit: int = 80) -> str:
    """`repr`, cut to a line that fits in a message."""
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def misfit(value: Any, shape: Shape, path: str = "") -> Misfit | None:
    """Return where `value` does not have `shape`, or None when it has.

    >>> from arrows.shape import shape_of
    >>> print(misfit([1, "a"], shape_of(list[int])))
    [1]: expected int, found 'a'
    """
    match shape:
        case Anything():
            return None
        case Scalar(type=cls):
            fine = type(value) is cls or (cls is float and type(value) is int)
            return None if fine else Misfit(path, str(shape), show(value))
        case Enumeration(cls=cls):
            return None if type(value) is cls else Misfit(path, str(shape), show(value))
        case OneOf(options=options):
            found = [misfit(value, option, path) for option in options]
            if None in found:
                return None
            deeper = [each for each in found if each and each.path != path]
            return deeper[0] if len(deeper) == 1 else Misfit(path, str(shape), show(value))
        case Many() | Product() | Mapping() | Record():
            return _inside(value, shape, path)
        case _:
            assert_never(shape)


def _inside(value: Any, shape: Many | Product | Mapping | Record, path: str) -> Misfit | None:
    items: Any = value
    wrong = Misfit(path, str(shape), show(value))
    pairs: list[tuple[str, Any, Shape]]
    match shape:
        case Many(container=container, item=item):
            if type(value) is not container:
                return wrong
            pairs = [(f"[{at}]", each, item) for at, each in enumerate(items)]
        case Product(items=items):
            if type(value) is not tuple or len(value) != len(items):
                return wrong
            pairs = [(f"[{at}]", *both) for at, both in enumerate(zip(value, items, strict=True))]
        case Mapping(key=key, value=inner):
            if type(value) is not dict:
                return wrong
            pairs = [(f"[{show(each)}]", each, key) for each in value]
            pairs += [(f"[{show(at)}]", each, inner) for at, each in value.items()]
        case Record(cls=cls):
            if type(value) is not cls:
                return wrong
            known = zip(record.fields(cls), record.values(value), strict=True)
            pairs = [(f".{field.name}" if path else field.name, each, field.shape) for field, each in known]
        case _:
            assert_never(shape)
    return next(filter(None, (misfit(each, inner, path + at) for at, each, inner in pairs)), None)


def adopt(value: Any, shape: Shape) -> Any:
    """Return `value` with every record and enum in it belonging to the classes that `shape` names.

    A class is replaced by one of equal name and field names. The same object comes back where nothing
    needs replacing. Where something does not match it is left as it is: `misfit` will name it.
    """
    match shape:
        case OneOf(options=options):
            if any(misfit(value, option) is None for option in options):
                return value
            adopted = (adopt(value, option) for option in options)
            return next((each for each in adopted if misfit(each, shape) is None), value)
        case Many(container=container, item=item) if type(value) is container:
            return _kept(value, lambda each: adopt(each, item), container)
        case Product(items=items) if type(value) is tuple and len(value) == len(items):
            new = tuple(adopt(each, item) for each, item in zip(value, items, strict=True))
            return value if all(a is b for a, b in zip(value, new, strict=True)) else new
        case Mapping(key=key, value=inner) if type(value) is dict:
            changed = [(at, adopt(at, key), each, adopt(each, inner)) for at, each in value.items()]
            same = all(a is b and c is d for a, b, c, d in changed)
            return value if same else {b: d for _, b, _, d in changed}
        case Enumeration(cls=cls) if isinstance(value, enum.Enum) and type(value).__name__ == cls.__name__:
            return cls.__members__.get(value.name, value)
        case Record(cls=cls):
            return _record(value, cls)
        case _:
            return value


def _kept(value: Any, change: Callable[[Any], Any], container: type) -> Any:
    items = list(value)
    new = [change(each) for each in items]
    return value if all(a is b for a, b in zip(items, new, strict=True)) else container(new)


def _record(value: Any, cls: type) -> Any:
    old = type(value)
    if old.__name__ != cls.__name__ or not record.is_frozen_record(old):
        return value
    names = [field.name for field in record.fields(cls)]
    if [field.name for field in record.fields(old)] != names:
        return value
    before = record.values(value)
    shapes = [field.shape for field in record.fields(cls)]
    after = [adopt(each, inner) for each, inner in zip(before, shapes, strict=True)]
    if old is cls and all(a is b for a, b in zip(before, after, strict=True)):
        return value
    return cls(**dict(zip(names, after, strict=True)))
