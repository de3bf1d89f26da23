"""Values of one version as they stand in the lines of an export: plain JSON, and packed where that is not enough.

A value is written as its caller would see it. One that would not come back the same from that (not a number, an
integer of thousands of digits, a record where the type says nothing) is `{"$packed": ...}`: the form of the
journal, which names classes by their place and is read by the same version only.
"""

from __future__ import annotations

import json
from typing import Any, Final

from immutables import Map
from returns.result import Failure, Success

from arrows import record
from arrows.cells import Slot, Table, Values, initial
from arrows.fit import misfit
from arrows.keys import keep, key_of, value_of
from arrows.plain import from_plain, to_plain
from arrows.received import Bad
from arrows.shape import Shape
from runtime.packing import Packing, parsed

FORMAT: Final = 1
PACKED: Final = "$packed"

_SMALL: Final = 10**18


class Unreadable(Exception):
    """What stands in a line is not a value of its place; the text says why."""


class Lines:
    """Writes and reads a version's values; `secrets` says whether what is secret is written, or was."""

    def __init__(self, packing: Packing, *, secrets: bool, same: bool = True) -> None:
        self._packing = packing
        self._secrets = secrets
        self._same = same

    def write(self, value: Any, shape: Shape) -> Any:
        """What stands for a value."""
        small = value is None or type(value) in (bool, str) or (type(value) is int and abs(value) < _SMALL)
        if small and misfit(value, shape) is None:
            return value
        pack = self._packing.pack
        try:
            plain = to_plain(value)
            read = from_plain(json.loads(json.dumps(plain, allow_nan=False)), shape)
            whole = isinstance(read, Success) and pack(read.unwrap()) == pack(value)
        except (TypeError, ValueError, RecursionError):
            whole = False
        if not whole or (type(plain) is dict and PACKED in plain):
            return {PACKED: pack(value) if self._secrets else self._packing.masked(value)}
        return plain if self._secrets else to_plain(value, masked=True)

    def read(self, plain: Any, shape: Shape) -> Any:
        """The value. Raises Unreadable, also for one whose secrets were not written."""
        if type(plain) is dict and plain.keys() == {PACKED}:
            value = self._unpacked(plain[PACKED], shape)
        else:
            match from_plain(plain, shape):
                case Success(value):
                    pass
                case Failure(wrong):
                    why = _WITHOUT if not self._secrets and record.holds_secrets(shape) else ""
                    raise Unreadable(f"{wrong}{why}")
        hidden = None if self._secrets else _secret_in(value)
        if hidden is not None:
            raise Unreadable(f"{hidden} is secret{_WITHOUT}")
        return value

    def _unpacked(self, packed: Any, shape: Shape) -> Any:
        if not self._same:
            raise Unreadable("a packed value is read by the version that it was written by only")
        try:
            value = self._packing.unpack(parsed(json.dumps(packed).encode()))
        except Bad as bad:
            raise Unreadable(str(bad)) from None
        wrong = misfit(value, shape)
        if wrong is not None:
            raise Unreadable(str(wrong))
        return value

    # Rows

    def write_row(self, slots: tuple[Slot, ...], row: Values) -> dict[str, Any]:
        """A row as an object: a cell's address and its value, a table's and its rows as pairs."""
        return {slot.address: self._slot(slot, value) for slot, value in zip(slots, row, strict=True)}

    def _slot(self, slot: Slot, value: Any) -> Any:
        if not isinstance(slot, Table):
            return self.write(value, slot.shape)
        return [
            [self.write(value_of(key), slot.key), self.write_row(slot.slots, row)]
            for key, row in value.items()
        ]

    def read_row(self, slots: tuple[Slot, ...], plain: Any) -> Values:
        """The row. Raises Unreadable for one that lacks a cell or has another."""
        known = [slot.address for slot in slots]
        if type(plain) is not dict or plain.keys() != set(known):
            raise Unreadable(f"a row is an object with {', '.join(known) or 'nothing'}")
        return tuple(self._read_slot(slot, plain[slot.address]) for slot in slots)

    def _read_slot(self, slot: Slot, plain: Any) -> Any:
        if not isinstance(slot, Table):
            return self.read(plain, slot.shape)
        if type(plain) is not list or not all(type(pair) is list and len(pair) == 2 for pair in plain):
            raise Unreadable(f"{slot.address} is an array of pairs [key, row]")
        rows: Map[Any, Values] = Map()
        for key, row in plain:
            rows = self.with_row(slot, rows, key, row)
        return rows

    def with_row(self, table: Table, rows: Map[Any, Values], key: Any, row: Any) -> Map[Any, Values]:
        """Rows with one more. Raises Unreadable, also where its key is there."""
        at = key_of(self.read(key, table.key))
        if at in rows:
            raise Unreadable(f"{table.address} has this key already")
        return keep(rows, at, self.read_row(table.slots, row), initial(table.slots))


_WITHOUT: Final = (
    "; and this export has no secrets: write it once more with `midflight export --with-secrets`"
)


def _secret_in(value: Any) -> str | None:
    """The first secret field in a value, as `Class.field`."""
    match value:
        case tuple() | list() | frozenset():
            inner = list(value)
        case dict():
            inner = [*value.keys(), *value.values()]
        case _ if record.is_frozen_record(type(value)):
            secret = next((field.name for field in record.fields(type(value)) if field.secret), None)
            if secret is not None:
                return f"{type(value).__name__}.{secret}"
            inner = list(record.values(value))
        case _:
            return None
    return next((found for each in inner if (found := _secret_in(each))), None)
