"""Machines that are often wanted, written with the nodes there are. They hold no function of their own,
so what is built of data by them is data.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, overload

from arrows.build import get, identity, put, state
from arrows.continuation import refuse_waiting
from arrows.inference import A, Fold, S
from arrows.term import Arrow, Constant, Function, Primitive, node, sequence

_LEFT, _RIGHT = Primitive("pick", ((0,),)), Primitive("pick", ((1,),))


def delay(init: A, name: str = "delay", *, of: Any = None) -> Arrow[A, A]:
    """Give each input one step late; `init` comes first.

    `of` is the type of what passes, as in `state`; without it, the type that `init` shows.

    >>> from arrows import run
    >>> run(delay(0), [1, 2, 3])
    [0, 1, 2]
    """
    return state(name, init, sequence(get(name) & put(name), _LEFT), of=of)


@overload
def accumulate(step: Arrow[tuple[A, S], S], init: S, name: str, *, of: Any = None) -> Arrow[A, S]: ...
@overload
def accumulate(step: Fold[A, S], init: S, name: str, *, of: Any = None) -> Arrow[A, S]: ...
def accumulate(
    step: Arrow[Any, Any] | Callable[..., Any], init: Any, name: str, *, of: Any = None
) -> Arrow[Any, Any]:
    """Keep what `step` makes of the input and of what was kept, and give it.

    `step` takes the halves in the order of `loop`: an arrow over pairs or a plain function of two arguments.

    >>> from arrows import run
    >>> run(accumulate(max, 0, "highest"), [3, 1, 4, 1])
    [3, 3, 4, 4]
    """
    made = step if isinstance(step, Arrow) else Function(step, ("", ""))
    refuse_waiting(node(made), f"accumulate {name!r}")
    return state(name, init, sequence(identity() & get(name), made, _written(name)), of=of)


def hold(init: A, name: str = "hold", *, of: Any = None) -> Arrow[A | None, A]:
    """Give the last input that was not None; before there was one, `init`.

    >>> from arrows import run
    >>> run(hold(0), [None, 1, None, None, 2])
    [0, 1, 1, 1, 2]
    """
    is_new = sequence(identity() & Constant(None), Primitive("is_not"))
    fresh = sequence(identity() & is_new, Primitive("split"))
    return state(name, init, sequence(fresh, _written(name) | get(name)), of=of)


def changes(init: A, name: str = "last", *, of: Any = None) -> Arrow[A, A | None]:
    """Give the input where it differs (`!=`) from the one before, else None; the first is compared with `init`.

    `changes(init) >> hold(init)` gives back every input that is not None.

    >>> from arrows import run
    >>> run(changes(0), [0, 1, 1, 2, 2])
    [None, 1, None, 2, None]
    """
    changed = sequence(identity() & get(name), identity() & Primitive("ne"), Primitive("split"))
    return state(name, init, sequence(changed, sequence(_LEFT, _written(name)) | Constant(None)), of=of)


def _written(name: str) -> Arrow[Any, Any]:
    """x -> x, and the cell holds x."""
    return sequence(put(name) & identity(), _RIGHT)
