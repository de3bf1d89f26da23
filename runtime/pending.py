"""A reply that may not be there yet."""

from __future__ import annotations

from typing import Any


class Pending:
    """A reply that may not be there yet."""

    def __init__(self) -> None:
        self._result: Any = None
        self._error: BaseException | None = None
        self._done = False

    def done(self) -> bool:
        """Whether there is an answer."""
        return self._done

    def set_result(self, result: Any, /) -> None:
        """Answer with a reply."""
        self._result, self._done = result, True

    def set_exception(self, exception: BaseException, /) -> None:
        """Answer with an error."""
        self._error, self._done = exception, True

    def result(self) -> Any:
        """The reply; raises the error that was answered, or LookupError where nothing was answered yet."""
        if not self._done:
            raise LookupError("the message was not stepped yet: call drain() first")
        if self._error is not None:
            raise self._error
        return self._result
