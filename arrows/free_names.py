"""The names that a function reads from outside itself, by its tree.

Its code would not tell: what `assert` reads is gone from it under `-O`, and Python versions differ in what
else they leave out.
"""

from __future__ import annotations

import ast
import copy
import symtable
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

Definition: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def free_names(tree: Definition, around: Iterable[str] = ()) -> tuple[frozenset[str], frozenset[str]]:
    """Return the global names that a function reads, and those that it reads where it may not have bound them.

    `around` are the names of functions around it. A name of the second kind is bound in the body of a
    class inside, which looks outside until then. What is read in annotations, or under
    `if TYPE_CHECKING`, does not count.

    >>> text = "lambda x, by=z: [g(y) for y in x if h]"
    >>> sorted(free_names(ast.parse(text, mode="eval").body)[0])
    ['g', 'h']
    """
    bare: Any = _Bare().visit(copy.deepcopy(_alone(tree)))
    body = ast.Expr(bare) if isinstance(bare, ast.expr) else bare
    outer: Any = ast.parse("def around(): pass")
    outer.body[0].args.args, outer.body[0].body = [ast.arg(name) for name in around], [body]
    table = symtable.symtable(ast.unparse(ast.fix_missing_locations(outer)), "<source>", "exec")
    needed, perhaps = set(), set()
    for inner in _below(table):
        for symbol in inner.get_symbols():
            if symbol.is_referenced() and symbol.is_global():
                needed.add(symbol.get_name())
            elif symbol.is_referenced() and symbol.is_local() and inner.get_type() == "class":
                perhaps.add(symbol.get_name())
    return frozenset(needed - {"__class__", "__debug__"}), frozenset(perhaps)


def _below(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for inner in table.get_children():
        yield inner
        yield from _below(inner)


def _alone(tree: Definition) -> ast.AST:
    """A function without what was evaluated before it was there: its defaults and decorators."""
    alone = copy.copy(tree)
    alone.args = copy.copy(tree.args)
    alone.args.defaults, alone.args.kw_defaults = [], [None for _ in tree.args.kwonlyargs]
    if not isinstance(alone, ast.Lambda):
        alone.decorator_list = []
    return alone


class _Bare(ast.NodeTransformer):
    """Takes out what names nothing, or nothing that is looked up when the function runs."""

    def visit_arg(self, tree: ast.arg) -> ast.arg:
        return ast.arg(tree.arg)

    def visit_FunctionDef(self, tree: ast.FunctionDef) -> ast.AST:
        tree.returns = None
        return self.generic_visit(tree)

    def visit_AsyncFunctionDef(self, tree: ast.AsyncFunctionDef) -> ast.AST:
        tree.returns = None
        return self.generic_visit(tree)

    def visit_AnnAssign(self, tree: ast.AnnAssign) -> ast.AST:
        tree.annotation = ast.Constant(0)
        return self.generic_visit(tree)

    def visit_If(self, tree: ast.If) -> ast.AST:
        if ast.unparse(tree.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            tree.test, tree.body = ast.Constant(0), [ast.Pass()]
        return self.generic_visit(tree)

    def visit_Constant(self, _: ast.Constant) -> ast.AST:
        return ast.Constant(0)

    def visit_JoinedStr(self, tree: ast.JoinedStr) -> ast.AST:
        # not every one can be unparsed
        parts = [each for each in tree.values if isinstance(each, ast.FormattedValue)]
        inner = [spec for part in parts for spec in (part.value, part.format_spec) if spec is not None]
        return ast.Tuple([self.visit(each) for each in inner], ast.Load())

    def visit_MatchValue(self, tree: ast.MatchValue) -> ast.AST:
        return tree

    def visit_MatchMapping(self, tree: ast.MatchMapping) -> ast.AST:
        tree.patterns = [self.visit(each) for each in tree.patterns]
        return tree
