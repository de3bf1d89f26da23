"""What a registry takes away: nothing that is tagged, and nothing that a node's data needs."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from returns.result import Failure

from midflight import Application, Node, load
from runtime import bounds
from runtime.admission import packed
from runtime.collecting import CannotForget, Collected, UnreadableRoot, collected, note
from runtime.entry import Entry
from runtime.keys import Key, new_key
from runtime.registry import Registry
from runtime.tags import Tag
from tests.runtime.packages import number, open_to_all, reading_only, signed

NEVER = 2**62
MAIN = """
from attrs import frozen
from midflight import Application, proc
@frozen
class Add:
    n: int
@proc
def m(msg: Add, *, total: int = 0) -> int:
    total += msg.n * {by}
    return total
app = Application("shop", version="{by}", machines={{"m": m}})
"""


@pytest.fixture
def key(tmp_path: Path) -> Key:
    return new_key(tmp_path / "key.pem").unwrap()


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "registry")


def version(folder: Path, by: int) -> Application:
    file = folder / f"v{by}.py"
    file.write_text(MAIN.format(by=by))
    return load(str(file)).unwrap()


def pushed(registry: Registry, key: Key, application: Application) -> Entry:
    return registry.push(signed(packed(application).unwrap(), key)).unwrap().entry


def takes(node: Node) -> Any:
    """The class of the messages."""
    return getattr(node._host.core.machines["m"].program.takes, "cls")  # noqa: B009


def versions(found: Collected) -> list[str]:
    return [each.version for each in found.gone]


def told(registry: Registry, *directories: Path, do: bool = False, since: int = NEVER) -> Collected:
    return collected(registry, directories, since, do=do).unwrap()


def test_what_is_tagged_or_came_lately_stays(registry: Registry, key: Key) -> None:
    for each in "123":
        registry.push(signed(number("shop", each), key)).unwrap()
    two = registry.find("shop@2").unwrap()
    registry.tag(Tag("shop", "stable", two.address, 1).sealed(key)).unwrap()
    assert told(registry, since=0, do=True).gone == ()
    found = told(registry)
    assert (versions(found), found.done) == (["1", "3"], False)
    assert len(registry.entries().unwrap()) == 3, "it was told, and not done"
    assert versions(told(registry, do=True)) == ["1", "3"]
    assert registry.entries().unwrap() == [two]
    assert not registry.remove(two).unwrap(), "what was tagged since is looked at again"


def test_what_runs_or_can_be_gone_back_to_or_is_in_the_log_stays(
    registry: Registry, key: Key, tmp_path: Path
) -> None:
    apps = {by: version(tmp_path, by) for by in range(1, 6)}
    for each in apps.values():
        pushed(registry, key, each)
    data = tmp_path / "data"
    note(registry, data).unwrap()
    seen: dict[str, list[str]] = {}

    async def main() -> None:
        async with Node(data) as node:
            (await node.start(apps[1])).unwrap()
            seen["runs"] = versions(told(registry))
            for by in (2, 3):
                (await node.upgrade(apps[by], probation=None)).unwrap()
                await node.call("m", takes(node)(1))
            seen["upgraded"] = versions(told(registry))
            (await node.settle("shop")).unwrap()

    asyncio.run(main())
    assert seen == {"runs": ["2", "3", "4", "5"], "upgraded": ["4", "5"]}
    assert versions(told(registry)) == ["4", "5"], "the log still speaks of the others"
    asyncio.run(_trimmed(data))
    assert versions(told(registry, do=True)) == ["1", "4", "5"], "and now the directory has no 1 any more"
    assert [each.version for each in registry.entries().unwrap()] == ["2", "3"]


async def _trimmed(data: Path) -> None:
    """Let the log of a data directory hold nothing that a snapshot stands for."""
    before = bounds.RETAINED_BYTES, bounds.RETAINED_SECONDS
    bounds.RETAINED_BYTES, bounds.RETAINED_SECONDS = 0, 0
    try:
        for _ in range(3):
            async with Node(data):
                pass
    finally:
        bounds.RETAINED_BYTES, bounds.RETAINED_SECONDS = before


def test_a_directory_that_cannot_be_read_stops_everything(
    registry: Registry, key: Key, tmp_path: Path
) -> None:
    pushed(registry, key, version(tmp_path, 1))
    data = tmp_path / "data"

    async def main() -> None:
        async with Node(data) as node:
            (await node.start(version(tmp_path, 2))).unwrap()

    asyncio.run(main())
    note(registry, data).unwrap()
    assert versions(told(registry)) == ["1"]
    shutil.move(data, tmp_path / "elsewhere")
    found = collected(registry, (), NEVER, do=True)
    assert isinstance(found, Failure)
    assert isinstance(found.failure(), UnreadableRoot)
    assert len(registry.entries().unwrap()) == 1
    collected(registry, (), NEVER, do=True, forgotten=[data]).unwrap()
    pushed(registry, key, version(tmp_path, 1))
    data.mkdir()
    (data / "lock").touch()
    assert versions(told(registry, tmp_path / "elsewhere", data, do=True)) == ["1"]


def test_to_forget_a_directory_is_done_with_the_rest_and_for_one_that_is_gone(
    registry: Registry, key: Key, tmp_path: Path
) -> None:
    """Not where it is only told, not for another one than was noted, and not while its node runs."""
    pushed(registry, key, version(tmp_path, 1))
    data, link = tmp_path / "data", tmp_path / "link"
    link.symlink_to(data)

    async def main() -> Any:
        async with Node(data) as node:
            (await node.start(version(tmp_path, 2))).unwrap()
            note(registry, tmp_path / "x" / ".." / "data").unwrap()
            note(registry, link).unwrap()
            return collected(registry, (), NEVER, do=True, forgotten=[data])

    runs = asyncio.run(main()).failure()
    assert isinstance(runs, CannotForget)
    assert "its node runs" in runs.message
    assert len(list((registry.path / "nodes").iterdir())) == 1, "one directory is noted once"
    typed = collected(registry, (), NEVER, do=True, forgotten=[tmp_path / "dat"]).failure()
    assert isinstance(typed, CannotForget)
    assert f"it is not noted; there are: {data}" in typed.message
    shutil.move(data, tmp_path / "elsewhere")
    assert collected(registry, (), NEVER, do=False, forgotten=[tmp_path / "y" / ".." / "data"]).unwrap().gone
    assert isinstance(collected(registry, (), NEVER, do=True).failure(), UnreadableRoot), "that was only told"
    assert collected(registry, (), NEVER, do=True, forgotten=[data]).unwrap().done
    assert collected(registry, (), NEVER, do=True).unwrap().gone == ()


def test_a_note_of_any_bytes_can_be_told(registry: Registry, key: Key, tmp_path: Path) -> None:
    pushed(registry, key, version(tmp_path, 1))
    (registry.path / "nodes" / "folder").mkdir(parents=True)
    (registry.path / "nodes" / "note").write_bytes(bytes(tmp_path) + b"/\xff\x1b[2J")
    refused = collected(registry, (), NEVER, do=True).failure()
    assert isinstance(refused, UnreadableRoot)
    json.dumps(refused.to_plain(), ensure_ascii=False).encode()
    assert refused.message.isprintable()


def test_a_directory_of_another_user_stops_everything(key: Key, tmp_path: Path) -> None:
    with open_to_all() as folder:
        registry, data = Registry(folder / "registry"), folder / "closed" / "data"
        pushed(registry, key, version(tmp_path, 1))
        data.mkdir(parents=True)
        data.parent.chmod(0)
        with reading_only(folder):
            found = collected(registry, [data], NEVER, do=True)
        assert isinstance(found.failure(), UnreadableRoot)


TILL = """
from attrs import frozen
from midflight import After, Application, arr, emit, keyed, proc
@frozen
class Add:
    by: str
    n: int
@frozen
class Later:
    by: str
    n: int
    seconds: float
@proc
def till(msg: Add | Later{takes}, *, {cell}: int = 0) -> int:
    match msg:
        case Add(_, n):
            {cell} += n
            return {cell}
        case Later(by, n, seconds):
            emit(After(seconds, {sent}(by, n)))
            return {cell}{more}
def by(msg: Add | Later{takes}) -> str:
    return msg.by
app = Application("till", version="{version}", machines={{"m": keyed(till, arr(by), name="tills")}})
"""
REFUND = """
@frozen
class Refund:
    by: str
    n: int
"""
ONE = TILL.format(takes="", cell="total", sent="Add", more="", version="1")
TWO = TILL.format(
    takes=" | Refund",
    cell="total",
    sent="Refund",
    version="2",
    more="\n        case Refund(_, n):\n            total -= n\n            return total",
).replace("@proc", f"{REFUND}@proc")
THREE = TWO.replace('version="2"', 'version="3"').replace("total -= n", "total += -n")


@pytest.fixture
def tills(registry: Registry, key: Key, tmp_path: Path) -> dict[str, Application]:
    """Three versions in the registry, of which the second one has a message more, and the third is as the second."""
    made = {}
    for number_, text in (("1", ONE), ("2", TWO), ("3", THREE)):
        file = tmp_path / f"till{number_}.py"
        file.write_text(text)
        made[number_] = load(str(file)).unwrap()
        pushed(registry, key, made[number_])
        file.unlink()
    return made


async def say(node: Node, word: str, *given: object) -> Any:
    """What the machine replies to a message by its name."""
    union: Any = node._host.core.machines["m"].program.takes
    (cls,) = (each.cls for each in union.options if each.cls.__name__ == word)
    return await node.call("m", cls(*given))


def test_what_a_dead_letter_needs_stays_until_it_is_dropped(
    registry: Registry, tills: dict[str, Application], tmp_path: Path
) -> None:
    data = tmp_path / "data"
    note(registry, data).unwrap()

    async def main() -> None:
        async with Node(data) as node:
            (await node.start(tills["1"])).unwrap()
            (await node.upgrade(tills["2"], probation=None)).unwrap()
            await say(node, "Later", "ann", 1, 600.0)
            (await node.rollback("till")).unwrap()

    async def drop_it() -> None:
        async with Node(data) as node:
            (letter,) = node.dead_letters()
            assert letter.message["type"] == "Refund"
            (await node.drop(letter.number)).unwrap()

    asyncio.run(main())
    asyncio.run(_trimmed(data))
    assert versions(told(registry)) == ["3"], "1 runs, and 2 has written the letter"
    asyncio.run(drop_it())
    asyncio.run(_trimmed(data))
    assert versions(told(registry)) == ["2", "3"]


def test_what_rows_a_way_back_and_clients_of_before_need_stays_and_timers_need_what_runs(
    registry: Registry, tills: dict[str, Application], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of three versions the first one goes, with a timer that it has set: that is led with its machine."""
    monkeypatch.setattr(bounds, "RETAINED_BYTES", 0)
    monkeypatch.setattr(bounds, "RETAINED_SECONDS", 0)
    data = tmp_path / "data"
    note(registry, data).unwrap()

    async def before() -> None:
        async with Node(data) as node:
            (await node.start(tills["1"])).unwrap()
            await say(node, "Add", "ann", 5)
            await say(node, "Later", "ann", 1, 5.0)
            (await node.upgrade(tills["2"], probation=None)).unwrap()

    async def lives(label: str, *, settle: bool = False, upgrade: str = "") -> list[str]:
        for turn in range(3):
            async with Node(data) as node:
                (await node.start(tills[upgrade if turn and upgrade else label])).unwrap()
                if settle and not turn:
                    (await node.settle("till")).unwrap()
                if upgrade and not turn:
                    (await node.upgrade(tills[upgrade], probation=None)).unwrap()
                assert await say(node, "Add", "ann", 0) == 5
        return versions(told(registry))

    async def rings() -> int:
        async with Node(data) as node:
            (await node.start(tills["3"])).unwrap()
            assert node.status().applications[0].machines[0].timers == 1
            while (total := await say(node, "Add", "ann", 0)) == 5:
                await asyncio.sleep(0.01)
            return int(total)

    asyncio.run(before())
    assert asyncio.run(lives("2")) == ["3"], "its rows can go back to 1"
    assert asyncio.run(lives("2", settle=True)) == ["3"], "who speaks as clients of 1 did is still understood"
    assert asyncio.run(lives("2", upgrade="3")) == ["1"], "nothing needs 1 any more"
    assert asyncio.run(lives("3", settle=True)) == ["1"]
    assert asyncio.run(rings()) == 6
