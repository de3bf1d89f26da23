"""A machine as lines for a terminal: operations one behind the other, cases and scopes below, and what changed.

The parts and their marks are those of the picture (`arrows.draw`).
"""

from __future__ import annotations

from typing import Any, assert_never

import attrs

from arrows.diff import Difference
from arrows.draw import is_bare, is_plumbing
from arrows.marked import Look, Mark, Marked, marked
from arrows.parts import Case, Tree, caption, rooted
from arrows.term import (
    Arrow,
    Attempt,
    Compose,
    Constant,
    Emit,
    Function,
    Get,
    Identity,
    Keyed,
    Named,
    Parallel,
    Perform,
    Primitive,
    Put,
    State,
    Switch,
)

SIGNS: dict[Look, str] = {"inserted": "+", "deleted": "-", "replaced": "~", "moved": ">", "left": "<"}
"""What stands before a part that is not as it was, also where there are no colours."""


@attrs.frozen
class Word:
    """A part in a line. `note` tells what it was."""

    text: str
    look: Look | None = None
    note: str = ""

    def __str__(self) -> str:
        sign = SIGNS[self.look] if self.look else ""
        return f"{sign}{self.text}" + (f" ({self.note})" if self.note else "")


@attrs.frozen
class Line:
    """Words one behind the other, indented by the cases and scopes that they stand in."""

    depth: int
    words: tuple[Word, ...]

    def __str__(self) -> str:
        return "  " * self.depth + " >> ".join(map(str, self.words))


def tree(arrow: Arrow[Any, Any], difference: Difference | None = None) -> tuple[Line, ...]:
    """The lines of a machine. With a difference made from it, those of the machine that it leads to.

    Raises BuildError for a difference of another machine.

    >>> from arrows import arr, constant, diff
    >>> old = arr(abs) >> constant(1)
    >>> print(*tree(old, diff(old, arr(abs) >> constant(2))), sep=chr(10))
    abs >> ~constant(2) (was constant(1))
    """
    walk = _Walk(marked(arrow, difference))
    walk.row(walk.what.root, 0, 0, None)
    walk.end(0)
    return tuple(walk.lines)


class _Walk:
    def __init__(self, what: Marked) -> None:
        self.what = what
        self.lines: list[Line] = []
        self.words: list[Word] = []

    def say(self, text: str, mark: Mark | None) -> None:
        note = ", ".join(mark.note.splitlines()) if mark else ""
        note = "another of this name" if note == f"was {text}" else note
        self.words.append(Word(text, mark.look if mark else None, note))

    def end(self, depth: int) -> None:
        if self.words:
            self.lines.append(Line(depth, tuple(self.words)))
            self.words = []

    def row(self, part: Tree, row: int, depth: int, mark: Mark | None) -> None:
        for each in self.what.row(part, row):
            self.add(each, depth, mark)

    def below(self, part: Tree, row: int, depth: int, mark: Mark | None) -> None:
        """A part's row, indented."""
        self.end(depth)
        self.row(part, row, depth + 1, mark)
        self.end(depth + 1)

    def add(self, part: Tree, depth: int, outer: Mark | None) -> None:
        own = self.what.marks.get(part)
        mark = own or outer
        inner = mark.inside() if mark else None
        head = part.head
        if own is not None and own.gone and not any(part.rows):
            self.say(caption(head), own)
            return
        if own is not None and is_bare(part) and not isinstance(head, Case) and own.look != "inserted":
            self.say(caption(head), own)  # wires that came are seen by what they lead to
            mark = inner
        match head:
            case Identity():
                pass
            case Primitive() if is_plumbing(head):
                pass
            case Primitive(name="construct", args=(cls, _)):
                self.say(cls.__name__, mark)
            case Constant() | Primitive() | Function() | Perform() | Emit() | Get() | Put():
                self.say(caption(head), mark)
            case Compose(steps=steps):
                for step in steps:
                    for each in rooted(step).rows[0]:
                        self.add(each, depth, mark)
            case Parallel():
                self.row(part, 0, depth, inner)
                self.row(part, 1, depth, inner)
            case State():
                self.end(depth)
                self.say(caption(head), mark)
                self.end(depth)
                self.row(part, 0, depth, inner)
            case Keyed():
                self.row(part, 0, depth, inner)
                self.say(caption(head), mark)
                self.below(part, 1, depth, inner)
            case Switch():
                self.end(depth)
                for each in self.what.row(part, 0):
                    self.add(each, depth, inner)
            case Case():
                self.say(caption(head), mark)
                self.below(part, 0, depth, inner)
            case Attempt() | Named():
                self.say(caption(head), mark)
                self.below(part, 0, depth, inner)
            case _:
                assert_never(head)
