"""Update points at which the power is cut: before or behind a commit of an upgrade, in its sweep, on its probation."""

from __future__ import annotations

from runtime.drive import Drive, NothingToTry


def crash_before_swap(drive: Drive) -> None:
    """The power is cut before the upgrade is on disk."""
    drive.cut("before", lambda: drive.node.take(drive.ground.pair.new, drive.unwatched), "the upgrade")
    drive.restart()
    drive.check()
    drive.swap()
    drive.go_on(1)
    drive.check()


def crash_behind_swap(drive: Drive) -> None:
    """The power is cut when the upgrade is on disk, and nobody was told."""
    drive.cut("behind", lambda: drive.node.take(drive.ground.pair.new, drive.unwatched), "the upgrade")
    drive.model.up()
    drive.restart()
    drive.check()
    drive.go_on(drive.AHEAD)
    drive.check()
    drive.back()
    drive.check()


def crash_on_probation(drive: Drive) -> None:
    """The process ends in a probation: the next start goes back first, and remembers what was answered."""
    drive.swap(watched=True)
    drive.go_on(1)
    drive.did("killed")
    drive.went_back()
    drive.check()
    if drive.model.said:
        drive.again(drive.at - 1)
    drive.go_on(1)
    drive.check()


def crash_before_step(drive: Drive) -> None:
    """The power is cut before a message that the new version stepped is on disk: its client asks again."""
    drive.needs_message()
    drive.swap()
    drive.cut("before", drive.send, f"message {drive.at + 1}")
    drive.restart()
    drive.check()
    drive.repeat()
    drive.go_on(1)
    drive.check()


def crash_behind_step(drive: Drive) -> None:
    """A message of the new version is on disk and its client heard nothing: it asks again, and is told the answer."""
    drive.needs_message(named=True)
    drive.swap()
    drive.cut("behind", drive.send, f"message {drive.at + 1}")
    drive.restart()
    drive.repeat()
    drive.check()
    drive.back()
    drive.check()
    drive.again(drive.at - 1)
    drive.check()


def crash_before_back(drive: Drive) -> None:
    """The power is cut before a rollback is on disk."""
    drive.swap()
    drive.go_on(1)
    drive.cut("before", lambda: drive.node.rollback(drive.ground.name), "the rollback")
    drive.restart()
    drive.check()
    drive.back()
    drive.go_on(1)
    drive.check()


def crash_behind_back(drive: Drive) -> None:
    """The power is cut when a rollback is on disk, and nobody was told."""
    drive.swap()
    drive.go_on(1)
    drive.can_go_back()
    drive.cut("behind", lambda: drive.node.rollback(drive.ground.name), "the rollback")
    drive.model.back()
    drive.restart()
    drive.check()
    drive.go_on(1)
    drive.check()


def crash_in_sweep(drive: Drive) -> None:
    """The power is cut while rows are led to the new version; a rollback comes in the middle of the next sweep."""
    drive.swap()
    if not drive.node.running.left:
        raise NothingToTry
    drive.go_on(1)
    drive.node.sweep.some()
    drive.did("rows were led")
    drive.check()
    drive.restart()
    drive.check()
    drive.go_on(drive.AHEAD)
    drive.node.sweep.some()
    drive.back()
    drive.check()
    drive.recovers(-1)


def snapshot_behind_swap(drive: Drive) -> None:
    """A snapshot is written behind the upgrade, and the power is cut behind that; then it is asked again."""
    drive.swap(watched=True)
    sent = range(drive.at, drive.at + min(1, drive.left))
    drive.go_on(1)
    drive.node.snapshot()
    drive.sweep()
    drive.did("a snapshot is written")
    drive.node.snapshot()
    drive.go_on(1)
    drive.recovers(*range(len(drive.node.cuts)))
    drive.stop()
    drive.check()
    for at in sent if drive.named else ():
        drive.again(at)
    drive.check()
    drive.go_on(1)
    drive.back()
    drive.check()
