"""What was done on a data directory: starts, changes of versions, refusals and ends, with when, by whom and why.

A row of the store's table for each, in the commit of what it tells of. They are a ring: the row after the last one of
`bounds.HISTORY` takes the place of the first. A snapshot does not touch them.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from contextvars import ContextVar
from typing import Any, Final

from migrations.refusal import Refusal
from runtime import bounds
from runtime.errors import cut
from runtime.hosted import Running
from runtime.several import Several
from runtime.store import Readable
from runtime.transaction import Transaction
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
    """Numbers what is done on a store. Each method gives what must be put into its table for it.

    `unclean` is whether the process before this one ended without saying so.
    """

    def __init__(self, store: Readable) -> None:
        done = rows(store)
        self._number = done[-1]["number"] if done else 0
        self._letters: Several | None = None
        self._asked: dict[tuple[str, str, str | None], Row] = {}
        self._open = self.unclean = bool(done) and done[-1]["what"] != STOPPED

    def started(self, now: int, running: Running, *, again: bool = False) -> Mapping[str, bytes]:
        """An application started, with its first state or `again`.

        The first one tells also that the process before this one did not say that it stopped.
        """
        unclean = self._row(now, UNCLEAN) if self._open else {}
        self._open = False
        what, compiled = "started again" if again else "started", running.compiled
        new = {"version": compiled.application.version, "digest": compiled.digest}
        return {**unclean, **self._row(now, what, compiled.application.name, new=new)}

    def upgrading(self, now: int, transaction: Transaction) -> Mapping[str, bytes]:
        """An upgrade is on its way; what becomes of it is written in the place of this."""
        return self._step(now, "upgrading", transaction)

    def changed(
        self, now: int, made: Upgraded, transaction: Transaction | None = None, why: Refusal | None = None
    ) -> Mapping[str, bytes]:
        """A version took over; `why` where nobody asked for it."""
        more: Row = {
            "old": {"version": made.old_version, "digest": made.old},
            "new": {"version": made.new_version, "digest": made.new},
            "seconds": made.seconds,
        }
        if made.turned:
            more["turned"] = len(made.turned)
        if why is not None:
            more["why"] = _reason(why)
        if transaction is not None:
            return self._step(now, "upgraded", transaction, **more, changed=transaction.changes)
        return self._row(now, "rolled back" if made.back else "upgraded", made.application, **more)

    def passed(self, now: int, running: Running, messages: int, seconds: float) -> Mapping[str, bytes]:
        """A version passed its probation."""
        return self._of(now, "passed", running, messages=messages, seconds=seconds)

    def stuck(self, now: int, running: Running) -> Mapping[str, bytes]:
        """A version should go back and cannot."""
        return self._of(now, "stuck", running, why={"reason": "Stuck", "message": cut(running.stuck)})

    def settled(self, now: int, running: Running) -> Mapping[str, bytes]:
        """An upgrade cannot be undone any more."""
        return self._of(now, "settled", running)

    def refused(
        self, now: int, application: str, refusal: Refusal, transaction: Transaction | None = None
    ) -> Mapping[str, bytes]:
        """A change was refused."""
        if transaction is not None:
            return self._step(now, "refused", transaction, why=_reason(refusal))
        return self._row(now, "refused", application, why=_reason(refusal))

    def asked(
        self,
        now: int,
        what: str,
        application: str | None = None,
        why: Refusal | None = None,
        letters: Collection[int] = (),
    ) -> Mapping[str, bytes]:
        """Somebody asked for something, of some dead letters; `why` it was refused."""
        more: Row = {} if why is None else {"why": _reason(why)}
        if letters:
            several = Several(self._number + 1, what, WHO.get())
            for each in letters:
                several.add(each)
            more["letters"] = several.to_plain()
        return self._row(now, what, application, **more)

    def again(self, now: int, what: str, machine: str | None = None) -> Mapping[str, bytes]:
        """Somebody asked for what changes no version: one row for all of that which the same one asks in an hour."""
        who = WHO.get()
        row = self._asked.get((who, what, machine))
        if row is None or now - row["at"] >= bounds.ASKED or self._number - row["number"] >= bounds.HISTORY:
            since = now - bounds.ASKED
            self._asked = {key: each for key, each in self._asked.items() if each["at"] > since}
            self._number += 1
            row = _new(self._number, now, what, count=0, **({} if machine is None else {"machine": machine}))
        row = self._asked[who, what, machine] = {**row, "count": row["count"] + 1, "until": now}
        return _written(row)

    def grown(self, transaction: Transaction | None) -> Mapping[str, bytes]:
        """The row of an upgrade again, with what became of its instructions since; nothing where it is gone."""
        row = None if transaction is None else transaction.row
        if transaction is None or row is None or self._number - int(row["number"]) >= bounds.HISTORY:
            return {}
        return _written({**row, "steps": transaction.to_plain()})

    def letter(self, now: int, what: str, number: int) -> Mapping[str, bytes]:
        """A dead letter was replayed or dropped: one row for all that somebody does so in a row."""
        row = self._letters
        if row is None or (row.number, row.what, row.who) != (self._number, what, WHO.get()):
            self._number += 1
            row = self._letters = Several(self._number, what, WHO.get())
        row.add(number)
        return _written(_new(row.number, now, what, letters=row.to_plain()))

    def withdraw(self, number: int) -> None:
        """What was to be done with a dead letter was not: tell no more of it."""
        if self._letters is not None:
            self._letters.remove(number)

    def stopped(self, now: int) -> Mapping[str, bytes]:
        """The node stops."""
        return self._row(now, STOPPED)

    def _of(self, now: int, what: str, running: Running, **more: Any) -> Mapping[str, bytes]:
        new = {"version": running.compiled.application.version, "digest": running.compiled.digest}
        return self._row(now, what, running.compiled.application.name, new=new, **more)

    def _step(self, now: int, what: str, transaction: Transaction, **more: Any) -> Mapping[str, bytes]:
        if transaction.row is None:
            self._number += 1
        number = self._number if transaction.row is None else transaction.row["number"]
        steps = transaction.to_plain()
        transaction.row = _new(number, now, what, transaction.application, **more, steps=steps)
        return _written(transaction.row)

    def _row(self, now: int, what: str, application: str | None = None, **more: Any) -> Mapping[str, bytes]:
        self._number += 1
        return _written(_new(self._number, now, what, application, **more))


def _new(number: int, now: int, what: str, application: str | None = None, **more: Any) -> Row:
    return {"number": number, "at": now, "what": what, "who": WHO.get(), "application": application, **more}


def _written(row: Row) -> Mapping[str, bytes]:
    return {f"{PREFIX}{row['number'] % bounds.HISTORY:010}": json.dumps(row).encode()}


def _reason(refusal: Refusal) -> Row:
    return {"reason": refusal.reason, "message": cut(refusal.message)}
