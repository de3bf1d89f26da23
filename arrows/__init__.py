"""State machines as values: build them, evaluate them, compile them, compare them, send them."""

from __future__ import annotations

from arrows.build import (
    arr,
    attempt,
    constant,
    emit,
    fanin,
    fanout,
    first,
    get,
    identity,
    keyed,
    left,
    loop,
    named,
    parallel,
    perform,
    put,
    right,
    second,
    state,
)
from arrows.compile import Program, compile, run
from arrows.composition import compose
from arrows.derived import accumulate, changes, delay, hold
from arrows.diff import Difference, diff
from arrows.digest import digest, shape_digest
from arrows.dispatch import switch
from arrows.draw import mermaid
from arrows.edit import patch
from arrows.effect import BadAnswer, Done, Effect, Suspended, UnknownContinuation
from arrows.either import Either, Left, Right
from arrows.evaluate import NoCase, evaluate
from arrows.modes import modes
from arrows.notation import proc
from arrows.origin import BuildError
from arrows.pretty import pretty
from arrows.secret import Secret
from arrows.sending import After, Cancel, Publish, Send
from arrows.term import Arrow
from arrows.tracing import Trace, trace
from arrows.unpacking import Malformed
from arrows.wire import NotEncodable, decode, encode

__all__ = [
    "After",
    "Arrow",
    "BadAnswer",
    "BuildError",
    "Cancel",
    "Difference",
    "Done",
    "Effect",
    "Either",
    "Left",
    "Malformed",
    "NoCase",
    "NotEncodable",
    "Program",
    "Publish",
    "Right",
    "Secret",
    "Send",
    "Suspended",
    "Trace",
    "UnknownContinuation",
    "accumulate",
    "arr",
    "attempt",
    "changes",
    "compile",
    "compose",
    "constant",
    "decode",
    "delay",
    "diff",
    "digest",
    "emit",
    "encode",
    "evaluate",
    "fanin",
    "fanout",
    "first",
    "get",
    "hold",
    "identity",
    "keyed",
    "left",
    "loop",
    "mermaid",
    "modes",
    "named",
    "parallel",
    "patch",
    "perform",
    "pretty",
    "proc",
    "put",
    "right",
    "run",
    "second",
    "shape_digest",
    "state",
    "switch",
    "trace",
]
