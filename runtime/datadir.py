"""The data directory: who owns it, and where its node is reached.

A node holds an operating-system lock on `lock` for as long as it lives, so that a directory has one node, and
the leavings of a dead one are recognised. Its control socket is `control.sock` in the directory; where the path
would be too long for a socket, or other users may enter the directory, it is in a short private folder instead,
which `control.path` names.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import IO

import attrs
from returns.result import Failure, Result, Success

from migrations.refusal import Refusal
from runtime.errors import of_system
from runtime.whole_file import put_whole

LONGEST_SOCKET = 103 if sys.platform == "darwin" else 107
"""Bytes of a socket's path, without the zero that ends it."""

LOCK = "lock"
"""The file in a data directory that its node holds."""

SEED, VARIABLE = "hashseed", "PYTHONHASHSEED"
"""The file in a data directory with the PYTHONHASHSEED of its first process: `midflight run` starts the next ones so.

Python orders the texts of a set by it. Steps are repeated when a node is started again, and must come to the same.
"""

_SOCKET, _POINTER = "control.sock", "control.path"


@attrs.frozen
class Occupied(Refusal):
    """Another node runs on the data directory."""

    directory: str
    process: str

    @property
    def happened(self) -> str:
        return f"another node (process {self.process or 'unknown'}) runs on {self.directory}."

    @property
    def remedy(self) -> str:
        return "Stop it, or give this one a directory of its own with --data DIR."


@attrs.frozen
class Unusable(Refusal):
    """The data directory cannot be used."""

    directory: str
    problem: str

    @property
    def happened(self) -> str:
        return f"{self.directory} cannot hold a node's data: {self.problem}."

    @property
    def remedy(self) -> str:
        return "Give another with --data DIR."


class Claim:
    """A data directory that is ours until `release`. `socket` is where to listen; nothing is there yet."""

    def __init__(self, directory: Path, lock: IO[str]) -> None:
        self.directory = directory
        self._lock = lock
        self._clear()
        self.socket = directory / _SOCKET
        if len(os.fsencode(self.socket)) > LONGEST_SOCKET or not _is_private(directory):
            self.socket = Path(tempfile.mkdtemp(prefix="midflight-")) / _SOCKET
            (directory / _POINTER).write_text(str(self.socket))
        _HELD.add(lock)

    def release(self) -> None:
        """Take the socket away and let go of the lock. A forked child has nothing to release."""
        if not self._lock.closed:
            self._clear()
            _HELD.discard(self._lock)
            self._lock.close()

    def _clear(self) -> None:
        """Remove the socket that we, or a node that died, left behind."""
        pointer = self.directory / _POINTER
        if pointer.is_file():
            folder = Path(pointer.read_text().strip()).parent
            if folder.name.startswith("midflight-") and folder.is_dir() and _is_private(folder):
                shutil.rmtree(folder, ignore_errors=True)
            pointer.unlink()
        (self.directory / _SOCKET).unlink(missing_ok=True)


_HELD: set[IO[str]] = set()


def _let_go() -> None:
    """A forked child shares our locks until it closes them; it must not keep them beyond us."""
    for lock in _HELD:
        lock.close()
    _HELD.clear()


os.register_at_fork(after_in_child=_let_go)


def claim(path: str | Path) -> Result[Claim, Refusal]:
    """Make a data directory, if need be, and own it. Returns Failure(Occupied | Unusable)."""
    directory = Path(path).absolute()
    try:
        if not directory.exists():
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            (directory / ".gitignore").write_text("*\n")
        directory = directory.resolve()
        lock = (directory / LOCK).open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            process = lock.read(20).strip()
            lock.close()
            if isinstance(error, BlockingIOError):
                return Failure(Occupied(str(directory), process))
            raise
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        if has_order() and not (directory / SEED).exists():
            put_whole(directory / SEED, f"{os.environ[VARIABLE]}\n".encode())
        return Success(Claim(directory, lock))
    except OSError as error:
        return Failure(Unusable(str(directory), of_system(error)))


def has_order() -> bool:
    """Whether sets have the same order in the next process that is given the same PYTHONHASHSEED."""
    return os.environ.get(VARIABLE, "").isdigit() and not sys.flags.ignore_environment


def is_owned(path: Path) -> bool:
    """Whether a node runs on a data directory."""
    try:
        with (path / LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except (FileNotFoundError, NotADirectoryError):
        return False
    return False


def socket_of(path: str | Path) -> Path:
    """Where the node of a data directory is reached, if one runs."""
    directory = Path(path).resolve()
    try:
        return Path((directory / _POINTER).read_text().strip())
    except OSError:
        return directory / _SOCKET


def _is_private(folder: Path) -> bool:
    found = folder.stat()
    return found.st_uid == os.getuid() and found.st_mode & 0o077 == 0
