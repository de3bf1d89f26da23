"""Explores an upgrade along a recorded trace: every place of it is an update point of every kind.

First the old version alone goes through the trace, on a node and in the model, and every place is remembered: the
machines and the disk. Then the versions are held against each other at every place (`parting`), and each kind of
update point is tried at each place on a node (`points`). Where there are more than may be tried, every place is a swap,
and the others are drawn by the seed; so are pairs of an upgrade and a later rollback.
"""

from __future__ import annotations

import contextlib
import logging
import random
from collections.abc import Callable, Iterator, Sequence
from time import monotonic
from typing import Final

import attrs
from returns.result import Failure, Result, Success

from arrows.cells import Values
from arrows.plain import to_plain
from migrations.refusal import Refusal
from runtime.allowed import Expected
from runtime.drive import Drive, NothingToTry
from runtime.errors import cut
from runtime.explored import Explored, Ground, same, shown
from runtime.hosted import Compiled
from runtime.lockstep import Differs, Place
from runtime.model import Model
from runtime.pair import Did, pair
from runtime.parting import VERSIONS, Alone, Finding, Parting, cut_words
from runtime.points import KINDS, swap
from runtime.recorded import Recorded
from runtime.simulated import Power
from runtime.together import Together
from runtime.unseen import by_kind, unseen

SHORT: Final = 40
"""Messages of a trace of which all pairs of places are tried."""

AHEAD: Final = 6
"""Messages that the versions are held against each other behind an upgrade in a longer one."""

PAIRS: Final = 200
"""Pairs of places that are tried of a longer one."""

CUT_EVERY: Final = 32
"""Messages between two snapshots of the old version, so that every place is recovered quickly."""

BASE: Final = "the old version alone"

Tell = Callable[[str, int, int], object]
"""Hears what is tried, how many were, and how many there are."""


@attrs.define
class Count:
    """Points of one kind: how many places there are, at how many it was `tried`, and at how many nothing came up."""

    places: int
    tried: int = 0
    empty: int = 0


@attrs.define
class Report:
    """What came of it."""

    seed: int
    messages: int
    counts: dict[str, Count]
    findings: list[Finding]
    unseen: list[str] = attrs.field(factory=list)

    @property
    def smallest(self) -> Finding | None:
        """The finding that is the easiest to understand."""
        return min(
            self.findings,
            key=lambda each: (each.kind != BASE, each.kind != VERSIONS, *each.size),
            default=None,
        )


@attrs.frozen
class Bound:
    """How much may be tried: points on nodes, and seconds; with `first` until something is found."""

    tries: int
    seconds: float
    first: bool = False


def explore(
    old: Compiled,
    new: Compiled,
    trace: Sequence[Recorded],
    expected: Expected,
    seed: int,
    bound: Bound,
    tell: Tell = lambda *_: None,
    only: tuple[int, str] | None = None,
) -> Result[Report, Refusal]:
    """Explore an upgrade; `only` is one point, a place and a kind.

    Returns Success(Report), or Failure of what refuses the upgrade, or keeps a version from being kept.
    """
    both = pair(old, new)
    if isinstance(both, Failure):
        return Failure(both.failure())
    ground = Ground.of(both.unwrap())
    if isinstance(ground, Failure):
        return Failure(ground.failure())
    with _quiet():
        return Success(Exploration(ground.unwrap(), trace, expected, seed, bound, tell).run(only))


class Exploration:
    """One that is under way."""

    def __init__(
        self,
        ground: Ground,
        trace: Sequence[Recorded],
        expected: Expected,
        seed: int,
        bound: Bound,
        tell: Tell,
    ) -> None:
        self.ground = ground
        self.trace = trace
        self.bound = bound
        self.tell = tell
        self.chance = random.Random(seed)  # noqa: S311 - to be repeated
        counts = {kind: Count(len(trace) + 1) for kind in (VERSIONS, *KINDS)}
        self.report = Report(seed, len(trace), counts, [])
        self.places: list[Place] = []
        self.did: list[list[Did]] = []
        self.named = True
        self.until = monotonic() + bound.seconds
        self.expected = expected

    def run(self, only: tuple[int, str] | None) -> Report:
        """Try everything there is time for, and tell what the trace says nothing of."""
        report = self._tried(only)
        if only is None:
            models = [each.model for each in self.places]
            report.unseen += [*unseen(self.ground.pair.old, models, self.did), *by_kind(report.counts)]
        return report

    def _tried(self, only: tuple[int, str] | None) -> Report:
        report = self.report
        if not self._alone():
            return report
        if only is not None:
            place, kind = only
            self._versions(place) if kind == VERSIONS else self._try(kind, place)
            return report
        alone = Alone(self.ground.pair, self.trace, [each.model for each in self.places], self.did)
        report.findings += Parting(alone, self.expected).of_the_versions()
        for place in range(len(self.places)):
            if self._is_over():
                return report
            self._versions(place)
        for _ in range(PAIRS if len(self.trace) > SHORT else 0):
            if not self._is_over():
                self._pair()
        for place, kind in self._order():
            if self._is_over() or sum(each.tried for each in report.counts.values()) >= self._limit():
                break
            self._try(kind, place)
        return report

    def _limit(self) -> int:
        return self.bound.tries + self.report.counts[VERSIONS].tried

    def _is_over(self) -> bool:
        return monotonic() > self.until or (self.bound.first and bool(self.report.findings))

    def _order(self) -> Iterator[tuple[int, str]]:
        """Every place as a swap, then the others: in their order where all are tried, else drawn."""
        places = range(len(self.places))
        rest = [(place, kind) for kind, deed in KINDS.items() if deed is not swap for place in places]
        if len(rest) + len(places) > self.bound.tries or self.bound.first:
            self.chance.shuffle(rest)
        yield from ((place, kind) for kind, deed in KINDS.items() if deed is swap for place in places)
        yield from rest

    # The old version alone

    def _alone(self) -> bool:
        """Let the old version go through the trace, and remember every place; return whether nothing was wrong."""
        now = self.trace[0].now if self.trace else 0
        power, model = Power(), Model(self.ground.pair, now)
        node = Explored(self.ground, power, now, again=False)
        node.runs(self.ground.pair.old).unwrap()
        self.places.append(Place(0, model.copy(), power.copy()))
        for at, each in enumerate(self.trace):
            self.tell(BASE, at, len(self.trace))
            model.did = []
            until = max(model.now, each.now)
            model.advance(until)
            node.advance(until / 1000 - node.now)
            model.send(each.machine, each.message, at)
            node.cast(each.machine, each.message)
            model.drain()
            node.drain()
            self.did.append(model.did)
            self.named = self.named and all(map(_is_plain, model.did))
            if at % CUT_EVERY == CUT_EVERY - 1:
                node.snapshot()
            for machine, state in model.states.items():
                differs = _differing(self.ground, node, machine, state)
                if differs is not None:
                    self._find(BASE, at, None, f"the state of {machine}", *differs)
                    return False
            self.places.append(Place(at + 1, model.copy(), power.copy()))
        return True

    # Tries

    def _versions(self, place: int) -> None:
        count = self.report.counts[VERSIONS]
        self.tell(VERSIONS, place, len(self.places))
        count.tried += 1
        end = len(self.trace)
        until = end if end <= SHORT else min(end, place + AHEAD)
        backs = range(place + 1, until + 1) if end <= SHORT else (place + 1, until)
        self._part(place, until, tuple(backs))

    def _pair(self) -> None:
        place, back = sorted(self.chance.sample(range(len(self.places)), 2))
        self._part(place, back, (back,))

    def _part(self, place: int, until: int, backs: tuple[int, ...]) -> None:
        alone = Alone(self.ground.pair, self.trace, [each.model for each in self.places], self.did)
        self.report.findings += Parting(alone, self.expected).at(place, until, backs)

    def _try(self, kind: str, place: int) -> None:
        count = self.report.counts[kind]
        self.tell(kind, sum(each.tried for each in self.report.counts.values()), self._limit())
        drive = None
        try:
            drive = Drive(self.ground, self.trace, self.places[place], named=self.named)
            KINDS[kind](drive)
        except NothingToTry:
            count.empty += 1
            return
        except Differs as differs:
            self._find(kind, place, drive, differs.what, differs.expected, differs.found)
        except Exception as error:  # of the node: whatever it is, an operator must see where
            self._find(
                kind,
                place,
                drive,
                "what the node does",
                "no error",
                f"{type(error).__name__}: {cut(str(error))}",
            )
        count.tried += 1

    def _find(self, kind: str, place: int, drive: Drive | None, what: str, expected: str, found: str) -> None:
        message = cut_words(self.trace[place].message) if place < len(self.trace) else ""
        done = () if drive is None else tuple(drive.script)
        self.report.findings.append(Finding(kind, place, message, done, what, expected, found))


def _differing(ground: Ground, node: Explored, machine: str, state: Values) -> tuple[str, str] | None:
    found = node.running.machines[machine].state
    if same(ground.pair.old, machine, state, found):
        return None
    return shown(state), shown(found)


def _is_plain(did: Did) -> bool:
    """Whether a reply can be given again to a client who asks once more."""
    try:
        several = did.said.reply if type(did.message) is Together else [did.said.reply]
        for each in several or ():
            to_plain(each)
    except Exception:
        return False
    return True


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """What a node logs of power cuts and failed steps is no news here."""
    logger = logging.getLogger("midflight")
    before = logger.disabled
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = before
