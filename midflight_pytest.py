"""The pytest plugin: the fixture `assert_upgrades`. It stands alone, so that pytest begins as fast as without it."""

from __future__ import annotations

from typing import Any, Protocol

import pytest

__all__ = ["AssertUpgrades", "assert_upgrades"]


class AssertUpgrades(Protocol):
    """What the fixture is."""

    def __call__(
        self,
        old: Any,
        new: Any,
        trace: Any,
        *,
        trials: int = 100,
        seed: int | None = None,
        differs: tuple[str, ...] = (),
        through: Any = (),
    ) -> None:
        """Raise AssertionError where an upgrade goes wrong; see `runtime.rehearsal`."""


@pytest.fixture(scope="session")
def assert_upgrades() -> AssertUpgrades:
    """Rehearse an upgrade after every prefix of a trace, and on drawn states: see docs/migrations.md."""
    from runtime.rehearsal import rehearse  # noqa: PLC0415 - imported where a test asks for it

    return rehearse
