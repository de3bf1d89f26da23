"""The functions that a text defines, found by reading it once."""

from __future__ import annotations

import ast
from bisect import bisect_right
from functools import lru_cache
from typing import Final, TypeAlias

from arrows.parse import parse

FILES: Final = 16
"""Of how many files what was read is kept."""

Definition: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


class Index:
    """The functions of a text: what is asked of it a thousand times is read once."""

    def __init__(self, text: str) -> None:
        self.lambdas: dict[int, list[ast.Lambda]] = {}
        self.definitions: dict[tuple[str, int], Definition] = {}
        self.starts: list[int] = []
        self.nested: list[tuple[Definition, ...]] = []
        waiting: list[tuple[ast.AST, tuple[Definition, ...]]] = [(parse(text), ())]
        while waiting:
            each, around = waiting.pop()
            if isinstance(each, ast.Lambda):
                self.lambdas.setdefault(each.lineno, []).append(each)
            elif isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
                first = min([each.lineno, *(one.lineno for one in each.decorator_list)])
                self.definitions[each.name, first] = each
                around = (*around, each)
                self.starts.append(each.lineno)
                self.nested.append(around)
            waiting += [(child, around) for child in reversed(list(ast.iter_child_nodes(each)))]
        order = sorted(range(len(self.starts)), key=self.starts.__getitem__)
        self.starts, self.nested = [self.starts[at] for at in order], [self.nested[at] for at in order]

    def around(self, line: int) -> tuple[Definition, ...]:
        """The definitions that a line is in, the outermost first."""
        before = bisect_right(self.starts, line)
        inside = self.nested[before - 1] if before else ()
        return tuple(each for each in inside if line <= (each.end_lineno or 0))


@lru_cache(maxsize=FILES)
def index(text: str) -> Index:
    """The functions of a text. Raises SyntaxError for what is no Python."""
    return Index(text)
