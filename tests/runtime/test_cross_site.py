"""What a page of another site sends does not reach a machine."""

import asyncio
from pathlib import Path

import httpx
import pytest

from midflight import Node, load
from runtime.cross_site import own_site

COUNTER = Path(__file__).parent.parent.parent / "examples" / "counter" / "v1.py"


@pytest.mark.parametrize(
    ("origin", "status", "count"),
    [(None, 200, 1), ("http://node:8080", 200, 1), ("https://elsewhere.example", 403, 0), ("null", 403, 0)],
)
def test_only_the_own_site_reaches_a_machine(origin: str | None, status: int, count: int) -> None:
    async def post() -> tuple[httpx.Response, int]:
        async with Node() as node:
            (await node.start(load(str(COUNTER)).unwrap())).unwrap()
            transport = httpx.ASGITransport(own_site(node.asgi()))
            async with httpx.AsyncClient(transport=transport, base_url="http://node:8080") as client:
                headers = {} if origin is None else {"origin": origin}
                answer = await client.post("/machines/counter", content='{"type": "Incr"}', headers=headers)
            (cell,) = node.machine("counter").cells
            return answer, cell.value

    answer, value = asyncio.run(post())
    assert (answer.status_code, value) == (status, count)
    assert "error" not in answer.json() or answer.json()["error"] == "CrossSite"
