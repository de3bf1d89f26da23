"""The text of a generated function while it is written: lines, names, what cells stand for, where paths meet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from keyword import iskeyword
from typing import Any

import attrs

from arrows.cells import Slot
from arrows.symbol import NEVER, Atom, Symbol, Tup, meet, text

_INDENT = "    "


@attrs.frozen
class End:
    """Where a path stops before it meets others: a gap for the statements that make them alike."""

    gap: list[str]
    indent: int
    bare: bool
    cells: dict[str, Symbol]
    output: Symbol

    def fill(self, statements: list[str]) -> None:
        lines = statements or (["pass"] if self.bare else [])
        self.gap.extend(_INDENT * self.indent + each for each in lines)


class Draft:
    """A function under way."""

    def __init__(self, names: dict[str, Any]) -> None:
        self.lines: list[list[str]] = []
        self.indent = 1
        self.count = 0
        self.cells: dict[str, Symbol] = {}
        self.names = names

    def source(self) -> str:
        return "".join(f"{line}\n" for lines in self.lines for line in lines)

    def write(self, line: str, indent: int | None = None) -> None:
        self.lines.append([_INDENT * (self.indent if indent is None else indent) + line])

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        self.write(head)
        self.indent += 1
        yield
        self.indent -= 1

    # Names

    def fresh(self, prefix: str = "v") -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    def let(self, expression: str, comment: str = "") -> Atom:
        """Assign an expression to a new variable."""
        name = self.fresh()
        self.write(f"{name} = {expression}" + (f"  # {comment}" if comment else ""))
        return Atom(name)

    def variable(self, symbol: Symbol) -> str:
        """The name of a variable that holds the symbol."""
        named = text(symbol)
        return named if named.isidentifier() and not iskeyword(named) else self.let(named).text

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
        self.write(f"[{', '.join(names)}] = {text(x)}")
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
        bare = bool(self.lines[-1]) and self.lines[-1][-1].endswith(":")
        self.lines.append([])
        return End(self.lines[-1], self.indent, bare, self.cells, output)

    def join(self, ends: Sequence[End], before: dict[str, Symbol]) -> Symbol:
        """Go on where paths meet: end each with the assignments that make one value and one state of them."""
        self.cells = before
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
