"""The control socket and the data directory: who may run, what is answered, what a bad request cannot do."""

from __future__ import annotations

import asyncio
import enum
import json
import os
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import attrs
import hypothesis.strategies as st
import pytest
from hypothesis import given
from returns.result import Failure, Success

from arrows.build import loop
from arrows.plain import from_plain
from arrows.shape import shape_of
from arrows.term import Arrow
from runtime import bounds
from runtime.application import Application
from runtime.control import Control
from runtime.control_client import NoNode, ask
from runtime.conversation import MAX_LINE
from runtime.datadir import LONGEST_SOCKET, Claim, Occupied, Unusable, claim, socket_of
from runtime.listen import CannotListen, bind
from runtime.loader import load
from runtime.node import Node
from runtime.sample import sample

ROOT = Path(__file__).parents[2]
V1, V2 = (str(ROOT / "examples" / "counter" / name) for name in ("v1.py", "v2.py"))

total: Arrow[int, int] = loop(lambda by, total: (total + by, total + by), init=0, name="total")
SUM = Application("sum", version="1", machines={"sum": total})


def serving(
    data: Path, body: Callable[[Node, Control], Awaitable[None]], application: Application = SUM
) -> None:
    async def main() -> None:
        ours = claim(data).unwrap()
        try:
            async with Node() as node:
                (await node.start(application)).unwrap()
                control = Control(node, ours, ["http://here"])
                await control.start()
                await body(node, control)
                await control.close()
        finally:
            ours.release()

    asyncio.run(main())


async def asked(data: Path, **request: Any) -> dict[str, Any]:
    match await asyncio.to_thread(ask, data, request, 10):
        case Success(reply):
            return dict(reply)
        case Failure(refusal):
            return {"ok": False, **refusal.to_plain()}
    raise AssertionError


# The operations


def test_each_operation(tmp_path: Path) -> None:
    async def body(node: Node, control: Control) -> None:
        status = (await asked(tmp_path, op="status"))["status"]
        assert status["process"] == os.getpid()
        assert status["urls"] == ["http://here"]
        digest = status["applications"][0]["digest"]
        incr = {"type": "Incr", "by": 5}
        assert (await asked(tmp_path, op="call", machine="counter", message=incr))["reply"] == {"type": "Ok"}
        done = await asked(tmp_path, op="upgrade", file=V2, expected=digest)
        assert done["upgraded"]["rows"]["counter"][0]["label"] == "converted"
        again = await asked(tmp_path, op="upgrade", file=V2, expected=digest)
        assert (again["ok"], again["reason"]) == (False, "UnexpectedVersion")
        assert (await asked(tmp_path, op="upgrade", file=V2))["reason"] == "AlreadyRunning"
        assert (await asked(tmp_path, op="upgrade", file="/no.py"))["reason"] == "CannotLoad"
        assert (await asked(tmp_path, op="rollback", application="x"))["reason"] == "UnknownApplication"
        assert (await asked(tmp_path, op="rollback"))["upgraded"]["back"] is True
        assert (await asked(tmp_path, op="rollback", application="counter"))["reason"] == "NothingToRollBack"
        read = await asked(tmp_path, op="call", machine="counter", message={"type": "Read"})
        assert read["reply"] == {"type": "Total", "count": 5}
        assert not control.stopping.is_set()
        assert (await asked(tmp_path, op="stop"))["ok"]
        assert control.stopping.is_set()

    serving(tmp_path, body, load(V1).unwrap())


BAD = {
    b"": "Malformed",
    b"{": "Malformed",
    b"\xff": "Malformed",
    b"[" * 100_000: "Malformed",
    b"1": "Malformed",
    b"{}": "Malformed",
    b'{"op": 1}': "Malformed",
    b'{"op": "format"}': "Malformed",
    b'{"op": "call", "machine": "sum"}': "Malformed",
    b'{"op": "call", "message": 1}': "Malformed",
    b'{"op": "call", "machine": "none", "message": 1}': "UnknownMachine",
    b'{"op": "upgrade", "file": 1}': "Malformed",
    b'{"op": "upgrade", "file": "/dev/null", "expected": 1}': "Malformed",
    b'{"op": "rollback", "application": []}': "Malformed",
}


def test_a_bad_request_gets_a_reason_and_harms_nobody(tmp_path: Path) -> None:
    async def body(node: Node, control: Control) -> None:
        reader, writer = await asyncio.open_unix_connection(str(socket_of(tmp_path)))
        for line, reason in BAD.items():
            writer.write(line + b"\n")
            reply = json.loads(await reader.readline())
            assert reply["ok"] is False, line
            assert reply["reason"] == ("BadRequest" if reason == "Malformed" else reason), line
            assert "\n" not in reply["message"]
        writer.write(b'{"op": "call", "machine": "sum", "message": 2}\n')
        assert json.loads(await reader.readline()) == {"ok": True, "reply": 2}
        writer.write(b'{"op": "status"')  # and goes away in the middle
        writer.close()
        assert await node.call("sum", 3) == 5

    serving(tmp_path, body)


def test_a_line_too_long_ends_the_conversation_alone(tmp_path: Path) -> None:
    async def body(node: Node, control: Control) -> None:
        reader, writer = await asyncio.open_unix_connection(str(socket_of(tmp_path)))
        writer.write(b"x" * (MAX_LINE + 70_000))
        assert json.loads(await reader.readline())["reason"] == "BadRequest"
        assert await reader.read() == b""
        writer.close()
        assert (await asked(tmp_path, op="status"))["ok"]

    serving(tmp_path, body)


def test_a_step_that_raises_and_a_message_that_does_not_fit(tmp_path: Path) -> None:
    async def body(node: Node, control: Control) -> None:
        failed = await asked(tmp_path, op="call", machine="div", message=0)
        assert failed["reason"] == "StepFailed"
        assert len(failed["reference"]) == 16
        assert (await asked(tmp_path, op="call", machine="div", message=2))["reply"] == 5

    div = loop(_divide, init=10, name="n")
    serving(tmp_path, body, Application("div", version="1", machines={"div": div}))


def _divide(by: int, n: int) -> tuple[int, int]:
    return n // by, n


def test_a_file_that_never_ends_is_let_go_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "LOADING", 0.05)
    gate = tmp_path / "gate"
    file = tmp_path / "slow.py"
    file.write_text(f"from pathlib import Path\nwhile not Path({str(gate)!r}).exists(): pass\n")

    async def body(node: Node, control: Control) -> None:
        refused = await asked(tmp_path / "data", op="upgrade", file=str(file))
        assert refused["reason"] == "CannotLoad"
        assert await node.call("sum", 1) == 1
        gate.touch()

    serving(tmp_path / "data", body)


# The data directory


def test_no_node_says_how_to_start_one(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "none", Path("/dev/null")):
        refusal = ask(place, {"op": "status"}).failure()
        assert isinstance(refusal, NoNode)
        assert "midflight run FILE" in str(refusal)


def test_one_node_for_a_directory(tmp_path: Path) -> None:
    data = tmp_path / "data"
    first = claim(data).unwrap()
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    other = claim(data).failure()
    assert isinstance(other, Occupied)
    assert other.process == str(os.getpid())
    first.release()
    first.release()
    claim(data).unwrap().release()


def test_a_forked_child_does_not_keep_the_lock(tmp_path: Path) -> None:
    code = """
import os, sys
from runtime.datadir import claim
ours = claim(sys.argv[1]).unwrap()
(up, told), (gone, here) = os.pipe(), os.pipe()
if os.fork() == 0:
    os.close(here)
    os.write(told, b"x")
    os.read(gone, 1)  # the child lives until we are gone
    os._exit(0)
os.read(up, 1)
ours.release()
claim(sys.argv[1]).unwrap().release()
print("free")
"""
    command = [sys.executable, "-c", code, str(tmp_path / "data")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "free\n"


def test_what_a_dead_node_left_is_taken_over(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(data / "control.sock"))

    async def body(node: Node, control: Control) -> None:
        assert (await asked(data, op="status"))["ok"]

    serving(data, body)
    assert not (data / "control.sock").exists()


@pytest.mark.parametrize("why", ["deep", "open"])
def test_the_socket_is_elsewhere_where_it_must_be(why: str, tmp_path: Path) -> None:
    data = tmp_path / ("x" * LONGEST_SOCKET if why == "deep" else "data")
    data.mkdir(mode=0o755)
    where: list[Path] = []

    async def body(node: Node, control: Control) -> None:
        where.append(socket_of(data))
        assert where[0].parent.parent == Path(tempfile.gettempdir())
        assert stat.S_IMODE(where[0].parent.stat().st_mode) == 0o700
        assert stat.S_IMODE(where[0].stat().st_mode) == 0o600
        assert (await asked(data, op="status"))["ok"]

    serving(data, body)
    assert not where[0].parent.exists()
    assert isinstance(ask(data, {"op": "status"}).failure(), NoNode)


def test_a_directory_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "data"):
        assert isinstance(claim(place).failure(), Unusable)


def test_a_claim_removes_only_folders_of_ours(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir(mode=0o700)
    (tmp_path / "data").mkdir(mode=0o700)
    (tmp_path / "data" / "control.path").write_text(str(precious / "control.sock"))
    ours: Claim = claim(tmp_path / "data").unwrap()
    assert precious.is_dir()
    assert ours.socket == tmp_path / "data" / "control.sock"
    ours.release()


# Addresses


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:80",
        "resp://127.0.0.1:1",
        "http://",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:1/x",
        "http://no.invalid:1",
    ],
)
def test_an_address_that_cannot_be_is_told_in_a_line(url: str) -> None:
    refusal = bind([url]).failure()
    assert isinstance(refusal, CannotListen)
    assert "\n" not in str(refusal)


def test_addresses_are_bound_all_or_none() -> None:
    (one,) = bind(["http://127.0.0.1:0"]).unwrap()
    try:
        assert not one.is_public
        refusal = bind(["http://127.0.0.1:0", one.url]).failure()
        assert "another program listens there" in str(refusal)
    finally:
        one.socket.close()
    (other,) = bind(["http://0.0.0.0:0"]).unwrap()
    assert other.is_public
    other.socket.close()


class Color(enum.Enum):
    RED = 1


@attrs.frozen
class Point:
    x: int
    color: Color
    more: tuple[str, ...] = ()


KINDS = [int, str, bool, float, bytes, None, Color, Point, list[int], dict[str, int], dict[int, str]]


@given(st.lists(st.sampled_from(KINDS), min_size=1, max_size=3))
def test_the_sample_is_a_message_that_is_accepted(kinds: list[Any]) -> None:
    shape = shape_of(kinds[0] if len(kinds) == 1 else tuple.__class_getitem__(tuple(kinds)))
    plain = json.loads(json.dumps(sample(shape)))
    assert isinstance(from_plain(plain, shape), Success)
