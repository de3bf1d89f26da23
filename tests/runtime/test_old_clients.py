"""Lenses for messages and replies: what waits at an upgrade, and the clients of the version before."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient

from migrations.refusal import WrongLens
from runtime.application import Application
from runtime.errors import BadMessage, IdReused, RolledBack
from runtime.loader import load
from runtime.node import Node
from runtime.refusal import MessageNotAccepted
from runtime.testing import TestNode
from tests.runtime.engines import Power, Simulated
from tests.runtime.test_control import SUM, asked, serving

V1 = """
import attrs
from midflight import After, Application, emit, proc

@attrs.frozen
class Pay:
    cents: int

@attrs.frozen
class Later:
    cents: int

@attrs.frozen
class Legacy:
    text: str

@attrs.frozen
class Paid:
    total: int

@proc
def till(msg: Pay | Later | Legacy, *, total: int = 0) -> Paid:
    match msg:
        case Pay(cents):
            total += cents
        case Later(cents):
            emit(After(5.0, Pay(cents)))
    return Paid(total)

app = Application("shop", version="1", machines={"till": till})
"""

V2 = """
import attrs
from midflight import After, Application, Migration, arr, emit, lens, proc

@attrs.frozen
class Payment:
    euros: float
    currency: str

@attrs.frozen
class Later:
    cents: int

@attrs.frozen
class Refund:
    euros: float

@attrs.frozen
class Paid:
    sum: int
    note: str = ""

@attrs.frozen
class Refused:
    why: str

@proc
def till(msg: Payment | Later | Refund, *, total: int = 0) -> Paid | Refused:
    match msg:
        case Payment(euros, currency):
            if currency != "EUR":
                return Refused("currency")
            if euros < 0:
                return Refused("negative")
            total += int(round(euros * 100))
        case Refund(euros):
            total -= int(round(euros * 100))
        case Later(cents):
            emit(After(5.0, Payment(cents / 100, "EUR")))
    return Paid(total, "thanks")

def euros(cents: int) -> float:
    return cents / 100

def cents(euros: float) -> int:
    return int(round(euros * 100))

to_2 = Migration(
    "till",
    old="1",
    new="2",
    inputs=[
        lens.rename("Pay", "Payment"),
        lens.inside(
            "Payment",
            lens.rename("cents", "euros"),
            lens.inside("euros", lens.convert(arr(euros), arr(cents))),
            lens.add("currency", "EUR"),
        ),
        lens.drop("Legacy"),
    ],
    replies=[lens.inside("Paid", lens.rename("total", "sum"))],
)
app = Application("shop", version="2", machines={"till": till}, migrations=[to_2])
"""


@pytest.fixture
def versions(tmp_path: Path) -> tuple[Application, Application]:
    found = []
    for name, text in (("v1", V1), ("v2", V2)):
        (tmp_path / f"{name}.py").write_text(text)
        found.append(load(str(tmp_path / f"{name}.py")).unwrap())
    return found[0], found[1]


def made(node: TestNode, name: str, *fields: Any) -> Any:
    takes: Any = node._host.core.machines["till"].program.takes
    (cls,) = [each.cls for each in takes.options if each.cls.__name__ == name]
    return cls(*fields)


def test_what_waits_and_what_is_due_goes_through_the_lenses(
    versions: tuple[Application, Application],
) -> None:
    node = TestNode(store=Simulated(Power(), automatic=True))
    node.start(versions[0]).unwrap()
    old = made(node, "Pay", 250)
    node.call("till", made(node, "Later", 100))
    waiting = node.send("till", old)
    node.upgrade(versions[1]).unwrap()
    node.drain()
    assert str(waiting.result()) == "Paid(sum=250, note='thanks')"
    assert str(node.call("till", old)) == "Paid(sum=500, note='thanks')"
    node.advance(6.0)
    assert str(node.call("till", made(node, "Refund", 0.0))) == "Paid(sum=600, note='thanks')"


def test_at_a_rollback_what_waits_goes_back(versions: tuple[Application, Application]) -> None:
    node = TestNode()
    node.start(versions[0]).unwrap()
    node.upgrade(versions[1]).unwrap()
    waiting = node.send("till", made(node, "Payment", 2.5, "EUR"))
    node.rollback("shop").unwrap()
    node.drain()
    assert str(waiting.result()) == "Paid(total=250)"
    node.upgrade(versions[1]).unwrap()
    for message in (made(node, "Payment", 2.5, "USD"), made(node, "Refund", 1.0)):
        waiting = node.send("till", message)
        assert len(node.rollback("shop").unwrap().turned) == 1
        with pytest.raises(RolledBack):
            waiting.result()
        node.upgrade(versions[1]).unwrap()


def test_a_message_that_may_go_refuses_only_while_one_waits(
    versions: tuple[Application, Application],
) -> None:
    node = TestNode()
    node.start(versions[0]).unwrap()
    waiting = node.send("till", made(node, "Legacy", "x"))
    refusal = node.upgrade(versions[1]).failure()
    assert isinstance(refusal, MessageNotAccepted)
    assert "Legacy" in str(refusal)
    node.drain()
    assert str(waiting.result()) == "Paid(total=0)"
    node.upgrade(versions[1]).unwrap()


def test_a_named_request_is_the_same_in_both_forms(versions: tuple[Application, Application]) -> None:
    node = TestNode(store=Simulated(Power(), automatic=True))
    node.start(versions[0]).unwrap()
    old = made(node, "Pay", 250)
    first = node.call("till", old, id="x")
    node.upgrade(versions[1]).unwrap()
    assert node.call("till", old, id="x") == first
    assert node.call("till", made(node, "Payment", 2.5, "EUR"), id="x") == first
    for other in (made(node, "Payment", 2.5, "USD"), made(node, "Payment", 2.0, "EUR")):
        with pytest.raises(IdReused):
            node.call("till", other, id="x")
    assert str(node.call("till", made(node, "Refund", 0.0))) == "Paid(sum=250, note='thanks')"


def test_lenses_for_classes_that_are_not_there_refuse(
    versions: tuple[Application, Application], tmp_path: Path
) -> None:
    for before, after, words in (
        (
            'lens.rename("Pay", ',
            'lens.rename("Play", ',
            "there is no class 'Play' here; there are Pay, Later",
        ),
        ('lens.drop("Legacy")', 'lens.drop("Legacies")', "no class 'Legacies' to drop"),
        (
            'lens.add("currency", "EUR")',
            'lens.add("money", "EUR")',
            "the new field 'currency' of Payment has no default",
        ),
    ):
        assert before in V2
        (tmp_path / "wrong.py").write_text(V2.replace(before, after))
        node = TestNode()
        node.start(versions[0]).unwrap()
        refusal = node.upgrade(load(str(tmp_path / "wrong.py")).unwrap()).failure()
        assert isinstance(refusal, WrongLens)
        assert words in str(refusal), str(refusal)


def test_clients_of_the_version_before_over_http(
    versions: tuple[Application, Application], tmp_path: Path
) -> None:
    async def main() -> None:
        async with Node(tmp_path / "data") as node:
            (await node.start(versions[0])).unwrap()
            transport = ASGITransport(node.asgi())
            async with AsyncClient(transport=transport, base_url="http://node") as client:

                async def post(plain: Any, version: str | None, **more: str) -> tuple[int, Any]:
                    headers = {**({} if version is None else {"Midflight-Version": version}), **more}
                    answer = await client.post("/machines/till", json=plain, headers=headers)
                    return answer.status_code, answer.json()

                pay = {"type": "Pay", "cents": 250}
                assert await post(pay, "1") == (200, {"type": "Paid", "total": 250})
                status, told = await post(pay, "2")
                assert (status, told["error"], told["known"]) == (400, "UnknownVersion", ["1"])
                key = {"Idempotency-Key": "a"}
                assert await post(pay, None, **key) == (200, {"type": "Paid", "total": 500})
                (await node.upgrade(versions[1], probation=None)).unwrap()
                assert await post(pay, "1") == (200, {"type": "Paid", "total": 750})
                assert await post(pay, "1", **key) == (200, {"type": "Paid", "total": 500})
                assert (await post(pay, None))[0] == 422
                new = {"type": "Payment", "euros": 1.0, "currency": "EUR"}
                assert await post(new, None) == (200, {"type": "Paid", "sum": 850, "note": "thanks"})
                assert await post(new, "2") == (200, {"type": "Paid", "sum": 950, "note": "thanks"})
                status, told = await post(new, "1")
                assert (status, told["accepts"][0]) == (422, '{"type": "Pay", "cents": int}')
                status, told = await post({"type": "Legacy", "text": "x"}, "1")
                assert (status, told["error"]) == (422, "BadMessage")
                assert (
                    "version '2' still takes" in told["message"] or "version 2 still takes" in told["message"]
                )
                # a reply that the version before does not have: the step has failed and changed nothing
                status, told = await post({"type": "Pay", "cents": -1}, "1")
                assert (status, told["error"]) == (500, "StepFailed")
                assert await post(new, None) == (200, {"type": "Paid", "sum": 1050, "note": "thanks"})

    asyncio.run(main())


def test_it_is_known_again_after_a_restart(versions: tuple[Application, Application], tmp_path: Path) -> None:
    async def first() -> None:
        async with Node(tmp_path / "data") as node:
            (await node.start(versions[0])).unwrap()
            (await node.upgrade(versions[1])).unwrap()

    async def again() -> None:
        async with Node(tmp_path / "data") as node:
            (await node.start(versions[1])).unwrap()
            spoken = node.dialect("till", "1")
            takes: Any = spoken.takes
            pay, legacy = (
                next(each.cls for each in takes.options if each.cls.__name__ == name)
                for name in ("Pay", "Legacy")
            )
            reply = await node.call("till", spoken.own(pay(100)))
            assert str(spoken.reply(reply)) == "Paid(total=100)"
            with pytest.raises(BadMessage):
                spoken.own(legacy("x"))

    asyncio.run(first())
    asyncio.run(again())


def test_over_the_control_socket(versions: tuple[Application, Application], tmp_path: Path) -> None:
    async def body(node: Node, control: Any) -> None:
        (await node.start(versions[0])).unwrap()
        (await node.upgrade(versions[1])).unwrap()
        call = {"op": "call", "machine": "till", "message": {"type": "Pay", "cents": 100}}
        data = tmp_path / "data"
        assert (await asked(data, **call, version="1"))["reply"] == {"type": "Paid", "total": 100}
        assert (await asked(data, **call, version="0"))["reason"] == "UnknownVersion"
        assert (await asked(data, **call))["reason"] == "BadMessage"

    serving(tmp_path / "data", body, SUM)


def test_an_upgrade_to_the_file_of_before_goes_down_the_migration(
    versions: tuple[Application, Application],
) -> None:
    node = TestNode()
    node.start(versions[0]).unwrap()
    node.upgrade(versions[1]).unwrap()
    node.settle("shop").unwrap()
    refusal = node.upgrade(versions[0]).failure()
    assert isinstance(refusal, MessageNotAccepted)  # it has no refunds
    assert "Refund" in str(refusal)
