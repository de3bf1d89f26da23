"""Leads the messages that wait at a machine to another version."""

from __future__ import annotations

from collections import deque
from typing import Any

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


def led(
    hosted: Hosted, name: str, new: Compiled, older: Older | None = None, *, back: bool = False
) -> Result[tuple[deque[Waiting], Waits], Refusal]:
    """The waiting messages, in their order, and those that are due, as the other version takes them."""
    takes = new.programs[hosted.name].takes
    lead = _Lead(takes, older, back=back)
    inbox: deque[Waiting] = deque()
    due: dict[int, Any] = {}
    waiting = [(each[0], each) for each in hosted.inbox] + [(each.message, each) for each in hosted.waits]
    for message, held in waiting:
        adopted = message
        if not lead.fits(message) and not (isinstance(held, tuple) and isinstance(held[1], Due)):
            adopted, wrong = lead(message)
            if wrong is not None:
                form = f"a message that waits ({cut(str(wrong))})"
                return Failure(MessageNotAccepted(name, hosted.name, form, tuple(describe(takes))))
        if isinstance(held, Due):
            if adopted is not message:
                due[held.number] = adopted
        else:
            inbox.append((adopted, *held[1:]))
    return Success((inbox, hosted.waits.with_messages(due)))


class _Lead:
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
