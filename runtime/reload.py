"""Live reload: a file under watch, and each of its saves taken over by the node that runs it.

A save goes the way of any upgrade: loaded beside what runs, checked, planned, journaled, swapped between two messages,
watched. Whatever is wrong with it, the version before runs on, and the terminal says why. What is different from an
upgrade in production: nobody waits for the one before, which settles; callers may wait for large cells; and nothing is
rehearsed, as the next message is not far.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from returns.result import Failure, Result, Success

from arrows.origin import BuildError
from migrations.refusal import Refusal
from runtime import bounds, loss
from runtime.application import Application
from runtime.beside import apart, beside
from runtime.edited import edited
from runtime.folders import Folders
from runtime.inserting import inserted, write
from runtime.known import Known
from runtime.loader import load, load_kept, parted
from runtime.loss import Loss
from runtime.node import Node
from runtime.plan_command import planned
from runtime.prompt import Prompt
from runtime.refusal import AlreadyRunning, CannotLoad, UnexpectedVersion
from runtime.reload_report import Report, Saved
from runtime.report import console
from runtime.save import Save, git_writes
from runtime.upgrade import Upgraded

logger = logging.getLogger("midflight")


class Asks(Protocol):
    """Who is asked."""

    def is_there(self) -> bool:
        """Whether anybody can be asked now."""

    async def ask(self, choices: Sequence[str]) -> str | None:
        """One of the choices; None where nobody answers any more."""


def reloading(file: str, application: Application, save: Save) -> Callable[[Node], Coroutine[Any, Any, None]]:
    """What watches a `FILE[:APP]` for a node that runs its application, loaded from this save."""
    whole = str(Path.cwd() / file)  # the folder may be made anew

    def watch(node: Node) -> Coroutine[Any, Any, None]:
        report = Report(console(lasting=True), asyncio.get_running_loop().time)
        return Reload(node, whole, application, save, report, Prompt()).run()

    return watch


class Reload:
    """Lets a node take over each save of the file whose application it runs; the file is named with its whole path.

    `asks` is who is asked whether undeclared losses may be; where nobody is there they are refused.
    """

    def __init__(
        self, node: Node, file: str, application: Application, save: Save, report: Report, asks: Asks
    ) -> None:
        assert application.sources is not None, "it was loaded from the file"
        self._node = node
        self._file = file
        self._path = Path(parted(file)[0])
        save.leads(self._path)
        self._application = application
        self._known = Known(node, application.name, report)
        self._save = save
        self._report = report
        self._asks = asks
        self._folders = Folders()

    async def run(self) -> None:
        """Watch until this is cancelled."""
        try:
            self._known.begin(self._application, self._save)
            await self._folders.watch(self._save)
            while True:
                try:
                    await self._changed()
                    saved, loaded = await self._taken()
                    await self._offer(saved, loaded)
                except Exception:
                    logger.exception("a save was not taken")
                    await asyncio.sleep(bounds.LOOKS_FOR_CHANGES)
        finally:
            self._known.close()
            await self._folders.close()

    # A save, whole

    async def _changed(self) -> None:
        """Wait until a file is not as it was when it was read last."""
        while True:
            told = await self._folders.stirred()
            self._known.look(self._save)
            if await beside(self._save.changed):
                if not told:
                    self._folders.heard()
                return

    async def _taken(self) -> tuple[Saved, Result[Application, CannotLoad]]:
        """Load the file, until what it was loaded from is what stands there, and has stood for a while."""
        since = self._folders.last
        while True:
            save = Save()
            loaded = await self._loaded(save)
            await self._folders.watch(save)
            alone = isinstance(loaded, Success) and len(save.read | self._save.read) == 1
            with self._waiting("the files to rest"):
                await self._folders.quiet(bounds.ALONE_SAVED if alone else bounds.TOGETHER_SAVED)
            with self._waiting("git, which holds its index.lock"):
                await self._without_git(save)
            if loaded is not None and not await beside(save.changed):
                saved = Saved(since, save, save.differing(self._save))
                self._save = save
                return saved, loaded
            self._folders.heard()

    async def _loaded(self, save: Save) -> Result[Application, CannotLoad] | None:
        """Load the file; None where it changed before that came to an end."""
        loading = asyncio.ensure_future(apart(bounds.LOADING, _loaded, self._file, self._path, save))
        try:
            with self._waiting(f"{self._path.name} to be loaded"):
                while not (await asyncio.wait([loading], timeout=bounds.LOOKS_FOR_CHANGES))[0]:
                    if await beside(save.changed):
                        return None
            return loading.result()
        except TimeoutError:
            problem = f"did not come to its end within {bounds.LOADING:g} s"
            return Failure(CannotLoad(str(self._path), problem))
        finally:
            loading.cancel()
            await asyncio.wait([loading])

    @contextlib.contextmanager
    def _waiting(self, what: str) -> Iterator[asyncio.TimerHandle]:
        """Tell what is waited for, where that takes long."""
        telling = asyncio.get_running_loop().call_later(bounds.PATIENCE, self._report.waits, what)
        try:
            yield telling
        finally:
            telling.cancel()

    async def _without_git(self, save: Save) -> None:
        """Wait until git has written what it is writing."""
        folders = {each.parent for each in save.asked}
        while any(map(git_writes, folders)):
            await asyncio.sleep(bounds.SEEN)

    # An upgrade

    async def _offer(self, saved: Saved, loaded: Result[Application, CannotLoad]) -> None:
        if isinstance(loaded, Failure):
            self._report.refused(saved, self._known.running, [loaded.failure()])
            return
        application: Application = loaded.unwrap()
        why = await self._upgraded(saved, application)
        if why is None:
            return
        refused, lost = await beside(self._lost, application, why)
        self._report.refused(saved, self._known.running, refused)
        if lost and self._asks.is_there():
            await self._asked(saved, application, lost)
        elif lost:
            self._report.how(lost, application)

    async def _upgraded(self, saved: Saved, application: Application) -> Refusal | None:
        """Let a version take over, and tell so; or return why not."""
        while True:
            self._known.look(self._save)
            before = self._known.running
            with self._waiting("another upgrade, which is under way") as telling:
                made = await self._node.upgrade(
                    application, settle_before=True, allow_pause=True, tell=lambda _: telling.cancel()
                )
            match made:
                case Success(Upgraded() as upgraded):
                    at = asyncio.get_running_loop().time()
                    self._known.took_over(before, application, saved.save)
                    edits = await beside(edited, before, application)
                    self._report.swapped(saved, before, application, upgraded, edits, at)
                    return None
                case Failure(AlreadyRunning()):
                    self._report.same(saved, before)
                    return None
                case Failure(UnexpectedVersion()):
                    continue  # the version before has just gone back, or somebody else upgraded
            return made.failure()

    # What would be lost

    def _lost(self, application: Application, refusal: Refusal) -> tuple[list[Refusal], list[Loss]]:
        """All that is refused, and what would be lost, where that is all."""
        running = self._known.running
        found = planned(running, application).value_or(())
        refused = [each for machine in found for each in machine.refused]
        if refusal not in refused:
            return [refusal], []
        versions = running.version, application.version
        lost = [loss.loss(each.name, *versions, each.refused) for each in found if each.refused]
        known = [each for each in lost if each is not None]
        return refused, known if len(known) == len(lost) else []

    async def _asked(self, saved: Saved, application: Application, lost: list[Loss]) -> None:
        """Ask what to do, until there is an answer or another save."""
        sources = application.sources
        assert sources is not None
        main = sources.version.main
        text = sources.version.texts[str(main)]
        running = self._known.running
        edits = await beside(inserted, text, sources.variable, lost, application, running)
        choices = self._report.question(lost, application, writes=edits is not None)
        asking = asyncio.ensure_future(self._asks.ask(choices))
        changing = asyncio.ensure_future(self._changed())
        try:
            await asyncio.wait([asking, changing], return_when=asyncio.FIRST_COMPLETED)
            if not asking.done() or self._save.changed():
                self._report.withdrawn()
                self._folders.stir()
                return
        finally:
            for each in (asking, changing):
                each.cancel()
            await asyncio.gather(asking, changing, return_exceptions=True)
        match asking.result():
            case "drop":
                await self._dropped(saved, application, lost)
            case "write" if edits is not None:
                problem = await beside(write, main, text, edits)
                if problem:
                    self._report.complain(f"{main}: {problem}")
            case _:
                self._report.keeps(self._known.running)

    async def _dropped(self, saved: Saved, application: Application, lost: list[Loss]) -> None:
        """Upgrade with the losses declared, in a version that is the file and a line more."""
        sources = application.sources
        assert sources is not None
        main, texts = str(sources.version.main), dict(sources.version.texts)
        texts[main] = loss.declared_once(texts[main], sources.variable, lost)
        loaded = await beside(load_kept, main, sources.variable, texts)
        why = await self._upgraded(saved.again(asyncio.get_running_loop().time()), loaded.unwrap())
        if why is not None:
            self._report.refused(saved, self._known.running, [why])


def _loaded(file: str, path: Path, save: Save) -> Result[Application, CannotLoad]:
    """Load a file, and find out already what it is, while it is waited for."""
    save.leads(path)
    save.is_file(path)  # also where it is gone
    loaded = load(file, save)
    with contextlib.suppress(BuildError):  # the upgrade tells it
        loaded.map(lambda application: application.digest)
    return loaded
