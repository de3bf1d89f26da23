"""The two-way choice that `left`, `right`, `fanin` and `+` speak: a value is on the left or on the right."""

from __future__ import annotations

from typing import Generic, TypeAlias, TypeVar

import attrs

A = TypeVar("A", covariant=True)
B = TypeVar("B", covariant=True)


@attrs.frozen
class Left(Generic[A]):
    """A value on the left side.

    >>> Left(1)
    Left(value=1)
    """

    value: A


@attrs.frozen
class Right(Generic[B]):
    """A value on the right side.

    >>> Right("a")
    Right(value='a')
    """

    value: B


Either: TypeAlias = Left[A] | Right[B]
