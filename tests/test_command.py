"""The command as a user meets it: real processes, their output and exit codes."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.examples.readme import shown

ROOT = Path(__file__).parent.parent
COUNTER = ROOT / "examples" / "counter"
MIDFLIGHT = [sys.executable, "-P", "-m", "midflight"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
LOSING = """
from midflight import Application, proc

@proc
def counter(by: int, *, other: int = 0) -> int:
    other += by
    return other

app = Application("counter", version="2", machines={"counter": counter})
"""


def midflight(*arguments: object, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*MIDFLIGHT, *map(str, arguments)],
        cwd=cwd,
        env={**ENVIRONMENT, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@attrs.define
class Running:
    """A node in a process of its own."""

    process: subprocess.Popen[str]
    folder: Path
    banner: str
    url: str

    def ask(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        return midflight(*arguments, cwd=self.folder)

    def post(self, message: Any, machine: str = "counter") -> tuple[int, Any]:
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        request = urllib.request.Request(f"{self.url}/machines/{machine}", body)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def stop(self, number: int = signal.SIGTERM) -> str:
        self.process.send_signal(number)
        rest, _ = self.process.communicate(timeout=20)
        return rest


@contextlib.contextmanager
def running(folder: Path, file: str = "v1.py", *arguments: str) -> Iterator[Running]:
    listen = arguments or ("--listen", "http://127.0.0.1:0")
    process = subprocess.Popen(
        [*MIDFLIGHT, "run", file, *listen],
        cwd=folder,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        banner = ""
        while "state " not in banner:
            line = process.stdout.readline()
            assert line, banner
            banner += line
        found = re.search(r"listens +(\S+)", banner)
        assert found is not None
        yield Running(process, folder, banner, found[1])
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("v1.py", "v2.py"):
        shutil.copy(COUNTER / name, tmp_path / name)
    return tmp_path


def test_a_life_of_a_node(project: Path) -> None:
    with running(project) as node:
        assert 'counter {"type": "Incr", "by"?: int}' in node.banner
        assert f"""curl -d '{{"type": "Incr", "by": 1}}' {node.url}/machines/counter""" in node.banner
        assert "is there when this starts again" in node.banner
        assert node.post({"type": "Incr", "by": 5}) == (200, {"type": "Ok"})

        called = node.ask("call", "counter", '{"type": "Incr", "by": 2}')
        assert (called.returncode, called.stdout, called.stderr) == (0, '{"type": "Ok"}\n', "")

        shown = node.ask("status")
        assert shown.returncode == 0
        assert "counter, version 1" in shown.stdout
        assert "\x1b" not in shown.stdout, "colours in a pipe"
        first = json.loads(node.ask("status", "--json").stdout)["applications"][0]
        assert first["machines"][0]["cells"][0]["value"] == 7

        done = node.ask("upgrade", "v2.py", "--probation", "1000/1s")
        assert done.returncode == 0
        assert re.search(
            r"8 watch the new version for 1000 messages or 1 s: done in (\d\.\d s|9\d\d ms)", done.stderr
        )
        assert re.search(r"counter upgraded: 1 \(\w{12}\) -> 2 \(\w{12}\)", done.stdout)
        assert "converted" in done.stdout

        again = node.ask("upgrade", "v2.py", "--running", first["digest"][:12], "--json")
        assert again.returncode == 1
        assert json.loads(again.stdout)["reason"] == "UnexpectedVersion"
        same = node.ask("upgrade", "v2.py")
        assert same.returncode == 1
        assert "runs already" in same.stderr

        assert node.post({"type": "Read"}) == (200, {"type": "Total", "count": 7})
        back = node.ask("rollback", "--json")
        assert json.loads(back.stdout)["upgraded"]["new_version"] == "1"
        assert node.post({"type": "Read"}) == (200, {"type": "Total", "count": 7})
        assert node.ask("rollback").returncode == 1

        rest = node.stop()
        assert node.process.returncode == 0
        assert "stopped after 4 messages" in rest
        assert "Traceback" not in rest
        assert not (project / ".midflight" / "control.sock").exists()
        assert node.ask("status").returncode == 1


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_the_counters_readme(project: Path) -> None:
    with running(project) as node:
        for command, output in shown(COUNTER / "README.md")[1:]:
            name, *words = shlex.split(command.replace("http://127.0.0.1:8080", node.url))
            if name == "curl":
                said = subprocess.run(
                    [name, "-s", *words], capture_output=True, text=True, timeout=10, check=True
                )
            else:
                said = midflight(*words, "--data", project / ".midflight")
            assert said.stdout.startswith(output.partition("...")[0].rstrip("\n")), command


def test_an_undeclared_loss_has_an_exit_code_of_its_own(project: Path) -> None:
    (project / "v1.py").write_text(LOSING.replace("other", "count").replace('"2"', '"1"'))
    (project / "v2.py").write_text(LOSING)
    with running(project) as node:
        refused = node.ask("upgrade", "v2.py")
        assert refused.returncode == 3
        assert "up={'count': DROP}" in refused.stderr
        assert node.ask("call", "counter", "2").stdout == "2\n"


def test_bad_input_harms_nobody(project: Path) -> None:
    with running(project) as node:
        status, answer = node.post(b"{")
        assert (status, answer["error"]) == (400, "Malformed")
        status, answer = node.post({"type": "Incr", "by": "x"})
        assert (status, answer["field"]) == (422, "by")
        for arguments, code in ((("none", "1"), 1), (("counter", "{bad"), 2), (("counter", "1"), 1)):
            called = node.ask("call", *arguments)
            assert called.returncode == code
            assert called.stderr.startswith("midflight: ")
            assert "Traceback" not in called.stderr
            assert called.stdout == ""
        for name, text in (("bad.py", "x = 1\n1 / 0\n"), ("none.py", ""), ("syntax.py", "if:\n")):
            (project / name).write_text(text)
            refused = node.ask("upgrade", name)
            assert refused.returncode == 1
            assert len(refused.stderr.splitlines()) == 1
            assert name in refused.stderr
        assert node.ask("upgrade", "v2.py", "--running", "xyz").returncode == 2
        assert node.post({"type": "Read"}) == (200, {"type": "Total", "count": 0})


def test_a_second_node_and_a_taken_port_are_told_in_a_line(project: Path) -> None:
    with running(project) as node:
        other = node.ask("run", "v1.py")
        assert other.returncode == 1
        assert f"another node (process {node.process.pid}) runs on" in other.stderr
        taken = node.ask("run", "v1.py", "--data", "elsewhere", "--listen", node.url)
        assert taken.returncode == 1
        assert "another program listens there" in taken.stderr
        assert len(taken.stderr.splitlines()) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_cleanly_with_connections_open(number: int, project: Path) -> None:
    with running(project) as node:
        host, port = node.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as idle:
            idle.sendall(b"GET /machines HTTP/1.1\r\nhost: x\r\n\r\n")
            assert idle.recv(100).startswith(b"HTTP/1.1 200")
            assert "Traceback" not in node.stop(number)
        assert node.process.returncode == 0


NAMES = """
from attrs import frozen
from midflight import Application, proc

@frozen
class Add:
    name: str

def more(names: frozenset[str], name: str) -> frozenset[str]:
    return names | {name}

def shown(names: frozenset[str]) -> str:
    return " ".join(names)

@proc
def names(msg: Add, *, held: frozenset[str] = frozenset()) -> str:
    held = more(held, msg.name)
    return shown(held)

app = Application("names", version="1", machines={"names": names})
"""
"""A machine that goes through a set, whose order Python makes another one in each process."""


def test_what_goes_through_a_set_is_repeated_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "names.py").write_text(NAMES)
    said = ""
    for turn in range(4):
        with running(tmp_path, "names.py") as node:
            for name in ("ann", "bob", "cid"):
                status, said = node.post({"type": "Add", "name": f"{name} {turn}"}, "names")
                assert status == 200
            node.process.kill()
            node.process.wait()
    exported = midflight("export", cwd=tmp_path)
    assert exported.returncode == 0, exported.stderr
    assert said.split()[0] in exported.stdout
    other = midflight("export", cwd=tmp_path, PYTHONHASHSEED="1")
    seed = (tmp_path / ".midflight" / "hashseed").read_text().strip()
    assert other.returncode == (0 if seed == "1" else 1)
    assert seed == "1" or "the PYTHONHASHSEED it ran with" in other.stderr


def test_a_program_of_its_own_is_told_to_fix_the_order(tmp_path: Path) -> None:
    (tmp_path / "names.py").write_text(NAMES)
    (tmp_path / "main.py").write_text(
        "import asyncio\nfrom midflight import Node, load\n"
        "async def main():\n    async with Node('data') as node:\n"
        "        (await node.start(load('names.py').unwrap())).unwrap()\nasyncio.run(main())\n"
    )
    told = []
    for seed in ("random", "7", ""):
        environment = {**ENVIRONMENT, "PYTHONHASHSEED": seed} if seed else dict(ENVIRONMENT)
        command = [sys.executable, "main.py"]
        ran = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        )
        told.append("Start Python with PYTHONHASHSEED set to a number" in ran.stderr)
    assert told[:2] == [True, False]
    assert (tmp_path / "data" / "hashseed").read_text() == "7\n"


def test_a_killed_node_is_replaced(project: Path) -> None:
    with running(project) as node:
        node.process.kill()
        node.process.wait()
        gone = node.ask("status", "--json")
        assert gone.returncode == 1
        assert json.loads(gone.stdout)["reason"] == "NoNode"
    with running(project) as node:
        assert node.ask("status").returncode == 0


def test_a_public_address_is_warned_about(project: Path) -> None:
    with running(project, "v1.py", "--listen", "http://0.0.0.0:0", "--data", "d") as node:
        assert "WARNING" in node.banner
        assert f"--data {project / 'd'}" in node.banner


def test_a_project_may_have_modules_of_our_names(project: Path) -> None:
    for name in ("runtime", "arrows", "midflight"):
        (project / f"{name}.py").write_text("word = 'mine'\n")
    text = (project / "v1.py").read_text()
    (project / "v1.py").write_text(
        "import runtime, arrows\nassert runtime.word == arrows.word == 'mine'\n" + text
    )
    drawn = midflight("draw", "v1.py", cwd=project)
    assert drawn.returncode == 0, drawn.stderr
    looked = midflight("doctor", "--json", cwd=project)
    assert looked.returncode == 1
    wrong = [each["name"] for each in json.loads(looked.stdout)["findings"] if not each["ok"]]
    assert wrong == ["arrows", "runtime", "midflight"]


def test_doctor_is_content_here(tmp_path: Path) -> None:
    found = midflight("doctor", "--data", tmp_path / "data")
    assert found.returncode == 0, found.stdout
    assert "WRONG" not in found.stdout
    (tmp_path / "file").write_text("")
    assert midflight("doctor", "--data", tmp_path / "file").returncode == 1


def test_diff_and_draw() -> None:
    same = midflight("diff", COUNTER / "v1.py", COUNTER / "v1.py")
    assert (same.returncode, "no difference" in same.stdout.splitlines()) == (0, True)
    found = json.loads(midflight("diff", COUNTER / "v1.py", COUNTER / "v2.py", "--json").stdout)
    (cell,) = found["machines"]["counter"]["cells"]
    assert (cell["address"], cell["old"], cell["new"]) == ("count", "int", "tuple[int, int]")
    assert midflight("draw", COUNTER / "v1.py", "counter").stdout.startswith("flowchart")
    assert midflight("draw", COUNTER / "v1.py", "none").returncode == 2
    assert midflight("draw", "no.py").returncode == 1


def test_help_teaches_with_an_example() -> None:
    listed = midflight("--help").stdout
    commands = re.findall(r"^  (\w+)  ", listed, re.MULTILINE)
    assert {"call", "demo", "diff", "doctor", "draw", "rollback", "run", "status", "upgrade"} <= set(commands)
    for name in ("run", "call"):
        assert f"Example: midflight {name} " in midflight(name, "--help").stdout
    assert midflight("nothing").returncode == 2
