"""Python's own parser."""

from __future__ import annotations

import ast
from typing import Final

TRIES: Final = 20


def parse(text: str, name: str = "<unknown>", version: tuple[int, int] | None = None) -> ast.Module:
    """The tree of a text, by the grammar of this Python or of an older version. Raises SyntaxError and ValueError.

    Where two threads parse at once, Python 3.11 may take the depth of one tree for that of the other and raise
    SystemError, of which nothing is true (https://github.com/python/cpython/issues/106905): then it is done again.
    """
    for _ in range(TRIES):
        try:
            return ast.parse(text, name, feature_version=version)
        except SystemError:
            continue
    return ast.parse(text, name, feature_version=version)
