"""Libraries that are in an extra: what is told where one is not installed."""

from __future__ import annotations

import attrs

from migrations.refusal import Refusal


@attrs.frozen
class NeedsExtra(Refusal):
    """A command needs a library that is not installed."""

    what: str
    extra: str

    @property
    def happened(self) -> str:
        return f"this needs {self.what}:"

    @property
    def remedy(self) -> str:
        return f"pip install 'midflight[{self.extra}]'"
