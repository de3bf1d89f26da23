"""`kill -9` at random moments under load, in whatever operators do: real processes, a real disk."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.runtime import crash_checker
from tests.runtime.crash_story import LONG, Asked, Event, Story, stories
from tests.runtime.crashing import FAULTS


def test_nothing_acknowledged_is_lost_by_kill_9(tmp_path: Path) -> None:
    story = stories(4, tmp_path, random.randrange(2**32))
    assert story.wrong == [], story.log
    assert story.seen["acknowledged"] > 500


@pytest.mark.long
def test_nothing_acknowledged_is_lost_by_kill_9_a_thousand_times(tmp_path: Path) -> None:
    story = stories(1000, tmp_path, random.randrange(2**32))
    print(story.seen)
    assert story.wrong == [], story.log


def test_nothing_acknowledged_is_lost_where_a_crash_drops_what_was_not_synced(tmp_path: Path) -> None:
    story = stories(3, tmp_path, random.randrange(2**32), "cached")
    assert story.wrong == [], story.log


@pytest.mark.long
def test_nothing_acknowledged_is_lost_so_a_hundred_times(tmp_path: Path) -> None:
    story = stories(100, tmp_path, random.randrange(2**32), "cached")
    assert story.wrong == [], story.log


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait long for what does not come."""
    monkeypatch.setattr(crash_checker, "SETTLING", 1.5)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("disk", ["unsynced", "early"])
def test_the_checker_sees_what_was_lost(disk: str, tmp_path: Path) -> None:
    """A sync that is left out, and a reply before its commit."""
    found: list[str] = []
    for n in range(10):  # what is lost may be seen by what was written in its place
        found += stories(1, tmp_path / str(n), random.randrange(2**32), disk, events=[()]).wrong
        if any("lost" in each for each in found):
            return
    raise AssertionError(found)


def upgrades(to: str, probation: str | None = None, seconds: float = 0.3, *, wait: bool = False) -> Event:
    def event(story: Story) -> Asked:
        asked = story.upgrade(to, probation, **({"wait": True} if wait else {}))
        time.sleep(seconds)
        return asked

    return event


def goes_back(story: Story) -> Asked:
    return story.rollback()


PLANTED: dict[str, tuple[Sequence[Event], str]] = {
    "rows that are not led": ([upgrades("v2")], "lost"),
    "what was thrown away is not restored": ([upgrades("v2"), goes_back], "lost: the first number"),
    "dead letters that are lost": ([upgrades("v2"), goes_back], "were rung for"),
    "a version that stays behind a crash": ([upgrades("v2", LONG, 0.0)], "version v2 runs"),
    "a message that is stepped twice": ([upgrades("raises", LONG, 0.0, wait=True)], "twice"),
    "sends that are lost at a change": ([upgrades("v2")], "were rung for"),
}


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("fault", PLANTED)
def test_the_checker_sees_what_an_upgrade_loses(fault: str, tmp_path: Path) -> None:
    assert PLANTED.keys() == FAULTS.keys()
    events, told = PLANTED[fault]
    found: list[str] = []
    for n in range(3):  # on a busy machine a client may be gone before it sees it
        found += stories(1, tmp_path / str(n), random.randrange(2**32), fault, [events]).wrong
        if any(told in each for each in found):
            return
    raise AssertionError(found)
