"""The public spelling: functions that build arrows and check what can be checked at once."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from typing import Any, TypeVar, cast, overload

from returns.result import Failure, Success

from arrows import check
from arrows.continuation import effects, refuse_waiting
from arrows.effect import Effect, answer_shape, effect_class
from arrows.either import Either
from arrows.fit import misfit
from arrows.inference import A, B, C, D, Last, S, Step
from arrows.origin import BuildError, caller
from arrows.shape import Shape, shape_of, shape_of_value
from arrows.term import (
    Arrow,
    Attempt,
    Constant,
    Emit,
    Function,
    Get,
    Identity,
    Keyed,
    Named,
    Perform,
    Primitive,
    Put,
    State,
    children,
    node,
    sequence,
)

E = TypeVar("E", bound=Effect[Any])


def arr(function: Callable[[A], B]) -> Arrow[A, B]:
    """Lift a pure function of one argument.

    >>> from arrows import run
    >>> run(arr(abs), [-1, 2])
    [1, 2]
    """
    if not callable(function):
        raise BuildError(f"{function!r} is not a function", where=caller(), remedy="Write constant(...)?")
    return Function(function)


def identity() -> Arrow[A, A]:
    """x -> x."""
    return Identity()


def constant(value: B) -> Arrow[Any, B]:
    """_ -> value. The value must be plain immutable data."""
    return Constant(value)


def parallel(f: Arrow[A, B], g: Arrow[C, D]) -> Arrow[tuple[A, C], tuple[B, D]]:
    """(a, c) -> (f a, g c); the same as `f * g`."""
    return f * g


def fanout(f: Arrow[A, B], g: Arrow[A, D] | Last[A]) -> Arrow[A, tuple[B, D]]:
    """a -> (f a, g a); the same as `f & g`."""
    return f & cast("Arrow[A, D]", g)


def first(f: Arrow[A, B]) -> Arrow[tuple[A, C], tuple[B, C]]:
    """Step `f` on the first half of a pair."""
    return f * Identity()


def second(f: Arrow[A, B]) -> Arrow[tuple[C, A], tuple[C, B]]:
    """Step `f` on the second half of a pair."""
    return Identity() * f


def fanin(f: Arrow[A, B], g: Arrow[C, B]) -> Arrow[Either[A, C], B]:
    """Step `f` on a `Left` and `g` on a `Right`; the same as `f | g`."""
    return f | g


def left(f: Arrow[A, B]) -> Arrow[Either[A, C], Either[B, C]]:
    """Step `f` on a `Left`; a `Right` passes."""
    return f + Identity()


def right(f: Arrow[A, B]) -> Arrow[Either[C, A], Either[C, B]]:
    """Step `f` on a `Right`; a `Left` passes."""
    return Identity() + f


def state(name: str, init: object, body: Arrow[A, B], *, of: Any = None) -> Arrow[A, B]:
    """Give `body` a cell, read by `get(name)` and written by `put(name)`.

    `of` is the type the cell always has; without it, the type that `init` shows.
    """
    made = State(checked_name(name), init, node(body), cell_shape(name, init, of))
    check.cell(made)
    return made


def get(name: str) -> Arrow[Any, Any]:
    """_ -> what the nearest cell of that name holds."""
    return Get(checked_name(name))


def put(name: str) -> Arrow[Any, None]:
    """Write the input to the nearest cell of that name."""
    return Put(checked_name(name))


@overload
def loop(body: Arrow[tuple[A, S], tuple[B, S]], init: S, name: str) -> Arrow[A, B]: ...
@overload
def loop(body: Step[A, S, B], init: S, name: str) -> Arrow[A, B]: ...
def loop(body: Arrow[Any, Any] | Callable[..., Any], init: Any, name: str) -> Arrow[Any, Any]:
    """Feed the second half of the output back as the second half of the next input.

    `body` takes `(x, s)` and gives `(y, s')`: an arrow over pairs or a plain function of two arguments.
    This is the feedback of the arrow books, delayed by one input; `init` is the first `s`.

    >>> from arrows import run
    >>> run(loop(lambda x, total: (total + x, total + x), init=0, name="total"), [1, 2, 3])
    [1, 3, 6]
    """
    of = None
    if not isinstance(body, Arrow):
        of = _second_parameter(body)
        body = Function(body, ("", ""))
    refuse_waiting(node(body), f"loop {name!r}")
    feedback = sequence(
        Identity() & Get(checked_name(name)), body, Identity() * Put(name), Primitive("pick", ((0,),))
    )
    made = State(name, init, feedback, cell_shape(name, init, of))
    check.cell(made)
    return made


def keyed(body: Arrow[A, B], by: Arrow[A, Any] | Last[A], name: str) -> Arrow[A, B]:
    """Keep one independent instance of `body` for each key that `by` reads from the input.

    A key whose state equals the initial one is not stored. Keys are compared by their canonical bytes,
    so that 1, 1.0 and True are three keys.
    """
    key = node(cast("Arrow[A, Any]", by))
    if _has_cells(key):
        raise BuildError(
            "the arrow that reads the key has cells", where=caller(), remedy="Keep cells in the body."
        )
    if any(effects(key)):
        raise BuildError(
            "the arrow that reads the key performs or emits", where=caller(), remedy="Do it in the body."
        )
    made = Keyed(node(body), key, checked_name(name))
    check.keys(made)
    return made


@overload
def perform(effect: type[Effect[B]], /) -> Arrow[Effect[B], B]: ...
@overload
def perform(effect: Effect[B], /) -> B: ...
def perform(effect: Any, /) -> Any:
    """Ask the outside world for what comes in, an effect of that class, and go on with the answer.

    Meanwhile other inputs are stepped. What was written before is committed and seen by them; what comes
    behind reads the cells afresh, and a raise there undoes what was written since. In a `@proc` the effect
    itself is written: `receipt = perform(Charge(card, cents))`, on a line of its own.

    Raises BuildError for a class that is not frozen data derived from `Effect[Answer]`.

    >>> from arrows import Effect, run
    >>> import attrs
    >>> @attrs.frozen
    ... class Ask(Effect[int]):
    ...     question: str
    >>> run(arr(Ask) >> perform(Ask) >> arr(str), ["1 + 1"], answer=lambda effect: eval(effect.question))
    ['2']
    """
    return Perform(_class(effect, "perform"), answer_shape(effect))


@overload
def emit(effect: type[E], /) -> Arrow[E, None]: ...
@overload
def emit(effect: Effect[Any], /) -> None: ...
def emit(effect: Any, /) -> Any:
    """Tell the outside world what comes in, an effect of that class, once the step is committed.

    Nothing is waited for, and a step that raises has told nothing. In a `@proc` the effect itself is
    written: `emit(Paid(order))`.

    >>> from arrows import Effect, compile
    >>> import attrs
    >>> @attrs.frozen
    ... class Seen(Effect[None]):
    ...     n: int
    >>> program = compile(arr(Seen) >> emit(Seen))
    >>> program.begin(program.initial(), 5)
    ((), Done(output=None), (Seen(n=5),))
    """
    return Emit(_class(effect, "emit"))


def _class(effect: Any, word: str) -> type:
    if isinstance(effect, Effect):
        raise BuildError(
            f"{word}({effect!r:.60}) is written in a @proc, which reads it",
            where=caller(),
            remedy=f"As an arrow it is {word}({type(effect).__name__}), and the effect comes in.",
        )
    return effect_class(effect)


def attempt(f: Arrow[A, B]) -> Arrow[A, Success[B] | Failure[Exception]]:
    """`Success(b)`, or `Failure(error)` with what `f` wrote and emitted undone (both from `returns.result`).

    Where `f` performs, what was written before the last `perform` is committed and stays.
    """
    return Attempt(node(f))


def named(name: str, f: Arrow[A, B]) -> Arrow[A, B]:
    """Put the cells of `f` under `name/`."""
    return Named(checked_name(name), node(f))


def checked_name(name: str) -> str:
    """The name of a cell or scope, or BuildError."""
    if type(name) is not str or not name or any(sign in "/#:" or sign.isspace() for sign in name):
        raise BuildError(
            f"{name!r} cannot name a cell or scope",
            where=caller(),
            remedy="Use a non-empty text without '/', '#', ':' or blanks.",
        )
    return name


def cell_shape(name: str, init: Any, of: Any) -> Shape:
    """The shape of a cell whose type is annotated as `of` (None: not at all), or BuildError."""
    shape = shape_of_value(init) if of is None else shape_of(of)
    wrong = misfit(init, shape)
    if wrong:
        raise BuildError(f"cell {name!r}: its first value is not of its type: {wrong}", where=caller())
    return shape


def _second_parameter(function: Callable[..., Any]) -> Any:
    """The annotation of the second parameter, or None where it has none."""
    try:
        parameters = list(inspect.signature(function).parameters)
        hints = typing.get_type_hints(function, include_extras=True)
    except (TypeError, ValueError, NameError):
        return None
    return hints.get(parameters[1]) if len(parameters) > 1 else None


def _has_cells(term: Any) -> bool:
    return isinstance(term, State | Keyed | Get | Put) or any(map(_has_cells, children(term)))
