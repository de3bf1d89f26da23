"""What the import statements inside a function stand for.

They run when the function does, and that may be long after its digest was taken. So they are resolved with the other
names, once, by the `__import__` that the function itself would use.
"""

from __future__ import annotations

import ast
import types
from collections.abc import Iterator, Mapping
from typing import Any, Final

from arrows.origin import BuildError, Origin

_ABSENT: Final = "there is no such module"
"""What stands for a name that cannot be imported: the function may be ready for that."""


def imported(function: types.FunctionType, tree: ast.AST, where: Origin) -> Mapping[str, Any]:
    """The names that a function's own import statements bind, with what they are bound to.

    Raises BuildError where a module raises while it is imported.
    """
    found: dict[str, Any] = {}
    for each in ast.walk(tree):
        if isinstance(each, ast.Import | ast.ImportFrom):
            try:
                found.update(_bound(function, each))
            except BuildError:
                raise
            except ImportError:
                found.update({_name(alias): _ABSENT for alias in each.names})
            except Exception as error:
                raise BuildError(
                    f"`{ast.unparse(each)}` raises {type(error).__name__}: {error}",
                    where=Origin(where.file, each.lineno),
                ) from None
    return found


def _bound(function: types.FunctionType, statement: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, Any]]:
    owner: Any = function
    importer = owner.__builtins__["__import__"]
    if isinstance(statement, ast.ImportFrom):
        names = tuple(alias.name for alias in statement.names)
        module = importer(statement.module or "", function.__globals__, None, names, statement.level)
        for alias in statement.names:
            yield _name(alias), _part(module, alias.name)
        return
    for alias in statement.names:
        top = importer(alias.name, function.__globals__, None, (), 0)
        yield _name(alias), _part(top, *alias.name.split(".")[1:]) if alias.asname else top


def _name(alias: ast.alias) -> str:
    return alias.asname or alias.name.partition(".")[0]


def _part(module: Any, *names: str) -> Any:
    for name in names:
        if not hasattr(module, name):
            raise ImportError(name)
        module = getattr(module, name)
    return module
