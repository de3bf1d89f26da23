"""What the program says to the machine, and what it hears of both versions alike."""

from __future__ import annotations

import attrs


@attrs.frozen
class Line:
    """A line of the log as it came."""

    text: str


@attrs.frozen
class Look:
    """What is known of a client?"""

    client: str


@attrs.frozen
class Overview:
    """What is known of the log as a whole?"""


@attrs.frozen
class Seen:
    """The line was a request of this client."""

    client: str


@attrs.frozen
class Bad:
    """The line was no request."""


@attrs.frozen
class Log:
    """`latest` is the latest time in the log, in seconds since 1970."""

    lines: int
    bad: int
    latest: int
