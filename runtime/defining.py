"""The classes of a version: interned as they are defined, and left alone from then on.

A decorator is put around each class of a module in its tree, the outermost one, at the line where the class begins,
so that every line stays where it was. A data class that was there before, with the same content, takes the place of
the new one.

**What keeps a class from it.** Two versions then use one object, so nothing may tell it from the new one, and nothing
may alter it. Each version has a class of its own where a decorator of the user's notes the class somewhere, where
code of the same file assigns to its attributes, and where its members can be changed in place. (A base or metaclass
that notes its subclasses is hidden state: its content cannot be identified, nor can theirs.) What is altered all the
same, from another file, is put back when the version was executed, and the version is refused.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, Final

from arrows import members
from arrows.content import function_digest
from arrows.interning import intern, uninterned
from arrows.origin import BuildError

INTERN: Final = "__midflight_intern__"

_SETTERS: Final = ("setattr", "delattr")


def with_interning(tree: ast.Module) -> ast.Module:
    """The tree with the decorator around every class that may be shared, those in classes included."""
    altered = {
        each.value.id
        for each in ast.walk(tree)
        if isinstance(each, ast.Attribute)
        and isinstance(each.ctx, ast.Store | ast.Del)
        and isinstance(each.value, ast.Name)
    }
    for each in ast.walk(tree):
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id in _SETTERS:
            altered |= {name.id for name in each.args[:1] if isinstance(name, ast.Name)}
    made: ast.Module = _Around(altered).visit(tree)
    return made


class _Around(ast.NodeTransformer):
    def __init__(self, altered: set[str]) -> None:
        self._altered = altered

    def visit(self, node: ast.AST) -> Any:
        inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        return node if inside else super().visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        self.generic_visit(node)
        place = node.decorator_list[0] if node.decorator_list else node
        heads = [each.func if isinstance(each, ast.Call) else each for each in node.decorator_list]
        shared = node.name not in self._altered and all(map(_is_dotted, heads))
        given: list[ast.expr] = [ast.Constant(shared), *(heads if shared else ())]
        around: ast.expr = ast.Call(ast.Name(INTERN, ast.Load()), given, [])
        node.decorator_list.insert(0, ast.fix_missing_locations(ast.copy_location(around, place)))
        return node


def _is_dotted(head: ast.expr) -> bool:
    """Whether an expression can be read once more without anything happening."""
    while isinstance(head, ast.Attribute):
        head = head.value
    return isinstance(head, ast.Name)


class Classes:
    """The classes that one version defines; `keep` is called with those that are its own."""

    def __init__(self, keep: Callable[[type], None]) -> None:
        self._keep = keep
        self._seen: list[tuple[type, bool, dict[str, Any]]] = []

    def around(self, shared: bool, *decorators: Any) -> Callable[[Any], Any]:
        """The decorator for a class that has these others."""
        shared = shared and all(map(_is_pure, decorators))

        def decorate(cls: Any) -> Any:
            kept = intern(cls) if shared else cls
            if isinstance(kept, type) and members.is_data(kept):
                if kept is cls:
                    self._keep(kept)
                if shared:
                    self._seen.append((kept, kept is cls, dict(members.written(kept))))
            return kept

        return decorate

    def settle(self) -> None:
        """Put back what was altered of classes that others use too. Raises BuildError where anything was."""
        for kept, own, was in self._seen:
            if own and not _is(kept, was):
                uninterned(kept)
        for name in self._put_back():
            raise BuildError(
                f"the class {name} is altered behind its definition, and another version uses it as well",
                remedy="Write into the class what it shall have, or give it another name.",
            )

    def forget(self) -> None:
        """Let no later version use the classes of this one, and put back what was altered of others'."""
        self._put_back()
        for kept, own, _ in self._seen:
            if own:
                uninterned(kept)

    def _put_back(self) -> list[str]:
        """The names of the classes of other versions that were altered."""
        altered = [(kept, was) for kept, own, was in self._seen if not own and not _is(kept, was)]
        for cls, was in altered:
            for name in dict(members.written(cls)).keys() - was.keys():
                delattr(cls, name)
            for name, value in was.items():
                if vars(cls).get(name) is not value:
                    setattr(cls, name, value)
        return [cls.__qualname__ for cls, _ in altered]


def _is(cls: type, was: dict[str, Any]) -> bool:
    now = dict(members.written(cls))
    return now.keys() == was.keys() and all(now[name] is was[name] for name in now)


def _is_pure(decorator: Any) -> bool:
    """Whether a decorator leaves nothing of the class behind."""
    try:
        function_digest(decorator)
    except BuildError:
        return False
    return True
