"""Rehearses an upgrade: a trace is stepped, with a swap at every place in it, and a rollback at every later one.

Nothing is hosted. The machines are stepped as a node steps them, and a message that raises leaves no trace in the
state. A step that performs an effect is followed up to there.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterable
from typing import Any, TypeAlias, TypeVar

import attrs
from returns.result import Failure, Result

from arrows.cells import Values
from arrows.plain import from_plain
from arrows.representation import represent
from migrations.plan import Lost
from runtime.acceptance import fitted
from runtime.application import Application
from runtime.hosted import Compiled
from runtime.loader import load
from runtime.side_by_side import Answer, Versions, is_same, versions
from runtime.upgrade import compiled, compiled_through

_T = TypeVar("_T")

Source: TypeAlias = Application | str | os.PathLike[str]
"""An application, or the file that it is in: FILE[:APP]."""


def rehearse(
    old: Source,
    new: Source,
    trace: Iterable[Any],
    *,
    trials: int = 100,
    seed: int | None = None,
    differs: tuple[str, ...] = (),
    through: Iterable[Source] = (),
) -> None:
    """Upgrade after every prefix of a trace and go on in the new version; roll back at every later place, and go on.

    `trace` is a sequence of messages, or of pairs of a machine's name and a message where there are several machines; a
    message is an object of the old version, or plain JSON. `through` are versions between.
    Nothing may raise that does not raise in the old version alone, every state must fit, right after the upgrade the
    way back must give the very state again, and what both versions promise alike they must answer alike, but for the
    machines named in `differs`.
    Where the way up throws nothing away, this holds after a rollback too. Then those laws of `midflight
    check` whose breach is wrong are tried on `trials` drawn states each; 0 for none, which needs no
    Hypothesis.

    Raises AssertionError, which tells the place in the trace, the message and both answers.
    """
    between = [_application(each) for each in through]
    one, last = _given(compiled(_application(old)), "the old version"), _application(new)
    other = _given(compiled_through(last, between), "the new version")
    several = [_addressed(each, one) for each in trace]
    for machine in one.programs:
        both = _given(versions(machine, one, other), machine)
        messages = tuple(message for name, message in several if name == machine)
        _Rehearsal(machine, both, machine not in differs).run(messages)
    if trials:
        _tried(one, other, trials, seed)


@attrs.frozen
class _Rehearsal:
    machine: str
    both: Versions
    alike: bool

    def run(self, messages: tuple[Any, ...]) -> None:
        state, replies, states = self.both.old.initial(), [], [self.both.old.initial()]
        for message in messages:
            state, reply = self.both.before(state, message)
            replies.append(reply)
            states.append(state)
        for at, before in enumerate(states):
            place = f"{self.machine}, upgraded after {_count(at)} of {len(messages)}"
            there = _given(self.both.up.apply(before), place)
            lost = _given(self.both.up.lost(before), place)
            self._back(there, lost, f"{place} and rolled back at once", before)
            for index in range(at, len(messages)):
                if not self.both.is_dropped(messages[index]):
                    there, reply = self.both.after(there, messages[index])
                    alike = self.alike and replies[index].is_promised
                    self._compare(messages, index, replies[index], reply, alike, place)
                then = f"{place} and rolled back after {_count(index + 1)}"
                state = self._back(there, lost, then, None)
                self._go_on(state, messages, index + 1, replies, self.alike and not lost, then)

    def _back(self, there: Values, lost: Lost, place: str, expected: Values | None) -> Values:
        state = _given(self.both.down.apply(there, lost), f"{place}, from {represent(there)}")
        if expected is not None and not is_same(self.both.old.slots, state, expected):
            raise AssertionError(
                f"{place}: the state was {represent(expected)}, went up to {represent(there)} "
                f"and came back as {represent(state)}"
            )
        return state

    def _go_on(
        self,
        state: Values,
        messages: tuple[Any, ...],
        start: int,
        replies: list[Answer],
        alike: bool,
        place: str,
    ) -> None:
        for index in range(start, len(messages)):
            state, reply = self.both.before(state, messages[index])
            self._compare(messages, index, replies[index], reply, alike, place)

    def _compare(
        self, messages: tuple[Any, ...], index: int, old: Answer, new: Answer, alike: bool, place: str
    ) -> None:
        raised = bool(new.error and not old.error)
        if old != new and (alike or raised):
            raise AssertionError(
                f"{place}: to message {index + 1}, {represent(messages[index])}, "
                f"the old version alone answers {old}, and here the answer is {new}"
            )


def _tried(one: Compiled, other: Compiled, trials: int, seed: int | None) -> None:
    from runtime import trial  # noqa: PLC0415 - Hypothesis is an extra, and slow to import

    number = random.SystemRandom().getrandbits(32) if seed is None else seed
    for found in trial.trials(one, other, trials, number, lambda *_: None, told=False):
        if found.is_wrong:
            raise AssertionError(
                f"{found.machine}, {found.law} (seed {number}): {found.example} {found.problem}".replace(
                    "  ", " "
                )
            )


def _application(source: Source) -> Application:
    return source if isinstance(source, Application) else _given(load(os.fspath(source)), "cannot load")


def _addressed(each: Any, version: Compiled) -> tuple[str, Any]:
    machines = tuple(version.programs)
    if isinstance(each, tuple) and len(each) == 2 and each[0] in machines:
        return each[0], _read(each[1], version, each[0])
    if len(machines) == 1:
        return machines[0], _read(each, version, machines[0])
    raise AssertionError(
        f"{represent(each)} is for no machine: give pairs (MACHINE, message) of {', '.join(machines)}"
    )


def _read(message: Any, version: Compiled, machine: str) -> Any:
    """A message of the trace as the old version takes it."""
    takes = version.programs[machine].takes
    own, wrong = fitted(message, takes)
    if wrong is None:
        return own
    plain = from_plain(message, takes)
    if isinstance(plain, Failure):
        raise AssertionError(f"{represent(message)} is no message of {machine}: {plain.failure()}")
    return plain.unwrap()


def _count(number: int) -> str:
    return "no message" if number == 0 else "1 message" if number == 1 else f"{number} messages"


def _given(result: Result[_T, Any], place: str) -> _T:
    if isinstance(result, Failure):
        raise AssertionError(f"{place}: {result.failure()}")
    return result.unwrap()
