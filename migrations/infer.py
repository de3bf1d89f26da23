"""What structure alone decides: a value of one shape as one of another, by a table of rules.

Each rule speaks of some pairs of shapes and is silent about the others. Where the first that speaks can say what
becomes of every value, the way is inferred, up and down; where it cannot (something would be lost, or made up), that
is `Unclear`, with the place and what to write.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from returns.result import Failure, Result, Success

from arrows.shape import Shape
from migrations.rule import Rule, Search, Step, Stop, Unclear
from migrations.rules import RULES


@attrs.frozen
class Inferred:
    """The way of a value between two shapes. `rules` names those that were applied, `lost` what `down` leaves out."""

    up: Step = attrs.field(eq=False, repr=False)
    down: Step = attrs.field(eq=False, repr=False)
    rules: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


def infer(old: Shape, new: Shape, rules: Sequence[Rule] = RULES) -> Result[Inferred, Unclear]:
    """What becomes of a value of one shape where another takes its place.

    `rules` are the table to go by, in order. Returns
    Success(Inferred) or Failure(Unclear).

    >>> from arrows.shape import shape_of
    >>> way = infer(shape_of(list[int]), shape_of(list[float])).unwrap()
    >>> way.up([1, 2]), way.down([1.0, 2.0]), way.rules
    ([1.0, 2.0], [1, 2], ('containers', 'wider number'))
    >>> print(infer(shape_of(list[str]), shape_of(list[int])).failure())
    []: nothing leads from str to int
    """
    search = Search(rules)
    try:
        up, down = search(old, new)
    except Stop as stop:
        return Failure(stop.unclear)
    return Success(Inferred(up, down, tuple(dict.fromkeys(search.used)), tuple(search.lost)))
