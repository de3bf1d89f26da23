"""Which versions talk to which, and so in what order the nodes of a system may be upgraded.

A node speaks the version that it runs and, by the lenses of that, the one before. So a client of the old version is
understood by a node of the new one if every reply leads down, and every message up that is not declared to be sent no
more. A node of the old version knows nothing of the new one: a client of that is understood only in the forms that both
have.
"""

from __future__ import annotations

from typing import Literal

import attrs

from migrations.chain import Route
from migrations.messages import Messages, messages


@attrs.frozen
class Compat:
    """How two versions of a machine talk. Each problem is a form and why it is not understood; none is a yes.

    `says_version`: the old client must say which version it is of.
    """

    machine: str
    old_asks_new: tuple[str, ...]
    new_asks_old: tuple[str, ...]
    says_version: bool

    @property
    def order(self) -> Literal["any", "asked first", "asking first", "at once"]:
        """Which nodes come first: those that are asked, those that ask, any; or all at once."""
        if not self.old_asks_new:
            return "asked first" if self.new_asks_old else "any"
        return "at once" if self.new_asks_old else "asking first"


def compat(route: Route) -> Compat:
    """Read how the two ends of a way talk to each other. Raises Stop for lenses that cannot be meant."""
    (_, old), (_, new) = route.ends
    inputs, replies = route.inputs(), route.replies()
    asked = [f"takes no {form}" for form in inputs.gone]
    asked += [f"may answer {form}" for form in replies.one_way]
    led = any(each.label == "converted" for each in (*inputs.forms, *replies.forms))
    back = messages(new.takes, old.takes), messages(old.gives, new.gives)
    asks = [f"takes no {form}" for form in _other(back[0])] + [
        f"may answer {form}" for form in _other(back[1])
    ]
    return Compat(route.machine, tuple(asked), tuple(asks), led)


def _other(told: Messages) -> list[str]:
    """The forms that are not the same on both sides."""
    return [each.form for each in told.forms if each.label not in {"kept", "new"}]
