"""Write the function of a machine: the reader behind `compile`, whose opening tells how it works."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias, assert_never

from returns.result import Failure, Success

from arrows.cells import Layout, Path, Slot, Table, initial
from arrows.either import Left, Right
from arrows.evaluate import no_case
from arrows.keys import keep, key_of
from arrows.primitive_text import TEXTS, general
from arrows.symbol import UNIT, Atom, Choice, Side, Symbol, Tup, meet, text
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

Scope: TypeAlias = dict[str, str]
"""The address that each cell's name stands for here."""

Finish: TypeAlias = Callable[[Symbol], None]
"""What is written behind the last value of a path through the function."""

_LITERALS = (bool, int, str, type(None))


def case_of(value: object, cases: tuple[type, ...]) -> type:
    """The case a value belongs to, for one that is not exactly of any case's class."""
    for cls in cases:
        if isinstance(value, cls):
            return cls
    raise no_case(value, cases)


class Emitter:
    """The function under way: its lines, the names it may use, and what its cells stand for."""

    def __init__(self, plan: Layout) -> None:
        self.plan = plan
        self.tables = {slot.address: slot for slot in _all_tables(plan.slots)}
        self.lines: list[str] = []
        self.indent = 1
        self.count = 0
        self.cells: dict[str, Symbol] = {}
        self.names: dict[str, Any] = {
            "Left": Left,
            "Right": Right,
            "Success": Success,
            "Failure": Failure,
            "case_of": case_of,
            "no_case": no_case,
            "key_of": key_of,
            "keep": keep,
        }

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
        return "\n".join(self.lines) + "\n"

    # Writing

    def write(self, line: str, indent: int | None = None) -> None:
        self.lines.append("    " * (self.indent if indent is None else indent) + line)

    def fresh(self, prefix: str = "v") -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    def let(self, expression: str) -> Atom:
        """Assign an expression to a new variable."""
        name = self.fresh()
        self.write(f"{name} = {expression}")
        return Atom(name)

    def variable(self, symbol: Symbol) -> Atom:
        """A symbol as a variable or literal, assigned to one if it is not yet."""
        return symbol if isinstance(symbol, Atom) else self.let(text(symbol))

    def bind(self, value: Any, prefix: str) -> str:
        """Give a value that exists at compile time a name in the function."""
        name = self.fresh(prefix)
        self.names[name] = value
        return name

    def unpack(self, slots: tuple[Slot, ...], source: str) -> None:
        """Read the slots of a state or row into variables."""
        names = [self.fresh("c") for _ in slots]
        for slot, name in zip(slots, names, strict=True):
            self.cells[slot.address] = Atom(name)
        if names:
            self.write(f"{', '.join(names)}, = {source}")

    def row(self, slots: tuple[Slot, ...]) -> str:
        return text(Tup(tuple(self.cells[slot.address] for slot in slots)))

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        self.write(head)
        self.indent += 1
        yield
        self.indent -= 1

    @contextmanager
    def branch(self) -> Iterator[tuple[list[str], dict[str, Symbol]]]:
        """Write into lines of their own and forget what the cells became; gives the lines and the cells."""
        outer, before, self.lines = self.lines, dict(self.cells), []
        lines = self.lines
        after: dict[str, Symbol] = {}
        yield lines, after
        after.update(self.cells)
        self.lines, self.cells = outer, before

    # Reading the tree

    def tail(self, term: Node, path: Path, scope: Scope, x: Symbol, finish: Finish) -> None:
        """Write a node after which only `finish` comes."""
        match term:
            case Compose(steps=steps):
                while steps and isinstance(steps[-1], Primitive) and steps[-1].name == "typed":
                    steps = steps[:-1]
                x = self.steps(steps[:-1], path, scope, x, then=steps[-1] if steps else None)
                if steps:
                    self.tail(steps[-1], (*path, len(steps) - 1), scope, x, finish)
                else:
                    finish(x)
            case State(name=name, body=body):
                self.tail(body, (*path, 0), {**scope, name: self.plan.addresses[path]}, x, finish)
            case Named(body=body):
                self.tail(body, (*path, 0), scope, x, finish)
            case Keyed():
                self.keyed(term, path, x, finish)
            case Switch(cases=cases):
                self.tail_switch(cases, path, scope, x, finish)
            case Primitive(name="raise"):
                self.emit(term, path, scope, x)
            case _:
                finish(self.emit(term, path, scope, x))

    def emit(self, term: Node, path: Path, scope: Scope, x: Symbol) -> Symbol:
        """Write a node whose output something else will take."""
        match term:
            case Identity():
                return x
            case Constant(value=value):
                return Atom(repr(value) if type(value) in _LITERALS else self.bind(value, "k"))
            case Primitive(name=name):
                return TEXTS.get(name, general)(self, term, x)
            case Function():
                return self.call(term, x)
            case Compose(steps=steps):
                return self.steps(steps, path, scope, x)
            case Parallel(left=left, right=right):
                a, c = self.split(x, 2)
                one = self.emit(left, (*path, 0), scope, a)
                return Tup((one, self.emit(right, (*path, 1), scope, c)))
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
        for index, (step, after) in enumerate(zip(steps, (*steps[1:], then), strict=True)):
            x = self.emit(step, (*path, index), scope, x)
            if isinstance(x, Choice) and step == Primitive("split") and not _decides(after):
                x = Choice(self.let(f"True if {x.test} else False").text, x.held)
        return x

    def split(self, x: Symbol, count: int) -> Sequence[Symbol]:
        """Take a tuple apart."""
        if isinstance(x, Tup) and len(x.items) == count:
            return x.items
        names = [self.fresh() for _ in range(count)]
        self.write(f"{', '.join(names)}, = {text(x)}")
        return [Atom(name) for name in names]

    def call(self, term: Function, x: Symbol) -> Atom:
        name = self.bind(term.function, "f")
        if term.spread is None:
            return self.let(f"{name}({text(x)})")
        given = zip(term.spread, self.split(x, len(term.spread)), strict=True) if term.spread else ()
        arguments = [(f"{keyword}=" if keyword else "") + text(each) for keyword, each in given]
        return self.let(f"{name}({', '.join(arguments)})")

    def attempt(self, body: Node, path: Path, scope: Scope, x: Symbol) -> Symbol:
        before = dict(self.cells)
        with self.branch() as (fine, after):
            self.indent += 1
            output = Side("Success", self.emit(body, (*path, 0), scope, x))
            self.indent -= 1
        error = self.fresh("e")
        failed: list[str] = []
        result = self.join([(fine, after, output), (failed, before, Side("Failure", Atom(error)))])
        self.write("try:")
        self.lines += fine
        self.write(f"except Exception as {error}:")
        self.lines += failed
        return result

    def keyed(self, term: Keyed, path: Path, x: Symbol, finish: Finish | None) -> Symbol:
        """Write a row's read, its body, and its write; in tail position `finish` ends each path."""
        table = self.tables[self.plan.addresses[path]]
        rows = text(self.cells[table.address])
        first = self.bind(initial(table.slots), "first")
        given = self.variable(self.emit(term.by, (*path, 0), {}, x)).text
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
                return [(x.test, *bodies[Left], x.held), ("else", *bodies[Right], x.held)]
        value = self.variable(x)
        found = self.let(f"type({value.text})").text
        known = [self.bind(cls, "case") for cls in classes]
        everything = self.bind(classes, "cases")
        with self.block(f"if {' and '.join(f'{found} is not {name}' for name in known)}:"):
            self.write(f"{found} = case_of({value.text}, {everything})")
        decided: list[tuple[str, Path, Node, Symbol]] = []
        for name, cls in zip(known, classes, strict=True):
            held = Atom(f"{value.text}.value") if cls in (Left, Right) else value
            decided.append((f"{found} is {name}", *bodies[cls], held))
        return decided

    def tail_switch(
        self, cases: tuple[tuple[type, Node], ...], path: Path, scope: Scope, x: Symbol, finish: Finish
    ) -> None:
        decided = self.decide(cases, path, x)
        for test, at, body, held in decided[:-1]:
            before = dict(self.cells)
            with self.block(f"if {test}:"):
                self.tail(body, at, scope, held, finish)
            self.cells = before
        _, at, body, held = decided[-1]
        self.tail(body, at, scope, held, finish)

    def switch(self, cases: tuple[tuple[type, Node], ...], path: Path, scope: Scope, x: Symbol) -> Symbol:
        decided = self.decide(cases, path, x)
        if len(decided) == 1:
            _, at, body, held = decided[0]
            return self.emit(body, at, scope, held)
        branches = []
        for _, at, body, held in decided:
            with self.branch() as (lines, after):
                self.indent += 1
                output = self.emit(body, at, scope, held)
                self.indent -= 1
            branches.append((lines, after, output))
        result = self.join(branches)
        for index, (lines, _, _) in enumerate(branches):
            last = index == len(branches) - 1
            self.write("else:" if last else f"{'elif' if index else 'if'} {decided[index][0]}:")
            self.lines += lines
        return result

    def join(self, branches: Sequence[tuple[list[str], dict[str, Symbol], Symbol]]) -> Symbol:
        """Let branches meet: end each with the assignments that make one value and one state of them."""
        assign: list[list[str]] = [[] for _ in branches]
        result = meet([output for _, _, output in branches], assign, self.fresh())
        for address in list(self.cells):
            after = [cells[address] for _, cells, _ in branches]
            self.cells[address] = meet(after, assign, self.fresh("c"))
        for (lines, _, _), statements in zip(branches, assign, strict=True):
            inner = "    " * (self.indent + 1)
            lines += [inner + each for each in statements or ([] if lines else ["pass"])]
        return result


def _decides(step: Node | None) -> bool:
    return isinstance(step, Switch) and {cls for cls, _ in step.cases} == {Left, Right}


def _all_tables(slots: tuple[Slot, ...]) -> Iterator[Table]:
    for slot in slots:
        if isinstance(slot, Table):
            yield slot
            yield from _all_tables(slot.slots)
