"""`match` in a `@proc`: by class where that decides everything, else as a chain of tests."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

import attrs

from arrows import record
from arrows.either import Left, Right
from arrows.environment import TOP, Environment, Variable, beside, doing, names_bound
from arrows.expression import Expressions
from arrows.lookup import MISSING
from arrows.origin import Origin
from arrows.place import behind
from arrows.shape import Record, options
from arrows.term import Constant, Identity, Node, Parallel, Primitive, Put, Switch, sequence

if TYPE_CHECKING:
    from arrows.statement import Ends, Rest


_WHOLE = (bool, bytearray, bytes, dict, float, frozenset, int, list, set, str, tuple)
"""Classes whose one sub-pattern looks at the value itself."""


class Patterns(Expressions):
    """Reads `match` statements."""

    if TYPE_CHECKING:

        def ways(
            self,
            bodies: list[Rest],
            rest: Rest,
            env: Environment,
            ends: Ends,
            choose: Any,
            captured: frozenset[str] = ...,
        ) -> Node: ...

    def matching(
        self, subject: ast.expr, cases: list[ast.match_case], rest: Rest, env: Environment, ends: Ends
    ) -> Node:
        """Read a whole `match`, followed by `rest`."""
        steps: list[Node] = []
        if isinstance(subject, ast.Name) and subject.id in env.variables:
            value = env.variables[subject.id]
        else:
            steps, env, value = [beside(self.value(subject, env))], env.push(), TOP
        classes = self.classes(cases, env)
        if value == Variable() and env.depth == 0 and classes is not None:
            return self.dispatch(subject, cases, classes, rest, env, ends)
        chosen = self.deciding(cases, value, rest, env, ends)
        return sequence(*steps, chosen) if steps else behind(subject.lineno, chosen)

    def deciding(
        self, cases: list[ast.match_case], value: Variable, rest: Rest, env: Environment, ends: Ends
    ) -> Node:
        """Read the cases of a `match` as a chain of tests of a value."""
        bodies = [case.body for case in cases]
        captured = names_bound([case.pattern for case in cases])
        return self.ways(
            [*bodies, []], rest, env, ends, lambda arms: self.chain(cases, arms, value, env), captured
        )

    def classes(self, cases: list[ast.match_case], env: Environment) -> list[type] | None:
        """The classes of the cases, where they are all that decides and every input has one."""
        found: list[type] = []
        for case in cases:
            pattern = case.pattern
            if not isinstance(pattern, ast.MatchClass) or case.guard:
                return None
            cls = self.static(pattern.cls, env)
            inner = [*pattern.patterns, *pattern.kwd_patterns]
            plain = all(isinstance(each, ast.MatchAs) and each.pattern is None for each in inner)
            if not isinstance(cls, type) or cls in (Left, Right) or not plain:
                return None
            if any(issubclass(cls, other) or issubclass(other, cls) for other in found):
                return None
            found.append(cls)
        taken = [option.cls for option in options(self.taken) if isinstance(option, Record)]
        whole = len(taken) == len(options(self.taken)) and all(issubclass(cls, tuple(found)) for cls in taken)
        return found if whole else None

    def dispatch(
        self,
        subject: ast.expr,
        cases: list[ast.match_case],
        classes: list[type],
        rest: Rest,
        env: Environment,
        ends: Ends,
    ) -> Node:
        """A `Switch` on the input's class."""

        def choose(arms: Any) -> Node:
            made = []
            for case, cls, arm in zip(cases, classes, arms, strict=True):
                with self.at(case.pattern):
                    _, steps, inner = self.pattern(case.pattern, Variable(), env)
                    made.append((cls, sequence(*steps, arm(inner))))
            return Switch(tuple(made), origin=self.dispatching(subject, cases))

        captured = names_bound([case.pattern for case in cases])
        return self.ways([case.body for case in cases], rest, env, ends, choose, captured)

    def dispatching(self, subject: ast.expr, cases: list[ast.match_case]) -> Origin:
        """The place of a `match`, with the lines of its cases."""
        place = self.place(subject)
        lines = tuple(case.pattern.lineno for case in cases)
        return attrs.evolve(place, code=place.code and attrs.evolve(place.code, cases=lines))

    def chain(self, cases: list[ast.match_case], arms: Any, value: Variable, env: Environment) -> Node:
        """Ask one case after the other; the last arm is for no case."""
        if not cases:
            return arms[0](env)  # type: ignore[no-any-return]
        case = cases[0]
        with self.at(case.pattern):
            test, steps, inner = self.pattern(case.pattern, value, env)
            if case.guard is not None:
                if steps or any(env.variables[name] != inner.variables[name] for name in env.variables):
                    self.refuse(
                        case.guard,
                        "a guard behind a capture that rebinds a name",
                        "Capture under a name of its own: Python rebinds it even where the guard fails.",
                    )
                guard = self.value(case.guard, inner)
                test = guard if test is None else self.both(test, guard)
            body = sequence(*steps, arms[0](inner))
            if test is None:
                return behind(case.pattern.lineno, body)
            return self.branch(test, body, self.chain(cases[1:], arms[1:], value, env))

    def pattern(
        self, pattern: ast.pattern, value: Variable, env: Environment
    ) -> tuple[Node | None, list[Node], Environment]:
        """Return the test (None: always), what is done when it holds, and the environment behind it."""
        with self.at(pattern):
            match pattern:
                case ast.MatchAs(pattern=inner, name=name):
                    test, steps, env = (None, [], env) if inner is None else self.pattern(inner, value, env)
                    if name in self.cells and name is not None:
                        return test, [*steps, doing(sequence(value.access(), Put(name)))], env
                    return test, steps, env if name is None else env.name(name, value)
                case ast.MatchValue(value=literal):
                    return self.test(value, self.value(literal, env), "eq"), [], env
                case ast.MatchSingleton(value=literal):
                    return self.test(value, Constant(literal), "is"), [], env
                case ast.MatchClass():
                    return self.instance(pattern, value, env)
                case ast.MatchOr(patterns=several):
                    return self.alternatives(pattern, several, value, env)
                case _:
                    self.refuse(
                        pattern,
                        f"@proc does not know the pattern {ast.unparse(pattern)!r}",
                        "Match on classes, their fields, literals and names.",
                    )

    def test(self, value: Variable, other: Node, sign: str) -> Node:
        return sequence(beside(other), _swap(value), Primitive(sign))

    def instance(
        self, pattern: ast.MatchClass, value: Variable, env: Environment
    ) -> tuple[Node | None, list[Node], Environment]:
        cls = self.static(pattern.cls, env)
        if cls is MISSING or not isinstance(cls, type):
            self.refuse(pattern, f"{ast.unparse(pattern.cls)!r} is not a class", "Match on classes.")
        test: Node | None = sequence(value.access(), Primitive("is_a", (cls,)))
        steps: list[Node] = []
        for name, inner in self.parts(pattern, cls):
            part = value if name is None else value.then(Primitive("field", (name,)))
            more, extra, env = self.pattern(inner, part, env)
            test = more if test is None else test if more is None else self.both(test, more)
            steps += extra
        return test, steps, env

    def parts(self, pattern: ast.MatchClass, cls: type) -> list[tuple[str | None, ast.pattern]]:
        """The sub-patterns with the field each looks at; None where it looks at the value itself."""
        if issubclass(cls, _WHOLE) and len(pattern.patterns) == 1 and not pattern.kwd_patterns:
            return [(None, pattern.patterns[0])]
        order = getattr(cls, "__match_args__", ())
        if len(pattern.patterns) > len(order):
            self.refuse(
                pattern,
                f"{cls.__name__} has {len(order)} fields, given {len(pattern.patterns)}",
                "Name them.",
            )
        known = {*order, *(record.attributes(cls) if record.is_frozen_record(cls) else ())}
        for name in pattern.kwd_attrs:
            if name not in known:
                self.refuse(
                    pattern,
                    f"{cls.__name__} has no field {name!r}",
                    f"Its fields: {', '.join(sorted(known)) or 'none'}.",
                )
        names = [*order[: len(pattern.patterns)], *pattern.kwd_attrs]
        return list(zip(names, [*pattern.patterns, *pattern.kwd_patterns], strict=True))

    def alternatives(
        self, tree: ast.pattern, several: list[ast.pattern], value: Variable, env: Environment
    ) -> tuple[Node | None, list[Node], Environment]:
        found = [self.pattern(each, value, env) for each in several]
        if any(steps or inner.variables != env.variables for _, steps, inner in found):
            self.refuse(
                tree, "alternatives that capture", "Write a case for each, or match without captures."
            )
        whole: Node = Constant(False)
        for test, _, _ in reversed(found):
            whole = self.branch(Constant(True) if test is None else test, Constant(True), whole)
        return whole, [], env


def _swap(value: Variable) -> Node:
    """(e, other) -> (value of e, other)."""
    return Parallel(value.access(), Identity())
