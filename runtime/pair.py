"""Two versions of an application that are held against each other, and what one step of one of them does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

import attrs
from returns.result import Failure, Result, Success

from arrows.canonical import NotData
from arrows.cells import Values
from arrows.effect import Done
from migrations.refusal import Refusal
from runtime.hosted import Compiled
from runtime.side_by_side import Versions, versions
from runtime.together import Together


@attrs.frozen(eq=False)
class Pair:
    """Two versions of an application, and the ways of each machine that both have."""

    old: Compiled
    new: Compiled
    machines: Mapping[str, Versions]


def pair(old: Compiled, new: Compiled) -> Result[Pair, Refusal]:
    """Return Success(Pair), or Failure of what refuses the upgrade or the way back of a machine."""
    found = {}
    for machine in old.programs:
        both = versions(machine, old, new)
        if isinstance(both, Failure):
            return Failure(both.failure())
        found[machine] = both.unwrap()
    return Success(Pair(old, new, found))


@attrs.frozen
class Said:
    """What a message came to: the reply, or the name of what was raised."""

    reply: Any = None
    error: str = ""


@attrs.frozen
class Did:
    """One step: the message as the machine took it, what it came to, and what it told."""

    machine: str
    message: Any
    said: Said
    told: tuple[Any, ...] = ()


@attrs.frozen
class Due:
    """A message that a machine gets: of another one (`sender`), or its own at `deadline`."""

    machine: str
    deadline: int
    message: Any
    sender: str | None = None
    name: str | None = None


Item: TypeAlias = tuple[Any, int | None, int | None]
"""What waits at a machine: a message and its place in the trace, or the number of what is due."""


Unwell: TypeAlias = Literal["", "unhealthy", "raises"]
"""How a new version fails on every message, where that is tried: its application says so, or its steps raise."""

SPOILT: Final = "Spoilt"
"""What such a step raises."""


class NoWayUp(Exception):
    """An upgrade is refused; the text says why."""


class NoWayBack(Exception):
    """A rollback is refused; the text says why. It `is_meant` where something would be lost."""

    def __init__(self, why: str, *, is_meant: bool = False) -> None:
        super().__init__(why)
        self.is_meant = is_meant


def step(on: Compiled, machine: str, state: Values, message: Any) -> tuple[Values, Did]:
    """What a version makes of a message: the state behind it, which is that of before where it raised."""
    program = on.programs[machine]
    told: list[Any] = []
    replies: list[Any] = []
    several = message.messages if type(message) is Together else (message,)
    after = state
    try:
        for each in several:
            after, end, effects = program.begin(after, each)
            assert isinstance(end, Done), "a machine that performs is not run"
            told += effects
            replies.append(end.output)
        reply = tuple(replies) if type(message) is Together else replies[0]
        on.packing.checksum(reply)
    except KeyboardInterrupt:
        raise
    except NotData:
        return state, Did(machine, message, Said(error="NotData"))
    except BaseException as error:
        return state, Did(machine, message, Said(error=type(error).__name__))
    return after, Did(machine, message, Said(reply), tuple(told))
