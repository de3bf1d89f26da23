"""Expressions of a `@proc` as arrows from the environment to their value."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from typing import Any, Final

from arrows import build, record
from arrows.effect import answer_shape, effect_class
from arrows.either import Left, Right
from arrows.environment import TOP, Environment, Variable, beside, pair, tupled
from arrows.lookup import MISSING, Lookup
from arrows.operators import operator
from arrows.origin import BuildError
from arrows.place import called
from arrows.shape import shape_of_value
from arrows.term import (
    Arrow,
    Constant,
    Emit,
    Function,
    Get,
    Node,
    Perform,
    Primitive,
    Switch,
    node,
    sequence,
)

_REMEDIES: Final[dict[type[ast.AST], str]] = {
    ast.Lambda: "Define a plain function outside and call it.",
    ast.ListComp: "Move the comprehension into a plain function and call it.",
    ast.DictComp: "Move the comprehension into a plain function and call it.",
    ast.SetComp: "Move the comprehension into a plain function and call it.",
    ast.GeneratorExp: "Move the comprehension into a plain function and call it.",
    ast.JoinedStr: "Move the formatting into a plain function and call it.",
    ast.Await: "A step does not wait. Answer with a value and let the caller do the waiting.",
    ast.Yield: "A step answers once: use `return`.",
    ast.YieldFrom: "A step answers once: use `return`.",
    ast.NamedExpr: "Assign on a line of its own.",
    ast.Slice: "Move the slicing into a plain function and call it.",
    ast.Set: "Use frozenset(...), which is immutable.",
}


class Expressions(Lookup):
    """Reads expressions."""

    # Reading

    def value(self, tree: ast.expr, env: Environment) -> Node:
        """The arrow from the environment to the value of an expression."""
        with self.at(tree):
            match tree:
                case ast.Constant(value=value):
                    return self.constant(tree, value)
                case ast.Name(id=name):
                    return self.name(tree, name, env)
                case ast.Attribute(value=base, attr=attr):
                    static = self.static(tree, env)
                    if static is not MISSING:
                        return self.constant(tree, static)
                    return sequence(self.value(base, env), self.field(tree, attr))
                case ast.Subscript(value=base, slice=index):
                    return self.subscript(base, index, env)
                case ast.BinOp(left=left, op=op, right=right):
                    return sequence(pair(self.value(left, env), self.value(right, env)), operator(op))
                case ast.UnaryOp(op=op, operand=operand):
                    return sequence(self.value(operand, env), operator(op))
                case ast.Compare(left=left, ops=ops, comparators=rest):
                    return self.compare(self.value(left, env), ops, rest, env)
                case ast.BoolOp(op=op, values=values):
                    return self.either(isinstance(op, ast.And), values, env)
                case ast.IfExp(test=test, body=body, orelse=orelse):
                    return self.branch(self.value(test, env), self.value(body, env), self.value(orelse, env))
                case ast.Tuple(elts=items):
                    return self.display(tree, "tuple", items, env)
                case ast.List(elts=items):
                    return self.display(tree, "list", items, env)
                case ast.Dict(keys=keys, values=values):
                    return self.dictionary(keys, values, env)
                case ast.Call() if self.asks(tree):
                    self.refuse(
                        tree,
                        f"{ast.unparse(tree.func)}(...) waits for an answer in the middle of a line",
                        "Bind it on a line of its own, as in `answer = perform(...)`: "
                        "what is read on the line is read again behind it.",
                    )
                case ast.Call():
                    return self.call(tree, env)
                case _:
                    remedy = _REMEDIES.get(type(tree), "Move it into a plain function and call it.")
                    self.refuse(tree, f"@proc does not know {ast.unparse(tree)!r}", remedy)

    def constant(self, tree: ast.AST, value: Any) -> Node:
        try:
            shape_of_value(value)
        except BuildError:
            self.refuse(
                tree,
                f"{getattr(value, '__qualname__', value)!r} is not a plain value here",
                "Call it, or use numbers, texts, tuples, enum members and frozen records.",
            )
        return Constant(value)

    def name(self, tree: ast.AST, name: str, env: Environment) -> Node:
        if name in env.variables:
            return env.variables[name].access()
        if name in self.cells:
            return Get(name)
        found = self.lookup(name)
        if found is MISSING:
            self.refuse(
                tree,
                f"{name!r} is not bound here on every path, and names nothing outside",
                f"Bind {name!r} before the branch, or define it above {self.function.__name__}.",
            )
        return self.constant(tree, found)

    def field(self, tree: ast.AST, name: str) -> Primitive:
        if name.startswith("__"):
            self.refuse(tree, f"@proc does not read {name!r}", "Move it into a plain function and call it.")
        return Primitive("field", (name,))

    def subscript(self, base: ast.expr, index: ast.expr, env: Environment) -> Node:
        return sequence(pair(self.value(base, env), self.value(index, env)), Primitive("item"))

    def branch(self, test: Node, yes: Node, no: Node) -> Node:
        """An arrow from the environment that goes one way or the other."""
        return sequence(beside(test), Primitive("split"), Switch(((Left, yes), (Right, no))))

    def both(self, test: Node, other: Node) -> Node:
        """Whether both hold; the second is asked only where the first holds."""
        return self.branch(test, other, Constant(False))

    def either(self, both: bool, values: list[ast.expr], env: Environment) -> Node:
        """`and` and `or` give the value that decides, and ask no further."""
        first, rest = self.value(values[0], env), values[1:]
        if not rest:
            return first
        others = sequence(Primitive("pick", ((0,),)), self.either(both, rest, env))
        mine = TOP.access()
        decided = self.branch(mine, others, mine) if both else self.branch(mine, mine, others)
        return sequence(beside(first), decided)

    def compare(self, left: Node, ops: list[ast.cmpop], rest: list[ast.expr], env: Environment) -> Node:
        """`a < b < c` asks b once, and c only where a < b."""
        if len(ops) == 1:
            return sequence(pair(left, self.value(rest[0], env)), operator(ops[0]))
        middle = beside(pair(left, self.value(rest[0], env)))
        inner = env.push()
        mine = sequence(TOP.access(), operator(ops[0]))
        after = self.compare(Variable((1, 1)).access(), ops[1:], rest[1:], inner)
        return sequence(middle, self.both(mine, after))

    # Displays and calls

    def display(self, tree: ast.AST, kind: str, items: list[ast.expr], env: Environment) -> Node:
        spec = tuple("*" if isinstance(item, ast.Starred) else "" for item in items)
        values = [self.value(item.value if isinstance(item, ast.Starred) else item, env) for item in items]
        if kind == "tuple" and values and not any(spec):
            return tupled(values)
        return sequence(tupled(values), Primitive("display", (kind, spec)))

    def dictionary(self, keys: list[ast.expr | None], values: list[ast.expr], env: Environment) -> Node:
        spec, inner = [], []
        for key, value in zip(keys, values, strict=True):
            spec.append("**" if key is None else ":")
            inner += ([] if key is None else [self.value(key, env)]) + [self.value(value, env)]
        return sequence(tupled(inner), Primitive("display", ("dict", tuple(spec))))

    def asked(self, tree: ast.Call, env: Environment) -> Node:
        """A call that waits for an answer, which stands alone: nothing may wait beside it without a name."""
        callee = self.static(tree.func, env)
        if any(self.waits(each) for each in (*tree.args, *tree.keywords)):
            self.refuse(
                tree, "one call that performs inside another", "Bind the inner answer on a line of its own."
            )
        if callee is not build.perform:
            return self.call(tree, env)
        return self.outward(tree, env, "perform", lambda cls: Perform(cls, answer_shape(cls)))

    def outward(self, tree: ast.Call, env: Environment, word: str, make: Callable[[type], Node]) -> Node:
        """`perform(Charge(...))` or `emit(Paid(...))`."""
        if len(tree.args) == 1 and not tree.keywords and isinstance(tree.args[0], ast.Call):
            cls = self.static(tree.args[0].func, env)
            if isinstance(cls, type):
                return sequence(self.value(tree.args[0], env), make(effect_class(cls)))
        self.refuse(
            tree,
            f"@proc cannot tell the effect of {ast.unparse(tree)!r} before it runs",
            f"Write it at the call: {word}(Effect(...)).",
        )

    def call(self, tree: ast.Call, env: Environment) -> Node:
        callee = self.static(tree.func, env)
        if callee is build.emit:
            return self.outward(tree, env, "emit", Emit)
        if callee is MISSING:
            what = ast.unparse(tree.func)
            self.refuse(
                tree,
                f"@proc cannot tell what {what!r} is before it runs",
                "Call an arrow, a class, or a plain function that is defined outside"
                + (
                    f"; a method of a value by its class: str.{tree.func.attr}(...)."
                    if isinstance(tree.func, ast.Attribute)
                    else "."
                ),
            )
        if callee is isinstance and len(tree.args) == 2:
            return sequence(
                self.value(tree.args[0], env), Primitive("is_a", self.classes_of(tree.args[1], env))
            )
        names = [keyword.arg for keyword in tree.keywords]
        if any(isinstance(each, ast.Starred) for each in tree.args) or None in names:
            self.refuse(tree, "@proc does not spread arguments", "Name every argument.")
        values = [self.value(each, env) for each in tree.args]
        values += [self.value(keyword.value, env) for keyword in tree.keywords]
        spread = (*("" for _ in tree.args), *(name or "" for name in names))
        if isinstance(callee, Arrow):
            if spread != ("",):
                self.refuse(tree, "an arrow takes one input", "Pass one value; several as a tuple.")
            return sequence(values[0], called(node(callee), self.place(tree)))
        if isinstance(callee, type) and record.is_frozen_record(callee):
            return self.construct(tree, callee, spread, values)
        if not callable(callee):
            self.refuse(
                tree, f"{ast.unparse(tree.func)!r} is {callee!r}, which cannot be called", "Call a function."
            )
        if spread == ("",):
            return sequence(values[0], Function(callee))
        return sequence(tupled(values), Function(callee, spread))

    def classes_of(self, tree: ast.expr, env: Environment) -> tuple[type, ...]:
        """The classes that the second argument of `isinstance` names."""
        several = tree.elts if isinstance(tree, ast.Tuple) else [tree]
        found = tuple(self.static(each, env) for each in several)
        if not all(isinstance(each, type) for each in found):
            self.refuse(tree, f"{ast.unparse(tree)!r} is not a class", "Name a class, or a tuple of classes.")
        return found

    def construct(self, tree: ast.AST, cls: type, spread: tuple[str, ...], values: list[Node]) -> Node:
        if cls in (Left, Right) and len(values) == 1:
            return sequence(values[0], Primitive("construct", (cls, ("value",))))
        known = record.fields(cls)
        if len(spread) > len(known):
            self.refuse(
                tree, f"{cls.__name__} has {len(known)} fields, given {len(spread)}", "Leave the others out."
            )
        order = [
            name
            for name, each in inspect.signature(cls).parameters.items()
            if each.kind is not each.KEYWORD_ONLY
        ]
        if spread.count("") > len(order):
            self.refuse(tree, f"{cls.__name__} takes {len(order)} values without a name", "Name the others.")
        names = tuple(name or order[at] for at, name in enumerate(spread))
        unknown = set(names) - {field.name for field in known}
        missing = [field.name for field in known if field.required and field.name not in names]
        if unknown or missing or len(set(names)) < len(names):
            wrong = (
                f"has no field {min(unknown)!r}"
                if unknown
                else f"needs {', '.join(missing) or 'each field once'}"
            )
            self.refuse(
                tree, f"{cls.__name__} {wrong}", f"Its fields: {', '.join(f.name for f in known) or 'none'}."
            )
        made = Primitive("construct", (cls, names))
        return sequence(tupled(values), made) if values else made
