"""Benchmarks of the language: what a machine costs beside the same written by hand, or in another library."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import attrs

from arrows.build import arr
from arrows.compile import compile
from arrows.diff import diff
from arrows.evaluate import evaluate
from arrows.notation import proc
from arrows.term import Arrow
from runtime.bench import Bench, Measured, Sample, Say, Scale, Skip, in_turns

STEPS = 100_000
NODES = 10_000


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


STAGES: tuple[Callable[[int], int], ...] = (
    *(lambda x: x + 1, lambda x: x * 2, lambda x: x - 3, lambda x: x + 4, lambda x: 5 + x),
    *(lambda x: x - 6, lambda x: x + 7, lambda x: x * 2, lambda x: x - 8, lambda x: x + 9),
)


def by_loop(x: int) -> int:
    """The stages one after the other."""
    for stage in STAGES:
        x = stage(x)
    return x


def _messages(count: int) -> list[Incr | Read]:
    incr, read = Incr(1), Read()
    return [read if at % 4 == 3 else incr for at in range(count)]


def _rate(step: Callable[[Any, Any], tuple[Any, Any]], state: Any, inputs: Sequence[Any]) -> Sample:
    def sample() -> float:
        held = state
        since = time.perf_counter()
        for each in inputs:
            held, _ = step(held, each)
        return len(inputs) / (time.perf_counter() - since)

    return sample


def step(scale: Scale, say: Say) -> Measured:
    """A compiled counter."""
    program, inputs = compile(counter), _messages(scale.of(STEPS))
    return in_turns(_rate(program.step, program.initial(), inputs), _rate(by_hand, 0, inputs), scale, say)


def composed(scale: Scale, say: Say) -> Measured:
    """Stages that were composed."""
    stages: list[Arrow[int, int]] = [arr(stage) for stage in STAGES]
    program = compile(reduce(lambda f, g: f >> g, stages))
    inputs = [at % 100 for at in range(scale.of(STEPS))]

    def loop() -> float:
        since = time.perf_counter()
        for each in inputs:
            by_loop(each)
        return len(inputs) / (time.perf_counter() - since)

    return in_turns(_rate(program.step, program.initial(), inputs), loop, scale, say)


def differences(scale: Scale, say: Say) -> Measured:
    """Two long machines with one change in the middle."""

    def sample(nodes: int) -> Sample:
        old, new = _long(nodes, None), _long(nodes, nodes // 2)

        def one() -> float:
            since = time.perf_counter()
            diff(old, new)
            return time.perf_counter() - since

        return one

    return in_turns(sample(scale.of(NODES)), sample(scale.of(NODES // 10)), scale, say)


def _long(nodes: int, changed: int | None) -> Arrow[int, int]:
    one: Arrow[int, int] = arr(STAGES[0])
    others: list[Arrow[int, int]] = [arr(stage) for stage in STAGES]
    steps = [one if at == changed else others[1 + at % 9] for at in range(nodes)]
    while len(steps) > 1:
        pairs = [steps[at : at + 2] for at in range(0, len(steps), 2)]
        steps = [reduce(lambda f, g: f >> g, pair) for pair in pairs]
    return steps[0]


def evaluated(scale: Scale, say: Say) -> Measured:
    """The counter by the reference semantics, beside the compiled one."""
    program = compile(counter)
    few, many = _messages(scale.of(STEPS // 20)), _messages(scale.of(STEPS))

    def reference(state: Any, msg: Any) -> tuple[Any, Any]:
        return evaluate(counter, state, msg)

    ours, beside = _rate(reference, program.initial(), few), _rate(program.step, program.initial(), many)
    return in_turns(ours, beside, scale, say)


def _library(name: str, of: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise Skip(f"{of} is not installed: pip install 'midflight[bench]'") from None


class _Count:
    count = 0

    def add(self, by: int = 1) -> None:
        self.count += by


def transitions(scale: Scale, say: Say) -> Measured:
    """The counter as two triggers of one state."""
    machine_of = _library("transitions", "transitions").Machine
    held: Any = _Count()
    machine_of(
        held,
        states=["counting"],
        initial="counting",
        transitions=[
            {"trigger": "incr", "source": "counting", "dest": None, "after": "add"},
            {"trigger": "read", "source": "counting", "dest": None},
        ],
        auto_transitions=False,
    )
    return _beside_compiled(held, scale, say)


def statemachine(scale: Scale, say: Say) -> Measured:
    """The counter as two events of one state."""
    library = _library("statemachine", "python-statemachine")
    counting = library.State(initial=True)
    members = {
        "counting": counting,
        "incr": counting.to.itself(internal=True, on="add"),
        "read": counting.to.itself(internal=True),
        "add": _Count.add,
        "count": 0,
    }
    return _beside_compiled(
        type(library.StateMachine)("Counting", (library.StateMachine,), members)(), scale, say
    )


def _beside_compiled(held: Any, scale: Scale, say: Say) -> Measured:
    program = compile(counter)
    few, many = _messages(scale.of(STEPS // 50)), _messages(scale.of(STEPS))

    def theirs(_: None, msg: Incr | Read) -> tuple[None, int]:
        held.incr(by=msg.by) if isinstance(msg, Incr) else held.read()
        return None, held.count

    ours, beside = _rate(theirs, None, few), _rate(program.step, program.initial(), many)
    return in_turns(ours, beside, scale, say)


COMPILED = "the compiled counter"

BENCHES = (
    Bench(
        "step",
        "a compiled @proc counter of two messages",
        "the same function written by hand",
        "steps/s",
        step,
        reach=1.0,
    ),
    Bench(
        "compose",
        "ten composed one-expression stages over small integers",
        "a loop calling the same ten lambdas",
        "inputs/s",
        composed,
        reach=3.0,
    ),
    Bench(
        "diff",
        "two machines of 10,000 nodes with one change",
        "itself at 1,000 nodes",
        "s",
        differences,
        reach=15.0,
        at_most=True,
        below=1.0,
    ),
    Bench("evaluate", "the counter by the reference semantics", COMPILED, "steps/s", evaluated),
    Bench("transitions", "the counter in transitions", COMPILED, "steps/s", transitions),
    Bench("python-statemachine", "the counter in python-statemachine", COMPILED, "steps/s", statemachine),
)
