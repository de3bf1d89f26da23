"""Where the names of a `@proc` are while its body is read: paths into a value made of nested pairs."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

import attrs

from arrows.origin import caller
from arrows.term import Identity, Node, Parallel, Primitive, sequence


@attrs.frozen
class Variable:
    """A name's value: a path into the environment, then what is taken from what stands there."""

    path: tuple[int, ...] = ()
    tail: tuple[Node, ...] = ()

    def access(self) -> Node:
        """The arrow from the environment to the value, written where it is read."""
        tail = (attrs.evolve(each, origin=caller()) for each in self.tail)
        return sequence(*([Primitive("pick", (self.path,))] if self.path else []), *tail)

    def then(self, *tail: Node) -> Variable:
        """A part of this value."""
        return attrs.evolve(self, tail=self.tail + tail)

    def pushed(self) -> Variable:
        return attrs.evolve(self, path=(0, *self.path))


@attrs.frozen
class Environment:
    """The names in scope, and how often the environment was paired with something since it began."""

    variables: Mapping[str, Variable]
    depth: int = 0

    def push(self) -> Environment:
        """The environment once it is the first half of a pair."""
        pushed = {name: variable.pushed() for name, variable in self.variables.items()}
        return Environment(pushed, self.depth + 1)

    def name(self, name: str, variable: Variable) -> Environment:
        """The environment in which a name stands for this value."""
        return attrs.evolve(self, variables={**self.variables, name: variable})

    def ancestor(self, depth: int) -> Node:
        """The arrow back to what the environment was at that depth."""
        up = self.depth - depth
        return Primitive("pick", ((0,) * up,)) if up else Identity()


TOP = Variable((1,))
"""What the environment was last paired with."""


def beside(arrow: Node) -> Node:
    """e -> (e, arrow e)."""
    return sequence(Primitive("copy"), Parallel(Identity(), arrow))


def doing(arrow: Node) -> Node:
    """e -> e, stepping the arrow on the way."""
    return sequence(beside(arrow), Primitive("pick", ((0,),)))


def pair(one: Node, other: Node) -> Node:
    """e -> (one e, other e)."""
    return sequence(Primitive("copy"), Parallel(one, other))


def tupled(arrows: list[Node]) -> Node:
    """e -> the tuple of what each arrow makes of e, from left to right."""
    if not arrows:
        return sequence(Primitive("display", ("tuple", ())))
    packed = arrows[0]
    for arrow in arrows[1:]:
        packed = pair(packed, arrow)
    return sequence(packed, Primitive("pack", (len(arrows),)))


def names_bound(parts: Sequence[ast.AST]) -> frozenset[str]:
    """The names that statements or patterns may bind."""
    names = set()
    for part in parts:
        for each in ast.walk(part):
            if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
                names.add(each.id)
            elif isinstance(each, ast.MatchAs | ast.MatchStar) and each.name:
                names.add(each.name)
    return frozenset(names)
