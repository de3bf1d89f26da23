"""What a `@proc` of another file does, as a function of its own: a code object shows the lines of one file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import attrs

from arrows.branching import Finish, Scope
from arrows.cells import Layout, Path
from arrows.lines import Shown
from arrows.origin import Origin
from arrows.symbol import Atom, Symbol, Tup, text
from arrows.term import Get, Keyed, Node, Put, State, children
from arrows.writing import Draft

_Write: TypeAlias = Callable[[Symbol, Finish], None]


@attrs.frozen
class Pending:
    """A function that is called already and not written yet. `cells` are those it takes and gives back."""

    name: str
    origin: Origin
    cells: tuple[str, ...]
    write: _Write


class Elsewhere(Draft):
    """Writes what other files do. (Not where a machine has effects: a step that waits returns from one function.)"""

    plan: Layout
    effects: bool
    pending: list[Pending]

    if TYPE_CHECKING:

        def tail_steps(
            self, steps: tuple[Node, ...], path: Path, scope: Scope, x: Symbol, finish: Finish, at: int = 0
        ) -> None: ...

    def elsewhere(self, term: Node) -> bool:
        """Whether a node was read by `@proc` in another file than that of the function at hand."""
        origin = term.origin
        read = origin is not None and origin.code is not None
        return read and not self.effects and origin is not None and origin.file != self.shown[-1].file

    def stretch(
        self, steps: tuple[Node, ...], at: int, path: Path, scope: Scope, x: Symbol
    ) -> tuple[Symbol, int]:
        """Call what does the steps from `at` on that are of one function; also return where they end."""
        first, end = steps[at].origin, at
        while end < len(steps) and self.elsewhere(steps[end]) and _goes_on(first, steps[end].origin):
            end += 1
        self.at(steps[at], (*path, at))
        paths = [(*path, each) for each in range(at, end)]

        def write(given: Symbol, finish: Finish) -> None:
            self.tail_steps(steps[:end], path, scope, given, finish, at)

        return self.part(steps[at:end], paths, scope, x, write), end

    def part(
        self, terms: Sequence[Node], paths: Sequence[Path], scope: Scope, x: Symbol, write: _Write
    ) -> Symbol:
        """Call a function that `write` will write."""
        origin = terms[0].origin
        assert origin is not None
        cells = tuple(dict.fromkeys(self.touched(zip(terms, paths, strict=True), scope)))
        name = self.fresh("part")
        self.pending.append(Pending(name, origin, cells, write))
        call = f"{name}({', '.join([text(x), *(text(self.cells[each]) for each in cells)])})"
        if not cells:
            return self.let(call)
        output, *after = self.split(Atom(call), 1 + len(cells))
        self.cells.update(zip(cells, after, strict=True))
        return output

    def touched(self, terms: Iterable[tuple[Node, Path]], scope: Scope) -> Iterator[str]:
        """The cells that nodes may read or write, by address."""
        waiting = [(term, path, scope) for term, path in terms]
        while waiting:
            term, path, names = waiting.pop()
            if isinstance(term, Get | Put):
                yield names[term.name]
            if isinstance(term, State):
                names = {**names, term.name: self.plan.addresses[path]}
            if isinstance(term, State | Keyed):
                yield self.plan.addresses[path]
            if not isinstance(term, Keyed):
                waiting += [(child, (*path, at), names) for at, child in enumerate(children(term))]

    def finish_parts(self) -> None:
        """Write the functions that are called and not written, and those that they call."""
        while self.pending:
            here = self.pending.pop(0)
            given = [self.fresh("c") for _ in here.cells]
            self.define(
                f"def {here.name}({', '.join(['x', *given])}):", Shown(here.origin.file, here.origin.code)
            )
            self.cells = {address: Atom(name) for address, name in zip(here.cells, given, strict=True)}
            here.write(Atom("x"), partial(self.returned, here.cells))

    def returned(self, cells: tuple[str, ...], output: Symbol) -> None:
        after = tuple(self.cells[each] for each in cells)
        self.write(f"return {text(Tup((output, *after))) if cells else text(output)}")


def _goes_on(first: Origin | None, origin: Origin | None) -> bool:
    """Whether a step is of the same function as the first, or of one that it calls, in one file."""
    if first is None or origin is None or first.code is None or origin.code is None:
        return False
    return first.file == origin.file and (
        first.code.within == origin.code.within or origin.depth() > first.depth()
    )
