"""The embedded store: one SQLite file, written by a thread of its own.

A change is one transaction in write-ahead mode with `synchronous=FULL`: the write-ahead log is synced before
a commit returns. Every row carries a checksum, as a disk may give back other bytes than it was given. What lies
beside the file, and how a loss is seen, is told in `runtime.reading`.

Nothing is written before the first change: what is refused while it is read stays as it is.
"""

from __future__ import annotations

import contextlib
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from returns.result import Failure, Result

from migrations.refusal import Refusal
from runtime import bounds
from runtime.datadir import Unusable
from runtime.reading import FORMAT, MARK, NAME, Reading, checksum, entries, items, open_reading, write_mark
from runtime.store import Change, Done, Rejected, Uncertain
from runtime.whole_file import sync_folder

_SCHEMA: Final = """
begin;
create table about (name text primary key, value integer not null) without rowid;
create table log (number integer primary key, data blob not null, sum integer not null);
create table item (key text primary key, data blob not null, sum integer not null) without rowid;
insert into about values ('format', 0), ('open', 0), ('trimmed', 0);
commit;
"""
_ENTRY: Final = "insert into log values (?, ?, ?)"
_PLAIN: Final = (
    "SQLITE_FULL",
    "SQLITE_READONLY",
    "SQLITE_TOOBIG",
    "SQLITE_NOMEM",
    "SQLITE_BUSY",
    "SQLITE_CANTOPEN",
)
"""Errors that SQLite tells before it has synced anything."""


def open_store(directory: Path) -> Result[EmbeddedStore, Refusal]:
    """Read the file in a directory that is ours, or be ready to make it.

    Returns Failure(Damaged | Unusable); nothing is changed before the first commit.
    """
    for place, how in ((directory, os.W_OK | os.X_OK), (directory / NAME, os.R_OK | os.W_OK)):
        if place.exists() and not os.access(place, how):
            return Failure(Unusable(str(directory), f"{place.name} cannot be written"))
    return open_reading(directory).map(EmbeddedStore)


class EmbeddedStore:
    """A `Store` over one SQLite file; made by `open_store`."""

    def __init__(self, reading: Reading) -> None:
        self._file = reading.file
        self._reading = reading
        self._connection: sqlite3.Connection | None = None
        self._trimmed = reading.trimmed
        self._mark = -1
        self._giving = threading.RLock()
        self._waiting: queue.SimpleQueue[tuple[Change, Done] | None] = queue.SimpleQueue()
        self._failed: Uncertain | None = None
        self._thread = threading.Thread(target=self._write, name="midflight-journal", daemon=True)
        self._thread.start()

    def commit(self, change: Change, done: Done) -> None:
        """Take a change."""
        with self._giving:
            self._waiting.put((change, done))

    def entries(self, after: int) -> Iterator[tuple[int, bytes]]:
        """The log behind a number; checks that it has no gap."""
        if self._connection is None:
            return self._reading.entries(after)
        return entries(self._connection, self._file, after, self._trimmed)

    def items(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        """What is kept under keys that begin so."""
        if self._connection is None:
            return self._reading.items(prefix)
        return items(self._connection, self._file, prefix)

    def close(self) -> None:
        """Finish what was taken, say that nobody has the file open, and let go."""
        self._waiting.put(None)
        self._thread.join()
        if self._connection is None:
            self._reading.close()
            return
        if self._failed is None:
            with contextlib.suppress(sqlite3.Error, OSError):
                self._connection.execute("update about set value = 0 where name = 'open'")
                self._connection.execute("pragma wal_checkpoint(truncate)")
                self._file.with_name(MARK).unlink()
        self._connection.close()
        os.close(self._mark)

    def _write(self) -> None:
        while (taken := self._waiting.get()) is not None:
            change, done = taken
            error = self._failed or self._commit(change)
            if isinstance(error, Rejected):
                time.sleep(bounds.NO_ROOM)
                self._reject(done, error)
            else:
                done(error)

    def _reject(self, done: Done, error: Rejected) -> None:
        """Refuse a change, and with it what was given before anybody could know."""
        later: list[Done] = []
        with self._giving:
            with contextlib.suppress(queue.Empty):
                while (taken := self._waiting.get_nowait()) is not None:
                    later.append(taken[1])
                self._waiting.put(None)
            done(error)
        for each in later:
            each(error)

    def _commit(self, change: Change) -> Exception | None:
        try:
            run = self._taken().execute
            if len(change.entries) == 1 and not (
                change.puts or change.gone or change.keep_after > self._trimmed
            ):
                ((number, data),) = change.entries.items()  # a transaction by itself, in one call of SQLite
                run(_ENTRY, (number, data, checksum(number, data)))
            else:
                run("begin immediate")
                self._put(change)
                run("commit")
        except (sqlite3.Error, OSError) as error:
            return self._back(error)
        if change.keep_after > self._trimmed:
            self._trimmed = change.keep_after
        if change.entries:
            with contextlib.suppress(OSError):  # a mark that lags sees less, and claims nothing wrong
                write_mark(self._mark, max(change.entries))
        return None

    def _put(self, change: Change) -> None:
        assert self._connection is not None
        many = self._connection.executemany
        many(
            _ENTRY,
            [(number, data, checksum(number, data)) for number, data in change.entries.items()],
        )
        many(
            "insert or replace into item values (?, ?, ?)",
            [(key, data, checksum(key, data)) for key, data in change.puts.items()],
        )
        many("delete from item where key = ?", [(key,) for key in change.gone])
        if change.keep_after > self._trimmed:
            many("delete from log where number <= ?", [(change.keep_after,)])
            many("update about set value = ? where name = 'trimmed'", [(change.keep_after,)])

    def _taken(self) -> sqlite3.Connection:
        """The connection that writes. The first time, the file is made where there is none, and marked as open."""
        if self._connection is None:
            last = self._reading.last
            self._reading.close()
            if not self._file.exists():
                _create(self._file)
            connection = sqlite3.connect(self._file, isolation_level=None, check_same_thread=False, timeout=1)
            try:
                self._mark = _marked(self._file.with_name(MARK), last)
                connection.execute("pragma journal_mode = wal")
                connection.execute("pragma synchronous = full")
                connection.execute("pragma wal_autocheckpoint = 4000")
                connection.execute("pragma cache_size = -256")  # KiB: what is written is not read again
                connection.execute("update about set value = 1 where name = 'open'")
                connection.execute("pragma wal_checkpoint(truncate)").fetchall()
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _back(self, error: sqlite3.Error | OSError) -> Exception:
        """Undo a transaction that failed; only where that is sure does the engine go on."""
        plain = isinstance(error, OSError) or getattr(error, "sqlite_errorname", "").startswith(_PLAIN)
        try:
            if self._connection is not None and self._connection.in_transaction:
                self._connection.execute("rollback")
        except sqlite3.Error:
            plain = False
        if plain or isinstance(error, sqlite3.IntegrityError):
            return Rejected(f"{self._file}: {error}")
        self._failed = Uncertain(f"{self._file}: {error}")
        return self._failed


def _create(file: Path) -> None:
    """Make an empty file under another name first: one that was not finished is never taken for ours."""
    fresh = file.with_name(file.name + ".new")
    fresh.unlink(missing_ok=True)
    os.close(os.open(fresh, os.O_CREAT | os.O_WRONLY, 0o600))
    with contextlib.closing(sqlite3.connect(fresh, isolation_level=None)) as connection:
        connection.executescript("pragma synchronous = full;" + _SCHEMA)
        connection.execute("update about set value = ? where name = 'format'", (FORMAT,))
    fresh.rename(file)
    sync_folder(file.parent)


def _marked(mark: Path, last: int) -> int:
    """A descriptor of the mark, which is there for good before the file says that it is open."""
    descriptor = os.open(mark, os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        write_mark(descriptor, last)
        os.fsync(descriptor)
        sync_folder(mark.parent)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
