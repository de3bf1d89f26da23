"""Where a new version parts from the old one along a trace: in answers, in what it tells, in the ways of the state.

From every place of the trace the new version takes over and goes on, and at later places the old one takes over again.
What the old version alone does is at hand. No node is asked: these are mistakes of versions and of migrations.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import attrs
from returns.result import Failure, Success

from arrows.cells import Values
from arrows.fit import misfit
from runtime.allowed import Expected, Says, effects, parted, says, words
from runtime.explored import same, shown
from runtime.model import Model
from runtime.pair import Did, NoWayBack, NoWayUp, Pair
from runtime.recorded import Recorded
from runtime.side_by_side import first_values, is_back_again
from runtime.together import Together

VERSIONS: Final = "versions"


@attrs.frozen
class Finding:
    """Something that is wrong: at which place of the trace (how many messages came before), and what was done there."""

    kind: str
    place: int
    message: str
    done: tuple[str, ...]
    what: str
    expected: str
    found: str

    @property
    def size(self) -> tuple[int, int]:
        """The smaller, the easier to understand."""
        return len(self.done), self.place

    def __str__(self) -> str:
        return f"{self.what}: expected {self.expected}, and found {self.found}"


@attrs.frozen(eq=False)
class Alone:
    """The old version alone: the machines at each place, and what each message made it do."""

    pair: Pair
    trace: Sequence[Recorded]
    places: Sequence[Model]
    did: Sequence[Sequence[Did]]


class Parting:
    """Holds the versions against each other; what was `expected` to differ does not count."""

    def __init__(self, alone: Alone, expected: Expected) -> None:
        self._alone = alone
        self._pair, self._trace = alone.pair, alone.trace
        self._replies = {machine: says(arrow) for machine, arrow in expected.replies.items()}
        self._effects = {machine: says(arrow) for machine, arrow in expected.effects.items()}

    def of_the_versions(self) -> Iterator[Finding]:
        """What is wrong wherever an upgrade comes: first values, and the ways of messages and replies."""
        for machine, both in self._pair.machines.items():
            stale = first_values(both)
            if stale:
                yield self._found(
                    0, (), f"the first values of {machine}", "those that the migration makes", stale
                )
        seen: set[Any] = set()
        for at, several in enumerate(self._alone.did):
            for did in several:
                reply = () if did.said.error else (did.said.reply,)
                messages = did.message.messages if type(did.message) is Together else (did.message,)
                replies = reply[0] if reply and type(did.message) is Together else reply
                for each in (*messages, *replies):
                    told = did.machine, words(each)
                    if told not in seen:
                        seen.add(told)
                        problem = self._back_again(did.machine, each)
                        if problem:
                            yield self._found(
                                at, (), f"the way of {cut_words(each)}", "to come back", problem
                            )

    def _back_again(self, machine: str, message: Any) -> str:
        both = self._pair.machines[machine]
        led = (each for each in both.converted if misfit(message, each.form) is None)
        return next((problem for each in led if (problem := is_back_again(both, each, message))), "")

    def at(self, place: int, until: int, backs: Sequence[int]) -> Iterator[Finding]:
        """Upgrade at a place, go on until another, and go back at places in between; the first finding ends it."""
        model, before = self._alone.places[place].copy(), self._alone.places[place]
        done: tuple[str, ...] = (f"upgraded before message {place + 1}",)
        try:
            model.up()
        except NoWayUp as no:
            yield self._found(place, done, "the way up of the state", "a state of the new version", str(no))
            return
        told = self._ways_back(model.copy(), before, place, done, at_once=True)
        for index in range(place, until):
            if told is not None:
                break
            told = self._message(model, index, done)
            done = (*done, f"message {index + 1}")
            if told is None and index + 1 in backs:
                told = self._ways_back(
                    model.copy(), self._alone.places[index + 1], place, done, at_once=False
                )
        if told is not None:
            yield attrs.evolve(told, place=place)

    # One message

    def _message(self, model: Model, index: int, done: tuple[str, ...]) -> Finding | None:
        model.did = []
        each = self._trace[index]
        if all(self._pair.machines[each.machine].is_dropped(m) for m in _several(each.message)):
            return None
        model.advance(max(model.now, each.now))
        model.send(each.machine, each.message, index)
        model.drain()
        done = (*done, f"message {index + 1}")
        said = model.said[index]
        if said.error == "BadMessage":
            what, found = f"message {index + 1}", "it takes no such message"
            return self._found(index, done, what, "a message of the new version", found)
        for old, new in zip(self._alone.did[index], model.did, strict=False):
            parts = self._step(old, new, index, done)
            if parts is not None:
                return parts
        if len(self._alone.did[index]) != len(model.did):
            one, other = (str(len(each)) for each in (self._alone.did[index], model.did))
            return self._found(index, done, "the steps that follow", f"{one} of them", other)
        return None

    def _step(self, old: Did, new: Did, index: int, done: tuple[str, ...]) -> Finding | None:
        where = f"{old.machine} on {cut_words(old.message)}"
        if new.machine != old.machine:
            other = f"{new.machine} on {cut_words(new.message)}"
            return self._found(index, done, "the steps that follow", where, other)
        if old.said.error:
            return None
        if new.said.error:
            answer = parted(words(old.said.reply, masked=True), "")[0]
            return self._found(index, done, f"the answer of {where}", answer, f"{new.said.error} was raised")
        return self._reply(old, new, where, index, done) or self._told(old, new, where, index, done)

    def _reply(self, old: Did, new: Did, where: str, index: int, done: tuple[str, ...]) -> Finding | None:
        replies = self._pair.machines[old.machine].older.replies
        several = type(old.message) is Together
        pairs = (
            zip(old.said.reply, new.said.reply, strict=True)
            if several
            else [(old.said.reply, new.said.reply)]
        )
        for one, other in pairs:
            if not any(misfit(one, form) is None for form, _, _ in replies.ways):
                continue
            try:
                led = replies.down(other)
                is_same, text = words(led) == words(one), words(led, masked=True)
            except Exception as error:
                is_same, text = (
                    False,
                    f"{words(other, masked=True)}, which the old version cannot say ({error})",
                )
            if not is_same and not _says(self._replies.get(old.machine), one, other):
                return self._found(
                    index, done, f"the answer of {where}", *parted(words(one, masked=True), text)
                )
        return None

    def _told(self, old: Did, new: Did, where: str, index: int, done: tuple[str, ...]) -> Finding | None:
        led = tuple(map(self._led(old.machine), old.told))
        if effects(new.told) in (effects(led), effects(old.told)):
            return None
        if _says(self._effects.get(old.machine), old.told, new.told):
            return None
        masked = effects(old.told, masked=True), effects(new.told, masked=True)
        return self._found(index, done, f"what {where} tells", *parted(*masked))

    def _led(self, machine: str) -> Any:
        """What leads an effect of the old version to the new one."""

        def of(effect: Any) -> Any:
            to = getattr(effect, "to", machine)
            both = self._pair.machines.get(to)
            if both is None or not hasattr(effect, "message") or hasattr(effect, "topic"):
                return effect
            try:
                return attrs.evolve(effect, message=both.older.inputs.up(effect.message))
            except Exception:
                return effect

        return of

    # The way back

    def _ways_back(
        self, model: Model, alone: Model, place: int, done: tuple[str, ...], *, at_once: bool
    ) -> Finding | None:
        lost = model.lost
        done = (*done, "rolled back at once" if at_once else "rolled back")
        try:
            model.back()
        except NoWayBack as no:
            return (
                None
                if no.is_meant
                else self._found(place, done, "the rollback", "the state of before", str(no))
            )
        free = set() if at_once else {*self._replies, *self._effects}
        for machine, state in alone.states.items():
            found = model.states[machine]
            if machine in free or same(self._pair.old, machine, state, found):
                continue
            if at_once or not self._is_thrown_away(machine, state, found, bool(lost[machine])):
                return self._found(
                    place, done, f"the state of {machine}", *parted(shown(state), shown(found))
                )
        if not free:
            due, was = (sorted(words(each) for each in m.waits.values()) for m in (model, alone))
            if due != was:
                return self._found(place, done, "what is due to the machines", str(was), str(due))
        return None

    def _is_thrown_away(self, machine: str, state: Values, found: Values, lost: bool) -> bool:
        """Whether two states differ only by what the way up throws away, as is declared."""
        both = self._pair.machines[machine]
        led, again, thrown = both.up.apply(state), both.up.apply(found), both.up.lost(state)
        is_lost = lost or (isinstance(thrown, Success) and bool(thrown.unwrap()))
        if not is_lost or isinstance(led, Failure):
            return False
        return isinstance(again, Success) and same(self._pair.new, machine, led.unwrap(), again.unwrap())

    def _found(self, place: int, done: tuple[str, ...], what: str, expected: str, found: str) -> Finding:
        message = cut_words(self._trace[place].message) if place < len(self._trace) else ""
        return Finding(VERSIONS, place, message, done, what, expected, found)


def cut_words(message: Any) -> str:
    """A message in words, as an operator may see it."""
    several = [parted(words(each, masked=True), "")[0] for each in _several(message)]
    return ", ".join(several)


def _several(message: Any) -> tuple[Any, ...]:
    return message.messages if type(message) is Together else (message,)


def _says(arrow: Says | None, old: Any, new: Any) -> bool:
    return arrow is not None and arrow.says(old, new)
