"""What a registry over HTTP replies, read as what anybody may have written."""

from __future__ import annotations

import json
from typing import Any

import attrs

from runtime.control_client import Refused
from runtime.errors import shown
from runtime.keys import is_public
from runtime.seal import UntrustedKey


@attrs.frozen
class RegistryRefused(Refused):
    """What a registry over HTTP answered instead; `plain` is its reply, of which a terminal is shown no controls."""

    @property
    def reason(self) -> str:
        return shown(super().reason)

    @property
    def happened(self) -> str:
        if self._of_its_list:
            return f"the registry takes nothing that {self.plain['key']} signed: that is not on its own trust list."
        return shown(super().happened)

    @property
    def remedy(self) -> str:
        if self._of_its_list:
            return "Whoever serves the registry can add it there: `midflight trust add KEY --in DIR`, of its folder."
        return ""

    @property
    def _of_its_list(self) -> bool:
        return self.reason == UntrustedKey.__name__ and is_public(str(self.plain.get("key")))

    def to_plain(self) -> dict[str, Any]:
        """The reply as it came, but for what is shown."""
        return {**super().to_plain(), "reason": self.reason, "message": self.message}


def document(content: bytes) -> dict[str, Any] | None:
    """The JSON object of a reply, or None where it is none, or holds what cannot be written again."""
    try:
        found = json.loads(content)
        json.dumps(found, ensure_ascii=False).encode()  # half of a character
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
