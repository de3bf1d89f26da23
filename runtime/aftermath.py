"""What comes after a swap: the new version passes its probation, or the node goes back by itself; then it settles."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

import attrs
from returns.result import Failure

from migrations.refusal import Refusal
from runtime import observe
from runtime.history import WHO
from runtime.hosted import Running
from runtime.instruction import Sweep, Watch
from runtime.probation import EndedUncleanly, Failing
from runtime.quarantine import set_aside
from runtime.settling import settle

if TYPE_CHECKING:
    from runtime.host import Host
    from runtime.keeper import Keeper

logger = logging.getLogger("midflight")


@attrs.frozen
class TakenBack(Refusal):
    """Somebody went back by hand while another one waited for the new version to pass."""

    application: str
    version: str

    @property
    def happened(self) -> str:
        return f"{self.application}: somebody took version {self.version} back before it had passed."

    @property
    def remedy(self) -> str:
        return "`midflight history` tells who and when; upgrade again when that is settled between you."


class Aftermath:
    """Looks after the upgrades of a host that can still be undone."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._cut_short: set[str] = set()

    def opened(self, keeper: Keeper) -> None:
        """Remember which versions were on probation when a process ended without saying so."""
        if keeper.history.unclean:
            self._cut_short = {name for name, each in keeper.parked.items() if each.watch is not None}

    def deadline(self) -> int | None:
        """When the next probation is over, in milliseconds."""
        watches = (each.watch for each in self._host.core.applications.values())
        return min((watch.until for watch in watches if watch is not None), default=None)

    def look(self) -> None:
        """See what became of each upgrade: after a batch was stepped."""
        core, keeper = self._host.core, self._host.keeper
        if core.failing:
            failing, core.failing = core.failing, []
            for each in failing:
                self._back(each)
        if keeper is not None and keeper.held:
            return
        for running in core.applications.values():
            if running.watch is not None and running.watch.passed(running, core.now):
                self._passed(running)
            transaction = running.transaction
            if transaction and not transaction.why and transaction.goes_on(Sweep) and running.is_swept:
                transaction.done(Sweep, _aside(running))
                if keeper is not None:
                    keeper.keep(keeper.history.grown(transaction))
            if running.settles and running.watch is None and running.is_swept and running.is_open:
                with _by_itself():
                    settled = settle(self._host, running.compiled.application.name)
                if isinstance(settled, Failure):
                    running.settles = False
                    logger.warning("%s", settled.failure())

    def again(self, running: Running) -> Running:
        """A kept application runs again: it goes back where its process ended uncleanly on probation."""
        application = running.compiled.application
        if application.name in self._cut_short:
            self._cut_short.discard(application.name)
            self._back(Failing(application.name, EndedUncleanly(application.name, application.version)))
        return running

    def _back(self, failing: Failing) -> None:
        """Go back to the version before, whose answer the failing message then gets."""
        host, core, name = self._host, self._host.core, failing.application
        running = core.applications.get(name)
        if running is None or not running.is_open or running.stuck:
            return
        failed, transaction = running.compiled.digest, running.transaction
        with _by_itself():
            made = host.change(name, core.prepare_back(name), failing=failing)
            if transaction is not None:
                transaction.refused(Watch, failing.why)
                if host.keeper is not None:
                    host.keeper.keep(host.keeper.history.grown(transaction))
            if isinstance(made, Failure):
                self._stuck(running, failing, made.failure())
            else:
                running.undone = failed

    def _stuck(self, running: Running, failing: Failing, refusal: Refusal) -> None:
        core, keeper = self._host.core, self._host.keeper
        name, watch, settles = running.compiled.application.name, running.watch, running.settles
        text = f"{failing.why.happened} It cannot go back: {refusal.happened}"
        running.sticks(text)
        logger.error("%s: stuck in version %s: %s", name, running.compiled.application.version, text)
        if core.observed:
            core.events.append(
                observe.Stuck(name, "", running.compiled.digest, core.reference(), failing.why, refusal)
            )
        if keeper is not None:

            def undo() -> None:
                running.settles, running.stuck = settles, ""
                running.watched(watch)

            keeper.note(["stuck", name, text], None, undo, keeper.history.stuck(core.now, running))

    def _passed(self, running: Running) -> None:
        core, keeper, watch = self._host.core, self._host.keeper, running.watch
        assert watch is not None
        name, messages = running.compiled.application.name, watch.messages(running)
        seconds = max(0, core.now - watch.since) / 1000
        running.watched(None)
        version = running.compiled.application.version
        logger.info(
            "%s: version %s passed its probation: %d messages, %.1f s", name, version, messages, seconds
        )
        if running.transaction is not None:
            running.transaction.done(Watch, f"{messages} messages")
        if core.observed:
            core.events.append(observe.Passed(name, "", running.compiled.digest, core.reference(), messages))
        if keeper is not None:
            with _by_itself():
                row = keeper.history.passed(core.now, running, messages, seconds)
                puts = {**row, **keeper.history.grown(running.transaction)}
                keeper.note(["passed", name], None, lambda: running.watched(watch), puts)


def _aside(running: Running) -> str:
    count = sum(1 for _ in set_aside(running))
    return f"{count} keys are set aside: see midflight status" if count else ""


@contextlib.contextmanager
def _by_itself() -> Iterator[None]:
    """Nobody asks for it."""
    token = WHO.set("the node itself")
    try:
        yield
    finally:
        WHO.reset(token)
