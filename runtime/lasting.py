"""Output of what goes on whatever becomes of it: the terminal may be closed, a pipe end, an encoding lack a letter."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO, cast


class Lasting:
    """A stream for what goes on also where nobody can be told any more: what cannot be written is let go of."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, if that can be."""
        with self._letting_go():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Let it be seen, if that can be."""
        with self._letting_go():
            self._stream.flush()

    @contextlib.contextmanager
    def _letting_go(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno in (errno.EPIPE, errno.EIO):  # the reader has ended, or the terminal
                with contextlib.suppress(OSError), Path(os.devnull).open("wb") as nowhere:
                    os.dup2(nowhere.fileno(), self._stream.fileno())

    def __getattr__(self, name: str) -> Any:
        """In all else it is the stream."""
        return getattr(self._stream, name)


def tell(text: str, end: str = "\n") -> None:
    """Print one line, at once, from what goes on also where nobody can be told any more."""
    print(text, end=end, file=cast("TextIO", Lasting(sys.stdout)), flush=True)


def lenient() -> None:
    """Let the output of this process show what its encoding does not have by its number, and not fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
