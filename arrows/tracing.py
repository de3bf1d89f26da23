"""What a machine did, step by step: a value, shown as a table or as an SVG of its state over time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import attrs
from immutables import Map

from arrows import plain
from arrows.compile import Program, compile
from arrows.effect import Done, End, Suspended
from arrows.keys import value_of
from arrows.representation import represent
from arrows.term import Arrow

_WIDTH, _HEIGHT, _GAP = 112, 40, 12
"""Of a step, of a lane, and between lanes, in pixels."""

_CHARACTER = 6.7
"""About the width of a character, in pixels."""

_DRAWN = 10**15
"""Numbers below this, on both sides of 0, are drawn as a line; larger ones are written."""

_SHOWN = 40
"""Characters of a value that the table shows."""


@attrs.frozen
class Moment:
    """One step: its input, its output or the error it raised, the state after it, and what it emitted.

    The output of a step that waits for an answer nobody gave is its `Suspended`.
    """

    input: Any
    output: Any
    error: Exception | None
    state: tuple[Any, ...]
    emitted: tuple[Any, ...] = ()

    def to_plain(self) -> dict[str, Any]:
        """The same as JSON-able data."""
        told = {"error": _reply(self)} if self.error else {"output": _plain(self.output)}
        if isinstance(self.output, Suspended):
            told = {"waits_for": _plain(self.output.effect)}
        return {
            "input": _plain(self.input),
            **told,
            "state": [_plain(each) for each in self.state],
            "emitted": [_plain(each) for each in self.emitted],
        }


@attrs.frozen
class Trace:
    """The steps of a machine from its first state; `cells` are the addresses of what a state holds."""

    cells: tuple[str, ...]
    initial: tuple[Any, ...]
    moments: tuple[Moment, ...]

    def __str__(self) -> str:
        return self.table()

    def to_plain(self) -> dict[str, Any]:
        """The same as JSON-able data; a value without a JSON form is its text."""
        return {
            "cells": list(self.cells),
            "initial": [_plain(each) for each in self.initial],
            "steps": [each.to_plain() for each in self.moments],
        }

    def table(self) -> str:
        """The steps as text, a line each; the first line of values is the state before them."""
        tell = any(each.emitted for each in self.moments)
        first = ("step", "input", *self.cells, "output", *["emitted"] * tell)
        rows = [first, ("", "", *map(_text, self.initial), "", *[""] * tell)]
        for number, each in enumerate(self.moments, 1):
            told = [_told(each)] * tell
            rows.append((str(number), _text(each.input), *map(_text, each.state), _reply(each), *told))
        cut = [[cell if len(cell) <= _SHOWN else cell[: _SHOWN - 1] + "…" for cell in row] for row in rows]
        widths = [max(map(len, column)) for column in zip(*cut, strict=True)]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in cut]
        return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])

    def svg(self) -> str:
        """The state over time: a lane for each cell, between the inputs and the outputs.

        Numbers are a stepped line, other values bands; the whole of a value is shown where the mouse rests.
        """
        lanes = [("input", [None, *(_text(each.input) for each in self.moments)])]
        for at, address in enumerate(self.cells):
            lanes.append((address, [self.initial[at], *(each.state[at] for each in self.moments)]))
        lanes.append(("output", [None, *map(_reply, self.moments)]))
        if any(each.emitted for each in self.moments):
            lanes.append(("emitted", [None, *(_told(each) or None for each in self.moments)]))
        margin = 24 + int(max(len(name) for name, _ in lanes) * _CHARACTER)
        width = margin + _WIDTH * (len(self.moments) + 1) + 16
        height = (_HEIGHT + _GAP) * len(lanes) + 32
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" font-family="Helvetica, sans-serif" font-size="11">',
            f'<rect width="{width}" height="{height}" fill="white"/>',
        ]
        for number in range(1, len(self.moments) + 1):
            middle = margin + _WIDTH * number + _WIDTH / 2
            parts.append(f'<text x="{middle:g}" y="16" text-anchor="middle" fill="gray">{number}</text>')
        for row, (name, values) in enumerate(lanes):
            top = 24 + row * (_HEIGHT + _GAP)
            parts.append(f'<text x="8" y="{top + _HEIGHT / 2 + 4:g}">{_escape(name)}</text>')
            is_cell = 0 < row <= len(self.cells)
            parts += (
                _line(values, margin, top)
                if is_cell and all(map(_is_number, values))
                else _bands(values, margin, top, joined=is_cell)
            )
        return "\n".join([*parts, "</svg>"])


def trace(arrow: Arrow[Any, Any], inputs: Iterable[Any], answer: Callable[[Any], Any] | None = None) -> Trace:
    """Step a machine over inputs from its first state and keep every step.

    A step that raises is a step too: it has its error, and the state as it was. `answer` gives the answer to
    each effect that is performed; without it such a step is left waiting, and the next input is taken.

    >>> from arrows import loop
    >>> print(trace(loop(lambda x, total: (x * 2, total + x), init=0, name="total"), [1, 2, "a"]))
    step  input  total  output
    ----  -----  -----  ----------------------------------------
                 0
    1     1      1      2
    2     2      3      4
    3     'a'    3      raises TypeError: unsupported operand t…
    """
    program = compile(arrow)
    initial = state = program.initial()
    moments = []
    for value in inputs:
        moments.append(_stepped(program, state, value, answer))
        state = moments[-1].state
    return Trace(tuple(slot.address for slot in program.slots), initial, tuple(moments))


def _stepped(
    program: Program[Any, Any], state: tuple[Any, ...], value: Any, answer: Callable[[Any], Any] | None
) -> Moment:
    told: tuple[Any, ...] = ()
    try:
        end: End[Any]
        state, end, told = program.begin(state, value)
        while answer is not None and isinstance(end, Suspended):
            state, end, more = program.resume(state, end, answer(end.effect))
            told += more
    except Exception as error:
        return Moment(value, None, error, state, told)
    return Moment(value, end.output if isinstance(end, Done) else end, None, state, told)


def _rows(value: Any) -> Any:
    """What a cell holds; the rows of a `keyed` as a dict."""
    if not isinstance(value, Map):
        return value
    return {value_of(key): tuple(map(_rows, row)) for key, row in value.items()}


def _text(value: Any) -> str:
    return represent(_rows(value))


def _plain(value: Any) -> Any:
    try:
        found = plain.to_plain(_rows(value), masked=True)
        repr(found)  # an integer that Python does not write is none of JSON's either
    except Exception:
        return _text(value)
    return found


def _reply(moment: Moment) -> str:
    if isinstance(moment.output, Suspended):
        return f"waits for {_text(moment.output.effect)}"
    if moment.error is None:
        return _text(moment.output)
    told = "".join(sign if sign.isprintable() else " " for sign in str(moment.error))
    return f"raises {type(moment.error).__name__}: {told}"


def _told(moment: Moment) -> str:
    return ", ".join(map(_text, moment.emitted))


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < _DRAWN


def _line(values: list[Any], left: int, top: int) -> Iterator[str]:
    """A stepped line from the lowest value to the highest, with each change written at its place."""
    low, high = min(values), max(values)
    span = (high - low) or 1
    points = []
    for at, value in enumerate(values):
        y = top + _HEIGHT - 4 - (value - low) / span * (_HEIGHT - 18)
        points += [f"{left + at * _WIDTH:g},{y:g}", f"{left + (at + 1) * _WIDTH:g},{y:g}"]
        if at == 0 or values[at - 1] != value:
            yield _label(repr(value), left + at * _WIDTH + 3, y - 3, _WIDTH)
    yield f'<polyline points="{" ".join(points)}" fill="none" stroke="#1f6feb" stroke-width="1.5"/>'


def _bands(values: list[Any], left: int, top: int, *, joined: bool) -> Iterator[str]:
    """A box for each value; in a cell (`joined`) one for as long as the value stays."""
    start = 0
    for end in range(1, len(values) + 1):
        if joined and end < len(values) and values[end] == values[start]:
            continue
        text = _text(values[start]) if joined else values[start]
        if text is not None:
            x, width = left + start * _WIDTH, (end - start) * _WIDTH
            fill = "#fff8c5" if joined else "#ffebe9" if text.startswith("raises ") else "#f6f8fa"
            box = f'x="{x + 1}" y="{top + 8}" width="{width - 2}" height="{_HEIGHT - 14}"'
            yield f'<rect {box} rx="3" fill="{fill}" stroke="#d0d7de"/>'
            yield _label(text, x + 5, top + 25, width - 6)
        start = end


def _label(text: str, x: float, y: float, width: int) -> str:
    room = int(width / _CHARACTER)
    shown = text if len(text) <= room else text[: room - 1] + "…"
    return f'<text x="{x:g}" y="{y:g}"><title>{_escape(text)}</title>{_escape(shown)}</text>'


def _escape(text: str) -> str:
    text = "".join(sign if sign.isprintable() else " " for sign in text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
