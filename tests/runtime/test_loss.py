"""A migration written into a file: wherever the application is made, what comes out is the file and the migration."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrations.refusal import Undefined
from runtime.application import Application
from runtime.loader import load
from runtime.loss import Loss, written

HEAD = """# coding: utf-8
from midflight import Application, Migration, proc


@proc
def shop(n: int, *, total: int = 0) -> int:
    total += n
    return total


"""
LOST = (Loss("shop", "1", "2", cells=("sëen",), altered=(Undefined("shop", "a/b", "up", "int", "str"),)),)

MADE = {
    "on a line": 'app = Application("shop", version="2", machines={"shop": shop})\n',
    "on several": 'app = Application(\n    "shop",\n    version="2",\n    machines={"shop": shop},  # one, so far\n)\n',
    "without a comma": 'app = Application(\n    "shop", version="2",\n    machines={\n        "shop": shop\n    }\n)\n',
    "typed": 'app: Application = Application("shöp".replace("ö", "o"), version="2", machines={"shop": shop})\n',
    "with others": 'to_3 = Migration("shop", old="2", new="3")\n'
    'app = Application("shop", version="2", machines={"shop": shop}, migrations=[to_3])\n',
    "with others below": 'app = Application("shop", version="2", machines={"shop": shop}, migrations=[\n'
    '    Migration("shop", old="2", new="3"),\n])\n',
}
UNCLEAR = {
    "by a function": "def make() -> Application:\n"
    '    return Application("shop", version="2", machines={"shop": shop})\n\n\napp = make()\n',
    "with what is given elsewhere": 'given = {"version": "2", "machines": {"shop": shop}}\n'
    'app = Application("shop", **given)\n',
    "with a tuple": 'app = Application("shop", version="2", machines={"shop": shop}, migrations=())\n',
    "with one between the same": 'app = Application("shop", version="2", machines={"shop": shop}, migrations=[\n'
    '    Migration("shop", old="1", new="2"),\n])\n',
}


def loaded(file: Path, text: str) -> Application:
    file.write_text(text)
    found: Application = load(str(file)).unwrap()
    return found


@pytest.mark.parametrize("name", MADE)
def test_it_is_written_where_the_application_is_made(name: str, tmp_path: Path) -> None:
    was = HEAD + MADE[name]
    before = loaded(tmp_path / "app.py", was)
    text = written(was, "app", LOST, before)
    assert text is not None
    after = loaded(tmp_path / "app.py", text)
    assert after.digest == before.digest
    assert after.migrations[: len(before.migrations)] == before.migrations
    (made,) = after.migrations[len(before.migrations) :]
    assert (made.machine, made.old, made.new) == ("shop", "1", "2")
    assert set(made.up) == {"sëen", "a/b"}
    assert set(made.down or ()) == {"a/b"}
    rest = iter(text)
    assert all(each in rest for each in was), "nothing is taken away"


@pytest.mark.parametrize("name", UNCLEAR)
def test_it_is_not_written_where_that_is_not_clear(name: str, tmp_path: Path) -> None:
    text = HEAD + UNCLEAR[name]
    assert written(text, "app", LOST, loaded(tmp_path / "app.py", text)) is None
