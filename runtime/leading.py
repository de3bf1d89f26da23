"""Leads the messages that wait at a machine to another version.

Upwards each must be one of the new version, or the upgrade is refused. On the way back there may be some that only the
new version has: those are `Turned` away.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import attrs
from returns.result import Failure, Result, Success

from arrows.fit import Misfit
from arrows.plain import describe
from arrows.shape import Shape
from migrations.refusal import Refusal
from runtime.acceptance import Older, classes, fitted
from runtime.errors import cut
from runtime.hosted import Compiled, Hosted, Waiting
from runtime.refusal import MessageNotAccepted
from runtime.together import Together
from runtime.waits import Due, Waits


@attrs.frozen(eq=False)
class Turned:
    """A message that only the version `by` has, which is left, and why: it waits no more, or is no longer due."""

    hosted: Hosted
    held: Waiting | Due
    why: str
    by: Compiled

    @property
    def message(self) -> Any:
        """The message."""
        return self.held.message if isinstance(self.held, Due) else self.held[0]


@attrs.frozen(eq=False)
class Led:
    """What waits at a machine and what is due to it, as the other version takes it."""

    inbox: deque[Waiting]
    waits: Waits
    turned: tuple[Turned, ...] = ()


def led(
    hosted: Hosted, name: str, new: Compiled, older: Older | None = None, *, back: bool = False
) -> Result[Led, Refusal]:
    """The waiting messages, in their order, and those that are due, as the other version takes them.

    Returns Failure(MessageNotAccepted) for one that it does not take; with `back` that is turned away.
    """
    takes = new.programs[hosted.name].takes
    lead = leads(takes, older, back=back)
    inbox: deque[Waiting] = deque()
    due: dict[int, Any] = {}
    turned: list[Turned] = []
    waiting = [(each[0], each) for each in hosted.inbox] + [(each.message, each) for each in hosted.waits]
    for message, held in waiting:
        adopted, wrong = message, None
        if not lead.fits(message) and not (isinstance(held, tuple) and isinstance(held[1], Due)):
            adopted, wrong = lead(message)
        if wrong is not None and not back:
            form = f"a message that waits ({cut(str(wrong))})"
            return Failure(MessageNotAccepted(name, hosted.name, form, tuple(describe(takes))))
        if wrong is not None:
            turned.append(Turned(hosted, held, cut(str(wrong)), hosted.compiled))
        elif not isinstance(held, Due):
            inbox.append((adopted, *held[1:]))
        elif adopted is not message:
            due[held.number] = adopted
    waits = hosted.waits.with_messages(due)
    gone = {each.held.number for each in turned if isinstance(each.held, Due)}
    for number in gone:
        waits = waits.without(waits.due[number])
    kept = deque(each for each in inbox if not (isinstance(each[1], Due) and each[1].number in gone))
    return Success(Led(kept, waits, tuple(turned)))


def all_turned(hosted: Hosted) -> tuple[Turned, ...]:
    """Whatever waits at a machine, or is due to it, that the version before does not have."""
    why = "the version before has no such machine"
    waiting = (each for each in hosted.inbox if not isinstance(each[1], Due))
    return tuple(Turned(hosted, each, why, hosted.compiled) for each in (*waiting, *hosted.waits))


def leads(takes: Shape, older: Older | None, *, back: bool) -> Lead:
    """What leads a message to a version that takes `takes`."""
    return Lead(takes, older, back=back)


class Lead:
    """Leads messages that wait to another version."""

    def __init__(self, takes: Shape, older: Older | None, *, back: bool) -> None:
        self._takes = takes
        self._inputs = None if older is None else older.inputs
        self._back = back
        self._turned = frozenset() if older is None else older.inputs.converted(back=back)
        self._accepted = classes(takes)

    def fits(self, message: Any) -> bool:
        """Whether a message is one of the other version as it is."""
        return type(message) in self._accepted and type(message) not in self._turned

    def __call__(self, message: Any) -> tuple[Any, Misfit | None]:
        if type(message) is Together:
            found = [self(each) for each in message.messages]
            wrong = next((each for _, each in found if each is not None), None)
            return Together(tuple(each for each, _ in found)), wrong
        if type(message) not in self._turned:
            return (message, None) if type(message) in self._accepted else fitted(message, self._takes)
        try:
            return self._turn(message), None
        except Exception as error:
            return message, Misfit("", " | ".join(describe(self._takes)), f"{type(error).__name__}: {error}")

    def _turn(self, message: Any) -> Any:
        assert self._inputs is not None
        return self._inputs.undone(message) if self._back else self._inputs.up(message)
