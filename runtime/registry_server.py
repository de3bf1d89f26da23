"""A registry over HTTP: read by who knows its token, written by who also has a trusted key.

    GET /v1/find/REFERENCE            {"entry": ...}
    GET /v1/entries, GET /v1/tags     {"entries": [...]}, {"tags": [...]}
    GET /v1/artifacts/ADDRESS         the bytes; ranges can be asked for
    GET /v1/tags/NAME/TAG             the signed statement; empty where there is none
    PUT /v1/tags                      a signed statement
    GET /v1/uploads/SHA256            {"offset": N}: how much of an artifact of that sha256 is there; ?address=ADDRESS
    PUT /v1/uploads/SHA256            a piece, with `content-range: bytes START-*/TOTAL`; {"offset": N}, or
                                      {"entry": ..., "new": ...} when it is whole, and in the registry

What is refused is `{"reason": ..., "message": ...}`. There is no encryption: that is for a proxy, or a tunnel.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

import attrs
import uvicorn
from returns.result import Failure, Result, Success
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from migrations.refusal import Refusal
from runtime import bounds
from runtime.application import is_digest
from runtime.control_token import same
from runtime.entry import NotInRegistry
from runtime.listen import Listener, Server
from runtime.registry import Pushed, Registry
from runtime.seal import NotSealed, TooLarge
from runtime.trust import list_of, trust
from runtime.uploads import begun, taken

Answer: TypeAlias = Result[Any, Refusal]
"""What is answered: JSON, or a Response."""

Handler: TypeAlias = Callable[[Registry, Request], Awaitable[Answer]]

_RANGE: Final = re.compile(r"bytes (\d{1,12})-\*/(\d{1,12})")
STATUS: Final = {
    "WrongRegistryToken": 401,
    "UntrustedKey": 403,
    "WrongSignature": 403,
    "NotInRegistry": 404,
    "AmbiguousReference": 409,
    "NameShadows": 409,
    "OlderTag": 409,
    "VersionTaken": 409,
    "TooLarge": 413,
    "BadRegistry": 500,
    "BadTrustList": 500,
}


@attrs.frozen
class WrongRegistryToken(Refusal):
    """Somebody asks a registry over HTTP without its token."""

    @property
    def happened(self) -> str:
        return "the registry wants another token."

    @property
    def remedy(self) -> str:
        return "Give the one in the file that `midflight registry serve` shows, with --registry-token FILE."


def application(registry: Registry, token: bytes) -> Starlette:
    """The registry as a web application."""

    def guarded(do: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            given = request.headers.get("authorization", "")
            if not same(given.removeprefix("Bearer ").encode(errors="replace"), token):
                return _refused(WrongRegistryToken())
            try:
                found = await do(registry, request)
            except ClientDisconnect:
                return Response(status_code=400)
            if isinstance(found, Failure):
                return _refused(found.failure())
            plain = found.unwrap()
            return plain if isinstance(plain, Response) else JSONResponse(plain)

        return answer

    return Starlette(
        routes=[
            Route("/v1/find/{reference}", guarded(_find)),
            Route("/v1/entries", guarded(_entries)),
            Route("/v1/tags", guarded(_tags)),
            Route("/v1/tags", guarded(_state), methods=["PUT"]),
            Route("/v1/artifacts/{address}", guarded(_artifact)),
            Route("/v1/tags/{name}/{tag}", guarded(_statement)),
            Route("/v1/uploads/{whole}", guarded(_upload), methods=["GET", "PUT"]),
        ]
    )


async def _find(registry: Registry, request: Request) -> Answer:
    found = await asyncio.to_thread(registry.find, request.path_params["reference"])
    return found.map(lambda entry: {"entry": attrs.asdict(entry)})


async def _entries(registry: Registry, request: Request) -> Answer:
    found = await asyncio.to_thread(registry.entries)
    return found.map(lambda every: {"entries": [attrs.asdict(each) for each in every]})


async def _tags(registry: Registry, request: Request) -> Answer:
    found = await asyncio.to_thread(registry.tags)
    return found.map(lambda every: {"tags": [attrs.asdict(each) for each in every]})


async def _artifact(registry: Registry, request: Request) -> Answer:
    address = request.path_params["address"]
    if is_digest(address):
        file = registry.folder.artifacts / address
        with contextlib.suppress(FileNotFoundError):
            kind = "application/octet-stream"
            return Success(FileResponse(file, media_type=kind, stat_result=file.stat()))
    return Failure(NotInRegistry(address, "this registry", ()))


async def _statement(registry: Registry, request: Request) -> Answer:
    label = request.path_params["name"], request.path_params["tag"]
    found = await asyncio.to_thread(registry.statement, *label)
    return found.map(lambda said: Response(said or b"", media_type="application/octet-stream"))


async def _state(registry: Registry, request: Request) -> Answer:
    said, trusted = await _body(request, bounds.MAX_STATEMENT), trust(list_of(registry.path))
    if isinstance(said, Failure) or isinstance(trusted, Failure):
        return Failure((said if isinstance(said, Failure) else trusted).failure())
    made = await asyncio.to_thread(registry.tag, said.unwrap(), trusted.unwrap())
    return made.map(lambda tag: {"tag": tag.to_plain()})


async def _upload(registry: Registry, request: Request) -> Answer:
    whole = request.path_params["whole"]
    if request.method != "PUT":
        address = request.query_params.get("address", "")
        return (await asyncio.to_thread(begun, registry, whole, address)).map(_came)
    at = _RANGE.fullmatch(request.headers.get("content-range", ""))
    if at is None:
        return Failure(NotSealed(whole[:80], "there is no content-range: bytes START-*/TOTAL"))
    piece = await _body(request, bounds.MAX_ARTIFACT)
    if isinstance(piece, Failure):
        return Failure(piece.failure())
    came = await asyncio.to_thread(taken, registry, whole, int(at[1]), int(at[2]), piece.unwrap())
    return came.map(_came)


def serve(registry: Registry, token: bytes, listeners: list[Listener]) -> None:
    """Serve a registry until Ctrl-C or SIGTERM."""
    config = uvicorn.Config(
        application(registry, token),
        http="httptools",
        lifespan="off",
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=10,
    )
    asyncio.run(_serve(Server(config), listeners))


async def _serve(server: Server, listeners: list[Listener]) -> None:
    def stop() -> None:
        server.force_exit, server.should_exit = server.should_exit, True

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    await server.serve([each.socket for each in listeners])


async def _body(request: Request, most: int) -> Result[bytes, Refusal]:
    """The body of a request, of at most so many bytes."""
    found = bytearray()
    async for chunk in request.stream():
        found += chunk
        if len(found) > most:
            return Failure(TooLarge("what is sent", len(found), most))
    return Success(bytes(found))


def _came(found: Any) -> dict[str, Any]:
    if isinstance(found, Pushed):
        return {"entry": attrs.asdict(found.entry), "new": found.new}
    return {"offset": found.offset}


def _refused(refusal: Refusal) -> Response:
    return JSONResponse(refusal.to_plain(), STATUS.get(refusal.reason, 400))
