"""What a law of arrows is: an equation between two machines, as a value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import attrs

from arrows.term import Arrow

Kind: TypeAlias = Any
"""A type: a letter for any one, "int", or a pair `("pair", a, b)` or side `("either", a, b)` of types."""

Machine: TypeAlias = Arrow[Any, Any]


@attrs.frozen
class Sort:
    """What a variable of a law stands for: an arrow from `takes` to `gives`, or a function that never raises."""

    takes: Kind
    gives: Kind
    is_function: bool = False


@attrs.frozen
class Law:
    """An equation between two machines, for all `variables`; `sides` builds both from them."""

    name: str
    says: str
    variables: Mapping[str, Sort]
    takes: Kind
    sides: Callable[..., tuple[Machine, Machine]]
    total: bool = False


LAWS: Final[list[Law]] = []
"""Every law, in the order of `arrows.laws`."""


def law(takes: Kind, *, total: bool = False, **variables: Sort) -> Callable[[Callable[..., Any]], Law]:
    """Name an equation: the decorated function gives its two sides, and its docstring says it."""

    def named_law(sides: Callable[..., Any]) -> Law:
        made = Law(sides.__name__, (sides.__doc__ or "").strip(), variables, takes, sides, total)
        LAWS.append(made)
        return made

    return named_law
