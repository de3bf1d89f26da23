"""The embedded store's file, opened to be read: everything is checked, and nothing is changed.

Beside the file `journal.db` lie SQLite's write-ahead log `journal.db-wal`, and `journal.mark`. The mark is the number
of the last entry that somebody was told to be durable; it is written after the sync and needs none of its own.
SQLite takes a write-ahead log that is missing, cut short or damaged for one that ends earlier, and tells nobody. The
mark tells: a log that ends before it has lost what was acknowledged.

The file says whether somebody has it open, and the mark must be there (`open`), and up to which number the log was
taken away (`trimmed`).
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, TypeVar

import attrs
from returns.result import Failure, Result, Success

from migrations.refusal import Refusal
from runtime.datadir import Unusable
from runtime.errors import of_system
from runtime.store import Damaged, DamagedData

T = TypeVar("T")

FORMAT: Final = 3
NAME: Final = "journal.db"
MARK: Final = "journal.mark"

_MARK: Final = struct.Struct(">QI")


@attrs.frozen
class NoData(Refusal):
    """There is nothing in a data directory."""

    directory: str

    @property
    def happened(self) -> str:
        return f"{self.directory} holds no data."

    @property
    def remedy(self) -> str:
        return "Name the directory of a node with --data DIR."


class Reading:
    """The file as it was when it was opened; made by `open_reading`. `trimmed` and `last` bound the log."""

    def __init__(self, file: Path, connection: sqlite3.Connection | None, trimmed: int, last: int) -> None:
        self.file = file
        self.trimmed = trimmed
        self.last = last
        self._connection = connection

    def entries(self, after: int) -> Iterator[tuple[int, bytes]]:
        """As `Store.entries`."""
        if self._connection is None:
            return iter(())
        return entries(self._connection, self.file, after, self.trimmed)

    def items(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        """As `Store.items`."""
        return iter(()) if self._connection is None else items(self._connection, self.file, prefix)

    def close(self) -> None:
        """Let go."""
        if self._connection is not None:
            self._connection.close()


def open_reading(directory: Path) -> Result[Reading, Refusal]:
    """Open the file in a directory, also while a node writes to it. Returns Failure(Damaged | Unusable)."""
    file, log, mark = (directory / name for name in (NAME, NAME + "-wal", MARK))
    connection = None
    try:
        if not file.exists():
            left = [each.name for each in (log, mark) if each.exists()]
            if left:
                raise damaged(file, f"it is missing, but {' and '.join(left)} is there")
            return Success(Reading(file, None, 0, 0))
        with file.open("rb"):
            pass
        marked = read_mark(mark)
        connection = _connected(file, log)
        reading = _checked(connection, file, log, marked)
    except DamagedData as wrong:
        refusal: Refusal = wrong.refusal
    except OSError as error:
        refusal = Unusable(str(directory), f"{file.name}: {of_system(error)}")
    except (sqlite3.Error, UnicodeDecodeError) as error:  # SQLite quotes a damaged schema
        refusal = damaged(file, f"it is not what a node wrote: {error}").refusal
    else:
        return Success(reading)
    if connection is not None:
        connection.close()
    return Failure(refusal)


def opened(data: Path) -> Result[Reading, Refusal]:
    """What is in a data directory, to be read. Returns Failure(NoData | Damaged | Unusable)."""
    try:
        if not (data / NAME).exists() and not data.joinpath(NAME + "-wal").exists():
            return Failure(NoData(str(data.absolute())))
    except OSError as error:  # who may not look into it cannot tell
        return Failure(Unusable(str(data.absolute()), of_system(error)))
    return open_reading(data.absolute())


def looked(data: Path, read: Callable[[Reading], T]) -> Result[T, Refusal]:
    """What `read` finds in a data directory. Returns Failure as `opened`."""
    found = opened(data)
    if isinstance(found, Failure):
        return Failure(found.failure())
    with contextlib.closing(found.unwrap()) as reading:
        try:
            return Success(read(reading))
        except DamagedData as wrong:
            return Failure(wrong.refusal)


def _connected(file: Path, log: Path) -> sqlite3.Connection:
    """A connection that cannot write, and that sees one moment."""
    how = "mode=ro" if log.exists() else "mode=ro&immutable=1"
    connection = sqlite3.connect(
        f"{file.absolute().as_uri()}?{how}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=5,
    )
    connection.text_factory = lambda text: text.decode(errors="backslashreplace")
    try:
        connection.execute("begin")
    except BaseException:
        connection.close()
        raise
    return connection


def _checked(connection: sqlite3.Connection, file: Path, log: Path, marked: int | None) -> Reading:
    about = dict(connection.execute("select name, value from about"))
    number = about.get("format")
    if type(number) is int and number > FORMAT:
        raise DamagedData(
            Damaged(
                str(file),
                f"it is of format {number}, and this version reads format {FORMAT}",
                "Install the version of midflight that wrote it, or a newer one",
            )
        )
    if number != FORMAT or about.keys() != {"format", "open", "trimmed"}:
        raise damaged(file, f"it is not of format {FORMAT}: it says {about}")
    broken = connection.execute("pragma integrity_check(1)").fetchone()[0]
    if broken != "ok":
        raise damaged(file, broken)
    for _ in _whole(connection, file, "select key, data, sum from item"):
        pass  # a key that became another one would be looked for in vain
    last = connection.execute("select max(number) from log").fetchone()[0] or about["trimmed"]
    if about["open"] and marked is None:
        raise damaged(
            file.with_name(MARK), "it is missing or damaged, and nobody can tell whether the log is whole"
        )
    if marked is not None and marked > last:
        what = "damaged, cut short or of another time" if log.exists() else "missing"
        raise damaged(
            file,
            f"entry {marked} was acknowledged, and the log ends at {last}: its write-ahead log {log.name} is {what}",
        )
    return Reading(file, connection, about["trimmed"], last)


def read_mark(file: Path) -> int | None:
    """The number in a mark, or None where there is none that can be trusted."""
    try:
        number, total = _MARK.unpack(file.read_bytes())
    except (FileNotFoundError, struct.error):
        return None
    return number if checksum(MARK, str(number).encode()) == total else None


def write_mark(descriptor: int, number: int) -> None:
    """Say that somebody was told of an entry."""
    os.pwrite(descriptor, _MARK.pack(number, checksum(MARK, str(number).encode())), 0)


def entries(
    connection: sqlite3.Connection, file: Path, after: int, trimmed: int
) -> Iterator[tuple[int, bytes]]:
    """The log behind a number; raises DamagedData where an entry is missing or is not what was written."""
    if after < trimmed:
        raise damaged(file, f"entry {after + 1} of the log was taken away, and nothing stands for it")
    expected = after + 1
    query = "select number, data, sum from log where number > ? order by number"
    for number, data, total in _rows(connection, file, query, after):
        if expected != number:
            raise damaged(file, f"entry {expected} of the log is missing")
        if checksum(number, data) != total:
            raise damaged(file, f"entry {number} of the log is not what was written")
        expected = number + 1
        yield number, data


def items(connection: sqlite3.Connection, file: Path, prefix: str) -> Iterator[tuple[str, bytes]]:
    """What is kept under keys that begin so; raises DamagedData where one is not what was written."""
    end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
    query = "select key, data, sum from item where key >= ? and key < ? order by key"
    return _whole(connection, file, query, prefix, end)


def _whole(
    connection: sqlite3.Connection, file: Path, query: str, *given: object
) -> Iterator[tuple[str, bytes]]:
    for key, data, total in _rows(connection, file, query, *given):
        if checksum(key, data) != total:
            raise damaged(file, f"{key!r} is not what was written")
        yield key, data


def _rows(
    connection: sqlite3.Connection, file: Path, query: str, *given: object
) -> Iterator[tuple[Any, ...]]:
    try:
        yield from connection.execute(query, given)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise damaged(file, f"it cannot be read: {error}") from None


def checksum(key: object, data: object) -> int:
    """The checksum of a row: a key that became another one is damage as well."""
    if not isinstance(data, bytes):
        return -1
    return zlib.crc32(data, zlib.crc32(repr(key).encode()))


def damaged(file: Path, problem: str) -> DamagedData:
    """What to raise for a file that is not what was written."""
    return DamagedData(Damaged(str(file), problem))
