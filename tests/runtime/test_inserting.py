"""A migration written into a file: wherever the application is made, what comes out is the file and the migration."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrations.refusal import Undefined
from runtime.application import Application
from runtime.inserting import applied, inserted, write
from runtime.loader import load
from runtime.loss import Loss

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
    "in parentheses": 'app = Application("shop", version="2", machines=({"shop": shop}))\n',
    "with none": 'app = Application("shop", version="2", machines={"shop": shop}, migrations=[])\n',
    "with an empty tuple": 'app = Application("shop", migrations=(), version="2", machines={"shop": shop})\n',
    "with a tuple": 'app = Application("shop", version="2", machines={"shop": shop}, migrations=(\n'
    '    Migration("shop", old="2", new="3"),\n))\n',
    "with names that mean others": 'from string import Template as arr\n\n\nclass DROP:\n    """A box."""\n\n\n'
    "def shop_a_b_up(n: int) -> int:\n    return n\n\n\n"
    'app = Application("shop", version="2", machines={"shop": shop})\n',
    "with names of its own": "from midflight import DROP as GONE, arr as lifted\n\nDROP = None\n"
    'app = Application("shop", version="2", machines={"shop": shop})\n',
}
UNCLEAR = {
    "by a function": "def make() -> Application:\n"
    '    return Application("shop", version="2", machines={"shop": shop})\n\n\napp = make()\n',
    "with what is given elsewhere": 'given = {"version": "2", "machines": {"shop": shop}}\n'
    'app = Application("shop", **given)\n',
    "with a list in parentheses": 'app = Application("shop", version="2", machines={"shop": shop}, migrations=[\n'
    '    (Migration("shop", old="2", new="3"))\n])\n',
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
    edits = inserted(was, "app", LOST, before, before)
    assert edits is not None
    text = applied(was, edits)
    after = loaded(tmp_path / "app.py", text)
    assert after.digest == before.digest
    assert after.migrations[: len(before.migrations)] == before.migrations
    (made,) = after.migrations[len(before.migrations) :]
    assert (made.machine, made.old, made.new) == ("shop", "1", "2")
    assert set(made.up) == {"sëen", "a/b"}
    assert set(made.down or ()) == {"a/b"}
    rest = iter(text)
    assert all(each in rest for each in was.replace("=()", "=")), "nothing is taken away"


@pytest.mark.parametrize("name", UNCLEAR)
def test_it_is_not_written_where_that_is_not_clear(name: str, tmp_path: Path) -> None:
    text = HEAD + UNCLEAR[name]
    application = loaded(tmp_path / "app.py", text)
    assert inserted(text, "app", LOST, application, application) is None


def test_nothing_else_is_altered(tmp_path: Path) -> None:
    """Line ends stay as they are, each, and so does the encoding."""
    file = tmp_path / "app.py"
    was = (
        HEAD.replace("utf-8", "latin-1").replace("    total += n\n", "    total += n  # \xe9\r\n")
        + MADE["on a line"]
    )
    file.write_bytes(was.encode("latin-1"))
    before: Application = load(str(file)).unwrap()
    assert before.sources is not None
    text = before.sources.version.texts[str(file)]
    edits = inserted(text, "app", LOST, before, before)
    assert edits is not None
    assert write(file, text, edits) == ""
    held = file.read_bytes().decode("latin-1")
    assert held.count("\r\n") == 1, "what is put in ends as the first line does"
    load(str(file)).unwrap()
    rest = iter(held)
    assert all(each in rest for each in was)
    assert "total += n  # \xe9\r\n    return total\n\n" in held
    assert write(file, text, edits) == "it was saved meanwhile"
    assert file.read_bytes().decode("latin-1") == held
    lost = (Loss("shop", "1", "2", cells=("\u20ac",)),)
    text = held.replace("\r\n", "\n")
    edits = inserted(was.replace("\r\n", "\n"), "app", lost, before, before)
    assert edits is not None
    file.write_bytes(was.encode("latin-1"))
    assert "has no letters" in write(file, was.replace("\r\n", "\n"), edits)


@pytest.mark.parametrize("given", ["[\n    # as it was\n    {},\n]", "({},)"])
def test_what_has_led_makes_room(given: str, tmp_path: Path) -> None:
    """A version keeps its label while it is developed, and one migration leads from a label to itself."""
    led = 'Migration("shop", old="2", new="2", up={"old": DROP})'
    made = MADE["on a line"].replace("shop})", f"shop}}, migrations={given.format(led)})")
    was = HEAD.replace("import ", "import DROP, ") + made
    before = loaded(tmp_path / "app.py", was)
    lost = (Loss("shop", "2", "2", cells=("seen",)),)
    edits = inserted(was, "app", lost, before, before)
    assert edits is not None
    text = applied(was, edits)
    assert text == was.replace('{"old": DROP}', '{"seen": DROP}')
    again = loaded(tmp_path / "app.py", text)
    assert inserted(text, "app", lost, again, before) is None, "it has not led yet"
