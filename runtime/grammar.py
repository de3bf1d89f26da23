"""The oldest Python that reads some texts: what an artifact says of the sources that it carries."""

from __future__ import annotations

import ast
import io
import itertools
import sys
import tokenize
from collections.abc import Iterable, Iterator
from typing import Final

from arrows.parse import parse

OLDEST: Final = (3, 11)
"""The oldest Python that there is midflight for."""

_FREE: Final = 12
"""From 3.12 on, anything may stand within the braces of an f-string (PEP 701)."""

_Place = tuple[int, int]


def oldest(texts: Iterable[str]) -> str:
    """The oldest Python whose grammar reads some texts.

    >>> oldest(["x = 1"])
    '3.11'
    """
    held = tuple(texts)
    return next(
        (f"3.{minor}" for minor in range(OLDEST[1], sys.version_info[1]) if _reads(minor, held)),
        f"3.{sys.version_info[1]}",
    )


def _reads(minor: int, texts: Iterable[str]) -> bool:
    try:
        trees = [parse(text, version=(3, minor)) for text in texts]
    except SyntaxError:
        return False
    return minor >= _FREE or not (any(map(_is_nested, trees)) or any(map(_is_free, texts)))


def _is_nested(tree: ast.AST) -> bool:
    """Whether a value is in the format of one that is in the format of a third, in an f-string."""
    return any(_depth(each) > 2 for each in ast.walk(tree) if isinstance(each, ast.FormattedValue))


def _depth(value: ast.FormattedValue) -> int:
    held = value.format_spec.values if isinstance(value.format_spec, ast.JoinedStr) else ()
    return 1 + max((_depth(each) for each in held if isinstance(each, ast.FormattedValue)), default=0)


def _is_free(text: str) -> bool:
    """Whether an f-string of a text is one by the newer grammar alone; `ast.parse` does not look at that.

    >>> [_is_free(each) for each in ("f'{a[0]}'", "f'{a!r:>{n}}'", "f'{{'")]
    [False, False, False]
    """
    if sys.version_info < (3, _FREE):
        return False
    lines = io.StringIO(text).readlines()
    return any(_differs(lines, *each) for each in _f_strings(text))


def _f_strings(text: str) -> Iterator[tuple[tokenize.TokenInfo, _Place, list[tokenize.TokenInfo | None]]]:
    """The f-strings, also those within others: how each starts, where its text ends, and the tokens within its braces.

    None stands for what is between two of them.
    """
    inside: list[tuple[tokenize.TokenInfo, list[tokenize.TokenInfo | None]]] = []
    for each in tokenize.generate_tokens(io.StringIO(text).readline):
        kind = tokenize.tok_name[each.type]
        if kind == "FSTRING_END":
            start, inner = inside.pop()
            yield start, each.start, inner
        for at, (_, inner) in enumerate(inside, 1):
            inner.append(None if kind == "FSTRING_MIDDLE" and at == len(inside) else each)
        if kind == "FSTRING_START":
            inside.append((each, []))


def _differs(
    lines: list[str], start: tokenize.TokenInfo, end: _Place, inner: list[tokenize.TokenInfo | None]
) -> bool:
    within = [each for each in inner if each is not None]
    if any(each.type == tokenize.COMMENT or "\\" in each.string for each in within):
        return True
    for one, other in itertools.pairwise(inner):  # a line that is continued is in no token
        if one is None or other is None or one.end[0] == other.start[0]:
            continue
        if lines[one.end[0] - 1].rstrip().endswith("\\"):
            return True
    return _ends(lines, start) != end


def _ends(lines: list[str], start: tokenize.TokenInfo) -> _Place | None:
    """Where the text of an f-string ends that is read as any other string: at the first such quote."""
    quote = start.string.lstrip("rRfF")
    row, at = start.end
    while row <= len(lines):
        line = lines[row - 1]
        while at < len(line):
            if line.startswith(quote, at):
                return row, at
            at += 2 if line[at] == "\\" else 1
        if len(quote) == 1 and not line.rstrip("\r\n").endswith("\\"):
            return None
        row, at = row + 1, 0
    return None
