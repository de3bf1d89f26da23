"""Where the names of a `@proc` are while its body is read: paths into a value made of nested pairs."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence

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

    def pushed(self, times: int = 1) -> Variable:
        """The same value once the environment was paired so many times."""
        return Variable((0,) * times + self.path, self.tail) if times else self


class _Names(Mapping[str, Variable]):
    """Variables, each with how often the environment had been paired when it was bound: to pair costs nothing."""

    def __init__(self, held: dict[str, tuple[Variable, int]], pushes: int) -> None:
        self._held = held
        self._pushes = pushes

    @classmethod
    def of(cls, variables: Mapping[str, Variable]) -> _Names:
        if isinstance(variables, _Names):
            return variables
        return cls({name: (variable, 0) for name, variable in variables.items()}, 0)

    def __getitem__(self, name: str) -> Variable:
        variable, pushes = self._held[name]
        return variable.pushed(self._pushes - pushes)

    def __iter__(self) -> Iterator[str]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, name: object) -> bool:
        return name in self._held

    def pushed(self) -> _Names:
        return _Names(self._held, self._pushes + 1)

    def bound(self, name: str, variable: Variable) -> _Names:
        return _Names({**self._held, name: (variable, self._pushes)}, self._pushes)


@attrs.frozen
class Environment:
    """The names in scope, and how often the environment was paired with something since it began."""

    variables: Mapping[str, Variable]
    depth: int = 0

    def push(self) -> Environment:
        """The environment once it is the first half of a pair."""
        return Environment(_Names.of(self.variables).pushed(), self.depth + 1)

    def name(self, name: str, variable: Variable) -> Environment:
        """The environment in which a name stands for this value."""
        return Environment(_Names.of(self.variables).bound(name, variable), self.depth)

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
