"""Which versions must be kept beside the data: those that run, can be gone back to, or stepped what the log holds.

A dead letter needs the version that wrote it, too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from runtime.hosted import Running
from runtime.journal import version_key


class Editions:
    """The versions that are kept, by key, each with the last entry of the log that may speak of it."""

    def __init__(self, kept: Iterable[str], number: int) -> None:
        self._last = dict.fromkeys(kept, number)
        self._used: set[str] = set()

    def seen(
        self,
        applications: Collection[Running],
        put: Iterable[str],
        number: int,
        letters: Iterable[str] = (),
    ) -> None:
        """Note what is in use while an entry of the log is written; `letters` are the editions that these need."""
        used = {version_key(each.compiled.edition) for each in applications} | set(map(version_key, letters))
        for each in applications:
            if each.previous is not None:
                ways = (each.previous.compiled, *each.compiled.through, *each.previous.compiled.through)
                used |= {version_key(one.edition) for one in ways}
        self._last.update(dict.fromkeys([*used, *self._used, *put], number))
        self._used = used

    def unused(self, number: int) -> frozenset[str]:
        """The keys that nothing needs, once the log up to a number is gone. They are then no longer known."""
        unused = frozenset(
            key for key, last in self._last.items() if last <= number and key not in self._used
        )
        for key in unused:
            del self._last[key]
        return unused
