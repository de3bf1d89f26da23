"""Values as JSON by shape, and values of one version as values of another."""

from __future__ import annotations

import dataclasses
import enum
import json
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arrows.canonical import canonical
from arrows.fit import adopt, misfit
from arrows.plain import describe, from_plain, to_plain
from arrows.shape import (
    Enumeration,
    Many,
    Mapping,
    OneOf,
    Product,
    Record,
    Scalar,
    Shape,
    shape_of,
    shape_of_value,
)
from tests.arrows.test_notation import load


class Color(enum.Enum):
    RED = 1
    BLUE = 2


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


@attrs.frozen
class Incr:
    by: int
    note: str | None = None


@dataclasses.dataclass(frozen=True)
class Tree:
    value: float
    below: tuple[Tree, ...] = ()


@attrs.frozen
class Careful:
    n: int = attrs.field(validator=attrs.validators.ge(0))

    def __attrs_post_init__(self) -> None:
        if self.n == 13:
            raise LookupError("unlucky")


_SCALARS: list[tuple[type, st.SearchStrategy[Any]]] = [
    (int, st.integers()),
    (str, st.text()),
    (bool, st.booleans()),
    (float, st.floats(allow_nan=False, allow_infinity=False)),
    (bytes, st.binary()),
    (type(None), st.none()),
]
Typed = tuple[Shape, st.SearchStrategy[Any]]
_TREES = st.recursive(
    st.builds(Tree, st.floats(allow_nan=False, allow_infinity=False)),
    lambda inner: st.builds(Tree, st.floats(0, 1), st.lists(inner, max_size=2).map(tuple)),
    max_leaves=3,
)
_FLAT: st.SearchStrategy[Typed] = st.sampled_from(
    [
        *((Scalar(cls), values) for cls, values in _SCALARS),
        (Enumeration(Color), st.sampled_from(Color)),
        (Enumeration(Level), st.sampled_from(Level)),
        (Record(Incr), st.builds(Incr, st.integers(), st.none() | st.text())),
        (Record(Tree), _TREES),
        (
            OneOf((Scalar(int), Record(Incr), Scalar(type(None)))),
            st.integers() | st.builds(Incr, st.integers()),
        ),
    ]
)


def around(inner: st.SearchStrategy[Typed]) -> st.SearchStrategy[Typed]:
    keys = st.sampled_from(
        [(Scalar(str), st.text()), (Scalar(int), st.integers()), (Enumeration(Color), st.sampled_from(Color))]
    )
    return st.one_of(
        inner.map(lambda one: (Many(list, one[0]), st.lists(one[1], max_size=3))),
        inner.map(lambda one: (Many(tuple, one[0]), st.lists(one[1], max_size=3).map(tuple))),
        st.tuples(inner, inner).map(
            lambda two: (Product((two[0][0], two[1][0])), st.tuples(two[0][1], two[1][1]))
        ),
        st.tuples(keys, inner).map(
            lambda two: (Mapping(two[0][0], two[1][0]), st.dictionaries(two[0][1], two[1][1], max_size=3))
        ),
        keys.map(lambda one: (Many(frozenset, one[0]), st.frozensets(one[1], max_size=3))),
    )


TYPED = st.recursive(_FLAT, around, max_leaves=4).flatmap(lambda one: st.tuples(st.just(one[0]), one[1]))


@given(TYPED)
def test_json_and_back(typed: tuple[Shape, Any]) -> None:
    shape, value = typed
    assert misfit(value, shape) is None
    text = json.dumps(to_plain(value), allow_nan=False)
    back = from_plain(json.loads(text), shape).unwrap()
    assert canonical(back) == canonical(value)
    assert describe(shape)
    assert misfit(value, shape_of_value(value)) is None


@given(TYPED, TYPED)
def test_reading_by_another_shape_gives_a_value_of_it_or_a_misfit(one: Any, other: Any) -> None:
    for value in (
        from_plain(json.loads(json.dumps(to_plain(one[1]))), other[0]).map(lambda x: [x]).value_or([])
    ):
        assert misfit(value, other[0]) is None


def test_forms() -> None:
    assert to_plain(Incr(2)) == {"type": "Incr", "by": 2, "note": None}
    assert to_plain((b"ab", Color.RED, {1: 2}, {"a": 1})) == ["YWI=", "RED", [[1, 2]], {"a": 1}]
    assert describe(shape_of(Incr | Color | dict[int, bytes] | None)) == [
        '{"type": "Incr", "by": int, "note"?: str | null}',
        '"RED" | "BLUE"',
        "[[int, base64 text], ...]",
        "null",
    ]


ERRORS: list[tuple[Any, Any, str, str]] = [
    ("a", int, "", "expected int, found 'a'"),
    (True, int, "", "expected int, found True"),
    (1.0, int, "", "expected int"),
    (10**400, float, "", "expected float"),
    ("é", bytes, "", "expected base64 text"),
    ("GREEN", Color, "", 'expected "RED" | "BLUE"'),
    ([1], Incr, "", 'expected {"type": "Incr"'),
    ({"by": "x"}, Incr, "by", "expected int"),
    ({}, Incr, "by", "expected int, found no such field"),
    ({"by": 1, "to": 2}, Incr, "to", 'only {"type": "Incr"'),
    ({"by": 1, "note": 2}, Incr, "note", "expected str | null"),
    ({"type": "Decr"}, Incr, "type", 'expected "Incr"'),
    ({"type": "Decr"}, Incr | Tree, "type", 'expected "Incr" | "Tree"'),
    ({"by": 1}, Incr | Tree, "type", "no such field"),
    ({"type": "Incr", "by": "x"}, Incr | Tree, "by", "expected int"),
    ({"type": []}, Incr | Tree, "type", "expected"),
    ({"value": 1, "below": [{"value": "x"}]}, Tree, "below[0].value", "expected float"),
    ([1, "a"], list[int], "[1]", "expected int"),
    ([1], tuple[int, int], "", "expected [int, int]"),
    ({"a": 1}, dict[str, str], "['a']", "expected str"),
    ({"a": 1}, dict[int, int], "['a']", "expected int"),
    ([[1]], dict[int, int], "[0]", "a pair [key, value]"),
    ([[[1], 1]], dict[Any, int], "[0][0]", "a hashable key"),
    ([[1]], frozenset[Any], "", "hashable items"),
    ({"n": -1}, Careful, "", "must be >= 0"),
    ({"n": 13}, Careful, "", "unlucky"),
]


@pytest.mark.parametrize(("plain", "kind", "path", "words"), ERRORS, ids=lambda each: str(each)[:40])
def test_errors_name_the_field_and_what_is_accepted(plain: Any, kind: Any, path: str, words: str) -> None:
    wrong = from_plain(plain, shape_of(kind)).failure()
    assert wrong.path == path
    assert words in str(wrong)
    assert str(wrong).startswith(f"{path}: " if path else "expected")


def test_deep_json_is_a_misfit() -> None:
    plain: Any = {"value": 1}
    for _ in range(5000):
        plain = {"value": 1, "below": [plain]}
    assert from_plain(plain, Record(Tree)).failure().expected == "less nesting"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1}, object(), 1j, [lambda: 1]])
def test_what_has_no_json(value: Any) -> None:
    with pytest.raises(TypeError):
        to_plain(value)


def test_a_field_called_type_is_refused_each_time() -> None:
    @attrs.frozen
    class Odd:
        type: str

    for _ in range(2):
        with pytest.raises(TypeError, match="'kind'"):
            from_plain({"type": "Odd"}, Record(Odd))


def test_structs() -> None:
    msgspec = pytest.importorskip("msgspec", reason="messages may be msgspec.Structs where it is installed")

    class Point(msgspec.Struct, frozen=True):  # type: ignore[name-defined, misc, call-arg]
        x: int
        y: int = 2
        seen: tuple[int, ...] = ()

    shape = shape_of(Point)
    assert shape == Record(Point)
    assert describe(shape) == ['{"type": "Point", "x": int, "y"?: int, "seen"?: [int, ...]}']
    assert from_plain({"x": 1}, shape).unwrap() == Point(1)
    assert to_plain(Point(1)) == {"type": "Point", "x": 1, "y": 2, "seen": []}

    class Loose(msgspec.Struct):  # type: ignore[name-defined, misc]
        x: int

    with pytest.raises(TypeError, match="frozen"):
        shape_of(Loose)


@pytest.mark.parametrize("kind", [set, set[int], object(), type, attrs.make_class("Loose", ["x"]), complex])
def test_what_has_no_shape(kind: Any) -> None:
    with pytest.raises(TypeError, match="not plain immutable data"):
        shape_of(kind)


# Another version's classes

VERSION = """
from __future__ import annotations
import enum, attrs

class Color(enum.Enum):
    RED = 1
    BLUE = 2

@attrs.frozen
class Inner:
    n: int
    color: Color = Color.RED

@attrs.frozen
class Outer:
    inner: Inner | None
    many: tuple[Inner, ...] = ()
    table: dict[str, Inner] = attrs.field(factory=dict)
    pair: tuple[int, Inner] = (0, Inner(0))
"""


def test_adopt(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("adopt")
    old, new = load(folder, VERSION), load(folder, VERSION)
    made = [
        m.Outer(m.Inner(1), (m.Inner(2, m.Color.BLUE),), {"a": m.Inner(3)}, (4, m.Inner(5)))
        for m in (old, new)
    ]
    shape = shape_of(new.Outer)
    assert misfit(made[0], shape) is not None
    assert adopt(made[0], shape) == made[1]
    assert misfit(adopt(made[0], shape), shape) is None
    assert adopt(made[1], shape) is made[1], "nothing to replace"
    assert adopt([made[0]], Many(list, Record(new.Outer))) == [made[1]]
    table = {"a": 1}
    assert adopt(table, shape_of(dict[str, int])) is table


def test_adopt_leaves_what_does_not_match(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("adopt")
    old, new = load(folder, VERSION), load(folder, VERSION.replace("n: int", "m: int"))
    value = old.Inner(1)
    assert adopt(value, shape_of(new.Inner)) is value
    assert adopt(5, shape_of(new.Inner)) == 5
    wrong = misfit(adopt(old.Outer(value), shape_of(new.Outer)), shape_of(new.Outer))
    assert wrong is not None
    assert (wrong.path, wrong.expected) == ("inner", "Inner | None")
