"""A machine as a tree that can be altered: what `diff` works on and `patch` applies an edit to.

Where the language has one arrow, the tree has a *sequence* of them: `f >> g` is two parts in a row, `f` is
a row of one, so that the first stage added to a single arrow is an insertion as the forty-first is. The
cases of a switch are a row as well. A part stands at a path: its place in the row of the root, then for each
level the row (0 where a node has but one) and the place in it.

Every part has a content key, given out by `arrows.content_key`.
"""

from __future__ import annotations

from typing import Any, TypeAlias, assert_never

import attrs

from arrows.cells import Path
from arrows.pretty import label, pretty
from arrows.term import (
    Attempt,
    Compose,
    Constant,
    Emit,
    Function,
    Get,
    Identity,
    Keyed,
    Named,
    Node,
    Parallel,
    Perform,
    Primitive,
    Put,
    State,
    Switch,
)


@attrs.frozen
class Case:
    """One case of a switch."""

    cls: type
    body: Node

    def __str__(self) -> str:
        return f"case {self.cls.__name__}: {pretty(self.body)}"


Part: TypeAlias = Node | Case
"""What an edit speaks of."""

_HOLE = Identity(origin=None)
"""Stands in a head for what is kept in rows beside it."""


@attrs.define(eq=False)
class Tree:
    """A part that can be altered: a head (the part without what is in it) and its rows."""

    head: Part
    rows: list[list[Tree]]
    parent: Tree | None = None
    row: int = 0
    key: int = -1

    def path(self) -> Path:
        """Where this part stands."""
        found: list[int] = []
        here = self
        while here.parent is not None:
            found += [_place(here), here.row]
            here = here.parent
        return tuple(found[-2::-1])

    def put(self, row: int, at: int, part: Tree) -> None:
        """Place a part in a row."""
        part.parent, part.row = self, row
        self.rows[row].insert(at, part)

    def take(self) -> Tree:
        """Take this part out of its row."""
        assert self.parent is not None
        del self.parent.rows[self.row][_place(self)]
        return self

    def swap(self, part: Tree) -> None:
        """Let another part stand where this one stands."""
        assert self.parent is not None
        part.parent, part.row = self.parent, self.row
        self.parent.rows[self.row][_place(self)] = part

    def below(self) -> list[Tree]:
        """The part and all in it, a parent before its parts."""
        found: list[Tree] = []
        waiting = [self]
        while waiting:
            here = waiting.pop()
            found.append(here)
            for row in reversed(here.rows):
                waiting.extend(reversed(row))
        return found


_NONE: list[list[Tree]] = []
"""The rows of a leaf: none ever comes."""


def _place(part: Tree) -> int:
    assert part.parent is not None
    return part.parent.rows[part.row].index(part)


def rooted(term: Node) -> Tree:
    """A machine below a root that stands for the row it is."""
    root = Tree(_HOLE, [[]])
    for step in _steps(term):
        tree = planted(step)
        tree.parent = root
        root.rows[0].append(tree)
    return root


def machine(root: Tree) -> Node:
    """The machine below a root."""
    return _built_row(root.rows[0])


def at(root: Tree, path: Path) -> Tree:
    """The part at a path. Raises LookupError where there is none."""
    here = root
    for row, place in zip((0, *path[1::2]), path[::2], strict=True):
        if place < 0 or row < 0:
            raise LookupError(path)
        here = here.rows[row][place]
    return here


def planted(part: Part) -> Tree:
    """A part as a tree."""
    tree = _bare(part)
    if not tree.rows:
        return tree
    waiting = [(tree, part)]
    while waiting:
        into, each = waiting.pop()
        for row, terms in enumerate(rows_of(each)):
            for term in terms:
                inner = _bare(term)
                inner.parent, inner.row = into, row
                into.rows[row].append(inner)
                if inner.rows:
                    waiting.append((inner, term))
    return tree


def built(tree: Tree) -> Part:
    """The part that a tree stands for."""
    made: dict[int, Part] = {}
    for each in reversed(tree.below()):
        made[id(each)] = _filled(each, [[made[id(part)] for part in row] for row in each.rows])
    return made[id(tree)]


def brief(part: Part) -> str:
    """A part in at most a line."""
    if isinstance(part, Case):
        return f"case {part.cls.__name__}"
    inner = sum(1 for row in rows_of(part) for _ in row)
    text = label(part) if inner > 40 else " ".join(pretty(part).split())
    return text if len(text) <= 72 else text[:71] + "…"


def caption(part: Part) -> str:
    """A part without what is in it."""
    return f"case {part.cls.__name__}" if isinstance(part, Case) else label(part)


def rows_of(part: Part) -> list[tuple[Part, ...]]:
    """The rows in a part."""
    match part:
        case Parallel(left=left, right=right):
            return [_steps(left), _steps(right)]
        case Switch(cases=cases):
            return [tuple(Case(cls, body) for cls, body in cases)]
        case State(body=body) | Attempt(body=body) | Named(body=body) | Case(body=body):
            return [_steps(body)]
        case Keyed(by=by, body=body):
            return [_steps(by), _steps(body)]
        case (
            Identity()
            | Constant()
            | Primitive()
            | Function()
            | Get()
            | Put()
            | Perform()
            | Emit()
            | Compose()
        ):
            return []
        case _:
            assert_never(part)


def _steps(term: Node) -> tuple[Node, ...]:
    """A composition as a row. One that `sequence` would not have made is left whole."""
    nested = isinstance(term, Compose) and any(isinstance(step, Compose) for step in term.steps)
    return term.steps if isinstance(term, Compose) and len(term.steps) > 1 and not nested else (term,)


def _bare(part: Part) -> Tree:
    match part:
        case Parallel():
            head: Part = attrs.evolve(part, left=_HOLE, right=_HOLE)
        case Switch():
            head = attrs.evolve(part, cases=())
        case State() | Attempt() | Named() | Case():
            head = attrs.evolve(part, body=_HOLE)
        case Keyed():
            head = attrs.evolve(part, by=_HOLE, body=_HOLE)
        case (
            Identity()
            | Constant()
            | Primitive()
            | Function()
            | Get()
            | Put()
            | Perform()
            | Emit()
            | Compose()
        ):
            return Tree(part, _NONE)
        case _:
            assert_never(part)
    return Tree(head, [[] for _ in range(2 if isinstance(part, Parallel | Keyed) else 1)])


def _built_row(row: list[Tree]) -> Node:
    return _row([built(part) for part in row])


def _row(parts: list[Any]) -> Node:
    if not parts:
        return _HOLE
    return parts[0] if len(parts) == 1 else Compose(tuple(parts), origin=parts[0].origin)


def _filled(tree: Tree, rows: list[list[Any]]) -> Part:
    head = tree.head
    match head:
        case Parallel():
            return attrs.evolve(head, left=_row(rows[0]), right=_row(rows[1]))
        case Switch():
            return attrs.evolve(head, cases=tuple((case.cls, case.body) for case in rows[0]))
        case State() | Attempt() | Named() | Case():
            return attrs.evolve(head, body=_row(rows[0]))
        case Keyed():
            return attrs.evolve(head, by=_row(rows[0]), body=_row(rows[1]))
        case (
            Identity()
            | Constant()
            | Primitive()
            | Function()
            | Get()
            | Put()
            | Perform()
            | Emit()
            | Compose()
        ):
            return head
        case _:
            assert_never(head)


def copied(tree: Tree) -> Tree:
    """A tree of its own that is equal."""
    made: dict[int, Tree] = {}
    for each in tree.below():
        copy = made[id(each)] = Tree(each.head, [[] for _ in each.rows], key=each.key)
        if each is not tree:
            made[id(each.parent)].put(each.row, len(made[id(each.parent)].rows[each.row]), copy)
    return made[id(tree)]
