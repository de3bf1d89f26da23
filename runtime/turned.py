"""What only the version has that goes back: its callers are told, and where nobody waits it is a dead letter."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from runtime import observe
from runtime.errors import RolledBack, Unavailable
from runtime.leading import Turned
from runtime.outbox import DeadLetter
from runtime.waits import Due

if TYPE_CHECKING:
    from runtime.batch import Batch
    from runtime.core import Core
    from runtime.hosted import Hosted, Running, Waiting
    from runtime.probation import Failing
    from runtime.upgrade import Upgraded


def resting(running: Running) -> Iterator[Turned]:
    """What waits at the machines of an application that is to rest; what is due to them is not among it."""
    for hosted in running.machines.values():
        for waiting in hosted.inbox:
            yield Turned(hosted, waiting, "its application rests", hosted.compiled)


def away(core: Core, made: Upgraded, batch: Batch) -> None:
    """Let a batch turn away what only the version has that is left."""
    for each in made.turned:
        hosted, held = each.hosted, each.held
        if not isinstance(held, Due) and held[1] is not None:
            version = each.by.application.version
            gone = RolledBack(hosted.name, version) if made.back else Unavailable(f"{hosted.name} rests")
            batch.outcomes.append((held[1], None, gone))
            continue
        core.tell(observe.DeadLetter, hosted, "", hosted.name, each.message, each.why)
        batch.dead.append(_dead(each))


def _dead(turned: Turned) -> DeadLetter:
    name, message, held, by = turned.hosted.name, turned.message, turned.held, turned.by
    if not isinstance(held, Due):
        return DeadLetter("", name, message, turned.why, by, "cast")
    if held.sender is None:
        return DeadLetter(name, name, message, turned.why, by, "timer", held.deadline)
    return DeadLetter(held.sender, name, message, turned.why, by)


def as_before(undo: Callable[[], None], made: Upgraded, failing: Failing | None) -> Callable[[], None]:
    """What undoes a change that was not written down. Those who are turned away with it wait no more.

    So it is with the caller of the message that made the version go back: it would fail again.
    """
    told = [each.held for each in made.turned if not isinstance(each.held, Due) and each.held[1] is not None]

    def undone() -> None:
        undo()
        for each in made.turned:
            _forget(each.hosted, told)
        if failing is not None and failing.hosted is not None and failing.waiting is not None:
            ticket = failing.waiting[1]
            if ticket is not None and type(ticket) is not Due:
                _forget(failing.hosted, [failing.waiting])
                ticket.set_exception(Unavailable(f"{failing.hosted.name} could not go back to answer it"))

    return undone


def _forget(hosted: Hosted, told: list[Waiting]) -> None:
    hosted.inbox = deque(waiting for waiting in hosted.inbox if all(waiting is not each for each in told))
