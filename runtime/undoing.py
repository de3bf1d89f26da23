"""What lets applications be as they were, where a change that was made could not be written down.

Between the change and that moment nothing is stepped, but messages are taken, as the new versions take them. None of
them is dropped: each waits on, or where only the new version takes it, its caller is told.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from itertools import islice
from typing import TYPE_CHECKING

from runtime.acceptance import fitted
from runtime.errors import Unavailable
from runtime.hosted import Hosted, Running, Waiting
from runtime.initial import withdraw
from runtime.waits import Due

if TYPE_CHECKING:
    from runtime.core import Core
    from runtime.joint import Joint


def as_it_is(core: Core, joint: Joint) -> Callable[[], None]:
    """Return what undoes a change that is to be made now, for as long as no message is stepped."""
    fresh = [enter.name for enter in joint.enters if enter.parked is None]
    undoing = [_as_it_is(core, each) for each in joint.touched]
    unit = core.releases.get(joint.name)

    def undo() -> None:
        for name in fresh:
            withdraw(core, core.applications[name])
        for each in undoing:
            each()
        if unit is not None:
            core.releases[joint.name] = unit
        elif joint.is_release:
            core.releases.pop(joint.name, None)
        ring = dict.fromkeys((*core.ready, *core.machines.values()))
        core.ready.clear()
        core.ready.extend(each for each in ring if each.inbox and core.machines.get(each.name) is each)

    return undo


def _as_it_is(core: Core, running: Running) -> Callable[[], None]:
    name = running.compiled.application.name
    rests = name not in core.applications
    machines, compiled, previous = dict(running.machines), running.compiled, running.previous
    watch, settles, stuck = running.watch, running.settles, running.stuck
    transaction = running.transaction
    why = None if transaction is None else transaction.why
    states = {hosted: (hosted.state, tuple(hosted.inbox)) for hosted in machines.values()}
    told = {hosted: (hosted.waits, hosted.awake, hosted.older, hosted.open) for hosted in machines.values()}

    def undo() -> None:
        changed = dict(running.machines)
        for machine in changed:
            core.machines.pop(machine, None)
        running.machines, running.compiled, running.previous = machines, compiled, previous
        running.settles, running.stuck, running.transaction = settles, stuck, transaction
        if transaction is not None:
            transaction.why = why
        for machine, hosted in changed.items():
            if machine not in machines:
                _turn_away(hosted, hosted.inbox)
                hosted.inbox.clear()
        for hosted, (state, inbox) in states.items():
            since = tuple(islice(hosted.inbox, len(inbox), None))
            hosted.state, hosted.inbox = state, deque(inbox)
            hosted.waits, hosted.awake, hosted.older, hosted.open = told[hosted]
            hosted.run(compiled)
            for message, *rest in since:
                adopted, wrong = fitted(message, hosted.program.takes, hosted.older)
                if wrong is None and not rests:
                    hosted.inbox.append((adopted, *rest))
                else:
                    _turn_away(hosted, [(message, *rest)])
        running.watched(watch)
        if rests:
            core.applications.pop(name, None)
            core.parked[name] = running
        else:
            core.parked.pop(name, None)
            core.applications[name] = running
            core.machines.update(machines)

    return undo


def _turn_away(hosted: Hosted, waiting: Iterable[Waiting]) -> None:
    for _, ticket, _, _ in waiting:
        if ticket is not None and type(ticket) is not Due and not ticket.done():
            problem = f"{hosted.name} takes this message in a version that could not be written down"
            ticket.set_exception(Unavailable(problem))
