"""State across versions: migrations, and the plan of what becomes of each cell."""

from __future__ import annotations

from migrations import lens
from migrations.finite import follow
from migrations.infer import infer
from migrations.migration import DROP, Drop, Migration
from migrations.plan import Plan, plan
from migrations.refusal import Refusal
from migrations.written import as_arrow, from_arrow

__all__ = [
    "DROP",
    "Drop",
    "Migration",
    "Plan",
    "Refusal",
    "as_arrow",
    "follow",
    "from_arrow",
    "infer",
    "lens",
    "plan",
]
