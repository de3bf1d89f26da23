"""Where in the user's own source a value was written."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import FrameType

import attrs

_HOME = Path(__file__).parent.parent
_OWN = tuple(str(_HOME / package / "_").removesuffix("_") for package in ("arrows", "migrations", "runtime"))
"""The folders whose frames are not the user's."""


@attrs.frozen
class Code:
    """What `@proc` knows of a line that it read: the line is the code itself, and runs where the node steps.

    `within` is the function's qualified name and `first` its first line; `span` is the end of the expression
    (its line, and the columns of both ends); `passed` are lines before it that left no node, as `pass`;
    `cases` are the lines of the cases that a `Switch` decides between. Where `quiet`, the node is of the
    notation's own making and stands for no line.
    """

    within: str
    first: int
    span: tuple[int, int, int] | None = None
    passed: tuple[int, ...] = ()
    cases: tuple[int, ...] = ()
    quiet: bool = False


@attrs.frozen
class Origin:
    """A file and a line (counted from 1) of the user's source.

    `code` is there where `@proc` read that line, `via` where a `@proc` called the arrow.
    """

    file: str
    line: int
    code: Code | None = attrs.field(default=None, eq=False, repr=False)
    via: Origin | None = attrs.field(default=None, eq=False, repr=False)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"

    def called(self, place: Origin) -> Origin:
        """The same of an arrow that is called at `place`."""
        return attrs.evolve(self, via=self.via.called(place) if self.via else place)

    def depth(self) -> int:
        """Through how many calls the arrow came to where it is."""
        return self.via.depth() + 1 if self.via else 0


_PLACE: ContextVar[Origin | None] = ContextVar("place", default=None)


@contextmanager
def writing(place: Origin) -> Iterator[None]:
    """Let what is built inside the block be said to come from `place`."""
    token = _PLACE.set(place)
    try:
        yield
    finally:
        _PLACE.reset(token)


def caller() -> Origin | None:
    """Return the nearest place on the stack outside our packages, or None where there is none."""
    place = _PLACE.get()
    if place is not None:
        return place
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith(_OWN) and not name.startswith("<attrs"):
            return Origin(name, frame.f_lineno)
        frame = frame.f_back
    return None


class BuildError(TypeError):
    """An arrow that cannot be built. The text names what is wrong, where, and what to write instead."""

    def __init__(self, what: str, *, where: Origin | None = None, remedy: str = "") -> None:
        self.what = what
        self.where = where
        self.remedy = remedy
        parts = [f"{where}: {what}" if where else what]
        if remedy:
            parts.append(remedy)
        super().__init__("\n".join(parts))
