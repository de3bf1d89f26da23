"""The source of a function, found by where its code stands, as the text that was loaded.

A module may carry the text it was made from under `SOURCE`; else the text is what `linecache` gives for
its file.
"""

from __future__ import annotations

import ast
import linecache
import types
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from arrows.compiled import CACHES, compiles_to, lambdas_like
from arrows.definitions import FILES, Definition, index
from arrows.origin import BuildError, Origin

SOURCE = "__midflight_source__"
"""The name under which a loaded module keeps its own text."""


def raised_at(error: BaseException) -> str:
    """`FILE:LINE` of the innermost line of a loaded version's files that an error came from, or ""."""
    place, trace = "", error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename in trace.tb_frame.f_globals.get(SOURCE, ()):
            place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


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


def forget_texts() -> None:
    """Let go of what was read of texts; it is read again where it is asked for."""
    for cache in (index, _kept, *CACHES):
        cache.cache_clear()


class _Kept:
    """The text of a file, and the lines that `linecache` had when it was put together."""

    lines: list[str] | None = None
    text = ""


@lru_cache(maxsize=FILES)
def _kept(_: str) -> _Kept:
    return _Kept()


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
    found = _tree_in(text, function)
    if found is not None:
        return found
    raise BuildError(
        f"{function.__qualname__} is not what its source says",
        where=_place(function),
        remedy="The file was edited after it was imported, or an import hook changed it: import it again as it is.",
    )


def enclosing(function: types.FunctionType) -> Iterator[Definition]:
    """The trees of the functions that a function is defined in."""
    tree = tree_of(function)
    yield from (each for each in index(text_of(function)).around(tree.lineno) if each is not tree)


def normal(function: types.FunctionType) -> Any:
    """The tree of a function as plain lists.

    Its name, decorators, docstring and places do not count; its defaults count by value, elsewhere.
    """
    tree = tree_of(function)
    args = ast.arguments(**{**dict(ast.iter_fields(tree.args)), "defaults": [], "kw_defaults": []})
    if isinstance(tree, ast.Lambda):
        return ["Lambda", _plain(args), _plain(tree.body)]
    body = tree.body[1:] if ast.get_docstring(tree, clean=False) is not None else tree.body
    returns = None if tree.returns is None else _plain(tree.returns)
    return [type(tree).__name__, _plain(args), [_plain(each) for each in body], returns]


def untyped(tree: Any) -> Any:
    """What `normal` gave, without the types that are written in it."""
    if not isinstance(tree, list):
        return tree
    if (
        tree
        and tree[0] in ("FunctionDef", "AsyncFunctionDef")
        and len(tree) == 4
        and isinstance(tree[2], list)
    ):
        tree = tree[:3]  # its fourth is the type of what it returns
    return [
        untyped(each)
        for each in tree
        if not (isinstance(each, list) and each[:1] in (["annotation"], ["returns"]))
    ]


def _plain(tree: Any) -> Any:
    """A tree as lists of what is in it; empty fields are left out, as Python versions differ in them."""
    if isinstance(tree, list):
        return [_plain(each) for each in tree]
    if isinstance(tree, ast.Constant):
        value: Any = tree.value
        huge = type(value) is int and value >= 2**64  # which Python may refuse to write in decimals
        return ["Constant", type(value).__name__, hex(value) if huge else ascii(value)]
    if not isinstance(tree, ast.AST):
        return tree
    if isinstance(tree, ast.JoinedStr):  # Python 3.12 leaves empty texts in it
        return ["JoinedStr", ["values", [_plain(each) for each in tree.values if not _is_empty(each)]]]
    if isinstance(tree, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and ast.get_docstring(
        tree, clean=False
    ):
        tree = type(tree)(**{**dict(ast.iter_fields(tree)), "body": tree.body[1:]})
    held = [[name, _plain(each)] for name, each in ast.iter_fields(tree) if each is not None and each != []]
    return [type(tree).__name__, *(each for each in held if each[0] not in ("ctx", "type_comment", "kind"))]


def _is_empty(tree: ast.expr) -> bool:
    return isinstance(tree, ast.Constant) and tree.value == ""


def _tree_in(text: str, function: types.FunctionType) -> Definition | ast.Lambda | None:
    try:
        if function.__code__.co_name == "<lambda>":
            return _lambda_in(text, function)
        code = function.__code__
        known = index(text).definitions.get((code.co_name, code.co_firstlineno))
        return known if known is not None and compiles_to(text, function) else None
    except (SyntaxError, ValueError):  # what stands there now is no Python
        return None


def _lambda_in(text: str, function: types.FunctionType) -> ast.Lambda | None:
    """The lambda of a function: of those with its code, the one whose body holds every place the code names.

    Python 3.12 keeps no place at all for a body that comes to a constant, nor does any with `-X no_debug_ranges`.
    """
    alike = lambdas_like(text, function)
    places = {e for e in function.__code__.co_positions() if None not in e and e[2:] != (0, 0)}
    if places:
        starts = min((line, column) for line, _, column, _ in places)
        ends = max((line, column) for _, line, _, column in places)
        holding = [e for e in alike if _start(e.body) <= starts and ends <= _end(e.body)]
        return max(holding, key=lambda each: _start(each.body), default=None)
    if any(_plain(each) != _plain(alike[0]) for each in alike):
        raise BuildError(
            "two lambdas of this line cannot be told apart",
            where=_place(function),
            remedy="Write each on a line of its own.",
        )
    return alike[0] if alike else None


def _start(tree: ast.expr) -> tuple[int, int]:
    return tree.lineno, tree.col_offset


def _end(tree: ast.expr) -> tuple[int, int]:
    return tree.end_lineno or 0, tree.end_col_offset or 0


def _place(function: types.FunctionType) -> Origin:
    return Origin(function.__code__.co_filename, function.__code__.co_firstlineno)
