"""Update points: what can happen at a place between two messages while a version takes over, and how each is tried.

A point is a place and a kind. The kinds are functions here that drive a node and the model of it; each tells in words
what it did, and raises NothingToTry where it does not come up: no timer is due, no row is on its way, nothing follows.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final, TypeAlias

from runtime import crashes
from runtime.drive import Drive, NothingToTry

Kind: TypeAlias = Callable[[Drive], None]


def swap(drive: Drive) -> None:
    """The new version takes over, goes on, and its rows are led; then the old one does."""
    drive.swap()
    drive.check()
    drive.go_on(drive.AHEAD)
    drive.sweep()
    drive.check()
    drive.back()
    drive.check()
    drive.go_on(1)
    drive.check()
    drive.recovers(0, -1)


def waiting_messages(drive: Drive) -> None:
    """Messages wait at the moment of the upgrade."""
    drive.needs_message()
    drive.wait(drive.AHEAD)
    drive.swap()
    drive.drain()
    drive.check()
    drive.recovers(0, 1)


def timer_due(drive: Drive) -> None:
    """A timer is due at the moment of the upgrade, and another one at that of the rollback."""
    drive.late()
    drive.swap()
    drive.drain()
    drive.check()
    drive.recovers(-1)
    with suppress(NothingToTry):
        drive.late()
        drive.back()
        drive.drain()
        drive.check()


def sends_outstanding(drive: Drive) -> None:
    """What a machine sent to another waits at the moment of the upgrade, and at that of the rollback."""
    drive.needs_message()
    drive.half()
    drive.swap()
    drive.drain()
    drive.check()
    drive.recovers(0, 1)
    with suppress(NothingToTry):
        drive.needs_message()
        drive.half()
    drive.back()
    drive.drain()
    drive.check()


def not_written(drive: Drive) -> None:
    """There is no room on the disk for the upgrade: it is undone, and what waited is answered by the old version."""
    drive.wait(1)
    drive.refused("the upgrade", lambda: drive.node.take(drive.ground.pair.new, drive.watched))
    drive.drain()
    drive.check()
    drive.swap()
    drive.go_on(1)
    drive.check()
    drive.wait(1)
    drive.refused("the rollback", lambda: drive.node.rollback(drive.ground.name))
    drive.drain()
    drive.check()


def back_at_once(drive: Drive) -> None:
    """Upgraded, rolled back and upgraded again with nothing in between."""
    drive.swap()
    drive.back()
    drive.check()
    drive.swap()
    drive.go_on(1)
    drive.back()
    drive.check()
    drive.go_on(1)
    drive.check()


def back_while_messages_wait(drive: Drive) -> None:
    """Messages that the new version took wait at the moment of the rollback."""
    drive.needs_message()
    drive.swap()
    drive.go_on(1)
    drive.wait(drive.AHEAD)
    drive.back()
    drive.drain()
    drive.check()
    drive.recovers(-1)


def by_itself(drive: Drive) -> None:
    """The new version fails its probation on the next message: the old one answers it, and what waits behind it."""
    drive.needs_message()
    drive.swap(unwell="raises" if drive.at % 2 else "unhealthy")
    drive.wait(2)
    drive.drain()
    drive.check()
    drive.go_on(1)
    drive.check()
    drive.recovers(*range(len(drive.node.cuts)))


def settled(drive: Drive) -> None:
    """The upgrade is settled, and the power cut behind that: there is no way back, and the new version goes on."""
    drive.swap()
    drive.go_on(1)
    drive.settle()
    drive.check()
    drive.recovers(-1)
    if drive.at % 2:
        drive.stop()
    else:
        drive.restart()
    drive.no_way_back()
    drive.go_on(1)
    drive.check()


def passed(drive: Drive) -> None:
    """The new version passes its probation with the next message; then there is a way back still."""
    drive.needs_message()
    drive.swap(passes=True)
    drive.go_on(1)
    drive.passed()
    drive.recovers(-1)
    drive.go_on(1)
    drive.back()
    drive.check()


def slow_disk(drive: Drive) -> None:
    """The upgrade, a message behind it and the rollback take long to be written."""
    drive.needs_message(named=True)
    drive.swap_slowly()
    drive.check()
    drive.go_on(1)
    drive.slowly(lambda: drive.wait(2), "what comes now")
    drive.check()


def asked_again(drive: Drive) -> None:
    """What the old version answered is asked again of the new one, and of the old one when it is back."""
    drive.needs_message(named=True)
    drive.go_on(1)
    drive.swap()
    drive.again(drive.at - 1)
    drive.check()
    drive.back()
    drive.again(drive.at - 1)
    drive.check()


def started_as_new(drive: Drive) -> None:
    """The node is stopped, and started with the file of the new version; a client asks what the old one answered."""
    drive.go_on(1)
    drive.stop()
    drive.swap(watched=True)
    drive.go_on(1)
    drive.check()
    drive.sweep()
    drive.stop()
    drive.check()
    drive.go_on(1)
    drive.check()


KINDS: Final[dict[str, Kind]] = {
    "swap": swap,
    "swap, messages wait": waiting_messages,
    "swap, a timer is due": timer_due,
    "swap, sends wait": sends_outstanding,
    "swap, slow disk": slow_disk,
    "swap, disk full": not_written,
    "swap, back at once": back_at_once,
    "rollback, messages wait": back_while_messages_wait,
    "back by itself": by_itself,
    "crash before swap": crashes.crash_before_swap,
    "crash behind swap": crashes.crash_behind_swap,
    "crash on probation": crashes.crash_on_probation,
    "crash before step": crashes.crash_before_step,
    "crash behind step": crashes.crash_behind_step,
    "crash before rollback": crashes.crash_before_back,
    "crash behind rollback": crashes.crash_behind_back,
    "crash in sweep": crashes.crash_in_sweep,
    "snapshot behind swap": crashes.snapshot_behind_swap,
    "probation passed": passed,
    "settled": settled,
    "asked again": asked_again,
    "started as new": started_as_new,
}
"""Each kind of update point by its name."""
