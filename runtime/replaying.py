"""What is done with dead letters: each is stepped again by the machine it was for, or dropped.

A letter is taken away in the commit of the step that took it, or of the drop. Where the step raises, or is not written
down, it stays.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import attrs
from returns.result import Failure, Result, Success

from migrations.refusal import Refusal
from runtime.acceptance import fitted
from runtime.batch import Batch
from runtime.beside import beside
from runtime.dead_letters import Letter, Told, key
from runtime.errors import CallError, StepFailed, Unavailable, cut
from runtime.host import Host
from runtime.hosted import Compiled, Hosted
from runtime.pending import Pending


@attrs.frozen
class NoSuchLetter(Refusal):
    """There is no dead letter of that number (any more)."""

    number: int

    @property
    def happened(self) -> str:
        return f"there is no dead letter {self.number}: it was replayed or dropped, or never was."

    @property
    def remedy(self) -> str:
        return "`midflight dead-letters` shows those there are."


@attrs.frozen
class LetterNotTaken(Refusal):
    """The version that runs does not take the message of a dead letter."""

    number: int
    machine: str
    problem: str

    @property
    def happened(self) -> str:
        return f"dead letter {self.number}: {self.machine} does not take it: {self.problem}. It is kept."

    @property
    def remedy(self) -> str:
        return "Replay it when a version runs that takes it, or drop it."


@attrs.frozen
class LetterFailed(Refusal):
    """The step of a replayed dead letter raised, or what was to be done with one could not be written down."""

    number: int
    problem: str

    @property
    def happened(self) -> str:
        return f"dead letter {self.number}: {self.problem}. It is kept."

    @property
    def remedy(self) -> str:
        return "Mend that (a machine by an upgrade), and try again."


@attrs.frozen
class LetterBusy(Refusal):
    """Something is under way with a dead letter."""

    number: int

    @property
    def happened(self) -> str:
        return f"dead letter {self.number} is being replayed or dropped by somebody else."

    @property
    def remedy(self) -> str:
        return "Look again what became of it."


_WENT_BACK: Final = "the version that runs fails on it on probation, and goes back to the one before"


def found(host: Host, number: int) -> Result[Letter, Refusal]:
    """The letter of a number, with which nothing is under way. Returns Failure(NoSuchLetter | LetterBusy)."""
    letter = host.letters.get(number)
    if letter is None:
        return Failure(NoSuchLetter(number))
    return Failure(LetterBusy(number)) if number in host.letters.leaving else Success(letter)


def message(host: Host, letter: Letter) -> Result[Any, Refusal]:
    """The message of a letter; may run in a thread beside the machines. Refuses as `Letters.message`."""
    return host.letters.message(letter, _versions(host, letter.machine))


def replay(host: Host, number: int, content: Any, ticket: Any) -> Result[Letter, Refusal]:
    """Step a letter's message, before what waits at its machine; `ticket` gets the reply when it is committed.

    No change may wait for its commit. Returns Failure(NoSuchLetter | LetterBusy | LetterNotTaken), with nothing done.
    """
    there = found(host, number)
    if isinstance(there, Failure):
        return there
    letter, core = there.unwrap(), host.core
    try:
        hosted = core.open_machine(letter.machine)
    except CallError as absent:
        return Failure(LetterNotTaken(number, letter.machine, str(absent)))
    if type(content) not in hosted.fits:
        content, wrong = fitted(content, hosted.program.takes, hosted.older)
        if wrong is not None:
            return Failure(LetterNotTaken(number, letter.machine, cut(str(wrong))))
    host.begin()
    keeper = host.keeper
    batch = Batch() if keeper is None else keeper.batch
    told = _leaving(host, number, ticket)
    _step(host, hosted, content, told, batch)
    if batch.outcomes and batch.outcomes[-1][0] is told and batch.outcomes[-1][2] is None:
        _gone(host, batch, "replayed", number)
    _let_go(host, batch)
    return there


def drop(host: Host, number: int, ticket: Any) -> Result[Letter, Refusal]:
    """Forget a letter; `ticket` is told when that is committed. Returns Failure(NoSuchLetter | LetterBusy)."""
    there = found(host, number)
    if isinstance(there, Success):
        host.begin()
        batch = Batch() if host.keeper is None else host.keeper.batch
        batch.outcomes.append((_leaving(host, number, ticket), None, None))
        _gone(host, batch, "dropped", number)
        _let_go(host, batch)
    return there


def undone(letter: Letter, error: CallError) -> Refusal:
    """Why a letter was neither replayed nor dropped."""
    if isinstance(error, StepFailed):
        problem = f"{error.machine} raises on it; reference {error.reference} in the log"
        return LetterFailed(letter.number, problem)
    return LetterFailed(letter.number, str(error).removesuffix("; the message was not taken"))


def _step(host: Host, hosted: Hosted, content: Any, told: Told, batch: Batch) -> None:
    """Let a machine step a message before those that wait. What is not stepped then does not wait."""
    core = host.core
    if hosted.inbox:
        core.ready.remove(hosted)
    hosted.inbox.appendleft((content, told, None, ""))
    core.ready.appendleft(hosted)
    host.step(batch, 1)
    interrupt, batch.interrupt = batch.interrupt, None
    if hosted.inbox and hosted.inbox[0][1] is told:
        hosted.inbox.popleft()
        if not hosted.inbox:
            core.ready.remove(hosted)
        told.set_exception(interrupt or Unavailable(_WENT_BACK))
    if interrupt is not None:
        raise interrupt


def _gone(host: Host, batch: Batch, what: str, number: int) -> None:
    batch.gone.add(key(number))
    if host.keeper is not None:
        batch.puts.update(host.keeper.history.letter(host.core.now, what, number))


def _leaving(host: Host, number: int, ticket: Any) -> Told:
    letters, keeper = host.letters, host.keeper
    letters.leaving.add(number)

    def undone() -> None:
        if keeper is not None:
            keeper.history.withdraw(number)

    return Told(ticket, lambda: letters.leaving.discard(number), undone)


def _let_go(host: Host, batch: Batch) -> None:
    """Commit, and see what became of it."""
    keeper = host.keeper
    if keeper is None:
        host.release(batch)
        host.aftermath.look()
    else:
        host.aftermath.look()
        keeper.go()
    host.tell()


def _versions(host: Host, machine: str) -> tuple[Compiled, ...]:
    """The version that runs a machine, and the one before."""
    hosted = host.core.machines.get(machine)
    running = None if hosted is None else host.core.applications.get(hosted.application.name)
    if running is None:
        return ()
    return (running.compiled, running.previous.compiled) if running.previous else (running.compiled,)


class Replaying:
    """The dead letters of a node on asyncio."""

    _host: Host
    _future: Callable[[], asyncio.Future[Any]]

    async def _unheld(self) -> None:
        raise NotImplementedError

    def _go_on(self) -> None:
        raise NotImplementedError

    def dead_letters(self) -> tuple[Letter, ...]:
        """The messages that no machine took, the oldest first (docs/operating.md)."""
        return tuple(self._host.letters)

    async def replay(self, number: int) -> Result[Any, Refusal]:
        """Let the machine that a dead letter was for step it now, before what waits.

        The letter is gone with the step's commit. Returns Success(the reply), or Failure(NoSuchLetter | LetterBusy |
        LetterNotTaken | NotReadable | LetterFailed | CannotLoad); then the letter is still there.
        """
        there = found(self._host, number)
        if isinstance(there, Failure):
            return there
        content: Result[Any, Refusal] = await beside(message, self._host, there.unwrap())
        await self._unheld()
        ticket = self._future()
        done = content.bind(lambda value: replay(self._host, number, value, ticket))
        return await self._done(done, ticket)

    async def drop(self, number: int) -> Result[Letter, Refusal]:
        """Forget a dead letter. Returns Success(it), or Failure(NoSuchLetter | LetterBusy | LetterFailed)."""
        await self._unheld()
        ticket = self._future()
        done = drop(self._host, number, ticket)
        dropped = await self._done(done, ticket)
        return dropped.bind(lambda _: done)

    async def _done(self, done: Result[Letter, Refusal], ticket: asyncio.Future[Any]) -> Result[Any, Refusal]:
        self._go_on()
        if isinstance(done, Failure):
            return done
        try:
            return Success(await ticket)
        except CallError as error:
            return Failure(undone(done.unwrap(), error))


class ReplayingByHand:
    """The dead letters of a node that is driven by hand."""

    _host: Host

    def drain(self) -> None:
        """Step until nothing waits."""
        raise NotImplementedError

    def dead_letters(self) -> tuple[Letter, ...]:
        """As `Node.dead_letters`."""
        return tuple(self._host.letters)

    def replay(self, number: int) -> Result[Any, Refusal]:
        """As `Node.replay`; what waits is stepped before."""
        self.drain()
        content = found(self._host, number).bind(lambda letter: message(self._host, letter))
        ticket = Pending()
        return self._done(content.bind(lambda value: replay(self._host, number, value, ticket)), ticket)

    def drop(self, number: int) -> Result[Letter, Refusal]:
        """As `Node.drop`."""
        self.drain()
        ticket = Pending()
        done = drop(self._host, number, ticket)
        return self._done(done, ticket).bind(lambda _: done)

    def _done(self, done: Result[Letter, Refusal], ticket: Pending) -> Result[Any, Refusal]:
        self.drain()
        if isinstance(done, Failure):
            return done
        try:
            return Success(ticket.result())
        except CallError as error:
            return Failure(undone(done.unwrap(), error))
