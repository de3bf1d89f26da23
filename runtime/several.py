"""Several dead letters with which somebody does the same, one after the other: one row of the history tells them."""

from __future__ import annotations

import bisect

from runtime import bounds


class Several:
    """What is done, by whom, and the numbers, in a row of the history.

    >>> some = Several(7, "dropped", "ann")
    >>> for number in (3, 4, 5, 9): some.add(number)
    >>> some.remove(4)
    >>> some.to_plain()
    {'count': 3, 'numbers': ['3', '5', '9']}
    """

    def __init__(self, number: int, what: str, who: str) -> None:
        self.number = number
        self.what = what
        self.who = who
        self._spans: list[tuple[int, int]] = []

    def add(self, number: int) -> None:
        """One more."""
        spans = self._spans
        if spans and spans[-1][1] == number - 1:
            spans[-1] = (spans[-1][0], number)
        else:
            bisect.insort(spans, (number, number))

    def remove(self, number: int) -> None:
        """One less, where it is among them."""
        for at, (first, last) in enumerate(self._spans):
            if first <= number <= last:
                left = [(first, number - 1), (number + 1, last)]
                self._spans[at : at + 1] = [each for each in left if each[0] <= each[1]]
                return

    def to_plain(self) -> dict[str, object]:
        """How many there are, and which: the last `bounds.SHOWN_SPANS` spans of them."""
        shown = [str(a) if a == b else f"{a}-{b}" for a, b in self._spans[-bounds.SHOWN_SPANS :]]
        return {"count": sum(b - a + 1 for a, b in self._spans), "numbers": shown}
