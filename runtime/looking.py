"""What can be seen of a node on asyncio, and heard."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from returns.result import Result

from arrows.shape import Shape
from migrations.refusal import Refusal
from runtime.application import Application
from runtime.codec import Codec
from runtime.dialect import Dialect, dialect
from runtime.host import Host
from runtime.release import Release
from runtime.status import MachineStatus, Status
from runtime.subscriptions import Subscription


class Looking:
    """Reads a host, and says who may come."""

    _host: Host
    _leaving = False

    def leave(self) -> None:
        """Say that the node is about to stop: it is not ready any more, and subscriptions end."""
        self._leaving = True
        self._host.hub.close()

    def unready(self) -> str | None:
        """Why nothing new should be asked of this node; None where it is ready."""
        if self._leaving:
            return "the node is stopping"
        if not self._host.core.open:
            return "the node is not running"
        return None if self._host.core.applications else "no application runs here"

    def record(
        self,
        what: str,
        application: str | None = None,
        why: Refusal | None = None,
        letters: Collection[int] = (),
    ) -> None:
        """Let the history tell what somebody asked for here, and why it was refused."""
        keeper = self._host.keeper
        if keeper is not None:
            keeper.keep(keeper.history.asked(self._host.now(), what, application, why, letters))

    def record_again(self, what: str, machine: Any = None) -> None:
        """Let the history count what somebody asked for here, of a machine where there is such a one."""
        keeper = self._host.keeper
        known = next((name for name in self._host.core.machines if name == machine), None)
        if keeper is not None:
            keeper.keep(keeper.history.again(self._host.now(), what, known))

    def subscribe(self, topic: str) -> Subscription:
        """Hear what machines publish on a topic, each event once it is committed, from when this is entered.

        An event has a `number`, which counts those of all topics, a `topic` and a `message`.

            async with node.subscribe("orders") as events:
                async for event in events:
                    print(event.number, event.message)

        Iterating raises Lagged where `bounds.EVENTS` events wait and another comes; it ends with the node.
        """
        return Subscription(self._host.hub, topic)

    def published(self) -> int:
        """How many events the node has counted so far."""
        return self._host.core.outbox.numbers[1]

    def reference(self) -> str:
        """A text that nothing else has."""
        return self._host.reference()

    def ran(self) -> Result[Application | Release, Refusal]:
        """What ran on this node's data last, to be started again as it was: `await node.start(node.ran().unwrap())`.

        Returns Success(the release, or the only application that is kept) or Failure(NothingRan).
        """
        return self._host.ran()

    def status(self) -> Status:
        """What runs here."""
        return self._host.status()

    def machine(self, name: str) -> MachineStatus:
        """One machine; raises UnknownMachine."""
        return self._host.machine(name)

    def accepts(self, machine: str) -> Shape:
        """The shape of the messages that a machine takes; raises UnknownMachine or Unavailable."""
        return self._host.core.open_machine(machine).program.takes

    def dialect(self, machine: str, version: str | None) -> Dialect:
        """How a client written for a version speaks with a machine; None is the version that runs.

        Raises UnknownMachine, Unavailable or UnknownVersion.
        """
        return dialect(self._host.core, machine, version)

    def application(self, name: str) -> Application | None:
        """The running version of an application."""
        running = self._host.core.applications.get(name)
        return running.compiled.application if running else None

    def undone(self, name: str) -> tuple[str, Refusal] | None:
        """The version of an application that went back by itself last, in this process: its digest, and why."""
        running = self._host.core.applications.get(name)
        if running is None or running.undone_for is None:
            return None
        return running.undone, running.undone_for

    def codec(self, application: str, scheme: str) -> Codec | None:
        """How the running version of an application speaks a protocol, or None."""
        running = self._host.core.applications.get(application)
        return running.compiled.application.codecs.get(scheme) if running else None
