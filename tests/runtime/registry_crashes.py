"""Run as a program: processes that use a registry, and are killed. Prints what was done, or fails and says why.

    python -m tests.runtime.registry_crashes steps FOLDER KEY
    python -m tests.runtime.registry_crashes many FOLDER KEY PROCESSES SEED
    python -m tests.runtime.registry_crashes served FOLDER KEY PROCESSES SEED

`steps` kills a process at each call that changes the folder, in turn. `many` lets processes push and pull at once and
kills each, and prints a line `[version, address]` for each push that a process was told of. `served` does so over HTTP,
a few bytes at once, and kills the server now and then too.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from returns.result import Failure, Success

from arrows.canonical import dump
from runtime import registry_client
from runtime.admission import opened
from runtime.collecting import collected, note
from runtime.entry import Entry, NotInRegistry
from runtime.keys import Key, new_key, read_key
from runtime.pulling import AnyRegistry
from runtime.registry import Registry, VersionTaken
from runtime.registry_client import NoRegistry, Remote
from runtime.seal import sealed
from runtime.tags import Tag
from runtime.trust import Trust, changed
from runtime.verifying import verified
from tests.benchmarks.sockets import free_port
from tests.runtime.packages import number, signed

VERSIONS = 40


def check(registry: Registry) -> None:
    """Nothing is wrong, and nothing is left."""
    found = verified(registry).unwrap()
    assert found.wrong == (), found.wrong
    assert not list(registry.folder.incoming.iterdir())


# A process that is killed at a step


def steps(registry: Registry, key: Key) -> None:
    kept, one = number("shop", "0"), number("shop", "1", 1)
    registry.push(signed(kept, key)).unwrap()
    first, second = signed(one, key), signed(kept, new_key(registry.path / "other.pem").unwrap())
    doing: dict[str, Callable[[], Any]] = {
        "push": lambda: registry.push(first),
        "again": lambda: registry.push(second),
        "tag": lambda: registry.tag(Tag("shop", "stable", kept.address, time.time_ns() // 10**6).sealed(key)),
        "remove": lambda: registry.remove(Entry.of(one, 0, 0)),
        "note": lambda: note(registry, data),
    }
    data = registry.path / "data"
    data.mkdir()
    (data / "lock").touch()
    for what, do in doing.items():
        number_of = 0
        while _killed_at(number_of, do):
            check(registry)
            assert registry.find("shop@0").unwrap().address == kept.address
            collected(registry, (), 0, do=False).unwrap()
            found = registry.find("shop@1")
            if isinstance(found, Success):
                opened(
                    registry.read(found.unwrap().address).unwrap(), None, what, found.unwrap().wanted
                ).unwrap()
            number_of += 1
        check(registry)
        print(what, number_of, flush=True)


def _killed_at(step: int, do: Callable[[], Any]) -> bool:
    """Whether a process that does something was killed at the call after so many that change a file."""
    child = os.fork()
    if child == 0:
        _die(step, do)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, -signal.SIGKILL), code
    return code != 0


def _die(step: int, do: Callable[[], Any]) -> NoReturn:
    left = [step]

    def hook(event: str, args: tuple[Any, ...]) -> None:
        writing = event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR)
        if writing or event in ("os.link", "os.rename", "os.remove", "os.mkdir", "sqlite3.connect"):
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    code = 1
    try:
        code = 0 if isinstance(do(), Success) else 1
    finally:
        os._exit(code)


# Many at once


def many(
    registry: AnyRegistry, key: Key, processes: int, seed: int, between: Callable[[], object] = lambda: None
) -> None:
    draw, template = random.Random(seed), dict(number("app", "0").told)
    working = []
    for _ in range(processes):
        out, into = os.pipe()
        own = draw.getrandbits(32)
        child = os.fork()
        if child == 0:
            os.dup2(into, 1)
            _work(registry, key, own, template)
        os.close(into)
        working.append((child, out))
    try:
        for child, out in working:
            time.sleep(draw.random() * 0.1)
            between()
            os.kill(child, signal.SIGKILL)
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            with os.fdopen(out) as said:
                text = said.read()
            assert code == -signal.SIGKILL, text
            sys.stdout.write(text[: text.rfind("\n") + 1])
    finally:
        for child, _ in working:
            try:
                os.kill(child, signal.SIGKILL)
            except ProcessLookupError:
                continue


def served(registry: Registry, key: Key, processes: int, seed: int) -> None:
    at, port = itertools.count(1), free_port()
    changed(registry.path / "trusted", {key.public: "ours"}).unwrap()
    servers = [_server(registry.path, port)]

    def between() -> None:
        time.sleep(0.2)  # to push takes longer
        if next(at) % 5 == 0:
            servers[-1].kill()
            servers[-1].wait()
            servers.append(_server(registry.path, port))

    vars(registry_client).update(CHUNK=100, TRIES=10**6)
    remote = Remote(f"http://127.0.0.1:{port}", (registry.path / "registry.token").read_bytes().strip())
    try:
        many(remote, key, processes, seed, between)
    finally:
        servers[-1].kill()
        servers[-1].wait()


def _server(folder: Path, port: int) -> subprocess.Popen[str]:
    """`midflight registry serve`, which listens."""
    command = ["registry", "serve", "--registry", str(folder), "--listen", f"http://127.0.0.1:{port}"]
    server = subprocess.Popen(
        [sys.executable, "-m", "midflight", *command], stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    assert "is served at" in server.stdout.readline()
    return server


def _work(registry: AnyRegistry, key: Key, seed: int, template: dict[str, Any]) -> NoReturn:
    """Push and pull at random for ever; end where something is half there."""
    draw, trust = random.Random(seed), Trust(Path("trusted"), {key.public: ""})
    try:
        while True:
            version, content = str(draw.randrange(VERSIONS)), draw.randrange(2)
            if draw.random() < 0.5:
                _push(registry, key, {**template, "version": version}, content)
                continue
            found = registry.find(f"app@{version}")
            if isinstance(found, Failure):
                assert found.failure().reason in (NotInRegistry.__name__, NoRegistry.__name__), found
                continue
            entry = found.unwrap()
            data = registry.read(entry.address)
            opened(data.unwrap(), trust, "it", entry.wanted).unwrap()
    except BaseException as error:
        os.write(1, f"WRONG {type(error).__name__}: {error}\n".encode())
    os._exit(1)


def _push(registry: AnyRegistry, key: Key, told: dict[str, Any], content: int) -> None:
    """One of two contents of a version: the first one that comes is the one for ever."""
    more = {"main": "a.py", "variable": "app", "sources": {"a.py": str(content) * 1000}}
    pushed = registry.push(sealed("artifact", dump({**told, **more}), key))
    if isinstance(pushed, Failure):
        assert pushed.failure().reason == VersionTaken.__name__, pushed
    else:
        entry = pushed.unwrap().entry
        os.write(1, (json.dumps([entry.version, entry.address]) + "\n").encode())


if __name__ == "__main__":
    what, folder, file, *more = sys.argv[1:]
    if what == "steps":
        steps(Registry(Path(folder)), read_key(Path(file)).unwrap())
    else:
        do = many if what == "many" else served
        do(Registry(Path(folder)), read_key(Path(file)).unwrap(), *map(int, more))
        check(Registry(Path(folder)))
