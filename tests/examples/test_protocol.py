"""Machines read from DOT files take every transition of the file, for every reader and after decoding."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import deque
from pathlib import Path

import pytest

from examples.protocol.protocol import Mealy, NotMealy, machine, read
from midflight import Arrow, compile, decode, encode, evaluate, run


def handshake(root: Path) -> str:
    return (root / "examples/protocol/handshake.dot").read_text()


def readers(arrow: Arrow[str, str]) -> list[Arrow[str, str]]:
    decoded: Arrow[str, str] = decode(encode(arrow).unwrap()).unwrap()
    assert decoded == arrow
    return [arrow, decoded]


def takes_every_transition(mealy: Mealy) -> int:
    """Take each transition from its state in one step, and count them."""
    arrow, decoded = readers(machine(mealy))
    program, again = compile(arrow), compile(decoded)
    transitions = list(mealy.transitions())
    for old, symbol, output, new in transitions:
        for step in (program.step, again.step):
            assert step((old,), symbol) == ((new,), output)
        assert evaluate(arrow, (old,), symbol) == ((new,), output)
    return len(transitions)


def words(mealy: Mealy) -> dict[str, list[str]]:
    """For each state that can be reached, the shortest inputs that lead there from the start."""
    found: dict[str, list[str]] = {mealy.initial: []}
    waiting = deque([mealy.initial])
    while waiting:
        old = waiting.popleft()
        for symbol, (_, new) in mealy.table[old].items():
            if new not in found:
                found[new] = [*found[old], symbol]
                waiting.append(new)
    return found


def answers_from_the_start(mealy: Mealy) -> None:
    """Walk to each state from the first one and take each of its transitions."""
    arrow = machine(mealy)
    for state, word in words(mealy).items():
        for symbol, (output, _) in mealy.table[state].items():
            assert run(arrow, [*word, symbol])[-1] == output


def edges(text: str) -> set[tuple[str, str, str, str]]:
    """The transitions of a file, read again in another way: line by line, by splitting."""
    found = set()
    for line in text.splitlines():
        arrow, _, label = line.strip().rstrip(";").partition("[label=")
        old, sign, new = arrow.partition("->")
        if not sign or old.strip() == "__start0":
            continue
        inside = label.strip().removesuffix("]")[1:-1]
        several = re.split(r"<br ?/>", inside) if "<br" in inside else inside.split("/", 1)
        for symbol in several[0].split(" | ") if "<br" in inside else [several[0]]:
            found.add((old.strip(), symbol.strip(), several[1].strip(), new.strip()))
    return found


def test_our_own_file(root: Path) -> None:
    mealy = read(handshake(root))
    assert takes_every_transition(mealy) == 9
    assert set(mealy.transitions()) == edges(handshake(root))
    answers_from_the_start(mealy)


def test_what_the_readme_types(root: Path) -> None:
    text = (root / "examples/protocol/README.md").read_text()
    (block,) = re.findall(r"```console\n\$ python (.*)\n((?:.*\n)*?)```", text)
    ran = subprocess.run(
        [sys.executable, *block[0].split()], cwd=root, capture_output=True, text=True, check=False
    )
    assert ran.stdout == block[1], ran.stderr


def test_every_transition_of_every_learned_model(data_dir: Path) -> None:
    files = sorted((data_dir / "mealy").glob("*/*.dot"))
    if not files:
        pytest.skip(f"no learned models at {data_dir / 'mealy'}")
    taken = 0
    for file in files:
        text = file.read_text()
        mealy = read(text)
        assert set(mealy.transitions()) == edges(text), file.name
        taken += takes_every_transition(mealy)
        answers_from_the_start(mealy)
    print(f"{taken} transitions of {len(files)} models")


def test_an_input_without_an_answer_is_an_error() -> None:
    arrow = machine(read('__start0 -> a\na -> b [label="x/1"]'))
    with pytest.raises(KeyError, match="y"):
        run(arrow, ["x", "y"])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('a -> b [label="x/1"]', "no edge from __start0"),
        ("__start0 -> a\na -> b", "no label of the form"),
        ("__start0 -> a\na -> b -> c", "is not one edge"),
        ('__start0 -> a\na -> b [label="x/1"]\na -> c [label="x/1"]', "two answers to x"),
    ],
)
def test_what_is_not_such_a_machine_is_refused(text: str, says: str) -> None:
    with pytest.raises(NotMealy, match=says):
        read(text)
