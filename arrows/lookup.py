"""What a name of a `@proc` means outside it, and which of its lines wait for an answer."""

from __future__ import annotations

import ast
import builtins
import enum
import types
from typing import Any, Final

from arrows import build
from arrows.continuation import effects
from arrows.environment import Environment
from arrows.place import Places
from arrows.shape import Shape
from arrows.term import Arrow, node

MISSING: Final = object()

_NOWHERE: Final = Environment({})


class Lookup(Places):
    """One function that is read; `cells` are the names that stand for cells."""

    def __init__(self, file: str, function: types.FunctionType, cells: frozenset[str], taken: Shape) -> None:
        super().__init__(file, function)
        self.cells = cells
        self.taken = taken
        self.asking: set[int] = set()
        self.waiting: set[int] = set()

    # Names

    def lookup(self, name: str) -> Any:
        """What a name means outside the function, looked up once, now."""
        code = self.function.__code__
        if name in code.co_varnames or name in code.co_cellvars:
            return MISSING
        if name in code.co_freevars:
            try:
                return (self.function.__closure__ or ())[code.co_freevars.index(name)].cell_contents
            except ValueError:
                return MISSING
        return self.function.__globals__.get(name, getattr(builtins, name, MISSING))

    def static(self, tree: ast.expr, env: Environment) -> Any:
        """What an expression of names and dots means outside the function, or MISSING."""
        if isinstance(tree, ast.Name):
            bound = tree.id in env.variables or tree.id in self.cells
            return MISSING if bound else self.lookup(tree.id)
        if isinstance(tree, ast.Attribute):
            base = self.static(tree.value, env)
            if isinstance(base, types.ModuleType | type | enum.Enum):
                return getattr(base, tree.attr, MISSING)
        return MISSING

    # Waiting

    def look(self, tree: ast.AST) -> bool:
        """Find the calls that wait for an answer, once for a whole function; say whether there are any."""
        found = [self.look(each) for each in ast.iter_child_nodes(tree)]
        if isinstance(tree, ast.Call):
            callee = self.static(tree.func, _NOWHERE)
            if callee is build.perform or (isinstance(callee, Arrow) and effects(node(callee))[0]):
                self.asking.add(id(tree))
        if any(found) or id(tree) in self.asking:
            self.waiting.add(id(tree))
        return id(tree) in self.waiting

    def asks(self, tree: ast.AST) -> bool:
        """Whether this is a call that waits for an answer."""
        return id(tree) in self.asking

    def waits(self, tree: ast.AST) -> bool:
        """Whether an expression or statement holds a call that waits for an answer."""
        return id(tree) in self.waiting
