"""Machines as pictures: Mermaid text, which many viewers draw."""

from __future__ import annotations

from typing import Any, assert_never

from arrows.pretty import label
from arrows.term import (
    Arrow,
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
    picture = _Picture()
    picture.say("in((in))")
    ends = picture.add(node(arrow), ["in"], {})
    picture.say("out((out))")
    picture.join(ends, "out")
    return "\n".join(["flowchart LR", *picture.lines])


class _Picture:
    """The lines under way. An end is where a wire comes from, with the word on it behind `|`."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.count = 0
        self.depth = 1

    def say(self, line: str) -> None:
        self.lines.append("  " * self.depth + line)

    def fresh(self) -> str:
        self.count += 1
        return f"n{self.count}"

    def box(self, text: str, ends: list[str], shape: str = '["{}"]') -> list[str]:
        name = self.fresh()
        self.say(name + shape.format(_escape(text)))
        self.join(ends, name)
        return [name]

    def join(self, ends: list[str], target: str) -> None:
        for end in dict.fromkeys(ends):
            name, _, word = end.partition("|")
            self.say(f'{name} -->|"{_escape(word)}"| {target}' if word else f"{name} --> {target}")

    def add(self, term: Node, ends: list[str], cells: dict[str, str]) -> list[str]:
        """Draw a node fed from `ends`; return the ends of its output. `cells` are the boxes of cells in scope."""
        match term:
            case Identity() | Primitive(name="copy" | "typed" | "pick" | "pack" | "unpack" | "split"):
                return ends
            case Primitive(name="raise"):
                self.box(label(term), ends)
                return []
            case Primitive(name="construct", args=(cls, _)):
                return self.box(cls.__name__, ends)
            case Constant() | Primitive() | Function():
                return self.box(label(term), ends)
            case Get(name=name) | Put(name=name):
                box = self.box(label(term), ends)
                where = cells.get(name, "")
                if where:
                    self.say(f"{where} -.-> {box[0]}" if isinstance(term, Get) else f"{box[0]} -.-> {where}")
                return box
            case Compose(steps=steps):
                for step in steps:
                    ends = self.add(step, ends, cells)
                return ends
            case Parallel(left=left, right=right):
                return self.add(left, ends, cells) + self.add(right, ends, cells)
            case Switch(cases=cases):
                (fork,) = self.box("class?", ends, '{{"{}"}}')
                return [
                    end for cls, body in cases for end in self.add(body, [f"{fork}|{cls.__name__}"], cells)
                ]
            case State(name=name, body=body):
                (cell,) = self.box(label(term), [], '[("{}")]')
                return self.add(body, ends, {**cells, name: cell})
            case Keyed(by=by, body=body):
                return self.frame(label(term), body, self.add(by, ends, cells), {})
            case Attempt(body=body) | Named(body=body):
                return self.frame(label(term), body, ends, cells)
            case _:
                assert_never(term)

    def frame(self, title: str, body: Node, ends: list[str], cells: dict[str, str]) -> list[str]:
        self.say(f'subgraph {self.fresh()} ["{_escape(title)}"]')
        self.depth += 1
        ends = self.add(body, ends, cells)
        self.depth -= 1
        self.say("end")
        return ends


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
