"""What happens in a node, as frozen values for whoever observes it.

An observer is a callable that takes an event. Each event names the application, the digest of the version
at work and a trace id, which all events about one message share. Nothing is made while nobody observes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import attrs

from arrows.fit import Misfit
from migrations.plan import Row
from migrations.refusal import Refusal


@attrs.frozen
class Event:
    """Something that happened; `machine` is empty for what concerns a whole application."""

    application: str
    machine: str
    digest: str
    trace: str


Observer: TypeAlias = Callable[[Event], object]


@attrs.frozen
class Started(Event):
    """A machine takes messages from now on."""


@attrs.frozen
class Stopped(Event):
    """A machine has finished what waited and is gone."""


@attrs.frozen
class Accepted(Event):
    """A message waits at its machine."""

    message: Any


@attrs.frozen
class Rejected(Event):
    """A message was none that the machine accepts."""

    misfit: Misfit


@attrs.frozen
class Overloaded(Event):
    """A message was turned away because as many waited as may."""

    waiting: int


@attrs.frozen
class Stepped(Event):
    """A message was stepped and answered."""

    message: Any
    reply: Any


@attrs.frozen
class Failed(Event):
    """A step raised; the state is as it was before. The log has the traceback under `reference`."""

    message: Any
    error: BaseException
    reference: str


@attrs.frozen
class DeadLetter(Event):
    """A step sent a message that no machine took: to whom, and why."""

    to: str
    message: Any
    why: str


@attrs.frozen
class Swapped(Event):
    """Another version took over: `digest`, after `old`. `rows` tell what became of each machine's cells."""

    old: str
    rows: dict[str, tuple[Row, ...]]


@attrs.frozen
class RolledBack(Swapped):
    """The version before took over again; `why` where nobody asked for it."""

    why: Refusal | None = None


@attrs.frozen
class Passed(Event):
    """A new version passed its probation, after so many messages."""

    messages: int


@attrs.frozen
class Stuck(Event):
    """A new version should go back and cannot; it runs on."""

    why: Refusal
    refusal: Refusal


@attrs.frozen
class Settled(Event):
    """An upgrade cannot be undone any more."""


@attrs.frozen
class UpgradeRefused(Event):
    """An upgrade or a rollback was refused and changed nothing; `digest` is the version that goes on."""

    refusal: Refusal
