"""Which line of the user's each generated line stands for, and code objects that say so.

The lines of a `@proc` are the code itself. A function that is written for them gets the user's file and lines in
place of the generated ones, so that tracebacks, `pdb`, `coverage` and profiles show what the user wrote. A code
object has one file: that of the place where the whole machine was built, if a `@proc` of it stands there. What a
`@proc` of another file does is then a function of its own (`arrows.elsewhere`). What was built with combinators
stands for the line that built it, or, where that is in another file, for the line that called or composed it.

A generated line that stands for no line of the user's (where paths meet again, say) has none in the code object.
"""

from __future__ import annotations

import ast
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import attrs

from arrows.origin import Code, Origin
from arrows.parse import parse
from arrows.term import Node, children

_Path: TypeAlias = tuple[int, ...]


@attrs.frozen
class Shown:
    """What a generated function is shown as: in a file of the user's ("": in its own), and as which `@proc`."""

    file: str
    code: Code | None = None


@attrs.frozen
class Sites:
    """The places that a machine's nodes stand for in a file, and how its main function is shown."""

    term: Node
    shown: Shown
    _known: dict[str, Mapping[_Path, Origin]] = attrs.field(factory=dict)

    def of(self, term: Node, path: _Path, file: str) -> Origin | None:
        """The place in a file that a node stands for."""
        own = term.origin
        if own is not None and own.file == file:
            return own
        if file not in self._known:
            self._known[file] = dict(_foreign(self.term, file))
        return self._known[file].get(path)


def sites(term: Node) -> Sites:
    """Read how a machine is shown."""
    home = term.origin
    if home is None or home.file not in _files(term):
        return Sites(term, Shown(""))
    return Sites(term, Shown(home.file, home.code))


def _files(term: Node) -> set[str]:
    """The files of which lines were read by `@proc`."""
    found = set[str]()
    waiting = [term]
    while waiting:
        each = waiting.pop()
        if each.origin is not None and each.origin.code is not None and not each.origin.code.quiet:
            found.add(each.origin.file)
        waiting += children(each)
    return found


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


@attrs.frozen
class Placed:
    """A line of generated source with its marks: its place, and its number in the source without them."""

    text: str
    place: Origin | None
    number: int


def functions(
    lines: Sequence[Placed], shown: Sequence[Shown], own: str
) -> Iterator[tuple[str, types.CodeType]]:
    """Compile generated source: each function's name, and its code as it is shown.

    `shown` has one for each function; `own` is the file of those that show no file of the user's.
    """
    tree = parse("".join(f"{line.text}\n" for line in lines))
    for each, how in zip(tree.body, shown, strict=True):
        assert isinstance(each, ast.FunctionDef)
        if how.file:
            full = _put(each, lines, how)
        else:
            full = each.name
            for part in ast.walk(each):
                if isinstance(part, ast.stmt | ast.expr | ast.excepthandler | ast.arg):
                    part.lineno = part.end_lineno = lines[part.lineno - 1].number
        module = compile(ast.Module([each], []), how.file or own, "exec", dont_inherit=True)
        code = next(code for code in module.co_consts if isinstance(code, types.CodeType))
        yield each.name, code.replace(co_name=full.rpartition(".")[2], co_qualname=full)


def _put(function: ast.FunctionDef, lines: Sequence[Placed], how: Shown) -> str:
    """Put a function into the user's file; return the name that it has there."""
    first, last = function.lineno, function.end_lineno or function.lineno
    places = {line: lines[line - 1].place for line in range(first, last + 1)}
    begin = next((line for line, place in places.items() if place is not None), first)
    places.update(dict.fromkeys(range(first, begin), places[begin]))
    codes = {place.code.within: place.code for place in places.values() if place is not None and place.code}
    start = places[begin]
    alone = next(iter(codes.values())) if len(codes) == 1 else Code(function.name, start.line if start else 1)
    code = how.code or alone
    _move(function, places, code.first)
    return code.within


def _move(function: ast.FunctionDef, places: Mapping[int, Origin | None], head: int) -> None:
    """Give each part of a function the place of its line.

    A `return` without a place is at the function's head: to one without a line Python gives that of some branch
    before it.
    """
    parts = [
        e for e in ast.walk(function) if isinstance(e, ast.stmt | ast.expr | ast.excepthandler | ast.arg)
    ]
    returns = {each.lineno for each in parts if isinstance(each, ast.Return)}
    for each in parts:
        place, nowhere = places[each.lineno], head if each.lineno in returns else -1
        line = place.line if place is not None and place.line > 0 else nowhere
        span = place.code.span if place is not None and place.code is not None else None
        end, start, stop = span if span is not None and line > 0 else (line, -1, -1)
        each.lineno, each.end_lineno, each.col_offset, each.end_col_offset = line, end, start, stop
    function.lineno = function.end_lineno = head
