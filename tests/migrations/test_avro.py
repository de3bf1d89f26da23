"""What structure decides beside what Avro decides: random pairs of schemas, with the package `avro` as the oracle.

Source: Apache Avro, the specification's section on schema resolution (avro.apache.org), by PyPI `avro`: its reader,
which resolves one value, and its checker, which judges two schemas. On what both know (numbers, text, enums, records,
arrays, maps, unions) a pair of kinds is drawn, and a value of the first. One kind gives the Avro schema and our
classes. Where both give a value it must be one and the same. Where one refuses and the other does not, the difference
must be one of those that are named below, and each of those must occur.
"""

from __future__ import annotations

import enum
import io
import json
import random
import re
from collections import Counter
from collections.abc import Callable, Sequence
from types import GenericAlias
from typing import Any, Final, TypeAlias, assert_never

import attrs
import pytest
from returns.result import Failure

from arrows.fit import misfit
from arrows.shape import shape_of
from migrations.infer import infer

pytest.importorskip("avro", reason="the oracle is PyPI avro, of the extra `test`")

import avro.errors
import avro.io
import avro.schema
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType

NONE: Final = object()
"""That there is no value."""

# Kinds: what one Avro schema and one of our types have in common


@attrs.frozen
class Plain:
    """A scalar, by its name in Avro."""

    name: str


@attrs.frozen
class Symbols:
    name: str
    symbols: tuple[str, ...]


@attrs.frozen
class Items:
    """An array, or a map from text."""

    container: str
    of: Kind


@attrs.frozen
class Union:
    options: tuple[Kind, ...]


@attrs.frozen
class Field:
    name: str
    kind: Kind
    default: Any = NONE


@attrs.frozen
class Rec:
    name: str
    fields: tuple[Field, ...]


Kind: TypeAlias = Plain | Symbols | Items | Union | Rec

NULL = Plain("null")
TYPES: Final = {
    "null": None,
    "float": float,
    "double": float,
    "int": int,
    "long": int,
    "boolean": bool,
    "string": str,
    "bytes": bytes,
}
NUMBERS = ("int", "long", "float", "double")
OTHER = "_2"
"""Behind the name of a class that goes by another one in the new version."""


def schema(kind: Kind, wide: bool = False, aliases: Sequence[str] = ()) -> Any:
    """The schema, as JSON; `wide` for the widest int and float, with `aliases` for every class."""
    also = {"aliases": list(aliases)} if aliases else {}
    match kind:
        case Plain(name=name):
            return {"int": "long", "float": "double"}.get(name, name) if wide else name
        case Symbols(name=name, symbols=symbols):
            return {"type": "enum", "name": name, "symbols": list(symbols)} | also
        case Items(container=container, of=of):
            part = "items" if container == "array" else "values"
            return {"type": container, part: schema(of, wide, aliases)}
        case Union(options=options):
            return [schema(each, wide, aliases) for each in options]
        case Rec(name=name, fields=fields):
            made = [
                {"name": field.name, "type": schema(field.kind, wide, aliases)}
                | ({} if field.default is NONE else {"default": field.default})
                for field in fields
            ]
            return {"type": "record", "name": name, "fields": made} | also
        case _:
            assert_never(kind)


class Ours:
    """The types and values of one version, by its kinds."""

    def __init__(self) -> None:
        self.classes: dict[str, Any] = {}

    def type(self, kind: Kind) -> Any:
        match kind:
            case Plain(name=name):
                return TYPES[name]
            case Symbols(name=name, symbols=symbols):
                return self.classes.setdefault(name, enum.Enum(name, list(symbols)))
            case Items(container=container, of=of):
                inner = self.type(of)
                return (
                    GenericAlias(list, (inner,)) if container == "array" else GenericAlias(dict, (str, inner))
                )
            case Union(options=options):
                found = self.type(options[0])
                for each in options[1:]:
                    found = found | self.type(each) if found is not None else self.type(each) | None
                return found
            case Rec(name=name, fields=fields):
                made = attrs.make_class(
                    name, {each.name: self.field(each) for each in fields}, frozen=True, kw_only=True
                )
                return self.classes.setdefault(name, made)
            case _:
                assert_never(kind)

    def field(self, field: Field) -> Any:
        kind = self.type(field.kind)
        if field.default is NONE:
            return attrs.field(type=kind)
        if field.default in ([], {}):
            return attrs.field(type=kind, factory=type(field.default))
        return attrs.field(type=kind, default=self.value(field.kind, field.default))

    def value(self, kind: Kind, datum: Any) -> Any:
        """A datum as Avro has it, as a value of ours."""
        match kind:
            case Plain(name=name):
                return float(datum) if name in ("float", "double") else datum
            case Symbols(name=name):
                return self.classes[name][datum]
            case Items(of=of):
                if isinstance(datum, list):
                    return [self.value(of, each) for each in datum]
                return {key: self.value(of, each) for key, each in datum.items()}
            case Union(options=options):
                fitting = [each for each in options if is_of(each, datum)]
                exact = [
                    each for each in fitting if isinstance(each, Plain) and TYPES[each.name] is type(datum)
                ]
                return self.value((exact or fitting)[0], datum)
            case Rec(name=name, fields=fields):
                return self.classes[name](
                    **{each.name: self.value(each.kind, datum[each.name]) for each in fields}
                )
            case _:
                assert_never(kind)


def is_of(kind: Kind, datum: Any) -> bool:
    """Whether a datum may be of this option of a union: an int also of a float, as Avro's reader gives it."""
    match kind:
        case Plain(name=name):
            cls: Any = TYPES[name]
            return datum is None if cls is None else type(datum) in ((int, float) if cls is float else (cls,))
        case Symbols():
            return isinstance(datum, str)
        case Items(container=container):
            return isinstance(datum, list if container == "array" else dict)
        case Rec(fields=fields):
            return isinstance(datum, dict) and {each.name for each in fields} == datum.keys()
        case Union():
            raise AssertionError("Avro has no union in a union")
        case _:
            assert_never(kind)


# Draws

ORDER = (
    "null",
    "float",
    "double",
    "string",
    "bytes",
    "array",
    "map",
    "enum",
    "record",
    "int",
    "long",
    "boolean",
)
"""Of a union's options: the writer of the package takes the last one that a datum is valid for."""


def sort_of(kind: Kind) -> str:
    """What a union has at most one of."""
    match kind:
        case Plain(name=name):
            return {"long": "int", "double": "float"}.get(name, name)
        case Symbols():
            return "string"  # a symbol is text in the package
        case Items(container=container):
            return container
        case Rec(name=name):
            return name
        case Union():
            return "union"
        case _:
            assert_never(kind)


def rank(kind: Kind) -> int:
    word = kind.name if isinstance(kind, Plain) else kind.container if isinstance(kind, Items) else None
    return ORDER.index(word or ("enum" if isinstance(kind, Symbols) else "record"))


def union(options: list[Kind]) -> Kind:
    found: dict[str, Kind] = {}
    records = [each for each in options if isinstance(each, Rec)]
    for each in options:
        if isinstance(each, Items) and each.container == "map" and records:
            continue  # both are dicts in the package
        found.setdefault(sort_of(each), each)
    several = sorted(found.values(), key=rank)
    return Union(tuple(several)) if len(several) > 1 else several[0]


def drawn(chance: random.Random, path: str = "R", depth: int = 2) -> Kind:
    """A kind. Its classes are named by where they stand, so that those of another kind may be of the same name."""
    which = chance.randrange(10 if depth else 4)
    if which < 4:
        return Plain(chance.choice([*NUMBERS, *NUMBERS, "boolean", "string", "bytes"]))
    if which == 4:
        return Symbols(f"E{path}", tuple(chance.sample(["RED", "GREEN", "BLUE"], chance.randint(1, 3))))
    if which == 5:
        return Items("array", not_union(chance, f"{path}_i", depth - 1))
    if which == 6:
        return Items("map", not_union(chance, f"{path}_v", depth - 1))
    if which == 7:
        inner = not_union(chance, f"{path}_o", depth - 1)
        return union([NULL, inner])
    if which == 8:
        options: list[Kind] = [NULL] if chance.random() < 0.3 else []
        options += [Plain("double"), Plain("long")] if chance.random() < 0.2 else []
        for at in range(chance.randint(2, 3)):
            each = not_union(chance, f"{path}_{at}", depth - 1)
            if isinstance(each, Rec):
                each = attrs.evolve(each, fields=(*each.fields, Field(f"is_{at}", Plain("boolean"))))
            options.append(each)
        return union(options)
    names = chance.sample("abcd", chance.randint(0, 3))
    return Rec(path, tuple(field(chance, name, f"{path}_{name}", depth - 1) for name in names))


def not_union(chance: random.Random, path: str, depth: int) -> Kind:
    found = drawn(chance, path, depth)
    while isinstance(found, Union):
        found = drawn(chance, path, depth)
    return found


def field(chance: random.Random, name: str, path: str, depth: int, may_default: float = 0.5) -> Field:
    kind = drawn(chance, path, depth)
    return Field(name, kind, default(chance, kind) if chance.random() < may_default else NONE)


def default(chance: random.Random, kind: Kind) -> Any:
    """A default, as JSON; not every kind has one here."""
    match kind:
        case Plain(name=name):
            return {"null": None, "boolean": True, "string": "x", "int": 7, "long": 7, "float": 0.5}.get(
                name, 2.5 if name == "double" else NONE
            )
        case Symbols(symbols=symbols):
            return chance.choice(symbols)
        case Items(container=container):
            return [] if container == "array" else {}
        case Union(options=options):
            return None if options[0] == NULL else NONE
        case Rec():
            return NONE
        case _:
            assert_never(kind)


def datum(chance: random.Random, kind: Kind) -> Any:
    match kind:
        case Plain(name=name):
            by_name: dict[str, list[Any]] = {
                "null": [None],
                "boolean": [True, False],
                "string": ["", "a", "é", "RED"],
                "bytes": [b"", b"\x00"],
                "int": [0, 1, -2, 2**31 - 1],
                "long": [0, 1, -2, 2**40, 2**53 + 1, 2**60 + 1],
                "float": [0.0, 1.0, -0.5, 2.0**100],
                "double": [0.0, 1.0, 0.1, 1e300],
            }
            return chance.choice(by_name[name])
        case Symbols(symbols=symbols):
            return chance.choice(symbols)
        case Items(container=container, of=of):
            several = [datum(chance, of) for _ in range(chance.randrange(3))]
            return several if container == "array" else {f"k{at}": each for at, each in enumerate(several)}
        case Union(options=options):
            return datum(chance, chance.choice(options))
        case Rec(fields=fields):
            return {each.name: datum(chance, each.kind) for each in fields}
        case _:
            assert_never(kind)


def later(chance: random.Random, kind: Kind, path: str = "N") -> Kind:
    """A kind that a later version might have in the place of this one, for good or ill."""
    if chance.random() < 0.05:
        return drawn(chance, path, 1)
    if chance.random() < 0.04 and not isinstance(kind, Rec):
        return Rec(f"W{path}", (Field(f"w{path}", kind),))
    if chance.random() < 0.12 and not isinstance(kind, Union) and kind != NULL:
        return union([NULL, kind])
    match kind:
        case Plain(name=name) if name in NUMBERS:
            if name in ("int", "long") and chance.random() < 0.06:
                return union([Plain("double"), Rec(f"W{path}", (Field(f"w{path}", kind),))])
            return Plain(chance.choice([name, *NUMBERS[NUMBERS.index(name) :], chance.choice(NUMBERS)]))
        case Plain(name=name) if name in ("string", "bytes") and chance.random() < 0.15:
            return Plain("bytes" if name == "string" else "string")
        case Plain():
            return kind
        case Symbols(name=name, symbols=symbols):
            more = (*symbols, "MORE") if chance.random() < 0.5 else symbols
            fewer = tuple(chance.sample(more, len(more) - (len(more) > 1 and chance.random() < 0.3)))
            return Symbols(another(chance, name), fewer)
        case Items(container=container, of=of):
            inner = later(chance, of, f"{path}_i")
            return Items(container, of if isinstance(inner, Union) else inner)
        case Union(options=options):
            several = [each for each in options if chance.random() > 0.05] or list(options)
            if chance.random() < 0.2:
                several = [Plain("double") if sort_of(each) == "int" else each for each in several]
            if chance.random() < 0.1:
                first = several[0]
                several[0] = first if isinstance(first, Rec) else Rec(f"V{path}", (Field(f"v{path}", first),))
            changed = [later(chance, each, f"{path}_{at}") for at, each in enumerate(several)]
            flat = [each for one in changed for each in (one.options if isinstance(one, Union) else (one,))]
            return union(flat)
        case Rec(name=name, fields=fields):
            kept = [each for each in fields if each.name.startswith("is_") or chance.random() > 0.08]
            made = [
                each
                if each.name.startswith("is_")
                else attrs.evolve(each, kind=later(chance, each.kind, f"{path}_{each.name}"), default=NONE)
                for each in kept
            ]
            if chance.random() < 0.03:
                made = [each for each in made if each.name.startswith("is_")]
            if not made or chance.random() < 0.4:
                made.append(field(chance, f"new_{name}", f"{path}_new", 1, may_default=0.8))
            return Rec(another(chance, name), tuple(chance.sample(made, len(made))))
        case _:
            assert_never(kind)


def another(chance: random.Random, name: str) -> str:
    return name + OTHER if chance.random() < 0.05 and not name.endswith(OTHER) else name


# The two sides


def parsed(kind: Kind, wide: bool = False, aliases: Sequence[str] = ()) -> Any:
    return avro.schema.parse(json.dumps(schema(kind, wide, aliases)))


def resolved(writer: Kind, reader: Kind, value: Any) -> Any:
    """What the reader of the package gives for a value that was written by the first schema, or NONE."""
    wrote, reads = parsed(writer), parsed(reader)
    stream = io.BytesIO()
    avro.io.DatumWriter(wrote).write(value, avro.io.BinaryEncoder(stream))
    stream.seek(0)
    try:
        return avro.io.DatumReader(wrote, reads).read(avro.io.BinaryDecoder(stream))
    except avro.errors.SchemaResolutionException:
        return NONE


def judged(writer: Kind, reader: Kind, wide: bool = False, renamed: bool = False) -> bool:
    """Whether the checker of the package calls the pair compatible, whatever the value.

    `renamed`: where every class of the new version has those of the old one as aliases.
    """
    old = Ours()
    old.type(writer)
    new = parsed(reader, wide, [*old.classes] if renamed else [])
    checker: Any = ReaderWriterCompatibilityChecker
    found = checker().get_compatibility(new, parsed(writer, wide))
    return bool(found.compatibility is SchemaCompatibilityType.compatible)


@attrs.frozen
class Pair:
    """Two kinds and a value of the first, and what each side makes of it."""

    old: Kind
    new: Kind
    value: Any
    theirs: Any
    """What Avro's reader gives, as our value; or NONE."""
    mine: Any
    why: str
    """Why there is no value of ours."""
    rules: tuple[str, ...]


def pair(chance: random.Random) -> Pair:
    old = drawn(chance)
    while isinstance(old, Plain) and chance.random() < 0.9:
        old = drawn(chance)
    new = drawn(chance) if chance.random() < 0.15 else later(chance, old)
    value = datum(chance, old)
    before, after = Ours(), Ours()
    one, other = shape_of(before.type(old)), shape_of(after.type(new))
    read = resolved(old, new, value)
    theirs = NONE if read is NONE else after.value(new, read)
    assert theirs is NONE or misfit(theirs, other) is None, (old, new, value)
    found = infer(one, other)
    if isinstance(found, Failure):
        return Pair(old, new, value, theirs, NONE, found.failure().problem, ())
    way, mine = found.unwrap(), before.value(old, value)
    try:
        made = way.up(mine)
    except ValueError as error:
        return Pair(old, new, value, theirs, NONE, str(error), way.rules)
    assert misfit(made, other) is None, (old, new, value)
    assert repr(way.down(made)) == repr(mine), (old, new, value)
    return Pair(old, new, value, theirs, made, "", way.rules)


Says: TypeAlias = Callable[[Pair], bool]


def is_open(why: str) -> bool:
    """Whether it says that a value could become several others, none of which is of its own kind."""
    one, says, several = why.partition(" could become any of ")
    return says != "" and one not in several.split(", ")


STRICTER: Final[dict[str, tuple[str, Says]]] = {
    "a lucky value": (
        "Avro's reader asks whether this value fits; we ask, as its checker does, whether every value would.",
        lambda it: not judged(it.old, it.new),
    ),
    "text and bytes": (
        "Avro calls them compatible (the package's reader does not); to us bytes are text in no one encoding.",
        lambda it: "nothing leads" in it.why and {"str", "bytes"} <= set(re.findall(r"\w+", it.why)),
    ),
    "a field that goes": (
        "Avro leaves out a field that the reader does not have; to us it is a loss, which must be declared.",
        lambda it: "would be lost" in it.why,
    ),
    "all fields go": (
        "Two records without a field in common: Avro makes the new one of defaults alone.",
        lambda it: it.why.startswith("nothing leads from R"),
    ),
    "two become one": (
        "Two options become one in the new version, and the way back could not tell them apart.",
        lambda it: "nobody could tell them apart" in it.why,
    ),
    "more than one option": (
        "A value could become several options of the new union; Avro takes the first.",
        lambda it: is_open(it.why),
    ),
    "an int that no float equals": (
        "Avro rounds a long that has no equal double; to us that is a loss.",
        lambda it: "is not exactly a float" in it.why,
    ),
}
"""Where Avro gives a value and we refuse: the name of the reason, what it says, and how it is known."""

WIDER: Final[dict[str, tuple[str, Says]]] = {
    "one int and one float": (
        "Avro has two sizes of each and no way to the smaller; we have one int of any size, and one float.",
        lambda it: judged(it.old, it.new, wide=True),
    ),
    "a class of another name": (
        "Avro knows a record or an enum by its name (or an alias); a cell is known by its address.",
        lambda it: judged(it.old, it.new, wide=True, renamed=True),
    ),
    "wrapping": (
        "A value into the only field of a record, or out of it: Avro has nothing like it.",
        lambda it: "wrapping" in it.rules,
    ),
}
"""Where we give a value and Avro refuses."""

SAME, NEITHER, NARROW = "the same value", "both refuse", "the same value, by the specification"


def narrow(it: Pair) -> str:
    """The class of a pair that the package's checker calls compatible, and that its reader does not read.

    As the specification has it, the checker is right. The reader wants items of one type in an array or a map.
    """
    with pytest.MonkeyPatch.context() as patch:
        for each in (avro.schema.ArraySchema, avro.schema.MapSchema):
            patch.setattr(each, "match", lambda self, writer: writer.type == self.type)
        read = resolved(it.old, it.new, it.value)
    if read is NONE:  # the checker takes text for bytes as well, where we have taken the way of wrapping
        assert "wrapping" in it.rules, it
        return "wrapping"
    after = Ours()
    after.type(it.new)
    assert repr(after.value(it.new, read)) == repr(it.mine), it
    return NARROW


def named(it: Pair) -> str:
    """The class that a pair falls into, or AssertionError."""
    if it.theirs is NONE and it.mine is NONE:
        return NEITHER
    if it.theirs is not NONE and it.mine is not NONE:
        assert repr(it.mine) == repr(it.theirs), it
        return SAME
    if it.mine is not NONE and judged(it.old, it.new):
        return narrow(it)
    table = STRICTER if it.mine is NONE else WIDER
    found = [name for name, (_, says) in table.items() if says(it)]
    assert found, f"no reason is named for this difference: {it}"
    return found[0]


def compare(seed: int, count: int) -> Counter[str]:
    print("seed", seed, "pairs", count)
    chance = random.Random(seed)
    found = Counter(named(pair(chance)) for _ in range(count))
    for name, times in found.most_common():
        print(f"{times:7}  {name}")
    return found


def test_random_pairs_of_schemas() -> None:
    found = compare(random.SystemRandom().randrange(2**32), 6_000)
    assert found.keys() == {SAME, NEITHER, NARROW, *STRICTER, *WIDER}, "each difference that is named occurs"
    assert found[SAME] > 2_000


@pytest.mark.long
def test_many_random_pairs_of_schemas() -> None:
    compare(random.SystemRandom().randrange(2**32), 60_000)
