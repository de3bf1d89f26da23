"""What a function reads from outside itself, and whether it hides state from us."""

from __future__ import annotations

import ast
import builtins
import dis
import types
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NoReturn, TypeAlias

from arrows.free_names import Definition, free_names
from arrows.imported import imported
from arrows.origin import BuildError, Origin
from arrows.source import enclosing, tree_of
from arrows.unrepeatable import refused, within

Reached: TypeAlias = dict[str, Any]
"""What stands behind each name (dotted, for what is read through a module)."""

_Uses: TypeAlias = Mapping[str, Sequence[str]]
"""For each dotted name in a function, at every place where it stands, what is read through it, or ""."""

_BLIND: Final = frozenset({"eval", "exec", "globals", "locals", "vars", "__import__"})

_CHANGING: Final = (list, dict, set, bytearray, deque)
_CHANGES: Final = frozenset(
    {"add", "append", "appendleft", "clear", "difference_update", "discard", "extend", "extendleft", "insert"}
    | {
        "intersection_update",
        "pop",
        "popitem",
        "popleft",
        "remove",
        "reverse",
        "rotate",
        "setdefault",
        "sort",
    }
    | {"symmetric_difference_update", "update"}
)
"""What changes a container in place."""


def reached(function: types.FunctionType, where: Origin, *, repeated: bool = True) -> Reached:
    """Return what the globals, closure variables and imports of a function stand for, now.

    Raises BuildError where the function writes what it reads, or can read what nobody sees, and where one that is
    `repeated` uses what gives something else each time.
    """
    tree = tree_of(function)
    uses = _uses(tree)
    found: Reached = {}
    for name in _names(function, tree, where):
        if name in function.__globals__:
            found.update(_parts(name, function.__globals__[name], uses, where))
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
    for name, value in imported(function, tree, where).items():
        found.update(_parts(name, value, uses, where))
    for value in found.values():
        if getattr(value, "__name__", "") == "import_module" and value.__module__ == "importlib":
            _hidden("calls importlib.import_module(), which sees what cannot be identified", where)
    _written(function, tree, found, where)
    each_time = within(tree, found, lambda part: _through_classes(part, found)) if repeated else ""
    if each_time:
        raise refused(each_time, where)
    return found


def refuse_shared(cls: type, methods: Iterable[types.FunctionType]) -> None:
    """Refuse a method that changes a container which all instances of its class share."""
    shared = {
        name for each in cls.__mro__ for name, value in vars(each).items() if isinstance(value, _CHANGING)
    }
    trees = {method: tree_of(method) for method in methods} if shared else {}
    parts = [(method, each) for method, tree in trees.items() for each in ast.walk(tree)]
    own = {
        each.attr for _, each in parts if isinstance(each, ast.Attribute) and isinstance(each.ctx, ast.Store)
    }
    for method, each in parts:
        target: ast.AST | None = None
        if isinstance(each, ast.Subscript) and isinstance(each.ctx, ast.Store | ast.Del):
            target = each.value
        elif (
            isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute) and each.func.attr in _CHANGES
        ):
            target = each.func.value
        if isinstance(target, ast.Attribute) and target.attr in shared - own:
            _hidden(f"changes {ast.unparse(target)!r}", Origin(method.__code__.co_filename, target.lineno))


def _names(function: types.FunctionType, tree: Definition, where: Origin) -> list[str]:
    """The global names that a function reads; it writes none."""
    free = function.__code__.co_freevars
    needed, perhaps = free_names(tree, free)
    names = {*needed, *(perhaps & function.__globals__.keys())}
    private = {name for name in names if name[:2] == "__" != name[-2:]}
    for code in _codes(function.__code__):
        for step in dis.get_instructions(code):
            if step.opname in ("STORE_GLOBAL", "DELETE_GLOBAL"):
                _hidden(f"writes the global {step.argval!r}", where)
            if step.opname in ("STORE_DEREF", "DELETE_DEREF") and step.argval in free:
                _hidden(f"writes {step.argval!r} of the function around it", where)
            if step.opname == "LOAD_GLOBAL" and private and step.argval.endswith(tuple(private)):
                names.add(step.argval)  # as its class mangles it
    names -= {name for name in private if any(each.endswith(name) for each in names - private)}
    return sorted(names)


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _uses(tree: ast.AST) -> _Uses:
    found: dict[str, list[str]] = {}
    read: set[ast.AST] = set()
    for each in ast.walk(tree):  # the outer ones first
        if isinstance(each, ast.Attribute):
            read.add(each.value)
            if module := _dotted(each.value):
                found.setdefault(module, []).append(each.attr)
        if each not in read and (name := _dotted(each)):
            found.setdefault(name, []).append("")
    return found


def _parts(name: str, value: Any, uses: _Uses, where: Origin) -> Reached:
    """A module is what is read through it, and all of it where it is handed on."""
    if not isinstance(value, types.ModuleType):
        return {name: value}
    found: Reached = {}
    for attribute in dict.fromkeys(uses.get(name, ())):
        if not attribute:
            found[name] = value
            continue
        if not hasattr(value, attribute):
            raise BuildError(f"{name}.{attribute} is not defined", where=where, remedy="Define it first.")
        found.update(_parts(f"{name}.{attribute}", getattr(value, attribute), uses, where))
    return found


def _dotted(tree: ast.AST) -> str:
    """`a.b.c` for a name that is read through modules, else nothing."""
    if isinstance(tree, ast.Attribute):
        inner = _dotted(tree.value)
        return f"{inner}.{tree.attr}" if inner else ""
    return tree.id if isinstance(tree, ast.Name) else ""


def _written(function: types.FunctionType, tree: ast.AST, found: Reached, where: Origin) -> None:
    """Refuse a step that changes something from outside itself, or a default that lives from call to call."""
    held = {**found, **_lasting_defaults(function)}
    tops = {name.partition(".")[0] for name in held}
    for each in ast.walk(tree):
        if isinstance(each, ast.Subscript | ast.Attribute) and isinstance(each.ctx, ast.Store | ast.Del):
            if _top(each) in tops:
                _hidden(f"writes into {ast.unparse(each)!r}", Origin(where.file, each.lineno))
        elif (
            isinstance(each, ast.Call)
            and isinstance(each.func, ast.Attribute)
            and each.func.attr in _CHANGES
            and isinstance(_through_classes(each.func.value, held), _CHANGING)
        ):
            _hidden(f"changes {ast.unparse(each.func.value)!r}", Origin(where.file, each.lineno))
    outer = set(function.__code__.co_freevars)
    for around in enclosing(function) if outer else ():
        for each in ast.walk(around):
            if isinstance(each, ast.Nonlocal) and outer & set(each.names):
                name = min(outer & set(each.names))
                _hidden(f"reads {name!r}, which another function rebinds", Origin(where.file, each.lineno))


def _through_classes(tree: ast.AST, held: Reached) -> Any:
    """What an expression stands for that is held, or is an attribute of a class that is."""
    if ast.unparse(tree) in held:
        return held[ast.unparse(tree)]
    owner = _through_classes(tree.value, held) if isinstance(tree, ast.Attribute) else None
    return (
        getattr(owner, tree.attr, None)
        if isinstance(owner, type) and isinstance(tree, ast.Attribute)
        else None
    )


def _top(tree: ast.AST) -> str:
    """The name that a chain of subscripts and attributes begins with."""
    while isinstance(tree, ast.Subscript | ast.Attribute):
        tree = tree.value
    return tree.id if isinstance(tree, ast.Name) else ""


def _lasting_defaults(function: types.FunctionType) -> Reached:
    """The defaults that can be changed, by the name of their parameter."""
    code, defaults = function.__code__, function.__defaults__ or ()
    named = zip(code.co_varnames[code.co_argcount - len(defaults) : code.co_argcount], defaults, strict=True)
    both = {**dict(named), **(function.__kwdefaults__ or {})}
    return {name: value for name, value in both.items() if isinstance(value, _CHANGING)}


def _hidden(what: str, where: Origin) -> NoReturn:
    raise BuildError(
        f"this function {what}: that is state which no version could carry over",
        where=where,
        remedy="Keep state in a cell: a keyword-only parameter of @proc, or loop(..., init=, name=).",
    )
