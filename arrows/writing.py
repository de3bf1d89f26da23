"""The text of a generated function while it is written: lines, names, what cells stand for, where paths meet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from keyword import iskeyword
from typing import Any, NamedTuple

import attrs

from arrows.cells import Path, Slot
from arrows.lines import Placed, Shown, Sites, way
from arrows.origin import Origin
from arrows.symbol import NEVER, Atom, Symbol, Tup, meet, text
from arrows.term import Compose, Node

_INDENT = "    "


class Line(NamedTuple):
    """A line, and the place in the user's file that it stands for.

    A mark is no part of the text: it only says that the user's line is come to, where no other line might.
    """

    text: str
    place: Origin | None
    mark: bool = False


@attrs.frozen
class End:
    """Where a path stops before it meets others: a gap for the statements that make them alike."""

    gap: list[Line]
    place: Origin | None
    indent: int
    bare: bool
    cells: dict[str, Symbol]
    output: Symbol

    def fill(self, statements: list[str]) -> None:
        lines = statements or (["pass"] if self.bare else [])
        self.gap.extend(Line(_INDENT * self.indent + each, self.place) for each in lines)


class Draft:
    """Functions under way."""

    def __init__(self, names: dict[str, Any], sites: Sites) -> None:
        self.sites = sites
        self.shown: list[Shown] = []
        self.built: Origin | None = None
        self.here: Origin | None = None
        self.lines: list[list[Line]] = []
        self.indent = 1
        self.count = 0
        self.cells: dict[str, Symbol] = {}
        self.names = names

    def source(self) -> str:
        return "".join(f"{line.text}\n" for lines in self.lines for line in lines if not line.mark)

    def placed(self) -> list[Placed]:
        """The lines of the source with its marks."""
        found: list[Placed] = []
        number = 0
        for lines in self.lines:
            for line in lines:
                number += not line.mark
                found.append(Placed(line.text, line.place, number))
        return found

    def define(self, head: str, shown: Shown | None = None) -> None:
        """Begin a function, which is shown as the whole machine is or as told."""
        self.shown.append(self.sites.shown if shown is None else shown)
        self.here, self.indent = None, 1
        self.write(head, indent=0)

    def write(self, line: str, indent: int | None = None, *, comment: str = "") -> None:
        margin = _INDENT * (self.indent if indent is None else indent)
        self.lines.append([Line(margin + line + (f"  # {comment}" if comment else ""), self.here)])

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        self.write(head)
        self.indent += 1
        yield
        self.indent -= 1

    # Places

    def at(self, term: Node, path: Path) -> None:
        """Let what is written from here on stand for a node. (A `Compose` is its steps.)"""
        if isinstance(term, Compose):
            return
        self.built = term.origin
        file = self.shown[-1].file
        place = self.sites.of(term, path, file) if file else None
        if place is None or place is self.here or (place.code is not None and place.code.quiet):
            return
        self.here = place
        if place.code is not None:
            for line in place.code.passed:
                self.mark(attrs.evolve(place, line=line, code=attrs.evolve(place.code, span=None)))
            self.mark(place)

    def mark(self, place: Origin | None) -> None:
        """Say that a line of the user's is come to."""
        if not self.shown[-1].file or place is None or place.code is None:
            return
        last = self.lines[-1][-1].place if self.lines[-1] else None
        if last is None or last.line != place.line:
            self.lines.append([Line(_INDENT * self.indent + "pass", place, mark=True)])

    def case(self, place: Origin | None, index: int) -> None:
        """Let what is written next stand for a case of the `Switch` at a place, where it has a line of its own."""
        self.here = way(place, index)
        if self.here is not place and index == -1:
            self.mark(self.here)

    def where(self) -> str:
        """The place where the arrow at hand was built, for a comment."""
        if self.built is None:
            return ""
        where = str(self.built)
        return where if where.isprintable() else ascii(where)

    # Names

    def fresh(self, prefix: str = "v") -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    def let(self, expression: str, comment: str | None = None) -> Atom:
        """Assign an expression to a new variable; without a comment, where its arrow was built stands beside it."""
        name = self.fresh()
        self.write(f"{name} = {expression}", comment=self.where() if comment is None else comment)
        return Atom(name)

    def variable(self, symbol: Symbol) -> str:
        """The name of a variable that holds the symbol."""
        named = text(symbol)
        return named if named.isidentifier() and not iskeyword(named) else self.let(named, "").text

    def bind(self, value: Any, prefix: str) -> str:
        """Give a value that exists at compile time a name in the function."""
        name = self.fresh(prefix)
        self.names[name] = value
        return name

    def split(self, x: Symbol, count: int) -> Sequence[Symbol]:
        """Take a tuple apart."""
        if isinstance(x, Tup) and len(x.items) == count:
            return x.items
        names = [self.fresh() for _ in range(count)]
        self.write(f"[{', '.join(names)}] = {text(x)}", comment=self.where())
        return [Atom(name) for name in names]

    # Cells

    def unpack(self, slots: tuple[Slot, ...], source: str) -> None:
        """Read the slots of a state or row into variables."""
        names = [self.fresh("c") for _ in slots]
        for slot, name in zip(slots, names, strict=True):
            self.cells[slot.address] = Atom(name)
        if names:
            self.write(f"{', '.join(names)}, = {source}")

    def row(self, slots: tuple[Slot, ...]) -> str:
        return text(Tup(tuple(self.cells[slot.address] for slot in slots)))

    # Paths that meet

    def end(self, output: Symbol) -> End:
        """Stop a path here; `join` will tell what it leads to."""
        last = next(lines for lines in reversed(self.lines) if not (lines and lines[-1].mark))
        bare = bool(last) and last[-1].text.endswith(":")
        self.lines.append([])
        return End(self.lines[-1], self.here, self.indent, bare, self.cells, output)

    def join(self, ends: Sequence[End], before: dict[str, Symbol]) -> Symbol:
        """Go on where paths meet: end each with the assignments that make one value and one state of them."""
        self.cells, self.here = before, None
        alive = [end for end in ends if end.output != NEVER]
        if not alive:
            return NEVER
        assign: list[list[str]] = [[] for _ in alive]
        result = meet([end.output for end in alive], assign, self.fresh())
        self.cells = {
            address: meet([end.cells[address] for end in alive], assign, self.fresh("c"))
            for address in before
        }
        for end, statements in zip(alive, assign, strict=True):
            end.fill(statements)
        return result
