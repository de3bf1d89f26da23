"""The keys and values of `examples/redis_like`: what is read, what is answered, against a model; and its README."""

from __future__ import annotations

import asyncio
import contextlib
import doctest
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from midflight import (
    Application,
    Ask,
    AskAll,
    Node,
    NotARequest,
    Overloaded,
    Unavailable,
    compile,
    load,
    plan,
)
from runtime.listen import bind
from runtime.speaker import speaking
from tests.conftest import ROOT
from tests.examples.readme import shown

FOLDER = ROOT / "examples" / "redis_like"
NOW = 1_700_000_000_000


def loaded(name: str) -> tuple[Application, ModuleType, ModuleType]:
    """A version, and its modules of the commands and of the protocol."""
    app = load(str(FOLDER / f"{name}.py")).unwrap()
    assert app.sources
    commands, resp = (app.sources.version.module(each) for each in ("commands", "resp"))
    assert commands
    assert resp
    return app, commands, resp


V1, COMMANDS, RESP = loaded("v1")
V2, COMMANDS_2, _ = loaded("v2")


def sent(*words: bytes) -> bytes:
    """A command as clients send it."""
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(each), each) for each in words)


# Reading


def every_command(data: bytes) -> tuple[list[list[bytes]], int]:
    """The commands that are whole, and where they end."""
    found, at = [], 0
    while at < len(data):
        read = RESP.command(data, at)
        if read is None:
            break
        words, end = read
        assert at < end <= len(data)
        found.append(words)
        at = end
    return found, at


WORDS = st.lists(st.binary(max_size=30), max_size=5)


@given(st.lists(WORDS, max_size=5), st.data())
def test_a_command_is_read_however_it_is_cut(commands: list[list[bytes]], data: st.DataObject) -> None:
    whole = b"".join(sent(*each) for each in commands)
    cut = data.draw(st.integers(0, len(whole)))
    first, at = every_command(whole[:cut])
    second, end = every_command(whole[at:])
    assert first + second == commands
    assert at + end == len(whole)


@given(st.binary(max_size=200) | st.text(alphabet="*$-+0123456789\r\nab \x00", max_size=60).map(str.encode))
@example(b"*1\r\n$99999999999999999999\r\n")
@example(b"*1\r\n$-1\r\n")
@example(b"*\xb2\r\n")
def test_whatever_comes_is_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(NotARequest):
        every_command(data)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"*99999\r\n", "invalid multibulk length"),
        (b"*-1\r\n", "invalid multibulk length"),
        (b"*" + b"1" * 30, "invalid multibulk length"),
        (b"*1\r\n:1\r\n", "expected '$', got ':'"),
        (b"*1\r\n$524289\r\n", "invalid bulk length"),
        (b"*1\r\n$" + b"9" * 30, "invalid bulk length"),
        (b"*1\r\n$\r\n\r\n", "invalid bulk length"),
        (b"*1\r\n$1\r\nabc", "longer than it says"),
        (b"a" * 65536, "too big inline request"),
    ],
)
def test_what_is_no_command(data: bytes, why: str) -> None:
    with pytest.raises(NotARequest, match=re.escape(why)):
        RESP.command(data, 0)


def test_lines_are_commands_too() -> None:
    data = b"PING\r\n\r\n  set  a   b \nGET a"
    assert every_command(data) == ([[b"PING"], [], [b"set", b"a", b"b"]], len(data) - 5)


def test_what_the_modules_say_of_themselves() -> None:
    for module in (RESP, COMMANDS):
        assert doctest.testmod(module).failed == 0


# Answering


class Store:
    """A version's machine behind its commands, without a node."""

    def __init__(self, app: Application, commands: ModuleType) -> None:
        self.program = compile(app.machines["store"])
        self.state = self.program.initial()
        self.codec = app.codecs["resp"]
        self.commands = commands

    def say(self, now: int, *words: bytes) -> bytes:
        request = self.commands.asked(words, now, self.commands.COMMANDS)
        if isinstance(request, Ask):
            self.state, reply = self.program.step(self.state, request.message)
            return self.codec.write(request.form, reply)
        if isinstance(request, AskAll):
            replies = []
            for message in request.messages:
                self.state, reply = self.program.step(self.state, message)
                replies.append(reply)
            return self.codec.write(request.form, tuple(replies))
        return bytes(request.data)


class Model:
    """The same with a dict: what is kept of a key is its value and when it runs out."""

    def __init__(self) -> None:
        self.kept: dict[bytes, tuple[bytes, int | None]] = {}

    def say(self, now: int, name: bytes, *words: bytes) -> bytes:
        answer: Callable[..., bytes] = getattr(self, name.decode().lower())
        return answer(now, *words)

    def look(self, now: int, key: bytes) -> tuple[bytes, int | None] | None:
        found = self.kept.get(key)
        if found is not None and found[1] is not None and found[1] <= now:
            found = None
            del self.kept[key]
        return found

    def put(self, now: int, key: bytes, value: bytes) -> bytes:
        found = self.look(now, key)
        self.kept[key] = value, found and found[1]
        return value

    def get(self, now: int, key: bytes) -> bytes:
        found = self.look(now, key)
        return b"$-1\r\n" if found is None else b"$%d\r\n%b\r\n" % (len(found[0]), found[0])

    def set(self, now: int, key: bytes, value: bytes, *options: bytes) -> bytes:
        until = now + 1000 * int(options[1]) if options else None
        self.kept[key] = value, until
        return b"+OK\r\n"

    def mget(self, now: int, *keys: bytes) -> bytes:
        return b"*%d\r\n" % len(keys) + b"".join(self.get(now, each) for each in keys)

    def mset(self, now: int, *words: bytes) -> bytes:
        for at in range(0, len(words), 2):
            self.set(now, words[at], words[at + 1])
        return b"+OK\r\n"

    def exists(self, now: int, *keys: bytes) -> bytes:
        return b":%d\r\n" % sum(self.look(now, each) is not None for each in keys)

    def delete(self, now: int, *keys: bytes) -> bytes:
        count = 0
        for each in keys:
            count += self.look(now, each) is not None
            self.kept.pop(each, None)
        return b":%d\r\n" % count

    def __getattr__(self, name: str) -> Any:
        if name == "del":
            return self.delete
        raise AttributeError(name)

    def incrby(self, now: int, key: bytes, by: bytes) -> bytes:
        found = self.look(now, key)
        if found is not None and not re.fullmatch(rb"0|-?[1-9][0-9]{0,18}", found[0]):
            return b"-ERR value is not an integer or out of range\r\n"
        n = int(found[0] if found else b"0")
        if n != max(-(2**63), min(n, 2**63 - 1)):
            return b"-ERR value is not an integer or out of range\r\n"
        n += int(by)
        if n != max(-(2**63), min(n, 2**63 - 1)):
            return b"-ERR increment or decrement would overflow\r\n"
        return b":%b\r\n" % self.put(now, key, str(n).encode())

    def incr(self, now: int, key: bytes) -> bytes:
        return self.incrby(now, key, b"1")

    def decr(self, now: int, key: bytes) -> bytes:
        return self.incrby(now, key, b"-1")

    def append(self, now: int, key: bytes, more: bytes) -> bytes:
        found = self.look(now, key)
        return b":%d\r\n" % len(self.put(now, key, (found[0] if found else b"") + more))

    def strlen(self, now: int, key: bytes) -> bytes:
        found = self.look(now, key)
        return b":%d\r\n" % (len(found[0]) if found else 0)

    def ttl(self, now: int, key: bytes) -> bytes:
        found = self.look(now, key)
        if found is None or found[1] is None:
            return b":-2\r\n" if found is None else b":-1\r\n"
        return b":%d\r\n" % ((found[1] - now + 500) // 1000)

    def expire(self, now: int, key: bytes, seconds: bytes) -> bytes:
        found = self.look(now, key)
        if found is None:
            return b":0\r\n"
        self.kept[key] = found[0], now + 1000 * int(seconds)
        self.look(now, key)
        return b":1\r\n"

    def dbsize(self, now: int) -> bytes:
        return b":%d\r\n" % len(self.kept)


KEY = st.sampled_from([b"a", b"b", b"\xff\x00"])
VALUE = st.sampled_from(
    [b"", b"x", b"7", b"-0", b"012", b"9223372036854775807", b"-9223372036854775808", b"1\r\n"]
)
WHOLE = st.sampled_from([b"1", b"2", b"-1", b"9223372036854775807"])
SECONDS = st.sampled_from([b"1", b"2", b"5"])
SAID = st.one_of(
    st.tuples(st.sampled_from([b"GET", b"INCR", b"DECR", b"STRLEN", b"TTL"]), KEY),
    st.tuples(st.just(b"SET"), KEY, VALUE),
    st.tuples(st.just(b"SET"), KEY, VALUE, st.just(b"EX"), SECONDS),
    st.tuples(st.just(b"APPEND"), KEY, VALUE),
    st.tuples(st.just(b"INCRBY"), KEY, WHOLE),
    st.tuples(st.just(b"EXPIRE"), KEY, SECONDS | st.sampled_from([b"0", b"-3"])),
    st.tuples(st.sampled_from([b"MGET", b"DEL", b"EXISTS"]), KEY, KEY),
    st.tuples(st.just(b"MSET"), KEY, VALUE, KEY, VALUE),
    st.just((b"DBSIZE",)),
)


@pytest.mark.parametrize("version", [1, 2])
@given(st.lists(st.tuples(st.integers(0, 1500), SAID), max_size=30))
def test_it_answers_as_a_dict_would(version: int, deeds: list[tuple[int, tuple[bytes, ...]]]) -> None:
    store = Store(V1, COMMANDS) if version == 1 else Store(V2, COMMANDS_2)
    model, now = Model(), NOW
    for later, words in deeds:
        now += later
        assert store.say(now, *words) == model.say(now, *words), words
    assert len(store.state[-1]) == len(model.kept)  # a key that is gone takes no room


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        (b"PING", b"+PONG\r\n"),
        (b"ping hello", b"$5\r\nhello\r\n"),
        (b"ECHO hi", b"$2\r\nhi\r\n"),
        (b"ECHO", b"-ERR wrong number of arguments for 'echo' command\r\n"),
        (b"GET a b", b"-ERR wrong number of arguments for 'get' command\r\n"),
        (b"MSET a 1 b", b"-ERR wrong number of arguments for 'mset' command\r\n"),
        (b"SET a b PX 5", b"-ERR syntax error\r\n"),
        (b"SET a b EX", b"-ERR syntax error\r\n"),
        (b"SET a b EX x", b"-ERR value is not an integer or out of range\r\n"),
        (b"SET a b EX 0", b"-ERR invalid expire time in 'set' command\r\n"),
        (b"SET a b EX 9223372036854775807", b"-ERR invalid expire time in 'set' command\r\n"),
        (b"EXPIRE a 9223372036854775807", b"-ERR invalid expire time in 'expire' command\r\n"),
        (b"INCRBY a 1.5", b"-ERR value is not an integer or out of range\r\n"),
        (
            b"CONFIG GET save",
            b"-ERR CONFIG is not spoken here: the node is configured where it is started\r\n",
        ),
        (b"HELLO 3", b"-ERR unknown command 'HELLO'\r\n"),
        (b"f\xff\x00 3", "-ERR unknown command 'f\ufffd\x00'\r\n".replace("\ufffd", "?").encode()),
        (b"QUIT", b"+OK\r\n"),
        (b"", b""),
    ],
)
def test_what_is_answered_without_a_machine(said: bytes, heard: bytes) -> None:
    assert Store(V1, COMMANDS).say(NOW, *said.split()).replace("\ufffd".encode(), b"?") == heard


def test_a_value_does_not_grow_without_end() -> None:
    store = Store(V1, COMMANDS)
    assert store.say(NOW, b"SET", b"a", b"x" * RESP.BULK) == b"+OK\r\n"
    assert store.say(NOW, b"APPEND", b"a", b"x") == b"-ERR string exceeds maximum allowed size\r\n"
    assert store.say(NOW, b"STRLEN", b"a") == b":524288\r\n"


def test_a_key_that_ran_out_counts_until_somebody_asks_for_it() -> None:
    store = Store(V1, COMMANDS)
    store.say(NOW, b"SET", b"a", b"1", b"EX", b"1")
    assert store.say(NOW + 1000, b"DBSIZE") == b":1\r\n"
    assert store.say(NOW + 1000, b"GET", b"a") == b"$-1\r\n"
    assert store.say(NOW + 1000, b"DBSIZE") == b":0\r\n"


def test_errors_of_calls_have_words() -> None:
    refused = V1.codecs["resp"].refused
    assert refused(Overloaded("store")).startswith(b"-TRYAGAIN store has as many messages waiting")
    assert refused(Unavailable("it is stopping")).startswith(b"-TRYAGAIN it is stopping")
    assert refused(NotARequest("Protocol error: x\r\ny")) == b"-ERR Protocol error: x y\r\n"


def test_hits_are_counted_by_the_second_version_and_values_go_both_ways() -> None:
    old, new = Store(V1, COMMANDS), Store(V2, COMMANDS_2)
    for n in range(20):
        old.say(NOW, b"SET", b"key %d" % n, b"%d" % n)
    (to_2,) = V2.migrations
    new.state = plan(old.program, new.program, to_2).unwrap().apply(old.state).unwrap()

    def hits(key: bytes) -> bytes:
        found = new.codec.read(sent(b"OBJECT", b"FREQ", key), 0)
        assert found
        request = found[0]
        assert isinstance(request, Ask)
        new.state, reply = new.program.step(new.state, request.message)
        return new.codec.write(request.form, reply)

    assert hits(b"key 1") == b":0\r\n"
    assert new.say(NOW, b"INCR", b"key 1") == b":2\r\n"
    assert new.say(NOW, b"MGET", b"key 1", b"none") == b"*2\r\n$1\r\n2\r\n$-1\r\n"
    assert hits(b"key 1") == hits(b"key 1") == b":2\r\n"
    assert hits(b"none") == b"$-1\r\n"
    assert new.say(NOW, b"DEL", b"key 1") == b":1\r\n"
    assert new.say(NOW, b"SET", b"key 1", b"x") == b"+OK\r\n"
    assert hits(b"key 1") == b":1\r\n"
    old.state = plan(new.program, old.program, to_2, down=True).unwrap().apply(new.state).unwrap()
    assert old.say(NOW, b"MGET", b"key 1", b"key 2") == b"*2\r\n$1\r\nx\r\n$1\r\n2\r\n"
    assert old.say(NOW, b"DBSIZE") == b":20\r\n"
    assert old.say(NOW, b"OBJECT", b"FREQ", b"key 1") == b"-ERR unknown command 'OBJECT'\r\n"


# On a node


@given(
    st.lists(
        st.binary(max_size=80) | st.lists(st.binary(max_size=9), max_size=4).map(lambda w: sent(*w)),
        max_size=8,
    )
)
def test_whatever_clients_send_the_node_answers_the_next_one(garbage: list[bytes]) -> None:
    async def talk() -> None:
        listeners = bind(["resp://127.0.0.1:0"], V1.codecs).unwrap()
        async with Node() as node:
            (await node.start(V1)).unwrap()
            (speaker,) = await speaking(node, V1, listeners)
            address = listeners[0].socket.getsockname()
            for each in [garbage, [b"\r\n", *garbage]]:
                reader, writer = await asyncio.open_connection(*address)
                writer.write(b"".join(each))
                writer.write_eof()
                await asyncio.wait_for(reader.read(), 10)
                writer.close()
            reader, writer = await asyncio.open_connection(*address)
            writer.write(sent(b"SET", b"k", b"v") + sent(b"GET", b"k") + sent(b"QUIT"))
            assert await asyncio.wait_for(reader.read(), 10) == b"+OK\r\n$1\r\nv\r\n+OK\r\n"
            writer.close()
            await speaker.close(5)
            await asyncio.sleep(0)

    asyncio.run(talk())


@pytest.fixture
def shell(tmp_path: Path) -> dict[str, str]:
    """An environment in which `midflight` is this checkout's."""
    if shutil.which("redis-cli") is None:
        pytest.skip("redis-cli is not installed (apt install redis-tools)")
    command = tmp_path / "midflight"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{ROOT / "midflight.py"}" "$@"\n')
    command.chmod(0o755)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    return {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}


def test_what_the_readme_shows(shell: dict[str, str], tmp_path: Path) -> None:
    (start, _), *commands = shown(FOLDER / "README.md")
    words = shlex.split(start.replace(":16379", ":0"))
    with subprocess.Popen(words, cwd=tmp_path, env=shell, stdout=subprocess.PIPE, text=True) as node:
        try:
            assert node.stdout
            told = next(line for line in node.stdout if "listens" in line)
            port = told.rpartition(":")[2].strip()
            for command, output in commands:
                ran = subprocess.run(
                    command.replace("16379", port),
                    shell=True,
                    cwd=tmp_path,
                    env=shell,
                    capture_output=True,
                    text=True,
                    check=False,
                )
                if output:
                    assert ran.stdout.split() == output.split(), command
                assert ran.returncode == 0, (command, ran)
        finally:
            node.terminate()
            assert node.stdout
            node.stdout.read()
    assert node.returncode == 0
