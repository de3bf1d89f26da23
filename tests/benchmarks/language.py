"""The language: what a machine costs beside the same written by hand."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import reduce
from typing import Any

from arrows.build import arr
from arrows.compile import compile
from arrows.diff import diff
from arrows.evaluate import evaluate
from arrows.term import Arrow
from runtime.bench import Bench, Measured, Sample, Say, Scale, in_turns

from .counter import COMPILED, STEPS, by_hand, counter, messages, rate

NODES = 10_000


STAGES: tuple[Callable[[int], int], ...] = (
    *(lambda x: x + 1, lambda x: x * 2, lambda x: x - 3, lambda x: x + 4, lambda x: 5 + x),
    *(lambda x: x - 6, lambda x: x + 7, lambda x: x * 2, lambda x: x - 8, lambda x: x + 9),
)


def by_loop(x: int) -> int:
    """The stages one after the other."""
    for stage in STAGES:
        x = stage(x)
    return x


def step(scale: Scale, say: Say) -> Measured:
    """A compiled counter."""
    program, inputs = compile(counter), messages(scale.of(STEPS))
    return in_turns(rate(program.step, program.initial(), inputs), rate(by_hand, 0, inputs), scale, say)


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

    return in_turns(rate(program.step, program.initial(), inputs), loop, scale, say)


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
    few, many = messages(scale.of(STEPS // 20)), messages(scale.of(STEPS))

    def reference(state: Any, msg: Any) -> tuple[Any, Any]:
        return evaluate(counter, state, msg)

    ours, beside = rate(reference, program.initial(), few), rate(program.step, program.initial(), many)
    return in_turns(ours, beside, scale, say)


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
)
