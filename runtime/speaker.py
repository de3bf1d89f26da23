"""A protocol's clients: each connection's bytes become requests by the codec of the version that runs.

Requests are read ahead, up to `bounds.IN_FLIGHT` of one client, and answered in their order. Where as many wait, or
where a client does not read its answers, nothing more is read of it: then it is TCP that makes it wait. A client that
sends no request is told so and closed; a codec that raises closes the connection that it raised on. Neither harms
another client.

The answers that a batch makes are written at once, those of one connection by one `write`.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

from runtime import bounds
from runtime.application import Application
from runtime.codec import Answer, Ask, Codec, NotARequest
from runtime.errors import CallError
from runtime.listen import Listener
from runtime.release import Release, parts
from runtime.together import Together

if TYPE_CHECKING:
    from runtime.node import Node

logger = logging.getLogger("midflight")


class Speaker:
    """Answers the clients of one scheme, by the codec that the application has for it.

    Where a later version has none any more, the last one that there was is spoken on.
    """

    def __init__(self, node: Node, application: Application, scheme: str) -> None:
        self.node = node
        self.closing = False
        self.connections: set[Connection] = set()
        self._of = application.name, scheme
        self._codec = application.codecs[scheme]
        self._servers: list[asyncio.Server] = []
        self._answered: list[Connection] = []

    @property
    def codec(self) -> Codec:
        """The codec of the version that runs."""
        self._codec = self.node.codec(*self._of) or self._codec
        return self._codec

    async def listen(self, bound: socket.socket) -> None:
        """Take clients on a bound socket from now on."""
        loop = asyncio.get_running_loop()
        self._servers.append(
            await loop.create_server(lambda: Connection(self), sock=bound, backlog=bounds.BACKLOG)
        )

    async def close(self, patience: float) -> None:
        """Take no more clients and requests, answer what was accepted, and close; cut off after `patience` seconds."""
        self.closing = True
        for server in self._servers:
            server.close()
        for each in list(self.connections):
            each.finish()
        deadline = asyncio.get_running_loop().time() + patience
        while self.connections and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(bounds.SLICE)
        self.cut_off()

    def cut_off(self) -> None:
        """Close every connection as it is."""
        for each in list(self.connections):
            each.transport.abort()

    def answered(self, connection: Connection) -> None:
        """Write a connection's answers before the loop goes on."""
        if not self._answered:
            asyncio.get_running_loop().call_soon(self._flush)
        self._answered.append(connection)

    def _flush(self) -> None:
        answered, self._answered = self._answered, []
        for each in answered:
            each.flush()


async def speaking(node: Node, wanted: Application | Release, listeners: Iterable[Listener]) -> list[Speaker]:
    """Speakers for the bound addresses that are no http ones, one for each scheme, which one application speaks."""
    speakers: dict[str, Speaker] = {}
    spoken = {scheme: each for each in parts(wanted) for scheme in each.codecs}
    for each in listeners:
        if each.scheme != "http":
            if each.scheme not in speakers:
                speakers[each.scheme] = Speaker(node, spoken[each.scheme], each.scheme)
            await speakers[each.scheme].listen(each.socket)
    return list(speakers.values())


class Slot:
    """A request's place in the order of the answers: the ticket that the node is given with its message."""

    __slots__ = ("connection", "data", "form")

    def __init__(self, connection: Connection, form: str = "") -> None:
        self.connection = connection
        self.form = form
        self.data: bytes | None = None

    def encode(self, reply: Any) -> bytes:
        """The reply's bytes, by the version that made it."""
        data = self.connection.speaker.codec.write(self.form, reply)
        if type(data) is not bytes:
            raise TypeError(f"the codec writes {type(data).__name__}, and not bytes, for {reply!r:.100}")
        return data

    def done(self) -> bool:
        """Whether the client has gone."""
        return self.connection.gone

    def set_result(self, result: bytes, /) -> None:
        """Answer."""
        self.data = result
        connection = self.connection
        if not connection.flushing:
            connection.flushing = True
            connection.speaker.answered(connection)

    def set_exception(self, exception: BaseException, /) -> None:
        """Tell why there is no reply."""
        self.set_result(self.connection.refused(exception))


class Connection(asyncio.Protocol):
    """One client."""

    transport: asyncio.Transport

    def __init__(self, speaker: Speaker) -> None:
        self.speaker = speaker
        self.slots: deque[Slot] = deque()
        self.flushing = False
        self.gone = False
        self._received = b""
        self._reading = True
        self._full = False
        self._last = False

    # What asyncio tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        self.transport = cast(asyncio.Transport, transport)
        self.speaker.connections.add(self)
        if self.speaker.closing:
            self.finish()

    def data_received(self, data: bytes) -> None:
        """Read what is whole of it."""
        if self._last:
            return
        self._received = self._received + data if self._received else data
        self._read()

    def eof_received(self) -> bool:
        """The client says nothing more, and may still listen. All of it was read, as a pause holds this up too."""
        self.finish()
        return True

    def pause_writing(self) -> None:
        """The client does not read its answers."""
        self._full = True
        self._pause()

    def resume_writing(self) -> None:
        """The client reads again."""
        self._full = False
        self._resume()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone; what it asked is stepped all the same."""
        self.gone = True
        self.slots.clear()
        self.speaker.connections.discard(self)

    # Reading

    def _read(self) -> None:
        codec, data, at = self.speaker.codec, self._received, 0
        read, slots = codec.read, self.slots
        while at < len(data) and not self._last:
            if len(slots) >= bounds.IN_FLIGHT:
                self._pause()
                break
            try:
                found = read(data, at)
                if found is None:
                    if len(data) - at > bounds.MAX_REQUEST:
                        raise NotARequest(f"a request may have {bounds.MAX_REQUEST} bytes")
                    break
                request, end = found
                if not at < end <= len(data):
                    raise ValueError(f"the codec reads a request from byte {at} to {end} of {len(data)}")
                at = end
                self._take(request)
            except NotARequest as wrong:
                self._answer(self.refused(wrong))
                self.finish()
            except Exception:
                logger.exception("a codec raised, and its client is closed")
                self.finish()
        self._received = b"" if self._last else data[at:]

    def _take(self, request: Any) -> None:
        if isinstance(request, Answer):
            self._answer(request.data)
            if request.close:
                self.finish()
            return
        slot = Slot(self, request.form)
        message = request.message if isinstance(request, Ask) else Together(tuple(request.messages))
        self.slots.append(slot)
        try:
            self.speaker.node.ask(request.machine, message, slot, encode=slot.encode)
        except CallError as error:
            slot.set_exception(error)

    def _answer(self, data: bytes) -> None:
        slot = Slot(self)
        self.slots.append(slot)
        slot.set_result(data)

    def refused(self, error: BaseException) -> bytes:
        """What the codec tells a client; nothing, and the connection is closed, where it has no words for it."""
        try:
            assert isinstance(error, CallError)
            data = self.speaker.codec.refused(error)
            assert type(data) is bytes
        except Exception:
            logger.exception("a codec raised on %r, and its client is closed", error)
            self.finish()
            return b""
        else:
            return data

    def _pause(self) -> None:
        if self._reading:
            self._reading = False
            self.transport.pause_reading()

    def _resume(self) -> None:
        if self._reading or self._full or self._last or 2 * len(self.slots) > bounds.IN_FLIGHT:
            return
        self._reading = True
        self.transport.resume_reading()
        self._read()

    # Writing

    def flush(self) -> None:
        """Write the answers whose turn it is."""
        self.flushing = False
        if self.gone:
            return
        slots, answers = self.slots, []
        while slots and (data := slots[0].data) is not None:
            answers.append(data)
            slots.popleft()
        self.transport.write(b"".join(answers))
        if self._last and not slots:
            self.transport.close()
        else:
            self._resume()

    def finish(self) -> None:
        """Read nothing more; close when what was accepted is answered."""
        if self._last:
            return
        self._last = True
        self._received = b""
        self._pause()
        if not self.flushing:
            self.flushing = True
            self.speaker.answered(self)
