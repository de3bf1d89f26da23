"""Does a value have a shape, and can it be given one: two readers of shapes.

`misfit` answers with the first place where a value and a shape part. `adopt` rebuilds a value whose
classes were replaced by others of the same shape, as happens when a method of a class was edited.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, TypeAlias, assert_never

import attrs

from arrows import record
from arrows.representation import represent
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
    text = represent(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def misfit(value: Any, shape: Shape, path: str = "") -> Misfit | None:
    """Return where `value` does not have `shape`, or None when it has.

    >>> from arrows.shape import shape_of
    >>> print(misfit([1, "a"], shape_of(list[int])))
    [1]: expected int, found 'a'
    """
    wrong = _Search().wrong(value, shape)
    if wrong is None:
        return None
    below, expected, found = wrong
    said = f"a {type(found).__name__}" if record.holds_secrets(shape) else show(found)
    return Misfit(path + below if path else below.removeprefix("."), str(expected), said)


_Wrong: TypeAlias = tuple[str, Shape, Any]
"""Where, from here, which shape was expected, and what was found."""


class _Search:
    """Looks at each value once for each union, however unions and values are nested."""

    def __init__(self) -> None:
        self._seen: dict[tuple[int, int], _Wrong | None] = {}

    def wrong(self, value: Any, shape: Shape) -> _Wrong | None:
        match shape:
            case Anything():
                return None
            case Scalar(type=cls):
                fine = type(value) is cls or (cls is float and type(value) is int)
                return None if fine else ("", shape, value)
            case Enumeration(cls=cls):
                return None if type(value) is cls else ("", shape, value)
            case OneOf():
                key = (id(value), id(shape))
                if key not in self._seen:
                    self._seen[key] = self._union(value, shape)
                return self._seen[key]
            case Many() | Product() | Mapping() | Record():
                return self._inside(value, shape)
            case _:
                assert_never(shape)

    def _union(self, value: Any, shape: OneOf) -> _Wrong | None:
        deeper = []
        for option in shape.options:
            wrong = self.wrong(value, option)
            if wrong is None:
                return None
            if wrong[0]:
                deeper.append(wrong)
        return deeper[0] if len(deeper) == 1 else ("", shape, value)

    def _inside(self, value: Any, shape: Many | Product | Mapping | Record) -> _Wrong | None:
        parts = _parts(value, shape)
        if parts is None:
            return "", shape, value
        for at, each, inner in parts:
            wrong = self.wrong(each, inner)
            if wrong is not None:
                below = ("", inner, each) if _is_secret(shape, at) else wrong
                return _step(at) + below[0], *below[1:]
        return None


def _is_secret(shape: Shape, at: object) -> bool:
    return isinstance(shape, Record) and any(f.secret and f.name == at for f in record.fields(shape.cls))


@attrs.frozen
class _Key:
    """The step to what stands under a key, or to the key itself."""

    key: Any


def _step(at: str | int | _Key) -> str:
    match at:
        case str():
            return f".{at}"
        case int():
            return f"[{at}]"
        case _Key(key):
            return f"[{show(key)}]"


def _parts(
    value: Any, shape: Many | Product | Mapping | Record
) -> Iterator[tuple[str | int | _Key, Any, Shape]] | None:
    """The parts of a value, with the step that leads there and the shape it should have; None for another value."""
    items: Any = value
    match shape:
        case Many(container=container, item=item):
            return ((at, each, item) for at, each in enumerate(items)) if type(value) is container else None
        case Product(items=shapes):
            if type(value) is not tuple or len(value) != len(shapes):
                return None
            return ((at, *both) for at, both in enumerate(zip(items, shapes, strict=True)))
        case Mapping(key=key, value=inner):
            if type(value) is not dict:
                return None
            keys = ((_Key(each), each, key) for each in value)
            return chain(keys, ((_Key(at), each, inner) for at, each in value.items()))
        case Record(cls=cls):
            if type(value) is not cls:
                return None
            known = zip(record.fields(cls), record.values(value), strict=True)
            return ((field.name, each, field.shape) for field, each in known)
        case _:
            assert_never(shape)


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
