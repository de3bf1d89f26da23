"""Inputs made to cost `decode` the most it can be made to pay, each of about a length.

Run as a program with a folder of inputs, it decodes each in a process of its own and prints what that took, as JSON.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from arrows.limits import MAX_CLASSES, MAX_FIELDS, MAX_PARTS

Make = Callable[[int], str]

SECONDS = 60
"""After which a process is ended."""


def machine(term: str, classes: str = "") -> str:
    return f'{{"classes":[{classes}],"format":1,"term":{term}}}'


def repeated(part: str, length: int, least: int = 1) -> str:
    """A text as often as it goes into a length, with commas."""
    return ",".join([part] * max(least, length // (len(part) + 1)))


def counted(part: Callable[[int], str], length: int, most: int = MAX_PARTS) -> str:
    """A text for 0, 1, 2, ... until a length is full."""
    found: list[str] = []
    size = 0
    while size < length and len(found) < most:
        found.append(part(len(found)))
        size += len(found[-1]) + 1
    return ",".join(found)


def constant(value: str) -> str:
    return machine(f'["constant",{value}]')


def nested(before: str, inside: str, after: str, times: int) -> str:
    return before * times + inside + after * times


def record(name: str, fields: str) -> str:
    return f'["record","{name}",[{fields}],null]'


def classes(length: int, each: int) -> str:
    """Classes of so many fields, none like another."""
    fields = ",".join(f'["f{at}","int",false]' for at in range(each))
    most = min(MAX_CLASSES, MAX_FIELDS // (each or 1))
    return machine('["identity"]', counted(lambda n: record(f"R{n}", fields), length, most))


def chain(length: int, each: int) -> str:
    """Classes that each hold the one before."""
    fields = "".join(f',["f{at}","int",false]' for at in range(each))
    most = min(MAX_CLASSES, MAX_FIELDS // (each + 1))

    def link(n: int) -> str:
        return record(f"R{n}", f'["a",["class",{n and n - 1}],false]{fields}')

    return machine('["identity"]', counted(link, length, most))


def web(length: int) -> str:
    """Classes that all hold all others."""
    count = max(2, min(int((length / 25) ** 0.5), int(MAX_FIELDS**0.5)))
    fields = ",".join(f'["a{n}",["class",{n}],false]' for n in range(count))
    return machine('["identity"]', ",".join(record(f"R{n}", fields) for n in range(count)))


def ring(length: int) -> str:
    """Classes that each hold some others, and so all of them."""
    count = min(MAX_CLASSES, max(2, length // 150))

    def link(n: int) -> str:
        held = ((n + step) % count for step in range(1, MAX_FIELDS // MAX_CLASSES + 1))
        return record(
            f"R{n}", ",".join(f'["a{at}",["class",{other}],false]' for at, other in enumerate(held))
        )

    return machine('["identity"]', ",".join(map(link, range(count))))


def hashed_alike(length: int, tag: str) -> str:
    """Whole numbers of one hash, as items or keys."""
    prime = 2**61 - 1  # by which Python hashes
    part = '{{"i":"{}"}}' if tag == "s" else '[{{"i":"{}"}},0]'
    return constant(f'{{"{tag}":[{counted(lambda n: part.format(hex(prime * (n + 9))), length)}]}}')


def tuples_alike(length: int) -> str:
    """Tuples of -1 and -2, which are hashed alike."""
    bits = 16
    return constant(
        '{"s":['
        + counted(
            lambda n: '{"t":[' + ",".join(str(-1 - (n >> b & 1)) for b in range(bits)) + "]}", length, 2**bits
        )
        + "]}"
    )


def probes(length: int) -> str:
    """Whole numbers that differ in their high bits alone."""
    return constant(f'{{"s":[{counted(lambda n: str(n << 40), length, 2**22)}]}}')


def unions(length: int) -> str:
    """A value that fits none of two alternatives, at each of its levels."""
    cls = record(
        "R",
        '["a",["one_of",["product",["class",0]],["product",["class",0],["class",0]],["product",["class",0]]],false]',
    )
    depth = min(70, length // 40)
    value = nested('{"r":[0,[{"t":[', "1", "]}]]}", depth)
    return machine(f'["state","n",{value},["class",0],["identity"]]', cls)


def switches(length: int) -> str:
    """Switches over many classes."""
    count = 150
    table = ",".join(record(f"R{n}", "") for n in range(count))
    cases = ",".join(f'[["class",{n}],["identity"]]' for n in range(count))
    return machine(
        '["compose",["identity"],' + repeated(f'["switch",{cases}]', length - len(table)) + "]", table
    )


def many(part: str) -> Make:
    """An array of one value."""
    return lambda length: constant(f"[{repeated(part, length)}]")


def composed(part: str) -> Make:
    """A compose of one node."""
    return lambda length: machine(f'["compose",["identity"],{repeated(part, length)}]')


def numbered(before: str, part: str, after: str, most: int = MAX_PARTS) -> Make:
    """A machine with a part that has a number."""
    return lambda length: before + counted(lambda n: part.replace("#", str(n)), length, most) + after


def wide(before: str, part: str, after: str) -> Make:
    """A machine with a part as often as it goes."""
    return lambda length: before + repeated(part, length) + after


def long(before: str, part: str, after: str) -> Make:
    """A machine with a text as often as it goes."""
    return lambda length: before + part * (length // len(part)) + after


def far_down(before: str, after: str, times: int) -> Make:
    """A compose of much, nested in nodes."""
    return lambda length: machine(
        nested(before, '["compose",["identity"],' + repeated('["get","a"]', length) + "]", after, times)
    )


def ends(term: str, table: str = "") -> tuple[str, str]:
    """What stands before and after a `#` in a machine."""
    before, _, after = machine(term, table).partition("#")
    return before, after


def within(term: str, table: str = "", part: str = "", make: Callable[[str, str, str], Make] = wide) -> Make:
    """A machine with something many times in the place of its `#`."""
    before, after = ends(term, table)
    return make(before, part, after)


IDENTITY = '["identity"]'
A_RECORD = '["record","R",[],null]'

HOSTILE: dict[str, Make] = {
    "empty arrays": many("[]"),
    "empty tuples": many('{"t":[]}'),
    "empty dicts": many('{"d":[]}'),
    "empty sets": many('{"s":[]}'),
    "dicts of one": many('{"d":[[0,0]]}'),
    "sets of one": many('{"s":[0]}'),
    "floats": many('{"f":"1"}'),
    "bytes": many('{"b":""}'),
    "records": within('["constant",[#]]', A_RECORD, '{"r":[0,[]]}'),
    "members": within('["constant",[#]]', '["enum","E",[["A",1]],null]', '{"e":[0,"A"]}'),
    "numbers": within('["constant",[#]]', "", "9#", numbered),
    "texts": within('["constant",[#]]', "", '"#"', numbered),
    "long bytes": within('["constant",{"b":"#"}]', "", "0", long),
    "a long text": within('["constant","#"]', "", "a", long),
    "a long text with one wide sign": within('["constant","\\ud83d\\ude00#"]', "", "a", long),
    "zeros that are escaped": within('["constant","#"]', "", "\\u0000", long),
    "escapes in the place of a tag": within('["\\ud83d\\ude00#"]', "", "\\u0001", long),
    "a long array in the place of a tag": within("[[#]]", "", "[]"),
    "a long array in the place of a value": within('["constant",{"x":[#]}]', "", "[]"),
    "a long name of a cell": within('["get","#"]', "", "a", long),
    "a long name of a field": within('["primitive","field","#"]', "", "a", long),
    "combining marks": within('["primitive","field","a#"]', "", "\\u0315\\u0300\\u0327", long),
    "a huge number": within('["constant",#]', "", "1", long),
    "numbers of 4000 digits": many("1" * 4000),
    "a huge number in hex": within('["constant",{"i":"#"}]', "", "f", long),
    "huge numbers in hex": many('{"i":"' + "f" * 4000 + '"}'),
    "a huge exponent": within('["constant",1e#]', "", "9", long),
    "exponents": many("1e999"),
    "a long fraction": within('["constant",0.#]', "", "1", long),
    "a long float in hex": within('["constant",{"f":"0x1.#p0"}]', "", "0", long),
    "deep arrays": lambda length: "[" * length,
    "deep objects": lambda length: '{"a":' * (length // 5),
    "deep nodes": lambda length: machine(nested('["attempt",', IDENTITY, "]", min(length // 12, 900))),
    "many deep values": many(nested("[", "", "]", 200)),
    "deep sets": many(nested('{"s":[', "", "]}", 120)),
    "deep tuples in sets": within('["constant",{"s":[#]}]', "", nested('{"t":[', "#", "]}", 200), numbered),
    "repeated keys": wide("{", '"format":1', "}"),
    "repeated tags": within('["constant",{#}]', "", '"t":[]'),
    "many keys": within('["constant",{#}]', "", '"#":0', numbered),
    "nodes": composed(IDENTITY),
    "reads": composed('["get","a"]'),
    "reads far down": far_down('["attempt",', "]", 200),
    "operations": composed('["primitive","add"]'),
    "paths": composed('["primitive","pick",[0]]'),
    "cells": composed('["state","a",0,"int",["identity"]]'),
    "keyed": composed('["keyed","a",["identity"],["identity"]]'),
    "keyed by much": far_down('["keyed","a",', ',["identity"]]', 1),
    "keyed in keyed": far_down('["keyed","a",["identity"],', "]", 200),
    "named": far_down('["named","a",', "]", 200),
    "a compose in a compose": far_down('["compose",["identity"],', "]", 200),
    "switches": switches,
    "a long path": within('["primitive","pick",[#]]', "", "0"),
    "many names": within('["primitive","construct","int",[#]]', "", '"a#"', numbered),
    "signs": within('["primitive","display","list",[#]]', "", '"*"'),
    "wide shapes": within('["primitive","typed",["one_of",#]]', "", '"int"'),
    "deep shapes": within(
        '["primitive","typed",["product",#]]', "", nested('["product",', '"int"', "]", 200)
    ),
    "unions that never fit": unions,
    "numbers of one hash": lambda length: hashed_alike(length, "s"),
    "keys of one hash": lambda length: hashed_alike(length, "d"),
    "tuples of one hash": tuples_alike,
    "numbers of one bucket": probes,
    "small classes": lambda length: classes(length, 0),
    "classes": lambda length: classes(length, 10),
    "a class of many fields": numbered(
        '{"classes":[["record","R",[',
        '["f#","int",false]',
        '],null]],"format":1,"term":["identity"]}',
        MAX_FIELDS,
    ),
    "a class of many defaults": numbered(
        '{"classes":[["record","R",[',
        '["f#","int",false,0]',
        '],null]],"format":1,"term":["identity"]}',
        MAX_FIELDS,
    ),
    "classes of one name": numbered(
        '{"classes":[',
        '["record","R",[["f#","int",false]],null]',
        '],"format":1,"term":["identity"]}',
        MAX_CLASSES,
    ),
    "classes in a chain": lambda length: chain(length, 0),
    "classes in a chain with fields": lambda length: chain(length, 20),
    "classes in a web": web,
    "classes in a ring": ring,
    "an enum": numbered(
        '{"classes":[["enum","E",[', '["A#",#]', '],null]],"format":1,"term":["identity"]}', MAX_FIELDS
    ),
    "an enum of arrays": numbered(
        '{"classes":[["enum","E",[', '["A#",[#]]', '],null]],"format":1,"term":["identity"]}', MAX_FIELDS
    ),
    "enums": numbered(
        '{"classes":[',
        '["enum","E#",[["A",1],["B",2]],null]',
        '],"format":1,"term":["identity"]}',
        MAX_CLASSES,
    ),
    "unknown code": wide(
        '{"classes":[', f'["record","R",[],"{"0" * 64}"]', '],"format":1,"term":["identity"]}'
    ),
    "records that refuse": within('["constant",{"r":[0,[#]]}]', A_RECORD, "1"),
    "a cell of records": within(
        '["state","n",[#],["many","list",["class",0]],["identity"]]',
        '["record","R",[["a","int",false]],null]',
        '{"r":[0,[1]]}',
    ),
}


VALUES = machine('["constant",[#').partition("#")[0]
"""How an input begins that is an array of values."""


def mixed(inputs: list[str]) -> bytes:
    """The first part of each of several arrays of values, as one array."""
    parts = []
    for each in inputs:
        items = each.removeprefix(VALUES).rpartition("]]")[0]
        parts.append(items[: items.rindex(",", 0, len(items) // len(inputs))])
    return machine('["constant",[' + ",".join(parts) + "]]").encode()


def largest(name: str, length: int) -> bytes:
    """An input of about a length, or of as many parts as the limits let pass."""
    data = HOSTILE[name](length)
    while (parts := sum(map(data.count, "[{,"))) > MAX_PARTS:
        length = int(length * min(0.99, MAX_PARTS / parts))
        data = HOSTILE[name](length)
    return data.encode()


def measure(data: bytes) -> dict[str, Any]:
    """Decode in a process forked for it: seconds of work, bytes beyond what there was, and what came of it."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, json.dumps(_measured(data)).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    died = {"came": "the process died", "seconds": SECONDS, "memory": 0, "imported": []}
    found: dict[str, Any] = json.loads(answer) if answer else died
    return {"length": len(data), **found}


def _measured(data: bytes) -> dict[str, Any]:
    from arrows import decode

    signal.alarm(SECONDS)
    gc.collect()
    modules = set(sys.modules)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    try:
        came = type(decode(data)).__name__
    except BaseException as raised:
        came = f"raised {raised!r:.200}"
    seconds = time.process_time() - start
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    memory = used * (1 if sys.platform == "darwin" else 1024)
    return {
        "seconds": seconds,
        "memory": memory,
        "came": came,
        "imported": sorted(set(sys.modules) - modules),
    }


def main(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted(folder.iterdir()):
        yield path.name, measure(path.read_bytes())


if __name__ == "__main__":
    for name, found in main(Path(sys.argv[1])):
        print(json.dumps([name, found]), flush=True)
