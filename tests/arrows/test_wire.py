"""Machines as bytes: what goes comes back, and nothing else gets in."""

from __future__ import annotations

import enum
import json
import sys
from contextlib import suppress
from random import Random
from typing import Any

import attrs
import pytest
from returns.result import Failure, Success

from arrows import (
    Arrow,
    BuildError,
    Malformed,
    NotEncodable,
    arr,
    attempt,
    compile,
    constant,
    decode,
    encode,
    get,
    identity,
    keyed,
    loop,
    named,
    proc,
    put,
    run,
    state,
    switch,
)
from arrows.limits import FORMAT, MAX_BYTES, MAX_CLASSES, MAX_DEPTH, MAX_FIELDS, MAX_NAME, MAX_PARTS
from arrows.shape import Record
from arrows.term import Constant, Primitive


class Color(enum.Enum):
    RED = 1
    BLUE = "b"


@attrs.frozen
class Tree:
    """Holds itself, with defaults."""

    value: int
    color: Color = Color.RED
    below: tuple[Tree, ...] = ()


@attrs.frozen
class WithMethod:
    n: int

    def twice(self) -> int:
        return self.n * 2


@proc
def grow(msg: Tree | WithMethod, *, total: int = 0, seen: tuple[Tree, ...] = ()) -> Tree:
    match msg:
        case Tree(value):
            total += value
            seen = (*seen, msg)
        case WithMethod(n):
            total -= n
    return Tree(total, below=seen)


MACHINES: dict[str, Arrow[Any, Any]] = {
    "constants": constant(
        (None, True, -1, 2**70, 1.5, float("inf"), b"\x00", "é\ud800", [1], {1: "a"}, frozenset({2}))
    ),
    "records": constant(Tree(1, Color.BLUE, (Tree(2),))),
    "counter": state("n", 0, (identity() & get("n")) >> Primitive("add") >> put("n") >> get("n")),
    "everything": named(
        "a", keyed(attempt(switch((int, identity()), (str, constant(1)))) & identity(), identity(), "b")
    ),
    "grow": grow,
}
GOLDEN = {
    "counter": b'{"classes":[],"format":1,"term":["state","n",0,"int",["compose",["primitive","copy"],'
    b'["parallel",["identity"],["get","n"]],["primitive","add"],["put","n"],["get","n"]]]}',
    "everything": b'{"classes":[],"format":1,"term":["named","a",["keyed","b",["identity"],["compose",'
    b'["primitive","copy"],["parallel",["attempt",["switch",["int",["identity"]],["str",["constant",1]]]],'
    b'["identity"]]]]]}',
    "records": b'{"classes":[["record","Tree",[["value","int",false],["color",["class",1],false,{"e":[1,"RED"]}],'
    b'["below",["many","tuple",["class",0]],false,{"t":[]}]],null],["enum","Color",[["RED",1],["BLUE","b"]],null]],'
    b'"format":1,"term":["constant",{"r":[0,[1,{"e":[1,"BLUE"]},{"t":[{"r":[0,[2,{"e":[1,"RED"]},{"t":[]}]]}]}]]}]}',
}
"""Bytes of format 1, which later versions must read. They change only with the format number."""


@pytest.mark.parametrize("name", MACHINES)
def test_what_goes_comes_back(name: str) -> None:
    data = encode(MACHINES[name]).unwrap()
    assert decode(data).unwrap() == MACHINES[name]
    assert encode(decode(data).unwrap()).unwrap() == data


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_bytes(name: str) -> None:
    assert encode(MACHINES[name]).unwrap() == GOLDEN[name]
    assert decode(GOLDEN[name]).unwrap() == MACHINES[name]


def test_a_user_s_own_classes_come_back() -> None:
    received: Any = decode(encode(grow).unwrap()).unwrap()
    assert run(received, [Tree(3), WithMethod(1)])[1] == Tree(2, below=(Tree(3),))


def foreign(**changes: Any) -> bytes:
    """An encoding whose classes nobody here knows."""
    document = json.loads(encode(MACHINES["records"]).unwrap())
    document["classes"][0][1] = "Foreign"
    document["classes"][1][2].append(["GREEN", 3])
    return json.dumps({**document, **changes}).encode()


def test_unknown_classes_are_made_anew() -> None:
    machine = decode(foreign()).unwrap()
    assert isinstance(machine, Constant)
    made: Any = type(machine.value)
    assert made.__name__ == "Foreign"
    assert made is not Tree
    assert made(5) == made(value=5, color=made(5).color, below=())
    assert made(5).color.name == "RED"
    assert len(type(made(5).color).__members__) == 3
    assert type(machine.value.below[0]) is made
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        made(5).value = 6
    again: Any = decode(foreign()).unwrap()
    assert type(again.value) is made, "one class for each content"
    assert encode(machine).unwrap() == encode(again).unwrap()


def test_a_class_with_code_is_not_made_up() -> None:
    data = encode(constant(WithMethod(1))).unwrap()
    document = json.loads(data)
    document["classes"][0][3] = "0" * 64
    assert "has code that is not loaded here" in decode(json.dumps(document).encode()).failure().what


def test_private_and_keyword_fields_come_back() -> None:
    import dataclasses

    @dataclasses.dataclass(frozen=True)
    class Odd:
        _x: int
        y: int = dataclasses.field(default=3, kw_only=True)

    data = encode(constant(Odd(1))).unwrap().replace(b'"Odd"', b'"Even"')
    value: Any = decode(data).unwrap()
    assert (value.value._x, value.value.y) == (1, 3)
    with pytest.raises(TypeError):
        type(value.value)(1, 2)


# Refusals


def test_a_function_is_not_encoded() -> None:
    failure = encode(identity() >> arr(abs)).failure()
    assert isinstance(failure, NotEncodable)
    assert "abs" in failure.what
    assert failure.where is not None
    assert failure.where.file == __file__
    assert f"{__file__}:{failure.where.line}: " in str(failure)


class Plain:
    pass


@pytest.mark.parametrize(
    ("machine", "word"),
    [
        (constant(Plain()), "Plain is not plain data"),
        (constant({1, 2}), "set is not plain data"),
        (switch((Plain, identity())), "'Plain' is neither"),
        (constant(1) >> arr(lambda x: x), "<lambda>"),
    ],
)
def test_what_is_not_data_is_not_encoded(machine: Arrow[Any, Any], word: str) -> None:
    failure = encode(machine).failure()
    assert word in failure.what
    assert failure.where is not None


def test_deep_trees_and_values() -> None:
    def tree(depth: int) -> Arrow[Any, Any]:
        machine: Arrow[Any, Any] = constant(1)
        for _ in range(depth):
            machine = attempt(machine)
        return machine

    def value(depth: int) -> Any:
        held: Any = 1
        for _ in range(depth):
            held = [held]
        return held

    for make in (tree, lambda n: constant(value(n))):
        most = make(MAX_DEPTH)
        assert decode(encode(most).unwrap()) == Success(most)
        assert "nested deeper than" in encode(make(MAX_DEPTH + 1)).failure().what
    for text in ('["attempt",' * 5000 + '["identity"]' + "]" * 5000, "[" * 200_000):
        data = f'{{"classes":[],"format":1,"term":{text}}}'.encode()
        assert isinstance(decode(data).failure(), Malformed)
    below = '["attempt",' * (MAX_DEPTH + 1) + '["identity"]' + "]" * (MAX_DEPTH + 1)
    assert "nested" in decode(f'{{"classes":[],"format":1,"term":{below}}}'.encode()).failure().what


def test_what_is_too_large_to_read_is_not_written() -> None:
    for value, word in (("a" * MAX_BYTES, "bytes, more than"), ((0,) * MAX_PARTS, "parts, more than")):
        failure = encode(constant(value)).failure()
        assert word in failure.what
        assert failure.where is not None
    many = [attrs.make_class(f"C{n}", ["a"], frozen=True) for n in range(MAX_CLASSES + 1)]
    assert "classes, more than" in encode(constant(tuple(cls(1) for cls in many))).failure().what
    wide = attrs.make_class("W", [f"a{n}" for n in range(MAX_FIELDS + 1)], frozen=True)
    assert "fields in classes, more than" in encode(switch((wide, identity()))).failure().what
    most = constant((0,) * (MAX_PARTS - 20))
    assert decode(encode(most).unwrap()).unwrap() == most


@attrs.frozen
class Planet:
    mass: int


class Planets(enum.Enum):
    EARTH = Planet(6)


def test_an_enum_of_records_is_known_or_refused() -> None:
    data = encode(constant(Planets.EARTH)).unwrap()
    assert decode(data, [Planets]).unwrap() == constant(Planets.EARTH)
    document = json.loads(data)
    assert document["classes"][0][3], "what the values are is code"
    document["classes"][0][3] = "0" * 64
    assert "has code that is not loaded here" in decode(json.dumps(document).encode()).failure().what


def told(term: Any, classes: Any = (), number: Any = FORMAT) -> bytes:
    return json.dumps({"classes": list(classes), "format": number, "term": term}).encode()


RECORD = ["record", "R", [["a", "int", False]], None]
MALFORMED = {
    b"": "Expecting value",
    b"[]": "not an encoded machine",
    b"\xff": "UnicodeDecodeError",
    b"{}": "not an encoded machine",
    b'{"classes":[],"format":1,"term":["identity"],"more":1}': "not an encoded machine",
    b"1" * 5000: "an integer too long",
    b'{"format":1,"format":1,"term":["identity"]}': "a key twice",
    b'{"a":1,"b":1,"c":1,"d":1}': "an object of many keys",
    b'{"classes":[],"format":1,"term":["constant",{"t":[],"t":[]}]}': "a key twice",
    b'{"classes":[],"format":1,"term":["constant",1e5]}': "1e5 is not a value",
    b'{"classes":[],"format":1,"term":["constant",NaN]}': "NaN is not a value",
    b" " * (MAX_BYTES + 1): "bytes, more than",
    b"," * (MAX_PARTS + 1): "parts, more than",
    told(["identity"], number=FORMAT + 1): "newer than",
    told(["identity"], number=0): "format number",
    told(["identity"], number=True): "format number",
    told(None): "a node",
    told([]): "a node",
    told([["identity"]]): "not a node",
    told(["no"]): "'no' is not a node",
    told(["function", "0" * 64, None]): "'function' is not a node",
    told(["identity", 1]): "0 parts, not 1",
    told(["compose", ["identity"]]): "nothing to compose",
    told(["primitive"]): "not an operation",
    told(["primitive", "exec"]): "not an operation",
    told(["primitive", "pick"]): "takes 1 arguments",
    told(["primitive", "pick", [-1]]): "not a path",
    told(["primitive", "pick", [True]]): "not a path",
    told(["primitive", "pick", [0] * (MAX_DEPTH + 1)]): "a path of",
    told(["primitive", "field", "a" * (MAX_NAME + 1)]): "not a name",
    told(["primitive", "field", "__globals__"]): "not a name",
    told(["primitive", "field", "a.b"]): "not a name",
    told(["primitive", "field", "a²"]): "not a name",
    told(["primitive", "field", "ﬁ"]): "not a name",
    told(["primitive", "field", "if"]): "not a name",
    told(["primitive", "construct", "int", ["a", "a"]]): "a name twice",
    told(["primitive", "display", "set", []]): "not a container",
    told(["primitive", "display", "list", [":"]]): "signs of a list",
    told(["primitive", "display", "dict", ["*"]]): "signs of a dict",
    told(["primitive", "raise", "SystemExit"]): "not an error",
    told(["primitive", "unpack", 0]): "not a count",
    told(["primitive", "unpack", 10**9]): "not a count",
    told(["primitive", "typed", "datetime"]): "not a shape",
    told(["primitive", "typed", ["mapping", "int"]]): "not a shape",
    told(["primitive", "is_a", "object"]): "not a class",
    told(["primitive", "is_a", ["class", 0]]): "not in the table",
    told(["switch"]): "at least one case",
    told(["switch", ["int", ["identity"]], ["bool", ["identity"]]]): "overlap",
    told(["switch", ["int", ["identity"]], ["int", ["identity"]]]): "overlap",
    told(["state", "a/b", 0, "int", ["identity"]]): "cannot name a cell",
    told(["state", "n", "a", "int", ["identity"]]): "expected int",
    told(["get", 1]): "cannot name a cell",
    told(["keyed", "k", ["state", "n", 0, "int", ["identity"]], ["identity"]]): "has cells",
    told(["constant", {"q": 1}]): "no known tag",
    told(["constant", {"i": "zz"}]): "not a value",
    told(["constant", {"i": "f" * 9000}]): "too long",
    told(["constant", {"f": "x"}]): "not a value",
    told(["constant", {"s": [[1]]}]): "not a value",
    told(["constant", {"d": [[[1], 1]]}]): "not a value",
    told(["constant", {"s": [1, 1]}]): "a key twice",
    told(["constant", {"s": [1, True]}]): "a key twice",
    told(["constant", {"d": [[1, 1], [{"f": "1"}, 1]]}]): "a key twice",
    told(["constant", {"s": [{"i": hex(n * (2**61 - 1))} for n in range(9, 18)]}]): "hashed alike",
    told(["constant", {"r": [0, []]}]): "not in the table",
    told(["constant", {"r": [0, []]}], [RECORD]): "not a value",
    told(["constant", {"e": [0, "a"]}], [RECORD]): "not a member",
    told(["identity"], [["module", "os", [], None]]): "not a kind of class",
    told(["identity"], [["plain", "P", [], None]]): "not a kind of class",
    told(["identity"], [["record", "R", [["a", "int", False], ["a", "int", False]], None]]): "a name twice",
    told(["identity"], [["record", "R", [["self", "int", False]], None]]): "not a name",
    told(["identity"], [["record", "R", [["_setattr", "int", False]], None]]): "not a name",
    told(["identity"], [["record", "R", [["type", "int", False]], None]]): "'type'",
    told(
        ["identity"], [["record", "R", [["a", "int", False, 1], ["b", "int", False]], None]]
    ): "not a record",
    told(["identity"], [["record", "R", [["a", "int"]], None]]): "a field",
    told(["identity"], [["record", "R", [["a", ["class", 7], False]], None]]): "not in the table",
    told(["identity"], [RECORD, ["enum", "E", [["A", {"r": [0, [1]]}]], None]]): "not in the table",
    told(["identity"], [["enum", "E", [["mro", 1]], None]]): "not an enum",
    told(["identity"], [["enum", "E", [["_ignore_", 1]], None]]): "reserved",
    told(["identity"], [["enum", "E", [["A", 1], ["A", 2]], None]]): "not an enum",
    told(["identity"], [RECORD] * (MAX_CLASSES + 1)): "classes, more than",
    told(
        ["identity"], [["enum", "E", [[f"A{n}", n] for n in range(MAX_FIELDS + 1)], None]]
    ): "fields in classes",
}


@pytest.mark.parametrize("data", MALFORMED, ids=lambda data: data.decode("latin1")[-60:])
def test_malformed(data: bytes) -> None:
    failure = decode(data).failure()
    assert isinstance(failure, Malformed)
    assert MALFORMED[data] in failure.what
    assert len(str(failure)) < 400


def mutated(random: Random, data: bytes) -> bytes:
    """Cut, doubled, swapped, flipped; or another word of the encoding put in place of one."""
    words = [
        b"[]",
        b"{}",
        b"null",
        b"-1",
        b'"int"',
        b'["class",0]',
        b'["identity"]',
        b'{"t":[1]}',
        b'"_x"',
        b"1e9",
    ]
    for _ in range(random.randint(1, 3)):
        at, to = sorted((random.randrange(len(data) + 1), random.randrange(len(data) + 1)))
        match random.randrange(6):
            case 0:
                data = data[:at] + bytes([random.randrange(256)]) + data[at + 1 :]
            case 1:
                data = data[:at] + data[min(to, at + 9) :]
            case 2:
                data = data[:at] + data[at : at + 30] + data[at:]
            case _:
                parts = data.split(b",")
                parts[random.randrange(len(parts))] = random.choice([*words, *parts])
                data = b",".join(parts)
    return data


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.long)])
def test_mutated_encodings_raise_nothing_and_import_nothing(seed: int) -> None:
    count = 100_000 if seed == 2 else 4000
    print(f"seed {seed}, {count} inputs")
    random, known = Random(seed), [encode(machine).unwrap() for machine in MACHINES.values()]
    before, read = set(sys.modules), 0
    for _ in range(count):
        data = mutated(random, random.choice(known))
        match decode(data):
            case Success(machine):
                read += 1
                with suppress(BuildError):  # a cell out of scope
                    compile(machine)
            case Failure(wrong):
                assert isinstance(wrong, Malformed), data
    print(f"{read} were read, {count - read} refused")
    assert set(sys.modules) == before
    assert count // 50 < read < count // 2, "neither everything nor nothing was refused"


def test_loop_over_data_is_encoded() -> None:
    body = Primitive("copy") >> Primitive("pick", ((0,),))
    assert decode(encode(loop(body, (0, 0), "s")).unwrap()).unwrap() == loop(body, (0, 0), "s")


def test_shapes_of_unknown_classes_are_records() -> None:
    document = json.loads(foreign())
    document["term"] = ["primitive", "typed", ["class", 0]]
    machine: Any = decode(json.dumps(document).encode()).unwrap()
    assert isinstance(machine.args[0], Record)
