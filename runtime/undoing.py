"""What lets an application be as it was, where a change that was made could not be written down.

Between the change and that moment nothing is stepped, but messages are taken, as the new version takes them. None of
them is dropped: each waits on, or where only the new version takes it, its caller is told.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from itertools import islice
from typing import TYPE_CHECKING

from runtime.acceptance import fitted
from runtime.errors import Unavailable
from runtime.hosted import Hosted, Waiting
from runtime.waits import Due

if TYPE_CHECKING:
    from runtime.core import Core


def as_it_is(core: Core, name: str) -> Callable[[], None]:
    """Return what puts an application back to how it is now, for as long as no message is stepped."""
    running = core.applications[name]
    machines, compiled, previous = dict(running.machines), running.compiled, running.previous
    watch, settles, stuck = running.watch, running.settles, running.stuck
    transaction = running.transaction
    why = None if transaction is None else transaction.why
    states = {hosted: (hosted.state, tuple(hosted.inbox)) for hosted in machines.values()}
    told = {hosted: (hosted.waits, hosted.awake, hosted.older) for hosted in machines.values()}

    def undo() -> None:
        changed = dict(running.machines)
        for machine in changed:
            del core.machines[machine]
        running.machines, running.compiled, running.previous = machines, compiled, previous
        running.settles, running.stuck, running.transaction = settles, stuck, transaction
        if transaction is not None:
            transaction.why = why
        core.machines.update(machines)
        for machine, hosted in changed.items():
            if machine not in machines:
                _turn_away(hosted, hosted.inbox)
                hosted.inbox.clear()
        for hosted, (state, inbox) in states.items():
            since = tuple(islice(hosted.inbox, len(inbox), None))
            hosted.state, hosted.inbox = state, deque(inbox)
            hosted.waits, hosted.awake, hosted.older = told[hosted]
            hosted.run(compiled)
            for message, *rest in since:
                adopted, wrong = fitted(message, hosted.program.takes, hosted.older)
                if wrong is None:
                    hosted.inbox.append((adopted, *rest))
                else:
                    _turn_away(hosted, [(message, *rest)])
        running.watched(watch)
        waiting = [hosted for hosted in core.ready if hosted.inbox]
        core.ready.clear()
        core.ready.extend(waiting)

    return undo


def _turn_away(hosted: Hosted, waiting: Iterable[Waiting]) -> None:
    for _, ticket, _, _ in waiting:
        if ticket is not None and type(ticket) is not Due and not ticket.done():
            problem = f"{hosted.name} takes this message in a version that could not be written down"
            ticket.set_exception(Unavailable(problem))
