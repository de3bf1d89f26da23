"""What type checkers infer with, in the functions that build arrows: a variable that nothing determines is `Any`.

Defaults of type variables (PEP 696) are in `typing` from Python 3.13; type checkers know them before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, TypeAlias

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    A = TypeVar("A", default=Any)
    B = TypeVar("B", default=Any)
    C = TypeVar("C", default=Any)
    D = TypeVar("D", default=Any)
    S = TypeVar("S", default=Any)
    X = TypeVar("X", contravariant=True, default=Any)
    Y = TypeVar("Y", covariant=True, default=Any)
else:
    from typing import TypeVar

    A, B, C, D, S, X, Y = map(TypeVar, "ABCDSXY")

Last: TypeAlias = Callable[[A, A], NoReturn]
"""What a parameter is annotated with besides what it is, to be held against what the others say of A.

mypy looks last at what may be a function. Without it, an arrow and inputs of several classes have only `object` in
common, and two arrows nothing that they both take, which is not an error.
"""

Inputs: TypeAlias = Iterable[A] | Last[A]
"""What a machine that takes A is run over."""


class Step(Protocol[X, S, Y]):
    """A function `(x, s) -> (y, s')`.

    A type checker that is given a `Callable` here takes the type of `s` from its first value alone, and then
    refuses `()` for a tuple of any length; with a protocol it takes both into account.
    """

    def __call__(self, value: X, held: S, /) -> tuple[Y, S]: ...


class Fold(Protocol[X, S]):
    """A function `(x, s) -> s'`."""

    def __call__(self, value: X, held: S, /) -> S: ...
