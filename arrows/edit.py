"""Edits: what turns one machine into another, as frozen data addressed by path; and `patch`, which makes them.

The edits of a script are made in order, and each speaks of the tree that the ones before it left (see
`arrows.parts` for what a path is). So a script can be read from the top, and cut short anywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, assert_never, cast

import attrs

from arrows.cells import Path
from arrows.origin import BuildError, Origin
from arrows.parts import Case, Part, Tree, at, brief, built, caption, machine, planted, rooted
from arrows.renaming import rename
from arrows.term import Arrow, Keyed, Named, State, node

if TYPE_CHECKING:
    from arrows.diff import Difference


@attrs.frozen
class Inserted:
    """A part that came, to stand at `path`."""

    path: Path
    part: Part

    def __str__(self) -> str:
        return f"+ node {where(self.path)}: {brief(self.part)}"


@attrs.frozen
class Deleted:
    """A part that went."""

    path: Path
    part: Part

    def __str__(self) -> str:
        return f"- node {where(self.path)}: {brief(self.part)}"


@attrs.frozen
class Replaced:
    """A part with another in its place."""

    path: Path
    old: Part
    new: Part

    def __str__(self) -> str:
        return f"~ node {where(self.path)}: {brief(self.old)} -> {brief(self.new)}"


@attrs.frozen
class Altered:
    """A part that is another, around what it held before; `old` and `new` are shown empty."""

    path: Path
    old: Part
    new: Part

    def __str__(self) -> str:
        return f"~ node {where(self.path)}: {caption(self.old)} -> {caption(self.new)}"


@attrs.frozen
class Renamed:
    """A scope under another name; so are the cell's `get` and `put` in it."""

    path: Path
    old: str
    new: str
    part: Part = attrs.field(eq=False, repr=False)
    place: Origin | None = attrs.field(eq=False, repr=False)

    def __str__(self) -> str:
        return f"~ node {where(self.path)}: {self.old} is called {self.new}"


@attrs.frozen
class Moved:
    """A part that stands elsewhere: taken from `path`, then put at `to`."""

    path: Path
    to: Path
    part: Part
    place: Origin | None = attrs.field(eq=False, repr=False)

    def __str__(self) -> str:
        return f"> node {where(self.path)} to {where(self.to)}: {brief(self.part)}"


@attrs.frozen
class Wrapped:
    """A part that came around the `count` parts from `path` on, which are now its row `row`."""

    path: Path
    count: int
    row: int
    part: Part

    def __str__(self) -> str:
        parts = "part" if self.count == 1 else "parts"
        return f"+ node {where(self.path)}: {caption(self.part)} around {self.count} {parts}"


@attrs.frozen
class Unwrapped:
    """A part that went from around its row `row`, which stayed."""

    path: Path
    row: int
    part: Part

    def __str__(self) -> str:
        return f"- node {where(self.path)}: {caption(self.part)}, not what is in it"


Edit: TypeAlias = Inserted | Deleted | Replaced | Altered | Renamed | Moved | Wrapped | Unwrapped


def where(path: Path) -> str:
    """A path as text."""
    return "/".join(map(str, path))


def sides(edit: Edit) -> tuple[Part | None, Part | None]:
    """What an edit speaks of in the old machine, and in the new one."""
    match edit:
        case Inserted(part=part) | Wrapped(part=part):
            return None, part
        case Deleted(part=part) | Unwrapped(part=part):
            return part, None
        case Replaced(old=old, new=new) | Altered(old=old, new=new):
            return old, new
        case Moved(part=part) | Renamed(part=part):
            return part, part
        case _:
            assert_never(edit)


def origin(part: Part | None) -> Origin | None:
    """Where a part was written."""
    return part.body.origin if isinstance(part, Case) else part.origin if part is not None else None


def to_plain(edit: Edit) -> dict[str, Any]:
    """An edit as JSON-able data."""
    old, new = (brief(part) if part is not None else "" for part in sides(edit))
    if isinstance(edit, Altered):
        old, new = caption(edit.old), caption(edit.new)
    elif isinstance(edit, Renamed):
        old, new = edit.old, edit.new
    plain: dict[str, Any] = {
        "change": type(edit).__name__.lower(),
        "path": list(edit.path),
        "old": old,
        "new": new,
    }
    if isinstance(edit, Moved):
        plain["to"] = list(edit.to)
    if isinstance(edit, Wrapped):
        plain["count"] = edit.count
    if isinstance(edit, Wrapped | Unwrapped):
        plain["row"] = edit.row
    return plain


def patch(old: Arrow[Any, Any], difference: Difference) -> Arrow[Any, Any]:
    """Return the machine that a difference leads to: `patch(old, diff(old, new)) == new`.

    Raises BuildError where the difference was not made from this machine.

    >>> from arrows import arr, constant, diff, patch
    >>> old, new = arr(abs), constant(1) >> arr(abs)
    >>> patch(old, diff(old, new)) == new
    True
    """
    root = rooted(node(old))
    for edit in (*difference.edits, *difference.reloaded):
        try:
            apply(root, edit)
        except LookupError:
            raise BuildError(
                f"the difference does not fit this machine: {edit}",
                where=old.origin,
                remedy="Patch the machine that the difference was made from.",
            ) from None
    return cast("Arrow[Any, Any]", machine(root))


def apply(root: Tree, edit: Edit) -> None:
    """Make an edit. Raises LookupError where the tree is not the one that the edit speaks of."""
    match edit:
        case Inserted(path=path, part=part):
            _insert(root, path, planted(part))
        case Moved(path=path, to=to, part=part):
            _insert(root, to, _known(root, path, part).take())
        case Deleted(path=path, part=part):
            _known(root, path, part).take()
        case Replaced(path=path, old=old, new=new):
            _known(root, path, old).swap(planted(new))
        case Altered(path=path, old=old, new=new):
            tree = at(root, path)
            _expect(tree.head == old)
            tree.head = new
        case Renamed(path=path, old=name, new=new_name):
            tree = at(root, path)
            _expect(isinstance(tree.head, State | Named | Keyed) and tree.head.name == name)
            rename(tree, new_name)
        case Wrapped(path=path, count=count, row=row, part=part):
            wrap(at(root, path), count, row, planted(part))
        case Unwrapped(path=path, row=row):
            unwrap(at(root, path), row)
        case _:
            assert_never(edit)


def wrap(first: Tree, count: int, row: int, around: Tree) -> None:
    """Put a part around `count` parts."""
    parent, place = first.parent, first.path()[-1]
    _expect(parent is not None and place + count <= len(parent.rows[first.row]) and row < len(around.rows))
    assert parent is not None
    held = parent.rows[first.row][place : place + count]
    del parent.rows[first.row][place : place + count]
    parent.put(first.row, place, around)
    around.rows[row].clear()
    for each in held:
        around.put(row, len(around.rows[row]), each)


def unwrap(around: Tree, row: int) -> None:
    """Let what is in a row of a part stand in the part's place."""
    parent, place = around.parent, around.path()[-1]
    _expect(parent is not None and row < len(around.rows))
    assert parent is not None
    around.take()
    for offset, each in enumerate(around.rows[row]):
        parent.put(around.row, place + offset, each)


def _insert(root: Tree, path: Path, tree: Tree) -> None:
    parent, row = (at(root, path[:-2]), path[-2]) if len(path) > 1 else (root, 0)
    _expect(row < len(parent.rows) and path[-1] <= len(parent.rows[row]))
    parent.put(row, path[-1], tree)


def _known(root: Tree, path: Path, part: Part) -> Tree:
    tree = at(root, path)
    _expect(built(tree) == part)
    return tree


def _expect(fits: bool) -> None:
    if not fits:
        raise LookupError
