"""Other protocols than HTTP: three functions that make messages of a client's bytes, and bytes of replies.

A codec is a value and a part of a version, as the machines are: it counts in the digest, is kept beside the data, and
another version brings its own. So it holds no state, not even of one connection. What must be remembered of a client
is remembered by a machine; what was received of a request that is not whole yet is kept by the node, and read again
when more has come.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, TypeAlias

import attrs

from arrows.content import function_digest
from runtime.errors import CallError


@attrs.frozen
class Ask:
    """Step a machine. Its reply is written by `Codec.write`, which is told the `form` it is to have."""

    machine: str
    message: Any
    form: str = ""


@attrs.frozen
class AskAll:
    """Step several messages, all or none; `Codec.write` gets the tuple of their replies."""

    machine: str
    messages: Sequence[Any]
    form: str = ""


@attrs.frozen
class Answer:
    """Answer without asking a machine. With `close` nothing more of this client is read."""

    data: bytes
    close: bool = False


Request: TypeAlias = Ask | AskAll | Answer


class NotARequest(CallError):
    """What a client sent is no request of the protocol. It is told, and its connection is closed."""

    remedy = "send what the protocol says, on a new connection"


@attrs.frozen
class Codec:
    """How a protocol is spoken.

    - `read(data, at)` returns the first request that begins at `at` in what a client sent, and where it ends; or None
      where it is not whole yet: it is then called again with more. Raises NotARequest.
    - `write(form, reply)` returns a reply's bytes. It is a part of the step: where it raises, the step has failed.
      The version that steps a message writes its reply, also where the version before has read the request.
    - `refused(error)` returns what a client is told instead of a reply.
    """

    read: Callable[[bytes, int], tuple[Request, int] | None]
    write: Callable[[str, Any], bytes]
    refused: Callable[[CallError], bytes]

    @cached_property
    def digest(self) -> tuple[str, ...]:
        """What the three functions are, by content. Raises BuildError for what cannot be identified."""
        return tuple(function_digest(each, repeated=False) for each in (self.read, self.write, self.refused))
