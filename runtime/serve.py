"""`midflight run`: one application on a node in a process of its own, until somebody stops it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import shlex
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import uvicorn
from returns.result import Failure, Result, Success

from migrations.refusal import Refusal
from runtime.application import Application
from runtime.control import Control
from runtime.cross_site import own_site
from runtime.datadir import Claim, Unusable, claim
from runtime.durability import NotOpened
from runtime.listen import Listener, bind
from runtime.node import Node
from runtime.refusal import short
from runtime.sample import sample
from runtime.speaker import Speaker, speaking

DRAINING = 10
"""Seconds that requests under way have when the node stops."""

Say = Callable[[str], object]


def serve(
    application: Application,
    urls: Sequence[str],
    data: Path,
    say: Say,
    budget: float | None,
    initial: Path | None = None,
) -> Result[None, Refusal]:
    """Run an application until SIGTERM, SIGINT or a `stop` over the control socket; then answer what waits.

    A step may take `budget` seconds. `initial` is an export with the state to start with.
    Returns Failure, with nothing started, where the data directory or an address is not to be had.
    """
    claimed = claim(data)
    if isinstance(claimed, Failure):
        return Failure(claimed.failure())
    ours = claimed.unwrap()
    try:
        bound = bind(urls, application.codecs)
        if isinstance(bound, Failure):
            return Failure(bound.failure())
        try:
            return asyncio.run(_run(application, bound.unwrap(), ours, say, budget, initial))
        except NotOpened as refused:
            return Failure(refused.refusal)
        finally:
            for listener in bound.unwrap():
                listener.socket.close()
    finally:
        ours.release()


class _Server(uvicorn.Server):
    """The signals are ours."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _run(
    application: Application,
    listeners: Sequence[Listener],
    ours: Claim,
    say: Say,
    budget: float | None,
    initial: Path | None,
) -> Result[None, Refusal]:
    logging.getLogger("midflight").addHandler(logging.NullHandler())  # the banner tells it, on this terminal
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("midflight").setLevel(logging.INFO)
    gc.freeze()  # what the program consists of is not looked through again for garbage, which would be a pause
    async with Node(ours, budget=budget) as node:
        started = await node.start(application, initial=initial)
        if isinstance(started, Failure):
            return Failure(started.failure())
        control = Control(node, ours, [listener.url for listener in listeners])
        try:
            await control.start()
        except OSError as error:
            return Failure(Unusable(str(ours.directory), (error.strerror or str(error)).lower()))
        config = uvicorn.Config(
            own_site(node.asgi()),
            http="httptools",
            lifespan="off",
            ws="none",
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=DRAINING,
        )
        server = _Server(config)
        loop = asyncio.get_running_loop()
        speakers = await speaking(node, application, listeners)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, _stop, server, speakers, control)
        serving = asyncio.ensure_future(
            server.serve([each.socket for each in listeners if each.scheme == "http"])
        )
        asked = asyncio.ensure_future(control.stopping.wait())
        _banner(node, listeners, ours, say)
        await asyncio.wait([serving, asked], return_when=asyncio.FIRST_COMPLETED)
        say("stopping: what waits is answered first")
        node.leave()
        server.should_exit = True
        await asyncio.gather(serving, *(speaker.close(DRAINING) for speaker in speakers))
        asked.cancel()
        await control.close()
        steps = sum(m.stepped for each in node.status().applications for m in each.machines)
    say(f"stopped after {steps} messages; the state is kept in {ours.directory}")
    return Success(None)


def _stop(server: uvicorn.Server, speakers: Sequence[Speaker], control: Control) -> None:
    """The first signal asks; a second one does not wait for connections."""
    if control.stopping.is_set():
        server.force_exit = True
        for connection in list(server.server_state.connections):
            connection.transport.abort()  # from Python 3.12 on a server waits for them
        for speaker in speakers:
            speaker.cut_off()
    control.stopping.set()


def _shown(directory: Path) -> str:
    here = Path.cwd()
    return str(directory.relative_to(here) if directory.is_relative_to(here) else directory)


def _banner(node: Node, listeners: Sequence[Listener], ours: Claim, say: Say) -> None:
    data = (
        ""
        if ours.directory == Path(".midflight").resolve()
        else f" --data {shlex.quote(str(ours.directory))}"
    )
    (application,) = node.status().applications
    say(f"{application.name}, version {application.version} (digest {short(application.digest)}), is running")
    for listener in listeners:
        say(f"  listens    {listener.url}")
        if listener.is_public:
            say("  WARNING    other machines reach this address, and nobody is asked who they are")
    for machine in application.machines:
        for at, form in enumerate(machine.accepts):
            say(
                f"  {'accepts' if at == 0 else '':10} {machine.name if at == 0 else ' ' * len(machine.name)} {form}"
            )
    for listener in [each for each in listeners if each.scheme == "http"][:1]:
        name = application.machines[0].name
        message = shlex.quote(json.dumps(sample(node.accepts(name))))
        say(f"  try        curl -d {message} {listener.url}/machines/{name}")
    say(f"  change     midflight upgrade FILE{data}")
    say(f"  state      is kept in {_shown(ours.directory)}, and is there when this starts again")
