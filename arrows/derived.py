"""Machines that are often wanted, written with the nodes there are. They hold no function of their own,
so what is built of data by them is data.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, Union, cast

from arrows.build import checked_name, get, identity, put, state, switch
from arrows.continuation import refuse_waiting
from arrows.term import Arrow, Constant, Function, Primitive, Switch, node, sequence

A = TypeVar("A")
B = TypeVar("B")
S = TypeVar("S")

_LEFT, _RIGHT = Primitive("pick", ((0,),)), Primitive("pick", ((1,),))


def delay(init: A, name: str = "delay", *, of: Any = None) -> Arrow[A, A]:
    """Give each input one step late; `init` comes first.

    `of` is the type of what passes, as in `state`; without it, the type that `init` shows.

    >>> from arrows import run
    >>> run(delay(0), [1, 2, 3])
    [0, 1, 2]
    """
    return state(name, init, sequence(get(name) & put(name), _LEFT), of=of)


def accumulate(
    step: Arrow[tuple[A, S], S] | Callable[[A, S], S], init: S, name: str, *, of: Any = None
) -> Arrow[A, S]:
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


def modes(
    *cases: tuple[type[Any], Arrow[tuple[A, Any], tuple[B, Any]]], init: object, name: str = "mode"
) -> Arrow[A, B]:
    """Be in one of several modes; the arrow of the present one steps and says which is next.

    A mode is a value of one of the classes: `init` at first, then what the last step gave. The arrow beside
    its class takes `(input, mode)` and gives `(output, next mode)`; so this is `loop` with the body chosen by
    the class of what it holds. Three things follow from modes being values:

    - a mode has data of its own (`Playing(track)`), which is gone when the mode is left;
    - an arrow's own cells stay while another mode is on, so a machine inside a mode, stepped by
      `first(inner)`, goes on where it was: a hierarchy with memory;
    - a mode with a field for the mode below it is a stack: entering wraps, leaving gives the field.

    Modes are unrelated classes, as in `switch`. Raises BuildError for an overlap.

    >>> from arrows import constant, run
    >>> import attrs
    >>> @attrs.frozen
    ... class Off: ...
    >>> @attrs.frozen
    ... class On: ...
    >>> run(modes((Off, constant(("on", On()))), (On, constant(("off", Off()))), init=Off()), [1, 2, 3])
    ['on', 'off', 'on']
    """
    known = cast("Switch", switch(*cases)).cases
    names = " | ".join(cls.__qualname__ for cls, _ in known)
    chosen: Arrow[Any, Any] = Constant((f"the next mode was none of {names}",)) >> Primitive(
        "raise", ("TypeError",)
    )
    for cls, body in reversed(known):
        refuse_waiting(body, f"modes {name!r}")
        is_on = sequence(_RIGHT, Primitive("is_a", (cls,)))
        chosen = sequence(identity() & is_on, Primitive("split"), node(body) | chosen)
    feedback = sequence(identity() & get(checked_name(name)), chosen, identity() * put(name), _LEFT)
    return state(name, init, feedback, of=Union[tuple(cls for cls, _ in known)])  # noqa: UP007 - counted at run time


def _written(name: str) -> Arrow[Any, Any]:
    """x -> x, and the cell holds x."""
    return sequence(put(name) & identity(), _RIGHT)
