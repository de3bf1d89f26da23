"""What was kept runs again: an application, or a release with all that belongs to it, as it was when it stopped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import attrs
from returns.result import Failure, Result, Success

from migrations.refusal import Refusal
from runtime.application import Application
from runtime.hosted import Compiled, Running
from runtime.keeper import NOTHING, Keeper
from runtime.probation import EndedUncleanly
from runtime.refusal import NameTaken, NotRunning
from runtime.release import Release
from runtime.replacing import replace

if TYPE_CHECKING:
    from runtime.aftermath import Aftermath
    from runtime.core import Core
    from runtime.host import Ticket
    from runtime.sweep import Sweep


@attrs.frozen
class NothingRan(Refusal):
    """It is not clear what ran here last: nothing is kept, or several that are no release."""

    known: tuple[str, ...]

    @property
    def happened(self) -> str:
        return f"nothing says what is to run here; kept are: {', '.join(self.known) or 'none'}."

    @property
    def remedy(self) -> str:
        return "Give the file of an application, or of a release."


class Resuming:
    """The part of a host for applications that rest."""

    core: Core
    keeper: Keeper | None
    aftermath: Aftermath
    sweep: Sweep

    def begin(self) -> bool:
        """Give a batch that has no event yet its time; return whether it is such a one."""
        raise NotImplementedError

    def members(self, name: str) -> tuple[Running, ...]:
        """The applications of a release that run, or the one of that name."""
        unit = self.core.releases.get(name)
        names = (name,) if unit is None else unit.applications
        return tuple(self.core.applications[each] for each in names if each in self.core.applications)

    def ran(self) -> Result[Application | Release, Refusal]:
        """What ran on this data last, and does not yet: the release, or the only application. Returns
        Failure(NothingRan).
        """
        core = self.core
        match list(core.releases.values()), list(core.parked.values()):
            case [unit], _ if all(name in core.parked for name in unit.applications):
                kept = (core.parked[name].compiled.application for name in unit.applications)
                return Success(Release(unit.name, version=unit.version, applications=kept))
            case [], [running]:
                return Success(running.compiled.application)
            case _:
                return Failure(NothingRan((*core.releases, *core.parked)))

    def again_release(
        self, release: Release, new: Sequence[Compiled], puts: Mapping[str, bytes] = NOTHING
    ) -> Result[bool, Refusal]:
        """Let what was kept of a release run again, all of it, as the versions that they are; the caller upgrades it.

        Returns Success(whether it needs no upgrade: it is the same, or the new one went back as its process ended
        uncleanly), or Failure(NotRunning | NameTaken | EndedUncleanly); then nothing of it runs.
        """
        core, name = self.core, release.name
        unit = core.releases.get(name)
        if not core.open:
            return Failure(NotRunning(name))
        if unit is None:
            return Success(False)
        if any(each in core.applications for each in unit.applications):
            return Failure(NameTaken("release", name, name))
        self.begin()
        given = {each.application.name: each for each in new}
        kept = {each: core.parked[each] for each in unit.applications}
        for each, running in kept.items():
            made = self.again(given.get(each, running.compiled), running, None, puts)
            if isinstance(made, Failure):
                self.rest(unit.applications)
                return Failure(made.failure())
        self.aftermath.again(core.applications[unit.applications[0]])
        undone = any(each in given and one.undone == given[each].digest for each, one in kept.items())
        now = core.releases.get(name)
        if now is None:
            self.rest(unit.applications)
            return Failure(EndedUncleanly(name, unit.version))
        return Success(undone or now.digest(core.digests()) == release.digest)

    def rest(self, applications: Sequence[str]) -> None:
        """Let applications rest that have just begun to run again."""
        for name in applications:
            running = self.core.applications.get(name)
            if running is not None:
                self.core.rests(running)

    def forget(self, name: str) -> None:
        """Know no more of a release that has stopped, where nothing is kept."""
        if self.keeper is None:
            self.core.releases.pop(name, None)

    def again(
        self,
        new: Compiled,
        kept: Running,
        ticket: Ticket | None = None,
        puts: Mapping[str, bytes] = NOTHING,
    ) -> Result[Running, Refusal]:
        """Let a kept application run again, as the version that it is; the caller upgrades it."""
        name = new.application.name
        if name in self.core.applications:
            return Failure(NameTaken("application", name, name))
        if not self.core.open:
            return Failure(NotRunning(name))
        taken = self.core.taken(kept.compiled)
        if taken is not None:
            return Failure(taken)
        was, undo = kept.compiled.edition, None
        same = kept.compiled.digest == new.digest
        if same:
            replaced = replace(kept, new)
            if isinstance(replaced, Failure):
                return Failure(replaced.failure())
            undo = replaced.unwrap()
        del self.core.parked[name]
        self.core.adopt(kept)
        if same:
            self._enter(kept)
        if self.keeper is None:
            return Success(kept)
        row = self.keeper.history.started(self.core.now, kept, again=True)
        if kept.compiled.edition != was:
            self.keeper.note([["start", name, new.edition]], ticket, undo, {**puts, **row})
        else:
            self.keeper.keep(row)
            if ticket is not None:
                ticket.set_result(None)
        return Success(kept)

    def _enter(self, running: Running) -> Running:
        """Let an application's machines get what is due to them: once it is the version that is to run."""
        for hosted in running.machines.values():
            self.core.outbox.enter(hosted)
        self.sweep.begin(running)
        return running

    def park(self, running: Running) -> None:
        """Let a kept application rest; its state stays."""
        if self.keeper is not None:
            self.core.parked[running.compiled.application.name] = running
