"""The counter of the notes: Increment, Read and Reset, with their deliberate bug on a Reset at zero.

The messages are interned, as a loader does it: other tests have classes of the same content.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from arrows import Arrow, compile, decode, encode, evaluate, proc
from arrows.cells import Values
from arrows.interning import intern

Step = Callable[[Values | None, Any], tuple[Values, Any]]


@intern
@attrs.frozen
class Increment:
    pass


@intern
@attrs.frozen
class Read:
    pass


@intern
@attrs.frozen
class Reset:
    pass


@intern
@attrs.frozen
class Ack:
    pass


@intern
@attrs.frozen
class Value:
    value: int


@proc
def counter(msg: Increment | Read | Reset, *, count: int = 0) -> Ack | Value:
    match msg:
        case Increment():
            count += 1
            return Ack()
        case Read():
            return Value(count)
        case Reset():
            if count == 0:
                raise RuntimeError("reset at zero")
            count = 0
            return Ack()


CLASSES = (Increment, Read, Reset, Ack, Value)


def by_evaluating(machine: Arrow[Any, Any]) -> Step:
    return lambda state, value: evaluate(machine, state, value)


def by_compiling(machine: Arrow[Any, Any]) -> Step:
    program = compile(machine)
    return lambda state, value: program.step(program.initial() if state is None else state, value)


def by_sending(machine: Arrow[Any, Any]) -> Step:
    return by_compiling(decode(encode(machine).unwrap(), CLASSES).unwrap())


@pytest.fixture(params=[by_evaluating, by_compiling, by_sending])
def step(request: pytest.FixtureRequest) -> Step:
    made: Step = request.param(counter)
    return made


def last(step: Step, inputs: list[Any]) -> Any:
    state, reply = None, None
    for each in inputs:
        state, reply = step(state, each)
    return reply


@pytest.mark.parametrize(
    ("inputs", "reply"),
    [
        ([Increment(), Increment(), Read()], Value(2)),
        ([Increment(), Increment()], Ack()),
        ([Increment(), Reset(), Read()], Value(0)),
    ],
)
def test_last_reply(step: Step, inputs: list[Any], reply: Any) -> None:
    assert last(step, inputs) == reply


def test_a_reset_at_zero_crashes(step: Step) -> None:
    with pytest.raises(RuntimeError, match="reset at zero"):
        last(step, [Reset(), Reset(), Read()])


def test_a_crash_leaves_the_state_as_it_was(step: Step) -> None:
    state, _ = step(None, Increment())
    state, _ = step(state, Reset())
    before = state
    with pytest.raises(RuntimeError):
        step(state, Reset())
    assert state == before == (0,)
    assert step(state, Read()) == ((0,), Value(0))
