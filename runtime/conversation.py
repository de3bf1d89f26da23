"""Who talks with a node's control: over a unix socket in a private folder, or over TCP behind a token.

A conversation is lines in both directions, each a JSON object. Over TCP the first one is `{"token": ...}`, which is
answered `{"ok": true}`. Nothing else is read, let alone done, for one that does not know it: it is told so, and let go
of. So is who is slow, says nothing for long or does not read; and there are never many who have not given the token
yet. There is no encryption: that is for a tunnel.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

import attrs

from migrations.refusal import Refusal
from runtime import bounds
from runtime.asking import Plain, bad, peer
from runtime.control_token import fingerprint, same
from runtime.history import WHO
from runtime.instruction import Progress, Tell

MAX_LINE: Final = 2 * bounds.MAX_BODY
"""Bytes of a request."""

CLOSING: Final = 5.0
"""Seconds that requests under way have when the node stops."""

CHUNK: Final = 64 * 1024

_TCP: Final = "tcp "

logger = logging.getLogger("midflight")


def is_remote() -> bool:
    """Whether it is over TCP that somebody asks for what is done in this context."""
    return WHO.get().startswith(_TCP)


@attrs.frozen
class WrongToken(Refusal):
    """Somebody talks to a node's control over TCP without its token."""

    @property
    def happened(self) -> str:
        return "the node's control over TCP wants another token."

    @property
    def remedy(self) -> str:
        return (
            "Give the one that the node's --token-file holds, with --token-file FILE or as MIDFLIGHT_TOKEN."
        )


class Talks:
    """The conversations of a control; `answer` is given each line, and what hears how far it is."""

    def __init__(self, answer: Callable[[bytes, Tell], Awaitable[Plain]]) -> None:
        self._answer = answer
        self._talks: set[asyncio.Task[None]] = set()
        self._servers: list[asyncio.Server] = []
        self._strangers: list[asyncio.Task[None]] = []

    async def listen_on(self, path: str) -> None:
        """Listen on a unix socket. Raises OSError where it cannot be made."""
        self._servers.append(await asyncio.start_unix_server(partial(self._accept, None), path))

    async def listen(self, listening: socket.socket, token: bytes) -> None:
        """Listen on a bound TCP socket."""
        self._servers.append(await asyncio.start_server(partial(self._accept, token), sock=listening))

    async def close(self) -> None:
        """Listen no more, and let each request that is under way be answered."""
        for server in self._servers:
            server.close()
        for talk in list(self._talks):
            talk.cancel()
        if self._talks:
            await asyncio.wait(self._talks, timeout=CLOSING)

    def _accept(
        self, token: bytes | None, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        talk = asyncio.ensure_future(self._begun(token, _Lines(reader), writer))
        self._talks.add(talk)
        talk.add_done_callback(self._talks.discard)
        if token is not None:
            if len(self._strangers) >= bounds.STRANGERS:
                self._strangers.pop(0).cancel()
            self._strangers.append(talk)
            talk.add_done_callback(self._known)

    def _known(self, talk: asyncio.Task[None]) -> None:
        """Somebody is no stranger any more."""
        if talk in self._strangers:
            self._strangers.remove(talk)

    async def _begun(self, token: bytes | None, lines: _Lines, writer: asyncio.StreamWriter) -> None:
        try:
            if token is None:
                WHO.set(peer(writer))
                await self._talk(lines, writer, None)
            elif await _has(token, lines, writer):
                talk = asyncio.current_task()
                assert talk is not None
                self._known(talk)
                WHO.set(f"{_address(writer)}, token {fingerprint(token)}")
                await self._talk(lines, writer, bounds.SILENCE)
        except TimeoutError:
            writer.transport.abort()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _talk(self, lines: _Lines, writer: asyncio.StreamWriter, patience: float | None) -> None:
        while True:
            try:
                line = await asyncio.wait_for(lines.next(MAX_LINE), patience)
            except _TooLong:
                await _send(writer, bad(f"a request may have {MAX_LINE} bytes"), patience)
                return
            if line is None:
                return
            answer = asyncio.ensure_future(self._answered(writer, line, patience))
            try:
                await asyncio.shield(answer)
            except asyncio.CancelledError:
                await answer
                raise

    async def _answered(self, writer: asyncio.StreamWriter, line: bytes, patience: float | None) -> None:
        def tell(progress: Progress) -> None:
            if not writer.is_closing() and writer.transport.get_write_buffer_size() < CHUNK:
                writer.write(_line({"progress": attrs.asdict(progress)}))

        answer = await self._answer(line, tell)
        await _send(writer, answer, patience)


class _TooLong(Exception):
    """A line is longer than it may be."""


class _Lines:
    """What comes in, line by line."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self._held = bytearray()

    async def next(self, most: int) -> bytes | None:
        """The next line, of at most so many bytes; None at the end. Raises _TooLong."""
        held, looked = self._held, 0
        while (end := held.find(b"\n", looked)) < 0:
            looked = len(held)
            if looked > most:
                raise _TooLong
            chunk = await self._reader.read(CHUNK)
            if not chunk:
                rest = bytes(held)
                held.clear()
                return rest or None
            held += chunk
        if end > most:
            raise _TooLong
        line = bytes(held[:end])
        del held[: end + 1]
        return line


async def _has(token: bytes, lines: _Lines, writer: asyncio.StreamWriter) -> bool:
    """Whether a stranger has the token; tell it."""
    said = await _first(lines)
    if said is not None and same(said, token):
        await _send(writer, {"ok": True}, bounds.GREETING)
        return True
    logger.warning("%s gave no right token for the control of this node", _address(writer))
    await _send(writer, {"ok": False, **WrongToken().to_plain()}, bounds.GREETING)
    return False


async def _first(lines: _Lines) -> bytes | None:
    """The token that a stranger gives, if that is what it says."""
    try:
        line = await asyncio.wait_for(lines.next(bounds.GREETED), bounds.GREETING)
        said = json.loads(line or b"")
    except (_TooLong, ValueError, RecursionError, TimeoutError):
        return None
    token = said.get("token") if isinstance(said, dict) else None
    return token.encode(errors="replace") if isinstance(token, str) else None


def _line(plain: Plain) -> bytes:
    return json.dumps(plain, allow_nan=False).encode() + b"\n"


async def _send(writer: asyncio.StreamWriter, reply: Plain, patience: float | None) -> None:
    writer.write(_line(reply))
    await asyncio.wait_for(writer.drain(), patience)


def _address(writer: asyncio.StreamWriter) -> str:
    other = writer.get_extra_info("peername")
    return f"{_TCP}{other[0]}" if other else _TCP
