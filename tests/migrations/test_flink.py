"""Flink's grades of state schema evolution, row by row, and which answer of ours corresponds to each.

Source: Apache Flink, documentation "State Schema Evolution" and "Custom Serialization for Managed State"
(github.com/apache/flink, docs/content/docs/dev/datastream/fault-tolerance/serialization), and its tests
PojoSerializerSnapshotTest and EnumSerializerUpgradeTest. Flink grades a change of a serializer: compatible as is,
compatible after migration, compatible with a reconfigured serializer, incompatible. Ours: a cell is kept, converted,
or refused. Where Flink forgets a value silently we refuse, until somebody says that it may go.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import attrs
import pytest
from immutables import Map
from returns.result import Failure

from arrows import Arrow, arr, compile, identity, keyed, state
from arrows.keys import key_of
from migrations import DROP, Migration, lens, plan
from migrations.lens import Lens

Grade: TypeAlias = Literal["as is", "after migration", "reconfigured", "incompatible"]


@attrs.frozen
class Refused:
    """The plan is refused, and says this."""

    because: str


@attrs.frozen
class Row:
    """A state before and after, both by their first values, and what a value becomes."""

    name: str
    flink: Grade
    old: Any
    new: Any
    value: Any
    ours: Any
    label: str = "converted"
    lenses: tuple[Lens, ...] = ()
    drop: bool = False
    of: tuple[Any, Any] = (None, None)


def record(name: str, /, **fields: Any) -> Any:
    spec = {
        each: attrs.field(type=kind[0], default=kind[1])
        if isinstance(kind, tuple)
        else attrs.field(type=kind)
        for each, kind in fields.items()
    }
    return attrs.make_class(name, spec, frozen=True)


PERSON, AGAIN = [record("Person", id=int, name=str, height=float) for _ in range(2)]
REORDERED = record("Person", height=float, name=str, id=int)
NAME = record("Person", name=str)
HEIGHT = record("Person", height=float)
GROWN = record("Person", height=float, id=(int, 0), name=(str, ""))
BARE = record("Person", height=float, id=int, name=str)
RENAMED = record("Human", id=int, name=str, height=float)
OTHER_TYPE = record("Person", id=str, name=str, height=float)
WIDER = record("Person", id=float, name=str, height=float)
SWAPPED = record("Person", name=str, weight=(float, 0.0))
OPTIONAL = record("Person", id=int, name=str | None, height=float)
ANN = PERSON(1, "ann", 1.5)


def symbols(*names: str) -> Any:
    return enum.Enum("Names", list(names))


BEFORE, MIXED = symbols("FOO", "BAR", "EMMA", "PAULA"), symbols("FOO", "PAULA", "BAR", "EMMA")
MORE, FEWER = symbols("FOO", "BAR", "EMMA", "PAULA", "NEW"), symbols("FOO", "EMMA")

ROWS: list[Row] = [
    # Records (POJOs)
    Row("equal fields", "as is", ANN, AGAIN(0, "", 0.0), ANN, AGAIN(1, "ann", 1.5), "kept"),
    Row("fields in another order", "as is", ANN, REORDERED(0.0, "", 0), ANN, REORDERED(1.5, "ann", 1)),
    Row(
        "fields removed",
        "after migration",
        ANN,
        NAME(""),
        ANN,
        Refused("the field 'id' of Person would be lost"),
    ),
    Row(
        "fields removed, which is declared",
        "after migration",
        ANN,
        NAME(""),
        ANN,
        NAME("ann"),
        lenses=(lens.drop("id"), lens.drop("height")),
    ),
    Row(
        "fields added, with a default",
        "after migration",
        HEIGHT(0.0),
        GROWN(0.0),
        HEIGHT(1.5),
        GROWN(1.5, 0, ""),
    ),
    Row(
        "fields added, where Java has a zero and we have no default",
        "after migration",
        HEIGHT(0.0),
        BARE(0.0, 0, ""),
        HEIGHT(1.5),
        Refused("the new field 'id' of Person has no default"),
    ),
    Row(
        "fields added by a lens",
        "after migration",
        HEIGHT(0.0),
        BARE(0.0, 0, ""),
        HEIGHT(1.5),
        BARE(1.5, 7, "x"),
        lenses=(lens.add("id", 7), lens.add("name", "x")),
    ),
    Row(
        "fields added and removed",
        "after migration",
        ANN,
        SWAPPED(""),
        ANN,
        Refused("the field 'id' of Person would be lost"),
    ),
    Row(
        "fields added and removed, which is declared",
        "after migration",
        ANN,
        SWAPPED(""),
        ANN,
        SWAPPED("ann", 0.0),
        lenses=(lens.drop("id"), lens.drop("height")),
    ),
    Row(
        "a field of another type",
        "incompatible",
        ANN,
        OTHER_TYPE("", "", 0.0),
        ANN,
        Refused("id: nothing leads from int to str"),
    ),
    Row(
        "a field of another type, by two arrows",
        "incompatible",
        ANN,
        OTHER_TYPE("", "", 0.0),
        ANN,
        OTHER_TYPE("1", "ann", 1.5),
        lenses=(lens.inside("id", lens.convert(arr(str), arr(int))),),
    ),
    Row("a field of a wider number", "incompatible", ANN, WIDER(0.0, "", 0.0), ANN, WIDER(1.0, "ann", 1.5)),
    Row(
        "a field that may be absent", "incompatible", ANN, OPTIONAL(0, "", 0.0), ANN, OPTIONAL(1, "ann", 1.5)
    ),
    Row("a class of another name", "incompatible", ANN, RENAMED(0, "", 0.0), ANN, RENAMED(1, "ann", 1.5)),
    # Enums: Flink goes by position, and reorders where the positions altered
    Row("equal members", "as is", BEFORE.FOO, BEFORE.FOO, BEFORE.EMMA, BEFORE.EMMA, "kept"),
    Row("members in another order", "reconfigured", BEFORE.FOO, MIXED.FOO, BEFORE.EMMA, MIXED.EMMA),
    Row("members added", "reconfigured", BEFORE.FOO, MORE.FOO, BEFORE.PAULA, MORE.PAULA),
    Row(
        "members removed",
        "incompatible",
        BEFORE.FOO,
        FEWER.FOO,
        BEFORE.EMMA,
        Refused("Names has no member BAR, PAULA"),
    ),
    # Primitive types: each has its own serializer
    Row("an int", "as is", 0, 5, 3, 3, "kept"),
    Row("an int to a float", "incompatible", 0, 0.0, 3, 3.0),
    Row("a float to an int", "incompatible", 0.0, 0, 3.0, Refused("goes from float to int")),
    Row("an int to text", "incompatible", 0, "", 3, Refused("goes from int to str")),
    Row("an int to text, begun anew", "incompatible", 0, "first", 3, "first", "new", drop=True),
    # What holds others: Flink asks for the grade of what is inside, and the worst counts
    Row(
        "a list of grown records",
        "incompatible",  # a list inside a POJO goes by Kryo, which knows no evolution
        [HEIGHT(0.0)],
        [GROWN(0.0)],
        [HEIGHT(1.5), HEIGHT(2.5)],
        [GROWN(1.5, 0, ""), GROWN(2.5, 0, "")],
    ),
    Row(
        "a map whose values alter",
        "after migration",
        {"k": HEIGHT(0.0)},
        {"k": GROWN(0.0)},
        {"a": HEIGHT(1.5)},
        {"a": GROWN(1.5, 0, "")},
    ),
    Row(
        "a map whose values cannot",
        "incompatible",
        {"k": 0},
        {"k": ""},
        {"a": 1},
        Refused("[]: nothing leads from int to str"),
    ),
    # Avro state: Avro's own rules, which test_avro.py compares with ours
    Row(
        "avro: a new field without a default",
        "incompatible",
        HEIGHT(0.0),
        BARE(0.0, 0, ""),
        HEIGHT(1.5),
        Refused("the new field 'id' of Person has no default"),
    ),
    Row("avro: an int that is read as a double", "after migration", 0, 0.0, 3, 3.0),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_grade_of_a_cell(row: Row) -> None:
    old, new = (compile(state("n", init, identity())) for init in (row.old, row.new))
    migration = None
    if row.lenses:
        migration = Migration("m", old="1", new="2", lenses=[lens.inside("n", *row.lenses)])
    elif row.drop:
        migration = Migration("m", old="1", new="2", up={"n": DROP})
    found = plan(old, new, migration, machine="m")
    if isinstance(row.ours, Refused):
        assert isinstance(found, Failure)
        assert row.ours.because in found.failure().message
        return
    planned = found.unwrap()
    assert planned.rows[-1].label == row.label
    (made,) = planned.apply((row.value,)).unwrap()
    assert (made, type(made)) == (row.ours, type(row.ours))


SURELY: dict[Grade, set[str]] = {
    "as is": {"kept", "converted"},
    "after migration": {"converted", "refused"},
    "reconfigured": {"converted"},
    "incompatible": {"converted", "new", "refused"},
}
"""What corresponds to a grade. What Flink calls compatible is refused where a value would be lost or made up."""


def test_the_grades_and_our_answers() -> None:
    found: dict[str, set[str]] = {}
    for row in ROWS:
        found.setdefault(row.flink, set()).add("refused" if isinstance(row.ours, Refused) else row.label)
    assert found == SURELY
    losing = ("would be lost", "has no default")
    for row in ROWS:
        if row.flink != "incompatible" and isinstance(row.ours, Refused):
            assert any(words in row.ours.because for words in losing), row.name


# Keys: Flink cannot migrate them at all


@attrs.frozen
class Narrow:
    n: int


@attrs.frozen
class Broad:
    n: int
    m: int = 0


def table(key: Any, init: Any = 0) -> Arrow[Any, Any]:
    def by(x: Any) -> Any:
        return x

    by.__annotations__["return"] = key
    return keyed(state("n", init, identity()), arr(by), "t")


def narrow(key: Broad) -> Narrow:
    return Narrow(key.n)


def broad(key: Narrow) -> Broad:
    return Broad(key.n)


KeyRow: TypeAlias = tuple[str, Any, Any, tuple[Lens, ...], list[Any], Callable[[Any], Any] | Refused]

KEYS: list[KeyRow] = [
    # case, old key, new key, lenses, keys, ours; in Flink every other key type is incompatible
    ("one type", int, int, (), [1, 2], lambda key: key),
    ("another type", int, str, (), [1], Refused("goes from a table by int to a table by str")),
    (
        "a grown record",
        Narrow,
        Broad,
        (),
        [Narrow(1)],
        Refused("goes from a table by Narrow to a table by Broad"),
    ),
    ("by two arrows", Narrow, Broad, (lens.rekey(arr(broad), arr(narrow)),), [Narrow(1), Narrow(2)], broad),
    (
        "a field dropped, so that two keys become one",
        Broad,
        Narrow,
        (lens.rekey(arr(narrow), arr(broad)),),
        [Broad(1, 1), Broad(1, 2)],
        Refused("become"),
    ),
]


@pytest.mark.parametrize(
    ("old", "new", "lenses", "keys", "ours"), [row[1:] for row in KEYS], ids=[row[0] for row in KEYS]
)
def test_keys(old: Any, new: Any, lenses: tuple[Lens, ...], keys: list[Any], ours: Any) -> None:
    migration = Migration("m", old="1", new="2", lenses=[lens.inside("t", *lenses)]) if lenses else None
    found = plan(compile(table(old)), compile(table(new)), migration, machine="m")
    before = (Map({key_of(key): (at + 1,) for at, key in enumerate(keys)}),)
    result = found.bind(lambda planned: planned.apply(before))
    if isinstance(ours, Refused):
        assert isinstance(result, Failure)
        assert ours.because in result.failure().message
    else:
        (after,) = result.unwrap()
        assert dict(after) == {key_of(ours(key)): (at + 1,) for at, key in enumerate(keys)}
