"""The version that runs, as its developer was told: told again where it is another one that no save brought."""

from __future__ import annotations

import asyncio

from returns.result import Failure

from migrations.refusal import Refusal
from runtime.application import Application
from runtime.node import Node
from runtime.reload_report import Report
from runtime.save import Save


class Known:
    """Knows which version of an application was told to run, and looks after it while it is on probation."""

    def __init__(self, node: Node, name: str, report: Report) -> None:
        self._node = node
        self._name = name
        self._report = report
        self._digest = ""
        self._watches: dict[str, asyncio.Task[None]] = {}

    @property
    def running(self) -> Application:
        """What runs."""
        application = self._node.application(self._name)
        assert application is not None, "it is stopped behind this"
        return application

    def begin(self, given: Application, save: Save) -> None:
        """See what runs; not what was given, where that went back by itself."""
        running = self.running
        self._digest = running.digest
        if running.digest != given.digest:
            self._report.undone(save, running, given, self._why(given))
        elif self._is_watched():
            self._watch(given, save)

    def took_over(self, before: Application, application: Application, save: Save) -> None:
        """A save did, and settled what was before."""
        self._digest = application.digest
        if before.digest in self._watches:
            self._watches.pop(before.digest).cancel()
        self._watch(application, save)

    def look(self, save: Save) -> None:
        """See whether somebody else has changed what runs."""
        running = self._node.application(self._name)
        if running is not None and running.digest != self._digest and not self._watches:
            self._digest = running.digest
            self._report.another(running)
            if self._is_watched():
                self._watch(running, save)

    def close(self) -> None:
        """Look after nothing any more."""
        for each in self._watches.values():
            each.cancel()

    def _is_watched(self) -> bool:
        found = (each for each in self._node.status().applications if each.name == self._name)
        return any(each.upgrade is not None and each.upgrade.limit is not None for each in found)

    def _why(self, application: Application) -> Refusal | None:
        """Why a version went back, if it did by itself."""
        digest, why = self._node.undone(self._name) or ("", None)
        return why if digest == application.digest else None

    def _watch(self, application: Application, save: Save) -> None:
        self._watches[application.digest] = asyncio.create_task(self._watched(application, save))

    async def _watched(self, application: Application, save: Save) -> None:
        """Tell where a version fails on probation."""
        passed = await self._node.passed(self._name)
        self._watches.pop(application.digest, None)
        running = self._node.application(self._name)
        if running is None:
            return
        why = passed.failure() if isinstance(passed, Failure) else None
        if (
            why is None and running.digest != application.digest
        ):  # it is on probation since an earlier process
            why = self._why(application)
        if why is not None:
            self._digest = running.digest
            self._report.failed(save, running, application, why)
