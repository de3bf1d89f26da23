"""Large cells are led beside the running machines, and the swap takes them over where nothing changed them."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from typing import Any

import attrs
import pytest
from returns.result import Failure, Success

from migrations.ahead import Ahead
from migrations.refusal import Refusal
from runtime import bounds
from runtime.application import Application
from runtime.bounded import LeadsTooLong, LeadsTooMuch
from runtime.core import Core
from runtime.hosted import routes
from runtime.instruction import Progress
from runtime.led_ahead import WouldPause, lead, with_memory
from runtime.node import Node
from runtime.upgrade import compiled, migrated
from tests.runtime.long_words import GREEDY, LOOPS, Count, Fill, Say, v1, v2, v3

WORDS = 200_000


@contextlib.asynccontextmanager
async def spoken(word: Say | Count, **more: Any) -> AsyncIterator[tuple[Node, list[int]]]:
    """A node with many words, and one who goes on sending a message; the replies."""
    replies: list[int] = []

    async def busy() -> None:
        while True:
            replies.append(await node.call("words", word))

    async with Node(**more) as node:
        (await node.start(v1)).unwrap()
        await node.call("words", Fill(WORDS))
        caller = asyncio.create_task(busy())
        await asyncio.sleep(0.01)
        yield node, replies
        caller.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await caller


def value(node: Node, at: int) -> Any:
    return node._host.core.machines["words"].state[at]


def test_a_large_cell_is_led_while_callers_are_answered() -> None:
    seen: dict[str, int] = {}

    async def main() -> None:
        async with spoken(Count()) as (node, replies):

            def tell(progress: Progress) -> None:
                if progress.instruction.startswith("lead words.words "):
                    seen[progress.state] = len(replies)

            (await node.upgrade(v2, probation=None, tell=tell)).unwrap()
            assert value(node, 1) == (("word", 4),) * WORDS
            assert value(node, 0) >= len(replies), "the small cell is that of the swap, and not of before"

    asyncio.run(main())
    assert seen["done"] > seen["begun"] + 10


def test_a_large_cell_that_changes_all_the_time_refuses_the_upgrade() -> None:
    told: list[Progress] = []

    async def main() -> None:
        async with spoken(Say("new")) as (node, _):
            refused = await node.upgrade(v2, probation=None, tell=told.append)
            assert isinstance(refused, Failure)
            why: Refusal = refused.failure()
            assert isinstance(why, WouldPause)
            assert (why.machine, why.address, why.tries) == ("words", "words", bounds.TRIES)
            assert "--allow-pause" in str(why)
            assert node.status().applications[0].version == "1"
            (await node.upgrade(v2, probation=None, allow_pause=True)).unwrap()
            assert node.status().applications[0].version == "2"
            assert value(node, 1)[0] == ("word", 4)
            assert value(node, 1)[-1] == ("new", 3)

    asyncio.run(main())
    again = [each for each in told if each.note.endswith("has changed meanwhile: once more")]
    assert len(again) == bounds.TRIES - 1
    assert [each.state for each in told][-1] == "refused"


@pytest.mark.parametrize("in_main", [True, False], ids=["main thread", "other thread"])
def test_a_migration_that_never_ends_refuses_the_upgrade(
    in_main: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "LEADING", 0.3)
    monkeypatch.setattr(bounds, "BUDGET", 0.05)
    results: list[object] = []

    async def main() -> None:
        async with spoken(Count(), budget=None) as (node, replies):
            before = len(replies)
            result = await node.upgrade(LOOPS, probation=None)
            results.append(result.failure())
            assert len(replies) > before + 10, "callers are answered meanwhile"
            assert node.status().applications[0].version == "1"
            monkeypatch.undo()
            (await node.upgrade(v2, probation=None)).unwrap()

    if in_main:
        asyncio.run(main())
    else:
        thread = threading.Thread(target=lambda: asyncio.run(main()))
        thread.start()
        thread.join()
    assert results == [LeadsTooLong("words", 0.3)]


def test_the_swap_takes_over_what_was_led() -> None:
    one, two = (compiled(each).unwrap() for each in (v1, v2))
    core = Core(lambda: "", observed=False)
    core.open = True
    hosted = core.start(one).unwrap().machines["words"]
    hosted.state = (1, ("a", "bb"))
    prepared = with_memory(core.prepare(two, None).unwrap())
    asyncio.run(lead(prepared)).unwrap()
    hosted.state = (2, hosted.state[1])
    led: Any = migrated(prepared.plans["words"], hosted, None, prepared.ahead["words"]).unwrap()
    core.swap(prepared).unwrap()
    state: Any = hosted.state
    assert state == (2, (("a", 1), ("bb", 2)))
    assert state[1] is led[1]


def test_a_migration_that_eats_memory_refuses_the_upgrade(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "LEADING_MEMORY", 100 << 20)

    async def main() -> None:
        async with spoken(Count()) as (node, _):
            refused = (await node.upgrade(GREEDY, probation=None)).failure()
            assert isinstance(refused, LeadsTooMuch), refused
            assert refused.megabytes >= 100
            assert node.status().applications[0].version == "1"
            (await node.upgrade(v2, probation=None)).unwrap()

    asyncio.run(main())


def ahead(*versions: Application) -> tuple[Any, Ahead]:
    """The way from the first to the last, and what goes with it; each value takes a second."""
    first, *others = [compiled(each).unwrap() for each in versions]
    last = others[-1]
    way = routes(first, attrs.evolve(last, through=tuple(others[:-1])))["words"].unwrap().plan().unwrap()
    clock = iter(range(1000))
    return way, Ahead(lambda: float(next(clock)))


@pytest.mark.parametrize("versions", [(v1, v2), (v1, v2, v3)], ids=["one step", "two steps"])
def test_only_what_changed_is_led_anew(versions: tuple[Application, ...]) -> None:
    way, led = ahead(*versions)
    state = (1, ("a", "bb"))
    first = way.apply(state, ahead=led).unwrap()
    steps = float(len(versions) - 1)
    assert led.late(state) == {}
    assert led.late((2, state[1])) == {"count": steps}
    assert led.late((1, ("c",))) == {"words": steps}
    again = way.apply((2, state[1]), ahead=led).unwrap()
    assert again[1] is first[1]
    assert again[0] == 2
    assert isinstance(way.apply((2, ("c",)), ahead=led), Success)
    assert way.apply((2, ("c",)), ahead=led).unwrap()[1] == ((1,) if len(versions) == 3 else (("c", 1),))
