"""From a save to the first reply of the new version, beside a restart of the program and beside jurigged."""

from __future__ import annotations

import http.client
import importlib.util
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from runtime.bench import Bench, Measured, Say, Scale, Skip

from .sockets import environment, free_port

SAVES: Final = 100

OURS: Final = """
from attrs import frozen
from midflight import Application, proc


@frozen
class Add:
    n: int = 1


def answer(total: int) -> int:
    return total * 0 + 1000000


@proc
def counter(msg: Add, *, total: int = 0) -> int:
    total += msg.n
    return answer(total)


app = Application("counter", version="1", machines={"counter": counter})
"""

THEIRS: Final = """
import sys
import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

total = 0


def answer(total: int) -> int:
    return total * 0 + 1000000


async def counter(request):
    global total
    total += (await request.json())["n"]
    return JSONResponse(answer(total))


app = Starlette(routes=[Route("/machines/counter", counter, methods=["POST"])])

if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), log_level="error")
"""
"""The same by hand, whose functions jurigged changes."""


class Program:
    """A program in a process of its own, its file, and a client of it that does not stop asking."""

    def __init__(self, folder: Path, text: str, command: Callable[[int], list[str]]) -> None:
        self.file = folder / "app.py"
        self._folder = folder
        self._text = text
        self._edition = 1_000_000
        self._command = command
        self.file.write_text(text)
        self._port = free_port()
        self.process = self._begun()
        self.answers()

    def _begun(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self._command(self._port),
            cwd=self._folder,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def save(self, *, restart: bool = False) -> float:
        """Milliseconds from a save, another one than the last, to the first reply that shows it."""
        self._edition += 1
        text = self._text.replace("1000000", str(self._edition))
        time.sleep(0.1)  # so that the save before is done with
        began = time.perf_counter()
        self.file.write_text(text)  # in place: jurigged sees no file that is renamed to this
        if restart:
            self.process.terminate()
            self.process.wait()
            self.process = self._begun()
        self.answers()
        return (time.perf_counter() - began) * 1000

    def answers(self) -> None:
        """Ask until the reply is that of the file. Raises Skip where it does not come."""
        until, client = time.monotonic() + 30, http.client.HTTPConnection("127.0.0.1", self._port, 10)
        while time.monotonic() < until:
            try:
                client.request("POST", "/machines/counter", b'{"n": 1}', {"Content-Type": "application/json"})
                if client.getresponse().read() == str(self._edition).encode():
                    break
            except (OSError, http.client.HTTPException):
                client.close()
                time.sleep(0.002)
        else:
            raise Skip(f"{self._command(0)[2]} does not answer with what was saved")
        client.close()


@contextmanager
def program(text: str, command: Callable[[int], list[str]]) -> Iterator[Program]:
    """A program under way, in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        made = Program(Path(folder), text, command)
        try:
            yield made
        finally:
            made.process.kill()
            made.process.wait()


def _run(port: int, *more: str) -> list[str]:
    listen = f"http://127.0.0.1:{port}"
    return [sys.executable, "-m", "midflight", "run", "app.py", "--listen", listen, *more]


def _watched(port: int) -> list[str]:
    return _run(port, "--watch")


def _jurigged(port: int) -> list[str]:
    return [sys.executable, "-m", "jurigged", "app.py", str(port)]


def reload(scale: Scale, say: Say, *, jurigged: bool) -> Measured:
    """Milliseconds of many saves, and of as many that jurigged sees, or of some restarts."""
    for library, extra in (("watchfiles", "watch"), *([("jurigged", "bench")] if jurigged else [])):
        if importlib.util.find_spec(library) is None:
            raise Skip(f"{library} is not installed: pip install 'midflight[{extra}]'")
    saves = scale.of(SAVES, least=1)
    text, command = (THEIRS, _jurigged) if jurigged else (OURS, _run)
    with program(OURS, _watched) as ours, program(text, command) as beside:
        say("warming up")
        ours.save()
        some = saves if jurigged else scale.samples
        times: tuple[list[float], list[float]] = [], []
        for at in range(max(saves, some)):
            say(f"{at + 1}/{saves}")
            if at < saves:
                times[0].append(ours.save())
            if at < some:
                times[1].append(beside.save(restart=not jurigged))
    worst = (
        f"the worst of {saves} is {max(times[0]):.0f} ms, and beside it, of {some}, {max(times[1]):.0f} ms"
    )
    return Measured(tuple(times[0]), tuple(times[1]), worst)


BENCHES = (
    Bench(
        "reload",
        "from a save to the first reply of the new version",
        "a restart of the same program",
        "ms",
        partial(reload, jurigged=False),
    ),
    Bench(
        "reload-jurigged",
        "from a save to the first reply of the new version",
        "jurigged, which changes a function in place",
        "ms",
        partial(reload, jurigged=True),
    ),
)
