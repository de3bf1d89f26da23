"""One class for each content."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import pytest

from arrows.content import class_digest
from arrows.interning import intern, known
from arrows.shape import shape_of
from tests.arrows.test_notation import load


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


HEAD = "import attrs, dataclasses, enum, uuid\n\n"
ATTRS = HEAD + "@attrs.frozen\nclass Msg:\n    first_of_these: int\n    note: str = 'a'\n"
ENUM = HEAD + "class Msg(enum.Enum):\n    FIRST_OF_THESE = 1\n    B = 2\n"


@pytest.mark.parametrize("text", [ATTRS, ENUM])
def test_equal_content_is_one_class(folder: Path, text: str) -> None:
    one, other = load(folder, text).Msg, load(folder, "# moved\n\n" + text).Msg
    assert one is not other
    assert intern(one) is intern(other) is intern(one)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("note: str", "note: bytes"),
        ("note", "word"),
        ("'a'", "'b'"),
        ("Msg", "Message"),
        (" = 'a'\n", " = 'a'\n    def twice(self):\n        return 2\n"),
        ("first_of_these: int\n", "first_of_these: int = attrs.field(kw_only=True)\n"),
        ("@attrs.frozen\n", "@attrs.frozen(order=True)\n"),
        ("@attrs.frozen\n", "@attrs.frozen(eq=False)\n"),
        ("= 'a'", "= attrs.field(factory=lambda: uuid.uuid4().hex)"),
    ],
)
def test_other_content_is_another_class(folder: Path, before: str, after: str) -> None:
    changed = ATTRS.replace(before, after)
    one, module = load(folder, ATTRS).Msg, load(folder, changed)
    other = module.Message if "Message" in changed else module.Msg
    assert intern(one) is not intern(other)
    again = load(folder, changed)
    assert intern(again.Message if "Message" in changed else again.Msg) is intern(other)


def test_an_enum_is_not_one_of_numbers(folder: Path) -> None:
    one, other = load(folder, ENUM).Msg, load(folder, ENUM.replace("enum.Enum", "enum.IntEnum")).Msg
    assert intern(one) is not intern(other)


@pytest.mark.parametrize(
    "text",
    [
        "class Msg:\n    pass\n",
        "@dataclasses.dataclass\nclass Msg:\n    n: int\n",
        "@attrs.frozen\nclass Msg:\n    n: set = attrs.field(default=frozenset((set,)))\n",
        "@attrs.frozen\nclass Msg:\n    n: 'Nowhere'\n",
    ],
)
def test_what_is_no_data_stays_itself(folder: Path, text: str) -> None:
    one, other = load(folder, HEAD + text).Msg, load(folder, HEAD + text).Msg
    assert intern(one) is one
    assert intern(other) is other


def test_what_is_in_use_is_known(folder: Path) -> None:
    text = ATTRS.replace("note", "used")
    cls = load(folder, text).Msg
    shape_of(cls)
    assert known(class_digest(cls)) is cls
    assert intern(load(folder, text).Msg) is cls


def test_one_of_two_in_use_may_go(folder: Path) -> None:
    import sys

    text = ATTRS.replace("note", "shared")
    first: Any = load(folder, text)
    second = load(folder, text).Msg
    shape_of(first.Msg)
    digest = class_digest(second)
    assert known(digest) is first.Msg
    shape_of(second)
    del sys.modules[first.__name__], first
    gc.collect()
    assert known(digest) is second


def test_a_class_that_holds_itself_is_not_kept_alive(folder: Path) -> None:
    import sys

    text = ATTRS.replace("first_of_these: int", "below: 'tuple[Msg, ...]'").replace("note", "nested")
    module: Any = load(folder, text)
    digest = class_digest(intern(module.Msg))
    gone = weakref.ref(module.Msg)
    del sys.modules[module.__name__], module
    gc.collect()
    assert gone() is None
    assert known(digest) is None


def test_nothing_is_kept_alive(folder: Path) -> None:
    import sys

    module: Any = load(folder, ATTRS.replace("note", "dying"))
    intern(module.Msg)
    gone = weakref.ref(module.Msg)
    del sys.modules[module.__name__], module
    gc.collect()
    assert gone() is None
