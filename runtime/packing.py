"""Messages, replies and states of one version as JSON and back, each class by its place among the version's.

The places are those of the machines' trees, which the digest fixes: the same version, loaded by another process,
reads what this one wrote.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

from immutables import Map

from arrows.canonical import NotData, Packer, dump
from arrows.cells import Slot, Table, Values
from arrows.compile import Program
from arrows.keys import key_of, value_of
from arrows.received import reader
from arrows.wire import classes_of


class _Closed(Packer):
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


class _Named(Packer):
    """Packs a class by its name: good enough to compare with."""

    def place(self, cls: type) -> Any:
        return cls.__qualname__


class Packing:
    """The values of a version's machines."""

    def __init__(self, programs: Iterable[Program[Any, Any]]) -> None:
        classes = classes_of(program.term for program in programs)
        self._packer = _Closed({cls: place for place, cls in enumerate(classes)})
        self._reader = reader(classes)

    def pack(self, value: Any) -> Any:
        """What `json.dumps` takes for a value. Raises NotData for what is not plain data of known classes."""
        return self._packer.value(value)

    def unpack(self, packed: Any) -> Any:
        """The value. Raises `arrows.received.Bad` for what `pack` does not give."""
        return self._reader.value(packed, 0)

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


def parsed(data: bytes) -> Any:
    """Arrays of packed values, as `unpack` takes them: a tagged value is a pair."""
    return json.loads(data, object_pairs_hook=lambda pairs: pairs[0])


def checksum(value: Any) -> int:
    """A number that equal replies share. Raises NotData for a reply that is not plain data."""
    return zlib.crc32(dump(_Named().value(value)))
