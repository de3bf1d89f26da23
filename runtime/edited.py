"""Which lines of a version are others than those of the version before.

What is alike at the beginning and at the end is set aside, and between them the fewest lines are looked for that were
taken away and put in (Myers, "An O(ND) difference algorithm", 1986). That takes as long as there are such lines,
squared; where they are more than `MOST` they are counted and not shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

import attrs

from runtime.application import Application, Sources
from runtime.loss import undeclared

MOST: Final = 200
"""Lines that differ between two files, beyond which they are counted only."""

Line: TypeAlias = tuple[str, int, str]
"""A sign, the number, and the line."""


@attrs.frozen
class Edits:
    """What differs between two versions: the lines of each file, and how many there are besides."""

    files: tuple[tuple[Path, tuple[Line, ...]], ...] = ()
    besides: int = 0


def edited(before: Application, after: Application) -> Edits:
    """The lines that differ: of the main file, and of those at the same place beside it."""
    if before.sources is None or after.sources is None:
        return Edits()
    main = Path(after.sources.version.main.name)
    old, new = _texts(before.sources, main), _texts(after.sources, main)
    files, besides = [], 0
    for path in sorted({*old, *new}, key=str):
        was, now = old.get(path, ""), new.get(path, "")
        if was != now:
            lines = changed(was, now)
            besides += 0 if lines is not None else _count(was, now)
            files.append((after.sources.version.main.parent / path, tuple(lines or ())))
    return Edits(tuple(files), besides)


def _texts(sources: Sources, main: Path) -> Mapping[Path, str]:
    """The texts of a version by their places beside its main file, whose place is given."""
    held = sources.version.main
    texts = {Path(path): undeclared(text) for path, text in sources.version.texts.items()}
    return {main if path == held else _place(path, held.parent): text for path, text in texts.items()}


def _place(path: Path, folder: Path) -> Path:
    return path.relative_to(folder) if path.is_relative_to(folder) else path


def changed(was: str, now: str) -> list[Line] | None:
    r"""The lines of two texts that differ, without empty ones; None where they are too many.

    >>> changed("a\nb\nc", "a\nB\nc\nd")
    [('-', 2, 'b'), ('+', 2, 'B'), ('+', 4, 'd')]
    """
    old, new = was.split("\n"), now.split("\n")
    head = _alike(old, new)
    tail = _alike(old[: head - 1 if head else None : -1], new[: head - 1 if head else None : -1])
    found = _fewest(old[head : len(old) - tail], new[head : len(new) - tail])
    if found is None:
        return None
    gone, come = ({head + at for at in each} for each in found)
    return [line for line in _in_order(old, new, gone, come) if line[2].strip()]


def _alike(one: Iterable[str], other: Iterable[str]) -> int:
    """How many lines two texts begin with alike."""
    count = 0
    for mine, yours in zip(one, other, strict=False):
        if mine != yours:
            break
        count += 1
    return count


def _fewest(old: Sequence[str], new: Sequence[str]) -> tuple[Iterable[int], Iterable[int]] | None:
    """The fewest lines to be taken from one and put in from another, or None where they are more than `MOST`."""
    if not old or not new:
        return range(len(old)), range(len(new))
    in_place = [at for at, (mine, yours) in enumerate(zip(old, new, strict=False)) if mine != yours]
    found, most = None, MOST
    if (
        len(old) == len(new) and len(in_place) * 2 <= MOST
    ):  # each line became another one, if nothing is shorter
        found, most = (in_place, in_place), len(in_place) * 2 - 1
    furthest, rounds = {1: 0}, []
    for edits in range(most + 1):
        rounds.append(dict(furthest))
        for ahead in range(-edits, edits + 1, 2):
            at = _from(furthest, ahead, edits)[1]
            while at < len(old) and 0 <= at - ahead < len(new) and old[at] == new[at - ahead]:
                at += 1
            furthest[ahead] = at
            if at >= len(old) and at - ahead >= len(new):
                return _back(rounds, len(old), ahead)
    return found


def _from(furthest: Mapping[int, int], ahead: int, edits: int) -> tuple[int, int]:
    """The way that goes on with one edit more, by how far the old is ahead on it, and where in the old that begins."""
    if ahead == -edits or (ahead != edits and furthest[ahead - 1] < furthest[ahead + 1]):
        return ahead + 1, furthest[ahead + 1]
    return ahead - 1, furthest[ahead - 1] + 1


def _back(rounds: Sequence[Mapping[int, int]], at: int, ahead: int) -> tuple[list[int], list[int]]:
    """The edits of the way that came to the end, from there."""
    gone, come = [], []
    for edits in range(len(rounds) - 1, 0, -1):
        before, _ = _from(rounds[edits], ahead, edits)
        at = rounds[edits][before]
        if before < ahead:
            gone.append(at)
        else:
            come.append(at - before)
        ahead = before
    return gone, come


def _in_order(old: Sequence[str], new: Sequence[str], gone: set[int], come: set[int]) -> Iterator[Line]:
    """What is gone from a place before what came there."""
    mine = yours = 0
    while mine < len(old) or yours < len(new):
        if mine in gone:
            yield "-", mine + 1, old[mine]
            mine += 1
        elif yours in come:
            yield "+", yours + 1, new[yours]
            yours += 1
        else:
            mine, yours = mine + 1, yours + 1


def _count(was: str, now: str) -> int:
    """How many lines differ, wherever they stand."""
    old, new = Counter(was.split("\n")), Counter(now.split("\n"))
    return (old - new).total() + (new - old).total()
