"""A node and the model of it, side by side from one place of a trace on. Where they part, something is wrong."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from returns.result import Failure

from arrows.fit import adopt
from runtime import waits
from runtime.allowed import words
from runtime.errors import StepFailed
from runtime.explored import Explored, Ground, same, shown
from runtime.hosted import Compiled
from runtime.model import Model
from runtime.pair import Due, Said
from runtime.pending import Pending
from runtime.recorded import Recorded
from runtime.simulated import Power
from runtime.together import Together


class Differs(Exception):
    """The node did something else than the model: `expected` and `found`, and `script`, what was done until then."""

    def __init__(self, what: str, expected: str, found: str) -> None:
        super().__init__(f"{what}: expected {expected}, found {found}")
        self.what, self.expected, self.found = what, expected, found


class NothingToTry(Exception):
    """What was to be tried does not come up here."""


@attrs.frozen(eq=False)
class Place:
    """A place of a trace, before a message: the machines of the old version as they are there, and the disk."""

    at: int
    model: Model
    power: Power


class Lockstep:
    """A node and its model. `script` tells what was done, in words; `named`, whether messages are given an id."""

    def __init__(self, ground: Ground, trace: Sequence[Recorded], place: Place, *, named: bool) -> None:
        self.ground = ground
        self.trace = trace
        self.at = place.at
        self.model = place.model.copy()
        self.script: list[str] = []
        self.power = place.power.copy()
        self._base = self.power.copy()
        self.named = named
        self.asked: dict[int, Pending] = {}
        self._is_whole = True
        self.is_slow = False
        self.node = Explored(ground, self.power, self.model.now, again=False)
        self._runs(self._expected())
        self.node.cuts.clear()

    def _expected(self) -> Compiled:
        return self.ground.pair.new if self.model.is_new else self.ground.pair.old

    def _runs(self, version: Compiled) -> None:
        parked = self.node.parked().compiled
        if parked.digest != version.digest:
            raise Differs("the version that is recovered", _label(version), _label(parked))
        result = self.node.runs(version)
        if isinstance(result, Failure):
            raise Differs("starting again", f"version {_label(version)} runs", str(result.failure()))

    def did(self, what: str) -> None:
        """Tell what is done."""
        self.script.append(what)

    # Messages

    @property
    def left(self) -> int:
        """How many messages of the trace are left."""
        return len(self.trace) - self.at

    def wait(self, count: int) -> None:
        """Let the next messages wait, as many of them as there are."""
        count = min(count, self.left)
        for _ in range(count):
            self._pass(self.at)
            self._ask(self.at)
            each = self.trace[self.at]
            self.model.send(each.machine, each.message, self.at)
            self.at += 1
        if count:
            self.did(f"{count} wait" if count > 1 else f"message {self.at} waits")

    def _pass(self, at: int) -> None:
        """Let time pass until a message comes; while others wait, none does."""
        if not self.model.ready and not self.is_slow:
            now = max(self.trace[at].now, self.model.now)
            self.model.advance(now)
            self.node.advance(now / 1000 - self.node.now)

    def late(self) -> None:
        """Let time pass to the next timer, and nobody look at the clock."""
        deadline = self.model.deadline()
        if deadline is None:
            raise NothingToTry
        self.did("a timer is due")
        self.model.now = max(self.model.now, deadline)
        self.node.now = self.model.now / 1000

    def _ask(self, at: int) -> None:
        each = self.trace[at]
        pending = Pending()
        try:
            pending = self.node.send(each.machine, each.message, id=f"explored {at}" if self.named else None)
        except Exception as error:
            pending.set_exception(error)
        self.asked[at] = pending

    def drain(self) -> None:
        """Step what waits, and hold every reply against the model's."""
        self.node.drain()
        self.model.drain()
        self.answered()

    def go_on(self, count: int) -> None:
        """Send the next messages, one after the other."""
        for _ in range(min(count, self.left)):
            self.wait(1)
            self.script.pop()
            self.drain()
            self.did(f"message {self.at}")

    def answered(self) -> None:
        """Hold the replies so far against the model's."""
        for at, pending in self.asked.items():
            self._compare(at, pending)
        self.asked.clear()

    def _compare(self, at: int, pending: Pending, again: str = "") -> None:
        said = self.model.said.get(at)
        if said is None:
            raise Differs(
                f"message {at + 1}{again}", "an answer of the model", "none: a mistake of midflight explore"
            )
        found = self._found(pending)
        what = f"the answer to message {at + 1}, {_message(self.trace[at])}{again}"
        if found is None:
            raise Differs(what, _said(said), "no answer: the message is lost")
        if _said(found) != _said(said) and not (again and _said(found) == _said(self._own(at, said))):
            raise Differs(what, _said(said), _said(found))

    def _own(self, at: int, said: Said) -> Said:
        """A reply of another version, in the classes of the one that runs."""
        if said.error:
            return said
        gives = self.model.on.programs[self.trace[at].machine].gives
        several = type(self.trace[at].message) is Together
        return Said(tuple(adopt(each, gives) for each in said.reply) if several else adopt(said.reply, gives))

    def _found(self, pending: Pending) -> Said | None:
        if not pending.done():
            return None
        try:
            return Said(pending.result())
        except StepFailed as failed:
            kind = type(failed.error).__name__
            return Said(error=str(failed.error).partition(":")[0] if kind == "RaisedBefore" else kind)
        except Exception as error:
            return Said(error=type(error).__name__)

    def again(self, at: int) -> None:
        """Ask once more, under the same id, what was answered: the answer is the same, and nothing is done."""
        if not self.named:
            raise NothingToTry
        self.did(f"message {at + 1} is asked again")
        self._ask(at)
        self.node.drain()
        self._compare(at, self.asked.pop(at), ", asked again")

    # What is looked at

    def check(self) -> None:
        """Hold the node against the model: version, states, what is due, what was published and what is dead."""
        running, model = self.node.running, self.model
        if running.compiled.digest != model.on.digest:
            raise Differs("the version that runs", _label(model.on), _label(running.compiled))
        if (running.watch is not None) != model.watched:
            raise Differs("whether it is on probation", str(model.watched), str(not model.watched))
        for machine, state in model.states.items():
            found = running.machines[machine].state
            if not same(model.on, machine, state, found):
                raise Differs(f"the state of {machine}", shown(state), shown(found))
            due = [_due(each) for each in running.machines[machine].waits]
            expected = [_due(each) for _, each in sorted(model.waits.items()) if each.machine == machine]
            if due != expected:
                raise Differs(f"what is due to {machine}", "; ".join(expected), "; ".join(due))
            if running.machines[machine].inbox:
                raise Differs(
                    f"what waits at {machine}", "nothing", str(len(running.machines[machine].inbox))
                )
        if self._is_whole:
            told = [(topic, words(each)) for topic, each in self.node.heard.published]
            expected_told = [(topic, words(each)) for topic, each in model.published]
            if told != expected_told:
                raise Differs("what is published", str(expected_told), str(told))
        dead = self.node.status().dead_letters
        if dead != model.dead:
            raise Differs("how many messages no machine took", str(model.dead), str(dead))

    def recovers(self, *which: int) -> None:
        """Recover what was on disk behind some commits of this try: it is what the node knew then."""
        power = self._base.copy()
        wanted = {each % len(self.node.cuts) for each in which} if self.node.cuts else set()
        for number, (change, seen) in enumerate(self.node.cuts):
            power.apply(change)
            if number not in wanted:
                continue
            found = self.ground.recovered(power)
            if isinstance(found, Failure):
                raise Differs(
                    f"recovery behind commit {number + 1}", "the state that there was", str(found.failure())
                )
            differs = seen.differs(found.unwrap())
            if differs:
                raise Differs(f"recovery behind commit {number + 1}", "the state that there was", differs)


def _due(due: Due | waits.Due) -> str:
    return f"{words(due.message)} at {due.deadline} of {due.sender} ({due.name})"


def _label(version: Compiled) -> str:
    return f"version {version.application.version} ({version.digest[:12]})"


def _message(recorded: Recorded) -> str:
    return (
        words(recorded.message, masked=True) if type(recorded.message) is not Together else "several together"
    )


def _said(said: Said) -> str:
    return f"{said.error} was raised" if said.error else words(said.reply)
