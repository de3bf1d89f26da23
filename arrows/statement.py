"""Statements of a `@proc` as arrows from the environment to what the block answers."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Final, TypeAlias

import attrs

from arrows.either import Left, Right
from arrows.environment import TOP, Environment, Variable, beside, doing, names_bound, pair, tupled
from arrows.expression import Expressions
from arrows.liveness import live
from arrows.lookup import MISSING
from arrows.operators import operator
from arrows.pattern import Patterns
from arrows.place import behind
from arrows.primitive import ERRORS
from arrows.term import Constant, Identity, Node, Primitive, Put, Switch, sequence


@attrs.frozen
class Ends:
    """What a block's ends become: `back` takes the returned value's arrow, `through` the environment at its end.

    `live` are the names that are read behind the block.
    """

    back: Callable[[Node], Node]
    through: Callable[[Environment], Node]
    live: frozenset[str] = frozenset()


returning = Ends(lambda value: value, lambda _: Constant(None))
"""The ends of a whole function."""

Rest: TypeAlias = list[ast.stmt]

_REMEDIES: Final[dict[type[ast.AST], str]] = {
    ast.For: "Move the loop into a plain function and call it.",
    ast.While: "Move the loop into a plain function and call it.",
    ast.AsyncFor: "Move the loop into a plain function and call it.",
    ast.With: "A step holds nothing open. Do it outside and send the result as a message.",
    ast.Try: "Use attempt(arrow), whose answer is Success(value) or Failure(error).",
    ast.Global: "A step changes its cells only: make it a keyword-only parameter.",
    ast.Nonlocal: "A step changes its cells only: make it a keyword-only parameter.",
    ast.Import: "Import at the top of the file.",
    ast.ImportFrom: "Import at the top of the file.",
    ast.FunctionDef: "Define it outside and call it.",
    ast.ClassDef: "Define it outside.",
    ast.Delete: "Rebind the cell to its first value instead.",
}


class Reader(Patterns, Expressions):
    """Reads the body of one function."""

    def start(self, message: str) -> Environment:
        """The environment that is the input itself."""
        return Environment({message: Variable()})

    def block(self, body: Rest, env: Environment, ends: Ends) -> Node:
        """The arrow that runs statements from an environment and comes to one of the ends."""
        if not body:
            return ends.through(env)
        first, rest = body[0], body[1:]
        with self.at(first):
            match first:
                case ast.Return(value=None):
                    return ends.back(Constant(None))
                case ast.Return(value=ast.Call() as call) if self.asks(call):
                    return ends.back(self.asked(call, env))
                case (
                    ast.Assign(targets=[ast.expr() as target], value=ast.Call() as call)
                    | ast.AnnAssign(target=target, value=ast.Call() as call)
                ) if self.asks(call):
                    kept = live(rest, ends.live) - names_bound([target])
                    steps, env = self.suspended(call, kept, env)
                    more, env = self.assign(target, TOP.access(), env)
                    return sequence(*steps, *more, self.block(rest, env, ends))
                case ast.Expr(value=ast.Call() as call) if self.asks(call):
                    steps, env = self.suspended(call, live(rest, ends.live), env)
                    return sequence(*steps, self.block(rest, env, ends))
                case ast.Match(subject=ast.Call() as call, cases=cases) if self.asks(call):
                    kept = live([ast.Match(ast.Constant(None), cases), *rest], ends.live)
                    steps, env = self.suspended(call, kept, env)
                    return sequence(*steps, self.deciding(cases, TOP, rest, env, ends))
                case ast.Return(value=ast.expr() as value):
                    return ends.back(self.value(value, env))
                case ast.Raise():
                    return self.throw(first, env)
                case ast.Assert(test=test, msg=message):
                    args = [] if message is None else [message]
                    call = ast.Call(ast.Name("AssertionError", ast.Load()), args, [])
                    broken = ast.copy_location(ast.Raise(exc=ast.copy_location(call, first)), first)
                    return self.fork(self.value(test, env), [], [broken], rest, env, ends)
                case ast.If(test=test, body=yes, orelse=no):
                    return self.fork(self.value(test, env), yes, no, rest, env, ends)
                case ast.Match(subject=subject, cases=cases):
                    return self.matching(subject, cases, rest, env, ends)
                case ast.Pass() | ast.Expr(value=ast.Constant()):
                    return behind(first.lineno, self.block(rest, env, ends))
                case ast.Expr(value=value):
                    return sequence(doing(self.value(value, env)), self.block(rest, env, ends))
                case ast.Assign() | ast.AugAssign() | ast.AnnAssign():
                    step, after = self.assignment(first, env)
                    return sequence(*step, self.block(rest, after, ends))
                case _:
                    what = ast.unparse(first).splitlines()[0]
                    remedy = _REMEDIES.get(type(first), "Move it into a plain function and call it.")
                    self.refuse(first, f"@proc does not know {what!r}", remedy)

    # Binding

    def assignment(
        self, tree: ast.Assign | ast.AugAssign | ast.AnnAssign, env: Environment
    ) -> tuple[list[Node], Environment]:
        match tree:
            case ast.AugAssign(target=ast.Name(id=name) as target, op=op, value=value):
                old = self.name(target, name, env)
                return self.rebind(name, sequence(pair(old, self.value(value, env)), operator(op)), env)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                return self.rebind(name, self.value(value, env), env)
            case ast.Assign(targets=[target], value=value):
                return self.assign(target, self.value(value, env), env)
            case _:
                self.refuse(
                    tree,
                    f"@proc does not know the assignment {ast.unparse(tree)!r}",
                    "Bind one name, or a tuple of names, to one value.",
                )

    def assign(self, target: ast.expr, value: Node, env: Environment) -> tuple[list[Node], Environment]:
        if isinstance(target, ast.Name):
            return self.rebind(target.id, value, env)
        if isinstance(target, ast.Starred) or (isinstance(target, ast.Tuple | ast.List) and not target.elts):
            self.refuse(
                target,
                f"@proc does not unpack into {ast.unparse(target)!r}",
                "Unpack into as many names as there are values, or move it into a plain function and call it.",
            )
        if not isinstance(target, ast.Tuple | ast.List):
            self.refuse(
                target,
                f"@proc does not change {ast.unparse(target)!r} in place",
                "Values are immutable: rebind the name to a new value, "
                "as in `table = {**table, key: value}` or `item = attrs.evolve(item, field=value)`.",
            )
        steps: list[Node] = [beside(sequence(value, Primitive("unpack", (len(target.elts),))))]
        env = env.push()
        level = env.depth
        for at, each in enumerate(target.elts):
            up = (0,) * (env.depth - level)
            part = Variable((*up, 1), (Primitive("pick", ((at,),)),))
            if isinstance(each, ast.Name) and each.id not in self.cells:
                env = env.name(each.id, part)
            else:
                more, env = self.assign(each, part.access(), env)
                steps += more
        return steps, env

    def suspended(
        self, call: ast.Call, names: frozenset[str], env: Environment
    ) -> tuple[list[Node], Environment]:
        """Wait for an answer with these names kept: the environment becomes the pair of them and the answer."""
        kept = sorted(names & env.variables.keys())
        held = tupled([env.variables[name].access() for name in kept])
        after = Environment({name: Variable((0, at)) for at, name in enumerate(kept)}, depth=1)
        return [pair(sequence(held, Primitive("label", (tuple(kept),))), self.asked(call, env))], after

    def rebind(self, name: str, value: Node, env: Environment) -> tuple[list[Node], Environment]:
        """Let a name stand for a value from here on: a cell is written, any other name is bound."""
        if name in self.cells:
            return [doing(sequence(value, Put(name)))], env
        return [beside(value)], env.push().name(name, TOP)

    def throw(self, tree: ast.Raise, env: Environment) -> Node:
        error = tree.exc.func if isinstance(tree.exc, ast.Call) else tree.exc
        found = MISSING if error is None else self.static(error, env)
        name = getattr(found, "__name__", "")
        if error is None or tree.cause is not None or ERRORS.get(name) is not found:
            known = ", ".join(sorted(ERRORS))
            self.refuse(tree, f"@proc cannot {ast.unparse(tree)!r}", f"Raise one of {known}.")
        args = tree.exc.args if isinstance(tree.exc, ast.Call) else []
        if isinstance(tree.exc, ast.Call) and tree.exc.keywords:
            self.refuse(tree, f"{name} takes no keywords", "Pass values only.")
        return sequence(tupled([self.value(each, env) for each in args]), Primitive("raise", (name,)))

    # Branching

    def fork(self, test: Node, yes: Rest, no: Rest, rest: Rest, env: Environment, ends: Ends) -> Node:
        """Go one way or the other, then on with `rest`, which is read once."""
        return self.ways(
            [yes, no], rest, env, ends, lambda arms: self.branch(test, arms[0](env), arms[1](env))
        )

    def ways(
        self,
        bodies: list[Rest],
        rest: Rest,
        env: Environment,
        ends: Ends,
        choose: Callable[[list[Callable[[Environment], Node]]], Node],
        captured: frozenset[str] = frozenset(),
    ) -> Node:
        """Join bodies of which `choose` makes an arrow that runs one; each may return or go on to `rest`.

        A body that falls through hands on the environment from before, with the values of the names that
        any body binds or a pattern `captured`. Where not more than one body falls through, nothing is joined.
        Where a body waits for an answer it kept what is read behind it only, and that is what is handed on.
        """
        going = [body for body in bodies if not _ends(body)]
        if not rest or len(going) <= 1:
            return choose([self.arm([*body, *([] if _ends(body) else rest)], ends) for body in bodies])
        needed = live(rest, ends.live)
        bound = sorted(captured.union(*map(names_bound, going)) - self.cells)
        waiting = any(self.waits(each) for body in bodies for each in body)
        if waiting:
            bound = sorted((env.variables.keys() | set(bound)) & needed)
        returns = any(_returns(body) for body in bodies)
        names: list[list[str]] = []

        def through(inner: Environment) -> Node:
            names.append([name for name in bound if name in inner.variables])
            values = [
                inner.variables[name].access() if name in inner.variables else Constant(None)
                for name in bound
            ]
            before = Constant(None) if waiting else inner.ancestor(env.depth)
            both = pair(before, tupled(values))
            return sequence(both, Primitive("construct", (Right, ("value",)))) if returns else both

        def back(value: Node) -> Node:
            return sequence(value, Primitive("construct", (Left, ("value",))))

        joined = choose([self.arm(body, Ends(back, through, needed)) for body in bodies])
        after = Environment({}, depth=1) if waiting else env.push()
        for at, name in enumerate(bound):
            if all(name in known for known in names):
                after = after.name(name, Variable((1, at)))
            elif name in after.variables:
                after = attrs.evolve(after, variables={k: v for k, v in after.variables.items() if k != name})
        then = self.block(rest, after, ends)
        if not returns:
            return sequence(joined, then)
        with self.quiet():
            return sequence(joined, Switch(((Left, ends.back(Identity())), (Right, then))))

    def arm(self, body: Rest, ends: Ends) -> Callable[[Environment], Node]:
        return lambda env: self.block(body, env, ends)


def _ends(body: Rest) -> bool:
    """Whether a block never comes to its end: each path returns or raises."""
    for statement in body:
        match statement:
            case ast.Return() | ast.Raise():
                return True
            case ast.If(body=yes, orelse=no) if _ends(yes) and _ends(no):
                return True
            case ast.Match(cases=cases) if _irrefutable(cases[-1]) and all(
                _ends(case.body) for case in cases
            ):
                return True
    return False


def _irrefutable(case: ast.match_case) -> bool:
    return case.guard is None and isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None


def _returns(body: Rest) -> bool:
    return any(isinstance(each, ast.Return) for statement in body for each in ast.walk(statement))
