"""Mistakes told when an arrow is built: a value that certainly is not what the next arrow takes.

The functions and operators that build arrows ask here; `arrows.flow` reads. What a type checker would find
as well is found without one, and no sooner than it is certain: an arrow without annotations takes and gives
anything, and a union fits where one of its members does.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, NoReturn

from arrows.annotated import leaf
from arrows.choice import case
from arrows.either import Left, Right
from arrows.flow import Flow
from arrows.limits import GLANCE, LOOK
from arrows.origin import BuildError, Origin, caller
from arrows.pretty import label, pretty
from arrows.shape import ANYTHING, Shape, union
from arrows.term import (
    Arrow,
    Compose,
    Constant,
    Function,
    Get,
    Keyed,
    Node,
    Parallel,
    Primitive,
    State,
    Switch,
    children,
    node,
    sequence,
)
from arrows.told import UNKNOWN, Clash, Known, Value, clash, item, several, shape, told
from arrows.wanted import wants

_WIDTH = 72


def composed(*arrows: Arrow[Any, Any]) -> Node:
    """Compose left to right, as `sequence`. Raises BuildError where one cannot take what comes before it."""
    made = sequence(*arrows)
    if type(made) is not Compose or len(arrows) < 2:
        return made
    steps, end = made.steps, 0
    for arrow in arrows:
        start, end = end, end + (len(arrow.steps) if type(arrow) is Compose else 1)
        if start and not _plainly_fit(steps[start - 1], steps[start]):
            _boundary(steps, start, end)
    return made


def _plainly_fit(one: Node, other: Node) -> bool:
    """Whether the ends of two arrows fit at a glance."""
    if type(other) is not Function or other.spread is not None:
        return type(other) in (Constant, Get)
    taken = leaf(other.function).only
    return taken is ANYTHING or (type(one) is Function and leaf(one.function).returned is taken)


def _boundary(steps: tuple[Node, ...], start: int, end: int) -> None:
    with suppress(RecursionError):  # what is nested too deeply to be read goes unchecked
        known = Flow(_refuse, LOOK).given(steps, start)
        if known != UNKNOWN:
            Flow(_refuse, LOOK).enter(steps[start:end], known)


def both(one: Arrow[Any, Any], other: Arrow[Any, Any], bound: int = LOOK) -> None:
    """Check that one input can be taken by two arrows, or raise BuildError."""
    with suppress(RecursionError):
        for want in wants(node(one), bound):
            Flow(_refuse, bound).through(node(other), want)


def cases(term: Switch) -> None:
    """Check that the arrow of each case can take that case, or raise BuildError."""
    for cls, body in term.cases:
        if cls not in (Left, Right) and case(cls) != ANYTHING:
            with suppress(RecursionError):
                Flow(_refuse, GLANCE).through(body, told(case(cls), term, "hands on"))


def modes(term: Switch) -> None:
    """Check that the arrow of each mode can take an input with it and gives one of them, or raise BuildError."""
    among = union(case(cls) for cls, _ in term.cases)
    for cls, body in term.cases:
        with suppress(RecursionError):
            given = Flow(_refuse, LOOK).through(
                body, several((UNKNOWN, told(case(cls), term, "hands on")), term)
            )
            wrong = clash(item(given, 1), among)
            if wrong is not None:
                _refuse(wrong, term, verb="has the modes")


def cell(term: State) -> None:
    """Check what is made of a cell and written to it, or raise BuildError."""
    with suppress(RecursionError):
        Flow(_refuse).through(term, UNKNOWN)


def keys(term: Keyed) -> None:
    """Check that the body can take what the key is read from, or raise BuildError."""
    both(term.by, term.body, GLANCE)


def whole(term: Node, first: Origin, last: int, returned: Node | None) -> None:
    """Check a machine read from a function, each node once, or raise BuildError at the line where it is wrong.

    The function stands from the line `first` to the line `last`; `returned` tells the type of what it returns.
    """
    here = first

    def seen(each: Node) -> None:
        nonlocal here
        origin = each.origin
        while origin is not None and not (origin.file == first.file and first.line < origin.line <= last):
            origin = origin.via
        here = origin or here

    def refuse(wrong: Clash, taker: Node) -> NoReturn:
        _refuse(wrong, taker, where=here, verb="returns" if taker is returned else "")

    with suppress(RecursionError):
        Flow(refuse, seen=seen).through(term, UNKNOWN)


# The text


def _refuse(wrong: Clash, taker: Node, where: Origin | None = None, verb: str = "") -> NoReturn:
    giver, gives, given = _giver(wrong.known)
    takes = verb or ("holds" if isinstance(taker, State) else "takes")
    raise BuildError(
        f"{_placed(giver)} {gives} {given}, but {_placed(taker)} {takes} {_cut(wrong.taken)}{_inside(wrong.at, taker)}",
        where=where or caller(),
        remedy=_remedy(gives, takes, shape(wrong.known), wrong.taken),
    )


def _giver(known: Known) -> tuple[Node, str, str]:
    """Who told of a value, in what words."""
    if isinstance(known, Value):
        assert known.by is not None
        at = "".join(f"[{index}]" for index in known.at)
        return known.by, known.verb, _cut(known.shape) + (f" at {at}" if at else "")
    return known.by, "gives", _cut(shape(known))


def _inside(at: tuple[int, ...], taker: Node) -> str:
    if not at:
        return ""
    rest = "".join(f"[{index}]" for index in at)
    if isinstance(taker, Function) and taker.spread is not None:
        name = leaf(taker.function).name(at[0], taker.spread[at[0]])
        inner = "".join(f"[{index}]" for index in at[1:])
        return f" as {name}{inner}"
    return f" at {rest}"


def _remedy(gives: str, takes: str, given: Shape, taken: Shape) -> str:
    if takes == "holds":
        return "Write a value of that type, or give the cell a wider one: its annotation, or `of=` in state."
    if takes == "has the modes":
        return "Give one of these, or add the class with an arrow of its own."
    if takes == "returns":
        return "Return a value of that type, or correct the annotation."
    if gives == "takes":
        return "Both get the same input: convert it before one of them, or correct an annotation."
    if gives == "hands on":
        return "Name the class that this arrow takes, or another arrow for this class."
    return f"Put an arrow from {_cut(given)} to {_cut(taken)} between them, or correct an annotation."


def _placed(term: Node) -> str:
    return f"{_name(term)} ({term.origin})" if term.origin else _name(term)


def _name(term: Node) -> str:
    """A node in a few words: the name of its function, or what `pretty` prints."""
    match term:
        case Primitive(name="typed") if term.origin is not None and term.origin.code is not None:
            text = f"@proc {term.origin.code.within.rpartition('.')[2]}"
        case State(name=name):
            text = f"the cell {name!r}"
        case Compose(steps=(_, Parallel(left=left, right=right))):
            text = f"{_flat(left)} & {_flat(right)}"
        case Parallel(left=left, right=right):
            text = f"{_flat(left)} * {_flat(right)}"
        case _:
            text = label(term)
    return _cut(text)


def _cut(what: object) -> str:
    text = str(what)
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"


def _flat(term: Node) -> str:
    text = (
        " ".join(pretty(term).split()) if all(not children(each) for each in children(term)) else label(term)
    )
    return f"({text})" if isinstance(term, Compose | Parallel) else text
