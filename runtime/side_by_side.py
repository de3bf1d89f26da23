"""Two versions of a machine side by side: stepped by the same messages, answering in the language of the old one."""

from __future__ import annotations

from typing import Any, Final

import attrs
from returns.result import Failure, Result, Success

from arrows.canonical import canonical
from arrows.cells import Slot, Table, Values
from arrows.compile import Program
from arrows.effect import Done
from arrows.fit import misfit
from arrows.plain import describe, to_plain
from arrows.representation import represent
from arrows.shape import Shape
from migrations.messages import Messages
from migrations.plan import Plan
from migrations.refusal import Refusal, WrongLens
from migrations.rule import Stop
from migrations.way import Way
from runtime.acceptance import Older, fitted
from runtime.hosted import Compiled, routes
from runtime.refusal import MachineRemoved, MessageNotAccepted

BAD: Final = "BadMessage"
"""The error of a message that a version does not take."""


@attrs.frozen
class Answer:
    """What a version answers, in words of the old version, or the name of the error that was raised.

    It `is_promised` where the new version has a counterpart of the old one's answer, so that it must be the same.
    """

    words: str
    error: str = ""
    is_promised: bool = attrs.field(default=True, eq=False)

    def __str__(self) -> str:
        return f"with {self.error}" if self.error else self.words


@attrs.frozen
class Converted:
    """A form of message or reply and its way up; where it `is_inferred`, structure may refuse some of its values."""

    form: Shape
    way: Way
    is_inferred: bool


@attrs.frozen
class Versions:
    """Two versions of a machine, and the ways between them. `plain` is the way back without what was lost."""

    old: Program[Any, Any]
    new: Program[Any, Any]
    older: Older
    up: Plan
    down: Plan
    plain: Result[Plan, Refusal]
    is_adjacent: bool
    """Whether no version lies between: the ways of messages through several tell nothing of what they lose."""

    def is_dropped(self, message: Any) -> bool:
        """Whether nobody sends a message of the old version any more, as is declared."""
        return all(misfit(message, old) is not None for old, _, _ in self.older.inputs.ways)

    def before(self, state: Values, message: Any) -> tuple[Values, Answer]:
        """Step the old version: its next state, and its answer. What raises leaves the state as it is."""
        own, wrong = fitted(message, self.old.takes)
        if wrong is not None:
            return state, Answer("", BAD)
        after, reply, error = _stepped(self.old, state, own)
        ways = self.older.replies.ways
        if error:
            return after, Answer("", error, bool(ways))
        promised = any(misfit(reply, old) is None for old, _, _ in ways)
        return after, Answer(represent(to_plain(reply)), "", promised)

    def after(self, state: Values, message: Any) -> tuple[Values, Answer]:
        """Step the new version by a message of the old one, and answer as the old one would say it."""
        own, wrong = fitted(message, self.old.takes)
        try:
            led = None if wrong is not None else self.older.inputs.up(own)
        except Exception:
            return state, Answer("", BAD)
        after, reply, error = (state, None, BAD) if wrong is not None else _stepped(self.new, state, led)
        if error:
            return after, Answer("", error)
        try:
            return after, Answer(represent(to_plain(self.older.replies.down(reply))))
        except Exception as problem:
            words = f"{represent(to_plain(reply))}, which the old version cannot say ({problem})"
            return after, Answer(words)

    @property
    def converted(self) -> list[Converted]:
        """The forms of messages and replies that are converted."""

        def of(told: Messages) -> list[Converted]:
            how = {each.form: each.how for each in told.forms if each.label == "converted"}
            ways = [(describe(old)[0], old, way) for old, _, way in told.ways]
            return [Converted(old, way, how[f].startswith("inferred")) for f, old, way in ways if f in how]

        return [*of(self.older.inputs), *of(self.older.replies)]


def _stepped(program: Program[Any, Any], state: Values, message: Any) -> tuple[Values, Any, str]:
    """The next state, the reply, and the name of what was raised."""
    try:
        after, end, _ = program.begin(state, message)
    except Exception as error:
        return state, None, type(error).__name__
    return (after, end.output, "") if isinstance(end, Done) else (after, None, "an effect")


def is_same(slots: tuple[Slot, ...], one: Values, other: Values) -> bool:
    """Whether two states are the same, also where Python's equality confuses values (1 == 1.0 == True)."""
    return all(map(_is_same, slots, one, other))


def _is_same(slot: Slot, one: Any, other: Any) -> bool:
    if not isinstance(slot, Table):
        return canonical(one) == canonical(other)
    return set(one) == set(other) and all(is_same(slot.slots, one[key], other[key]) for key in one)


def versions(machine: str, old: Compiled, new: Compiled) -> Result[Versions, Refusal]:
    """Two versions of a machine of the old one, or why the upgrade or the way back is refused."""
    if machine not in new.programs:
        return Failure(MachineRemoved(new.application.name, machine))
    found = routes(old, new)[machine]
    if isinstance(found, Failure):
        return Failure(found.failure())
    way = found.unwrap()
    try:
        older = Older.of(way)
        up, down, plain = way.plan(), way.plan(down=True, lost=True), way.plan(down=True)
    except Stop as stop:
        return Failure(WrongLens(machine, "", str(stop.unclear)))
    if older.inputs.gone:
        takes = tuple(describe(new.programs[machine].takes))
        return Failure(MessageNotAccepted(new.application.name, machine, older.inputs.gone[0], takes))
    for each in (up, down):
        if isinstance(each, Failure):
            return Failure(each.failure())
    programs = old.programs[machine], new.programs[machine]
    return Success(Versions(*programs, older, up.unwrap(), down.unwrap(), plain, len(way.hops) == 1))


def is_back_again(both: Versions, led: Converted, message: Any) -> str:
    """What is wrong with the way of a message or a reply up, and back."""
    way = led.way
    try:
        there = way.up(message)
    except Exception as error:
        return "" if led.is_inferred else f"up: {type(error).__name__}: {error}"
    if way.down is None:
        return ""
    try:
        back = way.back(there, None)
        again = way.up(back)
    except Exception as error:
        return f"goes up to {represent(there)}, and down: {type(error).__name__}: {error}"
    keeps_all = way.lost is None and both.is_adjacent
    if canonical(again) == canonical(there) and not (keeps_all and canonical(back) != canonical(message)):
        return ""
    return f"goes up to {represent(there)} and comes back as {represent(back)}"


def first_values(both: Versions) -> str:
    """Which converted cells begin with another value than the migration makes of the old first one."""
    made = both.up.apply(both.old.initial())
    if isinstance(made, Failure):
        return f"up, from the first state: {made.failure()}"
    converted = {row.address for row in both.up.rows if row.label == "converted"}
    several = zip(both.new.slots, both.new.initial(), made.unwrap(), strict=True)
    wrong = [
        f"{slot.address} begins with {represent(first)}, and a machine that took no message before the upgrade "
        f"holds {represent(other)}"
        for slot, first, other in several
        if slot.address in converted and not is_same((slot,), (first,), (other,))
    ]
    return "; ".join(wrong)
