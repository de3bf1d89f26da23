"""What a function reads from outside itself, and whether it hides state from us."""

from __future__ import annotations

import ast
import builtins
import dis
import types
from collections.abc import Iterator
from typing import Any, Final, NoReturn, TypeAlias

from arrows.origin import BuildError, Origin
from arrows.source import tree_of

Reached: TypeAlias = dict[str, Any]
"""What stands behind each name (dotted, for what is read through a module)."""

_BLIND: Final = frozenset({"eval", "exec", "globals", "locals", "vars", "__import__"})


def reached(function: types.FunctionType, where: Origin) -> Reached:
    """Return what the globals and closure variables of a function stand for, now.

    Raises BuildError where the function writes what it reads, or can read what nobody sees.
    """
    found: Reached = {}
    names = set()
    for code in _codes(function.__code__):
        for step in dis.get_instructions(code):
            if step.opname in ("STORE_GLOBAL", "DELETE_GLOBAL"):
                _hidden(f"writes the global {step.argval!r}", where)
            if (
                step.opname in ("STORE_DEREF", "DELETE_DEREF")
                and step.argval in function.__code__.co_freevars
            ):
                _hidden(f"writes {step.argval!r} of the function around it", where)
            if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
                names.add(step.argval)
    tree = tree_of(function)
    for name in names:
        if name in function.__globals__:
            found.update(_parts(name, function.__globals__[name], tree, where))
        elif hasattr(builtins, name):
            if name in _BLIND:
                _hidden(f"calls {name}(), which sees what cannot be identified", where)
            found[name] = getattr(builtins, name)
        else:
            raise BuildError(f"{name!r} is not defined yet", where=where, remedy=f"Define {name!r} first.")
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:
            raise BuildError(
                f"{name!r} is not bound yet", where=where, remedy=f"Bind {name!r} first."
            ) from None
    _written(tree, set(found), where)
    return found


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _parts(name: str, value: Any, tree: ast.AST, where: Origin) -> Reached:
    """A module is what is read through it."""
    if not isinstance(value, types.ModuleType):
        return {name: value}
    found: Reached = {}
    for each in ast.walk(tree):
        if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name) and each.value.id == name:
            if not hasattr(value, each.attr):
                raise BuildError(f"{name}.{each.attr} is not defined", where=where, remedy="Define it first.")
            dotted = f"{name}.{each.attr}"
            found.update(_parts(dotted, getattr(value, each.attr), tree, where))
    return found or {name: value}


def _written(tree: ast.AST, outside: set[str], where: Origin) -> None:
    """Refuse a step that stores into something from outside itself."""
    for each in ast.walk(tree):
        if isinstance(each, ast.Subscript | ast.Attribute) and isinstance(each.ctx, ast.Store | ast.Del):
            base: ast.AST = each
            while isinstance(base, ast.Subscript | ast.Attribute):
                base = base.value
            if isinstance(base, ast.Name) and base.id in outside:
                _hidden(f"writes into {ast.unparse(each)!r}", Origin(where.file, each.lineno))


def _hidden(what: str, where: Origin) -> NoReturn:
    raise BuildError(
        f"this function {what}: that is state which no version could carry over",
        where=where,
        remedy="Keep state in a cell: a keyword-only parameter of @proc, or loop(..., init=, name=).",
    )
