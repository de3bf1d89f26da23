"""The node: hosts applications, answers their callers, and changes their code between two messages."""

from __future__ import annotations

from runtime.application import Application
from runtime.errors import (
    BadMessage,
    CallError,
    Overloaded,
    StepFailed,
    Unavailable,
    UnknownMachine,
)
from runtime.lifecycle import OnFailure, Resume
from runtime.loader import load
from runtime.node import Node
from runtime.status import ApplicationStatus, CellStatus, MachineStatus, Status
from runtime.upgrade import Upgraded

__all__ = [
    "Application",
    "ApplicationStatus",
    "BadMessage",
    "CallError",
    "CellStatus",
    "MachineStatus",
    "Node",
    "OnFailure",
    "Overloaded",
    "Resume",
    "Status",
    "StepFailed",
    "Unavailable",
    "UnknownMachine",
    "Upgraded",
    "load",
]
