"""Where what `@proc` reads stands: the place of a piece of source, kept by the nodes that are made of it."""

from __future__ import annotations

import ast
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

import attrs

from arrows.origin import BuildError, Code, Origin, writing
from arrows.term import Compose, Node

_SIMPLE: Final = (ast.expr, ast.pattern, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Raise, ast.Assert)
"""What is shown whole in a traceback; of anything else the first line is."""


class Places:
    """Tells the places of one function's source, and refuses what stands there."""

    def __init__(self, file: str, function: types.FunctionType) -> None:
        self.file = file
        self.function = function

    @contextmanager
    def at(self, tree: ast.AST) -> Iterator[None]:
        with writing(self.place(tree)):
            yield

    def place(self, tree: ast.AST) -> Origin:
        first = self.function.__code__.co_firstlineno
        return Origin(
            self.file, getattr(tree, "lineno", 0), Code(self.function.__qualname__, first, _span(tree))
        )

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Let what is built stand for no line."""
        first = self.function.__code__.co_firstlineno
        with writing(Origin(self.file, first, Code(self.function.__qualname__, first, quiet=True))):
            yield

    def refuse(self, tree: ast.AST, what: str, remedy: str) -> NoReturn:
        raise BuildError(what, where=self.place(tree), remedy=remedy)


def behind(line: int, arrow: Node) -> Node:
    """An arrow before which a line was passed that left no node."""
    if isinstance(arrow, Compose) and arrow.steps:
        return attrs.evolve(arrow, steps=(behind(line, arrow.steps[0]), *arrow.steps[1:]))
    origin = arrow.origin
    if origin is None or origin.code is None:
        return arrow
    code = attrs.evolve(origin.code, passed=(line, *origin.code.passed))
    return attrs.evolve(arrow, origin=attrs.evolve(origin, code=code))


def called(arrow: Node, place: Origin) -> Node:
    """An arrow that says where a `@proc` called it."""
    if isinstance(arrow, Compose):
        return attrs.evolve(arrow, steps=tuple(called(step, place) for step in arrow.steps))
    return attrs.evolve(arrow, origin=(arrow.origin or Origin(place.file, place.line)).called(place))


def _span(tree: ast.AST) -> tuple[int, int, int] | None:
    if not isinstance(tree, _SIMPLE) or tree.end_lineno is None or tree.end_col_offset is None:
        return None
    return tree.end_lineno, tree.col_offset, tree.end_col_offset
