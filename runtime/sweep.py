"""Leads the rows of large tables that no message has touched, a few at a time, between the batches of a node."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from immutables import Map

from migrations.lazy import LazyTable
from migrations.planner import Refused
from runtime import bounds
from runtime.errors import OverBudget
from runtime.gate import Step, gated
from runtime.hosted import Hosted, Running
from runtime.probation import Failing, TooSlow

if TYPE_CHECKING:
    from runtime.core import Core


class Sweep:
    """The sweeps of one core; `clock` gives seconds. Where a row cannot be led its upgrade is to go back.

    Every row that is led is an object more for Python's collector of cycles, which would look through the whole table
    again and again while it grows, a second at a time for a million rows. So `freeze` takes what there is out of its
    sight now and then.

    What it does is no step and is not written down: recovery does it again. Where a commit is undone, so are rows that
    were led since, and the sweep comes to them once more.
    """

    def __init__(
        self, core: Core, clock: Callable[[], float], freeze: Callable[[], object] = lambda: None
    ) -> None:
        self.freeze = freeze
        self._frozen = 0
        self._rests = 0.0
        self.todo: list[Running] = []
        self.core = core
        self.gate: Step | None = None
        self.leads = ""
        self._clock = clock
        self._cursors: dict[tuple[Hosted, int], tuple[Map[Any, Any], Iterator[Any]]] = {}

    def begin(self, running: Running) -> None:
        """There may be something to do for an application."""
        if running.left and running not in self.todo:
            self.todo.append(running)

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
        while self.todo and rows > 0:
            led = self._some(self.todo[0])
            rows -= led
            self._frozen += led
            if self._frozen >= bounds.FROZEN:
                self._frozen = 0
                self.freeze()
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
        self.freeze()
        for hosted in running.machines.values():
            hosted.watched(hosted.watch)
            for key in [each for each in self._cursors if each[0] is hosted]:
                del self._cursors[key]
