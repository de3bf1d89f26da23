"""Which part of one tree is which of another.

Equal subtrees are found by their content keys, as in the tree differences of Falleri et al., "Fine-grained
and accurate source code differencing" (GumTree, 2014), and Cobena et al., "Detecting changes in XML
documents" (2002). Rows are aligned by what both ends share, then by Myers, "An O(ND) difference algorithm"
(1986); where two rows share too little for it, by the parts that are in each just once (Cohen's patience
difference). What stands between two aligned parts is paired by how much is in both.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence

import attrs

from arrows.content_key import Index
from arrows.parts import Case, Tree, copied
from arrows.renaming import rename
from arrows.term import Keyed, Named, State

_ROUNDS = 128
"""Differences that the exact alignment looks for before the quick one takes over."""

_TABLE = 2500
"""Pairs of parts that are weighed in one gap."""

_INSIDE = 0.1
"""The weight of two parts of which one is inside the other: it moved there, unless nothing else fits."""

_SOME = 0.2
"""How much of the smaller part's content is also in the other, where nothing but its class tells what a part is."""

_ALIKE = 0.5
"""How much of the larger part's content is also in the other, to call one that other under another name."""


@attrs.frozen
class Gap:
    """What stands between two equal parts in two rows, or at an end; `at` is where it begins in both."""

    at: tuple[int, int]
    gone: list[Tree]
    came: list[Tree]


def gaps(old: Sequence[Tree], new: Sequence[Tree]) -> list[Gap]:
    """What is left of two rows when the equal parts in them are aligned. Never two gaps side by side."""
    one, other = [each.key for each in old], [each.key for each in new]
    start = _shared(one, other)
    end = min(_shared(one[::-1], other[::-1]), min(len(one), len(other)) - start)
    last = (len(one) - end, len(other) - end)
    middle = _middle(one[start : last[0]], other[start : last[1]])
    found = between([(start + a, start + b) for a, b in middle], old[: last[0]], new[: last[1]], start)
    return list(found)


def between(
    pairs: Sequence[tuple[int, int]], old: Sequence[Tree], new: Sequence[Tree], start: int = 0
) -> Iterator[Gap]:
    """What stands between paired parts, and beside them, where anything does."""
    a = b = start
    for one, other in (*pairs, (len(old), len(new))):
        if one > a or other > b:
            yield Gap((a, b), list(old[a:one]), list(new[b:other]))
        a, b = one + 1, other + 1


def _shared(one: Sequence[int], other: Sequence[int]) -> int:
    pairs = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _middle(one: list[int], other: list[int]) -> list[tuple[int, int]]:
    if not one or not other or set(one).isdisjoint(other):
        return []
    exact = _myers(one, other)
    return _once(one, other) if exact is None else exact


def _myers(one: list[int], other: list[int]) -> list[tuple[int, int]] | None:
    """The longest common subsequence, or None where more than `_ROUNDS` keys differ."""
    reach = {1: 0}
    trail: list[dict[int, int]] = []
    for round_ in range(min(len(one) + len(other), _ROUNDS) + 1):
        trail.append(dict(reach))
        for k in range(-round_, round_ + 1, 2):
            down = k == -round_ or (k != round_ and reach[k - 1] < reach[k + 1])
            a = reach[k + 1] if down else reach[k - 1] + 1
            while a < len(one) and a - k < len(other) and one[a] == other[a - k]:
                a += 1
            reach[k] = a
            if k == len(one) - len(other) and a >= len(one):
                return _walked(trail, len(one), len(other))
    return None


def _walked(trail: list[dict[int, int]], a: int, b: int) -> list[tuple[int, int]]:
    pairs: list[tuple[int, int]] = []
    for round_ in range(len(trail) - 1, -1, -1):
        reach, k = trail[round_], a - b
        down = k == -round_ or (k != round_ and reach[k - 1] < reach[k + 1])
        before_k = k + 1 if down else k - 1
        before_a = reach[before_k]
        before_b = before_a - before_k
        while a > max(before_a, 0) and b > max(before_b, 0):
            a, b = a - 1, b - 1
            pairs.append((a, b))
        a, b = before_a, before_b
    return pairs[::-1]


def _once(one: list[int], other: list[int]) -> list[tuple[int, int]]:
    """The longest run in both orders of the keys that are in each row once, and what adjoins it."""
    ones, others = Counter(one), Counter(other)
    places = {key: at for at, key in enumerate(other)}
    both = [(a, places[key]) for a, key in enumerate(one) if ones[key] == 1 == others[key]]
    ends: list[int] = []
    last: list[int] = []
    before: list[int] = []
    for at, (_, b) in enumerate(both):
        place = bisect_left(ends, b)
        ends[place : place + 1] = [b]
        last[place : place + 1] = [at]
        before.append(last[place - 1] if place else -1)
    at = last[-1] if last else -1
    anchors: list[tuple[int, int]] = []
    while at >= 0:
        anchors.append(both[at])
        at = before[at]
    found: list[tuple[int, int]] = []
    a = b = 0
    for end_a, end_b in (*reversed(anchors), (len(one), len(other))):
        same = _shared(one[a:end_a], other[b:end_b])
        found += [(a + step, b + step) for step in range(same)]
        if end_a < len(one):
            found.append((end_a, end_b))
        a, b = end_a + 1, end_b + 1
    return found


@attrs.define
class Similarity:
    """How much of two parts is the same; what was counted once is kept."""

    index: Index
    counts: dict[int, Counter[int]] = attrs.field(factory=dict)

    def pairs(self, old: Sequence[Tree], new: Sequence[Tree]) -> list[tuple[int, int]]:
        """The places of parts that are alterations of each other, in the order of both rows."""
        if len(old) == len(new) == 1 and self._is_plain(old[0], new[0]):
            return [(0, 0)]
        if len(old) * len(new) > _TABLE:
            short = min(len(old), len(new))
            return [(at, at) for at in range(short) if self.between(old[at], new[at]) > 0]
        best = [[0.0] * (len(new) + 1) for _ in range(len(old) + 1)]
        scores = [[self.between(one, other) for other in new] for one in old]
        for a in range(len(old) - 1, -1, -1):
            for b in range(len(new) - 1, -1, -1):
                best[a][b] = max(best[a + 1][b], best[a][b + 1], scores[a][b] + best[a + 1][b + 1])
        found: list[tuple[int, int]] = []
        a = b = 0
        while a < len(old) and b < len(new):
            if scores[a][b] > 0 and best[a][b] == scores[a][b] + best[a + 1][b + 1]:
                found.append((a, b))
                a, b = a + 1, b + 1
            elif best[a][b] == best[a + 1][b]:
                a += 1
            else:
                b += 1
        return found

    def between(self, old: Tree, new: Tree) -> float:
        """0 where one is no alteration of the other; more where more is the same."""
        if type(old.head) is not type(new.head) or not old.rows:
            return 0.0
        one, other = self._count(old), self._count(new)
        common = sum((one & other).values())
        sizes = sorted((sum(one.values()), sum(other.values())))
        if new.key in one or old.key in other:
            return _INSIDE if self._is_called(old, new) else 0.0
        if self._is_called(old, new):
            named = isinstance(old.head, _WITH_NAMES)
            share = common / max(1, sizes[0])
            return 1 + share if share >= _SOME or named or _is_single(old, new) else 0.0
        share = common / max(1, sizes[1])
        if share >= _ALIKE or self.is_renamed(old, new):
            return 0.5 + share
        return 0.0

    def _is_plain(self, old: Tree, new: Tree) -> bool:
        """Whether one is an alteration of the other by what is seen without counting what is in them.

        On the way down to a change this is nearly always so, and counting at every level of a deep tree is not
        linear.
        """
        if type(old.head) is not type(new.head) or not old.rows or not self._is_called(old, new):
            return False
        if isinstance(old.head, _WITH_NAMES) or _is_single(old, new):
            return True
        return any(
            {each.key for each in a} & {each.key for each in b}
            for a, b in zip(old.rows, new.rows, strict=True)
        )

    def _is_called(self, old: Tree, new: Tree) -> bool:
        """Whether two parts of one class have the same name, or are alike but for what is in them."""
        if isinstance(old.head, _WITH_NAMES):
            return _name(old) == _name(new)
        return bool(self.index.head(old.head) == self.index.head(new.head))

    def is_renamed(self, old: Tree, new: Tree) -> bool:
        """Whether a cell's other name is the one thing that differs in its body."""
        if not isinstance(old.head, State) or not isinstance(new.head, State):
            return False
        if old.head.name == new.head.name or len(old.below()) != len(new.below()):
            return False
        return self.renamed(old, new.head.name) == [each.key for each in new.rows[0]]

    def renamed(self, old: Tree, name: str) -> list[int]:
        """The keys that the body of a cell would have under another name."""
        copy = copied(old)
        rename(copy, name)
        self.index.read(copy)
        return [each.key for each in copy.rows[0]]

    def _count(self, tree: Tree) -> Counter[int]:
        known = self.counts.get(tree.key)
        if known is None:
            known = self.counts[tree.key] = Counter(each.key for each in tree.below())
            del known[tree.key]
        return known


_WITH_NAMES = (Case, State, Named, Keyed)


def _is_single(old: Tree, new: Tree) -> bool:
    """Whether all rows are of one part, and no more than one of them differs."""
    if any(len(row) != 1 for row in (*old.rows, *new.rows)):
        return False
    return sum(a[0].key != b[0].key for a, b in zip(old.rows, new.rows, strict=True)) <= 1


def _name(tree: Tree) -> str:
    head = tree.head
    if isinstance(head, Case):
        return head.cls.__name__
    return head.name if isinstance(head, State | Named | Keyed) else ""
