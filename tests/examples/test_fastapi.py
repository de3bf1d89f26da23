"""The shop under real clients, changed while they buy."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.examples.readme import curl, same, shown

BUYERS, EACH = 8, 150
ADMIN = {"authorization": "Bearer secret"}


def serve(root: Path, token: str, command: str) -> Iterator[str]:
    """Run the shop as the README says; yields its address."""
    words = command.split()
    assert words[:2] == ["SHOP_ADMIN_TOKEN=secret", "uvicorn"]
    with subprocess.Popen(
        [sys.executable, "-m", *words[1:], "--port", "0", "--no-access-log"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root), "SHOP_ADMIN_TOKEN": token},
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            assert server.stderr
            said = ""
            for line in server.stderr:
                said += line
                found = re.search(r"running on (http://\S+)", line)
                if found:
                    yield found[1]
                    break
            else:
                pytest.fail(said)
        finally:
            server.terminate()
            server.communicate(timeout=20)
    assert server.returncode in (0, -15)


@pytest.fixture
def readme(root: Path) -> list[tuple[str, str]]:
    return shown(root / "examples/fastapi/README.md")


@pytest.fixture
def shop(root: Path, readme: list[tuple[str, str]]) -> Iterator[str]:
    yield from serve(root, "secret", readme[0][0])


def test_what_the_readme_shows(shop: str, readme: list[tuple[str, str]]) -> None:
    with httpx.Client(base_url=shop) as client:
        for command, output in readme[1:]:
            answer = curl(command, client, "http://127.0.0.1:8000")
            assert same(output, answer.text), (command, answer.text)
            assert answer.status_code == (409 if "only" in output else 200)


def test_nobody_fails_while_the_code_changes(shop: str) -> None:
    asyncio.run(buy_and_change(shop))


async def buy_and_change(shop: str) -> None:
    """Every buyer keeps a connection; the code goes to version 2, back, and to version 2 again under them."""
    wanted = BUYERS * EACH
    bought: list[dict[str, int]] = []
    changes = 0

    async def buyer() -> None:
        async with httpx.AsyncClient(base_url=shop, timeout=30) as client:
            for _ in range(EACH):
                answer = await client.post("/products/tea/buy", json={"count": 1})
                assert answer.status_code == 200, answer.text
                bought.append(answer.json())

    async def operator() -> None:
        nonlocal changes
        steps = [("upgrade", {"version": "v2"}), ("rollback", None), ("upgrade", {"version": "v2"})]
        async with httpx.AsyncClient(base_url=f"{shop}/admin", headers=ADMIN, timeout=30) as client:
            for part, (action, body) in enumerate(steps, 1):
                while len(bought) < wanted * part / 4:
                    await asyncio.sleep(0.001)
                answer = await client.post(f"/{action}", json=body)
                assert answer.status_code == 200, answer.text
                assert len(bought) < wanted, "there was nobody left to notice"
                changes += 1

    async with httpx.AsyncClient(base_url=shop, headers=ADMIN) as client:
        (await client.post("/admin/products/tea/restock", json={"count": wanted + 5})).raise_for_status()
        async with asyncio.TaskGroup() as group:
            for _ in range(BUYERS):
                group.create_task(buyer())
            group.create_task(operator())
        last = (await client.get("/products/tea")).json()

    assert changes == 3
    assert sorted(each["left"] for each in bought) == list(range(5, wanted + 5)), "each piece was sold once"
    assert last["left"] == 5
    ended = [
        each
        for each in bought
        if each.get("sold") and each["left"] + each["sold"] == last["left"] + last["sold"]
    ]
    assert len(ended) == last["sold"], "the last version counted its own sales"


def test_only_the_operator(shop: str) -> None:
    with httpx.Client(base_url=shop) as client:
        for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "Bearer"}):
            for method, path in [
                ("POST", "/admin/upgrade"),
                ("POST", "/admin/rollback"),
                ("POST", "/admin/products/tea/restock"),
                ("GET", "/admin/node/machines"),
                ("POST", "/admin/node/machines/stock"),
                ("GET", "/admin/docs"),
                ("GET", "/admin"),
            ]:
                answer = client.request(
                    method, path, headers=headers, json={"version": "v2"}, follow_redirects=True
                )
                assert answer.status_code == 401, (path, answer.text)
        assert client.get("/admin/node/machines", headers=ADMIN).json()["machines"][0]["version"] == "1"


def test_refusals_change_nothing(shop: str) -> None:
    with httpx.Client(base_url=shop, headers=ADMIN) as client:
        assert client.post("/admin/upgrade", json={"version": "../../etc/passwd"}).status_code == 422
        assert client.post("/admin/upgrade", json={"version": "v99"}).json()["reason"] == "CannotLoad"
        assert client.post("/admin/upgrade", json={"version": "v1"}).json()["reason"] == "AlreadyRunning"
        assert client.post("/admin/rollback").json()["reason"] == "NothingToRollBack"
        assert client.post("/products/tea/buy", json={"count": -1}).status_code == 422
        assert client.post("/products/tea/buy", json={"count": 1}).status_code == 409
        assert client.get("/products/tea").json() == {"left": 0}


def test_without_a_token_nobody_is_the_operator(root: Path, readme: list[tuple[str, str]]) -> None:
    for shop in serve(root, "", readme[0][0]):
        with httpx.Client(base_url=shop) as client:
            for header in ("Bearer", "Bearer secret", ""):
                answer = client.post("/admin/rollback", headers={"authorization": header})
                assert answer.status_code == 401
