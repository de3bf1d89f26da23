"""How much of the log stays behind a snapshot: the last `bounds.RETAINED_BYTES`, none older than `RETAINED_SECONDS`.

Recovery needs nothing of it. It is what was asked lately: an export tells it, and a new version can be tried on it.
Each input was written down by the version that stepped it, so the table says which ones those are at the log's
first entry (`LOG`); starts and swaps behind it tell the rest.

Entries are counted in segments, not one by one: a log of many small ones must not take more memory than they do.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Final

import attrs

from runtime import bounds
from runtime.journal import LOG, Event, read
from runtime.store import Readable

_NOW: Final = re.compile(rb'\[\["now",(\d+)\]')


@attrs.frozen
class Beginning:
    """The log begins behind the entry `after`, with these versions by application."""

    after: int = 0
    versions: Mapping[str, str] = attrs.field(factory=dict)

    def written(self) -> bytes:
        """What the table holds of it."""
        return json.dumps({"after": self.after, "versions": dict(self.versions)}).encode()


def beginning(store: Readable) -> Beginning:
    """Where the log of a store begins."""
    found = dict(store.items(LOG)).get(LOG)
    return Beginning() if found is None else Beginning(**json.loads(found))


def changed(events: Iterable[Event]) -> dict[str, str]:
    """The versions that take over in some events.

    >>> changed([["now", 1], ["start", "a", "d1"], ["step", "m", 1, 0, ""], ["swap", "a", "d2", False]])
    {'a': 'd2'}
    """
    return {event[1]: event[2] for event in events if event[0] in ("start", "swap")}


@attrs.define
class _Segment:
    """Some entries: the number of the last, their bytes, when the first and the last were written, what changed."""

    last: int
    size: int
    first_now: int
    now: int
    versions: dict[str, str]


class Retention:
    """Counts what is in the log, and says how much of it may go."""

    def __init__(self, store: Readable) -> None:
        self._beginning = beginning(store)
        self._segments: deque[_Segment] = deque()
        self._size = 0
        for number, data in store.entries(self._beginning.after):
            found = _NOW.match(data)
            swapped = b'["swap",' in data or b'["start",' in data
            self.add(number, len(data), int(found[1]) if found else 0, changed(read(data)) if swapped else {})

    def add(self, number: int, size: int, now: int, versions: Mapping[str, str]) -> None:
        """An entry is in the log."""
        self._size += size
        segment = self._segments[-1] if self._segments else None
        if (
            segment is None
            or segment.size >= bounds.RETAINED_BYTES / bounds.SEGMENTS
            or now - segment.first_now >= bounds.RETAINED_SECONDS * 1000 / bounds.SEGMENTS
        ):
            self._segments.append(_Segment(number, size, now, now, dict(versions)))
        else:
            segment.last, segment.now = number, now
            segment.size += size
            segment.versions.update(versions)

    def begins(self, upto: int, now: int) -> Beginning:
        """Where the log shall begin, at most behind the entry `upto`, which a snapshot stands for."""
        left, oldest = self._size, now - bounds.RETAINED_SECONDS * 1000
        after, versions = self._beginning.after, dict(self._beginning.versions)
        for segment in self._segments:
            if segment.last > upto or (left <= bounds.RETAINED_BYTES and segment.now >= oldest):
                break
            left -= segment.size
            after = segment.last
            versions.update(segment.versions)
        return Beginning(after, versions)

    def begun(self, made: Beginning) -> None:
        """The log begins there."""
        self._beginning = made
        while self._segments and self._segments[0].last <= made.after:
            self._size -= self._segments.popleft().size
