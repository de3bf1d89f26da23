"""Read the kernel back: a closed table of tags, every part checked, nothing imported and nothing run."""

from __future__ import annotations

import enum
import keyword
import re
from collections.abc import Callable
from typing import Any, Final, NoReturn, cast

import attrs
from returns.result import Failure, Result, Success

from arrows import record
from arrows.canonical import CLASSES
from arrows.interning import intern, known
from arrows.limits import FORMAT, MAX_DEPTH, MAX_DIGITS
from arrows.origin import BuildError
from arrows.primitive import ERRORS, KINDS, PRIMITIVES
from arrows.shape import ANYTHING, SCALARS, Enumeration, Many, Mapping, OneOf, Product, Record, Scalar, Shape
from arrows.term import (
    Arrow,
    Attempt,
    Constant,
    Get,
    Identity,
    Keyed,
    Named,
    Node,
    Parallel,
    Primitive,
    Put,
    State,
    Switch,
    sequence,
)


@attrs.frozen
class Malformed:
    """Bytes that are not an encoded machine: what is wrong with them."""

    what: str

    def __str__(self) -> str:
        return self.what


class _Bad(Exception):
    pass


def _bad(what: str) -> NoReturn:
    raise _Bad(what)


_SCALARS: Final = {str(Scalar(cls)): cls for cls in SCALARS}
_CONTAINERS: Final = {"list": list, "tuple": tuple, "frozenset": frozenset}
_NAME: Final = re.compile(r"[^\W\d]\w*")


def unpack(document: Any) -> Result[Arrow[Any, Any], Malformed]:
    """Return Success(arrow) of a parsed encoding, or Failure(Malformed)."""
    try:
        if type(document) is not dict or set(document) != {"format", "classes", "term"}:
            _bad("not an encoded machine")
        number = document["format"]
        if type(number) is not int or number < 1:
            _bad("not an encoded machine: no format number")
        if number > FORMAT:
            _bad(
                f"format {number} is newer than {FORMAT}, the newest that this version reads: install a newer one"
            )
        reader = _Unpacker(_array(document["classes"], "classes"))
        return Success(reader.node(document["term"], 0))
    except _Bad as bad:
        return Failure(Malformed(str(bad)))
    except BuildError as wrong:
        return Failure(Malformed(f"not a machine: {wrong.what}"))


def _array(packed: Any, what: str, least: int = 0) -> list[Any]:
    if type(packed) is not list or len(packed) < least:
        _bad(f"{what}: not a list of at least {least}")
    return packed


def _text(packed: Any, what: str = "a name") -> str:
    if type(packed) is not str or not packed:
        _bad(f"{what} is missing")
    return packed


def _identifier(packed: Any) -> str:
    if (
        type(packed) is not str
        or not _NAME.fullmatch(packed)
        or packed[:2] == "__"
        or keyword.iskeyword(packed)
    ):
        _bad(f"{packed!r:.60} is not a name")
    return packed


class _Unpacker:
    """Reads trees over one table of classes."""

    def __init__(self, table: list[Any]) -> None:
        self.classes: list[type] = [self.blank(entry) for entry in table]
        made = {at: cls for at, cls in enumerate(self.classes) if _is_plain(table[at])}
        for at, cls in made.items():
            record.define(cls, self.fields(table[at]))
        final = {at: intern(cls) for at, cls in made.items()}
        self.classes = [final.get(at, cls) for at, cls in enumerate(self.classes)]
        for at, cls in made.items():
            if final[at] is cls:
                record.define(cls, self.fields(table[at]))

    # Classes

    def blank(self, entry: Any) -> type:
        """The class of an entry: one in use with the same code, or a new one with nothing told of its fields."""
        kind, name, inside, code = _array(entry, "a class", 4)[:4]
        if code is not None:
            return known(_text(code)) or _bad(f"the class {name!r:.60} has code that is not loaded here")
        if kind == "record":
            told = [_array(field, "a field", 2) for field in _array(inside, "fields")]
            names = {_identifier(field[0]): len(field) > 2 for field in told}
            return record.make(_identifier(name), names if len(names) == len(told) else _bad("a field twice"))
        if kind == "enum":
            return self.enumeration(
                _identifier(name), [_array(each, "a member", 2) for each in _array(inside, "")]
            )
        _bad(f"{kind!r:.60} is not a kind of class")

    def enumeration(self, name: str, pairs: list[list[Any]]) -> type:
        members = [(_identifier(each[0]), self.value(each[1], 0)) for each in pairs]
        try:
            made: Any = enum.Enum(name, members, module="received")  # type: ignore[misc]
        except (TypeError, ValueError) as wrong:
            _bad(f"{name!r:.60} is not an enum: {wrong}")
        return cast("type", intern(made))

    def fields(self, entry: Any) -> tuple[record.Field, ...]:
        return tuple(self.field(*packed) for packed in entry[2])

    def field(self, name: str, shape: Any, *default: Any) -> record.Field:
        made = record.always(self.value(default[0], 0)) if default else None
        return record.Field(name, self.shape(shape, 0), made)

    def cls(self, packed: Any) -> type:
        if type(packed) is str:
            return CLASSES.get(packed) or _bad(f"{packed!r:.60} is not a class")
        return self.at(packed[1]) if type(packed) is list and len(packed) == 2 else _bad("not a class")

    def at(self, place: Any) -> type:
        if type(place) is not int or not 0 <= place < len(self.classes):
            _bad(f"class {place!r:.60} is not in the table")
        return self.classes[place]

    # Shapes and values

    def shape(self, packed: Any, depth: int) -> Shape:
        if depth > MAX_DEPTH:
            _bad(f"nested deeper than {MAX_DEPTH} levels")
        if packed == "any":
            return ANYTHING
        if type(packed) is str and packed in _SCALARS:
            return Scalar(_SCALARS[packed])
        tag = _array(packed, "a shape", 1)[0] if type(packed) is list else ""
        if tag == "many" and len(packed) == 3 and packed[1] in tuple(_CONTAINERS):
            return Many(_CONTAINERS[packed[1]], self.shape(packed[2], depth + 1))
        if tag == "class" or packed in ("Left", "Right"):
            cls = self.cls(packed)
            return Enumeration(cls) if issubclass(cls, enum.Enum) else Record(cls)
        inner = (
            [self.shape(each, depth + 1) for each in packed[1:]]
            if tag in ("product", "mapping", "one_of")
            else []
        )
        if tag == "product":
            return Product(tuple(inner))
        if tag == "mapping" and len(inner) == 2:
            return Mapping(*inner)
        if tag == "one_of":
            return OneOf(tuple(inner))
        _bad(f"{packed!r:.60} is not a shape")

    def value(self, packed: Any, depth: int) -> Any:
        if depth > MAX_DEPTH:
            _bad(f"nested deeper than {MAX_DEPTH} levels")
        if packed is None or type(packed) in (bool, int, str):
            return packed
        if type(packed) is list:
            return [self.value(each, depth + 1) for each in packed]
        if type(packed) is dict and len(packed) == 1:
            ((tag, inner),) = packed.items()
            try:
                return _VALUES.get(tag, _no_value)(self, inner, depth + 1)
            except (ValueError, TypeError, OverflowError) as wrong:
                _bad(f"{packed!r:.60} is not a value: {wrong}")
        _bad(f"{packed!r:.60} is not a value")

    def values(self, packed: Any, depth: int) -> list[Any]:
        return [self.value(each, depth) for each in _array(packed, "values")]

    def record(self, packed: Any, depth: int) -> Any:
        cls = self.at(_array(packed, "a record", 2)[0])
        names = [field.name for field in record.fields(cls)] if record.is_frozen_record(cls) else []
        given = self.values(packed[1], depth)
        return cls(**dict(zip(names, given, strict=True)))

    def member(self, packed: Any, _: int) -> Any:
        cls = self.at(_array(packed, "a member", 2)[0])
        members = cls.__members__ if issubclass(cls, enum.Enum) else {}
        return members[packed[1]] if packed[1] in members else _bad(f"{packed[1]!r:.60} is not a member")

    # Nodes

    def node(self, packed: Any, depth: int) -> Node:
        if depth > MAX_DEPTH:
            _bad(f"nested deeper than {MAX_DEPTH} levels")
        tag, *parts = _array(packed, "a node", 1)
        read = _NODES.get(tag) if type(tag) is str else None
        if read is None:
            _bad(f"{tag!r:.60} is not a node")
        count, make = read
        if count is not None and len(parts) != count:
            _bad(f"a node {tag!r} has {count} parts, not {len(parts)}")
        return make(self, parts, depth + 1)

    def nodes(self, packed: list[Any], depth: int) -> list[Node]:
        return [self.node(each, depth) for each in packed]

    def primitive(self, parts: list[Any], _: int) -> Node:
        name = parts[0] if parts else None
        if type(name) is not str or name not in PRIMITIVES:
            _bad(f"{name!r:.60} is not an operation")
        kinds, given = PRIMITIVES[name].kinds, parts[1:]
        if kinds == ("class", "..."):
            return Primitive(name, tuple(self.cls(each) for each in given))
        if len(kinds) != len(given):
            _bad(f"the operation {name!r} takes {len(kinds)} arguments, not {len(given)}")
        return Primitive(name, tuple(self.arg(kind, each) for kind, each in zip(kinds, given, strict=True)))

    def arg(self, kind: str, packed: Any) -> Any:
        match kind:
            case "class":
                return self.cls(packed)
            case "shape":
                return self.shape(packed, 0)
            case "path":
                items = _array(packed, "a path")
                return tuple(
                    each if type(each) is int and each >= 0 else _bad("not a path") for each in items
                )
            case "signs":
                return tuple(
                    each if each in ("", "*", "**", ":") else _bad("not a sign")
                    for each in _array(packed, "")
                )
            case "names":
                return tuple(_identifier(each) for each in _array(packed, "names"))
            case "name":
                return _identifier(packed)
            case "count":
                return packed if type(packed) is int and 1 <= packed <= MAX_DIGITS else _bad("not a count")
            case "container":
                return packed if type(packed) is str and packed in KINDS else _bad("not a container")
            case "error":
                return packed if type(packed) is str and packed in ERRORS else _bad("not an error")
        raise AssertionError(kind)

    def switch(self, parts: list[Any], depth: int) -> Node:
        cases = [_array(each, "a case", 2) for each in parts]
        return (
            Switch(tuple((self.cls(each[0]), self.node(each[1], depth)) for each in cases))
            if cases
            else _bad("no case")
        )


def _is_plain(entry: Any) -> bool:
    return bool(entry[0] == "record" and entry[3] is None)


def _no_value(_: _Unpacker, inner: Any, __: int) -> Any:
    _bad(f"{inner!r:.60} has no known tag")


def _integer(_: _Unpacker, inner: Any, __: int) -> int:
    return int(_text(inner), 16) if len(_text(inner)) <= MAX_DIGITS else _bad("an integer too long")


_VALUES: Final[dict[str, Callable[[_Unpacker, Any, int], Any]]] = {
    "i": _integer,
    "f": lambda _, inner, __: float.fromhex(inner),
    "b": lambda _, inner, __: bytes.fromhex(inner),
    "t": lambda to, inner, depth: tuple(to.values(inner, depth)),
    "s": lambda to, inner, depth: frozenset(to.values(inner, depth)),
    "d": lambda to, inner, depth: {
        to.value(_array(pair, "a pair", 2)[0], depth): to.value(pair[1], depth)
        for pair in _array(inner, "pairs")
    },
    "r": _Unpacker.record,
    "e": _Unpacker.member,
}

_NODES: Final[dict[str, tuple[int | None, Callable[[_Unpacker, list[Any], int], Node]]]] = {
    "identity": (0, lambda to, p, d: Identity()),
    "constant": (1, lambda to, p, d: Constant(to.value(p[0], 0))),
    "primitive": (None, _Unpacker.primitive),
    "compose": (
        None,
        lambda to, p, d: sequence(*to.nodes(p, d)) if len(p) > 1 else _bad("nothing to compose"),
    ),
    "parallel": (2, lambda to, p, d: Parallel(*to.nodes(p, d))),
    "switch": (None, _Unpacker.switch),
    "state": (4, lambda to, p, d: State(_text(p[0]), to.value(p[1], 0), to.node(p[3], d), to.shape(p[2], 0))),
    "get": (1, lambda to, p, d: Get(_text(p[0]))),
    "put": (1, lambda to, p, d: Put(_text(p[0]))),
    "keyed": (3, lambda to, p, d: Keyed(to.node(p[2], d), to.node(p[1], d), _text(p[0]))),
    "attempt": (1, lambda to, p, d: Attempt(to.node(p[0], d))),
    "named": (2, lambda to, p, d: Named(_text(p[0]), to.node(p[1], d))),
}
