"""Files that several processes read and write: each is there as it was before, or all of it is new.

That holds whoever is killed meanwhile. Who changes what is there, and does not put another in its place, holds a lock.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path


def is_there(path: str) -> bool:
    """Whether there is a file or a folder; a text that cannot be a path is none.

    >>> is_there("/"), is_there(5000 * "x")
    (True, False)
    """
    try:
        return Path(path).exists()
    except (OSError, ValueError):
        return False


def put_whole(file: Path, data: bytes, mode: int = 0o666) -> None:
    """Put a file in the place of the one that is there; `mode` is less what the umask takes away. Raises OSError."""
    fresh = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode), "wb") as made:
            made.write(data)
            made.flush()
            os.fsync(made.fileno())
        fresh.replace(file)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    sync_folder(file.parent)


def sync_folder(folder: Path) -> None:
    """Let what is in a folder be on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def locked(file: Path) -> Iterator[None]:
    """Be the only process that does something: hold an operating-system lock on a file, which ends with the process."""
    descriptor = os.open(file, os.O_CREAT | os.O_RDWR, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
