"""Machines as pictures: Mermaid text, which many viewers draw, and DOT text, which Graphviz makes an SVG of.

One walk over the tree tells a canvas (`arrows.canvas`) of boxes, wires and frames. With a difference the picture
is of the machine that it leads to, what changed in colours (`arrows.marked`).
"""

from __future__ import annotations

from typing import Any, assert_never

import attrs

from arrows.canvas import Canvas, Dot, Kind, Mermaid
from arrows.diff import Difference
from arrows.marked import LEGEND, Look, Mark, Marked, marked
from arrows.parts import Case, Part, Tree, caption, rooted
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

_PLUMBING = ("copy", "typed", "label", "pick", "pack", "unpack", "split")
"""Primitives that only lay the wires."""


def mermaid(arrow: Arrow[Any, Any], difference: Difference | None = None) -> str:
    """Return a machine as a Mermaid flowchart: boxes are operations, frames are scopes, dotted lines are cells.

    With a difference made from the machine, the one it leads to is drawn: green came, red and dashed went,
    amber is another, blue moved or is called otherwise. Raises BuildError for a difference of another machine.

    >>> from arrows import arr, constant
    >>> print(mermaid(arr(abs) >> constant(1)))
    flowchart LR
      in((in))
      n1["abs"]
      n2["constant(1)"]
      out((out))
      in --> n1
      n1 --> n2
      n2 --> out
    """
    return _drawn(marked(arrow, difference), Mermaid())


def dot(arrow: Arrow[Any, Any], difference: Difference | None = None) -> str:
    """Return a machine as a DOT graph, the picture of `mermaid` for Graphviz: `dot -Tsvg` makes an SVG of it.

    >>> from arrows import arr
    >>> print(dot(arr(abs)))  # doctest: +ELLIPSIS
    digraph {
      rankdir=TB; ...
      "in" [label="in", shape=circle];
      "n1" [label="abs"];
      "out" [label="out", shape=circle];
      "in" -> "n1";
      "n1" -> "out";
    }
    """
    return _drawn(marked(arrow, difference), Dot())


def _drawn(what: Marked, canvas: Canvas) -> str:
    picture = _Picture(canvas, what)
    canvas.box("in", "in", "end")
    ends = picture.row(what.root, 0, [_End("in")], {}, None)
    canvas.box("out", "out", "end")
    picture.join(ends, "out")
    looks = {mark.look for mark in what.marks.values()}
    if looks:
        canvas.open("legend", "legend")
        for look, text in LEGEND.items():
            if look in looks:
                canvas.box(f"legend_{look}", text, "operation", look)
        canvas.close()
    return canvas.text()


@attrs.frozen
class _End:
    """Where a wire comes from, with the word on it."""

    name: str
    word: str = ""
    look: Look | None = None


class _Picture:
    """The walk."""

    def __init__(self, canvas: Canvas, what: Marked) -> None:
        self.canvas = canvas
        self.what = what
        self.count = 0

    def fresh(self) -> str:
        self.count += 1
        return f"n{self.count}"

    def box(self, text: str, ends: list[_End], mark: Mark | None, kind: Kind = "operation") -> list[_End]:
        name = self.fresh()
        self.canvas.box(name, _noted(text, mark), kind, mark.look if mark else None)
        self.join(ends, name, mark.look if mark and mark.gone else None)
        return [_End(name)]

    def join(self, ends: list[_End], target: str, look: Look | None = None) -> None:
        for end in dict.fromkeys(ends):
            self.canvas.wire(end.name, target, end.word, look=end.look or look)

    def row(
        self, part: Tree, row: int, ends: list[_End], cells: dict[str, str], mark: Mark | None
    ) -> list[_End]:
        return self.parts(self.what.row(part, row), ends, cells, mark)

    def parts(
        self, parts: list[Tree], ends: list[_End], cells: dict[str, str], mark: Mark | None
    ) -> list[_End]:
        """Draw parts one behind the other; what went stands on a way of its own, beside the wire of now."""
        beside: list[_End] = []
        for part in parts:
            own = self.what.marks.get(part)
            if own is not None and own.gone:
                found = self.add(part, beside or ends, cells, mark)
                beside = [attrs.evolve(end, look=own.look) for end in found]
            else:
                ends = self.add(part, ends + beside, cells, mark)
                beside = []
        return ends + beside

    def add(self, part: Tree, ends: list[_End], cells: dict[str, str], outer: Mark | None) -> list[_End]:
        """Draw a part fed from `ends`; return the ends of its output. `cells` are the boxes of cells in scope."""
        own = self.what.marks.get(part)
        mark = own or outer
        inner = mark.inside() if mark else None
        head = part.head
        if own is not None and own.gone and not any(part.rows):
            return self.box(caption(head), ends, own)
        if own is not None and is_bare(part):
            ends, mark = self.box(caption(head), ends, own), inner
        match head:
            case Identity():
                return ends
            case Primitive() if is_plumbing(head):
                return ends
            case Primitive(name="raise"):
                self.box(caption(head), ends, mark)
                return []
            case Primitive(name="construct", args=(cls, _)):
                return self.box(cls.__name__, ends, mark)
            case Constant() | Primitive() | Function() | Perform() | Emit():
                return self.box(caption(head), ends, mark)
            case Get(name=name) | Put(name=name):
                box = self.box(caption(head), ends, mark)
                where = cells.get(name, "")
                if where:
                    start, end = (where, box[0].name) if isinstance(head, Get) else (box[0].name, where)
                    self.canvas.wire(start, end, dotted=True)
                return box
            case Compose(steps=steps):
                for step in steps:
                    ends = self.parts(rooted(step).rows[0], ends, cells, mark)
                return ends
            case Case():
                return self.row(part, 0, ends, cells, inner)
            case Parallel():
                left = self.row(part, 0, ends, cells, inner)
                return left + self.row(part, 1, ends, cells, inner)
            case Switch():
                return self.switch(part, self.box("class?", ends, mark, "fork")[0], cells, inner)
            case State(name=name):
                (cell,) = self.box(caption(head), [], mark, "cell")
                return self.row(part, 0, ends, {**cells, name: cell.name}, inner)
            case Keyed():
                ends = self.row(part, 0, ends, cells, inner)
                return self.frame(part, 1, ends, {}, mark)
            case Attempt() | Named():
                return self.frame(part, 0, ends, cells, mark)
            case _:
                assert_never(head)

    def switch(self, part: Tree, fork: _End, cells: dict[str, str], inner: Mark | None) -> list[_End]:
        found: list[_End] = []
        for case in self.what.row(part, 0):
            assert isinstance(case.head, Case)
            own = self.what.marks.get(case)
            look = own.look if own else None
            ends = self.add(case, [attrs.evolve(fork, word=case.head.cls.__name__, look=look)], cells, inner)
            found += [attrs.evolve(end, look=look) for end in ends] if own and own.gone else ends
        return found

    def frame(
        self, part: Tree, row: int, ends: list[_End], cells: dict[str, str], mark: Mark | None
    ) -> list[_End]:
        if not any(map(self.is_seen, self.what.row(part, row))):
            return self.box(caption(part.head), ends, mark)
        self.canvas.open(self.fresh(), _noted(caption(part.head), mark), mark.look if mark else None)
        ends = self.row(part, row, ends, cells, mark.inside() if mark else None)
        self.canvas.close()
        return ends

    def is_seen(self, part: Tree) -> bool:
        """Whether anything is drawn for a part or for what is in it."""
        if part in self.what.marks or not is_bare(part):
            return True
        rows = range(len(part.rows))
        return any(self.is_seen(each) for row in rows for each in self.what.row(part, row))


def is_plumbing(part: Part) -> bool:
    """Whether a part is a primitive that only lays the wires."""
    return isinstance(part, Primitive) and part.name in _PLUMBING


def is_bare(part: Tree) -> bool:
    """Whether nothing stands for the part itself."""
    return isinstance(part.head, Parallel | Case | Identity) or is_plumbing(part.head)


def _noted(text: str, mark: Mark | None) -> str:
    return f"{text}\n{mark.note}" if mark is not None and mark.note else text
