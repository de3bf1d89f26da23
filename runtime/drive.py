"""What is done to a node and the model of it in one try: upgrades, rollbacks, power cuts, restarts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from returns.result import Failure

from runtime.explored import Explored, How, PowerCut, Seen
from runtime.instruction import Probation, Terms
from runtime.lockstep import Differs, Lockstep, NothingToTry
from runtime.pair import NoWayBack, NoWayUp, Unwell
from runtime.settling import settle

__all__ = ["Drive", "NothingToTry"]

Deed: TypeAlias = Callable[[], object]


class Drive(Lockstep):
    """One try."""

    AHEAD: Final = 3
    """Messages that are stepped behind a change."""

    watched, unwatched = Terms(Probation(1_000_000, 1e9)), Terms(None)
    passing = Terms(Probation(1, 1e9))

    def needs_message(self, *, named: bool = False) -> None:
        """Raise NothingToTry where no message follows, or where it may not be given an id."""
        if not self.left or (named and not self.named):
            raise NothingToTry

    def swap(self, *, watched: bool = False, unwell: Unwell = "", passes: bool = False) -> None:
        """Let the new version take over: `watched`, `unwell`, or so that it `passes` its probation with a message."""
        watched = watched or bool(unwell) or passes
        if not self.model.ready and not self.asked:
            self.did(f"upgraded before message {self.at + 1}")
        else:
            self.did("upgraded")
        try:
            self.model.up(watched=watched, unwell=unwell)
        except NoWayUp:
            raise NothingToTry from None
        terms = self.passing if passes else self.watched if watched else self.unwatched
        result = self.node.take(self.ground.unwell[unwell], terms)
        if isinstance(result, Failure):
            raise Differs("the upgrade", "done", f"refused: {result.failure()}")
        self._committed()

    def sweep(self) -> None:
        """Let every row be led."""
        self.node.sweep.let()
        self.node.drain()
        if self.node.running.left:
            raise Differs("the rows that are to be led", "none", str(self.node.running.left))

    def swap_slowly(self) -> None:
        """Let the new version take over while a message comes, before the upgrade is on disk."""
        self.did(f"upgraded before message {self.at + 1}")
        try:
            self.model.up()
        except NoWayUp:
            raise NothingToTry from None

        def deed() -> None:
            self.node.take(self.ground.pair.new, self.unwatched)
            self.wait(1)

        self.slowly(deed, "it")

    def passed(self) -> None:
        """See that the new version is on probation no more."""
        self.model.watched = False
        if self.model.is_new and self.node.running.watch is not None:
            raise Differs("the probation", "passed", "still under way")

    def slowly(self, deed: Deed, what: str) -> None:
        """Do something while the disk is slow: nobody is answered before it is written, and it is written then."""
        self.did(f"{what} is not on disk yet")
        self.node.disk.automatic, self.is_slow = False, True
        deed()
        self.node.step()
        early = [at for at, pending in self.asked.items() if pending.done()]
        self.node.disk.automatic, self.is_slow = True, False
        if early:
            raise Differs(f"the answer to message {early[0] + 1}", "none before it is on disk", "one")
        while self.node.disk.advance():
            self.node.hear()
        self.drain()

    def back(self) -> None:
        """Let the old version take over again."""
        if not self.model.is_new:
            raise NothingToTry
        self.did("rolled back")
        refused = ""
        try:
            self.model.back()
        except NoWayBack as no:
            refused = str(no)
        result = self.node.rollback(self.ground.name)
        if isinstance(result, Failure) != bool(refused):
            found = str(result.failure()) if isinstance(result, Failure) else "done"
            raise Differs("the rollback", f"refused: {refused}" if refused else "done", found)
        if refused:
            raise NothingToTry
        self._committed()

    def _committed(self) -> None:
        while not self.node._settled():
            pass

    def settle(self) -> None:
        """Let there be no way back."""
        self.did("settled")
        self.sweep()
        result = settle(self.node._host, self.ground.name)
        if isinstance(result, Failure):
            raise Differs("settling", "done", str(result.failure()))
        self.node.drain()

    def refused(self, what: str, deed: Deed) -> None:
        """Do something for which there is no room on the disk: it is undone, and all is as it was."""
        self.did(f"no room on the disk for {what}")
        was = self._seen()
        self.node.disk.fails = "rejected"
        deed()
        self.node.disk.fails = ""
        self._committed()
        self._is_still(was)

    def stop(self) -> None:
        """Stop the node, and start it again: it is what it was."""
        self.did("stopped")
        self.node.close()
        was = self._seen()
        self.restart()
        self._is_still(was)

    def _seen(self) -> tuple[Seen, dict[str, bool]]:
        """The application, and with which of its machines clients of the version before speak."""
        running = self.node.running
        speaks = {name: hosted.older is not None for name, hosted in running.machines.items()}
        return Seen.of(running, self.node._host.core.outbox.numbers), speaks

    def _is_still(self, was: tuple[Seen, dict[str, bool]]) -> None:
        seen, speaks = self._seen()
        differs = was[0].differs(seen)
        if not differs and speaks != was[1]:
            differs = f"clients of the version before were spoken with as {was[1]}, and are as {speaks}"
        if differs:
            raise Differs("the application", "as it was", differs)

    def can_go_back(self) -> None:
        """Raise NothingToTry where a rollback is refused."""
        try:
            self.model.copy().back()
        except NoWayBack:
            raise NothingToTry from None

    def no_way_back(self) -> None:
        """See that a rollback is refused."""
        if not isinstance(self.node.rollback(self.ground.name), Failure):
            raise Differs("a rollback of what is settled", "refused", "done")

    def cut(self, how: How, deed: Deed, what: str) -> None:
        """Do something during which the power is cut: `before` or `behind` its commit."""
        self.did(f"power cut {how} the commit of {what}")
        self.node.disk.fails = how
        try:
            deed()
        except PowerCut:
            return
        raise NothingToTry

    def restart(self) -> None:
        """Recover, and run the version again that the model expects; what was not answered is asked again."""
        self._is_whole = False
        self.did("started again")
        self._base = self.power.copy()
        self.node = Explored(self.ground, self.power, self.model.now, again=True)
        self._runs(self._expected())
        self.model.drain()

    def went_back(self) -> None:
        """Start again where the process ended in a probation: the node goes back first."""
        self._is_whole = False
        self.did("started again")
        self._base = self.power.copy()
        self.node = Explored(self.ground, self.power, self.model.now, again=True)
        if not self.model.is_new:
            raise NothingToTry
        self._runs(self.ground.pair.new)
        self.model.back()
        self.model.drain()

    def send(self) -> None:
        """Send the next message, and step it: nothing is looked at, as the power may be cut."""
        self._pass(self.at)
        self._ask(self.at)
        self.node.drain()

    def repeat(self) -> None:
        """Ask the next message again, as its client does who heard nothing, and hold the answer against the model's."""
        self.asked.clear()
        each = self.trace[self.at]
        self._ask(self.at)
        self.model.send(each.machine, each.message, self.at)
        self.at += 1
        self.drain()
        self.did(f"message {self.at} again")

    def half(self) -> None:
        """Send the next message and step it, but not what it sends to machines."""
        self.wait(1)
        self.node.step(1)
        self.model.turn(1)
        if not self.model.ready:
            raise NothingToTry
        self.did("its sends wait")
