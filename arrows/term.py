"""The nodes: an arrow is a frozen value denoting a Mealy machine, `step : (state, A) -> (state, B)`.

The union `Node` is closed. Every reader (`evaluate`, `compile`, `pretty`, ...) is one module with one
`match` over it that ends in `assert_never`, so that a new node fails type-checking wherever it must be
learned.

An arrow keeps the place where it was written (`origin`); two arrows are equal whatever their places.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar, assert_never, cast

import attrs

from arrows.either import Either, Left, Right
from arrows.inference import C, D
from arrows.origin import BuildError, Origin, caller
from arrows.shape import Shape

A = TypeVar("A", contravariant=True)
B = TypeVar("B", covariant=True)


@attrs.frozen(kw_only=True)
class Arrow(Generic[A, B]):
    """A machine taking `A` and giving `B` at each step, as a value.

    Arrows are built with the functions of `arrows.build` or with `@proc`, never by subclassing.
    The operators are those of the arrow books: `f >> g`, `f * g`, `f & g`, `f | g`, `f + g`.
    """

    origin: Origin | None = attrs.field(factory=caller, eq=False, repr=False, order=False)

    if TYPE_CHECKING:

        def __call__(self, value: A, /) -> B:
            """Step this arrow. Only `@proc` reads such a call; an arrow itself has no state to step."""

    def __rshift__(self, other: Arrow[B, C]) -> Arrow[A, C]:
        """Feed the output of this arrow to `other`. Raises BuildError where that can never fit."""
        from arrows.check import composed  # noqa: PLC0415 - what checks nodes reads all of them

        return cast("Arrow[A, C]", composed(self, other))

    def __mul__(self, other: Arrow[C, D]) -> Arrow[tuple[A, C], tuple[B, D]]:
        """Step both arrows on the halves of a pair, the left one first."""
        return cast("Arrow[tuple[A, C], tuple[B, D]]", Parallel(node(self), node(other)))

    def __and__(self, other: Arrow[A, D]) -> Arrow[A, tuple[B, D]]:
        """Step both arrows on the same input and pair their outputs. Raises BuildError where none fits both."""
        from arrows.check import both  # noqa: PLC0415 - what checks nodes reads all of them

        both(self, other)
        return cast("Arrow[A, tuple[B, D]]", sequence(Primitive("copy"), Parallel(node(self), node(other))))

    def __or__(self, other: Arrow[C, B]) -> Arrow[Either[A, C], B]:
        """Step this arrow on a `Left`, `other` on a `Right`; both answer alike."""
        return cast("Arrow[Either[A, C], B]", Switch(((Left, node(self)), (Right, node(other)))))

    def __add__(self, other: Arrow[C, D]) -> Arrow[Either[A, C], Either[B, D]]:
        """Step this arrow on a `Left`, `other` on a `Right`, and keep the side."""
        on_left = sequence(self, Primitive("construct", (Left, ("value",))))
        on_right = sequence(other, Primitive("construct", (Right, ("value",))))
        return cast("Arrow[Either[A, C], Either[B, D]]", Switch(((Left, on_left), (Right, on_right))))


@attrs.frozen
class Identity(Arrow[Any, Any]):
    """x -> x."""


@attrs.frozen
class Constant(Arrow[Any, Any]):
    """_ -> value."""

    value: Any


@attrs.frozen
class Primitive(Arrow[Any, Any]):
    """An operation of the table in `arrows.primitive`, by name: data, no code."""

    name: str
    args: tuple[Any, ...] = ()


@attrs.frozen
class Function(Arrow[Any, Any]):
    """An opaque pure Python function.

    `spread` is None for a function of the whole input; else the input is a tuple of arguments and
    `spread` has one entry for each: the keyword it is passed by, or "" for a positional one.
    """

    function: Callable[..., Any]
    spread: tuple[str, ...] | None = None


@attrs.frozen
class Compose(Arrow[Any, Any]):
    """The steps left to right. Never holds another `Compose`: build it with `sequence`."""

    steps: tuple[Node, ...]


@attrs.frozen
class Parallel(Arrow[Any, Any]):
    """(a, c) -> (left a, right c), left first."""

    left: Node
    right: Node


@attrs.frozen
class Switch(Arrow[Any, Any]):
    """Dispatch on the class of the input; `Left` and `Right` hand on what they hold."""

    cases: tuple[tuple[type, Node], ...]


@attrs.frozen
class State(Arrow[Any, Any]):
    """A cell called `name`, in scope in `body`, holding `init` at first and always of shape `of`."""

    name: str
    init: Any
    body: Node
    of: Shape


@attrs.frozen
class Get(Arrow[Any, Any]):
    """_ -> what the cell holds."""

    name: str


@attrs.frozen
class Put(Arrow[Any, Any]):
    """x -> None, and the cell holds x."""

    name: str


@attrs.frozen
class Keyed(Arrow[Any, Any]):
    """One independent instance of `body` for each key that `by` (which has no cells) reads from the input."""

    body: Node
    by: Node
    name: str


@attrs.frozen
class Perform(Arrow[Any, Any]):
    """Ask the outside world for the effect that comes in, of class `effect`; the answer, of shape `of`, goes on.

    Meanwhile the step is suspended: what was written is committed, and other inputs are stepped.
    """

    effect: type
    of: Shape


@attrs.frozen
class Emit(Arrow[Any, Any]):
    """Tell the outside world the effect that comes in, of class `effect`, once the step is committed; gives None."""

    effect: type


@attrs.frozen
class Attempt(Arrow[Any, Any]):
    """`Success(b)`, or `Failure(error)` with every cell as it was before and nothing emitted."""

    body: Node


@attrs.frozen
class Named(Arrow[Any, Any]):
    """A scope that only names."""

    name: str
    body: Node


Node: TypeAlias = (
    Identity
    | Constant
    | Primitive
    | Function
    | Compose
    | Parallel
    | Switch
    | State
    | Get
    | Put
    | Keyed
    | Perform
    | Emit
    | Attempt
    | Named
)

_NODES = Node.__args__


def node(arrow: Arrow[Any, Any]) -> Node:
    """Return the arrow as a member of the closed union, or raise BuildError for anything else."""
    if isinstance(arrow, _NODES):
        return cast("Node", arrow)
    raise BuildError(
        f"{arrow!r} is not an arrow",
        where=caller(),
        remedy="Wrap a plain function with arr(...), or a value with constant(...).",
    )


def sequence(*arrows: Arrow[Any, Any]) -> Node:
    """Compose left to right with association flattened away; none is `Identity`, one is itself."""
    steps: list[Node] = []
    for arrow in arrows:
        step = node(arrow)
        if isinstance(step, Compose):
            steps.extend(step.steps)
        else:
            steps.append(step)
    if len(steps) == 1:
        return steps[0]
    return Compose(tuple(steps)) if steps else Identity()


def children(term: Node) -> tuple[Node, ...]:
    """The direct parts of a node, in the order in which they step."""
    match term:
        case Compose(steps=steps):
            return steps
        case Parallel(left=left, right=right):
            return (left, right)
        case Switch(cases=cases):
            return tuple(body for _, body in cases)
        case State(body=body) | Attempt(body=body) | Named(body=body):
            return (body,)
        case Keyed(body=body, by=by):
            return (by, body)
        case Identity() | Constant() | Primitive() | Function() | Get() | Put() | Perform() | Emit():
            return ()
        case _:
            assert_never(term)
