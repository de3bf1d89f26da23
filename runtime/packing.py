"""Messages, replies and states of one version as JSON and back, each class by its place among the version's.

The places are those of the machines' trees, which the digest fixes: the same version, loaded by another process,
reads what this one wrote.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter, itemgetter
from typing import Any, Final

from immutables import Map

from arrows import record
from arrows.canonical import NotData, Packer
from arrows.cells import Slot, Table, Values
from arrows.compile import Program
from arrows.keys import key_of, value_of
from arrows.limits import MAX_DEPTH
from arrows.received import Bad, Received, bad
from arrows.secret import MASK
from arrows.wire import classes_of


class _Quick(Packer):
    """Packs a record whose class it has met with its fields at hand."""

    def __init__(self) -> None:
        super().__init__()
        self._met: dict[type, tuple[Any, Callable[[Any], tuple[Any, ...]]]] = {}

    def value(self, value: Any, depth: int = 0) -> Any:
        met = self._met.get(type(value))
        if met is None or depth >= MAX_DEPTH:
            return super().value(value, depth)
        place, fields = met
        inner = [
            each
            if each is None or type(each) is str or (type(each) is int and each.bit_length() < 64)
            else self.value(each, depth + 1)
            for each in fields(value)
        ]
        return {"r": [place, inner]}

    def _container(self, value: Any, cls: type, depth: int) -> Any:
        packed = super()._container(value, cls, depth)
        if record.is_frozen_record(cls):
            self._met[cls] = (self.place(cls), _fields(cls))
        return packed


def _fields(cls: type) -> Callable[[Any], tuple[Any, ...]]:
    """What reads a record's fields."""
    match record.attributes(cls):
        case ():
            return lambda _: ()
        case (name,):
            get = attrgetter(name)
            return lambda value: (get(value),)
        case names:
            return attrgetter(*names)


class _Closed(_Quick):
    """Packs only what the machines speak of."""

    def __init__(self, places: Mapping[type, int]) -> None:
        super().__init__()
        self._places = dict(places)

    def place(self, cls: type) -> int:
        known = self._places.get(cls)
        if known is None:
            raise NotData(
                f"{cls.__qualname__} is not among the classes that the machine's types name: annotate the cell or "
                "input that holds it"
            )
        return known


class _Masked(_Closed):
    """Packs `***` for what is secret."""

    def value(self, value: Any, depth: int = 0) -> Any:
        return Packer.value(self, value, depth)

    def _container(self, value: Any, cls: type, depth: int) -> Any:
        if not record.is_frozen_record(cls):
            return Packer._container(self, value, cls, depth)
        held = zip(record.fields(cls), record.values(value), strict=True)
        inner = [MASK if field.secret else self.value(each, depth) for field, each in held]
        return {"r": [self.place(cls), inner]}


class _Named(_Quick):
    """Packs a class by its name: good enough to compare with."""

    def place(self, cls: type) -> Any:
        return cls.__qualname__

    def text(self, value: Any) -> str:
        """`ascii` of the packed value."""
        met = self._met.get(type(value))
        if met is None:
            return ascii(self.value(value))
        place, fields = met
        inner = [
            str(each)
            if type(each) is int and each.bit_length() < 64
            else ascii(each if type(each) is str else self.value(each, 1))
            for each in fields(value)
        ]
        return f"{{'r': [{place!a}, [{', '.join(inner)}]]}}"


class _Reader(Received):
    """Reads records of the classes at these places, each with its constructor at hand."""

    def __init__(self, classes: Sequence[type]) -> None:
        super().__init__([], {})
        self.limited = False  # they are our own, and were there before
        self.classes = list(classes)
        self._made = {
            at: (cls, len(record.fields(cls)))
            for at, cls in enumerate(classes)
            if record.is_frozen_record(cls) and not any(field.by_name for field in record.fields(cls))
        }

    def value(self, packed: Any, depth: int) -> Any:
        if type(packed) is tuple and packed[0] == "r" and depth < MAX_DEPTH:
            return self.record(packed[1], depth + 1)
        return super().value(packed, depth)

    def record(self, packed: Any, depth: int) -> Any:
        made = self._made.get(packed[0]) if type(packed) is list and len(packed) == 2 else None
        if made is None or type(packed[1]) is not list or len(packed[1]) != made[1]:
            return super().record(packed, depth)
        try:
            return made[0](
                *[
                    each if type(each) is int or type(each) is str else self.value(each, depth)
                    for each in packed[1]
                ]
            )
        except Bad:
            raise
        except Exception as wrong:
            bad(f"{made[0].__name__!r:.60} refuses its fields: {wrong}")


class Packing:
    """The values of a version's machines."""

    def __init__(self, programs: Iterable[Program[Any, Any]]) -> None:
        classes = classes_of(program.term for program in programs)
        places = {cls: place for place, cls in enumerate(classes)}
        self._packer, self._masked = _Closed(places), _Masked(places)
        self._named = _Named()
        self._reader = _Reader(classes)

    def pack(self, value: Any) -> Any:
        """What `json.dumps` takes for a value. Raises NotData for what is not plain data of known classes."""
        return self._packer.value(value)

    def masked(self, value: Any) -> Any:
        """As `pack`, with `***` for what is secret."""
        return self._masked.value(value)

    def unpack(self, packed: Any) -> Any:
        """The value. Raises `arrows.received.Bad` for what `pack` does not give."""
        return self._reader.value(packed, 0)

    def checksum(self, value: Any) -> int:
        """A number that equal replies share. Raises NotData for a reply that is not plain data."""
        return zlib.crc32(self._named.text(value).encode())

    # States

    def pack_state(self, slots: tuple[Slot, ...], state: Values) -> list[Any]:
        """A state or row; the rows of a table as pairs."""
        return [self._pack_slot(slot, value) for slot, value in zip(slots, state, strict=True)]

    def _pack_slot(self, slot: Slot, value: Any) -> Any:
        if not isinstance(slot, Table):
            return self.pack(value)
        return [[self.pack(value_of(key)), self.pack_state(slot.slots, row)] for key, row in value.items()]

    def unpack_state(self, slots: tuple[Slot, ...], packed: list[Any]) -> Values:
        """The state or row."""
        return tuple(self._unpack_slot(slot, each) for slot, each in zip(slots, packed, strict=True))

    def _unpack_slot(self, slot: Slot, packed: Any) -> Any:
        if not isinstance(slot, Table):
            return self.unpack(packed)
        return Map((key_of(self.unpack(key)), self.unpack_state(slot.slots, row)) for key, row in packed)


_PARSE: Final = json.JSONDecoder(object_pairs_hook=itemgetter(0)).decode


def parsed(data: bytes) -> Any:
    """Arrays of packed values, as `unpack` takes them: a tagged value is a pair."""
    return _PARSE(data.decode())
