"""What `decode` may cost on the worst inputs: memory and time, measured in a process for each input."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest

from arrows.limits import DECODE_MEMORY, MAX_BYTES
from tests.arrows import hostile

MEBIBYTE = 2**20
NEARLY_ALL = MAX_BYTES - 1000


def measured(inputs: dict[str, bytes], folder: Path, root: Path) -> dict[str, dict[str, Any]]:
    """What each input took, in a program that has done nothing else."""
    for name, data in inputs.items():
        (folder / name).write_bytes(data)
    ran = subprocess.run(
        [sys.executable, "-m", "tests.arrows.hostile", str(folder)],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    )
    return dict(json.loads(line) for line in ran.stdout.splitlines())


def check(found: dict[str, dict[str, Any]]) -> None:
    """Each answered, in 64 MiB and a second per MiB, and imported nothing."""
    for name, each in found.items():
        print(name, each)
        assert each["came"] in ("Success", "Failure"), name
        assert each["memory"] <= DECODE_MEMORY, name
        assert each["seconds"] <= max(1, each["length"] / MEBIBYTE), name
        assert not each["imported"], name


@pytest.fixture(scope="module")
def largest(tmp_path_factory: pytest.TempPathFactory, root: Path) -> dict[str, dict[str, Any]]:
    inputs = {name: hostile.largest(name, NEARLY_ALL) for name in hostile.HOSTILE}
    return measured(inputs, tmp_path_factory.mktemp("hostile"), root)


@pytest.mark.parametrize("name", hostile.HOSTILE)
def test_memory_and_time(largest: dict[str, dict[str, Any]], name: str) -> None:
    assert largest[name]["length"] <= MAX_BYTES
    check({name: largest[name]})


@pytest.mark.long
def test_lengths_of_every_order(tmp_path: Path, root: Path) -> None:
    """The worst need not be the longest."""
    inputs = {}
    for name in hostile.HOSTILE:
        length = 100
        while length < NEARLY_ALL:
            inputs[f"{name} {length}"] = hostile.largest(name, length)
            length *= 2
    check(measured(inputs, tmp_path, root))


@pytest.mark.long
@pytest.mark.parametrize("seed", range(20))
def test_mixtures(tmp_path: Path, root: Path, seed: int) -> None:
    """Values of several kinds in one array: what each costs adds up, and the limits are for the sum."""
    print(f"seed {seed}")
    random = Random(seed)
    kinds = [name for name in hostile.HOSTILE if hostile.HOSTILE[name](100).startswith(hostile.VALUES)]
    inputs = {}
    for count in range(20):
        chosen = random.sample(kinds, 3)
        inputs[f"{count} {chosen}"] = hostile.mixed(
            [hostile.largest(name, NEARLY_ALL).decode() for name in chosen]
        )
    check(measured(inputs, tmp_path, root))


def test_decoding_keeps_nothing(root: Path) -> None:
    """What was made for an input that is refused goes with it."""
    program = (
        "import gc, json, linecache\nfrom arrows import decode, record\n"
        "def bad(n):\n"
        "    fields = [['a', ['class', 0], False], [f'b{n}', 'int', False, n]]\n"
        "    table = [['record', f'R{n}', fields, None], ['enum', f'E{n}', [['A', n]], None]]\n"
        "    return json.dumps({'classes': table, 'format': 1, 'term': ['no']}).encode()\n"
        "def refused(numbers):\n"
        "    assert all('is not a node' in decode(bad(n)).failure().what for n in numbers)\n"
        "    gc.collect()\n"
        "    return len(linecache.cache)\n"
        "print(refused([0]) - refused(range(300)), len(record.MADE))\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=root, check=True, capture_output=True, text=True
    )
    assert ran.stdout.split() == ["0", "0"]
