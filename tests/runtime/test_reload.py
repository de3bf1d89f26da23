"""Saves under watch, where reloaders of Python fail: real files, a real watcher, a node that is called meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import io
import re
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest
from rich.console import Console

from arrows.plain import from_plain
from runtime import bounds
from runtime.instruction import Probation
from runtime.loader import load
from runtime.node import Node
from runtime.reload import Reload
from runtime.reload_report import Report
from runtime.save import Save

SHOP = """
from attrs import frozen
from midflight import Application, Migration, proc


@frozen
class Add:
    n: int = 1


@proc
def shop(msg: Add, *, total: int = 0) -> int:
    total += msg.n
    return total


app = Application("shop", version="1", machines={"shop": shop})
"""


@attrs.define
class Developer:
    """Somebody who saves files, looks at the terminal, and answers what is asked there."""

    folder: Path
    node: Node
    out: io.StringIO
    answer: str | None = None
    asked: int = 0
    _seen: int = 0

    def is_there(self) -> bool:
        return self.answer is not None

    async def ask(self, choices: Sequence[str]) -> str | None:
        self.asked += 1
        if self.answer == "":
            await asyncio.Event().wait()  # thinks
        return self.answer

    def save(self, text: str, name: str = "app.py") -> None:
        (self.folder / name).write_text(text)

    def edit(self, *edits: str, name: str = "app.py") -> None:
        """Put one text in the place of another, and so on."""
        text = (self.folder / name).read_text()
        for old, new in zip(edits[::2], edits[1::2], strict=True):
            assert old in text, old
            text = text.replace(old, new)
        self.save(text, name)

    async def sees(self, pattern: str, seconds: float = 20) -> str:
        """What the terminal has shown since it was looked at last, when that has the pattern."""
        async with asyncio.timeout(seconds):
            while not (found := re.search(pattern, self.out.getvalue()[self._seen :], re.DOTALL)):
                await asyncio.sleep(0.005)
        shown = self.out.getvalue()[self._seen :]
        self._seen += found.end()
        return shown

    async def takes(self, pattern: str = "") -> str:
        return await self.sees(rf"{pattern}.*swapped in [^\n]*\n")

    async def call(self, machine: str = "shop", /, **fields: Any) -> Any:
        message = from_plain(fields or {"n": 1}, self.node.accepts(machine)).unwrap()
        return await self.node.call(machine, message)


@contextlib.asynccontextmanager
async def developing(
    folder: Path, *, data: bool = False, answer: str | None = None, **files: str
) -> AsyncIterator[Developer]:
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    file, save = str(folder / "app.py"), Save()
    application = load(file, save).unwrap()
    async with Node(folder / "data" if data else None) as node:
        (await node.start(application)).unwrap()
        out = io.StringIO()
        report = Report(Console(file=out, width=200, highlight=False), asyncio.get_running_loop().time)
        developer = Developer(folder, node, out, answer)
        watching = asyncio.create_task(Reload(node, file, application, save, report, developer).run())
        try:
            yield developer
            assert not watching.done(), watching.exception()
        finally:
            watching.cancel()
            await asyncio.wait([watching])


def tried(work: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await work()

    asyncio.run(main())


def test_a_save_takes_over_and_is_told(tmp_path: Path) -> None:
    async def work() -> None:
        async with developing(tmp_path, app=SHOP) as developer:
            assert await developer.call(n=5) == 5
            developer.edit("total += msg.n", "total += msg.n * 10", "*, total", "*, seen: int = 0, total")
            shown = await developer.takes()
            assert await developer.call(n=5) == 55
        lines = [re.sub(r"[0-9.]+ ms|\d\d:\d\d:\d\d", "#", line) for line in shown.splitlines()]
        assert lines == [
            "# app.py" if tmp_path == Path.cwd() else f"# {tmp_path / 'app.py'}",
            "  12 - def shop(msg: Add, *, total: int = 0) -> int:",
            "  13 -     total += msg.n",
            "  12 + def shop(msg: Add, *, seen: int = 0, total: int = 0) -> int:",
            "  13 +     total += msg.n * 10",
            "  shop  kept      total",
            "        new       seen: int",
            "  shop swapped in #, # after the save",
        ]

    tried(work)


# Where reloaders of Python fail


def test_a_field_added_to_init(tmp_path: Path) -> None:
    """Objects that are there would lack it."""
    text = SHOP.replace(
        "@proc\ndef shop(msg: Add, *, total: int = 0) -> int:\n    total += msg.n\n    return total",
        "@frozen\nclass Basket:\n    total: int = 0\n\n"
        "@proc\ndef shop(msg: Add, *, basket: Basket = Basket()) -> int:\n"
        "    basket = Basket(basket.total + msg.n)\n    return basket.total",
    )

    async def work() -> None:
        async with developing(tmp_path, app=text) as developer:
            assert await developer.call(n=5) == 5
            developer.edit(
                "    total: int = 0\n",
                "    total: int = 0\n    rate: int = 2\n",
                "return basket.total",
                "return basket.total * basket.rate",
                "Basket(basket.total + msg.n)",
                "Basket(basket.total + msg.n, basket.rate)",
            )
            assert "converted basket: Basket -> Basket, inferred" in await developer.takes()
            assert await developer.call(n=1) == 12

    tried(work)


def test_the_initial_value_of_a_global(tmp_path: Path) -> None:
    """It is new at once, and what was counted stays."""
    text = SHOP.replace("@proc", "RATE = 2\n\n@proc").replace("return total", "return total * RATE")

    async def work() -> None:
        async with developing(tmp_path, app=text) as developer:
            assert await developer.call(n=5) == 10
            developer.edit("RATE = 2", "RATE = 3")
            await developer.takes()
            assert await developer.call(n=1) == 18
            developer.edit("total: int = 0", "total: int = 100")
            assert "kept      total" in await developer.takes()
            assert await developer.call(n=1) == 21, "what is there is not begun anew"

    tried(work)


def test_an_exception_half_way_through_a_module(tmp_path: Path) -> None:
    """Nothing of it has happened."""
    words = "RATE = 2\nRATES = {}\n\ndef rate() -> int:\n    return RATE\n"
    text = SHOP.replace("@proc", "from words import rate\n\n@proc").replace(
        "return total", "return total * rate()"
    )

    async def work() -> None:
        async with developing(tmp_path, app=text, words=words) as developer:
            assert await developer.call(n=5) == 10
            developer.edit("RATE = 2", "RATE = 3", "RATES = {}", 'RATES = {}["euro"]', name="words.py")
            shown = await developer.sees("runs on")
            assert f"{tmp_path / 'words.py'}:2: KeyError: 'euro'\n" in shown
            assert '      2 | RATES = {}["euro"]\n' in shown
            assert await developer.call(n=1) == 12, "the old version is whole"
            developer.edit('["euro"]', "", name="words.py")
            await developer.takes()
            assert await developer.call(n=1) == 21

    tried(work)


def test_a_syntax_error_is_told_with_its_line_and_mended(tmp_path: Path) -> None:
    folder = tmp_path / "my shop"
    folder.mkdir()

    async def work() -> None:
        async with developing(folder, app=SHOP) as developer:
            developer.edit("total += msg.n", "total += (msg.n")
            shown = await developer.sees("runs on")
            assert "app.py:13: SyntaxError: '(' was never closed\n     13 |     total += (msg.n\n" in shown
            assert await developer.call() == 1
            developer.edit("(msg.n", "(msg.n * 7)")
            await developer.takes()
            assert await developer.call() == 8

    tried(work)


def test_a_signature_that_changes_over_two_saves(tmp_path: Path) -> None:
    """Called all the while, none of ten thousand fails."""
    words = "def priced(n: int) -> int:\n    return n\n"
    text = SHOP.replace("@proc", "from words import priced\n\n@proc").replace("+= msg.n", "+= priced(msg.n)")

    async def work() -> None:
        async with developing(tmp_path, app=text, words=words) as developer:
            replies: list[int] = []

            async def called() -> None:
                while len(replies) < 10_000 or not swapped.done():
                    replies.append(await developer.call(n=1))

            swapped = asyncio.ensure_future(developer.takes())
            calling = asyncio.ensure_future(called())
            began = time.monotonic()
            developer.edit("(n: int)", "(n: int, rate: int)", "return n", "return n * rate", name="words.py")
            await asyncio.sleep(0.25)
            developer.edit("priced(msg.n)", "priced(msg.n, 2)")
            apart = time.monotonic() - began
            await asyncio.gather(swapped, calling)
            replies.append(await developer.call(n=1))
            assert len(replies) >= 10_000
            steps = {b - a for a, b in zip([0, *replies], replies, strict=False)}
            assert steps == {1, 2}, "each was answered, by one of the two versions"
            if (
                apart < bounds.TOGETHER_SAVED
            ):  # on a machine that was held up they are two, and the first goes back
                shown = await swapped
                assert shown.count("swapped") == 1
                assert "words.py" in shown.splitlines()[0]
                assert "app.py" in shown.splitlines()[0]

    tried(work)


def test_calls_in_flight(tmp_path: Path) -> None:
    """Each of those that wait is answered once, by the version before or the new one."""

    async def work() -> None:
        async with developing(tmp_path, app=SHOP, data=True) as developer:
            stop = asyncio.Event()

            async def caller() -> int:
                count = 0
                while not stop.is_set():
                    await developer.call(n=1)
                    count += 1
                return count

            callers = [asyncio.ensure_future(caller()) for _ in range(16)]
            developer.edit("return total", "return -total")
            await developer.takes()
            stop.set()
            assert await developer.call(n=0) == -sum(await asyncio.gather(*callers))

    tried(work)


def test_a_renamed_class(tmp_path: Path) -> None:
    """Of messages that is a question of the callers, who are asked for: until then the old version runs on."""

    async def work() -> None:
        async with developing(tmp_path, app=SHOP) as developer:
            await developer.call(n=5)
            developer.edit("class Add", "class Increase", "msg: Add", "msg: Increase")
            shown = await developer.sees(r"where that may go[^\n]*\n")
            assert "inputs=[lens.rename('Add', ANOTHER)]" in shown
            developer.edit(
                "import Application,",
                "import lens, Application,",
                '"shop": shop}',
                '"shop": shop}, migrations=[Migration("shop", old="1", new="1", '
                'inputs=[lens.rename("Add", "Increase")])]',
            )
            await developer.takes()
            assert await developer.call(n=1) == 6
            developer.edit("return total", "return total * 2")
            await developer.takes()
            assert await developer.call(n=1) == 14, "the migration was gone once, and is not gone again"

    tried(work)


def test_a_moved_function(tmp_path: Path) -> None:
    """The same machine, wherever its functions stand."""
    helper = "def priced(n: int) -> int:\n    return n * 2\n"
    text = SHOP.replace("@proc", f"{helper}\n\n@proc").replace("+= msg.n", "+= priced(msg.n)")

    async def work() -> None:
        async with developing(tmp_path, app=text) as developer:
            developer.save(helper, "words.py")
            developer.edit(helper, "from words import priced\n")
            await developer.sees("no machine has changed")
            assert await developer.call(n=5) == 10
            developer.edit("n * 2", "n * 3", name="words.py")
            await developer.takes(r"words\.py")
            assert await developer.call(n=5) == 25, "the file that is new is watched too"

    tried(work)


def test_a_decorator_added(tmp_path: Path) -> None:
    helper = "def priced(n: int) -> int:\n    return n\n"
    twice = "def twice(f):\n    def g(n: int) -> int:\n        return f(n) * 2\n    return g\n\n"
    text = SHOP.replace("@proc", f"{helper}\n\n@proc").replace("+= msg.n", "+= priced(msg.n)")

    async def work() -> None:
        async with developing(tmp_path, app=text) as developer:
            assert await developer.call(n=5) == 5
            developer.edit("def priced", f"{twice}@twice\ndef priced")
            await developer.takes()
            assert await developer.call(n=5) == 15
            developer.edit("@twice\n", "import functools\n@functools.cache\n")
            shown = await developer.sees("runs on")
            assert "priced" in shown, "what hides state is no version, and is told"
            assert await developer.call(n=5) == 25

    tried(work)


def test_an_enum_with_a_new_member(tmp_path: Path) -> None:
    """The member that is kept is a member of the new class."""
    text = SHOP.replace(
        "@proc\ndef shop(msg: Add, *, total: int = 0) -> int:\n    total += msg.n\n    return total",
        "from enum import Enum\n\nclass Light(Enum):\n    RED = 1\n    GREEN = 2\n\n"
        "NEXT = {Light.RED: Light.GREEN, Light.GREEN: Light.RED}\n\n"
        "@proc\ndef shop(msg: Add, *, light: Light = Light.RED) -> str:\n"
        "    light = NEXT[light]\n    return light.name",
    )

    async def work() -> None:
        async with developing(tmp_path, app=text) as developer:
            assert await developer.call() == "GREEN"
            developer.edit(
                "GREEN = 2",
                "GREEN = 2\n    AMBER = 3",
                "GREEN: Light.RED",
                "GREEN: Light.AMBER, Light.AMBER: Light.RED",
            )
            assert "light: Light -> Light" in await developer.takes()
            assert [await developer.call() for _ in range(3)] == ["AMBER", "RED", "GREEN"]

    tried(work)


# Never a torn version


PART = "def part() -> int:\n    return 1\n"
PARTS = 200


def parts(folder: Path) -> str:
    """Many modules, and a machine that tells which of their contents it is made of."""
    package = folder / "parts"
    package.mkdir()
    (package / "__init__.py").write_text("")
    for number in range(PARTS):
        (package / f"p{number}.py").write_text(PART)
    imports = "".join(f"from parts import p{number}\n" for number in range(PARTS))
    calls = ", ".join(f"p{number}.part()" for number in range(PARTS))
    return SHOP.replace(
        "@proc", f"{imports}\n\ndef kinds() -> set[int]:\n    return {{{calls}}}\n\n\n@proc", 1
    ).replace("    total += msg.n\n    return total", "    return sum(kinds()) * 10 + len(kinds())")


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments],
        cwd=folder,
        check=True,
        capture_output=True,
    )


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_two_hundred_modules_and_a_switch_of_branches(tmp_path: Path) -> None:
    async def work() -> None:
        text = parts(tmp_path)
        async with developing(tmp_path, app=text) as developer:
            (tmp_path / ".gitignore").write_text("data\n")
            git(tmp_path, "init", "-b", "one")
            git(tmp_path, "add", ".")
            git(tmp_path, "commit", "-m", "one")
            git(tmp_path, "checkout", "-b", "two")
            replies: set[int] = set()
            done = asyncio.Event()

            async def called() -> None:
                while not done.is_set():
                    replies.add(await developer.call())
                    await asyncio.sleep(0.001)

            calling = asyncio.ensure_future(called())
            for number in range(PARTS):  # a burst, with an editor's time between
                (tmp_path / "parts" / f"p{number}.py").write_text(PART.replace("1", "2"))
                if number % 50 == 0:
                    await asyncio.sleep(0.05)
            assert "and 197 more" in await developer.takes()
            assert await developer.call() == 21
            git(tmp_path, "commit", "-am", "two")
            await asyncio.to_thread(git, tmp_path, "checkout", "one")
            await developer.takes()
            done.set()
            await calling
            assert await developer.call() == 11
            assert replies == {11, 21}, "each reply is of one branch"

    tried(work)


def test_while_git_writes_nothing_is_taken(tmp_path: Path) -> None:
    async def work() -> None:
        async with developing(tmp_path, app=SHOP) as developer:
            (tmp_path / ".git").mkdir()
            lock = tmp_path / ".git" / "index.lock"
            lock.touch()
            developer.edit("total += msg.n", "total += msg.n * 2")
            await asyncio.sleep(bounds.ALONE_SAVED * 5)
            assert await developer.call() == 1
            developer.edit("total += msg.n * 2", "total += msg.n * 3")
            lock.unlink()
            assert (await developer.takes()).count("swapped") == 1
            assert await developer.call() == 4

    tried(work)


def test_saves_by_renaming_by_halves_and_in_bursts(tmp_path: Path) -> None:
    words = "def one() -> int:\n    return 1\n\n\ndef other() -> int:\n    return 1\n"
    text = SHOP.replace("@proc", "import words\n\n@proc").replace(
        "    total += msg.n\n    return total", "    return words.one() * 10 + words.other()"
    )

    async def work() -> None:
        async with developing(tmp_path, app=text, words=words) as developer:
            assert await developer.call() == 11
            file = tmp_path / "words.py"
            aside = tmp_path / ".words.py.swp"
            aside.write_text(words.replace("1", "2"))
            aside.replace(file)
            await developer.takes(r"words\.py")
            assert await developer.call() == 22

            with file.open("w") as half:  # each half is Python, and the old other() would still be there
                half.write(words.replace("1", "3").partition("\n\n\n")[0] + "\n\n\n")
                half.flush()
                await asyncio.sleep(bounds.TOGETHER_SAVED / 2)
                assert await developer.call() == 22
                half.write(words.replace("1", "3").partition("\n\n\n")[2])
            assert (await developer.takes()).count("swapped") == 1
            assert await developer.call() == 33

            for number in range(4, 10):
                file.unlink(missing_ok=True)
                await asyncio.sleep(0.01)
                file.write_text(words.replace("1", str(number)))
                await asyncio.sleep(0.01)
            assert (await developer.takes()).count("swapped") == 1
            assert await developer.call() == 99

    tried(work)


def test_callers_do_not_wait_for_the_report(tmp_path: Path) -> None:
    """Of twenty thousand lines that are alike three are others."""
    words = "def words(n):\n" + "    n += 1\n" * 20_000 + "    return n\n"
    text = SHOP.replace("@proc", "import words\n\n@proc")

    async def work() -> None:
        async with developing(tmp_path, app=text, words=words) as developer:
            swapped = asyncio.ensure_future(developer.takes(r"words\.py"))
            longest, last = 0.0, time.monotonic()
            lines = words.split("\n")
            for number in (100, 9_000, 19_000):
                lines[number] = "    n += 2"
            developer.edit("+= msg.n", "+= msg.n * 2")
            developer.save("\n".join(lines), "words.py")
            while not swapped.done():
                await developer.call()
                longest, last = max(longest, time.monotonic() - last), time.monotonic()
            assert "+ n += 2" in await swapped
            assert longest < 2

    tried(work)


# What is wrong, and what comes of it


def test_a_first_message_that_fails_goes_back(tmp_path: Path) -> None:
    async def work() -> None:
        async with developing(tmp_path, app=SHOP) as developer:
            assert await developer.call(n=5) == 5
            developer.edit("total += msg.n", "total += msg.n // 0")
            await developer.takes()
            assert await developer.call(n=1) == 6, "by the version before"
            shown = await developer.sees("has answered")
            assert (
                f"ZeroDivisionError: integer division or modulo by zero at {tmp_path / 'app.py'}:13" in shown
            )
            assert "     13 |     total += msg.n // 0\n" in shown
            developer.edit("// 0", "* 2")
            assert "- total += msg.n\n" in await developer.takes(), "it differs from what runs"
            assert await developer.call(n=1) == 8

    tried(work)


def test_the_next_save_waits_for_no_probation(tmp_path: Path) -> None:
    """The upgrade before it settles; one that is refused leaves the way back."""

    async def work() -> None:
        async with developing(tmp_path, app=SHOP, data=True) as developer:
            developer.edit("total += msg.n", "total += msg.n * 2")
            await developer.takes()
            assert developer.node.status().applications[0].upgrade is not None
            developer.edit("msg.n * 2", "msg.n *")
            await developer.sees("runs on")
            running = developer.node._host.core.applications["shop"]
            assert running.is_open
            assert running.watch is not None
            developer.edit("msg.n *", "msg.n * 3")
            await developer.sees("swapped", seconds=Probation().seconds / 2)
            assert await developer.call() == 3

    tried(work)


def test_a_file_that_is_gone_for_a_while(tmp_path: Path) -> None:
    async def work() -> None:
        async with developing(tmp_path, app=SHOP) as developer:
            (tmp_path / "app.py").unlink()
            await developer.sees("there is no such file.*runs on")
            assert await developer.call() == 1
            developer.save(SHOP.replace("+= msg.n", "+= msg.n * 2"))
            await developer.takes()
            assert await developer.call() == 3

    tried(work)


def test_machines_that_have_not_changed_go_on(tmp_path: Path) -> None:
    text = SHOP.replace('"shop": shop}', '"shop": shop, "till": till}').replace(
        "app =",
        "@proc\ndef till(msg: Add, *, sum: int = 0) -> int:\n    sum += msg.n\n    return sum\n\n\napp =",
    )

    async def work() -> None:
        async with developing(tmp_path, app=text) as developer:
            assert await developer.call("till", n=3) == 3
            developer.edit("total += msg.n", "total += msg.n * 2")
            shown = await developer.takes()
            assert "shop swapped in" in shown
            assert "till" not in shown
            machines = developer.node._host.core.machines
            assert machines["shop"].watch is not None
            assert machines["till"].watch is None
            assert await developer.call("till", n=3) == 6

    tried(work)


# What would be lost


LOSES = ("total: int = 0", "sum: int = 0", "total += msg.n", "sum += msg.n", "return total", "return sum")


def test_an_undeclared_loss_is_refused_where_nobody_is_there(tmp_path: Path) -> None:
    async def work() -> None:
        async with developing(tmp_path, app=SHOP) as developer:
            await developer.call(n=5)
            developer.edit(*LOSES)
            shown = await developer.sees(r"where that may go[^\n]*\n")
            assert "the cell 'total' would be lost" in shown
            assert 'migrations=[Migration("shop", old="1", new="1", up={"total": DROP})]' in shown
            assert developer.asked == 0
            assert await developer.call(n=1) == 6

    tried(work)


def test_a_loss_is_accepted_once_and_recovered(tmp_path: Path) -> None:
    async def work() -> None:
        async with developing(tmp_path, data=True, answer="drop", app=SHOP) as developer:
            await developer.call(n=5)
            developer.edit(*LOSES)
            assert "dropped   total: int, declared" in await developer.takes()
            assert await developer.call(n=1) == 1
            developer.edit("sum += msg.n", "sum += msg.n * 2")
            await developer.takes()
            assert await developer.call(n=1) == 3
            assert developer.asked == 1
        async with Node(tmp_path / "data") as node:  # steps again what was journaled, across the upgrade
            (await node.start(load(str(tmp_path / "app.py")).unwrap())).unwrap()
            assert node.status().applications[0].machines[0].cells[0].value == 3

    tried(work)


def test_the_old_version_is_kept_or_another_save_comes(tmp_path: Path) -> None:
    async def work() -> None:
        async with developing(tmp_path, answer="keep", app=SHOP) as developer:
            await developer.call(n=5)
            developer.edit(*LOSES)
            await developer.sees("runs on.*runs on")
            assert await developer.call(n=1) == 6
            developer.answer = ""
            developer.edit("sum += msg.n", "sum += msg.n * 2")
            await developer.sees("k  keep")
            developer.save(SHOP.replace("+= msg.n", "+= msg.n * 3"))
            await developer.takes()
            assert await developer.call(n=1) == 9

    tried(work)


def test_the_migration_is_written_into_the_file(tmp_path: Path) -> None:
    typed = SHOP.replace("total: int = 0", 'total: str = ""').replace("+= msg.n", "+= str(msg.n)")
    typed = typed.replace("-> int", "-> str")

    async def work() -> None:
        async with developing(tmp_path, answer="write", app=SHOP) as developer:
            await developer.call(n=5)
            developer.edit(*LOSES)
            assert "dropped   total" in await developer.takes()
            text = (tmp_path / "app.py").read_text()
            assert "from midflight import DROP\n" in text
            assert 'migrations=[Migration("shop", old="1", new="1", up={"total": DROP})])' in text
            assert await developer.call(n=1) == 1

            developer.save(SHOP)  # as it was before, with a cell that is new
            await developer.sees("k  keep")
            await developer.takes()
            assert await developer.call(n=4) == 4
            developer.save(typed)
            shown = await developer.sees("raised NotImplementedError.*runs on")
            assert "raised NotImplementedError: what the cell total becomes at " in shown
            assert '|     raise NotImplementedError("what the cell total becomes")' in shown
            assert await developer.call(n=1) == 5
            developer.edit(
                'raise NotImplementedError("what the cell total becomes")\n\n\ndef',
                "return str(value)\n\n\ndef",
            )
            await developer.takes()
            assert await developer.call(n=1) == "51"

    tried(work)


def test_a_migration_is_written_after_another(tmp_path: Path) -> None:
    """While the version's text stays what it is, one stands there that has led."""
    texts = SHOP.replace("total: int = 0", 'total: str = ""').replace("+= msg.n", "+= str(msg.n)")
    texts = texts.replace("-> int", "-> str")
    pairs = texts.replace('total: str = ""', "total: tuple[int, ...] = ()").replace(
        "+= str(msg.n)", "+= (msg.n,)"
    )
    pairs = pairs.replace("-> str", "-> tuple[int, ...]")
    unfilled = 'raise NotImplementedError("what the cell total becomes")'

    async def work() -> None:
        async with developing(tmp_path, answer="write", app=SHOP) as developer:
            await developer.call(n=5)
            developer.save(texts)
            await developer.sees("raised NotImplementedError.*runs on")
            developer.edit(unfilled, "return str(value)")
            await developer.takes()
            assert await developer.call(n=1) == "51"
            text = (tmp_path / "app.py").read_text()
            developer.save(
                text.replace(
                    texts[texts.index("def shop") : texts.index("app =")],
                    pairs[pairs.index("def shop") : pairs.index("app =")],
                )
            )
            await developer.sees("w  write the migration into")
            await developer.sees("raised NotImplementedError.*runs on")
            text = (tmp_path / "app.py").read_text()
            assert text.count("Migration(") == 1
            assert "arr(shop_total_up_)" in text
            developer.edit(unfilled, "return (int(value),)")
            await developer.takes()
            assert await developer.call(n=1) == (51, 1)

    tried(work)


def test_what_is_advised_where_one_stands_there(tmp_path: Path) -> None:
    """Two migrations between the same versions are none."""
    one = SHOP.replace("import A", "import DROP, A").replace(
        '"shop": shop}', '"shop": shop}, migrations=[Migration("shop", old="1", new="1", up={"old": DROP})]'
    )

    async def work() -> None:
        text = SHOP.replace("*, total", "*, old: int = 0, total").replace(
            "    total +=", "    old += 1\n    total +="
        )
        async with developing(tmp_path, app=text) as developer:
            await developer.call(n=5)
            developer.save(one)
            developer.edit(*LOSES)
            shown = await developer.sees(r"where that may go[^\n]*\n")
            assert """in the Migration of 'shop' from '1' to '1': up={"total": DROP}\n""" in shown
            developer.edit('up={"old": DROP}', 'up={"old": DROP, "total": DROP}')
            await developer.takes()

    tried(work)


def test_what_goes_and_comes_back_may_go_again(tmp_path: Path) -> None:
    """Of a migration that stays in the file what has led is past; a conversion is not done twice."""
    led = '"shop": shop}, migrations=[Migration("shop", old="1", new="1", up={"total": arr(twice)}, down={})]'
    more = "    more += 1\n    total"

    async def work() -> None:
        async with developing(
            tmp_path, answer="drop", app=SHOP.replace("import A", "import DROP, arr, A")
        ) as developer:
            await developer.call(n=5)
            developer.edit(
                "app =",
                "def twice(n):\n    return n * 2\n\n\napp =",
                '"shop": shop}',
                led,
                "+= msg.n",
                "+= msg.n * 1",
            )
            assert "converted total" in await developer.takes()
            assert await developer.call(n=1) == 11
            for number in (1, 2):
                developer.edit("*, total", "*, more: int = 0, total", "    total", more)
                assert "new       more" in await developer.takes()
                await developer.call(n=1)
                developer.edit("*, more: int = 0, total", "*, total", more, "    total")
                if number == 1:
                    developer.edit('up={"total"', 'up={"more": DROP, "total"')
                assert "dropped   more" in await developer.takes()
                assert await developer.call(n=1) == 11 + 2 * number
            assert developer.asked == 0
            developer.edit(
                "total: int = 0",
                "total: str = ''",
                "+= msg.n * 1",
                "= 'new'",
                "-> int:\n    total",
                "-> str:\n    total",
            )
            assert "dropped   total: int, declared" in await developer.takes()
            assert developer.asked == 1
            assert await developer.call(n=1) == "new"

    tried(work)


def test_a_message_that_is_gone_is_asked_for_too(tmp_path: Path) -> None:
    text = (
        SHOP.replace("@proc", "@frozen\nclass Old:\n    pass\n\n\n@proc")
        .replace("msg: Add", "msg: Add | Old")
        .replace(
            "    total += msg.n",
            "    match msg:\n        case Add(n):\n            total += n\n        case Old():\n            pass",
        )
    )

    async def work() -> None:
        async with developing(tmp_path, answer="write", app=text) as developer:
            await developer.call(type="Add", n=5)
            developer.edit("msg: Add | Old", "msg: Add", "        case Old():\n            pass\n", "")
            await developer.takes()
            assert developer.asked == 1
            assert 'inputs=[lens.drop("Old")]' in (tmp_path / "app.py").read_text()
            assert await developer.call(n=5) == 10

    tried(work)
