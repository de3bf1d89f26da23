"""For engines that hear of their writes in any order: completions are held back until it is their turn.

A `Store` tells of changes in the order in which they were given. An engine with several writes under way, a
server at the other end of a network say, hears of them as answers arrive. It gives each `done` to `InOrder` and
calls what it gets instead, on any thread, whenever it hears.

What was given is kept or refused from the front: where a change is refused and one given later is durable
already, nothing is sure any more, and both are told so.
"""

from __future__ import annotations

import threading
from collections import deque

from runtime.store import Done, Rejected, Uncertain


class InOrder:
    """Lets completions come in any order, and tells of them in the order of `take`.

    >>> told = []
    >>> order = InOrder()
    >>> first, second = (order.take(lambda error, n=n: told.append((n, error))) for n in (1, 2))
    >>> second(None)
    >>> told
    []
    >>> first(None)
    >>> told
    [(1, None), (2, None)]
    """

    def __init__(self) -> None:
        self._turn = threading.RLock()
        self._waiting: deque[_Completion] = deque()
        self._failed: Uncertain | None = None

    def take(self, done: Done) -> Done:
        """What to call, once, when the change is durable or has failed."""
        completion = _Completion(done)
        with self._turn:
            self._waiting.append(completion)

        def heard(error: Exception | None) -> None:
            with self._turn:
                completion.heard, completion.error = True, error
                self._tell()

        return heard

    def _tell(self) -> None:
        waiting = self._waiting
        while waiting and waiting[0].heard:
            error = self._failed or waiting[0].error
            if error is None:
                waiting.popleft().done(None)
                continue
            if isinstance(error, Rejected):
                if not all(each.heard for each in waiting):
                    return  # what was given later may be durable
                if all(isinstance(each.error, Rejected) for each in waiting):
                    self._all(error)
                    continue
                error = Uncertain(f"{error}; and a change that was given later is durable or may be")
            assert isinstance(error, Uncertain)
            self._failed = error
            self._all(error)

    def _all(self, error: Exception) -> None:
        """Refuse what was given until now; what is given by those who are told comes after it."""
        refused = list(self._waiting)
        self._waiting.clear()
        for each in refused:
            each.done(error)


class _Completion:
    def __init__(self, done: Done) -> None:
        self.done = done
        self.heard = False
        self.error: Exception | None = None
