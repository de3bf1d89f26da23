"""A codec's clients over real sockets: order, bounds, faults, upgrades, the end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import attrs
import pytest
from returns.result import Failure, Success

from arrows.origin import BuildError
from runtime import bounds
from runtime.application import Application
from runtime.codec import Ask, Codec
from runtime.listen import bind
from runtime.node import Node
from runtime.speaker import Connection, Speaker, speaking
from runtime.versions import brought_back, kept
from tests.runtime import lines
from tests.runtime.lines import Add, Read

PATIENCE = 30


class Client:
    """A connection that sends and hears lines."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, *said: str) -> None:
        self.writer.write("".join(f"{each}\n" for each in said).encode())

    async def hear(self, count: int = 1) -> list[str]:
        heard = []
        for _ in range(count):
            heard.append((await asyncio.wait_for(self.reader.readline(), PATIENCE)).decode())
        return [each.rstrip("\n") for each in heard]

    async def rest(self) -> list[str]:
        """What is heard until the end."""
        return (await asyncio.wait_for(self.reader.read(), PATIENCE)).decode().splitlines()


class Here:
    """A node with a speaker, and clients of it."""

    def __init__(self, node: Node, speaker: Speaker, port: int) -> None:
        self.node, self.speaker, self.port = node, speaker, port
        self.clients: list[Client] = []

    async def client(self) -> Client:
        self.clients.append(Client(*await asyncio.open_connection("127.0.0.1", self.port)))
        return self.clients[-1]

    def connections(self) -> list[Connection]:
        return list(self.speaker.connections)


@contextlib.asynccontextmanager
async def spoken(application: Application = lines.v1, data: Path | None = None) -> AsyncIterator[Here]:
    listeners = bind(["lines://127.0.0.1:0"], application.codecs).unwrap()
    async with Node(data) as node:
        (await node.start(application)).unwrap()
        (speaker,) = await speaking(node, application, listeners)
        try:
            here = Here(node, speaker, listeners[0].socket.getsockname()[1])
            yield here
        finally:
            await speaker.close(0)
            for client in here.clients:
                client.writer.transport.abort()
            await asyncio.sleep(0)


Test = Callable[[], Coroutine[Any, Any, None]]


def on_a_loop(test: Test) -> Callable[[], None]:
    """A test that is a coroutine; pytest sees a plain function of that name."""

    def run() -> None:
        asyncio.run(test())

    run.__name__ = test.__name__
    return run


@on_a_loop
async def test_answers_come_in_the_order_of_the_requests() -> None:
    async with spoken() as here:
        client = await here.client()
        client.send("add 1", "ping", "add 2", "all 3 4", "ping", "read", "add 13", "read", "ask nobody")
        heard = await client.hear(9)
        assert heard[:6] == ["1", "pong", "3", "6 10", "pong", "10"]
        assert heard[6].startswith("StepFailed: total failed on this message")
        assert heard[7] == "10"
        assert heard[8].startswith("UnknownMachine: no machine 'nobody'")


def test_an_answer_waits_for_those_before_it(tmp_path: Path) -> None:
    async def talk() -> None:
        async with spoken(data=tmp_path / "data") as here:
            client = await here.client()
            client.send(*["add 1", "ping"] * 50, "ask nobody")
            heard = await client.hear(101)
            assert heard[1::2] == ["pong"] * 50
            assert heard[:-1:2] == [str(n) for n in range(1, 51)]
            assert heard[-1].startswith("UnknownMachine")

    asyncio.run(talk())


@on_a_loop
async def test_several_are_all_or_none() -> None:
    async with spoken() as here:
        client = await here.client()
        client.send("all 1 2 13 4", "read", "all 1 2", "read")
        heard = await client.hear(4)
        assert heard[0].startswith("StepFailed")
        assert heard[1:] == ["0", "1 3", "3"]


@on_a_loop
async def test_requests_may_come_in_pieces() -> None:
    async with spoken() as here:
        client = await here.client()
        for letter in b"add 1\nping\nadd 22\n":
            client.writer.write(bytes([letter]))
            await client.writer.drain()
            await asyncio.sleep(0)
        assert await client.hear(3) == ["1", "pong", "23"]


@on_a_loop
async def test_what_is_no_request_is_told_and_ends_the_connection() -> None:
    async with spoken() as here:
        bad, good = await here.client(), await here.client()
        good.send("add 1")
        assert await good.hear() == ["1"]
        bad.send("add 2", "hello", "add 4")
        assert await bad.rest() == ["3", "NotARequest: what is 'hello'?"]
        good.send("read")
        assert await good.hear() == ["3"]


@on_a_loop
async def test_a_codec_that_raises_ends_that_connection_alone() -> None:
    async with spoken() as here:
        bad, good = await here.client(), await here.client()
        bad.send("add 2", "fail", "add 4")
        assert await bad.rest() == ["2"]
        good.send("read")
        assert await good.hear() == ["2"]


@on_a_loop
async def test_a_codec_without_words_ends_that_connection_alone() -> None:
    async with spoken(lines.wordless) as here:
        bad, good = await here.client(), await here.client()
        bad.send("add 2", "ask nobody", "add 4")
        assert await bad.rest() == ["2"]
        good.send("read")
        assert await good.hear() == ["2"]


@on_a_loop
async def test_a_reply_that_cannot_be_written_is_a_failed_step() -> None:
    async with spoken() as here:
        client = await here.client()
        client.send("add 1", "read raise", "read text", "read")
        heard = await client.hear(4)
        assert heard[0] == heard[3] == "1"
        assert all(each.startswith("StepFailed") for each in heard[1:3])
        assert here.node.machine("total").failed == 2


@on_a_loop
async def test_a_full_inbox_is_told_in_its_place() -> None:
    async with spoken(lines.small) as here:
        client = await here.client()
        client.send("add 1", "add 1", "add 1", "ping", "add 1")
        heard = await client.hear(5)
        assert heard[:2] == ["1", "2"]
        assert heard[3] == "pong"
        assert [each.split(":")[0] for each in (heard[2], heard[4])] == ["Overloaded", "Overloaded"]
        client.send("read")
        assert await client.hear() == ["2"]


@on_a_loop
async def test_a_client_that_does_not_listen_is_not_read() -> None:
    count = 20_000
    async with spoken() as here:
        deaf, other = await here.client(), await here.client()
        deaf.writer.transport.pause_reading()  # type: ignore[attr-defined]
        writing = asyncio.ensure_future(asyncio.to_thread(_send_all, deaf, "read wide\n" * count))
        while not any(each._full for each in here.connections()):
            assert all(len(each.slots) <= bounds.IN_FLIGHT for each in here.connections())
            await asyncio.sleep(0.001)
        taken = here.node.machine("total").stepped
        other.send("ping", "read")
        assert (await other.hear(2))[0] == "pong"
        assert here.node.machine("total").stepped <= taken + bounds.IN_FLIGHT + 1
        deaf.writer.transport.resume_reading()  # type: ignore[attr-defined]
        heard = await deaf.hear(count)
        await writing
        assert set(heard) == {"0".rjust(lines.WIDE)}


def _send_all(client: Client, text: str) -> None:
    socket = client.writer.get_extra_info("socket").dup()
    socket.setblocking(True)
    with socket:
        socket.sendall(text.encode())


@on_a_loop
async def test_a_request_without_end_is_cut_off() -> None:
    async with spoken() as here:
        client = await here.client()
        client.send("add 1")
        client.writer.write(b"a" * (bounds.MAX_REQUEST + 1))
        assert await client.rest() == ["1", "NotARequest: a request may have 1048576 bytes"]


@on_a_loop
async def test_a_client_may_stop_talking_and_listen_on() -> None:
    async with spoken() as here:
        client = await here.client()
        client.send(*["add 1"] * 3 * bounds.IN_FLIGHT, "add")
        client.writer.write(b"add 1")
        client.writer.write_eof()
        heard = await client.rest()
        assert heard[:-1] == [str(n) for n in range(1, 3 * bounds.IN_FLIGHT + 1)]
        assert heard[-1] == "NotARequest: what is 'add'?"
        quiet = await here.client()
        quiet.writer.write_eof()
        assert await quiet.rest() == []


@on_a_loop
async def test_a_client_can_be_told_farewell() -> None:
    async with spoken() as here:
        client = await here.client()
        client.send("add 1", "bye", "add 2")
        assert await client.rest() == ["1", "bye"]
        assert await here.node.call("total", Read()) == 1


@on_a_loop
async def test_what_a_client_asked_who_has_gone_is_stepped() -> None:
    async with spoken() as here:
        client = await here.client()
        client.send("add 1", "ping")
        assert await client.hear(2) == ["1", "pong"]
        client.send(*["add 1"] * 100)
        await client.writer.drain()
        while here.node.machine("total").stepped == 1:
            await asyncio.sleep(0)
        client.writer.transport.abort()
        while here.connections():
            await asyncio.sleep(0.001)
        assert await here.node.call("total", Read()) == 101


@pytest.mark.parametrize("durable", [False, True])
def test_what_was_accepted_is_answered_at_the_end(durable: bool, tmp_path: Path) -> None:
    async def talk() -> None:
        async with spoken(data=tmp_path / "data" if durable else None) as here:
            clients = [await here.client() for _ in range(5)]
            for each in clients:
                each.send(*["add 1"] * 1000)
            while not here.node.machine("total").stepped:
                await asyncio.sleep(0)
            idle = await here.client()
            await asyncio.gather(here.speaker.close(PATIENCE), *(_closed(each) for each in [*clients, idle]))
            with pytest.raises(OSError, match=r"[Cc]onnect"):
                await here.client()
            answered = [int(line) for each in clients for line in each.heard]  # type: ignore[attr-defined]
            assert sorted(answered) == list(range(1, len(answered) + 1))
            assert await here.node.call("total", Read()) == len(answered)

    asyncio.run(talk())


async def _closed(client: Client) -> None:
    client.heard = await client.rest()  # type: ignore[attr-defined]


@on_a_loop
async def test_who_does_not_listen_cannot_hold_up_the_end() -> None:
    async with spoken() as here:
        client = await here.client()
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        writing = asyncio.ensure_future(asyncio.to_thread(_quietly, client, "read wide\n" * 20_000))
        while not any(each._full for each in here.connections()):
            await asyncio.sleep(0.001)
        await here.speaker.close(0.1)
        while here.connections():
            await asyncio.sleep(0.001)
        await writing


def _quietly(client: Client, text: str) -> None:
    with contextlib.suppress(OSError):
        _send_all(client, text)


@on_a_loop
async def test_the_codec_changes_with_the_version_under_an_open_connection() -> None:
    async with spoken() as here:
        client = await here.client()
        client.send("add 1")
        client.writer.write(b"add")
        assert await client.hear() == ["1"]  # the rest is read by the next version
        assert isinstance(await here.node.upgrade(lines.loud), Success)
        client.writer.write(b" 2\nadd")
        assert await client.hear() == ["3!"]
        assert isinstance(await here.node.rollback("lines"), Success)
        client.writer.write(b" 3\n")
        assert await client.hear() == ["6"]
        assert isinstance(await here.node.upgrade(lines.loud), Success)
        client.send("add 4")
        assert await client.hear() == ["10!"]
        assert isinstance(await here.node.upgrade(lines.silent), Success)
        client.send("add 5")
        assert await client.hear() == ["15!"]


@on_a_loop
async def test_the_version_that_steps_a_message_writes_its_reply() -> None:
    async with spoken() as here:
        client = await here.client()
        client.send("ping")
        assert await client.hear() == ["pong"]
        (connection,) = here.connections()
        prepared = here.node._host.prepare(lines.loud, None)
        connection.data_received(b"add 1\nping\n")  # read, and not stepped yet
        assert isinstance(here.node._host.change("lines", prepared), Success)
        assert await client.hear(2) == ["1!", "pong"]


def test_the_codec_is_a_part_of_the_version() -> None:
    digests = {each.digest for each in (lines.v1, lines.loud, lines.silent, lines.wordless)}
    assert len(digests) == 4
    again = attrs.evolve(lines.v1, version="other")
    assert again.digest == lines.v1.digest
    (data,) = kept(lines.v1).unwrap().values()
    back = brought_back(data).unwrap().application
    assert back.digest == lines.v1.digest
    assert set(back.codecs) == {"lines"}


def test_what_holds_hidden_state_is_no_codec() -> None:
    heard: list[Any] = []

    def remember(form: str, reply: Any) -> bytes:
        heard.append(reply)
        return b""

    codec = Codec(lines.read, remember, lines.refused)
    with pytest.raises(BuildError, match="state which no version could carry over"):
        attrs.evolve(lines.v1, codecs={"lines": codec}).digest  # noqa: B018


@pytest.mark.parametrize("scheme", ["http", "Lines", "", "a b", 7])
def test_a_scheme_is_one(scheme: Any) -> None:
    with pytest.raises(BuildError, match="cannot name a protocol"):
        attrs.evolve(lines.v1, codecs={scheme: lines.lines})


def test_a_codec_is_one() -> None:
    with pytest.raises(BuildError, match="is not a Codec"):
        attrs.evolve(lines.v1, codecs={"lines": lines.read})  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("resp://127.0.0.1:1", "resp is not spoken here, but http, lines; write http://127.0.0.1:8080"),
        ("lines://127.0.0.1", "name a port; write lines://127.0.0.1:PORT"),
        ("lines://127.0.0.1:0/path", "an address is a host and a port"),
        ("127.0.0.1:80", "is not spoken here"),
    ],
)
def test_an_address_that_cannot_be_listened_at(url: str, why: str) -> None:
    bound = bind(["http://127.0.0.1:0", url], ["lines"])
    assert isinstance(bound, Failure)
    assert why in bound.failure().message


def test_a_codec_that_reads_nowhere_is_cut_off(caplog: pytest.LogCaptureFixture) -> None:
    def stuck(data: bytes, at: int) -> Any:
        return lines.asked(["ping"]), at

    codec = Codec(stuck, lines.write, lines.refused)

    async def talk() -> None:
        async with spoken(attrs.evolve(lines.v1, codecs={"lines": codec})) as here:
            client = await here.client()
            client.send("ping")
            assert await client.rest() == []

    with caplog.at_level(logging.ERROR):
        asyncio.run(talk())
    assert "reads a request from byte 0 to 0 of 5" in caplog.text


def test_messages_are_the_machines_own() -> None:
    assert lines.asked(["add", "1"]) == Ask("total", Add(1))
