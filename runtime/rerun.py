"""The latest inputs of an application once more, through two versions of it, and what they do otherwise.

The inputs are those of the log behind the last snapshot: with the states that were there, as recovery makes them
again. Where those are fewer than asked for, inputs from before the snapshot are stepped too, on the states as they are
now. Nothing is sent: what both versions emit is compared.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import attrs
from returns.result import Failure, Result, Success

from arrows.cells import Values
from arrows.fit import misfit
from arrows.representation import represent
from migrations.ahead import Ahead
from migrations.lazy import Unled
from migrations.refusal import Refusal
from runtime.acceptance import fitted
from runtime.allowed import Differing, Expected, Says, effects, parted, says, words
from runtime.errors import cut
from runtime.hosted import Compiled, Hosted
from runtime.inputs import Input, Inputs
from runtime.recovery import recover
from runtime.retold import retained
from runtime.side_by_side import Versions, is_same, versions
from runtime.store import Readable
from runtime.together import Together, stepped


@attrs.frozen
class Rerun:
    """What came of it: how many `inputs` were stepped, what differs, and how many replies were `expected` to."""

    inputs: int
    differing: tuple[Differing, ...]
    expected: int


Told: TypeAlias = Callable[[int, int, str], object]
"""Hears how many inputs of how many are through, and which is next."""


def rerun(
    store: Readable,
    name: str,
    new: Compiled,
    limit: int,
    expected: Expected,
    told: Told,
    *,
    quarantine: bool = False,
) -> Result[Rerun, Refusal]:
    """Step the last `limit` inputs of an application in the version that runs and in `new`.

    With `quarantine` rows that cannot be led there are left out.
    Returns Success(Rerun), or Failure as `recover` and `plan` give it.
    """
    inputs, earlier = Inputs(name, limit), Inputs(name, limit)
    recovered = recover(store, inputs.hear)
    if isinstance(recovered, Failure):
        return Failure(recovered.failure())
    running = recovered.unwrap().applications[name]
    if len(inputs.found) < limit:
        told(0, limit, "the inputs before the snapshot are read")
        read = retained(store, earlier.hear)
        if isinstance(read, Failure):
            return Failure(read.failure())
    sides = {}
    for machine in running.machines:
        found = versions(machine, running.compiled, new)
        if isinstance(found, Failure):
            return Failure(found.failure())
        may = says(expected.replies.get(machine)), says(expected.effects.get(machine))
        sides[machine] = _Side(machine, running.compiled, new, found.unwrap(), may, quarantine=quarantine)
    now = {machine: hosted.state for machine, hosted in running.machines.items()}
    again = list(earlier.found)[max(0, len(earlier.found) + len(inputs.found) - limit) :]
    count = len(inputs.found) + len(again)
    for at, each in enumerate(inputs.found):
        told(at, count, f"{each.machine}: {_shown(each.message)}")
        sides[each.machine].exact(each)
    for side in sides.values():
        side.compare(now[side.machine])
    for at, each in enumerate(again, len(inputs.found)):
        told(at, count, f"{each.machine}: {_shown(each.message)}")
        sides[each.machine].again(each.message, now[each.machine])
    for side in sides.values():
        told(count, count, f"{side.machine}: up and down")
        side.up_and_down(now[side.machine])
    differing = tuple(each for side in sides.values() for each in side.differing)
    return Success(Rerun(count, differing, sum(side.was_expected for side in sides.values())))


@attrs.frozen
class _Did:
    """What a step did; an `error` left the state as it was."""

    state: Values
    reply: Any
    emitted: tuple[Any, ...]
    error: str = ""
    aside: bool = False
    """Whether it touched a key that is set aside."""


class _Side:
    """A machine in both versions."""

    def __init__(
        self,
        machine: str,
        old: Compiled,
        new: Compiled,
        both: Versions,
        expected: tuple[Says | None, Says | None],
        *,
        quarantine: bool,
    ) -> None:
        self.machine = machine
        self.differing: list[Differing] = []
        self.was_expected = 0
        self._both = both
        self._old, self._new = Hosted(machine, old), Hosted(machine, new)
        self._state: Values | None = None
        self._pairs: list[tuple[Values, Values, Any]] = []
        self._broken = False
        self._again: tuple[Values, Values] | None = None
        self._expected, self._expected_effects = expected
        self._quarantine = quarantine

    def exact(self, each: Input) -> None:
        """Step an input that the old version had, on the state that it had."""
        if self._state is None:
            self._state = self._up(each.state)
        if self._state is None:
            return
        old, new = self._both_step(each.message, each.state, self._state)
        self._state = new.state
        self._pairs.append((old.state, new.state, each.message))

    def again(self, message: Any, now: Values) -> None:
        """Step an input of before the snapshot, on what there is now."""
        if self._again is None:
            led = self._up(now)
            if led is None:
                return
            self._again = now, led
        old, new = self._both_step(message, *self._again)
        self._again = old.state, new.state

    def _both_step(self, message: Any, before: Values, led: Values) -> tuple[_Did, _Did]:
        old = _did(self._old, before, message)
        try:
            taken = _led(message, self._both, self._new)
        except Exception as error:
            if not old.error:
                self._tell("its way up", message, "led to the new version", _said(error))
            return old, _Did(led, None, ())
        new = _did(self._new, led, taken)
        if new.aside:
            return old, new
        if new.error and not old.error:
            self._tell("the reply", message, words(old.reply, masked=True), f"an error: {new.error}")
        elif not old.error:
            self._replies(message, old.reply, new.reply)
            self._effects(message, old.emitted, new.emitted)
        return old, new

    def _replies(self, message: Any, old: Any, new: Any) -> None:
        pairs = zip(old, new, strict=True) if type(message) is Together else [(old, new)]
        replies = self._both.older.replies
        for one, other in pairs:
            if not any(misfit(one, form) is None for form, _, _ in replies.ways):
                continue
            try:
                led = replies.down(other)
                shown = words(led, masked=True)
                is_same = words(led) == words(one)
            except Exception as error:
                shown = f"{words(other, masked=True)}, which the old version cannot say ({_said(error)})"
                is_same = False
            if is_same:
                continue
            if self._expected is not None and self._expected.says(one, other):
                self.was_expected += 1
            else:
                self._tell("the reply", message, words(one, masked=True), shown)

    def _effects(self, message: Any, old: tuple[Any, ...], new: tuple[Any, ...]) -> None:
        if effects(old) == effects(new):
            return
        if self._expected_effects is not None and self._expected_effects.says(old, new):
            self.was_expected += 1
        else:
            self._tell("what it tells", message, effects(old, masked=True), effects(new, masked=True))

    def compare(self, now: Values) -> None:
        """See that both versions are where they should be, and where not, which input parted them."""
        if not self._pairs or self._same(now, self._pairs[-1][1]):
            return
        first, last = 0, len(self._pairs) - 1
        while first < last:
            middle = (first + last) // 2
            if self._same(*self._pairs[middle][:2]):
                first = middle + 1
            else:
                last = middle
        old, new, message = self._pairs[first]
        led = self._up(old)
        if led is not None:
            for slot, one, other in zip(self._new.program.slots, led, new, strict=True):
                if not is_same((slot,), (one,), (other,)):
                    shown = words(one, masked=True), words(other, masked=True)
                    self._tell(f"the cell {slot.address}", message, *shown, refuses=False)

    def up_and_down(self, state: Values) -> None:
        """Lead the state up, and back with what that throws away."""
        up = self._up(state)
        lost = self._both.up.lost(state)
        if up is None or isinstance(lost, Failure):
            return
        down = self._both.down.apply(up, lost.unwrap())
        if isinstance(down, Failure):
            self._tell("the way back", None, "as it was", str(down.failure()))
        elif not is_same(self._old.program.slots, state, down.unwrap()):
            self._tell("the state", None, "as it was", "another one after the way up and back")

    def _same(self, old: Values, new: Values) -> bool:
        led = self._up(old)
        return led is None or is_same(self._new.program.slots, led, new)

    def _up(self, state: Values) -> Values | None:
        """A state in the new version; None, once told, where a state cannot be led there."""
        if self._broken:
            return None
        led = self._both.up.apply(state, ahead=Ahead(quarantine=True) if self._quarantine else None)
        if isinstance(led, Success):
            given: Values = led.unwrap()
            return given
        self._broken = True
        self._tell("the way up", None, "to give a state", str(led.failure()))
        return None

    def _tell(self, what: str, message: Any, old: str, new: str, *, refuses: bool = True) -> None:
        shown = "" if message is None else _shown(message)
        self.differing.append(Differing(self.machine, what, shown, *parted(old, new), refuses))


def _did(hosted: Hosted, state: Values, message: Any) -> _Did:
    if hosted.emitted is not None:
        hosted.emitted.clear()
    try:
        after, reply = stepped(hosted.step, state, message)
    except BaseException as error:  # as a node does, which an exit() does not end
        return _Did(state, None, (), _said(error), isinstance(error, Unled) and error.is_aside)
    return _Did(after, reply, tuple(hosted.emitted or ()))


def _led(message: Any, both: Versions, new: Hosted) -> Any:
    """A message as the new version takes it. Raises what the way up raises, ValueError where it does not take it."""
    if type(message) is Together:
        return Together(tuple(_led(each, both, new) for each in message.messages))
    led = both.older.inputs.up(message)
    adopted, wrong = fitted(led, new.program.takes)
    if wrong is not None:
        raise ValueError(str(wrong))
    return adopted


def _said(error: BaseException) -> str:
    return cut(f"{type(error).__name__}: {error}")


def _shown(message: Any) -> str:
    return cut(represent(message))
