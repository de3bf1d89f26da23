"""What is known of the values that pass through a machine, node by node: the reader behind `arrows.check`.

It runs a machine on what is known of its input instead of on a value, and stops at the first node that
certainly cannot take what it gets. What is known may fall short of the truth and never goes beyond it.

Two arrows are composed often and may be large, so their boundary is read alone, by a few nodes on either
side: backward to a node whose output does not depend on its input, forward to such a node again. What lies
beyond was read when it was composed itself. Without a bound the reader passes each node once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, assert_never

from returns.result import Failure, Success

from arrows import annotated
from arrows.choice import case, narrowed
from arrows.limits import LOOK
from arrows.outcome import TELLING, constant, held, outcome
from arrows.shape import (
    NOTHING,
    Enumeration,
    Product,
    Record,
    Scalar,
    Shape,
    options,
    union,
)
from arrows.term import (
    Attempt,
    Compose,
    Constant,
    Emit,
    Function,
    Get,
    Identity,
    Keyed,
    Named,
    Node,
    Parallel,
    Perform,
    Primitive,
    Put,
    State,
    Switch,
)
from arrows.told import UNKNOWN, Clash, Known, Several, Value, clash, item, join, several, shape, told
from arrows.wanted import takes

Cells = Mapping[str, tuple[State, Shape]]
"""The cells in scope, and what they certainly hold."""

Refuse = Callable[[Clash, Node], object]
"""Told of a value that does not fit, and the node that gets it."""

_NONE: Final[Cells] = {}
_COPY: Final = Primitive("copy", origin=None)
_NO: Final = Scalar(type(None))
_NEVER: Final = Value(NOTHING)
_RESULT: Final = union((Record(Success), Record(Failure)))


class Flow:
    """One reading. With a `bound` it reads so many nodes; without, all. `seen` is told of each."""

    def __init__(
        self, refuse: Refuse, bound: int | None = None, seen: Callable[[Node], object] | None = None
    ) -> None:
        self.refuse = refuse
        self.left = bound
        self.seen = seen

    # Boundaries

    def given(self, steps: tuple[Node, ...], end: int, cells: Cells = _NONE) -> Known:
        """What the first `end` of these steps give, whatever they take."""
        start = end - 1
        while start and self.depends(steps[start]):
            start -= 1
        if start and isinstance(steps[start], Parallel) and steps[start - 1] == _COPY:
            start -= 1
        refuse, self.refuse = self.refuse, lambda wrong, taker: None  # these were composed before
        known: Known = UNKNOWN
        for at in range(start, end):
            known = self.through(steps[at], known, cells)
        self.refuse = refuse
        return known

    def enter(self, steps: tuple[Node, ...], known: Known, cells: Cells = _NONE) -> tuple[int, Known]:
        """Pass steps until one tells nothing of its input; return how many were passed, and what the last gives."""
        for at, step in enumerate(steps, 1):
            known = self.through(step, known, cells)
            if known == UNKNOWN or not self.depends(step):
                return at, known
        return len(steps), known

    def depends(self, term: Node) -> bool:
        """Whether what a node gives may tell of what it takes. False where the bound is reached."""
        if self.left is not None:
            self.left -= 1
            if self.left <= 0:
                return False
        match term:
            case Identity():
                return True
            case Primitive(name=name):
                return name in TELLING
            case Parallel(left=left, right=right):
                return self.depends(left) or self.depends(right)
            case Compose(steps=steps):
                return all(self.depends(step) for step in reversed(steps))
            case Switch(cases=cases):
                return any(self.depends(body) for _, body in cases)
            case State(body=body) | Named(body=body) | Keyed(body=body):
                return self.depends(body)
            case Constant() | Function() | Get() | Put() | Perform() | Emit() | Attempt():
                return False
            case _:
                assert_never(term)

    # Nodes

    def through(self, term: Node, known: Known, cells: Cells = _NONE) -> Known:
        """What a node gives for what is known of its input; a value that does not fit is refused."""
        if self.left is not None:
            self.left -= 1
            if self.left <= 0:
                return UNKNOWN
        if self.seen is not None:
            self.seen(term)
        if known == _NEVER:
            return known
        match term:
            case Identity():
                return known
            case Constant():
                return UNKNOWN if self.guarded(term) else constant(term)
            case Primitive():
                if term.name == "typed":
                    self.fits(known, term.args[0], term)
                return outcome(term, known)
            case Function():
                self.fits(known, annotated.taken(term), term)
                return told(annotated.given(term), term)
            case Compose(steps=steps):
                return self.compose(steps, known, cells)
            case Parallel(left=left, right=right):
                self.pair(term, known)
                one = self.through(left, item(known, 0), cells)
                other = self.through(right, item(known, 1), cells)
                return several((one, other), _fanned(term, known))
            case Switch():
                return self.switch(term, known, cells)
            case State(name=name, body=body):
                return self.through(body, known, {**cells, name: (term, held(term))})
            case Get(name=name):
                return told(cells[name][1], term) if name in cells else UNKNOWN
            case Put(name=name):
                if name in cells:
                    self.fits(known, cells[name][1], cells[name][0])
                return Value(_NO, term)
            case Perform(effect=effect) | Emit(effect=effect):
                self.fits(known, Record(effect), term)
                return told(term.of if isinstance(term, Perform) else _NO, term)
            case Keyed(body=body, by=by):
                self.through(by, known)
                return self.through(body, known)
            case Attempt(body=body):
                self.through(body, known, cells)
                return told(_RESULT, term)
            case Named(body=body):
                return self.through(body, known, cells)
            case _:
                assert_never(term)

    def guarded(self, term: Constant) -> bool:
        """Whether a constant may stand where it never comes.

        What a function reads from outside may be None behind a test that it is not, and a body whose last
        `case` takes all that is left ends in a None that nothing gives.
        """
        written = self.left is None or (term.origin is not None and term.origin.code is not None)
        return term.value is None and written

    def fits(self, known: Known, taken: Shape, term: Node) -> None:
        wrong = clash(known, taken)
        if wrong is not None:
            self.refuse(wrong, term)

    def compose(self, steps: tuple[Node, ...], known: Known, cells: Cells) -> Known:
        if self.left is None:
            for at, step in enumerate(steps):
                if isinstance(step, Switch) and at + 2 == len(steps) and _is_typed(steps[-1]):
                    return self.ending(step, known, cells, steps[-1])
                known = self.through(step, known, cells)
            return known
        if known == UNKNOWN:
            return self.given(steps, len(steps), cells)
        passed, known = self.enter(steps, known, cells)
        return known if passed == len(steps) else self.given(steps, len(steps), cells)

    def ending(self, term: Node, known: Known, cells: Cells, last: Node) -> Known:
        """Pass a node and then `last`, which each way that a choice goes must fit by itself."""
        match term:
            case Switch():
                self.switch(term, known, cells, last)
                return self.through(last, UNKNOWN, cells)
            case Compose(steps=steps):
                for step in steps[:-1]:
                    known = self.through(step, known, cells)
                return self.ending(steps[-1], known, cells, last)
            case _:
                return self.through(last, self.through(term, known, cells), cells)

    def pair(self, term: Parallel, known: Known) -> None:
        """A pair is taken apart by unpacking, so that anything of two items will do."""
        if isinstance(known, Several) and len(known.items) == 2:
            return
        found = options(shape(known))
        if found and all(_is_no_pair(each) for each in found):
            halves = (takes(term.left, LOOK), takes(term.right, LOOK))
            self.refuse(Clash(known, Product(halves), ()), term)

    def switch(self, term: Switch, known: Known, cells: Cells, last: Node | None = None) -> Known:
        ways: list[Known] = []
        reached = False
        for cls, body in term.cases:
            inner = narrowed(known, cls, term)
            if inner is not None:
                reached = True
                if last is not None:
                    self.ending(body, inner, cells, last)
                else:
                    ways.append(self.through(body, inner, cells))
        if not reached:
            self.refuse(Clash(known, union(case(cls) for cls, _ in term.cases), ()), term)
        return join(ways, term)


def _is_typed(term: Node) -> bool:
    return isinstance(term, Primitive) and term.name == "typed"


def _is_no_pair(given: Shape) -> bool:
    match given:
        case Product(items=items):
            return len(items) != 2
        case Scalar(type=cls):
            return cls not in (str, bytes)
        case Record(cls=cls) | Enumeration(cls=cls):
            return not hasattr(cls, "__iter__") and not hasattr(cls, "__getitem__")
        case _:
            return False


def _fanned(term: Parallel, known: Known) -> Node:
    """`f & g` where the pair is one value twice."""
    if isinstance(known, Several) and isinstance(known.by, Primitive) and known.by.name == "copy":
        return Compose((known.by, term), origin=term.origin)
    return term
