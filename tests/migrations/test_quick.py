"""What is done to every value: a look whether it fits."""

from __future__ import annotations

import copy
from random import Random

import attrs

from arrows.fit import misfit
from arrows.shape import shape_of
from migrations.quick import surely_fits
from tests.migrations.random_machines import Real, edited, some_type, some_value

PAIRS = 3_000


@attrs.frozen
class Tree:
    name: str
    below: list[Tree]


def test_it_never_says_yes_where_something_does_not_fit() -> None:
    """Values of a type, and of one that is nearly the same."""
    seed = Random().randrange(10**9)
    print(f"seed {seed}")
    rng, others = Random(seed), 0
    for _ in range(PAIRS):
        real = Real()
        of = some_type(rng)
        shape = shape_of(real.type(of))
        surely = surely_fits(shape)
        value = real.value(of, some_value(rng, of))
        assert surely(value)
        other, _, _ = edited(rng, copy.deepcopy(of))
        after = Real()
        strange = after.value(other, some_value(rng, other))
        assert not surely(strange) or misfit(strange, shape) is None
        others += misfit(strange, shape) is not None
    assert others > PAIRS / 10


def test_a_class_that_holds_itself() -> None:
    surely = surely_fits(shape_of(Tree))
    assert surely(Tree("a", [Tree("b", [])]))
    assert not surely(Tree("a", [Tree("b", [1])]))  # type: ignore[list-item]
