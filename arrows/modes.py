"""`modes`, typed for up to six: each arrow takes its mode's class and gives one of the classes as the next mode."""

from __future__ import annotations

from typing import Any, TypeVar, Union, overload

from arrows import check
from arrows.build import checked_name, get, identity, put, state
from arrows.continuation import refuse_waiting
from arrows.dispatch import checked_cases
from arrows.term import Arrow, Constant, Primitive, Switch, node, sequence

A = TypeVar("A")
B1 = TypeVar("B1")
B2 = TypeVar("B2")
B3 = TypeVar("B3")
B4 = TypeVar("B4")
B5 = TypeVar("B5")
B6 = TypeVar("B6")
M1 = TypeVar("M1")
M2 = TypeVar("M2")
M3 = TypeVar("M3")
M4 = TypeVar("M4")
M5 = TypeVar("M5")
M6 = TypeVar("M6")

_LEFT, _RIGHT = Primitive("pick", ((0,),)), Primitive("pick", ((1,),))


@overload
def modes(
    c1: tuple[type[M1], Arrow[tuple[A, M1], tuple[B1, M1]]],
    /,
    *,
    init: M1,
    name: str = "mode",
) -> Arrow[A, B1]: ...
@overload
def modes(
    c1: tuple[type[M1], Arrow[tuple[A, M1], tuple[B1, M1 | M2]]],
    c2: tuple[type[M2], Arrow[tuple[A, M2], tuple[B2, M1 | M2]]],
    /,
    *,
    init: M1 | M2,
    name: str = "mode",
) -> Arrow[A, B1 | B2]: ...
@overload
def modes(
    c1: tuple[type[M1], Arrow[tuple[A, M1], tuple[B1, M1 | M2 | M3]]],
    c2: tuple[type[M2], Arrow[tuple[A, M2], tuple[B2, M1 | M2 | M3]]],
    c3: tuple[type[M3], Arrow[tuple[A, M3], tuple[B3, M1 | M2 | M3]]],
    /,
    *,
    init: M1 | M2 | M3,
    name: str = "mode",
) -> Arrow[A, B1 | B2 | B3]: ...
@overload
def modes(
    c1: tuple[type[M1], Arrow[tuple[A, M1], tuple[B1, M1 | M2 | M3 | M4]]],
    c2: tuple[type[M2], Arrow[tuple[A, M2], tuple[B2, M1 | M2 | M3 | M4]]],
    c3: tuple[type[M3], Arrow[tuple[A, M3], tuple[B3, M1 | M2 | M3 | M4]]],
    c4: tuple[type[M4], Arrow[tuple[A, M4], tuple[B4, M1 | M2 | M3 | M4]]],
    /,
    *,
    init: M1 | M2 | M3 | M4,
    name: str = "mode",
) -> Arrow[A, B1 | B2 | B3 | B4]: ...
@overload
def modes(
    c1: tuple[type[M1], Arrow[tuple[A, M1], tuple[B1, M1 | M2 | M3 | M4 | M5]]],
    c2: tuple[type[M2], Arrow[tuple[A, M2], tuple[B2, M1 | M2 | M3 | M4 | M5]]],
    c3: tuple[type[M3], Arrow[tuple[A, M3], tuple[B3, M1 | M2 | M3 | M4 | M5]]],
    c4: tuple[type[M4], Arrow[tuple[A, M4], tuple[B4, M1 | M2 | M3 | M4 | M5]]],
    c5: tuple[type[M5], Arrow[tuple[A, M5], tuple[B5, M1 | M2 | M3 | M4 | M5]]],
    /,
    *,
    init: M1 | M2 | M3 | M4 | M5,
    name: str = "mode",
) -> Arrow[A, B1 | B2 | B3 | B4 | B5]: ...
@overload
def modes(
    c1: tuple[type[M1], Arrow[tuple[A, M1], tuple[B1, M1 | M2 | M3 | M4 | M5 | M6]]],
    c2: tuple[type[M2], Arrow[tuple[A, M2], tuple[B2, M1 | M2 | M3 | M4 | M5 | M6]]],
    c3: tuple[type[M3], Arrow[tuple[A, M3], tuple[B3, M1 | M2 | M3 | M4 | M5 | M6]]],
    c4: tuple[type[M4], Arrow[tuple[A, M4], tuple[B4, M1 | M2 | M3 | M4 | M5 | M6]]],
    c5: tuple[type[M5], Arrow[tuple[A, M5], tuple[B5, M1 | M2 | M3 | M4 | M5 | M6]]],
    c6: tuple[type[M6], Arrow[tuple[A, M6], tuple[B6, M1 | M2 | M3 | M4 | M5 | M6]]],
    /,
    *,
    init: M1 | M2 | M3 | M4 | M5 | M6,
    name: str = "mode",
) -> Arrow[A, B1 | B2 | B3 | B4 | B5 | B6]: ...
@overload
def modes(
    c1: tuple[type[M1], Arrow[tuple[A, M1], tuple[Any, Any]]],
    c2: tuple[type[M2], Arrow[tuple[A, M2], tuple[Any, Any]]],
    c3: tuple[type[M3], Arrow[tuple[A, M3], tuple[Any, Any]]],
    c4: tuple[type[M4], Arrow[tuple[A, M4], tuple[Any, Any]]],
    c5: tuple[type[M5], Arrow[tuple[A, M5], tuple[Any, Any]]],
    c6: tuple[type[M6], Arrow[tuple[A, M6], tuple[Any, Any]]],
    c7: tuple[type[Any], Arrow[tuple[A, Any], tuple[Any, Any]]],
    /,
    *more: tuple[type[Any], Arrow[tuple[A, Any], tuple[Any, Any]]],
    init: object,
    name: str = "mode",
) -> Arrow[A, Any]: ...
def modes(*cases: tuple[type[Any], Arrow[Any, Any]], init: object, name: str = "mode") -> Arrow[Any, Any]:
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
    known = checked_cases(cases)
    check.modes(Switch(known))
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
