"""Machines over HTTP: what is answered, and that nothing that comes in can harm the node."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import attrs
import hypothesis.strategies as st
import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from hypothesis import given

from arrows.build import loop
from arrows.notation import proc
from runtime import bounds
from runtime.application import Application
from runtime.gateway import STATUS, Malformed, parse
from runtime.node import Node
from tests.errors_page import ERRORS


@attrs.frozen
class Put:
    key: str
    value: int


@attrs.frozen
class Take:
    key: str


@attrs.frozen
class Even:
    value: int = attrs.field()

    @value.validator
    def _even(self, _: object, value: int) -> None:
        if value % 2:
            raise KeyError(value)


@attrs.frozen
class Entry:
    key: str
    value: int | None


@proc
def store(msg: Put | Take | Even, *, last: Entry = Entry("", None)) -> Entry:
    match msg:
        case Put(key, value):
            if value < 0:
                raise ValueError("secret detail")
            last = Entry(key, value)
            return Entry(key, value)
        case Take():
            return last
        case Even(value):
            return Entry("even", value)


def _number(number: float, count: int) -> tuple[float, int]:
    return (math.inf if number == 0 else number), count + 1


def _anything(value: Any, count: int) -> tuple[Any, int]:
    return value, count + 1


APP = Application(
    "app",
    version="1",
    machines={
        "store": store,
        "numbers": loop(_number, init=0, name="count"),
        "echo": loop(_anything, init=0, name="count"),
    },
    inbox=1,
)


def serve(body: Callable[[Node, AsyncClient], Awaitable[None]], prefix: str = "") -> None:
    async def main() -> None:
        async with Node() as node:
            (await node.start(APP)).unwrap()
            app: Any = node.asgi()
            if prefix:
                app = FastAPI()
                app.mount(prefix, node.asgi())
            transport = ASGITransport(app=app, raise_app_exceptions=True)
            async with AsyncClient(transport=transport, base_url=f"http://node{prefix}") as client:
                await body(node, client)

    asyncio.run(main())


@pytest.mark.parametrize("prefix", ["", "/midflight"])
def test_post_steps_and_get_describes(prefix: str) -> None:
    async def body(node: Node, client: AsyncClient) -> None:
        reply = await client.post("/machines/store", json={"type": "Put", "key": "a", "value": 1})
        assert (reply.status_code, reply.json()) == (200, {"type": "Entry", "key": "a", "value": 1})
        assert reply.headers["content-type"] == "application/json"
        described = (await client.get("/machines/store")).json()
        assert (described["application"], described["version"], described["digest"]) == (
            "app",
            "1",
            APP.digest,
        )
        assert described["accepts"] == [
            '{"type": "Put", "key": str, "value": int}',
            '{"type": "Take", "key": str}',
            '{"type": "Even", "value": int}',
        ]
        (cell,) = described["cells"]
        assert (cell["address"], cell["value"]["value"]) == ("last", 1)
        listed = (await client.get("/machines")).json()["machines"]
        assert [each["name"] for each in listed] == ["store", "numbers", "echo"]

    serve(body, prefix)


BAD: dict[str, tuple[bytes, int, str, str | None]] = {
    "nothing": (b"", 400, "Malformed", None),
    "cut off": (b'{"type": "Take", "key"', 400, "Malformed", None),
    "two values": (b"1 2", 400, "Malformed", None),
    "not UTF-8": (b'{"type": "Take", "key": "\xff"}', 400, "Malformed", None),
    "NaN": (b'{"type": "Put", "key": "a", "value": NaN}', 400, "Malformed", None),
    "too large a float": (b'{"type": "Put", "key": "a", "value": 1e999}', 400, "Malformed", None),
    "endless integer": (
        b'{"type": "Put", "key": "a", "value": ' + b"9" * 10_000 + b"}",
        400,
        "Malformed",
        None,
    ),
    "deep": (b"[" * 100_000, 400, "Malformed", None),
    "deep and whole": (b"[" * 500 + b"]" * 500, 400, "Malformed", None),
    "a field twice": (b'{"type": "Take", "key": "a", "key": "b"}', 400, "Malformed", None),
    "too large": (b'{"type": "Take", "key": "' + b"a" * bounds.MAX_BODY + b'"}', 413, "TooLarge", None),
    "unknown type": (b'{"type": "Nuke", "key": "a"}', 422, "BadMessage", "type"),
    "no type": (b'{"key": "a"}', 422, "BadMessage", "type"),
    "type of another kind": (b'{"type": [1], "key": "a"}', 422, "BadMessage", "type"),
    "wrong field type": (b'{"type": "Put", "key": "a", "value": "1"}', 422, "BadMessage", "value"),
    "a boolean is no integer": (b'{"type": "Put", "key": "a", "value": true}', 422, "BadMessage", "value"),
    "missing field": (b'{"type": "Put", "key": "a"}', 422, "BadMessage", "value"),
    "unknown field": (b'{"type": "Take", "key": "a", "more": 1}', 422, "BadMessage", "more"),
    "no object": (b"[1]", 422, "BadMessage", ""),
    "refused by the class": (b'{"type": "Even", "value": 1}', 422, "BadMessage", ""),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_told_and_never_reaches_the_machine(case: str) -> None:
    content, status, error, field = BAD[case]

    async def body(node: Node, client: AsyncClient) -> None:
        reply = await client.post("/machines/store", content=content)
        plain = reply.json()
        assert (reply.status_code, plain["error"]) == (status, error), plain
        assert 0 < len(plain["message"]) < 1000
        assert plain.get("field") == field
        if error == "BadMessage":
            assert plain["accepts"] == list(node.machine("store").accepts)
        machine = node.machine("store")
        assert machine.stepped + machine.failed == 0
        assert (await client.post("/machines/store", json={"type": "Take", "key": "a"})).status_code == 200

    serve(body)


def test_a_body_without_a_length_is_read_no_further_than_the_bound() -> None:
    async def body(node: Node, client: AsyncClient) -> None:
        sent = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal sent
            while sent < 100 * bounds.MAX_BODY:
                sent += 64 * 1024
                yield b" " * 64 * 1024

        reply = await client.post("/machines/store", content=endless())
        assert (reply.status_code, reply.json()["error"]) == (413, "TooLarge")
        assert sent <= bounds.MAX_BODY + 128 * 1024

    serve(body)


def test_unknown_machines_addresses_and_methods() -> None:
    async def body(node: Node, client: AsyncClient) -> None:
        for unknown in (
            await client.post("/machines/nope", content=b"{"),
            await client.get("/machines/nope"),
        ):
            assert unknown.status_code == 404
            assert unknown.json()["known"] == ["store", "numbers", "echo"]
        other = await client.get("/elsewhere")
        assert (other.status_code, other.json()["error"]) == (404, "NotFound")
        wrong = await client.delete("/machines/store")
        assert (wrong.status_code, wrong.json()["error"]) == (405, "MethodNotAllowed")

    serve(body)


def test_a_raising_step_is_a_reference_that_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def body(node: Node, client: AsyncClient) -> None:
        await client.post("/machines/store", json={"type": "Put", "key": "a", "value": 1})
        failed = await client.post("/machines/store", json={"type": "Put", "key": "b", "value": -1})
        assert failed.status_code == 500
        assert "secret detail" not in failed.text
        assert failed.json()["reference"] in caplog.text
        assert "secret detail" in caplog.text
        after = await client.post("/machines/store", json={"type": "Take", "key": "a"})
        assert after.json() == {"type": "Entry", "key": "a", "value": 1}

    serve(body)


def test_a_reply_without_json_form_leaves_the_state_as_it_was() -> None:
    async def body(node: Node, client: AsyncClient) -> None:
        assert (await client.post("/machines/numbers", json=1.5)).json() == 1.5
        assert (await client.post("/machines/numbers", json=0)).status_code == 500
        assert node.machine("numbers").cells[0].value == 1

    serve(body)


def test_overload_asks_to_come_back() -> None:
    async def body(node: Node, client: AsyncClient) -> None:
        node.cast("store", Take("a"))
        original = node.call

        async def crowded(*args: Any, **kwargs: Any) -> Any:
            node.cast("store", Take("a"))
            return await original(*args, **kwargs)

        await asyncio.sleep(0)
        node.call = crowded  # type: ignore[method-assign]
        full = await client.post("/machines/store", json={"type": "Take", "key": "a"})
        assert (full.status_code, full.json()["error"], full.headers["retry-after"]) == (
            503,
            "Overloaded",
            "1",
        )

    serve(body)


def test_a_node_that_is_closed_is_unavailable() -> None:
    async def main() -> None:
        node = Node()
        transport = ASGITransport(app=node.asgi())
        async with AsyncClient(transport=transport, base_url="http://node") as client:
            reply = await client.post("/machines/store", content=b"{}")
            assert (reply.status_code, reply.json()["error"]) == (503, "Unavailable")

    asyncio.run(main())


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(_JSON)
def test_json_comes_back_as_it_went(value: Any) -> None:
    assert parse(json.dumps(value).encode()) == value


@given(
    st.binary(max_size=60)
    | st.text(alphabet='[]{}":,0123456789eE.+-truefalsn \\ud8', max_size=60).map(str.encode)
)
def test_any_bytes_are_a_value_or_malformed(content: bytes) -> None:
    try:
        value = parse(content)
    except Malformed:
        return
    json.dumps(value, allow_nan=False)


def test_a_lone_surrogate_does_not_break_the_reply() -> None:
    async def body(node: Node, client: AsyncClient) -> None:
        reply = await client.post("/machines/store", content=b'{"type": "Put", "key": "\\ud800", "value": 1}')
        assert (reply.status_code, reply.json()["key"]) == (200, "\ud800")
        assert (await client.get("/machines/store")).status_code == 200
        assert (await client.post("/machines/store", content=b'{"type": "\\ud800"}')).status_code == 422

    serve(body)


@pytest.mark.parametrize("value", [{"type": "Put"}, [1, [2]], {"a": {"b": [None, True]}}, "x", None])
def test_a_machine_that_takes_anything_takes_any_json(value: Any) -> None:
    async def body(node: Node, client: AsyncClient) -> None:
        reply = await client.post("/machines/echo", content=json.dumps(value))
        assert (reply.status_code, reply.json()) == (200, value)

    serve(body)


def test_every_error_of_a_call_has_a_status() -> None:
    missing = [type(each).__name__ for each in ERRORS if type(each) not in STATUS]
    assert missing == ["NotARequest"], "which other protocols answer"
