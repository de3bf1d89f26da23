"""A node over HTTP as operators and clients meet it: health, ids, connections, events, and its end."""

from __future__ import annotations

import asyncio
import http.client
import json
import signal
import socket
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from httpx import ASGITransport, AsyncClient

from runtime import bounds
from runtime.node import Node
from runtime.observe import Event, Stepped
from tests.runtime.bell import Ring, app
from tests.runtime.crash_checker import wait_for
from tests.runtime.crash_story import free_port, python

FILE = Path(__file__).with_name("bell.py")


class Running:
    """`midflight run` of the bell, in a process of its own."""

    def __init__(self, data: Path) -> None:
        self.port = free_port()
        listen = f"http://127.0.0.1:{self.port}"
        self.process = python("-m", "midflight", "run", str(FILE), "--listen", listen, "--data", str(data))
        self.opened = ExitStack()
        self.opened.callback(self.process.communicate)
        self.opened.callback(self.process.kill)
        if not wait_for(self.port):
            self.process.kill()
            raise AssertionError(self.process.communicate()[1].decode())

    def connect(self) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        return self.opened.enter_context(closing(connection))

    def open(self) -> socket.socket:
        return self.opened.enter_context(socket.create_connection(("127.0.0.1", self.port), timeout=30))

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    started = Running(tmp_path / "data")
    with started.opened:
        yield started


def ring(connection: http.client.HTTPConnection, text: str = "ding") -> tuple[int, Any]:
    connection.request("POST", "/machines/bell", json.dumps({"type": "Ring", "text": text}))
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def in_process(body: Callable[[Node, AsyncClient], Awaitable[None]], **given: Any) -> None:
    async def both() -> None:
        async with Node(**given) as node:
            (await node.start(app)).unwrap()
            transport = ASGITransport(node.asgi())
            async with AsyncClient(transport=transport, base_url="http://node") as client:
                await body(node, client)

    asyncio.run(both())


# Ids


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("abc-123", True),
        ("x" * 128, True),
        ("x" * 129, False),
        ("", False),
        ("two words", False),
        ("\x07", False),
        ("é", False),
    ],
)
def test_a_request_has_an_id_that_is_echoed_and_seen(given: str, kept: bool) -> None:
    seen: list[Event] = []

    async def body(node: Node, client: AsyncClient) -> None:
        headers = {b"x-request-id": given.encode("latin-1")}
        answer = await client.post("/machines/bell", json={"type": "Ring", "text": ""}, headers=headers)
        id = answer.headers["x-request-id"]
        assert (id == given) is kept
        assert len(id) >= 16 or kept
        assert [event.trace for event in seen if isinstance(event, Stepped)] == [id]

    in_process(body, observers=[seen.append])


def test_every_answer_has_the_id_also_a_refusal() -> None:
    async def body(node: Node, client: AsyncClient) -> None:
        for method, path in (
            ("GET", "/healthz"),
            ("GET", "/nothing"),
            ("PUT", "/machines/bell"),
            ("POST", "/machines/nobody"),
            ("POST", "/machines/bell"),
        ):
            answer = await client.request(method, path, headers={"x-request-id": "abc"})
            assert answer.headers["x-request-id"] == "abc", path

    in_process(body)


# Health


def test_a_node_that_leaves_is_alive_and_not_ready() -> None:
    async def body(node: Node, client: AsyncClient) -> None:
        assert (await client.get("/readyz")).json() == {"status": "ready"}
        node.leave()
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert answer.json()["error"] == "Unavailable"
        assert "the node is stopping" in answer.json()["message"]
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get("/topics/rings")).status_code == 503
        assert (await client.post("/machines/bell", json={"type": "Ring", "text": ""})).status_code == 200

    in_process(body)


def test_a_node_without_an_application_is_not_ready() -> None:
    async def body(node: Node, client: AsyncClient) -> None:
        (await node.stop("bell")).unwrap()
        answer = await client.get("/readyz")
        assert (answer.status_code, "no application runs here" in answer.json()["message"]) == (503, True)

    in_process(body)


# Connections


def test_many_requests_go_over_one_connection(running: Running) -> None:
    connection = running.connect()
    assert ring(connection) == (200, 1)
    held = connection.sock
    for times in range(2, 60):
        assert ring(connection) == (200, times)
        assert connection.sock is held
    assert running.stop() == 0


def test_who_is_answered_before_the_end_is_in_what_is_kept(running: Running, tmp_path: Path) -> None:
    answered, sent = [0] * 8, [0] * 8

    def client(number: int) -> None:
        connection = running.connect()
        try:
            while True:
                sent[number] += 1
                status, _ = ring(connection)
                assert status == 200
                answered[number] += 1
        except (OSError, http.client.HTTPException):
            connection.close()

    clients = [threading.Thread(target=client, args=(number,)) for number in range(len(sent))]
    for each in clients:
        each.start()
    while sum(answered) < 200:
        time.sleep(0.01)
    assert running.stop() == 0
    for each in clients:
        each.join(60)
    again = Running(tmp_path / "data")
    with again.opened:
        _, times = ring(again.connect())
        again.stop()
    assert sum(answered) <= times - 1 <= sum(sent), "an answer was given for what is not kept"


def test_a_request_under_way_is_answered_at_the_end(running: Running) -> None:
    slow = running.open()
    body = json.dumps({"type": "Ring", "text": "slow"}).encode()
    slow.sendall(b"POST /machines/bell HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body))
    slow.sendall(body[:5])
    connection = running.connect()
    ring(connection)
    running.process.send_signal(signal.SIGTERM)
    until = time.monotonic() + 30
    while time.monotonic() < until:  # no new connection is taken any more
        try:
            socket.create_connection(("127.0.0.1", running.port), timeout=5).close()
        except OSError:
            break
        time.sleep(0.01)
    slow.sendall(body[5:])
    with slow.makefile("rb") as answers:
        answer = answers.read()
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"connection: close" in answer.lower()
    assert running.process.wait(60) == 0


def test_a_second_signal_waits_for_nobody(running: Running) -> None:
    slow = running.open()
    slow.sendall(b"POST /machines/bell HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{")
    connection = running.connect()
    assert ring(connection)[0] == 200
    running.process.send_signal(signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
        running.process.wait(0.5)
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(8) == 0, "less than what a request under way may take"


# Events


def lines(answer: http.client.HTTPResponse) -> Iterator[dict[str, str]]:
    """The events of a stream."""
    event: dict[str, str] = {}
    for line in answer:
        text = line.decode().rstrip("\n")
        if text.startswith(":"):
            continue
        if text:
            name, _, value = text.partition(": ")
            event[name] = value
        elif event:
            yield event
            event = {}


def listen(running: Running, last: str | None = None) -> http.client.HTTPResponse:
    connection = running.connect()
    connection.request("GET", "/topics/rings", headers={} if last is None else {"last-event-id": last})
    answer = running.opened.enter_context(connection.getresponse())
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.readline() == b": subscribed\n"
    return answer


def test_what_is_published_is_heard(running: Running) -> None:
    events = lines(listen(running))
    connection = running.connect()
    for text in ("ding", "dong\nding", "é"):
        ring(connection, text)
    heard = [next(events) for _ in range(3)]
    assert [event["id"] for event in heard] == ["1", "2", "3"]
    assert {event["event"] for event in heard} == {"Rung"}
    assert [json.loads(event["data"]) for event in heard] == [
        {"type": "Rung", "text": "ding", "times": 1},
        {"type": "Rung", "text": "dong\nding", "times": 2},
        {"type": "Rung", "text": "é", "times": 3},
    ]
    assert running.stop() == 0
    assert list(events) == [], "the stream ends with the node"


def test_who_comes_again_is_told_of_a_gap(running: Running) -> None:
    connection = running.connect()
    ring(connection)
    ring(connection)
    (event,) = [next(lines(listen(running, "1")))]
    assert (event["event"], json.loads(event["data"])) == ("gap", {"after": 1, "before": 3})
    for last in ("2", "nonsense", "9" * 30):
        events = lines(listen(running, last))
        ring(connection, last)
        assert json.loads(next(events)["data"])["text"] == last


@asynccontextmanager
async def served(node: Node) -> AsyncIterator[int]:
    """The node on a real socket of this process."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(node.asgi(), port=port, lifespan="off", log_level="error"))
    serving = asyncio.ensure_future(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield port
    server.should_exit = server.force_exit = True
    await serving


@pytest.mark.parametrize("how", ["goes", "reads nothing"])
def test_a_client_that_is_gone_or_reads_nothing_is_let_go(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "UNREAD", 0.2)

    async def body() -> None:
        async with Node() as node:
            (await node.start(app)).unwrap()
            async with served(node) as port:
                client = socket.create_connection(("127.0.0.1", port))
                client.sendall(b"GET /topics/rings HTTP/1.1\r\nhost: x\r\n\r\n")
                topics = node._host.hub._topics
                while not topics:
                    await asyncio.sleep(0.01)
                if how == "goes":
                    client.close()
                while topics:
                    await node.call("bell", Ring("x" * 100_000))
                    await asyncio.sleep(0.001)
                client.close()

    asyncio.run(asyncio.wait_for(body(), 60))


def test_a_client_that_does_not_keep_up_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "EVENTS", 4)

    async def body() -> None:
        async with Node() as node:
            (await node.start(app)).unwrap()
            async with served(node) as port:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(b"GET /topics/rings HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
                await reader.readuntil(b": subscribed\n\n")
                await asyncio.gather(*(node.call("bell", Ring("x")) for _ in range(64)))  # one batch
                text = (await asyncio.wait_for(reader.read(), 30)).decode()
                assert "event: lagged\n" in text
                assert "subscribe again" in text
                writer.close()

    asyncio.run(body())
