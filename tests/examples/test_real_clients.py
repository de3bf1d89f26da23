"""Clients that know nothing of us, while what answers them is upgraded and rolled back five times.

The node is a process on its own data, with every answer on disk before it is given; the changes are made by the
command. At the end the node is killed, and what it recovers is compared once more.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import attrs
import pytest
from typer.testing import CliRunner

from runtime import bounds
from runtime.cli import app

CHANGES = 5
PATIENCE = 300


@attrs.define
class Running:
    """A node in a process of its own."""

    root: Path
    example: str
    scheme: str
    data: Path
    port: str = ""
    process: subprocess.Popen[str] = attrs.field(init=False)

    def start(self, version: str) -> None:
        command = [sys.executable, "-m", "midflight", "run", f"examples/{self.example}/{version}.py"]
        command += ["--listen", f"{self.scheme}://127.0.0.1:{self.port or 0}", "--data", str(self.data)]
        environment = {**os.environ, "PYTHONPATH": str(self.root)}
        self.process = subprocess.Popen(
            command,
            cwd=self.root,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.process.stdout
        told = []
        for line in self.process.stdout:
            told.append(line)
            if found := re.search(r"listens .*:(\d+)$", line):
                self.port = found[1]
            if "state      is kept" in line:
                return
        raise AssertionError("".join(told))

    def change(self, number: int) -> None:
        """Upgrade to version 2, or go back: the command, without the start of another interpreter."""
        words = (
            ["rollback"]
            if number % 2
            else [
                "upgrade",
                "--no-wait",
                "--rehearse",
                "0",
                str(self.root / f"examples/{self.example}/v2.py"),
            ]
        )
        done = CliRunner().invoke(app, [*words, "--data", str(self.data), "--json"])
        assert done.exit_code == 0, done.output

    def end(self, number: int) -> str:
        """Stop it by a signal; return what it said."""
        self.process.send_signal(number)
        told, _ = self.process.communicate(timeout=60)
        return told

    def redis(self, *words: str) -> str:
        ran = subprocess.run(
            ["redis-cli", "-p", self.port, *words],
            capture_output=True,
            text=True,
            check=True,
            timeout=PATIENCE,
        )
        return ran.stdout.strip()


def needs(*programs: str) -> None:
    for each in programs:
        if shutil.which(each) is None:
            pytest.skip(f"{each} is not installed (apt install redis-tools wrk)")


@contextlib.contextmanager
def running(root: Path, example: str, scheme: str, data: Path) -> Iterator[Running]:
    node = Running(root, example, scheme, data)
    node.start("v1")
    try:
        yield node
    finally:
        node.process.kill()
        node.process.wait()
        if node.process.stdout:
            node.process.stdout.close()


@pytest.fixture
def redis(root: Path, tmp_path: Path) -> Iterator[Running]:
    needs("redis-cli", "redis-benchmark")
    with running(root, "redis_like", "resp", tmp_path / "data") as node:
        yield node


def upgraded(
    node: Running, command: Sequence[str], seconds: float = 0, feed: Callable[[int], str] | None = None
) -> str:
    """Run a client, and let all changes happen before it has ended; what it said.

    `seconds` is between two changes; `feed` gives what the client is told before each, and behind the last.
    """
    with subprocess.Popen(
        [*command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as client:
        assert client.stdin
        for number in range(CHANGES):
            if feed:
                client.stdin.write(feed(number))
                client.stdin.flush()
            time.sleep(seconds)
            node.change(number)
            assert client.poll() is None, "the client ended before the changes: they were not under load"
        said, _ = client.communicate(feed(CHANGES) if feed else None, timeout=PATIENCE)
    assert client.returncode == 0, said
    return said


def recovered(node: Running) -> None:
    """Kill the node, and start what ran on what it left."""
    node.end(signal.SIGKILL)
    node.start("v2")


@pytest.mark.parametrize("pipelining", [[], ["-P", "16"]], ids=["one by one", "by 16"])
def test_redis_benchmark_counts_to_100_000(redis: Running, pipelining: list[str]) -> None:
    command = ["redis-benchmark", "-p", redis.port, "-t", "incr", "-n", "100000", "-c", "50", *pipelining]
    said = upgraded(redis, command, 0.02 if pipelining else 0.1)
    assert "100000 requests completed" in said
    assert "rror" not in said.replace("could not fetch", "")
    assert redis.redis("get", "counter:__rand_int__") == "100000"
    recovered(redis)
    assert redis.redis("get", "counter:__rand_int__") == "100000"


def test_redis_cli_sees_no_gap(redis: Running) -> None:
    said = upgraded(redis, ["redis-cli", "-p", redis.port, "-r", "2000", "incr", "seq"], 0.01)
    assert [int(each) for each in said.split()] == list(range(1, 2001))
    recovered(redis)
    assert redis.redis("get", "seq") == "2000"


def test_redis_cli_pipes_20_000(redis: Running) -> None:
    def some(part: int) -> str:
        share = range(part, 20_000, CHANGES + 1)
        return "".join(f"SET key:{n} value:{n}\r\n" for n in share)

    said = upgraded(redis, ["redis-cli", "-p", redis.port, "--pipe"], feed=some)
    assert said.splitlines()[-1] == "errors: 0, replies: 20000", said
    assert redis.redis("dbsize") == "20000"
    recovered(redis)
    assert redis.redis("dbsize") == "20000"
    for n in (0, 1, 9_999, 19_999):
        assert redis.redis("get", f"key:{n}") == f"value:{n}"


def test_wrk_has_no_error(root: Path, tmp_path: Path) -> None:
    needs("wrk")
    script = tmp_path / "incr.lua"
    script.write_text("wrk.method = 'POST'\nwrk.body = '{\"type\": \"Incr\"}'\n")
    with running(root, "counter", "http", tmp_path / "data") as node:
        url = f"http://127.0.0.1:{node.port}/machines/counter"
        said = upgraded(node, ["wrk", "-t2", "-c32", "-d10s", "-s", str(script), url], 1.2)
        assert "Socket errors" not in said
        assert "Non-2xx" not in said
        found = re.search(r"(\d+) requests in", said)
        assert found
        words = ["call", "counter", '{"type": "Read"}', "--data", str(node.data), "--json"]
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, done.output
        count = json.loads(done.output)["count"]
        assert int(found[1]) <= count <= int(found[1]) + 32, "each answered, and those that were under way"


OTHERWISE = {
    "redis_like": ("reply = Number(n + by)\n", "reply = Number(n + by + 1)\n"),
    "counter": ("return Ok()\n", "return Total(count[1])\n"),
}
"""What the last inputs are answered otherwise by, so that a rehearsal refuses it."""
BREAKS = {
    "redis_like": ("elif -LARGEST <=", "elif sound(n) and -LARGEST <="),
    "counter": ("count = (count[0], count[1] + by)\n", "count = (count[0], sound(count[1]) + by)\n"),
}
"""What raises on every hundredth input."""
SOUND = """

def sound(n: int) -> int:
    if n % 100 == 99:
        raise ArithmeticError(n)
    return n


"""


def other(node: Running, folder: Path, change: tuple[str, str]) -> Path:
    """Version 2 of an example with one text in the place of another."""
    shutil.copytree(node.root / "examples" / node.example, folder)
    file = folder / "v2.py"
    text = file.read_text()
    assert text.count(change[0]) == 1
    head, at, rest = text.replace(*change).partition("\n\n\n@")
    file.write_text(head + SOUND + at.lstrip() + rest)
    return file


def through_it_all(node: Running, client: subprocess.Popen[str], folder: Path) -> None:
    """A rehearsal that refuses, a probation that goes back, a good upgrade that is taken back, and one that settles."""
    good = node.root / "examples" / node.example / "v2.py"
    words = ("--probation", "500/20s")
    steps: tuple[tuple[int, str, tuple[str, ...]], ...] = (
        (
            1,
            "the new version differs",
            ("upgrade", "--rehearse", "20", str(other(node, folder / "a", OTHERWISE[node.example]))),
        ),
        (
            1,
            "ArithmeticError",
            ("upgrade", "--rehearse", "0", str(other(node, folder / "b", BREAKS[node.example]))),
        ),
        (0, "upgraded", ("upgrade", "--rehearse", "0", *words, str(good))),
        (0, "rolled back", ("rollback",)),
        (0, "upgraded", ("upgrade", "--rehearse", "0", *words, "--settle", str(good))),
        (1, "no earlier version", ("rollback",)),
    )
    for code, told, typed in steps:
        done = CliRunner().invoke(app, [*typed, "--data", str(node.data)])
        assert done.exit_code == code, done.output
        assert told in done.output, done.output
    assert client.poll() is None, "the client ended before the changes: they were not under load"


def test_redis_benchmark_through_what_goes_wrong(redis: Running, tmp_path: Path) -> None:
    command = ["redis-benchmark", "-p", redis.port, "-t", "incr", "-n", "60000", "-c", "50"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as client:
        through_it_all(redis, client, tmp_path)
        said, _ = client.communicate(timeout=PATIENCE)
    assert "60000 requests completed" in said
    assert "rror" not in said.replace("could not fetch", "")
    recovered(redis)
    assert redis.redis("get", "counter:__rand_int__") == "60000"


def test_wrk_through_what_goes_wrong(root: Path, tmp_path: Path) -> None:
    needs("wrk")
    script = tmp_path / "incr.lua"
    script.write_text("wrk.method = 'POST'\nwrk.body = '{\"type\": \"Incr\"}'\n")
    with running(root, "counter", "http", tmp_path / "data") as node:
        url = f"http://127.0.0.1:{node.port}/machines/counter"
        command = ["wrk", "-t2", "-c32", "-d300s", "-s", str(script), url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as client:
            time.sleep(0.3)
            through_it_all(node, client, tmp_path)
            client.send_signal(signal.SIGINT)  # it tells what it did
            said, _ = client.communicate(timeout=PATIENCE)
        assert "Socket errors" not in said
        assert "Non-2xx" not in said
        found = re.search(r"(\d+) requests in", said)
        assert found
        recovered(node)
        words = ["call", "counter", '{"type": "Read"}', "--data", str(node.data), "--json"]
        count = json.loads(CliRunner().invoke(app, words).output)["count"]
        assert int(found[1]) <= count <= int(found[1]) + 32, "each answered, and those that were under way"


def test_keys_that_are_set_together_survive_kills_together(
    redis: Running, pytestconfig: pytest.Config
) -> None:
    """A client sets more keys than a batch holds to one number, over and over; the node is killed at any moment."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance, acknowledged = random.Random(seed), 0
    keys = [f"key:{n}" for n in range(bounds.BATCH + 50)]
    for _ in range(40 if pytestconfig.getoption("--long") else 4):
        until = time.monotonic() + chance.uniform(0.05, 0.5)
        with socket.create_connection(("127.0.0.1", int(redis.port)), timeout=30) as client:
            answers, sent = client.makefile("rb"), acknowledged
            while time.monotonic() < until:
                for _ in range(chance.randrange(1, 10)):
                    sent += 1
                    client.sendall(f"MSET {' '.join(f'{key} {sent}' for key in keys)}\r\n".encode())
                for _ in range(chance.randrange(sent - acknowledged + 1)):
                    assert answers.readline() == b"+OK\r\n"
                    acknowledged += 1
            redis.end(signal.SIGKILL)
            with contextlib.suppress(ConnectionError):
                while answers.readline() == b"+OK\r\n":
                    acknowledged += 1
        redis.start("v1")
        found = {int(each or 0) for each in redis.redis("mget", *keys).split("\n")}
        assert len(found) == 1, f"half of a command was kept: {found}"
        (kept,) = found
        assert acknowledged <= kept <= sent
        acknowledged = kept


def test_a_stop_answers_what_was_taken(redis: Running) -> None:
    """A client that pipelines is cut off by SIGTERM: it has an answer for each step, and no step is lost."""
    command = ["redis-cli", "-p", redis.port, "-r", "200000", "incr", "n"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as client:
        assert client.stdout
        while client.stdout.readline().strip() != "100":
            pass
        told = redis.end(signal.SIGTERM)
        assert redis.process.returncode == 0
        client.kill()
        said, _ = client.communicate(timeout=60)
    assert "stopping: what waits is answered first" in told
    assert "Traceback" not in told
    numbers = [int(each) for each in re.findall(r"^\d+$", said, re.MULTILINE)]
    assert numbers == list(range(101, 101 + len(numbers)))
    redis.start("v1")
    assert redis.redis("get", "n") == str(100 + len(numbers))
