"""What named requests were answered, written down apart from the version that answered.

An answer outlives its version: a repeat may come when the reply's class has other fields, or is gone. So a class is
written by its name and the names of its fields, and read as the class of the running version that has them; where
there is none, or the values do not fit it, as a record made of these names. Either way its JSON is what it was.
"""

from __future__ import annotations

import enum
from contextlib import suppress
from typing import Any

from arrows import record
from arrows.canonical import CLASSES, Packer
from arrows.compile import Program
from arrows.fit import misfit
from arrows.origin import BuildError
from arrows.received import Bad, Received
from arrows.shape import ANYTHING
from arrows.wire import classes_of
from runtime.bounds import SHORT_DIGEST
from runtime.requests import Answered


def written(answer: Answered) -> list[Any]:
    """What `json.dumps` takes for an answer. Raises NotData for a reply that is not plain data."""
    reply = None if answer.raised else _Named().value(answer.reply)
    return [answer.id, answer.payload, answer.now, reply, answer.raised, answer.by[:SHORT_DIGEST]]


class Answers:
    """Reads answers as a program may have given them."""

    def __init__(self, program: Program[Any, Any]) -> None:
        self._gives = program.gives
        self._reader = _Reader(_known(program))
        self._plain = _Reader({})

    def read(self, packed: list[Any]) -> Answered:
        """The answer, of what `written` gave."""
        id, payload, now, reply, raised, *by = packed
        if raised is not None:
            return Answered(id, payload, now, None, tuple(raised), *by)
        return Answered(id, payload, now, self._reply(reply), None, *by)

    def _reply(self, packed: Any) -> Any:
        try:
            reply = self._reader.value(packed, 0)
        except Bad:
            return self._plain.value(packed, 0)
        return reply if self._fits(reply) else self._plain.value(packed, 0)

    def _fits(self, reply: Any) -> bool:
        """Whether it is a reply, or those of several messages that were stepped together."""
        several = reply if type(reply) is tuple else (reply,)
        try:
            fits = misfit(reply, self._gives) is None
            return fits or all(misfit(each, self._gives) is None for each in several)
        except BuildError:
            return False


def _known(program: Program[Any, Any]) -> dict[tuple[str, ...], type]:
    """The classes that a program may reply with, by what stands for them; but those that are not data."""
    packer = Packer()
    with suppress(BuildError):
        packer.shape(program.gives)
    known: dict[tuple[str, ...], type] = {}
    for cls in (*CLASSES.values(), *classes_of([program.term]), *packer.placed()):
        if issubclass(cls, enum.Enum):
            known.update({_place(each): cls for each in cls})
        elif record.is_frozen_record(cls):
            with suppress(BuildError):
                known[_place(cls)] = cls
    return known


class _Named(Packer):
    """Packs classes by their names and those of their fields, enums by their names and the member's."""

    def value(self, value: Any, depth: int = 0) -> Any:
        if isinstance(value, enum.Enum):
            return {"e": [_place(value), value.name]}
        return super().value(value, depth)

    def place(self, cls: type) -> Any:
        return _place(cls)


class _Reader(Received):
    """Reads what `_Named` packs; a class that is not known is made, once."""

    def __init__(self, known: dict[tuple[str, ...], type]) -> None:
        super().__init__([], {})
        self.limited = False
        self._known = known

    def at(self, place: Any) -> type:
        names = tuple(place)
        if names not in self._known:
            self._known[names] = _made(*names)
        return self._known[names]


def _place(of: Any) -> tuple[str, ...]:
    if isinstance(of, enum.Enum):
        return ("enum", type(of).__name__, of.name)
    return ("record", of.__name__, *(field.name for field in record.fields(of)))


def _made(kind: str, name: str, *inside: str) -> type:
    if kind == "enum":
        made: Any = enum.Enum(name, [(each, each) for each in inside])  # type: ignore[misc]
        return made
    cls = record.make(name, dict.fromkeys(inside, (False, False)))
    record.define(cls, tuple(record.Field(each, ANYTHING) for each in inside))
    return cls
