"""What a snapshot stands for and is still in the log, told once more; nothing of it is repeated."""

from __future__ import annotations

from returns.result import Failure, Result, Success

from migrations.refusal import Refusal
from runtime.journal import read
from runtime.recovered import Listen, Stopped
from runtime.recovery import Recovery, taken
from runtime.retention import beginning, changed
from runtime.store import DamagedData, Readable


def retained(store: Readable, listen: Listen) -> Result[None, Refusal]:
    """Tell the events that the last snapshot stands for and that are still in the log; none is repeated."""
    try:
        _tell(store, Recovery(store, listen), listen)
        return Success(None)
    except Stopped as stopped:
        return Failure(stopped.refusal)
    except DamagedData as damaged:
        return Failure(damaged.refusal)


def _tell(store: Readable, recovery: Recovery, listen: Listen) -> None:
    begins, last = beginning(store), recovery.head().get("number", 0)
    for name, edition in begins.versions.items():
        _takes_over(recovery, name, edition)
    for number, data in store.entries(begins.after):
        if number > last:
            return
        for at, event in enumerate(read(data)):
            recovery.at = (number, at)
            listen(recovery.at, event, recovery.core)
            for name, edition in changed([event]).items():
                _takes_over(recovery, name, edition)


def _takes_over(recovery: Recovery, name: str, edition: str) -> None:
    """Let a version stand where another one stood, with no state to speak of."""
    core = recovery.core
    before = core.applications.get(name)
    if before is not None:
        core.close(before)
        core.remove(before)
    taken(core.start(recovery.version(edition)))
