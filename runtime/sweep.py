"""Leads the rows of large tables that no message has touched, a few at a time, between the batches of a node.

Then it lets go of the rows of before, as slowly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from immutables import Map

from migrations.lazy import LazyTable
from migrations.planner import Refused
from runtime import bounds
from runtime.collector import Collector
from runtime.errors import OverBudget
from runtime.gate import Step, gated
from runtime.hosted import Hosted, Running
from runtime.letting_go import LettingGo, held
from runtime.probation import Failing, TooSlow

if TYPE_CHECKING:
    from runtime.core import Core


class Sweep:
    """The sweeps of one core; `clock` gives seconds. Where a row cannot be led its upgrade is to go back.

    What it does is no step and is not written down: recovery does it again. Where a commit is undone, so are rows that
    were led since, and the sweep comes to them once more.
    """

    def __init__(self, core: Core, clock: Callable[[], float]) -> None:
        self.collector = Collector()
        self.letting_go = LettingGo()
        self._hidden = 0
        self._rests = 0.0
        self.todo: list[Running] = []
        self.core = core
        self.gate: Step | None = None
        self.leads = ""
        self._clock = clock
        self._cursors: dict[tuple[Hosted, int], tuple[Map[Any, Any], Iterator[Any]]] = {}

    @property
    def has_work(self) -> bool:
        """Whether there are rows to lead, or to let go of."""
        return bool(self.todo or self.letting_go)

    def begin(self, running: Running) -> None:
        """There may be something to do for an application."""
        if running.left and running not in self.todo:
            self.todo.append(running)

    def let_go(self, before: Mapping[int, Map[Any, Any]], running: Running) -> None:
        """Let go of the tables that an application held before and does not any more."""
        now = held(running)
        self.letting_go.add(table for key, table in before.items() if key not in now)

    def go_on(self, *, busy: bool) -> None:
        """Lead rows for a short time, or so many of them; where messages are stepped, these have as much time."""
        since = self._clock()
        if busy and since < self._rests:
            return
        self._go_on(since + bounds.SWEEP)
        now = self._clock()
        self._rests = now + (now - since)

    def _go_on(self, until: float) -> None:
        rows = bounds.SWEPT
        while self.has_work and rows > 0:
            if self.todo:
                rows -= self._some(self.todo[0])
            else:
                rows -= self.letting_go.some(bounds.SWEPT_AT_ONCE)
            if self._clock() >= until:
                return

    def _some(self, running: Running) -> int:
        """Lead some rows of an application, and return about how many."""
        name = running.compiled.application.name
        if self.core.applications.get(name) is running:
            for hosted in running.machines.values():
                for at, table in enumerate(hosted.state):
                    if type(table) is LazyTable and table.left:
                        try:
                            self.lead(hosted, at, table)
                        except Refused as refused:
                            self._end(running)
                            self.core.failing.append(Failing(name, refused.refusal))
                        except OverBudget as late:
                            self._end(running)
                            limit = f"the budget of {late.seconds:g} s and was interrupted at {late.place}"
                            told = f"to lead a row of {hosted.program.slots[at].address} took longer than {limit}"
                            self.core.failing.append(Failing(name, TooSlow(hosted.name, told)))
                        self._hidden += bounds.SWEPT_AT_ONCE
                        if self._hidden >= bounds.FROZEN:
                            self._hidden = 0
                            self.collector.hide()
                        return bounds.SWEPT_AT_ONCE
        self._end(running)
        return 0

    def lead(self, hosted: Hosted, at: int, table: LazyTable) -> None:
        """Lead some rows of a table. Raises Refused, and OverBudget, as a budget looks at it."""
        base, cursor = self._cursors.get((hosted, at), (None, iter(())))
        keys = list(islice(cursor, bounds.SWEPT_AT_ONCE)) if base is table.base else []
        if not keys:  # a sweep begins, or begins anew
            cursor = iter(table.base)
            keys = list(islice(cursor, bounds.SWEPT_AT_ONCE))
        self._cursors[hosted, at] = table.base, cursor
        if self.gate is None:
            self.gate = gated(LazyTable.swept)
        self.leads = hosted.name
        led = self.gate(table, keys)
        hosted.state = (*hosted.state[:at], led, *hosted.state[at + 1 :])

    def _end(self, running: Running) -> None:
        self.todo.remove(running)
        self.collector.swept()
        for hosted in running.machines.values():
            hosted.watched(hosted.watch)
            for key in [each for each in self._cursors if each[0] is hosted]:
                del self._cursors[key]
