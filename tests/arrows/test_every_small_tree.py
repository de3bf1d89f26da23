"""Every tree of at most four nodes from eight leaves, on every input up to three long: the readers agree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest
from immutables import Map
from returns.result import Failure, Success

from arrows import Left, Right, arr, compile, decode, encode, evaluate
from arrows.shape import ANYTHING
from arrows.term import (
    Attempt,
    Compose,
    Constant,
    Get,
    Identity,
    Keyed,
    Named,
    Node,
    Parallel,
    Primitive,
    Put,
    State,
    Switch,
    node,
)

NODES: Final = 4
LENGTH: Final = 3


def odd_only(x: Any) -> Any:
    if x % 2 == 0:
        raise ValueError(x)
    return x + 1


LEAVES: Final[list[Node]] = [
    Identity(),
    Constant((1, 2)),
    Primitive("add"),
    Primitive("copy"),
    node(arr(odd_only)),
    node(arr(lambda x: x * 2)),
    Get("n"),
    Put("n"),
]
INPUTS: Final[list[Any]] = [1, 2, (1, 2), Left(3), Right((3, 4))]


def trees(size: int) -> Iterator[Node]:
    """Every tree of just so many nodes."""
    if size == 1:
        yield from LEAVES
        return
    for body in trees(size - 1):
        yield Attempt(body)
        yield Named("x", body)
        yield State("n", 5, body, ANYTHING)
        yield Keyed(State("n", 0, body, ANYTHING), Constant(0), "rows")
    for one in range(1, size - 1):
        for left in trees(one):
            for right in trees(size - 1 - one):
                yield Parallel(left, right)
                yield Switch(((Left, left), (Right, right)))
                yield Compose((left, right))


def flat(term: Node) -> Node:
    """As `sequence` makes it: no composition directly in another."""
    match term:
        case Compose(steps=steps):
            inner = [flat(each) for each in steps]
            return Compose(
                tuple(each for one in inner for each in (one.steps if isinstance(one, Compose) else [one]))
            )
        case Parallel(left=left, right=right):
            return Parallel(flat(left), flat(right))
        case Switch(cases=cases):
            return Switch(tuple((cls, flat(body)) for cls, body in cases))
        case State(name=name, init=init, body=body, of=of):
            return State(name, init, flat(body), of)
        case Keyed(body=body, by=by, name=name):
            return Keyed(flat(body), by, name)
        case Attempt(body=body):
            return Attempt(flat(body))
        case Named(name=name, body=body):
            return Named(name, flat(body))
        case _:
            return term


def told(value: Any) -> str:
    """A value as text; of an error in it only the class, as an ill-typed tree is told of in two ways."""
    match value:
        case tuple():
            return f"({', '.join(map(told, value))})"
        case Left(value=inner) | Right(value=inner):
            return f"{type(value).__name__}({told(inner)})"
        case Success():
            return f"Success({told(value.unwrap())})"
        case Failure():
            return f"Failure({type(value.failure()).__name__})"
        case Map():
            return f"Map({', '.join(f'{key!r}: {told(row)}' for key, row in value.items())})"
        case _:
            return repr(value)


def outcome(step: Any, state: Any, x: Any) -> tuple[Any, str]:
    try:
        after, output = step(state, x)
    except Exception as error:
        return state, f"{told(state)} {type(error).__name__}"
    return after, f"{told(after)} {told(output)}"


def agreed(tree: Node) -> int:
    """Step all readers through every sequence of inputs; return how many steps that were."""
    machine = State("n", 0, flat(tree), ANYTHING)
    programs = [compile(machine)]
    encoded = encode(machine)
    if isinstance(encoded, Success):
        programs.append(compile(decode(encoded.unwrap()).unwrap()))
    steps = 0
    waiting = [(programs[0].initial(), 0)]
    while waiting:
        state, length = waiting.pop()
        for x in INPUTS:
            expected = outcome(lambda s, x: evaluate(machine, s, x), state, x)
            for program in programs:
                assert outcome(program.step, state, x)[1] == expected[1], (tree, state, x, program.source)
            steps += 1
            if length + 1 < LENGTH:
                waiting.append((expected[0], length + 1))
    return steps


def test_every_small_tree(capsys: pytest.CaptureFixture[str]) -> None:
    there = steps = 0
    for size in range(1, NODES + 1):
        for tree in trees(size):
            there += 1
            steps += agreed(tree)
    with capsys.disabled():
        print(f" {there} trees, {steps} steps ", end="")
    assert there == 3176
