"""The edit script that leads from one tree to another, made while altering the one into the other.

The way is that of Chawathe et al., "Change detection in hierarchically structured information" (1996): match,
then walk the new tree and let the old one follow, so that every edit's path is right by construction. It is
theirs but for the matching (`arrows.matching`) and for what is one edit here: a whole subtree that comes, goes
or moves, a scope around what was there, a cell's name with all that reads and writes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

from arrows.cells import Path
from arrows.content_key import Index
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
    origin,
    unwrap,
    wrap,
)
from arrows.matching import Similarity, between, gaps
from arrows.parts import Case, Tree, built, copied, planted
from arrows.renaming import rename
from arrows.term import Function, Keyed, Named, State

_SMALL = 3
"""Parts as small as this are alike by chance, so that where others took their place they did not move."""


@attrs.define
class Script:
    """The edits so far; `similarity` knows the keys of both trees."""

    index: Index
    similarity: Similarity
    edits: list[Edit] = attrs.field(factory=list)
    partners: dict[int, Tree] = attrs.field(factory=dict)
    waiting: list[tuple[Tree, Tree]] = attrs.field(factory=list)
    left: list[tuple[list[Tree], list[Tree]]] = attrs.field(factory=list)

    def lead(self, old: Tree, new: Tree) -> tuple[Edit, ...]:
        """Alter the old tree into the new one; return the edits that did it."""
        self.waiting.append((old, new))
        while self.waiting:
            one, other = self.waiting.pop()
            self.partners[id(other)] = one
            if one.key != other.key:
                self.head(one, other)
                for olds, news in [
                    (list(olds), news) for olds, news in zip(one.rows, other.rows, strict=True)
                ]:
                    self.row(olds, news)
        self.rest()
        return tuple(self.edits)

    def head(self, old: Tree, new: Tree) -> None:
        if isinstance(old.head, State | Named | Keyed) and isinstance(new.head, State | Named | Keyed):
            name, other = old.head.name, new.head.name
            if name != other and not self.keeps_names(old, new):
                self.edits.append(Renamed(old.path(), name, other, old.head, new.head.origin))
                rename(old, other)
                self.index.read(old)
        if self.index.head(old.head) != self.index.head(new.head):
            self.edits.append(Altered(old.path(), old.head, new.head))
            old.head = new.head

    def keeps_names(self, old: Tree, new: Tree) -> bool:
        """Whether a cell was called otherwise while its body goes on reading the name as before."""
        if not isinstance(old.head, State) or not isinstance(new.head, State):
            return False
        before, after = _keys(old.rows[0]), _keys(new.rows[0])
        return before == after != self.similarity.renamed(old, new.head.name)

    def row(self, old: list[Tree], new: list[Tree]) -> None:
        for gap in gaps(old, new):
            a, b = gap.at
            if b:
                self.partners[id(new[b - 1])] = old[a - 1]  # what came may have to stand behind it
            self.gap(gap.gone, gap.came)

    def gap(self, gone: list[Tree], came: list[Tree]) -> None:
        """What stands between equal parts. Gaps that a scope splits are looked at in their order."""
        waiting = [(gone, came)]
        while waiting:
            gone, came = waiting.pop()
            rest = self.around(gone, came)
            if rest is not None:
                waiting += rest
                continue
            pairs = self.similarity.pairs(gone, came)
            for a, b in pairs:
                self.partners[id(came[b])] = gone[a]
                self.waiting.append((gone[a], came[b]))
            self.left += [(each.gone, each.came) for each in between(pairs, gone, came)]

    def around(self, gone: list[Tree], came: list[Tree]) -> list[tuple[list[Tree], list[Tree]]] | None:
        """Find a scope that came around parts or went from around them; return the gaps beside it, right first."""
        for scope, row, at, start, count in _held(came, gone):
            hole = copied(scope)
            hole.rows[row].clear()
            part = built(hole)
            assert not isinstance(part, Case)
            self.edits.append(Wrapped(gone[start].path(), count, row, part))
            tree = planted(part)
            wrap(gone[start], count, row, tree)
            self.partners[id(scope)] = tree
            return [(gone[start + count :], came[at + 1 :]), (gone[:start], came[:at])]
        for scope, row, at, start, count in _held(gone, came):
            self.edits.append(Unwrapped(scope.path(), row, built(scope)))
            for one, other in zip(scope.rows[row], came[start : start + count], strict=True):
                self.partners[id(other)] = one
            unwrap(scope, row)
            return [(gone[at + 1 :], came[start + count :]), (gone[:at], came[:start])]
        return None

    def rest(self) -> None:
        """What has no partner moved, was replaced, went, or came."""
        moves = self.moves()
        sources = {id(source) for source in moves.values()}
        holders = self.rescued(moves)
        placed: list[Tree] = []
        gone: list[Tree] = []
        late: list[tuple[Tree, Tree]] = []
        for went, news in self.left:
            olds = [each for each in went if id(each) not in sources]
            fresh = [each for each in news if id(each) not in moves]
            for old, new in zip(olds, fresh, strict=False):
                if id(old) in holders:
                    self.partners[id(new)] = old  # it stands there until what is in it has moved out
                    late.append((old, new))
                else:
                    self.replace(old, new)
            gone += olds[len(fresh) :]
            replaced = {id(each) for each in fresh[: len(olds)]}
            placed += [each for each in news if id(each) not in replaced]
        for each in gone:
            if id(each) not in holders:
                self.delete(each)
        for each in placed:
            self.place(each, moves.get(id(each)))
        for old, new in late:
            self.replace(old, new)
        for each in gone:
            if id(each) in holders:
                self.delete(each)

    def replace(self, old: Tree, new: Tree) -> None:
        part = built(new)
        self.edits.append(Replaced(old.path(), built(old), part))
        self.partners[id(new)] = planted(part)
        old.swap(self.partners[id(new)])

    def delete(self, old: Tree) -> None:
        self.edits.append(Deleted(old.path(), built(old)))
        old.take()

    def moves(self) -> dict[int, Tree]:
        """For what came by moving, by its identity: what it was."""
        sources: dict[int, list[Tree]] = {}
        for gone, came in self.left:
            for each in gone:
                if len(gone) > len(came) or _is_large(each):
                    sources.setdefault(each.key, []).append(each)
        found: dict[int, Tree] = {}
        for gone, came in self.left:
            for each in came:
                if sources.get(each.key) and (len(came) > len(gone) or _is_large(each)):
                    found[id(each)] = sources[each.key].pop(0)
        return found

    def rescued(self, moves: dict[int, Tree]) -> set[int]:
        """Find what moved out of parts that go, add it to the moves, and return which parts those are."""
        wanted: dict[int, list[Tree]] = {}
        taken = {id(source) for source in moves.values()}
        for gone, came in self.left:
            fresh = [each for each in came if id(each) not in moves]
            more = len(fresh) - sum(id(each) not in taken for each in gone)  # the others are replacements
            for each in list(filter(_is_large, fresh))[: max(more, 0)]:
                wanted.setdefault(each.key, []).append(each)
        holders: set[int] = set()
        going = [each for gone, _ in self.left for each in gone if id(each) not in taken] if wanted else []
        for holder in going:
            waiting = [part for row in holder.rows for part in row]
            while waiting:
                part = waiting.pop()
                if wanted.get(part.key):
                    moves[id(wanted[part.key].pop(0))] = part
                    holders.add(id(holder))
                else:
                    waiting += [inner for row in part.rows for inner in row]
        return holders

    def place(self, new: Tree, source: Tree | None) -> None:
        """Let a part come, or move, to stand behind the partner of what it stands behind in the new tree."""
        assert new.parent is not None
        path = () if source is None else source.path()
        if source is not None:
            source.take()
        parent = self.partners[id(new.parent)]
        beside = new.parent.rows[new.row]
        place = next(at for at, each in enumerate(beside) if each is new)
        before = self.partners[id(beside[place - 1])].path()[-1] if place else -1
        prefix: Path = () if parent.parent is None else (*parent.path(), new.row)
        to = (*prefix, before + 1)
        if source is None:
            self.edits.append(Inserted(to, built(new)))
        else:
            self.edits.append(Moved(path, to, built(source), origin(built(new))))
        tree = planted(built(new)) if source is None else source
        parent.put(new.row, before + 1, tree)
        self.partners[id(new)] = tree


def reloaded(old: Tree, new: Tree) -> Iterator[Edit]:
    """In trees of equal content: the functions of the old one that are other objects in the new one."""
    for one, other in zip(old.below(), new.below(), strict=True):
        held = (one.head, other.head)
        match held:
            case (Function(function=f), Function(function=g)) if f is not g:
                yield Replaced(one.path(), *held)


def _keys(row: Sequence[Tree]) -> list[int]:
    return [each.key for each in row]


def _is_large(tree: Tree) -> bool:
    return any(at >= _SMALL for at, _ in enumerate(tree.below()))


def _held(scopes: Sequence[Tree], parts: Sequence[Tree]) -> Iterator[tuple[Tree, int, int, int, int]]:
    """Scopes of which a whole row is also a run of parts: scope, row, its place, start and length of the run."""
    keys = _keys(parts)
    places: dict[int, list[int]] = {}
    for at, key in enumerate(keys):
        places.setdefault(key, []).append(at)
    for at, scope in enumerate(scopes):
        for row, inner in enumerate(scope.rows):
            wanted = _keys(inner)
            for start in places.get(wanted[0], []) if wanted else []:
                if keys[start : start + len(wanted)] == wanted:
                    yield scope, row, at, start, len(wanted)
