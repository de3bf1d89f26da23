"""What cannot be built is an error at once, at the user's line, with a remedy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import attrs
import pytest

from arrows import (
    Arrow,
    BuildError,
    Left,
    Right,
    arr,
    attempt,
    compile,
    compose,
    constant,
    evaluate,
    fanin,
    fanout,
    first,
    get,
    identity,
    keyed,
    left,
    loop,
    named,
    parallel,
    put,
    right,
    run,
    second,
    state,
    switch,
)
from arrows.term import Compose, Identity


class Animal:
    pass


class Dog(Animal):
    pass


ERRORS: dict[str, tuple[Callable[[], Any], str]] = {
    "no function": (lambda: arr(5), "5 is not a function"),  # type: ignore[arg-type]
    "no arrow": (lambda: identity() >> abs, "is not an arrow"),  # type: ignore[operator]
    "no arrow in a switch": (lambda: switch((int, abs)), "is not an arrow"),  # type: ignore[arg-type]
    "no case": (lambda: switch(*[]), "at least one case"),
    "no class": (lambda: switch((5, identity())), "5 is not a class"),  # type: ignore[arg-type]
    "overlap": (
        lambda: switch((Animal, identity()), (int, identity()), (Dog, identity())),
        "Animal and Dog overlap",
    ),
    "twice": (lambda: switch((int, identity()), (int, identity())), "int and int overlap"),
    "bool is int": (lambda: switch((int, identity()), (bool, identity())), "int and bool overlap"),
    "empty name": (lambda: state("", 0, identity()), "cannot name"),
    "slash": (lambda: state("a/b", 0, identity()), "cannot name"),
    "hash": (lambda: named("a#2", identity()), "cannot name"),
    "blank": (lambda: get("a\tb"), "cannot name"),
    "no text": (lambda: put(5), "cannot name"),  # type: ignore[arg-type]
    "name of a loop": (lambda: loop(lambda x, s: (x, s), 0, "a:b"), "cannot name"),
    "name of a keyed": (lambda: keyed(identity(), identity(), "a b"), "cannot name"),
    "first value": (lambda: state("n", "a", identity(), of=int), "cell 'n'.*expected int, found 'a'"),
    "first value of a loop": (lambda: loop(cast("Any", adds), "a", "n"), "cell 'n'.*expected int, found 'a'"),
    "no data": (lambda: state("n", {1}, identity()), "set is not plain immutable data"),
    "cells in the key": (lambda: keyed(identity(), loop(adds, 0, "n"), "k"), "has cells"),
    "a cell out of sight in the key": (lambda: keyed(identity(), arr(abs) >> get("n"), "k"), "has cells"),
}


def adds(x: int, total: int) -> tuple[int, int]:
    return total + x, total + x


@pytest.mark.parametrize("what", ERRORS)
def test_refused_where_it_is_written(what: str) -> None:
    build, words = ERRORS[what]
    with pytest.raises(BuildError, match=words) as refused:
        build()
    assert refused.value.where is not None
    assert refused.value.where.file == __file__
    assert refused.value.where.line == build.__code__.co_firstlineno


@pytest.mark.parametrize("how", [compile, lambda machine: evaluate(machine, None, 1)])
def test_a_cell_out_of_scope(how: Callable[[Any], Any]) -> None:
    machine: Arrow[Any, Any]
    for machine in (
        get("n"),
        state("n", 0, identity()) >> put("n"),
        state("n", 0, keyed(get("n"), identity(), "k")),
    ):
        with pytest.raises(BuildError, match=r"test_build.py:\d+: there is no cell 'n' in scope\nWrap"):
            how(machine)


def test_composition_is_flat() -> None:
    f: Arrow[Any, Any] = arr(abs)
    g: Arrow[Any, Any] = arr(str)
    h: Arrow[Any, Any] = arr(len)
    assert (f >> g) >> h == f >> (g >> h) == compose(f, g, h)
    assert isinstance(f >> g >> h, Compose)
    assert compose() == Identity()
    assert compose(f) is f


def test_an_arrow_is_equal_wherever_it_was_written() -> None:
    one = constant(1)
    other = constant(1)
    assert one == other
    assert one.origin != other.origin
    assert hash(one) == hash(other)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        one.value = 2  # type: ignore[attr-defined]


def test_words_and_signs() -> None:
    f: Arrow[Any, Any] = arr(abs)
    g: Arrow[Any, Any] = arr(str)
    assert parallel(f, g) == f * g
    assert fanout(f, g) == f & g
    assert fanin(f, g) == f | g
    assert first(f) == f * identity()
    assert second(f) == identity() * f
    assert left(f) == f + identity()
    assert right(f) == identity() + f


def test_what_they_do() -> None:
    f: Arrow[Any, Any] = arr(lambda x: x + 1)
    g: Arrow[Any, Any] = arr(lambda x: x * 10)
    sides: list[Any] = [Left(5), Right(5)]
    assert run(f * g, [(1, 2)]) == [(2, 20)]
    assert run(f & g, [5]) == [(6, 50)]
    assert run(f | g, sides) == [6, 50]
    assert run(f + g, sides) == [Left(6), Right(50)]
    assert run(left(f), sides) == [Left(6), Right(5)]
    assert run(right(f), sides) == [Left(5), Right(6)]
    assert run(loop(adds, 0, "n"), [1, 2, 3]) == [1, 3, 6]
    assert repr(run(attempt(arr(lambda x: 1 // x)), [1])) == "[<Success: 1>]"
