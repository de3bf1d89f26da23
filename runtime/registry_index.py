"""The index of a registry: one row for each artifact, in SQLite. It says nothing that the folder does not say too."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import attrs

from runtime.entry import Entry, is_digits

FORMAT: Final = 1
_COLUMNS: Final = tuple(field.name for field in attrs.fields(Entry))
_ALL: Final = f"select {', '.join(_COLUMNS)} from artifact"  # noqa: S608 - our own names
_MADE: Final = """
create table artifact (address text primary key, name text not null, version text not null, digest text not null,
  edition text not null, parent text, key text not null, size integer not null, at integer not null,
  unique (name, version)) without rowid;
create index by_digest on artifact (digest);
"""


class Stale(Exception):
    """The index is missing, of another format or damaged: it is to be made again."""


class Index:
    """An index that is open; with `write=False` to be read alone. Raises Stale where it is not one."""

    def __init__(self, file: Path, *, write: bool = True) -> None:
        self._file = file
        log = file.with_name(file.name + "-wal")
        how = "mode=rw" if write else "mode=ro" if log.exists() else "mode=ro&immutable=1"
        try:
            self._connection = sqlite3.connect(
                f"{file.absolute().as_uri()}?{how}",
                uri=True,
                isolation_level=None,
                timeout=60,
                check_same_thread=False,
            )
        except sqlite3.Error as error:
            raise Stale(str(error)) from None
        try:
            with self._reading():
                (number,) = self._connection.execute("pragma user_version").fetchone()
                if number != FORMAT:
                    raise Stale(f"it is of format {number}")
                self._connection.execute("pragma synchronous = full")
        except BaseException:
            self._connection.close()
            raise

    @classmethod
    def make(cls, file: Path, entries: Iterable[Entry]) -> None:
        """Make it anew, in the place of one that is there."""
        fresh = file.with_name(f".{file.name}.new")
        for each in (fresh, file, *(file.with_name(file.name + end) for end in ("-wal", "-shm"))):
            each.unlink(missing_ok=True)
        connection = sqlite3.connect(fresh, isolation_level=None)
        try:
            connection.execute("pragma synchronous = full")
            connection.executescript(f"begin; {_MADE} pragma user_version = {FORMAT}; commit;")
            connection.execute("begin")
            connection.executemany(_FIRST, map(attrs.astuple, entries))
            connection.execute("commit")
            connection.execute("pragma journal_mode = wal")
        finally:
            connection.close()
        fresh.rename(file)

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
                raise
            raise Stale(str(error)) from None

    def all(self) -> list[Entry]:
        """Every artifact, by name, and in the order in which they came."""
        return self._found("order by name, at, version")

    def named(self, name: str, version: str | None = None) -> list[Entry]:
        """Those of a name, or the one of a version."""
        if version is None:
            return self._found("where name = ? order by at, version", name)
        return self._found("where name = ? and version = ?", name, version)

    def beginning(self, digits: str) -> list[Entry]:
        """Those whose address or digest begins with some digits."""
        if not is_digits(digits):
            return []
        both = (digits, digits + "g")
        return self._found(
            "where (address >= ? and address < ?) or (digest >= ? and digest < ?)", *both, *both
        )

    def names(self) -> list[str]:
        """The names that there are."""
        with self._reading():
            return [
                name
                for (name,) in self._connection.execute("select distinct name from artifact order by name")
            ]

    def put(self, entry: Entry) -> None:
        """Add an artifact, or replace what is said of it; it is on disk when this returns."""
        with self._reading():
            self._connection.execute(_PUT, attrs.astuple(entry))

    def remove(self, address: str) -> None:
        """Take one away."""
        with self._reading():
            self._connection.execute("delete from artifact where address = ?", (address,))

    def close(self) -> None:
        """Let go."""
        self._connection.close()

    def _found(self, where: str, *given: str) -> list[Entry]:
        with self._reading():
            found = [Entry.read(dict(zip(_COLUMNS, row, strict=True))) for row in self._rows(where, *given)]
        if None in found:
            raise Stale("a row is not what was written")
        return [each for each in found if each is not None]

    def _rows(self, where: str, *given: str) -> sqlite3.Cursor:
        return self._connection.execute(f"{_ALL} {where}", given)


_VALUES: Final = f"artifact ({', '.join(_COLUMNS)}) values ({', '.join('?' * len(_COLUMNS))})"
_PUT: Final = (
    f"insert into {_VALUES} on conflict (address) do update set key = excluded.key, "
    "size = excluded.size, at = excluded.at"
)
_FIRST: Final = f"insert or ignore into {_VALUES}"
