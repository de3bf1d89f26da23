"""What must come out: the machines of an application, stepped with nothing but their programs and the ways between.

It is short, and shares none of the node's code for batches, commits, swaps and recovery, so that what a node does can
be held against it. States are whole, rows are led at once, and a model is copied by copying references.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

import attrs
from immutables import Map
from returns.result import Failure, Result, Success

from arrows.cells import Values
from arrows.sending import After, Cancel, Publish, Send
from migrations.plan import Lost
from runtime import bounds
from runtime.acceptance import fitted
from runtime.pair import SPOILT, Did, Due, Item, NoWayBack, NoWayUp, Pair, Said, Unwell, step
from runtime.together import Together


class Model:
    """The machines. `now` is in milliseconds, `said` what each message of the trace came to, `did` the steps so far."""

    def __init__(self, pair: Pair, now: int) -> None:
        self.pair = pair
        self.on = pair.old
        self.now = now
        self.states: dict[str, Values] = {name: each.initial() for name, each in pair.old.programs.items()}
        self.lost: dict[str, Lost] = {}
        self.waits: Map[int, Due] = Map()
        self.told = 0
        self.inbox: dict[str, deque[Item]] = {name: deque() for name in pair.old.programs}
        self.ready: deque[str] = deque()
        self.said: dict[int, Said] = {}
        self.did: list[Did] = []
        self.published: list[tuple[str, Any]] = []
        self.dead = 0
        self.watched = False
        self.unwell: Unwell = ""
        self._stepped: set[str] = set()

    def copy(self) -> Model:
        """The same, with nothing remembered of what was done. Nothing may wait."""
        assert not self.ready, "messages wait"
        made = Model.__new__(Model)
        made.__dict__.update(self.__dict__)
        made.states, made.inbox = dict(self.states), {name: deque() for name in self.inbox}
        made.ready, made.said, made.did, made.published, made.dead = deque(), {}, [], [], 0
        made._stepped = set(self._stepped)
        return made

    @property
    def is_new(self) -> bool:
        """Whether the new version runs."""
        return self.on is self.pair.new

    # Messages

    def send(self, machine: str, message: Any, at: int) -> None:
        """Let a message of the trace wait, as its client sends it in words of the old version."""
        own = self._own(machine, message)
        if isinstance(own, Failure):
            self.said[at] = Said(error="BadMessage")
            return
        self._deliver(machine, (own.unwrap(), at, None))

    def _own(self, machine: str, message: Any) -> Result[Any, str]:
        """A message of the old version as the one that runs takes it."""
        if type(message) is Together:
            return _together(self._own(machine, each) for each in message.messages)
        if self.is_new:
            try:
                message = self.pair.machines[machine].older.inputs.up(message)
            except Exception as error:
                return Failure(str(error))
        own, wrong = fitted(message, self.on.programs[machine].takes)
        return Success(own) if wrong is None else Failure(str(wrong))

    def _deliver(self, machine: str, item: Item, stepping: str = "") -> None:
        if not self.inbox[machine] and machine != stepping:
            self.ready.append(machine)
        self.inbox[machine].append(item)

    def drain(self) -> None:
        """Step until nothing waits and no timer is due."""
        self._fire()
        while self.ready:
            while self.ready:
                if self._turn(self.ready.popleft()):
                    self.back()
                    break
            self._fire()

    def advance(self, until: int) -> None:
        """Let time pass; the clock stops at each deadline on the way."""
        self.drain()
        while (deadline := self.deadline()) is not None and deadline <= until:
            self.now = max(self.now, deadline)
            self.drain()
        self.now = max(self.now, until)
        self.drain()

    def deadline(self) -> int | None:
        """When the next timer is due."""
        return min((each.deadline for each in self.waits.values() if each.sender is None), default=None)

    def _fire(self) -> None:
        waiting = {item[2] for inbox in self.inbox.values() for item in inbox}
        timers = [
            (each.deadline, number)
            for number, each in self.waits.items()
            if each.sender is None and each.deadline <= self.now and number not in waiting
        ]
        for _, number in sorted(timers):
            self._deliver(self.waits[number].machine, (None, None, number))

    def turn(self, limit: int) -> None:
        """Step so many messages of the machine whose turn it is."""
        self._fire()
        if self.ready and self._turn(self.ready.popleft(), limit):
            self.back()

    def _turn(self, machine: str, limit: int = bounds.TURN) -> bool:
        """Step the messages of a machine; return whether one of them makes the new version go back."""
        inbox, fails = self.inbox[machine], False
        for _ in range(min(limit, len(inbox))):
            item = inbox.popleft()
            message, at, number = item
            if number is not None:
                if number not in self.waits:
                    continue
                message = self.waits[number].message
            after, did = self.stepped(machine, self.states[machine], message)
            if self._fails(machine, message, did):
                inbox.appendleft(item)
                fails = True
                break
            self.states[machine] = after
            if number is not None:
                self.waits = self.waits.delete(number)
            if at is not None:
                self.said[at] = did.said
            self._did(did)
        if inbox:
            self.ready.append(machine)
        return fails

    def _fails(self, machine: str, message: Any, did: Did) -> bool:
        """Whether the new version, which is watched, is to blame for what a step did."""
        if not (self.watched and self.is_new):
            return False
        if self.unwell == "unhealthy" and not did.said.error:
            return True
        return bool(did.said.error) and self.answered_before(machine, message)

    def answered_before(self, machine: str, message: Any) -> bool:
        """Whether the old version answers a message, in the state led back."""
        both = self.pair.machines.get(machine)
        if both is None:
            return False
        led = both.down.apply(self.states[machine], self.lost.get(machine, {}))
        old = self._back(machine, message)
        if isinstance(led, Failure) or isinstance(old, Failure):
            return isinstance(led, Failure)
        return not step(self.pair.old, machine, led.unwrap(), old.unwrap())[1].said.error

    def stepped(self, machine: str, state: Values, message: Any) -> tuple[Values, Did]:
        """What the version that runs makes of a message; what raises leaves the state as it is."""
        if self.unwell == "raises" and self.is_new:
            return state, Did(machine, message, Said(error=SPOILT))
        after, did = step(self.on, machine, state, message)
        problem = next((each for each in map(self._problem(machine), did.told) if each), "")
        return (state, attrs.evolve(did, said=Said(error=problem), told=())) if problem else (after, did)

    def _problem(self, machine: str) -> Any:
        def of(effect: Any) -> str:
            if not isinstance(effect, After):
                return ""
            is_time = 0 <= effect.seconds < float("inf")
            return "" if is_time and self._fitting(machine, effect.message) is not None else "NotTold"

        return of

    def _fitting(self, machine: str, message: Any) -> Success[Any] | None:
        older = self.pair.machines[machine].older if self.is_new and machine in self.pair.machines else None
        own, wrong = fitted(message, self.on.programs[machine].takes, older)
        return Success(own) if wrong is None else None

    def _did(self, did: Did) -> None:
        self.did.append(did)
        self._stepped.add(did.machine)
        for each in did.told:
            match each:
                case Publish(topic=topic, message=message):
                    self.published.append((topic, message))
                case Send(to=to, message=message):
                    own = self._fitting(to, message) if to in self.on.programs else None
                    if own is None:
                        self.dead += 1
                    else:
                        self._keep(Due(to, self.now, own.unwrap(), sender=did.machine))
                        self._deliver(to, (None, None, self.told), did.machine)
                case After(seconds=seconds, message=message, name=name):
                    fits = self._fitting(did.machine, message)
                    assert fits is not None, "it was looked at with the step"
                    self._cancel(did.machine, name)
                    self._keep(Due(did.machine, self.now + round(seconds * 1000), fits.unwrap(), name=name))
                case Cancel(name=name):
                    self._cancel(did.machine, name)

    def _keep(self, due: Due) -> None:
        self.told += 1
        self.waits = self.waits.set(self.told, due)

    def _cancel(self, machine: str, name: str | None) -> None:
        for number, each in self.waits.items():
            if name is not None and each.name == name and each.machine == machine:
                self.waits = self.waits.delete(number)
                return

    # Versions

    def up(self, *, watched: bool = False, unwell: Unwell = "") -> None:
        """The new version takes over; where it is `unwell`, it fails on every message. Raises NoWayUp."""
        machines, states = self.pair.machines, self.states
        lost, led = {}, {}
        for name, each in machines.items():
            threw, there = each.up.lost(states[name]), each.up.apply(states[name])
            for result in (threw, there):
                if isinstance(result, Failure):
                    raise NoWayUp(str(result.failure()))
            lost[name], led[name] = threw.unwrap(), there.unwrap()
        self.lost = lost
        self.on, self.watched, self.unwell = self.pair.new, watched, unwell
        self.states = {name: led.get(name, each.initial()) for name, each in self.on.programs.items()}
        self.inbox = {name: self.inbox.get(name, deque()) for name in self.on.programs}
        self._stepped -= self.on.programs.keys() - machines.keys()
        self._lead(self._own)

    def back(self) -> None:
        """The old version takes over again. Raises NoWayBack."""
        fresh = self._stepped & (self.on.programs.keys() - self.pair.machines.keys())
        if fresh:
            raise NoWayBack(f"{min(fresh)} has stepped, and only the new version has it", is_meant=True)
        states = {}
        for name, each in self.pair.machines.items():
            down = each.down.apply(self.states[name], self.lost.get(name, {}))
            if isinstance(down, Failure):
                raise NoWayBack(str(down.failure()))
            states[name] = down.unwrap()
        gone = self.on.programs.keys() - self.pair.machines.keys()
        self.dead += sum(each.machine in gone for each in self.waits.values())
        self.waits = Map({n: each for n, each in self.waits.items() if each.machine not in gone})
        self.on, self.states, self.watched, self.unwell = self.pair.old, states, False, ""
        self.inbox = {name: self.inbox[name] for name in self.on.programs}
        self.ready = deque(each for each in self.ready if each in self.inbox)
        self._lead(self._back)

    def _back(self, machine: str, message: Any) -> Result[Any, str]:
        """A message of the new version as the old one takes it; Failure where that does not have it."""
        if type(message) is Together:
            return _together(self._back(machine, each) for each in message.messages)
        inputs = self.pair.machines[machine].older.inputs
        try:
            if type(message) in inputs.converted(back=True):
                return Success(inputs.undone(message))
            own, wrong_one = fitted(message, self.pair.old.programs[machine].takes)
        except Exception as error:
            return Failure(str(error))
        return Success(own) if wrong_one is None else Failure(str(wrong_one))

    def _lead(self, way: Any) -> None:
        """Let what waits, and what is due, be of the version that runs; what it does not have is told, or is dead."""
        for machine, inbox in self.inbox.items():
            kept: deque[Item] = deque()
            for message, at, number in inbox:
                led = Success(None) if number is not None else way(machine, message)
                if isinstance(led, Success):
                    kept.append((led.unwrap(), at, number))
                elif at is not None:
                    self.said[at] = Said(error="RolledBack")
            self.inbox[machine] = kept
        for number, due in self.waits.items():
            led = way(due.machine, due.message) if due.machine in self.pair.machines else Success(due.message)
            if isinstance(led, Success):
                self.waits = self.waits.set(number, attrs.evolve(due, message=led.unwrap()))
            else:
                self.waits, self.dead = self.waits.delete(number), self.dead + 1
        self.ready = deque(each for each in self.ready if self.inbox[each])


def _together(several: Iterable[Result[Any, str]]) -> Result[Any, str]:
    led = list(several)
    wrong = next((each for each in led if isinstance(each, Failure)), None)
    return Success(Together(tuple(each.unwrap() for each in led))) if wrong is None else wrong
