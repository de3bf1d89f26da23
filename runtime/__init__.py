"""The node: hosts applications, answers their callers, and changes their code between two messages."""

from __future__ import annotations

from runtime.application import Application
from runtime.codec import Answer, Ask, AskAll, Codec, NotARequest
from runtime.dead_letters import Letter
from runtime.errors import (
    BadId,
    BadMessage,
    CallError,
    IdReused,
    KeySetAside,
    OverBudget,
    Overloaded,
    RolledBack,
    StepFailed,
    Unavailable,
    UnknownMachine,
    UnknownVersion,
)
from runtime.instruction import Probation, Progress
from runtime.lifecycle import OnFailure, Resume
from runtime.loader import load
from runtime.node import Node
from runtime.outbox import Published
from runtime.release import Release
from runtime.status import ApplicationStatus, CellStatus, MachineStatus, ReleaseStatus, Status
from runtime.subscriptions import Lagged, Subscription
from runtime.transaction import Planned
from runtime.upgrade import Upgraded

__all__ = [
    "Answer",
    "Application",
    "ApplicationStatus",
    "Ask",
    "AskAll",
    "BadId",
    "BadMessage",
    "CallError",
    "CellStatus",
    "Codec",
    "IdReused",
    "KeySetAside",
    "Lagged",
    "Letter",
    "MachineStatus",
    "Node",
    "NotARequest",
    "OnFailure",
    "OverBudget",
    "Overloaded",
    "Planned",
    "Probation",
    "Progress",
    "Published",
    "Release",
    "ReleaseStatus",
    "Resume",
    "RolledBack",
    "Status",
    "StepFailed",
    "Subscription",
    "Unavailable",
    "UnknownMachine",
    "UnknownVersion",
    "Upgraded",
    "load",
]
