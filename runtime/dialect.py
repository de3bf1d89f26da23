"""How a client of a version speaks with a machine: its messages become the running version's, its replies go back.

A client says which version it was written for. The one that runs and the one before it are spoken. What the client
sends is read as its version took it, led up by the lenses or by structure, and stepped like any other; the reply is
led down as a part of the step, so that one which its version could not give fails the step and changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from arrows.fit import Misfit, misfit
from arrows.plain import describe
from arrows.shape import Shape
from runtime.errors import BadMessage, UnknownVersion, cut
from runtime.hosted import Hosted

if TYPE_CHECKING:
    from runtime.core import Core


@attrs.frozen
class Dialect:
    """A machine as a client of `version` speaks with it; None: as the running version does."""

    _hosted: Hosted = attrs.field(repr=False)
    version: str | None

    @property
    def takes(self) -> Shape:
        """The shape of the client's messages."""
        older = self._hosted.older if self._is_older else None
        return self._hosted.program.takes if older is None else older.takes

    def own(self, message: Any) -> Any:
        """The running version's message for the client's. Raises BadMessage where there is none."""
        older = self._hosted.older if self._is_older else None
        if older is None:
            return message
        try:
            return older.inputs.up(message)
        except Exception as error:
            wrong = Misfit("", f"a message that version {cut(self._running)} still takes", cut(str(error)))
            raise BadMessage(self._hosted.name, wrong, describe(older.takes)) from None

    def reply(self, reply: Any) -> Any:
        """The client's reply for the running version's. Raises ValueError where there is none.

        One that the client's version gave is as it was. If another upgrade has come between, so that the client's
        version is not known any more, it gets what the running version gives.
        """
        older = self._hosted.older if self._is_older else None
        if older is None:
            return reply
        if misfit(reply, self._hosted.program.gives) is not None and misfit(reply, older.gives) is None:
            return reply
        return older.replies.down(reply)

    @property
    def _running(self) -> str:
        return self._hosted.application.version

    @property
    def _is_older(self) -> bool:
        older = self._hosted.older
        return (
            older is not None and self.version not in {None, self._running} and older.version == self.version
        )


def dialect(core: Core, machine: str, version: str | None) -> Dialect:
    """How a client of a version speaks with a machine. Raises UnknownMachine, Unavailable or UnknownVersion."""
    hosted = core.open_machine(machine)
    known = [hosted.application.version, *([hosted.older.version] if hosted.older else [])]
    if version is not None and version not in known:
        raise UnknownVersion(machine, version, tuple(dict.fromkeys(known)))
    return Dialect(hosted, version)
