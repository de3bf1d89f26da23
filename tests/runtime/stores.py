"""What every store must do, written once: subclass it for an engine and say how it is opened.

`docs/stores.md` tells what the engine is for, and shows such a subclass.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runtime.store import Change, Rejected, Store


class Waiter:
    """Collects what `done` is called with, in order."""

    def __init__(self, count: int) -> None:
        self.told: list[Exception | None] = []
        self._left = threading.Semaphore(0)
        self._count = count

    def done(self, error: Exception | None) -> None:
        self.told.append(error)
        self._left.release()

    def wait(self) -> list[Exception | None]:
        for _ in range(self._count):
            assert self._left.acquire(timeout=30)
        return self.told


class Conformance:
    """The tests; `opened` gives the store in a directory, again and again.

    `full` lets every large change be refused, from the next one on, until what it returns is called; `cut` gives
    what the directory holds when the power is cut now. An engine that cannot show one of them skips its tests.
    """

    def opened(self, directory: Path) -> Store:
        raise NotImplementedError

    def full(self, store: Store) -> Callable[[], None]:
        pytest.skip("this engine cannot be filled")

    def cut(self, store: Store, directory: Path) -> Store:
        pytest.skip("this engine's power cannot be cut")

    def committed(self, store: Store, *changes: Change) -> list[Exception | None]:
        waiter = Waiter(len(changes))
        for change in changes:
            store.commit(change, waiter.done)
        return waiter.wait()

    def test_what_was_committed_is_there_after_closing(self, tmp_path: Path) -> None:
        store = self.opened(tmp_path)
        assert list(store.entries(0)) == []
        changes = [Change({1: b"a", 2: b"b"}, {"k/1": b"one"}), Change({3: b"c"}, {"k/2": b"two", "l": b""})]
        assert self.committed(store, *changes) == [None, None]
        store.close()
        again = self.opened(tmp_path)
        assert list(again.entries(0)) == [(1, b"a"), (2, b"b"), (3, b"c")]
        assert list(again.entries(2)) == [(3, b"c")]
        assert list(again.items("k/")) == [("k/1", b"one"), ("k/2", b"two")]
        assert list(again.items("l")) == [("l", b"")]
        again.close()

    def test_what_is_put_again_is_replaced_and_what_goes_is_gone(self, tmp_path: Path) -> None:
        store = self.opened(tmp_path)
        self.committed(store, Change({1: b"a", 2: b"b", 3: b"c"}, {"a": b"1", "b": b"2"}))
        self.committed(store, Change(puts={"a": b"3"}, gone=frozenset({"b"}), keep_after=2))
        assert list(store.items("a")) == [("a", b"3")]
        assert list(store.items("b")) == []
        assert list(store.entries(2)) == [(3, b"c")]
        store.close()

    def test_changes_are_told_in_their_order(self, tmp_path: Path) -> None:
        store = self.opened(tmp_path)
        order: list[int] = []
        waiter = Waiter(100)

        def done(number: int) -> Any:
            def tell(error: Exception | None) -> None:
                order.append(number)
                waiter.done(error)

            return tell

        for number in range(1, 101):
            store.commit(Change({number: bytes([number])}), done(number))
        assert waiter.wait() == [None] * 100
        assert order == list(range(1, 101))
        store.close()

    def test_closing_finishes_what_was_taken(self, tmp_path: Path) -> None:
        store = self.opened(tmp_path)
        waiter = Waiter(50)
        for number in range(1, 51):
            store.commit(Change({number: b"x" * 1000}), waiter.done)
        store.close()
        assert waiter.wait() == [None] * 50
        again = self.opened(tmp_path)
        assert len(list(again.entries(0))) == 50
        again.close()

    @pytest.mark.parametrize("size", [0, 1, 1_000_000])
    def test_bytes_come_back_as_they_were(self, size: int, tmp_path: Path) -> None:
        data = bytes(range(256)) * (size // 256) + b"\0" * (size % 256)
        store = self.opened(tmp_path)
        self.committed(store, Change({1: data}, {"é/\U0001f600": data}))
        store.close()
        again = self.opened(tmp_path)
        assert list(again.entries(0)) == [(1, data)]
        assert list(again.items("é")) == [("é/\U0001f600", data)]
        again.close()

    def test_a_refused_change_leaves_nothing_and_refuses_what_was_given_meanwhile(
        self, tmp_path: Path
    ) -> None:
        store = self.opened(tmp_path)
        self.committed(store, Change({1: b"a"}, {"k/1": b"one"}))
        room = self.full(store)
        waiter = Waiter(4)

        def give(error: Exception | None) -> None:
            """Give three changes while the engine waits for us: a large one, and two for which there is room."""
            waiter.done(error)
            for number, size in ((2, 2_000_000), (3, 1), (4, 1)):
                store.commit(Change({number: bytes(size)}, {f"k/{number}": b"x"}), waiter.done)

        store.commit(Change(puts={"k/1": b"one"}), give)
        _, *told = waiter.wait()
        assert all(isinstance(error, Rejected) for error in told), told
        assert list(store.entries(0)) == [(1, b"a")]
        assert list(store.items("k")) == [("k/1", b"one")]
        room()
        assert self.committed(store, Change({2: b"b"}), Change({3: b"c"})) == [None, None]
        store.close()
        again = self.opened(tmp_path)
        assert list(again.entries(0)) == [(1, b"a"), (2, b"b"), (3, b"c")]
        again.close()

    def test_after_a_power_cut_there_is_what_was_told_and_each_change_whole(self, tmp_path: Path) -> None:
        store = self.opened(tmp_path)
        waiter = Waiter(20)
        for number in range(1, 61):
            store.commit(Change({number: bytes([number])}, {f"k/{number:02}": bytes([number])}), waiter.done)
        waiter.wait()
        told = len(waiter.told)
        left = self.cut(store, tmp_path)
        kept = [number for number, _ in left.entries(0)]
        assert kept == list(range(1, len(kept) + 1))
        assert len(kept) >= told
        assert [key for key, _ in left.items("k/")] == [f"k/{number:02}" for number in kept]
        assert self.committed(left, Change({len(kept) + 1: b"on"})) == [None]
        left.close()

    def test_who_is_told_may_commit_at_once(self, tmp_path: Path) -> None:
        store = self.opened(tmp_path)
        waiter = Waiter(2)

        def on(error: Exception | None) -> None:
            waiter.done(error)
            store.commit(Change({2: b"b"}), waiter.done)

        store.commit(Change({1: b"a"}), on)
        assert waiter.wait() == [None, None]
        assert [number for number, _ in store.entries(0)] == [1, 2]
        store.close()
