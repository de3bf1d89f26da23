"""The counter of two messages, as a machine and by hand, and how a step function is timed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import attrs

from arrows.notation import proc
from runtime.bench import Sample

STEPS: Final = 100_000
COMPILED: Final = "the compiled counter"


@attrs.frozen
class Incr:
    """Adds to the counter."""

    by: int = 1


@attrs.frozen
class Read:
    """Asks what it is."""


@attrs.frozen
class Ok:
    """It was added."""


@attrs.frozen
class Total:
    """What it is."""

    count: int


@proc
def counter(msg: Incr | Read, *, count: int = 0) -> Ok | Total:
    """The counter of two messages, as a machine."""
    match msg:
        case Incr(by):
            count += by
            return Ok()
        case Read():
            return Total(count)


def by_hand(count: int, msg: Incr | Read) -> tuple[int, Ok | Total]:
    """The same function, state in, state out."""
    match msg:
        case Incr(by):
            return count + by, Ok()
        case Read():
            return count, Total(count)


def messages(count: int) -> list[Incr | Read]:
    """So many messages, every fourth a question."""
    incr, read = Incr(1), Read()
    return [read if at % 4 == 3 else incr for at in range(count)]


def rate(step: Callable[[Any, Any], tuple[Any, Any]], state: Any, inputs: Sequence[Any]) -> Sample:
    """How many inputs a second a step function works off."""

    def sample() -> float:
        held = state
        since = time.perf_counter()
        for each in inputs:
            held, _ = step(held, each)
        return len(inputs) / (time.perf_counter() - since)

    return sample
