"""State across versions: migrations, and the plan of what becomes of each cell."""

from __future__ import annotations

from migrations.infer import infer
from migrations.migration import DROP, Drop, Migration
from migrations.plan import Plan, plan
from migrations.refusal import Refusal

__all__ = ["DROP", "Drop", "Migration", "Plan", "Refusal", "infer", "plan"]
