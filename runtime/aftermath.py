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
from runtime.unit import Group

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
        for running in list(core.applications.values()):
            if running.watch is not None and running.watch.passed(running, core.now):
                group = core.group_of(running)
                if group.passed(core.now):
                    self._passed(group)
            transaction = running.transaction
            if transaction and not transaction.why and transaction.goes_on(Sweep) and running.is_swept:
                group = core.group_of(running)
                if group.is_swept:
                    transaction.done(Sweep, _aside(group))
                    if keeper is not None:
                        keeper.keep(keeper.history.grown(transaction))
            if running.settles and running.watch is None and running.is_swept and running.is_open:
                self._settle(core.group_of(running))

    def _settle(self, group: Group) -> None:
        """Settle what was asked to settle by itself, once all of it can."""
        if group.is_watched or not group.is_swept:
            return
        with _by_itself():
            settled = settle(self._host, group.name)
        if isinstance(settled, Failure):
            for running in group.members:
                running.settles = False
            logger.warning("%s", settled.failure())

    def again(self, running: Running) -> Running:
        """A kept application runs again, with all of its release: they go back where their process ended uncleanly on
        probation.
        """
        group = self._host.core.group_of(running)
        cut_short = self._cut_short & {each.compiled.application.name for each in group.members}
        if cut_short:
            self._cut_short -= cut_short
            name = min(cut_short)
            self._back(Failing(name, EndedUncleanly(group.name, group.version)))
        return running

    def _back(self, failing: Failing) -> None:
        """Go back to the version before, whose answer the failing message then gets."""
        host, core = self._host, self._host.core
        running = core.applications.get(failing.application)
        if running is None or not running.is_open or running.stuck:
            return
        group, transaction = core.group_of(running), running.transaction
        failed = [(each, each.compiled.digest) for each in group.members]
        with _by_itself():
            made = host.change(group.name, core.prepare_back(group.name, drops=True), failing=failing)
            if transaction is not None:
                transaction.refused(Watch, failing.why)
                if host.keeper is not None:
                    host.keeper.keep(host.keeper.history.grown(transaction))
            if isinstance(made, Failure):
                self._stuck(group, failing, made.failure())
            else:
                for each, digest in failed:
                    each.undone, each.undone_for = digest, failing.why

    def _stuck(self, group: Group, failing: Failing, refusal: Refusal) -> None:
        core, keeper = self._host.core, self._host.keeper
        stood = [(each, each.watch, each.settles) for each in group.members]
        text = f"{failing.why.happened} It cannot go back: {refusal.happened}"
        logger.error("%s: stuck in version %s: %s", group.name, group.version, text)
        for running in group.members:
            running.sticks(text)
            if core.observed:
                name, digest = running.compiled.application.name, running.compiled.digest
                core.events.append(observe.Stuck(name, "", digest, core.reference(), failing.why, refusal))
        if keeper is not None:

            def undo() -> None:
                for running, watch, settles in stood:
                    running.settles, running.stuck = settles, ""
                    running.watched(watch)

            events = [["stuck", each.compiled.application.name, text] for each in group.members]
            keeper.note(events, None, undo, keeper.history.stuck(core.now, group))

    def _passed(self, group: Group) -> None:
        core, keeper = self._host.core, self._host.keeper
        watched = [(each, each.watch) for each in group.members if each.watch is not None]
        messages = sum(watch.messages(each) for each, watch in watched)
        seconds = max(0, core.now - min(watch.since for _, watch in watched)) / 1000
        logger.info(
            "%s: version %s passed its probation: %d messages, %.1f s",
            *(group.name, group.version, messages, seconds),
        )
        transaction = group.transaction
        if transaction is not None:
            transaction.done(Watch, f"{messages} messages")
        for running, watch in watched:
            name, digest = running.compiled.application.name, running.compiled.digest
            if core.observed:
                did = watch.messages(running)
                core.events.append(observe.Passed(name, "", digest, core.reference(), did))
            running.watched(None)
        if keeper is not None:

            def undo() -> None:
                for running, watch in watched:
                    running.watched(watch)

            with _by_itself():
                row = keeper.history.passed(core.now, group, messages, seconds)
                puts = {**row, **keeper.history.grown(transaction)}
                events = [["passed", each.compiled.application.name] for each, _ in watched]
                keeper.note(events, None, undo, puts)


def _aside(group: Group) -> str:
    count = sum(1 for running in group.members for _ in set_aside(running))
    return f"{count} keys are set aside: see midflight status" if count else ""


@contextlib.contextmanager
def _by_itself() -> Iterator[None]:
    """Nobody asks for it."""
    token = WHO.set("the node itself")
    try:
        yield
    finally:
        WHO.reset(token)
