"""A candidate may do anything when it is loaded: what runs stays as it was, and what cannot be held back is told."""

from __future__ import annotations

import atexit
import gc
import json
import linecache
import logging
import os
import signal
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from returns.result import Failure, Success

from arrows import members
from runtime.application import Application
from runtime.isolate import PREFIX
from runtime.loader import load
from runtime.testing import TestNode

SHARED = """
from attrs import frozen
import enum
items = [1]
table = {"a": 1}
limit = 10
class Registry:
    known = []
    def __init_subclass__(cls):
        Registry.known.append(cls.__name__)
class Meta(type):
    made = []
    def __new__(meta, *given):
        Meta.made.append(given[0])
        return super().__new__(meta, *given)
def note(cls):
    items.append(cls)
    return cls
@frozen
class Seen:
    n: int = 0
    def twice(self) -> int:
        return self.n * 2
def helper(seen: Seen) -> int:
    return seen.twice() + limit
class Colour(enum.Enum):
    RED = 1
"""
V1 = """
import shared
from shared import Colour, Seen, helper
from midflight import Application, proc
@proc
def m(msg: Seen, *, last: int = 0) -> int:
    last = helper(msg) + last * 0
    return last
app = Application("a", version="1", machines={"m": m})
"""
V2 = V1.replace("* 0", "* 0 + 1").replace('version="1"', 'version="2"')

CONTAINED = {
    "assignments": "x = 1\nx += 1\ny: int = x\nx, *rest = (1, 2)\ndel rest\n",
    "an attribute of an imported module": "shared.limit += 5\nshared.helper = lambda n: 0\n",
    "a name through sys.modules": (
        "import sys\nsys.modules[__name__].z = 3\nassert z == 3\ndel sys.modules[__name__].z\n"
    ),
    "items of an imported list": "shared.items.append(2)\nshared.table['b'] = 2\nshared.items[0] = 7\n",
    "del of a name of an imported module": "del shared.limit\nshared.limit = 10\n",
    "star import": "from shared import *\nitems += [3]\nfrom os.path import *\n",
    "dotted import": (
        "import xml.dom.minidom, os.path as path\nimport package.inner\nfrom package import inner as other\n"
    ),
    "relative import": "from . import shared as again\nfrom .shared import limit\nassert again is shared\n",
    "class registered by its base": "class A(shared.Registry): pass\nassert shared.Registry.known == ['A']\n",
    "class made by a metaclass": "class A(metaclass=shared.Meta): pass\nassert shared.Meta.made == ['A']\n",
    "class noted by a decorator": (
        "import attrs\n@shared.note\n@attrs.frozen\nclass A:\n    n: int\nassert shared.items[-1] is A\n"
    ),
    "class with a decorator that alters it": (
        "import attrs\ndef more(cls):\n    cls.more = 1\n    return cls\n@more\n@attrs.frozen\nclass A:\n    n: int\n"
    ),
    "class in a class": (
        "import attrs\nclass Out:\n    @attrs.frozen\n    class In:\n        n: int\n    seen = In(1)\n"
    ),
    "class in a branch": "import attrs\nif True:\n    @attrs.frozen\n    class In:\n        n: int\n",
    "compound statements": (
        "with open(__file__) as f:\n    pass\ntry:\n    1 / 0\nexcept ZeroDivisionError as e:\n    caught = str(e)\n"
        "match 3:\n    case 3:\n        y = 1\nfor i in range(3):\n    pass\nwhile False:\n    pass\nassert y == 1\n"
    ),
    "functions of all kinds": (
        "async def co(): pass\ndef gen(): yield\nf = lambda: 0\ndef sets():\n    global made\n    made = 1\nsets()\n"
        "assert made == 1\nglobal made_too\nmade_too = 1\n"
    ),
    "main guard": "if __name__ == '__main__':\n    raise RuntimeError\n",
    "the search path": (
        "import sys\nsys.path.insert(0, '/nowhere')\nsys.path_hooks.clear()\nsys.meta_path.insert(0, None)\n"
    ),
    "another module's entry": (
        "import sys\nsys.modules['json'] = shared\nsys.modules.pop('xml.dom.minidom')\n"
        "sys.modules['alias'] = shared\n"
    ),
    "the working directory": "import os\nos.chdir('/')\n",
    "importlib": (
        "import importlib\nfrom importlib import import_module\nassert importlib.import_module('shared') is shared\n"
        "assert import_module('package.inner') is import_module('.inner', 'package') is "
        "import_module(__name__.rpartition('.')[0] + '.package.inner')\nimport importlib.resources\n"
        "assert importlib.resources.files\n"
    ),
    "a logger": "import logging\nlogging.getLogger(__name__).setLevel(10)\nlogging.getLogger(__name__ + '.a.b')\n",
    "a type variable and new types": (
        "import typing, collections\nT = typing.TypeVar('T')\nN = typing.NewType('N', int)\n"
        "P = collections.namedtuple('P', 'x')\nclass D(typing.TypedDict):\n    a: 'int'\n"
    ),
    "pickling by name": "import pickle\nassert pickle.loads(pickle.dumps(Seen(3))) == Seen(3)\n",
    "its own source": (
        "import inspect, sys\nassert 'last * 0' in inspect.getsource(sys.modules[__name__])\n"
        "assert 'RED = 1' in inspect.getsource(shared.Registry.__class__ and Colour)\n"
    ),
    "forward references": (
        "import attrs, dataclasses, typing\n@attrs.define\nclass A:\n    b: 'B'\n@dataclasses.dataclass\nclass C:\n"
        "    b: 'B'\n    k: 'dataclasses.KW_ONLY'\n    d: 'typing.ClassVar[int]' = 3\n"
        "@attrs.define\nclass B:\n    n: int\n"
        "attrs.resolve_types(A)\nassert typing.get_type_hints(A)['b'] is typing.get_type_hints(C)['b'] is B\n"
        "assert len(dataclasses.fields(C)) == 1\n"
    ),
}

REFUSED = {
    "a method of an imported class": "shared.Seen.twice = lambda self: 0\n",
    "a new attribute of an imported class": "Alias = Seen\nsetattr(Alias, 'label', 5)\n",
    "a deleted method of an imported class": "del shared.Seen.twice\n",
}
"""What alters a class that the running version uses as well."""


def project(folder: Path) -> None:
    (folder / "package").mkdir(parents=True)
    (folder / "package" / "__init__.py").write_text("")
    (folder / "package" / "inner.py").write_text("n = 1\n")
    (folder / "shared.py").write_text(SHARED)
    (folder / "v1.py").write_text(V1)


def process() -> dict[str, Any]:
    """What midflight answers for, of the process."""
    return {
        "path": list(sys.path),
        "finders": (list(sys.meta_path), list(sys.path_hooks)),
        "folder": Path.cwd(),
        "modules": {name: id(each) for name, each in sys.modules.items() if not name.startswith(PREFIX)},
        "views": {name for name in sys.modules if name.startswith(PREFIX)},
        "lines": {name for name in linecache.cache if PREFIX in name},
        "loggers": {name for name in logging.root.manager.loggerDict if name.startswith(PREFIX)},
    }


def version(application: Application) -> dict[str, Any]:
    """What a version is made of: its names and values, and the members of its classes."""
    assert application.sources
    found: dict[str, Any] = {}
    for name in ("v1", "shared"):
        module = application.sources.version.module(name)
        assert module
        for key, value in vars(module).items():
            found[f"{name}.{key}"] = (id(value), repr(value)[:10000])
            if isinstance(value, type):
                found[f"{name}.{key}."] = {each: id(held) for each, held in members.written(value)}
    return found


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[TestNode, Application]:
    import xml.dom.minidom  # noqa: F401 - what candidates import is there by now

    monkeypatch.chdir(tmp_path)
    project(tmp_path / "project")
    application = load("project/v1.py").unwrap()
    node = TestNode()
    node.start(application).unwrap()
    gc.collect()
    return node, application


def seen(application: Application, n: int) -> Any:
    assert application.sources
    module = application.sources.version.module("shared")
    assert module
    return module.Seen(n)


@pytest.mark.parametrize("kind", CONTAINED)
def test_a_candidate_alters_nothing_that_runs(kind: str, running: tuple[TestNode, Application]) -> None:
    node, one = running
    before, held = process(), version(one)
    Path("project/v2.py").write_text(V2 + CONTAINED[kind])
    two = load("project/v2.py").unwrap()
    after = process()
    for each in ("path", "finders", "folder"):
        assert after[each] == before[each], each
    assert {name: after["modules"].get(name) for name in before["modules"]} == before["modules"]
    assert not {name for name in after["modules"].keys() - before["modules"].keys() if name == "alias"}
    assert version(one) == held
    assert node.call("m", seen(one, 1)) == 12
    side_by_side = TestNode()
    side_by_side.start(two).unwrap()
    assert side_by_side.call("m", seen(two, 1)) == 13 or "shared.limit +=" in CONTAINED[kind]
    assert node.call("m", seen(one, 1)) == 12
    node.upgrade(two).unwrap()
    node.rollback("a").unwrap()
    assert node.call("m", seen(one, 1)) == 12


ENDINGS = ["1 / 0\n", "raise SystemExit\n", "app = None\n", "def f(:\n"]


@pytest.mark.parametrize(
    ("kind", "ending"),
    [(kind, ENDINGS[0]) for kind in (CONTAINED | REFUSED)]
    + [(kind, ending) for kind in ("another module's entry", *REFUSED) for ending in ENDINGS[1:]],
)
def test_a_candidate_that_fails_leaves_nothing(
    kind: str, ending: str, running: tuple[TestNode, Application]
) -> None:
    node, one = running
    held = version(one)
    gc.collect()
    gc.disable()  # what is left is left at once, not when the collector comes
    try:
        before = process()
        Path("project/v2.py").write_text(V2 + (CONTAINED | REFUSED)[kind] + ending)
        assert isinstance(load("project/v2.py"), Failure)
        assert process() == before
    finally:
        gc.enable()
    assert version(one) == held
    assert node.call("m", seen(one, 1)) == 12


@pytest.mark.parametrize("kind", REFUSED)
def test_a_candidate_that_alters_a_class_of_the_running_version_is_refused(
    kind: str, running: tuple[TestNode, Application]
) -> None:
    node, one = running
    held = version(one)
    Path("project/v2.py").write_text(V2 + REFUSED[kind])
    match load("project/v2.py"):
        case Failure(refusal):
            assert "the class Seen is altered behind its definition" in str(refusal)
        case Success(_):
            raise AssertionError("it was loaded")
    assert version(one) == held
    assert node.call("m", seen(one, 1)) == 12


def test_a_class_that_its_own_file_alters_is_each_versions_own(tmp_path: Path) -> None:
    text = (
        "from attrs import frozen\nfrom midflight import Application, arr\n@frozen\nclass A:\n    n: int\n"
        "A.label = {}\ndef f(a: A) -> int:\n    return a.n\n"
        "app = Application('a', version='1', machines={{'m': arr(f)}})\n"
    )
    classes = []
    for number in (1, 2):
        (tmp_path / "v.py").write_text(text.format(number))
        found = load(str(tmp_path / "v.py")).unwrap()
        assert found.sources
        module = found.sources.version.module("v")
        assert module
        classes.append(module.A)
    assert [each.label for each in classes] == [1, 2]


# What cannot be held back


UNCONTAINED = {
    "the environment": (
        "import os\nos.environ['MIDFLIGHT_TEST'] = '1'\n",
        "the environment variable MIDFLIGHT_TEST",
    ),
    "a thread": (
        "from threading import Event, Thread\nThread(target=Event().wait, name='worker', daemon=True).start()\n",
        "the thread 'worker'",
    ),
    "warnings": (
        "import warnings\nwarnings.simplefilter('ignore', ImportWarning)\n",
        "the filters of warnings",
    ),
    "logging": ("import logging\nlogging.getLogger().addHandler(logging.NullHandler())\n", "the root logger"),
    "exit": ("import atexit\natexit.register(print, end='')\n", "what runs at exit"),
    "a signal": (
        "import signal\nsignal.signal(signal.SIGUSR2, lambda *a: None)\n",
        "the handler of signal 12",
    ),
    "a hook": ("import sys\nsys.excepthook = lambda *a: None\n", "sys.excepthook"),
    "recursion": ("import sys\nsys.setrecursionlimit(1234)\n", "the recursion limit"),
}


@pytest.fixture
def restored() -> Iterator[None]:
    limit, hook, handlers = sys.getrecursionlimit(), sys.excepthook, list(logging.root.handlers)
    with warnings.catch_warnings():
        yield
    sys.setrecursionlimit(limit)
    sys.excepthook, logging.root.handlers[:] = hook, handlers
    os.environ.pop("MIDFLIGHT_TEST", None)
    signal.signal(signal.SIGUSR2, signal.SIG_DFL)
    atexit.unregister(print)


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize("ending", ["", "1 / 0\n"])
@pytest.mark.parametrize("kind", UNCONTAINED)
def test_what_stays_changed_is_told(
    kind: str, ending: str, running: tuple[TestNode, Application], caplog: pytest.LogCaptureFixture
) -> None:
    text, what = UNCONTAINED[kind]
    Path("project/v2.py").write_text(V2 + text + ending)
    with caplog.at_level(logging.WARNING):
        load("project/v2.py")
    (told,) = [each.getMessage() for each in caplog.records if "this process is changed" in each.getMessage()]
    assert told.endswith(f"project/v2.py was loaded, and this process is changed: {what}")
    node, one = running
    assert node.call("m", seen(one, 1)) == 12


def test_a_library_is_one_for_all_versions_and_a_patch_of_it_is_seen_by_all(
    running: tuple[TestNode, Application], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json, "loads", json.loads)  # put back afterwards
    Path("project/v2.py").write_text(V2 + "import json\njson.loads = len\n")
    load("project/v2.py").unwrap()
    assert json.loads("four") == 4


def test_a_good_candidate_is_loaded_quietly(
    running: tuple[TestNode, Application], caplog: pytest.LogCaptureFixture
) -> None:
    Path("project/v2.py").write_text(V2)
    load("project/v2.py").unwrap()
    assert caplog.records == []
