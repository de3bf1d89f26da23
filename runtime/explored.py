"""A node to explore with: the core, keeper, journal and recovery of every node, over a disk whose power can be cut.

Versions are compiled, kept and planned once for all of the nodes of one exploration.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

import attrs
from returns.result import Failure, Result, Success

from arrows.build import constant
from arrows.canonical import canonical
from arrows.cells import Values
from arrows.representation import represent
from migrations.ahead import Ahead
from migrations.lazy import all_led, plain
from migrations.refusal import Refusal
from runtime.errors import cut
from runtime.hosted import Compiled, Running
from runtime.instruction import Terms
from runtime.journal import version_key
from runtime.outbox import Published
from runtime.pair import SPOILT, Pair, Unwell
from runtime.probation import standing
from runtime.recovery import recover
from runtime.side_by_side import is_same
from runtime.simulated import Power, Simulated
from runtime.store import Change, Done, Rejected
from runtime.subscriptions import Hub
from runtime.sweep import Sweep
from runtime.testing import TestNode
from runtime.upgrade import Prepared, Upgraded
from runtime.versions import kept

How: TypeAlias = Literal["", "before", "behind", "rejected"]


class PowerCut(BaseException):
    """The process is gone; no Exception, so that nothing of the node takes it for an error of its own."""


Spoilt = type(SPOILT, (Exception,), {})


def _raises(*_: object) -> Any:
    raise Spoilt


class Disk(Simulated):
    """Every change is durable at once, and heard of before. `fails` says what becomes of the next entry of the log.

    Before it is durable the power is cut, or behind that and before anybody was told, or there is no room for it.
    """

    def __init__(self, power: Power, hear: Callable[[Change], object] = lambda _: None) -> None:
        super().__init__(power, automatic=True)
        self.fails: How = ""
        self.hear = hear

    def commit(self, change: Change, done: Done) -> None:
        fails, self.fails = (self.fails, "") if change.entries else ("", self.fails)
        if fails == "rejected":
            self.waiting.append((change, done))
            self.advance(Rejected("there is no room"))
            return
        if fails == "behind":
            self.power.apply(change)
        if fails:
            raise PowerCut
        self.hear(change)
        super().commit(change, done)


class Still(Sweep):
    """A sweep that begins when it is told to."""

    def __init__(self, sweep: Sweep) -> None:
        super().__init__(sweep.core, sweep._clock)
        self._waiting: list[Running] = []

    def begin(self, running: Running) -> None:
        self._waiting.append(running)

    def let(self) -> None:
        """Begin, with the application that runs now."""
        for running in self._waiting:
            super().begin(running)
        self._waiting.clear()

    def some(self) -> None:
        """Lead some rows, and no more."""
        for running in self._waiting:
            if running.left:
                self.todo.append(running)
                self._some(running)
                if running in self.todo:
                    self.todo.remove(running)


class Heard(Hub):
    """Remembers what is published, of every topic."""

    def __init__(self) -> None:
        super().__init__()
        self.published: list[tuple[str, Any]] = []

    def publish(self, event: Published) -> None:
        self.published.append((event.topic, event.message))
        super().publish(event)


class Explored(TestNode):
    """A node over a `Disk`."""

    __test__ = False

    def __init__(self, ground: Ground, power: Power, now: int, *, again: bool) -> None:
        self.disk = Disk(power, self._entered)
        self.ground = ground
        self.cuts: list[tuple[Change, Seen]] = []
        super().__init__(store=self.disk, versions=ground.brought_back if again else ground.at_hand)
        self.now = now / 1000
        self.heard = self._host.hub = Heard()
        self.sweep = self._host.sweep = Still(self._host.sweep)

    def runs(self, version: Compiled) -> Result[Running, Refusal]:
        """Start a version, as the command that runs a file does."""
        key = version_key(version.edition)
        result = self._host.start(version, None, {key: self.ground.puts[key]})
        self.drain()
        return result

    @property
    def running(self) -> Running:
        """The application."""
        return self._host.core.applications[self.ground.name]

    def parked(self) -> Running:
        """The application as it was recovered."""
        assert self._host.keeper is not None
        return self._host.keeper.parked[self.ground.name]

    def take(self, version: Compiled, terms: Terms) -> Result[Upgraded, Refusal]:
        """Let a version take over. No row of a table is led with it."""
        prepared = self.ground.prepared(self._host.core, version)
        ahead = {machine: Ahead() for machine in version.programs}
        for each in ahead.values():
            each.again()
        made = prepared.map(lambda found: attrs.evolve(found, terms=terms, ahead=ahead))
        return self._host.change(self.ground.name, made, None, self.ground.puts)

    def snapshot(self) -> bool:
        """Write a snapshot, where the node would; return whether it did."""
        keeper = self._host.keeper
        assert keeper is not None
        if not keeper._may_be_cut():
            return False
        keeper.begin_snapshot()
        keeper.advance()
        self.drain()
        return True

    def _entered(self, change: Change) -> None:
        if change.entries and self.ground.name in self._host.core.applications:
            self.cuts.append((change, Seen.of(self.running, self._host.core.outbox.numbers)))


@attrs.frozen(eq=False)
class Seen:
    """An application at one moment: all that must be there again when the node is recovered."""

    compiled: Compiled
    states: Mapping[str, Values]
    waits: Mapping[str, Any]
    windows: Mapping[str, Any]
    rest: tuple[Any, ...]
    before: Mapping[str, Values] | None
    previous: Compiled | None

    @classmethod
    def of(cls, running: Running, numbers: tuple[int, int]) -> Seen:
        """Look at one now. Nothing is copied: all of it are immutable values."""
        machines, previous = running.machines, running.previous
        settled = None if previous is None else (previous.compiled.digest, previous.settled)
        counts = tuple((name, each.stepped, each.failed) for name, each in machines.items())
        return cls(
            running.compiled,
            {name: each.state for name, each in machines.items()},
            {name: each.waits for name, each in machines.items()},
            {name: each.window for name, each in machines.items()},
            (numbers, settled, counts, standing(running)),
            None if previous is None else previous.states,
            None if previous is None else previous.compiled,
        )

    def differs(self, other: Seen) -> str:
        """What differs between a node that went on and one that was recovered, the first thing; or nothing."""
        if self.compiled.digest != other.compiled.digest:
            return "another version runs"
        for machine, state in self.states.items():
            again = other.states[machine]
            if not same(self.compiled, machine, state, again):
                return f"{machine}: the state was {shown(state)} and is {shown(again)}"
            if waiting(self.waits[machine]) != waiting(other.waits[machine]):
                return f"{machine}: what is due to it was {self.waits[machine]} and is {other.waits[machine]}"
            if answers(self.windows[machine]) != answers(other.windows[machine]):
                return f"{machine}: other named requests are known to be answered"
        if self.rest != other.rest:
            return f"how it stands was {self.rest} and is {other.rest}"
        if (self.before is None) != (other.before is None):
            return "what is kept for the way back is there in one of them only"
        for machine, state in (self.before or {}).items():
            assert other.before is not None
            assert self.previous is not None
            if machine not in other.before or not same(self.previous, machine, state, other.before[machine]):
                return f"{machine}: what is kept for the way back is another state"
        return ""


def same(version: Compiled, machine: str, one: Values, other: Values) -> bool:
    """Whether two states of a version are the same, with every row led."""
    led, again = plain(all_led(one)), plain(all_led(other))
    return len(led) == len(again) and is_same(version.programs[machine].slots, led, again)


def shown(state: Values) -> str:
    """A state in words."""
    cells = [represent(dict(each) if hasattr(each, "items") else each) for each in plain(all_led(state))]
    return cut(", ".join(cells) or "no cell")


def waiting(waits: Any) -> list[Any]:
    """What is due to a machine, so that it can be compared."""
    return [(each.number, each.deadline, canonical(each.message), each.sender, each.name) for each in waits]


def answers(window: Any) -> list[Any]:
    """What is known to be answered, so that it can be compared."""
    return [(each.id, each.payload, each.now, each.raised and each.raised[0]) for each in window]


@attrs.define(eq=False)
class Ground:
    """What all nodes of one exploration share."""

    pair: Pair
    puts: Mapping[str, bytes]
    unwell: Mapping[Unwell, Compiled]
    at_hand: dict[str, Compiled]
    brought_back: dict[str, Compiled] = attrs.field(factory=dict)
    _prepared: dict[int, Result[Prepared, Refusal]] = attrs.field(factory=dict)

    @property
    def name(self) -> str:
        """The application's."""
        return self.pair.old.application.name

    @classmethod
    def of(cls, pair: Pair) -> Result[Ground, Refusal]:
        """Return Success(Ground), or Failure(CannotKeep) where a version cannot be kept beside data."""
        old, new = pair.old, pair.new
        between = [each.application for each in new.through]
        puts = kept(old.application, new.application, *between)
        if isinstance(puts, Failure):
            return Failure(puts.failure())
        never = {machine: constant(False) for machine in new.programs}
        spoilt = {
            name: attrs.evolve(each, step=_raises, begin=_raises) for name, each in new.programs.items()
        }
        unwell: dict[Unwell, Compiled] = {
            "": new,
            "unhealthy": attrs.evolve(new, application=attrs.evolve(new.application, healthy=never)),
            "raises": attrs.evolve(new, programs=spoilt),
        }
        at_hand = {each.edition: each for each in (old, new, *new.through)}
        return Success(cls(pair, puts.unwrap(), unwell, at_hand))

    def prepared(self, core: Any, version: Compiled) -> Result[Prepared, Refusal]:
        """As `Core.prepare`: the ways from the old version to another are planned once."""
        if id(version) not in self._prepared:
            self._prepared[id(version)] = core.prepare(version, None)
        running = core.applications[self.name]
        return self._prepared[id(version)].map(
            lambda made: attrs.evolve(made, running=running, against=running.compiled)
        )

    def recovered(self, power: Power) -> Result[Seen, Refusal]:
        """What a disk holds."""
        found = recover(Simulated(power), versions=self.brought_back)
        return found.map(lambda made: Seen.of(made.applications[self.name], made.told))
