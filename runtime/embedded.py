"""The embedded store: one SQLite file, written by a thread of its own.

A change is one transaction in write-ahead mode with `synchronous=FULL`: the write-ahead log is synced before
a commit returns. Every row carries a checksum, as a disk may give back other bytes than it was given.

SQLite takes a missing write-ahead log for an empty one, and with it would go what was acknowledged last. So
the file itself says whether somebody has it open; where it does and there is no log beside it, the log was
lost and nothing is opened.
"""

from __future__ import annotations

import contextlib
import queue
import sqlite3
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from returns.result import Failure, Result, Success

from runtime.store import Change, Damaged, DamagedData, Done, Rejected, Uncertain

FORMAT: Final = 1
NAME: Final = "journal.db"

_SCHEMA: Final = """
create table about (name text primary key, value integer not null) without rowid;
create table log (number integer primary key, data blob not null, sum integer not null);
create table item (key text primary key, data blob not null, sum integer not null) without rowid;
insert into about values ('format', 1), ('open', 0);
"""
_PLAIN: Final = ("SQLITE_FULL", "SQLITE_READONLY", "SQLITE_TOOBIG", "SQLITE_NOMEM")
"""Errors that SQLite tells before it has synced anything."""


def open_store(directory: Path) -> Result[EmbeddedStore, Damaged]:
    """Open or create the file in a directory that is ours. Returns Failure(Damaged), with nothing changed."""
    file = directory / NAME
    fresh = not file.exists()
    try:
        if _log_is_missing(file):
            raise DamagedData(
                Damaged(
                    str(file),
                    f"its write-ahead log {file.name}-wal is missing, and with it what was written last",
                )
            )
        connection = _connect(file)
        if not fresh:
            _check(connection, file)
        else:
            connection.executescript(f"begin; {_SCHEMA} commit;")
        connection.execute("update about set value = 1 where name = 'open'")
        connection.execute("pragma wal_checkpoint(truncate)")
        # A first write behind the checkpoint lets the log exist for as long as the file says `open`.
        connection.execute("update about set value = 1 where name = 'open'")
    except DamagedData as damaged:
        return Failure(damaged.refusal)
    except (sqlite3.Error, OSError) as error:
        return Failure(Damaged(str(file), f"it cannot be opened: {error}"))
    return Success(EmbeddedStore(file, connection))


def _connect(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=1)
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = full")
    connection.execute("pragma wal_autocheckpoint = 4000")
    return connection


def _check(connection: sqlite3.Connection, file: Path) -> None:
    try:
        about = dict(connection.execute("select name, value from about"))
        broken = connection.execute("pragma integrity_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise DamagedData(Damaged(str(file), f"it is not what a node wrote: {error}")) from None
    number = about.get("format", 0)
    if number > FORMAT:
        raise DamagedData(
            Damaged(
                str(file),
                f"it is of format {number}, and this version reads up to {FORMAT}: install a newer one",
            )
        )
    if broken != "ok":
        raise DamagedData(Damaged(str(file), f"it is damaged: {broken}"))


def _log_is_missing(file: Path) -> bool:
    """Whether a file that was open when its process ended has lost its write-ahead log."""
    log = file.with_name(file.name + "-wal")
    if not file.exists() or log.exists():
        return False
    with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro&immutable=1", uri=True)) as connection:
        try:
            row = connection.execute("select value from about where name = 'open'").fetchone()
        except sqlite3.DatabaseError:
            return False  # which `_check` will tell better
        return row is not None and row[0] == 1


class EmbeddedStore:
    """A `Store` over one SQLite file; made by `open_store`."""

    def __init__(self, file: Path, connection: sqlite3.Connection) -> None:
        self._file = file
        self._connection = connection
        self._waiting: queue.SimpleQueue[tuple[Change, Done] | None] = queue.SimpleQueue()
        self._failed: Uncertain | None = None
        self._thread = threading.Thread(target=self._write, name="midflight-journal", daemon=True)
        self._thread.start()

    def commit(self, change: Change, done: Done) -> None:
        """Take a change."""
        self._waiting.put((change, done))

    def entries(self, after: int) -> Iterator[tuple[int, bytes]]:
        """The log behind a number; checks that it has no gap."""
        expected = None
        rows = self._rows("select number, data, sum from log where number > ? order by number", after)
        for number, data, total in rows:
            if expected not in (None, number):
                raise DamagedData(Damaged(str(self._file), f"entry {expected} of the log is missing"))
            if _sum(number, data) != total:
                raise DamagedData(
                    Damaged(str(self._file), f"entry {number} of the log is not what was written")
                )
            expected = number + 1
            yield number, data

    def items(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        """What is kept under keys that begin so."""
        end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        for key, data, total in self._rows(
            "select key, data, sum from item where key >= ? and key < ? order by key", prefix, end
        ):
            if _sum(key, data) != total:
                raise DamagedData(Damaged(str(self._file), f"{key!r} is not what was written"))
            yield key, data

    def _rows(self, query: str, *given: object) -> Iterator[tuple[Any, ...]]:
        try:
            yield from self._connection.execute(query, given)
        except sqlite3.DatabaseError as error:
            raise DamagedData(Damaged(str(self._file), f"it cannot be read: {error}")) from None

    def close(self) -> None:
        """Finish what was taken, say that nobody has the file open, and let go."""
        self._waiting.put(None)
        self._thread.join()
        if self._failed is None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("update about set value = 0 where name = 'open'")
                self._connection.execute("pragma wal_checkpoint(truncate)")
        self._connection.close()

    def _write(self) -> None:
        while (taken := self._waiting.get()) is not None:
            change, done = taken
            done(self._failed or self._commit(change))

    def _commit(self, change: Change) -> Exception | None:
        run = self._connection.execute
        try:
            run("begin immediate")
            self._connection.executemany(
                "insert into log values (?, ?, ?)",
                [(number, data, _sum(number, data)) for number, data in change.entries.items()],
            )
            self._connection.executemany(
                "insert or replace into item values (?, ?, ?)",
                [(key, data, _sum(key, data)) for key, data in change.puts.items()],
            )
            self._connection.executemany("delete from item where key = ?", [(key,) for key in change.gone])
            if change.keep_after:
                run("delete from log where number <= ?", (change.keep_after,))
            run("commit")
        except sqlite3.Error as error:
            return self._back(error)
        return None

    def _back(self, error: sqlite3.Error) -> Exception:
        """Undo a transaction that failed; only where that is sure does the engine go on."""
        plain = getattr(error, "sqlite_errorname", "").startswith(_PLAIN)
        try:
            if self._connection.in_transaction:
                self._connection.execute("rollback")
        except sqlite3.Error:
            plain = False
        if plain or isinstance(error, sqlite3.IntegrityError):
            return Rejected(f"{self._file}: {error}")
        self._failed = Uncertain(f"{self._file}: {error}")
        return self._failed


def _sum(key: object, data: bytes) -> int:
    """The checksum of a row: a key that became another one is damage as well."""
    return zlib.crc32(data, zlib.crc32(repr(key).encode()))
