"""What a running machine and a running application are made of: the only objects here that change."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs
from returns.result import Result, Success

from arrows.cells import Values
from arrows.compile import Program
from arrows.continuation import effects
from arrows.effect import Done
from migrations.chain import Route, route
from migrations.lazy import left, plain
from migrations.refusal import Refusal
from migrations.repeated import remaining
from migrations.rule import Stop
from runtime.acceptance import Older, classes
from runtime.application import Application
from runtime.gate import gated
from runtime.packing import Packing
from runtime.requests import Request, Window
from runtime.waits import Waits

if TYPE_CHECKING:
    from runtime.probation import Watch
    from runtime.transaction import Transaction

Encode: TypeAlias = Callable[[Any], Any]
"""Turns a reply into what is released; where it raises, the step has failed."""

Waiting: TypeAlias = tuple[Any, Any, Encode | None, str]
"""A message that waits, its caller's ticket (None for a cast), how to encode its reply, its trace."""


@attrs.frozen
class Compiled:
    """An application with its machines' programs, ready to run."""

    application: Application
    digest: str
    programs: Mapping[str, Program[Any, Any]]
    kept: str = ""
    """The edition that it was brought back from."""
    through: tuple[Compiled, ...] = ()
    """Versions that lie between the one before and this."""

    @property
    def edition(self) -> str:
        """What it is kept under beside its data."""
        return self.kept or self.application.edition

    @cached_property
    def packing(self) -> Packing:
        """How the values of its machines are written down."""
        return Packing(self.programs.values())

    @cached_property
    def emitters(self) -> frozenset[str]:
        """The machines that emit."""
        return frozenset(name for name, program in self.programs.items() if effects(program.term)[1])


class Hosted:
    """A machine that runs: its program, its state, the messages that wait at it, and what it did so far.

    `asked` are the named requests that are not answered yet, `window` remembers those that are.
    `waits` is what machines told it and it did not step yet; it gets that while it is `awake`. `emitted` is what
    its last step emitted, or None where it never emits. Messages of the classes `fits` need no second look; those
    of `accepted` may be stepped without waiting, where nothing else waits; none while there is a `watch`, or while rows
    of its tables are to be led.
    """

    __slots__ = (
        "accepted",
        "application",
        "asked",
        "awake",
        "compiled",
        "digest",
        "emitted",
        "failed",
        "fits",
        "inbox",
        "limit",
        "name",
        "older",
        "open",
        "packing",
        "program",
        "state",
        "step",
        "stepped",
        "waits",
        "watch",
        "window",
    )

    def __init__(self, name: str, compiled: Compiled) -> None:
        self.name = name
        self.inbox: deque[Waiting] = deque()
        self.asked: dict[str, Request] = {}
        self.window = Window()
        self.waits = Waits()
        self.awake = False
        self.stepped = 0
        self.failed = 0
        self.open = True
        self.older: Older | None = None
        self.watch: Watch | None = None
        self.state: Values = ()
        self.run(compiled)
        self.state = self.program.initial()

    def run(self, compiled: Compiled) -> None:
        """Let another version's program take over. The state, which must fit it, is set apart from this."""
        self.compiled = compiled
        self.application = compiled.application
        self.digest = compiled.digest
        self.program: Program[Any, Any] = compiled.programs[self.name]
        self.emitted: list[Any] | None = None
        step = self.program.step
        self.packing = compiled.packing
        self.accepted = self.fits = classes(self.program.takes)
        if self.name in compiled.emitters:
            self.emitted, self.accepted = [], frozenset()
            step = _collecting(self.program, self.emitted)
        self.step = gated(step)
        self.limit = compiled.application.inbox
        self.watched(self.watch)

    def watched(self, watch: Watch | None) -> None:
        """Be on probation, or no more."""
        self.watch = watch
        if watch is not None:
            self.accepted = frozenset()
        elif self.emitted is None and self.open and not self.left:
            self.accepted = self.fits

    @property
    def left(self) -> int:
        """How many rows of its tables are still to be led to the version that runs."""
        return left(self.state)


@attrs.frozen
class Previous:
    """The version before, and for each machine the way from it, which also leads back; or why there is none."""

    compiled: Compiled
    routes: Mapping[str, Result[Route, Refusal]]
    states: Mapping[str, Values] = attrs.field(factory=dict, repr=False)
    """Those of its machines when the other version took over: what tells, on the way back, what was thrown away."""
    settled: bool = False
    """Whether there is no way back any more."""

    def older(self, machine: str) -> Older | None:
        """How the version before speaks with a machine, or None where there is no way."""
        route = self.routes.get(machine)
        try:
            return Older.of(route.unwrap()) if isinstance(route, Success) else None
        except Stop:
            return None


def routes(old: Compiled, new: Compiled) -> dict[str, Result[Route, Refusal]]:
    """The way of each machine that both versions have, by what migrations they know.

    Of one that leads from a label to itself, what the version before had is past (`migrations.repeated`).
    """
    known = {(m.machine, m.old, m.new): m for m in old.application.migrations}
    past = {m.machine: known.pop((m.machine, m.old, m.new)) for m in list(known.values()) if m.old == m.new}
    for each in (*new.through, new):
        known.update(((m.machine, m.old, m.new), m) for m in each.application.migrations)
    for way, brought in list(known.items()):
        name = brought.machine
        if brought.old == brought.new and name in past and name in old.programs and name in new.programs:
            known[way] = remaining(brought, past[name], old.programs[name], new.programs[name])
    ends = old.application.version, new.application.version
    return {
        name: route(
            name,
            (ends[0], program),
            (ends[1], new.programs[name]),
            known.values(),
            {e.application.version: e.programs[name] for e in new.through if name in e.programs},
        )
        for name, program in old.programs.items()
        if name in new.programs
    }


@attrs.define(eq=False)
class Running:
    """An application that runs.

    It is on probation while there is a `watch`, `settles` by itself behind it where that was asked for, and is `stuck`,
    for a reason, where it should have gone back and cannot. `undone` is the digest of the version that went back by
    itself, `undone_for` why that was, `transaction` what tells of the last upgrade.
    """

    compiled: Compiled
    machines: dict[str, Hosted]
    previous: Previous | None = None
    watch: Watch | None = None
    settles: bool = False
    stuck: str = ""
    undone: str = ""
    undone_for: Refusal | None = None
    transaction: Transaction | None = None

    @property
    def is_open(self) -> bool:
        """Whether its last upgrade can be undone."""
        return self.previous is not None and not self.previous.settled

    @property
    def left(self) -> int:
        """How many rows of its tables are still to be led to the version that runs."""
        return sum(each.left for each in self.machines.values())

    @property
    def is_swept(self) -> bool:
        """Whether every row was led."""
        return not self.left

    def watched(self, watch: Watch | None) -> None:
        """Be on probation, or no more. A machine that is what it was before is not watched."""
        self.watch = watch
        before = None if self.previous is None else self.previous.compiled.application
        for name, hosted in self.machines.items():
            is_new = before is None or before.digests.get(name) != hosted.application.digests[name]
            hosted.watched(watch if is_new or name in hosted.application.healthy else None)

    def sticks(self, why: str) -> None:
        """Stay as it is, though it should go back, as it cannot."""
        self.watched(None)
        self.settles, self.stuck = False, why

    def settle(self) -> None:
        """Let there be no way back from the version that runs. Clients of the one before are spoken with still."""
        assert self.previous is not None
        for hosted in self.machines.values():
            hosted.state = plain(hosted.state)
        self.watched(None)
        self.settles, self.stuck = False, ""
        self.previous = attrs.evolve(self.previous, states={}, settled=True)

    def back_to(self, before: Compiled, states: Mapping[str, Values]) -> None:
        """Let a version be the one before this."""
        self.previous = Previous(before, routes(before, self.compiled), states)
        for name, hosted in self.machines.items():
            hosted.older = self.previous.older(name)


def _collecting(
    program: Program[Any, Any], emitted: list[Any]
) -> Callable[[Values, Any], tuple[Values, Any]]:
    """A step as other machines have it, that adds what is emitted to a list."""
    begin = program.begin

    def step(state: Values, message: Any) -> tuple[Values, Any]:
        after, end, told = begin(state, message)
        assert isinstance(end, Done), "a machine that performs is not run"
        emitted.extend(told)
        return after, end.output

    return step
