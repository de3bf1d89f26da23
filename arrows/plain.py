"""Values as plain JSON, read back by shape: how messages, replies and states look outside.

A record is an object with its class's name under "type"; tuples, lists and sets are arrays; bytes are
base64; an enum member is its name; a dict whose keys are not strings is an array of pairs.
"""

from __future__ import annotations

import base64
import binascii
import enum
import math
from typing import Any, assert_never

from returns.result import Failure, Result, Success

from arrows import record
from arrows.fit import Misfit, show
from arrows.secret import MASK
from arrows.shape import Anything, Enumeration, Many, Mapping, OneOf, Product, Record, Scalar, Shape, options


def to_plain(value: Any, *, masked: bool = False) -> Any:
    """Return what `json.dumps` takes for a value; where it is `masked`, `***` stands for what secret fields hold.

    Raises TypeError for a value that is not plain data, or a float that JSON cannot write.
    """
    match value:
        case float() if not math.isfinite(value):
            raise TypeError(f"{value!r} has no JSON form")
        case enum.Enum():
            return value.name
        case None | bool() | int() | float() | str():
            return value
        case bytes():
            return base64.b64encode(value).decode()
        case list() | tuple():
            return [to_plain(each, masked=masked) for each in value]
        case frozenset():
            return sorted((to_plain(each, masked=masked) for each in value), key=repr)
        case dict():
            pairs = [
                (to_plain(key, masked=masked), to_plain(each, masked=masked)) for key, each in value.items()
            ]
            return dict(pairs) if all(type(key) is str for key in value) else [list(pair) for pair in pairs]
        case _ if record.is_frozen_record(type(value)):
            held = zip(record.fields(type(value)), record.values(value), strict=True)
            inner = {
                field.name: MASK if masked and field.secret else to_plain(each, masked=masked)
                for field, each in held
            }
            return {"type": type(value).__name__, **inner}
    raise TypeError(f"{type(value).__qualname__} is not plain data: {show(value)}")


def describe(shape: Shape) -> list[str]:
    """One line of JSON-like text for each form that a shape accepts.

    >>> from arrows.shape import shape_of
    >>> describe(shape_of(int | None))
    ['int', 'null']
    """
    return [_one(option) for option in options(shape)]


def _one(shape: Shape, brief: bool = False) -> str:
    """A shape as text. Records go by name where it is `brief`: inside a record, as classes may hold themselves."""
    match shape:
        case Anything():
            return "any JSON"
        case Scalar(type=cls):
            return "null" if cls is type(None) else "base64 text" if cls is bytes else cls.__name__
        case Many(item=item):
            return f"[{_any(item, brief)}, ...]"
        case Product(items=items):
            return f"[{', '.join(_any(item, brief) for item in items)}]"
        case Mapping(key=Scalar(type=cls), value=value) if cls is str:
            return "{str: " + _any(value, brief) + "}"
        case Mapping(key=key, value=value):
            return f"[[{_any(key, brief)}, {_any(value, brief)}], ...]"
        case OneOf():
            return _any(shape, brief)
        case Enumeration(cls=cls):
            return " | ".join(f'"{name}"' for name in cls.__members__)
        case Record(cls=cls) if brief:
            return cls.__name__
        case Record(cls=cls):
            inner = (
                f'"{f.name}"{"" if f.required else "?"}: {_any(f.shape, brief=True)}'
                for f in record.fields(cls)
            )
            return "{" + ", ".join([f'"type": "{cls.__name__}"', *inner]) + "}"
        case _:
            assert_never(shape)


def _any(shape: Shape, brief: bool = False) -> str:
    return " | ".join(_one(option, brief) for option in options(shape))


class _Wrong(Exception):
    """`found` is the value found, or `said` the words for what was found instead of one; `why` says more of it."""

    def __init__(
        self, path: str, expected: str, found: object = None, *, said: str = "", why: object = ""
    ) -> None:
        self._path, self._expected, self._found, self._said, self._why = path, expected, found, said, why

    def misfit(self, shape: Shape) -> Misfit:
        """What to tell. Where there may be secrets, no value is shown: it may stand in a wrong place."""
        if self._said:
            return Misfit(self._path, self._expected, self._said)
        if record.holds_secrets(shape):
            return Misfit(self._path, self._expected, f"a {type(self._found).__name__}")
        why = f" ({self._why})" if self._why else ""
        return Misfit(self._path, self._expected, show(self._found) + why)


def from_plain(plain: Any, shape: Shape) -> Result[Any, Misfit]:
    """Read what `json.loads` gave as a value of a shape.

    Returns Success(value), or Failure(Misfit) naming the field, what is accepted there and what was found.
    """
    try:
        return Success(_read(plain, shape, ""))
    except _Wrong as wrong:
        return Failure(wrong.misfit(shape))
    except RecursionError:
        return Failure(Misfit("", "less nesting", f"a {type(plain).__name__}"))


def _read(plain: Any, shape: Shape, path: str) -> Any:
    match shape:
        case Anything():
            return plain
        case Scalar(type=cls):
            return _scalar(plain, cls, path)
        case OneOf():
            return _union(plain, shape, path)
        case Many(container=container, item=item):
            items = [_read(each, item, f"{path}[{at}]") for at, each in enumerate(_array(plain, shape, path))]
            try:
                return container(items)
            except TypeError:
                raise _Wrong(path, "hashable items", plain) from None
        case Product(items=items):
            if len(_array(plain, shape, path)) != len(items):
                raise _Wrong(path, _one(shape), plain)
            return tuple(_read(each, items[at], f"{path}[{at}]") for at, each in enumerate(plain))
        case Mapping():
            return _mapping(plain, shape, path)
        case Enumeration(cls=cls):
            if type(plain) is not str or plain not in cls.__members__:
                raise _Wrong(path, _one(shape), plain)
            return cls.__members__[plain]
        case Record(cls=cls):
            return _record(plain, cls, path)
        case _:
            assert_never(shape)


def _scalar(plain: Any, cls: type, path: str) -> Any:
    if cls is bytes and type(plain) is str:
        try:
            return base64.b64decode(plain, validate=True)
        except (binascii.Error, ValueError):
            raise _Wrong(path, "base64 text", plain) from None
    if cls is float and type(plain) is int:
        try:
            return float(plain)
        except OverflowError:
            raise _Wrong(path, "float", plain) from None
    if type(plain) is not cls:
        raise _Wrong(path, _one(Scalar(cls)), plain)
    return plain


def _array(plain: Any, shape: Shape, path: str) -> list[Any]:
    if type(plain) is not list:
        raise _Wrong(path, _one(shape), plain)
    return plain


def _mapping(plain: Any, shape: Mapping, path: str) -> dict[Any, Any]:
    if shape.key == Scalar(str) and type(plain) is not dict:
        raise _Wrong(path, _one(shape), plain)
    if type(plain) is dict:  # also where keys may be other than text, and just here none is
        return {
            _read(key, shape.key, f"{path}[{key!r}]"): _read(each, shape.value, f"{path}[{key!r}]")
            for key, each in plain.items()
        }
    read: dict[Any, Any] = {}
    for at, pair in enumerate(_array(plain, shape, path)):
        if type(pair) is not list or len(pair) != 2:
            raise _Wrong(f"{path}[{at}]", "a pair [key, value]", pair)
        key, value = (
            _read(pair[0], shape.key, f"{path}[{at}][0]"),
            _read(pair[1], shape.value, f"{path}[{at}][1]"),
        )
        try:
            read[key] = value
        except TypeError:
            raise _Wrong(f"{path}[{at}][0]", "a hashable key", pair[0]) from None
    return read


def _union(plain: Any, shape: OneOf, path: str) -> Any:
    """A record is chosen by its "type" alone, so that an error inside it is told about that record."""
    named = plain.get("type") if type(plain) is dict else None
    if named is not None:
        for option in shape.options:
            if isinstance(option, Record) and option.cls.__name__ == named:
                return _record(plain, option.cls, path)
    for option in shape.options:
        if not isinstance(option, Record):
            try:
                return _read(plain, option, path)
            except _Wrong:
                continue
    if any(isinstance(option, Record) for option in shape.options) and type(plain) is dict:
        names = " | ".join(f'"{o.cls.__name__}"' for o in shape.options if isinstance(o, Record))
        raise _Wrong(_at(path, "type"), names, said="no such field" if named is None else show(named))
    raise _Wrong(path, _any(shape), plain)


def _at(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _field(plain: Any, field: record.Field, path: str) -> Any:
    try:
        return _read(plain, field.shape, path)
    except _Wrong:
        if not field.secret:
            raise
        raise _Wrong(path, _any(field.shape, brief=True), said="something else") from None


def _record(plain: Any, cls: type, path: str) -> Any:
    if type(plain) is not dict:
        raise _Wrong(path, _one(Record(cls)), plain)
    if plain.get("type", cls.__name__) != cls.__name__:
        raise _Wrong(_at(path, "type"), f'"{cls.__name__}"', said=show(plain["type"]))
    known = {field.name: field for field in record.fields(cls)}
    for name in plain:
        if name != "type" and name not in known:
            raise _Wrong(_at(path, name), f"only {_one(Record(cls))}", said="a field of that name")
    given: dict[str, Any] = {}
    for name, field in known.items():
        if name in plain:
            given[name] = _field(plain[name], field, _at(path, name))
        elif field.required:
            raise _Wrong(_at(path, name), _any(field.shape, brief=True), said="no such field")
    try:
        return cls(**given)
    except Exception as refused:
        raise _Wrong(path, _one(Record(cls)), plain, why=refused) from None
