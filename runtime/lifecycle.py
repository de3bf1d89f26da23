"""What becomes of a machine when something happens to it, as values."""

from __future__ import annotations

from typing import TypeAlias

import attrs


@attrs.frozen
class Resume:
    """After a step that raised, go on with the next message from the state before it."""


OnFailure: TypeAlias = Resume
"""What to do after a step that raised. A closed union; for now it has one member."""
