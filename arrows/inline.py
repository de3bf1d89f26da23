"""A function leaf in a generated function: called, or written out where nothing could tell it from the call.

Written out is a lambda whose body is one expression over its own parameters and literals: operators,
comparisons, attributes, items, conditions, tuples. It reads no name from outside, so nothing can be rebound
behind our back, and it calls nothing by itself; its operands are evaluated once each and in the same order.
So its value and whatever it raises are those of the call. A `def` is always called, however short: that is
where a debugger stops, a profile counts and coverage looks. So is a lambda without a source to read.

Leaves in a row become one expression where each takes the one before once and first, so that
`arr(lambda x: x + 1) >> arr(lambda x: x * 2)` is `(x + 1) * 2`.

What the call would have had is a line in a traceback. The generated line ends in a comment that names the user's
file and line, and a traceback shows it; in a function that shows lines of the user's it stands for the one where
the lambda was lifted.
"""

from __future__ import annotations

import ast
import types
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import attrs

from arrows.origin import BuildError
from arrows.source import tree_of
from arrows.symbol import Atom, Symbol, Tup, text
from arrows.term import Function, Node

MAX_PARTS: Final = 64
"""Nodes of an expression that is written out; beside a longer one the call costs little."""

_PLAIN: Final = (
    *(ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.IfExp, ast.Tuple, ast.Name),
    *(ast.operator, ast.unaryop, ast.boolop, ast.expr_context, ast.cmpop),
)
_READABLE: Final = (ast.Name, ast.Attribute, ast.Subscript)
_MAX_LITERAL: Final = 2**64


class Writer(Protocol):
    """What is asked of the function under way."""

    def at(self, term: Node, path: tuple[int, ...]) -> None:
        """Let what is written from here on stand for a node."""

    def let(self, expression: str, comment: str | None = None) -> Atom:
        """Assign an expression to a new variable."""

    def variable(self, symbol: Symbol) -> str:
        """The name of a variable that holds the symbol."""

    def bind(self, value: Any, prefix: str) -> str:
        """Give a value that exists at compile time a name."""

    def split(self, x: Symbol, count: int) -> Any:
        """Take a tuple apart."""


@attrs.frozen
class Held:
    """An expression that only the next leaf takes, and where its parts were written."""

    tree: ast.expr
    places: tuple[str, ...]

    def write(self, draft: Writer) -> Symbol:
        if isinstance(self.tree, ast.Name):
            return Atom(self.tree.id)
        return draft.let(ast.unparse(self.tree), comment="; ".join(self.places))


def leaves(draft: Writer, terms: Sequence[Function], paths: Sequence[tuple[int, ...]], x: Symbol) -> Symbol:
    """Write function leaves of which each takes what the one before gives; return what holds the last result."""
    held: Held | None = None
    for term, path in zip(terms, paths, strict=True):
        tree = _expression(term)
        if held is not None and (tree is None or not _takes(tree, held)):
            x, held = held.write(draft), None
        draft.at(term, path)
        if tree is None:
            x = _call(draft, term, x)
            continue
        one, place = tree.body, _place(term.function, tree.body)
        if held is not None:
            fresh = (place,) if place not in held.places else ()
            held = Held(_put(one, {_parameters(tree)[0].arg: held.tree}), (*held.places, *fresh))
            continue
        given = (x,) if term.spread is None else draft.split(x, len(term.spread)) if term.spread else ()
        names = {
            parameter.arg: ast.Name(draft.variable(each))
            for parameter, each in zip(_parameters(tree), given, strict=True)
        }
        if isinstance(one, ast.Tuple):
            x = Tup(tuple(Held(_put(item, names), (place,)).write(draft) for item in one.elts))
        elif _begins(one):
            held = Held(_put(one, names), (place,))
        else:
            x = Held(_put(one, names), (place,)).write(draft)
    return x if held is None else held.write(draft)


def _call(draft: Writer, term: Function, x: Symbol) -> Symbol:
    name = draft.bind(term.function, "f")
    if term.spread is None:
        return draft.let(f"{name}({text(x)})")
    given = zip(term.spread, draft.split(x, len(term.spread)), strict=True) if term.spread else ()
    arguments = [(f"{keyword}=" if keyword else "") + text(each) for keyword, each in given]
    return draft.let(f"{name}({', '.join(arguments)})")


def _place(function: Any, tree: ast.expr) -> str:
    file = function.__code__.co_filename
    return f"{file if file.isprintable() else ascii(file)}:{tree.lineno}, in <lambda>"


def _put(tree: ast.expr, names: Mapping[str, ast.expr]) -> ast.expr:
    """A copy of an expression with others in the place of its names."""
    return _Put(names).visit(ast.parse(ast.unparse(tree), mode="eval").body)  # type: ignore[no-any-return]


class _Put(ast.NodeTransformer):
    def __init__(self, names: Mapping[str, ast.expr]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.names[node.id]


def _takes(tree: ast.Lambda, held: Held) -> bool:
    """Whether an expression may stand inside a lambda's: used once, and before all else that is evaluated."""
    uses = sum(isinstance(each, ast.Name) for each in ast.walk(tree.body))
    size = sum(1 for one in (tree.body, held.tree) for _ in ast.walk(one))
    single = len(_parameters(tree)) == 1 and not isinstance(tree.body, ast.Tuple)
    return single and uses == 1 and size <= MAX_PARTS and _begins(tree.body)


def _begins(tree: ast.expr) -> bool:
    """Whether the first thing that an expression evaluates is a parameter (to read a literal does nothing)."""
    match tree:
        case ast.Name():
            return True
        case ast.BinOp(left=ast.Constant(), right=first) | ast.BinOp(left=first):
            return _begins(first)
        case ast.Compare(left=first) | ast.BoolOp(values=[first, *_]) | ast.IfExp(test=first):
            return _begins(first)
        case ast.UnaryOp(operand=first) | ast.Attribute(value=first) | ast.Subscript(value=first):
            return _begins(first)
        case _:
            return False


def _expression(term: Function) -> ast.Lambda | None:
    """The tree of a lambda that may be written out, or None."""
    function = term.function
    if not isinstance(function, types.FunctionType) or function.__name__ != "<lambda>":
        return None
    if term.spread is not None and any(term.spread):
        return None
    count, code = 1 if term.spread is None else len(term.spread), function.__code__
    if code.co_freevars or code.co_cellvars or code.co_nlocals != count:
        return None
    try:
        tree = tree_of(function)
    except (BuildError, SyntaxError, ValueError):
        return None
    if not isinstance(tree, ast.Lambda) or len(_parameters(tree)) != count:
        return None
    parts = list(ast.walk(tree.body))
    names = {each.arg for each in _parameters(tree)}
    return tree if len(parts) <= MAX_PARTS and all(_alike(each, names) for each in parts) else None


def _parameters(tree: ast.Lambda) -> list[ast.arg]:
    return [*tree.args.posonlyargs, *tree.args.args]


def _alike(tree: ast.AST, names: set[str]) -> bool:
    """Whether a part of an expression does in another function what it does here."""
    match tree:
        case ast.Name(id=name, ctx=ast.Load()):
            return name in names
        case ast.Constant(value=value):
            small = isinstance(value, int) and abs(value) < _MAX_LITERAL
            return small or value is None or isinstance(value, str | bytes | float)
        case ast.Attribute(value=value, attr=name):
            return isinstance(value, _READABLE) and not name.startswith("__")  # which a class may mangle
        case ast.Subscript(value=value):
            return isinstance(value, _READABLE)
        case ast.Compare(ops=ops):
            return not any(isinstance(each, ast.Is | ast.IsNot) for each in ops)
        case _:
            return isinstance(tree, _PLAIN)
