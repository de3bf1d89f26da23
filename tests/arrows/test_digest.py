"""What changes the identity of a machine, what does not, and what has none."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import attrs
import pytest

from arrows import Arrow, BuildError, arr, constant, digest, identity, loop, shape_digest
from arrows.content import function_digest
from tests.arrows.test_notation import load
from tests.arrows.test_wire import MACHINES

GOLDEN = Path(__file__).parent / "golden_digests.json"
"""Digests that no process, platform or refactoring may change. They are renewed with the format number only."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("digest")


def of(folder: Path, text: str, name: str = "machine") -> str:
    """The digest of a machine written in a file of its own."""
    return digest(getattr(load(folder, text), name))


def test_golden_digests() -> None:
    found = {name: digest(machine) for name, machine in sorted(MACHINES.items())}
    assert found == json.loads(GOLDEN.read_text())


USER = """\
from __future__ import annotations
import enum
import attrs
from arrows import arr, keyed, loop, proc, identity

RATE = 3
WORDS = {"a", "b", "c", "d"}
TABLE = {"x": (1, 2.5, None)}

class Level(enum.Enum):
    LOW = 1
    HIGH = 2

    def up(self):
        return Level.HIGH

@attrs.frozen
class Msg:
    n: int
    level: Level = Level.LOW

    def twice(self):
        return self.n * 2

def helper(x, *, by=2):
    return other(x) * by if x in {"p", "q", "r"} else RATE

def other(x):
    return helper(x) if x else sorted(TABLE)

def add(x, total):
    return helper(x) + total, total + len(Msg(1).level.up().name)

@proc
def shown(msg: Msg, *, last: Msg = Msg(0)) -> Msg:
    last = msg
    return Msg(add(msg.n, 1))

machine = loop(add, 0, "n") >> shown >> (lambda a, b=1: arr(lambda x: (x, a, b)))(7)
"""


def test_stable_over_processes_hash_seeds_and_folders(folder: Path, root: Path) -> None:
    (folder / "user.py").write_text(USER)
    (folder / "below").mkdir()
    paths = f"import sys; sys.path[:0] = [{str(root)!r}, {str(folder)!r}]"
    code = f"{paths}; import user, arrows; print(arrows.digest(user.machine))"
    found = {
        subprocess.run(
            [sys.executable, "-B", "-c", code],
            env={"PYTHONHASHSEED": seed},
            cwd=where,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        for seed, where in [("0", folder), ("1", folder / "below"), ("4711", root)]
    }
    assert found == {of(folder, USER)}


SAME = {
    "comment": ("    return helper(x) + total", "    # a word\n    return helper(x) + total"),
    "blank lines": ("def other", "\n\n\ndef other"),
    "docstring": ("def add(x, total):\n", 'def add(x, total):\n    """Adds."""\n'),
    "class docstring": ("class Msg:\n", 'class Msg:\n    """A message."""\n\n'),
    "method docstring": ("    def twice(self):\n", '    def twice(self):\n        """Twice."""\n'),
    "brackets": ("return self.n * 2", "return (self.n * 2)"),
    "quotes": ('{"p", "q", "r"}', "{'p', 'q', 'r'}"),
    "what nobody reads": ('WORDS = {"a"', 'WORDS = {"z"'),
    "another way to write a constant": ("RATE = 3", "RATE = 1 + 2"),
}
OTHER = {
    "constant": ("RATE = 3", "RATE = 4"),
    "type of a constant": ("RATE = 3", "RATE = 3.0"),
    "table": ("None)", "0)"),
    "default": ("by=2", "by=3"),
    "helper of a helper": ("sorted(TABLE)", "list(TABLE)"),
    "closure": ("(7)", "(8)"),
    "default of a lambda": ("b=1", "b=2"),
    "method": ("self.n * 2", "self.n * 3"),
    "method of an enum": ("return Level.HIGH", "return Level.LOW"),
    "value of an enum": ("HIGH = 2", "HIGH = 3"),
    "base of an enum": ("Level(enum.Enum)", "Level(enum.IntEnum)"),
    "field": ("    n: int", "    n: float"),
    "default of a field": ("= Level.LOW\n\n", "= Level.HIGH\n\n"),
    "field by name only": ("= Level.LOW\n\n", "= attrs.field(default=Level.LOW, kw_only=True)\n\n"),
    "order of messages": ("@attrs.frozen\n", "@attrs.frozen(order=True)\n"),
    "comparison of a field": ("n: int\n", "n: int = attrs.field(eq=False)\n"),
    "validator": ("n: int\n", "n: int = attrs.field(validator=attrs.validators.ge(0))\n"),
    "first value of a cell": ("Msg(0)", "Msg(1)"),
    "name of a cell": ('"n"', '"m"'),
    "name of a class": ("Msg", "Message"),
    "annotation of a helper": ("def other(x):", "def other(x: int):"),
}


@pytest.mark.parametrize("what", SAME)
def test_does_not_change_with(folder: Path, what: str) -> None:
    before, after = SAME[what]
    assert before in USER
    assert of(folder, USER.replace(before, after)) == of(folder, USER)


@pytest.mark.parametrize("what", OTHER)
def test_changes_with(folder: Path, what: str) -> None:
    before, after = OTHER[what]
    assert before in USER
    assert of(folder, USER.replace(before, after)) != of(folder, USER)


def test_moves_do_not_count(folder: Path) -> None:
    helper, machine = "def helper(x):\n    return x + 1\n", "machine = arr(lambda x: helper(x))\n"
    (folder / "helpers.py").write_text(helper)
    inside = f"from arrows import arr\n{helper}{machine}"
    outside = f"import sys\nsys.path.insert(0, {str(folder)!r})\nfrom arrows import arr\nfrom helpers import helper\n"
    outside += f"sys.path.pop(0)\n{machine}"
    assert of(folder, inside) == of(folder, outside)


LAMBDAS = [
    "lambda x: x if x else 1",
    "lambda x: x and 2",
    "lambda x: not x",
    "lambda x: 0 < x < 2",
    "lambda x: None",
    "lambda x: [y for y in x]",
    "lambda x: f'{x}'",
    "lambda x: (lambda y: y)",
    "lambda x: (lambda y: y)(x)",
    "lambda x, f=(lambda y: y + 1): f(x)",
    "lambda x: {**x}",
    "lambda x: -1",
    "lambda x: 1 + 2",
    "lambda x: x(1).y(2)",
    "lambda *x, **y: (x, y)",
]


def test_lambdas_of_one_line_differ(folder: Path) -> None:
    text = f"from arrows import arr\nmachines = [{', '.join(f'arr(({each}))' for each in LAMBDAS)}]\n"
    found = [digest(machine) for machine in load(folder, text).machines]
    assert len(set(found)) == len(LAMBDAS)
    alone = [of(folder, f"from arrows import arr\nmachine = arr({each})\n") for each in LAMBDAS]
    assert found == alone


def test_association_does_not_show() -> None:
    f: Arrow[Any, Any] = arr(abs)
    g: Arrow[Any, Any] = arr(str)
    h: Arrow[Any, Any] = arr(len)
    assert digest((f >> g) >> h) == digest(f >> (g >> h))
    assert digest(identity() >> f) != digest(f), "what is written stands"


HIDDEN = {
    "writes a global": ("N = 0\ndef f(x):\n    global N\n    N += x  # here\n    return N\n", "'N'"),
    "a helper writes": (
        "N = 0\ndef g():\n    global N\n    N = 1\n\ndef f(x):\n    g()\n    return N\n",
        "'N'",
    ),
    "nonlocal": (
        "def make():\n    n = 0\n    def f(x):\n        nonlocal n\n        n += x\n        return n\n"
        "    return f\nf = make()\n",
        "'n'",
    ),
    "item of a global": ("SEEN = {}\ndef f(x):\n    SEEN[x] = 1\n    return x\n", "SEEN[x]"),
    "attribute of a global": ("import types\nS = types\ndef f(x):\n    S.last = x\n    return x\n", "S.last"),
    "a sibling rebinds": (
        "def make():\n    n = 0\n    def g():\n        nonlocal n\n        n += 1\n    def f(x):\n        return n\n"
        "    return f\nf = make()\n",
        "'n', which another function rebinds",
    ),
    "a list that grows": ("LOG = []\ndef f(x):\n    LOG.append(x)\n    return x\n", "changes 'LOG'"),
    "a list of a module": (
        "import types\nM = types.ModuleType('m')\nM.LOG = []\ndef f(x):\n    M.LOG.append(x)\n    return x\n",
        "changes 'M.LOG'",
    ),
    "a list of a class": (
        "class A:\n    LOG = []\ndef f(x):\n    A.LOG.append(x)\n    return x\n",
        "changes 'A.LOG'",
    ),
    "a list that instances share": (
        "class A:\n    LOG = []\n    def g(self):\n        self.LOG.append(1)\n        return len(self.LOG)\n"
        "def f(x):\n    return A().g()\n",
        "changes 'self.LOG'",
    ),
    "a table of a base": (
        "class B:\n    SEEN = {}\nclass A(B):\n    @classmethod\n    def g(cls, x):\n        cls.SEEN[x] = 1\n"
        "def f(x):\n    return A.g(x)\n",
        "changes 'cls.SEEN'",
    ),
    "a default that grows": ("def f(x, seen={}):\n    seen[x] = 1\n    return len(seen)\n", "seen[x]"),
    "a keyword's default": ("def f(x, *, seen=[]):\n    seen.append(x)\n    return x\n", "changes 'seen'"),
    "eval": ("def f(x):\n    return eval('x')\n", "eval()"),
    "globals": ("def f(x):\n    return globals()\n", "globals()"),
    "in a lambda inside": ("def f(x):\n    return [eval(y) for y in x]\n", "eval()"),
    "an object": ("class Box:\n    pass\nBOX = Box()\ndef f(x):\n    return BOX\n", "cannot be identified"),
    "an open file": ("import sys\nOUT = sys.stdout\ndef f(x):\n    return OUT\n", "cannot be identified"),
    "a name not yet there": ("def f(x):\n    return later(x)\n", "'later' is not defined"),
    "partial of such": (
        "import functools\nN = 0\ndef g(x, y):\n    global N\n    N += x\n    return N\nf = functools.partial(g, 1)\n",
        "'N'",
    ),
    "cached": ("import functools\n@functools.cache\ndef f(x):\n    return x\n", "cannot be identified"),
}


@pytest.mark.parametrize("what", HIDDEN)
def test_hidden_state_has_no_identity(folder: Path, what: str) -> None:
    text, word = HIDDEN[what]
    module = load(folder, f"{text}\nfrom arrows import arr\nmachine = arr(f)\n")
    with pytest.raises(TypeError) as refused:
        digest(module.machine)
    assert word in str(refused.value)
    assert str(module.__file__) in str(refused.value), "names the place"


def test_a_list_of_an_instance_s_own(folder: Path) -> None:
    text = "class A:\n    log = []\n    def __init__(self):\n        self.log = []\n"
    text += "    def g(self):\n        self.log.append(1)\n"
    assert digest(load(folder, f"from arrows import arr\n{text}machine = arr(lambda x: A().g())\n").machine)


def test_what_is_not_data_has_no_identity() -> None:
    with pytest.raises(TypeError, match=rf"{__file__}:\d+: object is not plain data"):
        digest(constant(object()))


SHAPED = """\
from __future__ import annotations
import attrs
from arrows import arr, identity, keyed, loop, named, proc

@attrs.frozen
class Book:
    title: str
    copies: int = 1

    def more(self):
        return self.copies + 1

@attrs.frozen
class Lend:
    title: str

def helper(x):
    return x

@proc
def shelf(msg: Book | Lend, *, book: Book = Book("a")) -> int:
    book = Book(msg.title)
    return helper(1)

count = loop(lambda x, n: (x, n + 1), 0, "count")
machine = named("shop", shelf >> count) >> keyed(loop(lambda x, n: (x, n), 0, "row"), identity(), "rows")
"""
CODE_ONLY = {
    "a method": ("self.copies + 1", "self.copies + 2"),
    "a helper": ("    return x\n", "    return -x\n"),
    "a default of a field": ("copies: int = 1", "copies: int = 2"),
    "a first value": ('Book("a")', 'Book("b")'),
    "a body": ("return helper(1)", "return helper(2)"),
    "regrouped, and in another order": ("shelf >> count", "(shelf >> (count >> identity()))"),
    "in scopes of its own": ("shelf >> count", 'shelf) >> named("shop", count'),
}
BOTH = {
    "a field's name": ("copies", "number"),
    "a field's type": ("copies: int = 1", "copies: float = 1"),
    "a class's name": ("Lend", "Borrow"),
    "a new message": ("msg: Book | Lend", "msg: Book | Lend | None"),
    "a cell's name": (
        '*, book: Book = Book("a")) -> int:\n    book =',
        '*, held: Book = Book("a")) -> int:\n    held =',
    ),
    "a scope's name": ('"shop"', '"store"'),
    "a table's name": ('"rows"', '"lines"'),
    "a cell of a row": ('"row"', '"line"'),
}


@pytest.mark.parametrize("what", [*CODE_ONLY, *BOTH])
def test_shape_and_code_are_two_questions(folder: Path, what: str) -> None:
    before, after = {**CODE_ONLY, **BOTH}[what]
    assert before in SHAPED
    old, new = load(folder, SHAPED).machine, load(folder, SHAPED.replace(before, after)).machine
    assert digest(old) != digest(new)
    assert (shape_digest(old) == shape_digest(new)) is (what in CODE_ONLY)


def test_what_is_no_code_has_neither(folder: Path) -> None:
    old, new = load(folder, SHAPED).machine, load(folder, "# words\n" + SHAPED).machine
    assert (digest(old), shape_digest(old)) == (digest(new), shape_digest(new))


def test_order_of_cells_is_no_shape() -> None:
    one, other = (loop_of(name) for name in ("a", "b"))
    assert shape_digest(one >> other) == shape_digest(other >> one)
    assert shape_digest(one >> one) != shape_digest(one)


def test_input_and_output_are_shape(folder: Path) -> None:
    text = "from arrows import arr\ndef f(x: int) -> int:\n    return x\nmachine = arr(f)\n"
    found = [text, text.replace("x: int", "x: str"), text.replace("-> int", "-> str")]
    assert len({shape_digest(load(folder, each).machine) for each in found}) == 3


def loop_of(name: str) -> Arrow[Any, Any]:
    return loop(arr(lambda pair: pair), 0, name)


def test_what_is_said_once_may_ask_for_the_time() -> None:
    """What makes the default of a field, and what is not repeated, as a codec is not."""

    @attrs.frozen
    class Order:
        number: str = attrs.field(factory=lambda: uuid.uuid4().hex)

    def known(order: Order) -> str:
        return order.number

    def read(_: bytes) -> Order:
        return Order(f"{time.time_ns()}")

    assert digest(arr(known))
    assert function_digest(read, repeated=False) == function_digest(read, repeated=False)
    assert function_digest(functools.partial(read, b""), repeated=False)
    with pytest.raises(BuildError, match=r"uses time\.time_ns, which gives something else each time"):
        function_digest(read)
