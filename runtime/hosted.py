"""What a running machine and a running application are made of: the only objects here that change."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, TypeAlias

import attrs

from arrows.cells import Values
from arrows.compile import Program
from arrows.continuation import effects
from arrows.effect import Done
from migrations.migration import Migration
from migrations.rule import Stop
from runtime.acceptance import Older, classes
from runtime.application import Application
from runtime.gate import gated
from runtime.packing import Packing
from runtime.requests import Request, Window
from runtime.waits import Waits

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
    of `accepted` may be stepped without waiting, where nothing else waits.
    """

    __slots__ = (
        "accepted",
        "application",
        "asked",
        "awake",
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
        self.run(compiled)
        self.state: Values = self.program.initial()

    def run(self, compiled: Compiled) -> None:
        """Let another version's program take over. The state, which must fit it, is set apart from this."""
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


@attrs.frozen
class Previous:
    """The version before, and the migrations whose `down` leads back to it."""

    compiled: Compiled
    migrations: Mapping[str, Migration | None]

    def older(self, machine: str, program: Program[Any, Any]) -> Older | None:
        """How the version before speaks with a machine of the one that runs, or None where it had no such machine."""
        before = self.compiled.programs.get(machine)
        if before is None:
            return None
        try:
            return Older.of(self.compiled.application.version, before, program, self.migrations.get(machine))
        except Stop:
            return None


@attrs.define(eq=False)
class Running:
    """An application that runs."""

    compiled: Compiled
    machines: dict[str, Hosted]
    previous: Previous | None = None

    def back_to(self, before: Compiled) -> None:
        """Let a version be the one before this."""
        application, label = self.compiled.application, before.application.version
        way = {each: application.migration(each, label, application.version) for each in before.programs}
        self.previous = Previous(before, way)
        for name, hosted in self.machines.items():
            hosted.older = self.previous.older(name, hosted.program)


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
