"""`midflight run`: an application, or a release, on a node in a process of its own, until somebody stops it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import shlex
import signal
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import attrs
import uvicorn
from returns.result import Failure, Result, Success

from migrations.refusal import Refusal
from runtime.application import Application
from runtime.control import Control
from runtime.control_token import NAME, had
from runtime.cross_site import own_site
from runtime.datadir import Claim, Unusable, claim
from runtime.durability import NotOpened
from runtime.errors import of_system
from runtime.listen import CannotListen, Listener, Server, bind
from runtime.node import Node
from runtime.refusal import short
from runtime.release import Release, parts
from runtime.sample import sample
from runtime.speaker import Speaker, speaking

DRAINING = 10
"""Seconds that requests under way have when the node stops."""

Say = Callable[[str], object]
Watch: TypeAlias = Callable[[Node], Coroutine[Any, Any, None]]
"""Lets a node take over what is saved, until it is cancelled."""


def serve(
    wanted: Application | Release | None,
    urls: Sequence[str],
    data: Path,
    say: Say,
    budget: float | None,
    initial: Path | None = None,
    over: Over | None = None,
    watch: Watch | None = None,
) -> Result[None, Refusal]:
    """Run an application, a release, or what ran here last, until a signal or a `stop` over the control socket.

    The signals are SIGTERM, SIGINT and SIGHUP. What waits then is answered. A step may take `budget` seconds.
    `initial` is an export with the state to start with. It is controlled `over` TCP, too. `watch` lets it take over
    what is saved.
    Returns Failure, with nothing started, where the data directory or an address is not to be had.
    """
    claimed = claim(data)
    if isinstance(claimed, Failure):
        return Failure(claimed.failure())
    ours = claimed.unwrap()
    try:
        bound = bind(urls, [urlsplit(each).scheme for each in urls] if wanted is None else _spoken(wanted))
        if isinstance(bound, Failure):
            return Failure(bound.failure())
        with contextlib.ExitStack() as closing:
            for listener in bound.unwrap():
                closing.callback(listener.socket.close)
            remote = None if over is None else over.open(ours)
            if isinstance(remote, Failure):
                return Failure(remote.failure())
            door = None if remote is None else remote.unwrap()
            if door is not None:
                closing.callback(door.listener.socket.close)
            try:
                return asyncio.run(_run(wanted, bound.unwrap(), ours, say, budget, initial, door, watch))
            except NotOpened as refused:
                return Failure(refused.refusal)
    finally:
        ours.release()


@attrs.frozen
class Over:
    """How a node is controlled over TCP: the address, and the file of the token, if not the usual one."""

    url: str
    token_file: Path | None = None

    def open(self, ours: Claim) -> Result[Door, Refusal]:
        """Bind the address. Returns Failure(CannotListen | BadTokenFile)."""
        if urlsplit(self.url).scheme != "tcp":
            return Failure(CannotListen(self.url, "write tcp://127.0.0.1:PORT"))
        file = (self.token_file or ours.directory / NAME).absolute()
        token: Result[bytes, Refusal] = had(file)
        return token.bind(
            lambda found: bind([self.url], ["tcp"]).map(lambda made: Door(made[0], found, file))
        )


@attrs.frozen
class Door:
    """A bound address of the control, and the token for it, which is in a file."""

    listener: Listener
    token: bytes = attrs.field(repr=False)
    file: Path


def _spoken(wanted: Application | Release) -> frozenset[str]:
    """The protocols that are spoken beside http."""
    return frozenset(scheme for each in parts(wanted) for scheme in each.codecs)


def _known(node: Node, listeners: Sequence[Listener]) -> Result[Application | Release, Refusal]:
    """What ran here last, which must speak on all addresses."""
    ran: Result[Application | Release, Refusal] = node.ran()
    for each in listeners:
        if isinstance(ran, Success) and each.scheme not in {"http", *_spoken(ran.unwrap())}:
            return Failure(CannotListen(each.url, f"{ran.unwrap().name} does not speak {each.scheme}"))
    return ran


async def _run(
    given: Application | Release | None,
    listeners: Sequence[Listener],
    ours: Claim,
    say: Say,
    budget: float | None,
    initial: Path | None,
    door: Door | None,
    watch: Watch | None,
) -> Result[None, Refusal]:
    logging.getLogger("midflight").addHandler(logging.NullHandler())  # the banner tells it, on this terminal
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("midflight").setLevel(logging.INFO if watch is None else logging.WARNING)
    gc.freeze()  # what the program consists of is not looked through again for garbage, which would be a pause
    async with Node(ours, budget=budget) as node:
        known = _known(node, listeners) if given is None else Success(given)
        if isinstance(known, Failure):
            return Failure(known.failure())
        wanted = known.unwrap()
        started: Result[object, Refusal] = (
            await node.start(wanted)
            if isinstance(wanted, Release)
            else await node.start(wanted, initial=initial)
        )
        if isinstance(started, Failure):
            return Failure(started.failure())
        control = Control(node, ours, [listener.url for listener in listeners])
        try:
            await control.start()
            if door is not None:
                await control.listen(door.listener.socket, door.token)
        except OSError as error:
            return Failure(Unusable(str(ours.directory), of_system(error)))
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
        server = Server(config)
        loop = asyncio.get_running_loop()
        speakers = await speaking(node, wanted, listeners)
        for number in _stopping():
            loop.add_signal_handler(number, _stop, server, speakers, control)
        serving = asyncio.ensure_future(
            server.serve([each.socket for each in listeners if each.scheme == "http"])
        )
        asked = asyncio.ensure_future(control.stopping.wait())
        _banner(node, listeners, ours, say, door)
        if watch is not None:
            say("  watches    the file and what it imports: a save takes over")
        watching = None if watch is None else asyncio.ensure_future(watch(node))
        await asyncio.wait([serving, asked], return_when=asyncio.FIRST_COMPLETED)
        if watching is not None:
            watching.cancel()
            await asyncio.wait([watching])
        say("stopping: what waits is answered first")
        node.leave()
        server.should_exit = True
        await asyncio.gather(serving, *(speaker.close(DRAINING) for speaker in speakers))
        asked.cancel()
        await control.close()
        steps = sum(m.stepped for each in node.status().applications for m in each.machines)
    say(f"stopped after {steps} messages; the state is kept in {ours.directory}")
    return Success(None)


def _stopping() -> tuple[signal.Signals, ...]:
    """The signals that ask the node to stop: also that its terminal is closed, unless it began with that ignored."""
    ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return (signal.SIGTERM, signal.SIGINT, *(() if ignored else (signal.SIGHUP,)))


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


def _banner(node: Node, listeners: Sequence[Listener], ours: Claim, say: Say, door: Door | None) -> None:
    data = (
        ""
        if ours.directory == Path(".midflight").resolve()
        else f" --data {shlex.quote(str(ours.directory))}"
    )
    status = node.status()
    for release in status.releases:
        say(
            f"the release {release.name}, version {release.version} (digest {short(release.digest)}), is running"
        )
    for each in status.applications:
        say(f"{each.name}, version {each.version} (digest {short(each.digest)}), is running")
    for listener in listeners:
        say(f"  listens    {listener.url}")
        if listener.is_public:
            say("  WARNING    other machines reach this address, and nobody is asked who they are")
    if door is not None:
        say(f"  control    {door.listener.url}, with the token in {_shown(door.file)}")
        if door.listener.is_public:
            say("  WARNING    other machines reach this address, and the token and all that is said go there")
            say("             unencrypted: listen on 127.0.0.1 and tunnel it, as with ssh -L")
    machines = [machine for each in status.applications for machine in each.machines]
    for machine in machines:
        for at, form in enumerate(machine.accepts):
            say(
                f"  {'accepts' if at == 0 else '':10} {machine.name if at == 0 else ' ' * len(machine.name)} {form}"
            )
    for listener in [each for each in listeners if each.scheme == "http"][:1]:
        name = machines[0].name
        message = shlex.quote(json.dumps(sample(node.accepts(name))))
        say(f"  try        curl -d {message} {listener.url}/machines/{name}")
    say(f"  change     midflight upgrade FILE{data}")
    say(f"  state      is kept in {_shown(ours.directory)}, and is there when this starts again")
