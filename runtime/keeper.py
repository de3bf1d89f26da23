"""Commits: a batch is written down before anybody sees its outcomes, and the next one is stepped meanwhile.

One commit is under way at a time. What is stepped until it is done makes up the next batch, so that under load
a batch holds as much as the disk needs time for, and without load a message waits for nobody.

Where a commit was surely not made, the machines are put back to what they were before it, what was stepped since
is undone with it, and the callers get `Unavailable`. Where that is not sure, the process ends: `abort`.

A snapshot is a cut behind a batch, packed part by part between batches (see `runtime.snapshot`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Final

from runtime import bounds
from runtime.batch import Batch
from runtime.core import Core
from runtime.dead_letters import Letters
from runtime.editions import Editions
from runtime.errors import Unavailable
from runtime.history import History
from runtime.journal import LOG, SNAPSHOT, VERSIONS, Event, part_key, written
from runtime.letting_go import LettingGo
from runtime.quarantine import complete
from runtime.retention import Beginning, Retention, changed
from runtime.snapshot import Base, Cut, cut, head, parts
from runtime.store import Change, Rejected, Store
from runtime.unit import Unit

logger = logging.getLogger("midflight")

NOTHING: Final[Mapping[str, bytes]] = {}


class Keeper:
    """What stands between stepping and releasing in a node that keeps its data.

    `soon` runs a callback in the driver's own thread; `release` hands the outcomes of a batch to its callers. `spent`
    are the keys of the table that the next snapshot takes away.
    """

    def __init__(
        self,
        store: Store,
        core: Core,
        number: int,
        base: Base,
        *,
        soon: Callable[[Callable[[], None]], object],
        release: Callable[[Batch], None],
        abort: Callable[[Exception], object],
        letters: Letters,
        letting_go: LettingGo,
    ) -> None:
        self.store = store
        self.batch = Batch()
        self.held = False
        self.parked = core.parked
        self._core = core
        self._number = self._durable = number
        self._soon = soon
        self._release = release
        self._abort = abort
        self._letters = letters
        self._letting_go = letting_go
        self._under_way: Batch | None = None
        self._lets = True
        self._undoing: list[tuple[Batch, Callable[[], None]]] = []
        self._steps = self._rejects = 0
        self._snapshot: _Snapshot | None = None
        self._base = base
        self._retention = Retention(store)
        self.history = History(store)
        self.spent: set[str] = {key for prefix in ("snapshot/", "initial/") for key, _ in store.items(prefix)}
        self._editions = Editions({key for key, _ in store.items(VERSIONS)}, number)

    def room(self, limit: int) -> int:
        """How many more messages may be stepped before the commit that is under way is done."""
        return 0 if self.held else limit - len(self.batch.outcomes)

    def lets(self) -> bool:
        """Whether other work may be done: none is under way, or nothing was done since the last one.

        A loop that is never idle would keep the store's thread from the interpreter.
        """
        return not self.held and (self._lets or self._under_way is None)

    def let(self) -> None:
        """Other work was done."""
        self._lets = False

    def idle(self) -> bool:
        """Whether everything is committed."""
        waiting = self.batch.events or self.batch.outcomes
        return self._under_way is None and not waiting and self._snapshot is None

    def note(
        self,
        events: Collection[Event],
        ticket: Any,
        undo: Callable[[], None] | None = None,
        puts: Mapping[str, bytes] = NOTHING,
    ) -> None:
        """Commit events that are no steps, in one entry of the log, and what they need; `ticket` is told.

        With `undo` nothing is stepped until it is made.
        """
        self._seen(puts)
        self.batch.events.extend(events)
        self.batch.versions.update(changed(events))
        self.batch.puts.update(puts)
        self.batch.outcomes.append((ticket, None, None))
        if undo is not None:
            self._undoing.append((self.batch, undo))
            self.held = True
        self.go()

    def keep(self, puts: Mapping[str, bytes]) -> None:
        """Keep something that nobody waits for, in a commit of its own."""
        if puts:
            self.store.commit(Change(puts=puts), _unkept)

    def go(self) -> None:
        """Begin the next commit, where none is under way."""
        if self._under_way is not None:
            return
        batch = self.batch
        if batch.events or batch.gone:
            if batch.dead:
                self._letters.write(batch, self._core.now)
            self.batch = Batch()
            self._under_way = batch
            self._number += 1
            data = written(self._core.now, batch.events)
            told = partial(self._settled, batch, (len(data), self._core.now, batch.versions))
            self.store.commit(
                Change({self._number: data}, batch.puts, frozenset(batch.gone)),
                lambda error: self._soon(partial(told, error)),
            )
            self._steps += len(batch.events)
            if self._steps >= bounds.SNAPSHOT_AFTER and self._snapshot is None and self._may_be_cut():
                self.begin_snapshot()
        elif batch.outcomes:
            self.batch = Batch()
            self._release(batch)

    def _seen(self, puts: Iterable[str]) -> None:
        """Note which versions are in use while the next entry of the log is written."""
        running = {**self.parked, **self._core.applications}.values()
        self._editions.seen(running, puts, self._number + 1, self._letters.editions)

    def _may_be_cut(self) -> bool:
        """Whether no change is to be made sure of, and no table is on its way: its rows would be led for a snapshot."""
        return not self.held and all(each.is_swept for each in self._core.applications.values())

    def _settled(self, batch: Batch, entry: tuple[int, int, dict[str, str]], error: Exception | None) -> None:
        self._under_way, self._lets = None, True
        if error is None:
            if self._rejects:
                logger.warning("commits are made again; %d had failed", self._rejects)
            self._durable, self._rejects = self._number, 0
            self._retention.add(self._number, *entry)
            self._undoing = [each for each in self._undoing if each[0] is not batch]
            self.held = bool(self._undoing)
            self._release(batch)
        elif isinstance(error, Rejected):
            self._rejected(batch, error)
        else:
            self._core.open = False
            self._abort(error)
            return
        self.go()
        self.advance()

    def _rejected(self, batch: Batch, error: Rejected) -> None:
        if not self._rejects:
            logger.error("a commit failed and was undone: %s", error)
        self._rejects += 1
        self._number -= 1
        self._snapshot = None
        later, self.batch = self.batch, Batch()
        for _, undo in reversed(self._undoing):
            undo()
        self._undoing, self.held = [], False
        later.undo()
        batch.undo()
        self._core.outbox.undo(later, batch)
        problem = Unavailable(f"it could not be written down ({error})")
        for each in (batch, later):
            failed = Batch()
            failed.outcomes = [(ticket, None, problem) for ticket, _, _ in each.outcomes]
            self._release(failed)

    # Snapshots

    def begin_snapshot(self) -> None:
        """Hold every machine's state as it is behind the commit that was begun last."""
        self._steps = 0
        running = {**self.parked, **self._core.applications}
        for each in running.values():
            complete(each)
        cuts = {name: cut(each) for name, each in running.items()}
        made = _Snapshot(self._number, self._core.now, self._core.outbox.numbers, self._base, cuts)
        made.releases = dict(self._core.releases)
        layers = (int(key.split("/")[1]) for key in self.spent if key.startswith("snapshot/"))
        made.layer, made.spent = 1 + max(layers, default=0), frozenset(self.spent)
        self._snapshot = made

    def advance(self) -> None:
        """Pack and keep the next part of a snapshot, if one is being written and what it stands for is durable."""
        made = self._snapshot
        if made is None or made.waiting or made.number > self._durable:
            return
        made.waiting = True
        try:
            data = next(made.parts, None)
        except Exception:
            logger.exception("a snapshot was given up: a state cannot be written down; the log stays whole")
            self._snapshot = None
            return
        if data == b"":
            self._soon(partial(self._part, made, False, None))
            return
        if data is not None:
            key = part_key(made.layer, made.count)
            made.count += 1
            self.spent.add(key)
            change = Change(puts={key: data})
        else:
            self._seen(())
            made.end()
            made.log = self._retention.begins(made.number, self._core.now)
            change = Change(
                puts={
                    SNAPSHOT: head(made.number, made.now, made.base, made.told, made.releases),
                    LOG: made.log.written(),
                },
                gone=made.spent - made.base.keys() | self._editions.unused(made.log.after),
                keep_after=made.log.after,
            )
        self.store.commit(change, lambda error: self._soon(partial(self._part, made, data is None, error)))

    def _part(self, made: _Snapshot, last: bool, error: Exception | None) -> None:
        if made is not self._snapshot:
            return
        made.waiting = False
        if error is not None:
            logger.error("a snapshot was given up: %s; the log stays whole", error)
            self._snapshot = None
        elif last:
            self.spent = (self.spent - made.spent) | made.base.keys()
            self._replace(made.base)
            self._retention.begun(made.log)
            self._snapshot = None
        else:
            self.advance()

    def settled(self) -> None:
        """Let go of what the last snapshot holds for ways back that there are no more."""
        self._replace(self._base)

    def _replace(self, base: Base) -> None:
        for running in self._core.applications.values():
            base = base.without(running)
        self._letting_go.add(self._base.let_go(base))
        self._base = base


def _unkept(error: Exception | None) -> None:
    if error is not None:
        logger.error("a row of the history could not be kept: %s", error)


class _Snapshot:
    """One that is being written."""

    def __init__(
        self, number: int, now: int, told: tuple[int, int], before: Base, cuts: Mapping[str, Cut]
    ) -> None:
        self.number = number
        self.now = now
        self.told = told
        self.layer = self.count = 0
        self.spent: frozenset[str] = frozenset()
        self.waiting = False
        self.log = Beginning()
        self.releases: Mapping[str, Unit] = {}
        self.base = before
        self._cuts = cuts
        self._whole = before.whole(cuts)
        self.parts: Iterator[bytes] = parts(cuts, None if self._whole else before.cuts)

    def end(self) -> None:
        """Every part is there: `base` is what there will be."""
        below = () if self._whole else self.base.layers
        self.base = Base(self._cuts, (*below, (self.layer, self.count)))
