"""What became of each part, for a picture: the new machine's tree, with what went still at its old place.

The edits of a difference are made one by one, as `patch` makes them, and each leaves its mark.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, assert_never

import attrs

from arrows.diff import Difference
from arrows.edit import (
    Altered,
    Deleted,
    Edit,
    Inserted,
    Moved,
    Renamed,
    Replaced,
    Unwrapped,
    Wrapped,
    apply,
    patch,
)
from arrows.parts import Tree, at, brief, caption, rooted
from arrows.term import Arrow, node

Look: TypeAlias = Literal["inserted", "deleted", "replaced", "moved", "left"]
"""How a part is shown. `left` is the place that a part moved away from."""

LEGEND: dict[Look, str] = {
    "inserted": "inserted",
    "deleted": "deleted",
    "replaced": "replaced or altered",
    "moved": "moved or renamed",
    "left": "stood here before",
}


@attrs.frozen
class Mark:
    """How a part is shown, and what it was; where it is deep, what is in the part is shown so too."""

    look: Look
    note: str = ""
    deep: bool = True

    @property
    def gone(self) -> bool:
        """Whether the part is not in the new machine."""
        return self.look in ("deleted", "left")

    def inside(self) -> Mark | None:
        """The mark of what is in the part."""
        return attrs.evolve(self, note="") if self.deep else None


@attrs.define
class Marked:
    """A tree and its marks; `shown` are the rows in which something stood that is not there now."""

    root: Tree
    marks: dict[Tree, Mark] = attrs.field(factory=dict)
    shown: dict[Tree, dict[int, list[Tree]]] = attrs.field(factory=dict)

    def row(self, part: Tree, row: int) -> list[Tree]:
        """A row as it is shown."""
        return self.shown.get(part, {}).get(row, part.rows[row])

    def follow(self, edit: Edit) -> None:
        """Make an edit, and mark what it is about."""
        match edit:
            case Inserted(path=path):
                apply(self.root, edit)
                self._came(at(self.root, path), Mark("inserted"))
            case Deleted(path=path):
                part = at(self.root, path)
                self._beside(part)
                apply(self.root, edit)
                self.marks[part] = Mark("deleted")
            case Replaced(path=path, old=old):
                went = at(self.root, path)
                beside = self._beside(went)
                apply(self.root, edit)
                part = at(self.root, path)
                beside[beside.index(went)] = part
                self._mark(part, Mark("replaced", f"was {brief(old)}"))
            case Altered(path=path, old=old):
                apply(self.root, edit)
                self._mark(at(self.root, path), Mark("replaced", f"was {caption(old)}", deep=False))
            case Renamed(path=path, old=name):
                apply(self.root, edit)
                self._mark(at(self.root, path), Mark("moved", f"was called {name}", deep=False))
            case Moved(path=path):
                self._moved(at(self.root, path), edit)
            case Wrapped(path=path):
                self._wrapped(at(self.root, path), edit)
            case Unwrapped(path=path):
                self._unwrapped(at(self.root, path), edit)
            case _:
                assert_never(edit)

    def _mark(self, part: Tree, mark: Mark) -> None:
        before = self.marks.get(part)
        if before is not None:
            mark = Mark(mark.look, f"{before.note}\n{mark.note}".strip(), mark.deep or before.deep)
        self.marks[part] = mark

    def _beside(self, part: Tree) -> list[Tree]:
        """The shown row that a part stands in, to be altered."""
        parent = part.parent
        assert parent is not None
        return self.shown.setdefault(parent, {}).setdefault(part.row, list(parent.rows[part.row]))

    def _came(self, part: Tree, mark: Mark) -> None:
        parent = part.parent
        assert parent is not None
        shown, row = self.row(parent, part.row), parent.rows[part.row]
        if shown is not row:
            behind = row[row.index(part) + 1 :]
            shown.insert(shown.index(behind[0]) if behind else len(shown), part)
        self._mark(part, mark)

    def _moved(self, part: Tree, edit: Moved) -> None:
        beside = self._beside(part)
        left = Tree(part.head, [[] for _ in part.rows])
        beside[beside.index(part)] = left
        self.marks[left] = Mark("left")
        apply(self.root, edit)
        self._came(part, Mark("moved", "moved"))

    def _wrapped(self, first: Tree, edit: Wrapped) -> None:
        beside, parent, place = self._beside(first), first.parent, edit.path[-1]
        assert parent is not None
        last = parent.rows[first.row][place + edit.count - 1]
        held = slice(beside.index(first), beside.index(last) + 1)
        apply(self.root, edit)
        around = at(self.root, edit.path)
        self.shown[around] = {edit.row: beside[held]}
        beside[held] = [around]
        self._mark(around, Mark("inserted", deep=False))
        for number, row in enumerate(around.rows):
            for part in row if number != edit.row else ():
                self._mark(part, Mark("inserted"))

    def _unwrapped(self, around: Tree, edit: Unwrapped) -> None:
        beside = self._beside(around)
        held = list(self.row(around, edit.row))
        apply(self.root, edit)
        around.rows[edit.row].clear()
        self.shown.get(around, {}).pop(edit.row, None)
        place = beside.index(around)
        beside[place + 1 : place + 1] = held
        self.marks[around] = Mark("deleted", "what was in it stayed")


def marked(old: Arrow[Any, Any], difference: Difference | None = None) -> Marked:
    """Return the machine that a difference leads to, with a mark on what is not as it was.

    Raises BuildError where the difference was not made from this machine.
    """
    found = Marked(rooted(node(old)))
    if difference is not None:
        patch(old, difference)
        for edit in difference.edits:
            found.follow(edit)
    return found
