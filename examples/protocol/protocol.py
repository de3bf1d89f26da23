"""Mealy machines from DOT files as arrows.

A learned model of a protocol is a table: in this state, on this input, that output and that next state. The arrow is
one cell for the state and the table as a constant: data, which encodes, compares and travels.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

import attrs

from midflight import Arrow, loop, proc, run

Table: TypeAlias = Mapping[str, Mapping[str, tuple[str, str]]]
"""By state and input: the output and the next state."""

_EDGE = re.compile(r'(?m)^\s*"?(?P<old>\w+)"?\s*->\s*"?(?P<new>\w+)"?\s*(?:\[(?P<spec>[^\]]*)\])?\s*;?\s*$')
_PLAIN = re.compile(r'label="(?P<input>[^"/]+)/(?P<output>[^"]*)"')
_MARKUP = re.compile(r"label=<(?P<inputs>[^<>]+)<br\s*/>(?P<output>[^<>]*)>")
_START = "__start0"


class NotMealy(ValueError):
    """A file that is not a Mealy machine of this form; the text says why."""


@attrs.frozen
class Mealy:
    """A deterministic machine read from a file."""

    initial: str
    table: Table

    def transitions(self) -> Iterator[tuple[str, str, str, str]]:
        """Every (state, input, output, next state)."""
        for old, row in self.table.items():
            for symbol, (output, new) in row.items():
                yield old, symbol, output, new


def read(text: str) -> Mealy:
    """Read the DOT that learning tools write: an edge a line, and `__start0 -> first`.

    An edge is labelled `"input/output"`, or `<input | input<br />output>` for several inputs at once.
    Raises NotMealy for an edge of another form, two answers to one input, or no start.
    """
    initial, table = None, dict[str, dict[str, tuple[str, str]]]()
    edges = list(_EDGE.finditer(text))
    if len(edges) != sum("->" in line for line in text.splitlines()):
        raise NotMealy("a line with '->' is not one edge")
    for edge in edges:
        old, new = edge["old"], edge["new"]
        if old == _START:
            initial = new
            continue
        symbols, output = _label(edge)
        row = table.setdefault(old, {})
        table.setdefault(new, {})
        for symbol in symbols:
            if row.setdefault(symbol, (output, new)) != (output, new):
                raise NotMealy(f"state {old} has two answers to {symbol}")
    if initial is None:
        raise NotMealy(f"no edge from {_START} says where it starts")
    return Mealy(initial, table)


def _label(edge: re.Match[str]) -> tuple[list[str], str]:
    """The inputs and the output of an edge."""
    spec = edge["spec"] or ""
    if plain := _PLAIN.search(spec):
        return [plain["input"].strip()], plain["output"].strip()
    if markup := _MARKUP.search(spec):
        return [each.strip() for each in markup["inputs"].split("|")], markup["output"].strip()
    raise NotMealy(f"no label of the form input/output: {edge[0].strip()}")


def machine(mealy: Mealy) -> Arrow[str, str]:
    """The arrow of a Mealy machine. An input that a state has no answer to raises KeyError and changes nothing."""
    table = mealy.table

    @proc
    def step(at: tuple[str, str]) -> tuple[str, str]:
        symbol, state = at
        return table[state][symbol]

    return loop(step, init=mealy.initial, name="state")


def main(file: str, inputs: Iterable[str]) -> None:
    """Print what the machine of a file answers."""
    for output in run(machine(read(Path(file).read_text())), inputs):
        print(output)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
