"""What a picture is told on: boxes, wires and frames, as Mermaid text or as a DOT graph."""

from __future__ import annotations

from typing import Final, Literal, Protocol, TypeAlias

from arrows.marked import Look

Kind: TypeAlias = Literal["end", "operation", "fork", "cell"]

_LINE: Final[dict[Look, str]] = {
    "inserted": "#1a7f37",
    "deleted": "#cf222e",
    "replaced": "#9a6700",
    "moved": "#0969da",
    "left": "#0969da",
}

_FILL: Final[dict[Look, str]] = {
    "inserted": "#dafbe1",
    "deleted": "#ffebe9",
    "replaced": "#ffe2a8",
    "moved": "#ddf4ff",
    "left": "#ffffff",
}

_DASHED: Final = ("deleted", "left")


class Canvas(Protocol):
    """A picture under way. A `look` says in which colours a thing is drawn; without one it is plain."""

    def box(self, name: str, text: str, kind: Kind, look: Look | None = None) -> None: ...
    def wire(
        self, start: str, end: str, word: str = "", *, dotted: bool = False, look: Look | None = None
    ) -> None: ...
    def open(self, name: str, title: str, look: Look | None = None) -> None: ...
    def close(self) -> None: ...
    def text(self) -> str: ...


class _Lines:
    """Lines under way, indented by the frames that are open.

    Wires stand behind all frames: both languages take the ends of a wire in a frame to be inside it.
    """

    def __init__(self, first: str) -> None:
        self.lines = [first]
        self.wires: list[str] = []
        self.depth = 1

    def say(self, line: str) -> None:
        self.lines.append("  " * self.depth + line)


class Mermaid(_Lines):
    """A Mermaid flowchart."""

    _SHAPES: Final[dict[Kind, str]] = {
        "end": "(({}))",
        "operation": '["{}"]',
        "fork": '{{"{}"}}',
        "cell": '[("{}")]',
    }

    def __init__(self) -> None:
        super().__init__("flowchart LR")
        self.looks: set[Look] = set()
        self.styles: list[str] = []

    def box(self, name: str, text: str, kind: Kind, look: Look | None = None) -> None:
        self.say(name + self._SHAPES[kind].format(_escape(text)) + (f":::{look}" if look else ""))
        self.looks |= {look} if look else set()

    def wire(
        self, start: str, end: str, word: str = "", *, dotted: bool = False, look: Look | None = None
    ) -> None:
        line = "-.->" if dotted else "-->"
        if look:
            dashes = ",stroke-dasharray:5" if look in _DASHED else ""
            self.styles.append(f"linkStyle {len(self.wires)} stroke:{_LINE[look]}{dashes}")
        self.wires.append(f'{start} {line}|"{_escape(word)}"| {end}' if word else f"{start} {line} {end}")

    def open(self, name: str, title: str, look: Look | None = None) -> None:
        self.say(f'subgraph {name} ["{_escape(title)}"]')
        self.depth += 1
        if look:
            self.styles.append(f"class {name} {look}")
            self.looks.add(look)

    def close(self) -> None:
        self.depth -= 1
        self.say("end")

    def text(self) -> str:
        """The whole flowchart."""
        classes = [
            f"classDef {look} fill:{_FILL[look]},stroke:{_LINE[look]},stroke-width:2px,color:black"
            + (",stroke-dasharray:5" if look in _DASHED else "")
            for look in sorted(self.looks)
        ]
        return "\n".join([*self.lines, *("  " + line for line in (*self.wires, *classes, *self.styles))])


class Dot(_Lines):
    """A DOT graph."""

    _SHAPES: Final[dict[Kind, str]] = {
        "end": "shape=circle",
        "operation": "",
        "fork": "shape=diamond",
        "cell": "shape=cylinder",
    }

    def __init__(self) -> None:
        super().__init__("digraph {")
        self.cells: set[str] = set()
        self.say(
            "rankdir=TB; ranksep=0.3; "
            'node [shape=box, height=0.3, fontname="Helvetica", fontsize=11]; '
            'edge [fontname="Helvetica", fontsize=10];'
        )

    def box(self, name: str, text: str, kind: Kind, look: Look | None = None) -> None:
        options = [f"label={_quoted(text)}", self._SHAPES[kind]]
        if kind == "cell":
            self.cells.add(name)
        if look:
            style = "filled,dashed" if look in _DASHED else "filled"
            options.append(f'style="{style}", fillcolor="{_FILL[look]}", color="{_LINE[look]}", penwidth=2')
        elif kind == "cell":
            options.append("style=filled, fillcolor=lightyellow")
        self.say(f'"{name}" [{", ".join(filter(None, options))}];')

    def wire(
        self, start: str, end: str, word: str = "", *, dotted: bool = False, look: Look | None = None
    ) -> None:
        options = [f"label={_quoted(word)}"] * bool(word)
        if dotted or look in _DASHED:
            options.append("style=dotted" if dotted else "style=dashed")
        if look:
            options.append(f'color="{_LINE[look]}", fontcolor="{_LINE[look]}"')
        if end in self.cells:
            options.append("constraint=false")  # a cell stands above its first reader, not below its writers
        self.wires.append(f'"{start}" -> "{end}"' + (f" [{', '.join(options)}];" if options else ";"))

    def open(self, name: str, title: str, look: Look | None = None) -> None:
        self.say(f'subgraph "cluster_{name}" {{')
        self.depth += 1
        style, colour = "rounded", "gray"
        if look:
            style, colour = ("rounded,dashed" if look in _DASHED else "rounded"), _LINE[look]
        self.say(
            f'label={_quoted(title)}; fontname="Helvetica"; fontsize=11; style="{style}"; color="{colour}";'
            + (f' fontcolor="{colour}"; penwidth=2;' if look else "")
        )

    def close(self) -> None:
        self.depth -= 1
        self.say("}")

    def text(self) -> str:
        """The whole graph."""
        return "\n".join([*self.lines, *("  " + line for line in self.wires), "}"])


def _escape(text: str) -> str:
    text = text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace("\n", "<br/>")


def _quoted(text: str) -> str:
    """A text as DOT writes it; its backslashes are shown as they are."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
