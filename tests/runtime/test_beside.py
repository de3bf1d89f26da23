"""Work beside the loop: the interpreter changes hands more often meanwhile, and not afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading

import pytest

from runtime import bounds
from runtime.beside import apart, beside


def test_the_interpreter_changes_hands_more_often_until_the_last_work_is_done() -> None:
    usual = sys.getswitchinterval()
    gates = [threading.Event(), threading.Event()]

    async def main() -> None:
        works = [asyncio.create_task(beside(gate.wait, 20)) for gate in gates]
        for work, gate in zip(works, gates, strict=True):
            await asyncio.sleep(0.01)
            assert sys.getswitchinterval() == pytest.approx(bounds.HANDS, abs=2e-6)
            gate.set()
            assert await work
        assert sys.getswitchinterval() == usual

    asyncio.run(main())


def test_work_that_raises_leaves_it_as_it_was() -> None:
    usual = sys.getswitchinterval()
    with pytest.raises(ZeroDivisionError):
        asyncio.run(beside(divmod, 1, 0))
    assert sys.getswitchinterval() == usual


def test_a_program_that_wants_it_still_more_often_has_it() -> None:
    usual = sys.getswitchinterval()
    sys.setswitchinterval(0.0001)
    try:
        assert asyncio.run(beside(sys.getswitchinterval)) == pytest.approx(0.0001, abs=2e-6)
    finally:
        sys.setswitchinterval(usual)


@pytest.mark.parametrize("why", ["it takes too long", "nobody waits for it"])
def test_work_apart_that_has_no_end_is_interrupted(why: str) -> None:
    begun, ended = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        try:
            while True:
                with contextlib.suppress(Exception):
                    len(why)
        finally:
            ended.set()

    async def main() -> None:
        working = asyncio.create_task(apart(0.1 if why == "it takes too long" else 60, work))
        await asyncio.to_thread(begun.wait, 20)
        if why == "nobody waits for it":
            working.cancel()
        with pytest.raises((TimeoutError, asyncio.CancelledError)):
            await working
        assert ended.is_set()

    asyncio.run(main())


def test_work_apart_gives_what_it_comes_to() -> None:
    assert asyncio.run(apart(60, divmod, 7, 2)) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        asyncio.run(apart(60, divmod, 1, 0))
