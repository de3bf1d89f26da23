"""Write the function of a machine: the reader behind `compile`, whose opening tells how it works."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, assert_never

from returns.result import Failure, Success

from arrows.cells import Layout, Path, Table, flat, initial
from arrows.either import Left, Right
from arrows.evaluate import no_case
from arrows.inline import leaves
from arrows.keys import keep, key_of
from arrows.primitive_text import TEXTS, general
from arrows.symbol import NEVER, UNIT, Atom, Choice, Side, Symbol, Tup, text
from arrows.term import (
    Attempt,
    Compose,
    Constant,
    Function,
    Get,
    Identity,
    Keyed,
    Named,
    Node,
    Parallel,
    Primitive,
    Put,
    State,
    Switch,
)
from arrows.writing import Draft

Scope: TypeAlias = dict[str, str]
"""The address that each cell's name stands for here."""

Finish: TypeAlias = Callable[[Symbol], None]
"""What is written behind the last value of a path through the function."""

_LITERALS = (bool, str, type(None))
_MAX_LITERAL = 2**64

_MAX_CHAIN = 8
"""How many branches of a chain are nested before they are written side by side."""


def case_of(value: object, cases: tuple[type, ...]) -> type:
    """The case a value belongs to, for one that is not exactly of any case's class."""
    for cls in cases:
        if isinstance(value, cls):
            return cls
    raise no_case(value, cases)


class Emitter(Draft):
    """Reads a machine into a function."""

    def __init__(self, plan: Layout) -> None:
        super().__init__(
            {
                "Left": Left,
                "Right": Right,
                "Success": Success,
                "Failure": Failure,
                "case_of": case_of,
                "no_case": no_case,
                "key_of": key_of,
                "keep": keep,
            }
        )
        self.plan = plan
        self.tables = {slot.address: slot for slot in flat(plan.slots) if isinstance(slot, Table)}

    def function(self, term: Node) -> str:
        """Return the source of `step(state, x)`; the names it uses are in `names`."""
        slots = self.plan.slots
        self.write("def step(state, x):", indent=0)
        self.unpack(slots, "state")
        before = dict(self.cells)

        def finish(output: Symbol) -> None:
            same = all(self.cells[slot.address] == before[slot.address] for slot in slots)
            self.write(f"return {'state' if same else self.row(slots)}, {text(output)}")

        self.tail(term, (), {}, Atom("x"), finish)
        return self.source()

    # Reading the tree

    def tail(self, term: Node, path: Path, scope: Scope, x: Symbol, finish: Finish) -> None:
        """Write a node after which only `finish` comes."""
        match term:
            case Compose(steps=steps):
                while steps and isinstance(steps[-1], Primitive) and steps[-1].name == "typed":
                    steps = steps[:-1]
                if steps and isinstance(steps[-1], Function):
                    x, steps = self.steps(steps, path, scope, x), ()
                else:
                    x = self.steps(steps[:-1], path, scope, x, then=steps[-1] if steps else None)
                if steps and x != NEVER:
                    self.tail(steps[-1], (*path, len(steps) - 1), scope, x, finish)
                elif x != NEVER:
                    finish(x)
            case State(name=name, body=body):
                self.tail(body, (*path, 0), {**scope, name: self.plan.addresses[path]}, x, finish)
            case Named(body=body):
                self.tail(body, (*path, 0), scope, x, finish)
            case Keyed():
                self.keyed(term, path, x, finish)
            case Switch(cases=cases):
                self.tail_switch(cases, path, scope, x, finish)
            case _:
                output = self.emit(term, path, scope, x)
                if output != NEVER:
                    finish(output)

    def emit(self, term: Node, path: Path, scope: Scope, x: Symbol) -> Symbol:
        """Write a node whose output something else will take."""
        match term:
            case Identity():
                return x
            case Constant(value=value):
                return self.constant(value)
            case Primitive(name=name):
                return TEXTS.get(name, general)(self, term, x)
            case Function():
                return leaves(self, [term], x)
            case Compose(steps=steps):
                return self.steps(steps, path, scope, x)
            case Parallel(left=left, right=right):
                a, c = self.split(x, 2)
                one = self.emit(left, (*path, 0), scope, a)
                other = NEVER if one == NEVER else self.emit(right, (*path, 1), scope, c)
                return NEVER if other == NEVER else Tup((one, other))
            case Switch(cases=cases):
                return self.switch(cases, path, scope, x)
            case State(name=name, body=body):
                return self.emit(body, (*path, 0), {**scope, name: self.plan.addresses[path]}, x)
            case Get(name=name):
                return self.cells[scope[name]]
            case Put(name=name):
                self.cells[scope[name]] = x
                return UNIT
            case Keyed():
                return self.keyed(term, path, x, None)
            case Attempt(body=body):
                return self.attempt(body, path, scope, x)
            case Named(body=body):
                return self.emit(body, (*path, 0), scope, x)
            case _:
                assert_never(term)

    def steps(
        self, steps: tuple[Node, ...], path: Path, scope: Scope, x: Symbol, then: Node | None = None
    ) -> Symbol:
        following = (*steps[1:], then)
        row: list[Function] = []
        for index, step in enumerate(steps):
            if x != NEVER and isinstance(step, Function):
                row.append(step)
                if not isinstance(following[index], Function) or index == len(steps) - 1:
                    x, row = leaves(self, row, x), []
            elif x != NEVER and step == Primitive("split") and _decides(following[index]):
                held, test = self.split(x, 2)
                x = Choice(text(test), held, held)
            elif x != NEVER:
                x = self.emit(step, (*path, index), scope, x)
        return x

    def constant(self, value: Any) -> Atom:
        if type(value) is int:
            small = abs(value) < _MAX_LITERAL
            return Atom((str(value) if value >= 0 else f"({value})") if small else self.bind(value, "k"))
        return Atom(repr(value) if type(value) in _LITERALS else self.bind(value, "k"))

    def attempt(self, body: Node, path: Path, scope: Scope, x: Symbol) -> Symbol:
        before = dict(self.cells)
        with self.block("try:"):
            output = self.emit(body, (*path, 0), scope, x)
            fine = self.end(NEVER if output == NEVER else Side("Success", output))
        self.cells = before
        error = self.fresh("e")
        with self.block(f"except Exception as {error}:"):
            failed = self.end(Side("Failure", self.let(error)))  # Python unbinds the name behind the block
        return self.join([fine, failed], before)

    def keyed(self, term: Keyed, path: Path, x: Symbol, finish: Finish | None) -> Symbol:
        """Write a row's read, its body, and its write; in tail position `finish` ends each path."""
        table = self.tables[self.plan.addresses[path]]
        rows = text(self.cells[table.address])
        first = self.bind(initial(table.slots), "first")
        by = self.emit(term.by, (*path, 0), {}, x)
        if by == NEVER:
            return NEVER
        given = self.variable(by)
        key = self.let(f"{given} if type({given}) is int or type({given}) is str else key_of({given})").text
        self.unpack(table.slots, self.let(f"{rows}.get({key}, {first})").text)
        before = dict(self.cells)

        def store() -> None:
            if any(self.cells[slot.address] != before[slot.address] for slot in table.slots):
                self.cells[table.address] = self.let(f"keep({rows}, {key}, {self.row(table.slots)}, {first})")

        if finish is not None:

            def finished(output: Symbol) -> None:
                store()
                finish(output)

            self.tail(term.body, (*path, 1), {}, x, finished)
            return UNIT
        output = self.emit(term.body, (*path, 1), {}, x)
        if output != NEVER:
            store()
        return output

    # Branches

    def decide(
        self, cases: tuple[tuple[type, Node], ...], path: Path, x: Symbol
    ) -> list[tuple[str, Path, Node, Symbol]]:
        """Return for each case: the test for it, its path, its arrow and what it takes. The last is else."""
        bodies = {cls: ((*path, index), body) for index, (cls, body) in enumerate(cases)}
        classes = tuple(bodies)
        if isinstance(x, Side | Choice):
            names = {"Left": Left, "Right": Right}
            if isinstance(x, Side) and names.get(x.name) in bodies:
                return [("True", *bodies[names[x.name]], x.held)]
            if isinstance(x, Choice) and set(classes) == {Left, Right}:
                return [(x.test, *bodies[Left], x.left), ("else", *bodies[Right], x.right)]
        value = self.variable(x)
        found = self.let(f"type({value})").text
        known = [self.bind(cls, "case") for cls in classes]
        everything = self.bind(classes, "cases")
        with self.block(f"if {' and '.join(f'{found} is not {name}' for name in known)}:"):
            self.write(f"{found} = case_of({value}, {everything})")
        decided: list[tuple[str, Path, Node, Symbol]] = []
        for name, cls in zip(known, classes, strict=True):
            held = Atom(f"{value}.value") if cls in (Left, Right) else Atom(value)
            decided.append((f"{found} is {name}", *bodies[cls], held))
        return decided

    def tail_switch(
        self, cases: tuple[tuple[type, Node], ...], path: Path, scope: Scope, x: Symbol, finish: Finish
    ) -> None:
        *decided, (_, at, body, held) = self.decide(cases, path, x)
        before = self.cells
        for test, at_case, case, given in decided:
            self.cells = dict(before)
            with self.block(f"if {test}:"):
                self.tail(case, at_case, scope, given, finish)
        self.cells = before
        self.tail(body, at, scope, held, finish)

    def switch(self, cases: tuple[tuple[type, Node], ...], path: Path, scope: Scope, x: Symbol) -> Symbol:
        if _chain(cases[-1][1]) > _MAX_CHAIN:
            return self.long_switch(cases, path, scope, x)
        decided = self.decide(cases, path, x)
        if len(decided) == 1:
            _, at, body, held = decided[0]
            return self.emit(body, at, scope, held)
        before, ends = self.cells, []
        for index, (test, at, body, held) in enumerate(decided):
            self.cells = dict(before)
            last = index == len(decided) - 1
            with self.block("else:" if last else f"{'elif' if index else 'if'} {test}:"):
                ends.append(self.end(self.emit(body, at, scope, held)))
        return self.join(ends, before)

    def long_switch(
        self, cases: tuple[tuple[type, Node], ...], path: Path, scope: Scope, x: Symbol
    ) -> Symbol:
        """Write a chain of branches side by side, as Python does not indent without end."""
        before, ends = dict(self.cells), []

        def finish(output: Symbol) -> None:
            ends.append(self.end(output))
            self.write("break")

        with self.block("while True:"):
            self.tail_switch(cases, path, scope, x, finish)
        return self.join(ends, before)


def _decides(step: Node | None) -> bool:
    return isinstance(step, Switch) and {cls for cls, _ in step.cases} == {Left, Right}


def _chain(term: Node) -> int:
    """How many branches follow each other, each behind all others of the one before."""
    count = 0
    while True:
        last = term.steps[-1] if isinstance(term, Compose) else term
        if not isinstance(last, Switch):
            return count
        term, count = last.cases[-1][1], count + 1
