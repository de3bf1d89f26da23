"""What was done on a data directory: starts, changes of versions, refusals and ends, with when, by whom and why.

A row of the store's table for each, in the commit of what it tells of. They are a ring: the row after the last one of
`bounds.HISTORY` takes the place of the first. A snapshot does not touch them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, Final

from migrations.refusal import Refusal
from runtime import bounds
from runtime.errors import cut
from runtime.hosted import Running
from runtime.store import Readable
from runtime.upgrade import Upgraded

WHO: Final[ContextVar[str]] = ContextVar("who", default="in process")
"""Who asks for what is done in this context."""

PREFIX: Final = "history/"
STOPPED: Final = "stopped"
UNCLEAN: Final = "ended uncleanly"

Row = dict[str, Any]


def rows(store: Readable) -> list[Row]:
    """What was done, in order."""
    found = [json.loads(data) for _, data in store.items(PREFIX)]
    return sorted(found, key=lambda row: int(row["number"]))


class History:
    """Numbers what is done on a store. Each method gives what must be put into its table for it."""

    def __init__(self, store: Readable) -> None:
        done = rows(store)
        self._number = done[-1]["number"] if done else 0
        self._open = bool(done) and done[-1]["what"] != STOPPED

    def started(self, now: int, running: Running, *, again: bool = False) -> Mapping[str, bytes]:
        """An application started, with its first state or `again`.

        The first one tells also that the process before this one did not say that it stopped.
        """
        unclean = self._row(now, UNCLEAN) if self._open else {}
        self._open = False
        what, compiled = "started again" if again else "started", running.compiled
        new = {"version": compiled.application.version, "digest": compiled.digest}
        return {**unclean, **self._row(now, what, compiled.application.name, new=new)}

    def changed(self, now: int, made: Upgraded) -> Mapping[str, bytes]:
        """A version took over."""
        old = {"version": made.old_version, "digest": made.old}
        new = {"version": made.new_version, "digest": made.new}
        what = "rolled back" if made.back else "upgraded"
        return self._row(now, what, made.application, old=old, new=new, seconds=made.seconds)

    def settled(self, now: int, running: Running) -> Mapping[str, bytes]:
        """An upgrade cannot be undone any more."""
        new = {"version": running.compiled.application.version, "digest": running.compiled.digest}
        return self._row(now, "settled", running.compiled.application.name, new=new)

    def refused(self, now: int, application: str, refusal: Refusal) -> Mapping[str, bytes]:
        """A change was refused."""
        why = {"reason": refusal.reason, "message": cut(refusal.message)}
        return self._row(now, "refused", application, why=why)

    def stopped(self, now: int) -> Mapping[str, bytes]:
        """The node stops."""
        return self._row(now, STOPPED)

    def _row(self, now: int, what: str, application: str | None = None, **more: Any) -> Mapping[str, bytes]:
        self._number += 1
        row = {"number": self._number, "at": now, "what": what, "who": WHO.get(), "application": application}
        data = json.dumps({**row, **more}).encode()
        return {f"{PREFIX}{self._number % bounds.HISTORY:010}": data}
