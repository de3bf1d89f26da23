"""What has come of an artifact over HTTP when the process that got it was ended: the next one goes on from there."""

from __future__ import annotations

import contextlib
import fcntl
import tempfile
from collections.abc import Iterator
from typing import IO

from runtime.keys import home


@contextlib.contextmanager
def partial(address: str) -> Iterator[IO[bytes]]:
    """A file to add to, removed where nothing is raised; another one where a process is at the same artifact."""
    file = home() / "partial" / address
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with file.open("a+b", buffering=0) as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with tempfile.TemporaryFile("a+b", buffering=0) as own:
                yield own
            return
        yield held
        file.unlink(missing_ok=True)
