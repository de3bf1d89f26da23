"""A difference as people read it: in the lines they wrote, and in colours. Who shows them decides how."""

from __future__ import annotations

import linecache
from collections.abc import Callable, Iterator
from typing import Any, Literal, TypeAlias

import attrs

from arrows.diff import Difference
from arrows.edit import Edit, Moved, Renamed, origin, sides
from arrows.origin import Origin

Style: TypeAlias = Literal["added", "removed", "changed", "moved", "plain"]

_STYLES: dict[str, Style] = {"+": "added", "-": "removed", "~": "changed", ">": "moved"}

Text: TypeAlias = Callable[[Origin], str]
"""Tells the line of source at a place, or "" where there is none to read."""


@attrs.frozen
class LineChange:
    """A line of the user's that an edit is about: how it was, how it is. One side may be missing."""

    old: Origin | None
    old_text: str
    new: Origin | None
    new_text: str

    def __str__(self) -> str:
        return "\n".join(text for _, text in self.segments())

    def segments(self) -> Iterator[tuple[Style, str]]:
        """The sides that there are, each in its style."""
        if self.old:
            yield "removed", f"- {self.old}: {self.old_text}"
        if self.new:
            yield "added", f"+ {self.new}: {self.new_text}"

    def to_plain(self) -> dict[str, Any]:
        """The same as JSON-able data; a side that is missing is None."""
        return {"old": _plain(self.old, self.old_text), "new": _plain(self.new, self.new_text)}


def _plain(place: Origin | None, text: str) -> dict[str, Any] | None:
    return {"file": place.file, "line": place.line, "text": text} if place else None


def source_line(place: Origin) -> str:
    """The line at a place, as far as Python can read it."""
    return linecache.getline(place.file, place.line).strip()


def changed_lines(difference: Difference, text: Text = source_line) -> tuple[LineChange, ...]:
    """The lines that a difference is about, each once, where their source can be read.

    A line that reads as it did before is left out: an edit on it comes from elsewhere.
    """
    changes = [_lines(edit, text) for edit in difference.edits]
    whole = [each for each in changes if each.old and each.new and each.old_text != each.new_text]
    half = [each for each in changes if (each.old is None) != (each.new is None)]
    found: list[LineChange] = []
    seen: set[tuple[str, Origin]] = set()
    for each in (*whole, *half):
        ends = {(word, place) for word, place in (("old", each.old), ("new", each.new)) if place}
        if seen.isdisjoint(ends):
            found.append(each)
            seen |= ends
    return tuple(sorted(found, key=_place))


def to_plain(difference: Difference, text: Text = source_line) -> dict[str, Any]:
    """A difference as JSON-able data, each edit with the place where both sides of it were written.

    `lines` are the lines of `changed_lines`.
    """
    plain = difference.to_plain()
    nodes = zip(plain["nodes"], difference.edits, strict=True)
    return {
        **plain,
        "nodes": [{**each, "source": _written(edit, text)} for each, edit in nodes],
        "lines": [each.to_plain() for each in changed_lines(difference, text)],
    }


def _written(edit: Edit, text: Text) -> dict[str, Any]:
    old, new = _sides(edit)
    return {
        "old": _plain(old, text(old) if old else ""),
        "new": _plain(new, text(new) if new else ""),
    }


def _place(change: LineChange) -> int:
    place = change.new or change.old
    return place.line if place else 0


def _sides(edit: Edit) -> tuple[Origin | None, Origin | None]:
    """Where the two sides of an edit were written."""
    old, new = map(origin, sides(edit))
    return old, edit.place if isinstance(edit, Renamed | Moved) else new


def _lines(edit: Edit, text: Text) -> LineChange:
    old, new = _sides(edit)
    if isinstance(edit, Moved):
        old = None  # it reads as before
    old_text, new_text = text(old) if old else "", text(new) if new else ""
    return LineChange(old if old_text else None, old_text, new if new_text else None, new_text)


def segments(difference: Difference) -> tuple[tuple[Style, str], ...]:
    """The lines of `str(difference)`, each with the style it is shown in.

    >>> from arrows import arr, constant, diff
    >>> segments(diff(arr(abs), arr(abs) >> constant(1)))
    (('added', '+ node 1: constant(1)'),)
    """
    return tuple((_STYLES.get(line[:1], "plain"), line) for line in str(difference).splitlines())
