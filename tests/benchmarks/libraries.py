"""The counter in other libraries for state machines. These rows inform; none is a race."""

from __future__ import annotations

import importlib
from typing import Any

from arrows.compile import compile
from runtime.bench import Bench, Measured, Say, Scale, Skip, in_turns

from .counter import COMPILED, STEPS, Incr, Read, counter, messages, rate


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
    few, many = messages(scale.of(STEPS // 50)), messages(scale.of(STEPS))

    def theirs(_: None, msg: Incr | Read) -> tuple[None, int]:
        held.incr(by=msg.by) if isinstance(msg, Incr) else held.read()
        return None, held.count

    ours, beside = rate(theirs, None, few), rate(program.step, program.initial(), many)
    return in_turns(ours, beside, scale, say)


BENCHES = (
    Bench("transitions", "the counter in transitions", COMPILED, "steps/s", transitions),
    Bench("python-statemachine", "the counter in python-statemachine", COMPILED, "steps/s", statemachine),
)
