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

from arrows.origin import BuildError, Origin

SOURCE = "__midflight_source__"
"""The name under which a loaded module keeps its own text."""


def text_of(function: types.FunctionType) -> str:
    """The text of the module that a function was defined in, or "" where there is none."""
    own = function.__globals__.get(SOURCE)
    if isinstance(own, dict) and function.__code__.co_filename in own:
        return str(own[function.__code__.co_filename])
    return "".join(linecache.getlines(function.__code__.co_filename, function.__globals__))


@lru_cache(maxsize=16)
def _parse(text: str) -> ast.Module:
    return ast.parse(text)


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


def tree_of(function: types.FunctionType) -> ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda:
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
        found = _lambda_at(text, code) if code.co_name == "<lambda>" else _definition_at(text, code)
        if found is not None:
            return found
    raise BuildError(
        f"{function.__qualname__} is not what its source says",
        where=_place(function),
        remedy="The file was edited after it was imported: import it again.",
    )


def enclosing(function: types.FunctionType) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """The trees of the functions that a function is defined in."""
    tree = tree_of(function)
    for found in ast.walk(_parse(text_of(function))):
        if not isinstance(found, ast.FunctionDef | ast.AsyncFunctionDef) or found is tree:
            continue
        if found.lineno <= tree.lineno <= (found.end_lineno or 0):
            yield found


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


def _definition_at(text: str, code: types.CodeType) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    for found in ast.walk(_parse(text)):
        if isinstance(found, ast.FunctionDef | ast.AsyncFunctionDef) and found.name == code.co_name:
            first = min([found.lineno, *(each.lineno for each in found.decorator_list)])
            if first == code.co_firstlineno:
                return found
    return None


def _lambda_at(text: str, code: types.CodeType) -> ast.Lambda | None:
    """The lambda of a code object: the smallest of its line whose body holds every place the code names.

    Python 3.12 keeps no place at all for a body that comes to a constant; such a one is told by what it does.
    """
    here = [
        e for e in ast.walk(_parse(text)) if isinstance(e, ast.Lambda) and e.lineno == code.co_firstlineno
    ]
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


@lru_cache(maxsize=16)
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
