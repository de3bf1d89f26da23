"""Read classes, shapes and values of an encoding back: every part checked, nothing imported."""

from __future__ import annotations

import enum
import keyword
import unicodedata
from collections import Counter, abc
from collections.abc import Callable
from typing import Any, Final, NoReturn, cast

from arrows import record
from arrows.canonical import CLASSES
from arrows.interning import intern, known
from arrows.limits import MAX_ALIKE, MAX_CLASSES, MAX_DEPTH, MAX_DIGITS, MAX_FIELDS, MAX_NAME
from arrows.shape import ANYTHING, SCALARS, Enumeration, Many, Mapping, OneOf, Product, Record, Scalar, Shape


class Bad(Exception):
    """What was received is not what `encode` writes."""


def bad(what: str) -> NoReturn:
    """Give up, saying what is wrong."""
    raise Bad(what)


_SCALARS: Final = {str(Scalar(cls)): cls for cls in SCALARS}
_CONTAINERS: Final = {"list": list, "tuple": tuple, "frozenset": frozenset}
_RESERVED: Final = {"self", "NOTHING", "_setattr", "_cached_setattr_get", "_config", "_inst_dict"}
"""Names that the constructor of an attrs class uses for itself."""


def array(packed: Any, what: str, least: int = 0) -> list[Any]:
    """A list of at least so many items."""
    if type(packed) is not list or len(packed) < least:
        bad(f"{what}: not a list of at least {least}")
    return packed


def text(packed: Any, what: str) -> str:
    """A text that is not empty."""
    if type(packed) is not str or not packed:
        bad(f"{what} is missing")
    return packed


def identifier(packed: Any) -> str:
    """A name as Python reads it from a source."""
    fine = (
        type(packed) is str
        and len(packed) <= MAX_NAME
        and packed.isidentifier()
        and not keyword.iskeyword(packed)
    )
    if (
        not fine
        or packed[:2] == "__"
        or packed in _RESERVED
        or unicodedata.normalize("NFKC", packed) != packed
    ):
        bad(f"{packed!r:.60} is not a name")
    return str(packed)


def names(packed: Any) -> tuple[str, ...]:
    """Names that all differ."""
    found = tuple(map(identifier, array(packed, "names")))
    return found if len(set(found)) == len(found) else bad("a name twice")


class Received:
    """Reads shapes and values over one table of classes."""

    def __init__(self, table: list[Any], preferred: abc.Mapping[str, type]) -> None:
        self.preferred = preferred
        self.limited = True
        if len(table) > MAX_CLASSES:
            bad(f"{len(table)} classes, more than {MAX_CLASSES}")
        fields = sum(len(array(array(entry, "a class", 4)[2], "fields")) for entry in table)
        if fields > MAX_FIELDS:
            bad(f"{fields} fields in classes, more than {MAX_FIELDS}")
        self.classes: list[type] = []
        for entry in table:
            self.classes.append(self.blank(entry))
        made = {at: cls for at, cls in enumerate(self.classes) if _is_plain(table[at])}
        for at, cls in made.items():
            record.define(cls, self.fields(table[at]))
        final = {at: intern(cls, preferred) for at, cls in made.items()}
        self.classes = [final.get(at, cls) for at, cls in enumerate(self.classes)]
        for at, cls in made.items():
            if final[at] is cls:
                record.define(cls, self.fields(table[at]))

    # Classes

    def blank(self, entry: Any) -> type:
        """The class of an entry: one in use with the same code, or a new one with nothing told of its fields."""
        kind, name, inside, code = array(entry, "a class", 4)[:4]
        if code is not None:
            return known(text(code, "the code of a class"), self.preferred) or bad(
                f"the class {name!r:.60} has code that is not loaded here"
            )
        if kind == "record":
            return self.blank_record(
                identifier(name), [array(each, "a field", 3) for each in array(inside, "fields")]
            )
        if kind == "enum":
            return self.enumeration(
                identifier(name), [array(each, "a member", 2) for each in array(inside, "members")]
            )
        bad(f"{kind!r:.60} is not a kind of class")

    def blank_record(self, name: str, told: list[list[Any]]) -> type:
        given = names([field[0] for field in told])
        if "type" in given:
            bad("a field called 'type'")
        try:
            return record.make(
                name, {each: (_how(f[2])[0], len(f) > 3) for each, f in zip(given, told, strict=True)}
            )
        except ValueError as wrong:
            bad(f"{name!r:.60} is not a record: {wrong}")

    def enumeration(self, name: str, pairs: list[list[Any]]) -> type:
        plain = Received([], self.preferred)  # no classes: an enum whose values are records is not made up
        members = [(identifier(each[0]), plain.value(each[1], 0)) for each in pairs]
        if any(member.startswith("_") and member.endswith("_") for member, _ in members):
            bad(f"{name!r:.60} is not an enum: a reserved name")
        try:
            made: Any = enum.Enum(name, members, module="received")  # type: ignore[misc]
        except (TypeError, ValueError) as wrong:
            bad(f"{name!r:.60} is not an enum: {wrong}")
        return cast("type", intern(made, self.preferred))

    def fields(self, entry: Any) -> tuple[record.Field, ...]:
        return tuple(self.field(*packed) for packed in entry[2])

    def field(self, name: str, shape: Any, how: Any, *default: Any) -> record.Field:
        made = record.Always(self.value(default[0], 0)) if default else None
        return record.Field(name, self.shape(shape, 0), made, *_how(how))

    def cls(self, packed: Any) -> type:
        if type(packed) is str:
            return CLASSES.get(packed) or bad(f"{packed!r:.60} is not a class")
        return self.at(packed[1]) if type(packed) is list and len(packed) == 2 else bad("not a class")

    def effect(self, packed: Any) -> type:
        cls = self.cls(packed)
        return cls if record.is_frozen_record(cls) else bad(f"{cls.__name__!r:.60} is not a class of effects")

    def at(self, place: Any) -> type:
        if type(place) is not int or not 0 <= place < len(self.classes):
            bad(f"class {place!r:.60} is not in the table")
        return self.classes[place]

    # Shapes and values

    def shape(self, packed: Any, depth: int) -> Shape:
        if depth > MAX_DEPTH:
            bad(f"nested deeper than {MAX_DEPTH} levels")
        if packed == "any":
            return ANYTHING
        if type(packed) is str and packed in _SCALARS:
            return Scalar(_SCALARS[packed])
        tag = array(packed, "a shape", 1)[0] if type(packed) is list else ""
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
        bad(f"{packed!r:.60} is not a shape")

    def value(self, packed: Any, depth: int) -> Any:
        if depth > MAX_DEPTH:
            bad(f"nested deeper than {MAX_DEPTH} levels")
        if packed is None or type(packed) in (bool, int, str):
            return packed
        if type(packed) is list:
            return [self.value(each, depth + 1) for each in packed]
        if type(packed) is tuple:
            tag, inner = packed
            try:
                return _VALUES.get(tag, _no_value)(self, inner, depth + 1)
            except (ValueError, TypeError, OverflowError) as wrong:
                bad(f"{packed!r:.60} is not a value: {wrong}")
        bad(f"{packed!r:.60} is not a value")

    def values(self, packed: Any, depth: int) -> list[Any]:
        return [self.value(each, depth) for each in array(packed, "values")]

    def frozen_set(self, packed: Any, depth: int) -> frozenset[Any]:
        items = self.values(packed, depth)
        self.check_keys(items)
        return frozenset(items)

    def mapping(self, packed: Any, depth: int) -> dict[Any, Any]:
        pairs = [array(pair, "a pair", 2) for pair in array(packed, "pairs")]
        keys = [self.value(pair[0], depth) for pair in pairs]
        self.check_keys(keys)
        return {key: self.value(pair[1], depth) for key, pair in zip(keys, pairs, strict=True)}

    def record(self, packed: Any, depth: int) -> Any:
        cls = self.at(array(packed, "a record", 2)[0])
        names = [field.name for field in record.fields(cls)] if record.is_frozen_record(cls) else []
        given = dict(zip(names, self.values(packed[1], depth), strict=True))
        try:
            return cls(**given)
        except Exception as wrong:
            bad(f"{cls.__name__!r:.60} refuses its fields: {wrong}")

    def check_keys(self, keys: list[Any]) -> None:
        """Refuse keys that come twice, and so many of one hash that a table of them is slow."""
        many = self.limited and len(keys) > MAX_ALIKE
        if many and max(Counter(map(hash, keys)).values()) > MAX_ALIKE:
            bad(f"more than {MAX_ALIKE} keys that are hashed alike")
        if len(frozenset(keys)) < len(keys):
            bad("a key twice")

    def integer(self, packed: Any, _: int) -> int:
        digits = text(packed, "an integer")
        return (
            int(digits, 16) if not self.limited or len(digits) <= MAX_DIGITS else bad("an integer too long")
        )

    def member(self, packed: Any, _: int) -> Any:
        cls = self.at(array(packed, "a member", 2)[0])
        members = cls.__members__ if issubclass(cls, enum.Enum) else {}
        return members[packed[1]] if packed[1] in members else bad(f"{packed[1]!r:.60} is not a member")


def _how(packed: Any) -> tuple[bool, bool]:
    """Whether a field is given by name only, and whether it is secret."""
    secret = type(packed) is list and len(packed) == 2 and packed[0] == "secret"
    return bool(packed[1] if secret else packed), secret


def _is_plain(entry: Any) -> bool:
    return bool(entry[0] == "record" and entry[3] is None)


def _no_value(_: Received, inner: Any, __: int) -> Any:
    bad(f"{inner!r:.60} has no known tag")


_VALUES: Final[dict[str, Callable[[Received, Any, int], Any]]] = {
    "i": Received.integer,
    "f": lambda _, inner, __: float.fromhex(inner),
    "b": lambda _, inner, __: bytes.fromhex(inner),
    "t": lambda to, inner, depth: tuple(to.values(inner, depth)),
    "s": Received.frozen_set,
    "d": Received.mapping,
    "r": Received.record,
    "e": Received.member,
}
