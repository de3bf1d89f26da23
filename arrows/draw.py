"""Machines as pictures: Mermaid text, which many viewers draw, and DOT text, which Graphviz makes an SVG of.

One walk over the tree tells a canvas of boxes, wires and frames; each language is a canvas.
"""

from __future__ import annotations

from typing import Any, Final, Literal, Protocol, TypeAlias, assert_never

from arrows.pretty import label
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
    Node,
    Parallel,
    Perform,
    Primitive,
    Put,
    State,
    Switch,
    node,
)


def mermaid(arrow: Arrow[Any, Any]) -> str:
    """Return a machine as a Mermaid flowchart: boxes are operations, frames are scopes, dotted lines are cells.

    >>> from arrows import arr, constant
    >>> print(mermaid(arr(abs) >> constant(1)))
    flowchart LR
      in((in))
      n1["abs"]
      in --> n1
      n2["constant(1)"]
      n1 --> n2
      out((out))
      n2 --> out
    """
    canvas = _Mermaid("flowchart LR")
    _draw(node(arrow), canvas)
    return "\n".join(canvas.lines)


def dot(arrow: Arrow[Any, Any]) -> str:
    """Return a machine as a DOT graph, the picture of `mermaid` for Graphviz: `dot -Tsvg` makes an SVG of it.

    >>> from arrows import arr
    >>> print(dot(arr(abs)))
    digraph {
      rankdir=TB; node [shape=box, fontname="Helvetica", fontsize=11]; edge [fontname="Helvetica", fontsize=10];
      "in" [label="in", shape=circle];
      "n1" [label="abs"];
      "in" -> "n1";
      "out" [label="out", shape=circle];
      "n1" -> "out";
    }
    """
    canvas = _Dot("digraph {")
    canvas.say(
        'rankdir=TB; node [shape=box, fontname="Helvetica", fontsize=11]; '
        'edge [fontname="Helvetica", fontsize=10];'
    )
    _draw(node(arrow), canvas)
    return "\n".join([*canvas.lines, "}"])


def _draw(term: Node, canvas: _Canvas) -> None:
    picture = _Picture(canvas)
    canvas.box("in", "in", "end")
    ends = picture.add(term, ["in"], {})
    canvas.box("out", "out", "end")
    picture.join(ends, "out")


Kind: TypeAlias = Literal["end", "operation", "fork", "cell"]


class _Canvas(Protocol):
    """What a picture is told on."""

    def box(self, name: str, text: str, kind: Kind) -> None: ...
    def wire(self, start: str, end: str, word: str = "", *, dotted: bool = False) -> None: ...
    def open(self, name: str, title: str) -> None: ...
    def close(self) -> None: ...


class _Lines:
    """Lines under way, indented by the frames that are open."""

    def __init__(self, first: str) -> None:
        self.lines = [first]
        self.depth = 1

    def say(self, line: str) -> None:
        self.lines.append("  " * self.depth + line)


class _Mermaid(_Lines):
    """A Mermaid flowchart."""

    _SHAPES: Final[dict[Kind, str]] = {
        "end": "(({}))",
        "operation": '["{}"]',
        "fork": '{{"{}"}}',
        "cell": '[("{}")]',
    }

    def box(self, name: str, text: str, kind: Kind) -> None:
        self.say(name + self._SHAPES[kind].format(_escape(text)))

    def wire(self, start: str, end: str, word: str = "", *, dotted: bool = False) -> None:
        line = "-.->" if dotted else "-->"
        self.say(f'{start} {line}|"{_escape(word)}"| {end}' if word else f"{start} {line} {end}")

    def open(self, name: str, title: str) -> None:
        self.say(f'subgraph {name} ["{_escape(title)}"]')
        self.depth += 1

    def close(self) -> None:
        self.depth -= 1
        self.say("end")


class _Dot(_Lines):
    """A DOT graph."""

    _SHAPES: Final[dict[Kind, str]] = {
        "end": ", shape=circle",
        "operation": "",
        "fork": ", shape=diamond",
        "cell": ", shape=cylinder, style=filled, fillcolor=lightyellow",
    }

    def __init__(self, first: str) -> None:
        super().__init__(first)
        self.cells: set[str] = set()

    def box(self, name: str, text: str, kind: Kind) -> None:
        if kind == "cell":
            self.cells.add(name)
        self.say(f'"{name}" [label={_quoted(text)}{self._SHAPES[kind]}];')

    def wire(self, start: str, end: str, word: str = "", *, dotted: bool = False) -> None:
        options = [f"label={_quoted(word)}"] * bool(word) + ["style=dotted"] * dotted
        if end in self.cells:
            options.append("constraint=false")  # a cell stands above its first reader, not below its writers
        self.say(f'"{start}" -> "{end}"' + (f" [{', '.join(options)}];" if options else ";"))

    def open(self, name: str, title: str) -> None:
        self.say(f'subgraph "cluster_{name}" {{')
        self.depth += 1
        self.say(f'label={_quoted(title)}; fontname="Helvetica"; fontsize=11; style=rounded; color=gray;')

    def close(self) -> None:
        self.depth -= 1
        self.say("}")


class _Picture:
    """The walk. An end is where a wire comes from, with the word on it behind `|`."""

    def __init__(self, canvas: _Canvas) -> None:
        self.canvas = canvas
        self.count = 0

    def fresh(self) -> str:
        self.count += 1
        return f"n{self.count}"

    def box(self, text: str, ends: list[str], kind: Kind = "operation") -> list[str]:
        name = self.fresh()
        self.canvas.box(name, text, kind)
        self.join(ends, name)
        return [name]

    def join(self, ends: list[str], target: str) -> None:
        for end in dict.fromkeys(ends):
            name, _, word = end.partition("|")
            self.canvas.wire(name, target, word)

    def add(self, term: Node, ends: list[str], cells: dict[str, str]) -> list[str]:
        """Draw a node fed from `ends`; return the ends of its output. `cells` are the boxes of cells in scope."""
        match term:
            case (
                Identity() | Primitive(name="copy" | "typed" | "label" | "pick" | "pack" | "unpack" | "split")
            ):
                return ends
            case Primitive(name="raise"):
                self.box(label(term), ends)
                return []
            case Primitive(name="construct", args=(cls, _)):
                return self.box(cls.__name__, ends)
            case Constant() | Primitive() | Function() | Perform() | Emit():
                return self.box(label(term), ends)
            case Get(name=name) | Put(name=name):
                box = self.box(label(term), ends)
                where = cells.get(name, "")
                if where:
                    start, end = (where, box[0]) if isinstance(term, Get) else (box[0], where)
                    self.canvas.wire(start, end, dotted=True)
                return box
            case Compose(steps=steps):
                for step in steps:
                    ends = self.add(step, ends, cells)
                return ends
            case Parallel(left=left, right=right):
                return self.add(left, ends, cells) + self.add(right, ends, cells)
            case Switch(cases=cases):
                (fork,) = self.box("class?", ends, "fork")
                return [
                    end for cls, body in cases for end in self.add(body, [f"{fork}|{cls.__name__}"], cells)
                ]
            case State(name=name, body=body):
                (cell,) = self.box(label(term), [], "cell")
                return self.add(body, ends, {**cells, name: cell})
            case Keyed(by=by, body=body):
                return self.frame(label(term), body, self.add(by, ends, cells), {})
            case Attempt(body=body) | Named(body=body):
                return self.frame(label(term), body, ends, cells)
            case _:
                assert_never(term)

    def frame(self, title: str, body: Node, ends: list[str], cells: dict[str, str]) -> list[str]:
        self.canvas.open(self.fresh(), title)
        ends = self.add(body, ends, cells)
        self.canvas.close()
        return ends


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")


def _quoted(text: str) -> str:
    """A text as DOT writes it; its backslashes are shown as they are."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
