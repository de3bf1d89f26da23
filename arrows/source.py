"""The source of a function, found by where its code stands, as the text that was loaded.

A module may carry the text it was made from under `SOURCE`; else the text is what `linecache` gives for
its file.
"""

from __future__ import annotations

import ast
import linecache
import types
from bisect import bisect_right
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final, TypeAlias

from arrows.origin import BuildError, Origin

SOURCE = "__midflight_source__"
"""The name under which a loaded module keeps its own text."""

_FILES: Final = 16
"""Of how many files what was read is kept."""

Definition: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


def text_of(function: types.FunctionType) -> str:
    """The text of the module that a function was defined in, or "" where there is none."""
    own = function.__globals__.get(SOURCE)
    if isinstance(own, dict) and function.__code__.co_filename in own:
        return str(own[function.__code__.co_filename])
    lines = linecache.getlines(function.__code__.co_filename, function.__globals__)
    kept = _kept(function.__code__.co_filename)
    if kept.lines is not lines:
        kept.lines, kept.text = lines, "".join(lines)
    return kept.text


class _Kept:
    """The text of a file, and the lines that `linecache` had when it was put together."""

    lines: list[str] | None = None
    text = ""


@lru_cache(maxsize=_FILES)
def _kept(_: str) -> _Kept:
    return _Kept()


class _Index:
    """The functions of a text: what is asked of it a thousand times is read once."""

    def __init__(self, text: str) -> None:
        self.lambdas: dict[int, list[ast.Lambda]] = {}
        self.definitions: dict[tuple[str, int], Definition] = {}
        self.starts: list[int] = []
        self.nested: list[tuple[Definition, ...]] = []
        waiting: list[tuple[ast.AST, tuple[Definition, ...]]] = [(ast.parse(text), ())]
        while waiting:
            each, around = waiting.pop()
            if isinstance(each, ast.Lambda):
                self.lambdas.setdefault(each.lineno, []).append(each)
            elif isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
                first = min([each.lineno, *(one.lineno for one in each.decorator_list)])
                self.definitions[each.name, first] = each
                around = (*around, each)
                self.starts.append(each.lineno)
                self.nested.append(around)
            waiting += [(child, around) for child in reversed(list(ast.iter_child_nodes(each)))]
        order = sorted(range(len(self.starts)), key=self.starts.__getitem__)
        self.starts, self.nested = [self.starts[at] for at in order], [self.nested[at] for at in order]

    def around(self, line: int) -> tuple[Definition, ...]:
        """The definitions that a line is in, the outermost first."""
        before = bisect_right(self.starts, line)
        inside = self.nested[before - 1] if before else ()
        return tuple(each for each in inside if line <= (each.end_lineno or 0))


@lru_cache(maxsize=_FILES)
def _index(text: str) -> _Index:
    return _Index(text)


def definition(function: types.FunctionType) -> ast.FunctionDef:
    """Return the tree of a `def`, its line numbers those of the file.

    Raises BuildError where there is no source, or where what stands there is not that `def`.
    """
    tree = tree_of(function)
    if isinstance(tree, ast.FunctionDef):
        return tree
    raise BuildError(
        f"{function.__qualname__} is not a plain `def`",
        where=_place(function),
        remedy="Write it with `def`.",
    )


def tree_of(function: types.FunctionType) -> Definition | ast.Lambda:
    """Return the tree of a function or lambda.

    It is found by the place of its code, so that two lambdas on a line differ. Raises BuildError where
    there is no source, or where the source was edited since the function was made from it.
    """
    text = text_of(function)
    if not text:
        raise BuildError(
            f"{function.__qualname__} has no source to read",
            where=_place(function),
            remedy="Define it in a file, not in exec() or python -c.",
        )
    code = function.__code__
    if _compiles_to(text, code):
        where = code.co_name, code.co_firstlineno
        found = _lambda_at(text, code) if code.co_name == "<lambda>" else _index(text).definitions.get(where)
        if found is not None:
            return found
    raise BuildError(
        f"{function.__qualname__} is not what its source says",
        where=_place(function),
        remedy="The file was edited after it was imported: import it again.",
    )


def enclosing(function: types.FunctionType) -> Iterator[Definition]:
    """The trees of the functions that a function is defined in."""
    tree = tree_of(function)
    yield from (each for each in _index(text_of(function)).around(tree.lineno) if each is not tree)


def normal(function: types.FunctionType) -> Any:
    """The tree of a function without its name, decorators, docstring and places, as plain lists."""
    tree = tree_of(function)
    if isinstance(tree, ast.Lambda):
        return _plain(tree)
    body = tree.body[1:] if ast.get_docstring(tree, clean=False) is not None else tree.body
    returns = None if tree.returns is None else _plain(tree.returns)
    return [type(tree).__name__, _plain(tree.args), [_plain(each) for each in body], returns]


def _plain(tree: Any) -> Any:
    """A tree as lists of what is in it; empty fields are left out, as Python versions differ in them."""
    if isinstance(tree, list):
        return [_plain(each) for each in tree]
    if isinstance(tree, ast.Constant):
        return ["Constant", type(tree.value).__name__, repr(tree.value)]
    if not isinstance(tree, ast.AST):
        return tree
    if isinstance(tree, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and ast.get_docstring(
        tree, clean=False
    ):
        tree = type(tree)(**{**dict(ast.iter_fields(tree)), "body": tree.body[1:]})
    held = [[name, _plain(each)] for name, each in ast.iter_fields(tree) if each is not None and each != []]
    return [type(tree).__name__, *(each for each in held if each[0] not in ("ctx", "type_comment", "kind"))]


def _lambda_at(text: str, code: types.CodeType) -> ast.Lambda | None:
    """The lambda of a code object: the smallest of its line whose body holds every place the code names.

    Python 3.12 keeps no place at all for a body that comes to a constant; such a one is told by what it does.
    """
    here = _index(text).lambdas.get(code.co_firstlineno, [])
    places = {each for each in code.co_positions() if None not in each and each[2:] != (0, 0)}
    if not places:
        return next((each for each in here if _alike(_compiled(each), code)), None)
    starts = min((line, column) for line, _, column, _ in places)
    ends = max((line, column) for _, line, _, column in places)
    holding = [e for e in here if _start(e.body) <= starts and ends <= _end(e.body)]
    return max(holding, key=lambda each: _start(each.body), default=None)


def _start(tree: ast.expr) -> tuple[int, int]:
    return tree.lineno, tree.col_offset


def _end(tree: ast.expr) -> tuple[int, int]:
    return tree.end_lineno or 0, tree.end_col_offset or 0


def _compiled(tree: ast.Lambda) -> types.CodeType:
    """The code of a lambda that stands alone."""
    code = compile(ast.Expression(tree), "<source>", "eval", dont_inherit=True)
    return next(each for each in code.co_consts if isinstance(each, types.CodeType))


@lru_cache(maxsize=_FILES)
def _codes(text: str) -> dict[tuple[str, int], list[types.CodeType]]:
    """Every code object that a text compiles to, by name and first line."""
    found: dict[tuple[str, int], list[types.CodeType]] = {}
    waiting = [compile(text, "<source>", "exec", dont_inherit=True)]
    while waiting:
        code = waiting.pop()
        found.setdefault((code.co_name, code.co_firstlineno), []).append(code)
        waiting += [each for each in code.co_consts if isinstance(each, types.CodeType)]
    return found


def _compiles_to(text: str, code: types.CodeType) -> bool:
    return any(_alike(each, code) for each in _codes(text).get((code.co_name, code.co_firstlineno), []))


def _alike(one: types.CodeType, other: types.CodeType) -> bool:
    """Whether two code objects do the same; places and flags of the compilation aside."""
    return (
        one.co_code == other.co_code
        and one.co_names == other.co_names
        and _same_constants(one.co_consts, other.co_consts)
    )


def _same_constants(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    return len(one) == len(other) and all(map(_same_constant, one, other))


def _same_constant(one: Any, other: Any) -> bool:
    if isinstance(one, types.CodeType) and isinstance(other, types.CodeType):
        return _alike(one, other)
    if isinstance(one, tuple) and isinstance(other, tuple):
        return _same_constants(one, other)
    if isinstance(one, frozenset) and isinstance(other, frozenset):  # which print in any order
        return sorted(map(repr, one)) == sorted(map(repr, other))
    return repr(one) == repr(other)


def _place(function: types.FunctionType) -> Origin:
    return Origin(function.__code__.co_filename, function.__code__.co_firstlineno)
