"""Plain data, shapes and classes as canonical bytes: equal things give equal bytes in every process.

The bytes are JSON in which every value that JSON cannot tell apart is tagged: `{"f": ...}` a float (in
hex), `{"t": [...]}` a tuple, `{"d": [[key, value], ...]}` a dict in its own order, `{"r": [class, [...]]}`
a record by its fields' values. A class is named by its place in a table of classes, which a `Packer`
writes as it meets them; so classes may hold themselves.
"""

from __future__ import annotations

import enum
import hashlib
import json
from collections.abc import Callable
from typing import Any, assert_never

from returns.result import Failure, Success

from arrows import record
from arrows.either import Left, Right
from arrows.limits import MAX_DEPTH
from arrows.shape import Anything, Enumeration, Many, Mapping, OneOf, Product, Record, Scalar, Shape

_BIG = 2**63

CLASSES: dict[str, type] = {
    cls.__name__: cls
    for cls in (bool, bytes, dict, float, frozenset, int, list, str, tuple, Left, Right, Success, Failure)
}
"""The classes that go by their name alone."""


_PLAIN = frozenset((bool, bytes, float, int, str, type(None)))


class NotData(TypeError):
    """A value that is not plain data where plain data is needed."""


class Packer:
    """Turns data and shapes into tagged JSON, collecting the classes they name in `classes`.

    `code` tells what beyond its fields identifies a class (its methods, say); None for nothing. Without
    it the classes are packed by shape alone: names, field names, types.
    """

    def __init__(self, code: Callable[[type], Any] | None = None) -> None:
        self.code = code
        self.classes: list[Any] = []
        self._places: dict[type, int] = {}

    def value(self, value: Any, depth: int = 0) -> Any:
        """Pack plain data. Raises NotData for anything else, or nested beyond `limits.MAX_DEPTH`."""
        if depth > MAX_DEPTH:
            raise NotData(f"this data is nested deeper than {MAX_DEPTH} levels")
        cls = type(value)
        if value is None or cls is bool or cls is str:
            return value
        if cls is int:
            return value if -_BIG < value < _BIG else {"i": hex(value)}
        if cls is float:
            return {"f": value.hex()}
        if cls is bytes:
            return {"b": value.hex()}
        if isinstance(value, enum.Enum):
            return {"e": [self.place(cls), value.name]}
        return self._container(value, cls, depth + 1)

    def _container(self, value: Any, cls: type, depth: int) -> Any:
        if cls is list:
            return [self.value(each, depth) for each in value]
        if cls is tuple:
            return {"t": [self.value(each, depth) for each in value]}
        if cls is frozenset:
            return {"s": self._sorted(value, depth)}
        if cls is dict:
            return {"d": [[self.value(key, depth), self.value(each, depth)] for key, each in value.items()]}
        if record.is_frozen_record(cls):
            return {"r": [self.place(cls), [self.value(each, depth) for each in record.values(value)]]}
        raise NotData(f"{cls.__qualname__} is not plain data: {value!r:.80}")

    def _sorted(self, items: frozenset[Any], depth: int) -> list[Any]:
        """Pack items in an order that does not hang on the places of their classes, which it sets."""
        if all(type(each) in _PLAIN for each in items):
            return sorted((self.value(each, depth) for each in items), key=dump)
        names = _ByName()
        return [
            self.value(each, depth) for each in sorted(items, key=lambda each: dump(names.value(each, depth)))
        ]

    def shape(self, shape: Shape) -> Any:
        """Pack a shape."""
        match shape:
            case Anything():
                return "any"
            case Scalar():
                return str(shape)
            case Many(container=container, item=item):
                return ["many", container.__name__, self.shape(item)]
            case Product(items=items):
                return ["product", *map(self.shape, items)]
            case Mapping(key=key, value=value):
                return ["mapping", self.shape(key), self.shape(value)]
            case OneOf(options=options):
                return ["one_of", *map(self.shape, options)]
            case Record(cls=cls) | Enumeration(cls=cls):
                return self.cls(cls)
            case _:
                assert_never(shape)

    def cls(self, cls: type) -> Any:
        """Pack a class."""
        return cls.__name__ if CLASSES.get(cls.__name__) is cls else ["class", self.place(cls)]

    def place(self, cls: type) -> int:
        """The place of a class in the table."""
        known = self._places.get(cls)
        if known is None:
            known = self._places[cls] = len(self.classes)
            self.classes.append(None)
            self.classes[known] = self._class(cls)
        return known

    def placed(self) -> tuple[type, ...]:
        """The classes in the table, in their order."""
        return tuple(self._places)

    def _class(self, cls: type) -> Any:
        if issubclass(cls, enum.Enum):
            members: list[Any] = list(cls.__members__)
            if self.code:
                members = [[name, self.value(member.value)] for name, member in cls.__members__.items()]
            packed = ["enum", cls.__name__, members]
        elif record.is_frozen_record(cls):
            packed = ["record", cls.__name__, [self._field(field) for field in record.fields(cls)]]
        else:
            packed = ["plain", cls.__name__, []]
        return [*packed, self.code(cls)] if self.code else packed

    def _field(self, field: record.Field) -> list[Any]:
        packed = [field.name, self.shape(field.shape)]
        if self.code:
            packed.append(["secret", field.by_name] if field.secret else field.by_name)
            if field.default is not None:
                packed.append(self.value(field.default()) if record.is_data(field.default) else None)
        return packed


class NamesOnly(Packer):
    """Packs classes by their names, and what `code` says of them, without their fields; and no shapes."""

    def shape(self, shape: Shape) -> Any:
        """Nothing."""
        return None

    def _class(self, cls: type) -> Any:
        return ["named", cls.__name__, *([self.code(cls)] if self.code else [])]


class _ByName(Packer):
    """Packs values with the content of a class in the place of its place."""

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[type, Any] = {}

    def place(self, cls: type) -> Any:
        if cls not in self._known:
            packer = Packer()
            packer.place(cls)
            self._known[cls] = hashlib.sha256(dump(packer.classes)).hexdigest()
        return self._known[cls]

    def _sorted(self, items: frozenset[Any], depth: int) -> list[Any]:
        return sorted((self.value(each, depth) for each in items), key=dump)


def dump(packed: Any) -> bytes:
    """Write tagged JSON in its one form."""
    return json.dumps(packed, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def canonical(value: Any) -> bytes:
    """Return the canonical bytes of plain data.

    Raises NotData for a value that is not plain data.

    >>> canonical((1, 1.0))
    b'{"t":[1,{"f":"0x1.0000000000000p+0"}]}'
    """
    packer = Packer()
    packed = packer.value(value)
    return dump([packed, packer.classes] if packer.classes else packed)


def same_shape(one: Shape, other: Shape) -> bool:
    """Whether two shapes agree in names, field names and types, whatever classes they come from.

    >>> from arrows.shape import shape_of
    >>> same_shape(shape_of(list[int]), shape_of(list[str]))
    False
    """
    return one == other or _shape_bytes(one) == _shape_bytes(other)


def _shape_bytes(shape: Shape) -> bytes:
    packer = Packer()
    return dump([packer.shape(shape), packer.classes])
