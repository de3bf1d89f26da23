"""What every store must do, written once: subclass it for an engine and say how it is opened."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from runtime.store import Change, Store


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
    """The tests; `opened` gives the store in a directory, again and again."""

    def opened(self, directory: Path) -> Store:
        raise NotImplementedError

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
        assert list(store.entries(0)) == [(3, b"c")]
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
