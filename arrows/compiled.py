"""Whether a code object is what a text compiles to, so that an edit since the import is seen.

pytest compiles a test module with its asserts written anew, and leaves its rewriter in the module's
globals; such a text is compiled in the same way before it is compared.
"""

from __future__ import annotations

import ast
import types
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

from arrows.definitions import FILES, index
from arrows.parse import parse

_REWRITER = "@pytest_ar"
"""The name under which pytest puts its rewriter into a module that it has rewritten; no source can say it."""


def compiles_to(text: str, function: types.FunctionType) -> bool:
    """Whether some definition in a text, of a function's name and place, has the function's code."""
    code = function.__code__
    known = _codes(text, *_rewriter(function)).get((code.co_name, code.co_firstlineno), [])
    return any(_alike(each, code) for each in known)


def lambdas_like(text: str, function: types.FunctionType) -> list[ast.Lambda]:
    """The lambdas that begin in the line of a lambda and have its code."""
    code, line = function.__code__, function.__code__.co_firstlineno
    here = sorted(index(text).lambdas.get(line, []), key=_column)
    if len(here) == 1:
        return here if compiles_to(text, function) else []
    return [
        each
        for count, each in enumerate(here)
        if _alike(_lambda_code(text, line, count, *_rewriter(function)), code)
    ]


def _lambdas(tree: ast.Module, line: int) -> list[ast.Lambda]:
    here = [each for each in ast.walk(tree) if isinstance(each, ast.Lambda) and each.lineno == line]
    return sorted(here, key=_column)


def _column(tree: ast.Lambda) -> int:
    return tree.col_offset


def _rewriter(function: types.FunctionType) -> tuple[Any, Any]:
    """What rewrote the module of a function, and how it is set up."""
    loader = getattr(function.__globals__.get("__spec__"), "loader", None)
    return function.__globals__.get(_REWRITER), getattr(loader, "config", None)


def _compile(tree: ast.Module, text: str, rewriter: Any, config: Any) -> Iterator[types.CodeType]:
    """Every code object of a tree."""
    if rewriter is not None:
        try:
            rewriter.rewrite_asserts(tree, text.encode(), "<source>", config)
        except (AttributeError, TypeError):  # another pytest: nothing is known to be alike
            return
    waiting = [compile(tree, "<source>", "exec", dont_inherit=True)]
    while waiting:
        code = waiting.pop()
        yield code
        waiting += [each for each in code.co_consts if isinstance(each, types.CodeType)]


@lru_cache(maxsize=FILES)
def _codes(text: str, rewriter: Any, config: Any) -> dict[tuple[str, int], list[types.CodeType]]:
    """Every code object that a text compiles to, by name and first line."""
    found: dict[tuple[str, int], list[types.CodeType]] = {}
    for code in _compile(parse(text), text, rewriter, config):
        found.setdefault((code.co_name, code.co_firstlineno), []).append(code)
    return found


@lru_cache(maxsize=256)
def _lambda_code(text: str, line: int, count: int, rewriter: Any, config: Any) -> types.CodeType | None:
    """The code of one of the lambdas of a line, which is moved to lines of its own; None where none is made."""
    tree = parse(text)
    one = _lambdas(tree, line)[count]
    beyond = text.count("\n") + 1
    for each in ast.walk(one):
        if isinstance(each, ast.expr | ast.arg | ast.keyword):
            each.lineno += beyond
            each.end_lineno = (each.end_lineno or 0) + beyond
    codes = _compile(tree, text, rewriter, config)
    return next((e for e in codes if (e.co_name, e.co_firstlineno) == ("<lambda>", one.lineno)), None)


CACHES: Final = (_codes, _lambda_code)
"""What is kept of texts that were compiled."""


def _alike(one: types.CodeType | None, other: types.CodeType) -> bool:
    """Whether two code objects do the same; places and flags of the compilation aside."""
    return (
        one is not None
        and one.co_code == other.co_code
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
    return type(one) is type(other) and (repr(one) == repr(other) if type(one) is not int else one == other)
