"""Write the function of a machine: the reader behind `compile`, whose opening tells how it works."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, assert_never

from returns.result import Failure, Success

from arrows.branching import Branching, Finish, Scope, case_of
from arrows.cells import Layout, Path, Table, flat, initial
from arrows.continuation import Continuation, told
from arrows.effect import Done
from arrows.either import Left, Right
from arrows.elsewhere import Elsewhere
from arrows.evaluate import no_case
from arrows.inline import leaves
from arrows.keys import keep, key_of
from arrows.lines import Sites
from arrows.primitive_text import TEXTS, general
from arrows.segments import EMITTED, Segments
from arrows.symbol import NEVER, UNIT, Atom, Choice, Side, Symbol, Tup, text
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

_LITERALS = (bool, str, type(None))
_MAX_LITERAL = 2**64


class Emitter(Branching, Segments, Elsewhere):
    """Reads a machine into functions. `effects` says whether it performs or emits."""

    def __init__(
        self, plan: Layout, continuations: Mapping[Path, Continuation], sites: Sites, *, effects: bool
    ) -> None:
        super().__init__(
            {
                "Left": Left,
                "Right": Right,
                "Success": Success,
                "Failure": Failure,
                "Done": Done,
                "case_of": case_of,
                "no_case": no_case,
                "key_of": key_of,
                "keep": keep,
                "told": told,
            },
            sites,
        )
        self.plan = plan
        self.continuations = continuations
        self.effects = effects
        self.pending = []
        self.wires = []
        self.rows = []
        self.tables = {slot.address: slot for slot in flat(plan.slots) if isinstance(slot, Table)}

    def functions(self, term: Node) -> str:
        """Return the source of `step(state, x)` and of what goes on behind each `perform`.

        The names that it uses are in `names`.
        """
        slots = self.plan.slots
        self.define("def step(state, x):")
        self.unpack(slots, "state")
        if self.effects:
            self.cells[EMITTED] = Tup(())
        before = dict(self.cells)

        def finish(output: Symbol) -> None:
            if self.effects:
                self.leave(f"Done({text(output)})")
                return
            same = all(self.cells[slot.address] == before[slot.address] for slot in slots)
            self.write(f"return {'state' if same else self.row(slots)}, {text(output)}")

        self.tail(term, (), {}, Atom("x"), finish)
        for number, behind in enumerate(self.continuations.values(), 1):
            self.resumption(term, behind, f"resume_{number}")
        self.finish_parts()
        return self.source()

    # Reading the tree

    def tail(self, term: Node, path: Path, scope: Scope, x: Symbol, finish: Finish) -> None:
        """Write a node after which only `finish` comes."""
        self.at(term, path)
        match term:
            case Compose(steps=steps):
                self.tail_steps(steps, path, scope, x, finish)
            case _ if self.elsewhere(term):
                finish(self.part((term,), (path,), scope, x, partial(self.tail, term, path, scope)))
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

    def tail_steps(
        self, steps: tuple[Node, ...], path: Path, scope: Scope, x: Symbol, finish: Finish, at: int = 0
    ) -> None:
        """Write the steps from `at` on, after which only `finish` comes."""
        while len(steps) > at and isinstance(steps[-1], Primitive) and steps[-1].name == "typed":
            steps = steps[:-1]
        last = steps[-1] if len(steps) > at else None
        if last is None or isinstance(last, Function) or self.elsewhere(last):
            x = self.steps(steps, path, scope, x, at)
            if x != NEVER:
                finish(x)
            return
        x = self.steps(steps[:-1], path, scope, x, at, last)
        if x != NEVER:
            self.tail(last, (*path, len(steps) - 1), scope, x, finish)

    def emit(self, term: Node, path: Path, scope: Scope, x: Symbol) -> Symbol:
        """Write a node whose output something else will take."""
        self.at(term, path)
        match term:
            case Identity():
                return x
            case Constant(value=value):
                return self.constant(value)
            case Primitive(name=name):
                return TEXTS.get(name, general)(self, term, x)
            case Function():
                return leaves(self, [term], [path], x)
            case Compose(steps=steps):
                return self.steps(steps, path, scope, x)
            case _ if self.elsewhere(term):
                return self.part((term,), (path,), scope, x, partial(self.tail, term, path, scope))
            case Parallel(left=left, right=right):
                a, c = self.split(x, 2)
                with self.beside(c):
                    b = self.emit(left, (*path, 0), scope, a)
                with self.beside(b):
                    d = NEVER if b == NEVER else self.emit(right, (*path, 1), scope, c)
                return NEVER if d == NEVER else Tup((b, d))
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
            case Perform():
                self.suspend(path, x)
                return NEVER
            case Emit():
                self.told(term, x)
                return UNIT
            case Attempt(body=body):
                return self.attempted(lambda: self.emit(body, (*path, 0), scope, x))
            case Named(body=body):
                return self.emit(body, (*path, 0), scope, x)
            case _:
                assert_never(term)

    def steps(
        self,
        steps: tuple[Node, ...],
        path: Path,
        scope: Scope,
        x: Symbol,
        at: int = 0,
        then: Node | None = None,
    ) -> Symbol:
        """Write the steps from `at` on, before `then`."""
        following = (*steps[1:], then)
        row: list[Function] = []
        for index in range(at, len(steps)):
            step = steps[index]
            if index < at or x == NEVER:
                continue
            if self.elsewhere(step):
                x, at = self.stretch(steps, index, path, scope, x)
            elif isinstance(step, Function):
                row.append(step)
                then = following[index]
                if not isinstance(then, Function) or index == len(steps) - 1 or self.elsewhere(then):
                    paths = [(*path, each) for each in range(index - len(row) + 1, index + 1)]
                    x, row = leaves(self, row, paths, x), []
            elif _splits(step) and _decides(following[index]):
                self.at(step, (*path, index))
                held, test = self.split(x, 2)
                x = Choice(text(test), held, held)
            else:
                x = self.emit(step, (*path, index), scope, x)
        return x

    def constant(self, value: Any) -> Atom:
        if type(value) is int:
            small = abs(value) < _MAX_LITERAL
            return Atom((str(value) if value >= 0 else f"({value})") if small else self.bind(value, "k"))
        return Atom(repr(value) if type(value) in _LITERALS else self.bind(value, "k"))

    def attempted(self, body: Callable[[], Symbol]) -> Symbol:
        before, here = dict(self.cells), self.here
        with self.block("try:"):
            output = body()
            fine = self.end(NEVER if output == NEVER else Side("Success", output))
        self.cells, self.here = before, here
        error = self.fresh("e")
        with self.block(f"except Exception as {error}:"):
            kept = self.let(error, "")  # Python unbinds the name behind the block
            failed = self.end(Side("Failure", kept))
        return self.join([fine, failed], before)

    def keyed(self, term: Keyed, path: Path, x: Symbol, finish: Finish | None) -> Symbol:
        """Write a row's read, its body, and its write; in tail position `finish` ends each path."""
        by = self.emit(term.by, (*path, 0), {}, x)
        if by == NEVER:
            return NEVER
        self.at(term, path)
        given = self.variable(by)
        key = self.let(f"{given} if type({given}) is int or type({given}) is str else key_of({given})")
        store = self.opened(path, key.text)
        if finish is not None:

            def finished(output: Symbol) -> None:
                store()
                finish(output)

            with self.beside(key, store):
                self.tail(term.body, (*path, 1), {}, x, finished)
            return UNIT
        with self.beside(key, store):
            output = self.emit(term.body, (*path, 1), {}, x)
        if output != NEVER:
            store()
        return output

    def opened(self, path: Path, key: str) -> Callable[[], None]:
        """Read the row of a key into variables; return what writes its store."""
        table = self.tables[self.plan.addresses[path]]
        rows = text(self.cells[table.address])
        first = self.bind(initial(table.slots), "first")
        self.unpack(table.slots, self.let(f"{rows}.get({key}, {first})").text)
        before, here, built = dict(self.cells), self.here, self.built

        def store() -> None:
            self.here, self.built = here, built
            if any(self.cells[slot.address] != before[slot.address] for slot in table.slots):
                self.cells[table.address] = self.let(f"keep({rows}, {key}, {self.row(table.slots)}, {first})")

        return store


def _splits(step: Node) -> bool:
    return isinstance(step, Primitive) and step.name == "split"


def _decides(step: Node | None) -> bool:
    return isinstance(step, Switch) and {cls for cls, _ in step.cases} == {Left, Right}
