"""Which line of the user's each generated line stands for, and a code object that says so.

The lines of a `@proc` are the code itself. Where a machine has any, its function gets the user's file and lines
in place of the generated ones, so that tracebacks, `pdb`, `coverage` and profiles show what the user wrote. A
code object has one file: the one of which most was read. What was built elsewhere stands for the line of that
file that called or composed it, and so does an arrow that was built with combinators, for no other line of the
user's runs where it steps.

A generated line that stands for no line of the user's (where paths meet again, say) has none in the code object.
"""

from __future__ import annotations

import ast
import types
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import attrs

from arrows.origin import Code, Origin
from arrows.term import Node, children

_Path: TypeAlias = tuple[int, ...]


@attrs.frozen
class Sites:
    """The file whose lines a machine's function shows ("": the generated ones), and where other arrows stand in it."""

    file: str
    foreign: Mapping[_Path, Origin]

    def of(self, term: Node, path: _Path) -> Origin | None:
        """The place in that file that a node stands for."""
        own = term.origin
        if own is not None and own.file == self.file:
            return own
        return self.foreign.get(path)


def sites(term: Node) -> Sites:
    """Read which file a machine shows, and what its nodes stand for there."""
    read, strange = Counter[str](), set[str]()
    waiting = [term]
    while waiting:
        each = waiting.pop()
        if each.origin is not None:
            strange.add(each.origin.file)
            if each.origin.code is not None and not each.origin.code.quiet:
                read[each.origin.file] += 1
        waiting += children(each)
    if not read:
        return Sites("", {})
    file = max(sorted(read), key=lambda name: read[name])
    return Sites(file, dict(_foreign(term, file)) if strange != {file} else {})


def _foreign(term: Node, file: str) -> Iterator[tuple[_Path, Origin]]:
    waiting: list[tuple[Node, _Path, Origin | None]] = [(term, (), None)]
    while waiting:
        each, path, around = waiting.pop()
        place = _nearest(each.origin, file) or around
        if place is not None and (each.origin is None or each.origin.file != file):
            yield path, place
        waiting += [(child, (*path, at), place) for at, child in enumerate(children(each))]


def _nearest(origin: Origin | None, file: str) -> Origin | None:
    while origin is not None and origin.file != file:
        origin = origin.via
    return origin


def way(place: Origin | None, index: int) -> Origin | None:
    """The place of a case of a `Switch`; that of the whole where its cases have no lines."""
    if place is None or place.code is None or not place.code.cases:
        return place
    code = attrs.evolve(place.code, cases=(), span=None)
    return attrs.evolve(place, line=place.code.cases[index], code=code)


def functions(
    source: str, places: Sequence[Origin | None], file: str, whole: Code | None
) -> Iterator[tuple[str, types.CodeType]]:
    """Compile generated source: each function's name, and its code with the user's file and lines.

    `places` has one for each line of the source. In tracebacks a function has the name of the `@proc` whose
    lines it shows: of `whole` where the machine is one, else of the only one there is.
    """
    tree = ast.parse(source)
    shown: dict[str, Code] = {}
    for each in tree.body:
        assert isinstance(each, ast.FunctionDef)
        own = dict(enumerate(places[each.lineno - 1 : each.end_lineno], each.lineno))
        begin = next((line for line, place in own.items() if place is not None), each.lineno)
        own.update(dict.fromkeys(range(each.lineno, begin), own[begin]))
        codes = {place.code.within: place.code for place in own.values() if place is not None and place.code}
        first = own[begin]
        alone = next(iter(codes.values())) if len(codes) == 1 else Code("step", first.line if first else 1)
        shown[each.name] = whole or alone
        _move(each, own, shown[each.name].first)
    for code in compile(tree, file, "exec", dont_inherit=True).co_consts:
        if isinstance(code, types.CodeType):
            full = shown[code.co_name].within
            yield code.co_name, code.replace(co_name=full.rpartition(".")[2], co_qualname=full)


def _move(function: ast.FunctionDef, places: Mapping[int, Origin | None], head: int) -> None:
    """Give each part of a function the place of its line.

    A `return` without a place is at the function's head: to one without a line Python gives that of some branch
    before it.
    """
    returns = {each.lineno for each in ast.walk(function) if isinstance(each, ast.Return)}
    for each in ast.walk(function):
        if isinstance(each, ast.stmt | ast.expr | ast.excepthandler | ast.arg):
            place, nowhere = places[each.lineno], head if each.lineno in returns else -1
            line = place.line if place is not None and place.line > 0 else nowhere
            span = place.code.span if place is not None and place.code is not None else None
            end, start, stop = span if span is not None and line > 0 else (line, -1, -1)
            each.lineno, each.end_lineno, each.col_offset, each.end_col_offset = line, end, start, stop
    function.lineno = function.end_lineno = head
