"""Random sources of small `@proc` functions, and what Python itself does with the undecorated function."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from random import Random
from typing import Any

PRELUDE = """\
from __future__ import annotations

import operator
from typing import Any

from arrows import loop, proc
from tests.arrows.vocabulary import LIMIT, LOW, Color, Incr, Nest, Pair, add_up, picky, plus

"""

MESSAGES = "Incr(by={a})", "Pair({a}, {b})", "Pair({a})", "Nest(Pair({a}, {b}), {c})", "Nest(Incr({a}), {b})"


TESTS = [
    "<x> < <x>",
    "<x> < <x> <= <x>",
    "<x> == <x> or not <x>",
    "<x> > 0 and <x> != <x>",
    "isinstance(msg, Incr)",
    "isinstance(msg, (Pair, Nest))",
    "<x> in (<x>, <x>, LIMIT)",
    "<x> not in [<x>, 0]",
    "<x>",
]
EXPRESSIONS = [
    "(<x> + <x>)",
    "(<x> - <x> * <x>)",
    "(<x> & <x> | <x> ^ <x>)",
    "(<x> // m)",
    "(<x> % 3)",
    "(<x> << 2)",
    "-<x>",
    "~<x>",
    "+<x>",
    "(<x> if <t> else <x>)",
    "(<x> if <t> else <x>)",
    "(<x> and <x>)",
    "(<x> or <x> or <x>)",
    "(<t>)",
    "(<x>, <x>)[0]",
    "(<x>, <x>)[-1]",
    "[<x>, *(<x>, <x>)][2]",
    "[<x>, *(<x>, <x>)][<x>]",
    "(*[<x>], <x>)[1]",
    "{1: <x>, **{2: <x>, 1: <x>}}[1]",
    "{1: <x>, **{2: <x>, 1: <x>}}[<x>]",
    "Pair(<x>, z=<x>).x",
    "Pair(<x>, z=<x>).y",
    "Pair(y=<x>, x=<x>).x",
    "Pair(z=<x>, x=<x>).z",
    "Nest(Incr(<x>), <x>).inner.by",
    "<c>",
    "<c>",
]
CALLS = ["plus(<x>, <x>)", "plus(<x>, c=<x>, b=<x>)", "picky(<x>)", "operator.sub(<x>, <x>)", "abs(<x>)"]


class Writer:
    """Writes one function; `arrows` are the names of the arrows it calls, each at one place."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.lines: list[str] = []
        self.arrows: list[str] = []
        self.names = 0

    def function(self) -> str:
        self.lines = ["def machine(msg: Incr | Pair | Nest, *, n: int = 0, m: int = 1) -> Any:"]
        if not self.block(1, frozenset(), self.random.randint(2, 5), 3):
            self.say(1, f"return {self.expression(frozenset(), 2)}")
        return "\n".join(self.lines) + "\n"

    def say(self, indent: int, line: str) -> None:
        self.lines.append("    " * indent + line)

    def fresh(self) -> str:
        self.names += 1
        return f"v{self.names}"

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    # Statements. Each returns the names bound behind it, or None where nothing comes behind it.

    def block(self, indent: int, bound: frozenset[str], count: int, depth: int) -> bool:
        """Write statements; whether the last of them ends the function."""
        return self.statements(indent, bound, count, depth) is None

    def statements(self, indent: int, bound: frozenset[str], count: int, depth: int) -> frozenset[str] | None:
        for _ in range(count):
            ways: list[Callable[[int, frozenset[str], int], frozenset[str] | None]] = [
                self.binding,
                self.binding,
                self.unpacking,
                self.augmented,
                self.bare,
                self.checked,
            ]
            if depth:
                ways += [self.branches, self.branches, self.matching, self.matching]
            if self.chance(0.1):
                ways = [self.leave]
            after = self.random.choice(ways)(indent, bound, depth)
            if after is None:
                return None
            bound = after
        return bound

    def target(self, bound: frozenset[str]) -> str:
        return self.random.choice(["n", "m", self.fresh(), self.fresh(), *sorted(bound)])

    def binding(self, indent: int, bound: frozenset[str], _: int) -> frozenset[str]:
        value, target = self.expression(bound, 3), self.target(bound)
        note = ": int" if self.chance(0.1) else ""
        self.say(indent, f"{target}{note} = {value}" if target not in ("n", "m") else f"{target} = {value}")
        return bound | {target}

    def unpacking(self, indent: int, bound: frozenset[str], _: int) -> frozenset[str]:
        a, b, c = (self.target(bound) for _ in range(3))
        x, y, z = (self.expression(bound, 2) for _ in range(3))
        self.say(
            indent,
            self.random.choice(
                [f"{a}, {b} = {x}, {y}", f"({a}, {b}), {c} = ({x}, {y}), {z}", f"[{a}, {b}] = [{x}, {y}]"]
            ),
        )
        told = self.lines[-1].partition(" = ")[0]
        return bound | {name for name in (a, b, c) if name in told.replace("(", " ").replace(")", " ")}

    def augmented(self, indent: int, bound: frozenset[str], _: int) -> frozenset[str]:
        sign = self.random.choice(["+", "-", "*", "//", "%", "|", "&", "^"])
        name = self.random.choice(["n", "m", *sorted(bound)])
        self.say(indent, f"{name} {sign}= {self.expression(bound, 2)}")
        return bound

    def bare(self, indent: int, bound: frozenset[str], _: int) -> frozenset[str]:
        self.say(indent, self.random.choice([self.call(bound), "pass", "'a word'"]))
        return bound

    def checked(self, indent: int, bound: frozenset[str], _: int) -> frozenset[str]:
        message = f", {self.expression(bound, 1)}" if self.chance(0.5) else ""
        self.say(indent, f"assert {self.expression(bound, 1)} > {self.random.randint(-30, -5)}{message}")
        return bound

    def leave(self, indent: int, bound: frozenset[str], _: int) -> None:
        value = self.expression(bound, 3)
        ways = [f"return {value}"] * 4 + ["return", f"raise ValueError({value})", "raise KeyError"]
        self.say(indent, self.random.choice(ways))

    def branches(self, indent: int, bound: frozenset[str], depth: int) -> frozenset[str] | None:
        ends = []
        for index in range(self.random.randint(1, 3)):
            self.say(indent, f"{'elif' if index else 'if'} {self.test(bound)}:")
            ends.append(self.statements(indent + 1, bound, self.random.randint(1, 2), depth - 1))
        if self.chance(0.6):
            self.say(indent, "else:")
            ends.append(self.statements(indent + 1, bound, self.random.randint(1, 2), depth - 1))
        else:
            ends.append(bound)
        return met(ends)

    def matching(self, indent: int, bound: frozenset[str], depth: int) -> frozenset[str] | None:
        subject = "msg" if self.chance(0.7) else f"({self.expression(bound, 2)})"
        self.say(indent, f"match {subject}:")
        ends = []
        for _ in range(self.random.randint(1, 3)):
            pattern, captured = self.pattern(subject == "msg")
            inner = bound | captured
            guard = f" if {self.test(inner)}" if self.chance(0.3) and not captured & {"n", "m"} else ""
            self.say(indent + 1, f"case {pattern}{guard}:")
            ends.append(self.statements(indent + 2, inner, self.random.randint(1, 2), depth - 1))
        if self.chance(0.4):
            name = self.random.choice(["_", self.fresh()])
            self.say(indent + 1, f"case {name}:")
            ends.append(self.statements(indent + 2, bound, 1, depth - 1))
        else:
            ends.append(bound)
        return met(ends)

    def pattern(self, message: bool) -> tuple[str, frozenset[str]]:
        a, b = self.fresh(), self.random.choice([self.fresh(), "n"])
        if not message:
            return self.random.choice(
                [
                    ("0 | 1", frozenset()),
                    ("int(0) | -1", frozenset()),
                    (f"int() as {a}", frozenset({a})),
                    (f"int({a})", frozenset({a})),
                    ("True", frozenset()),
                    ("Color.RED | None", frozenset()),
                    ("str()", frozenset()),
                ]
            )
        return self.random.choice(
            [
                ("Incr()", frozenset()),
                (f"Incr({a})", frozenset({a})),
                (f"Incr(by={b})", frozenset({b})),
                ("Incr(1 | 2)", frozenset()),
                (f"Pair({a}, {b})", frozenset({a, b})),
                (f"Pair({a}, y=7)", frozenset({a})),
                (f"Pair(y={a})", frozenset({a})),
                ("Pair(0, _)", frozenset()),
                (f"Pair(z=2, x={a})", frozenset({a})),
                (f"Nest(Pair({a}, {b}), 1 | 2)", frozenset({a, b})),
                (f"Nest(Incr(by={a}), {b})", frozenset({a, b})),
                (f"Nest(Pair(int({a})), n={b})", frozenset({a, b})),
                ("Nest(Incr(0) | Pair(1))", frozenset()),
                ("Incr() | Pair()", frozenset()),
            ]
        )

    # Expressions, all of whole numbers: <x> is one, <t> a test, <c> a call

    def fill(self, templates: list[str], bound: frozenset[str], depth: int) -> str:
        parts = {"<x>": self.expression, "<t>": self.test, "<c>": self.call}
        return re.sub("<[xtc]>", lambda m: parts[m[0]](bound, depth), self.random.choice(templates))

    def test(self, bound: frozenset[str], depth: int = 1) -> str:
        return self.fill(TESTS if depth > 0 else ["<x>"], bound, max(depth - 1, 0))

    def expression(self, bound: frozenset[str], depth: int) -> str:
        if depth <= 0 or self.chance(0.25):
            names = ["n", "m", "LIMIT", "LOW", "Color.BLUE.value", *sorted(bound)]
            return self.random.choice([str(self.random.randint(0, 4)), *names])
        return self.fill(EXPRESSIONS, bound, depth - 1)

    def call(self, bound: frozenset[str], depth: int = 1) -> str:
        if self.chance(0.4):
            self.arrows.append(f"tally_{len(self.arrows)}")
            return self.fill([f"{self.arrows[-1]}(<x>)"], bound, depth - 1)
        return self.fill(CALLS, bound, depth - 1)


def met(ends: list[frozenset[str] | None]) -> frozenset[str] | None:
    """What is bound where the paths that go on meet."""
    going = [end for end in ends if end is not None]
    return frozenset.intersection(*going) if going else None


class Tally:
    """What the arrow `tally` is, in Python: adds up what it is given, and raises beyond a limit."""

    def __init__(self) -> None:
        self.total = 0

    def __call__(self, x: int) -> int:
        if self.total + x > 40:
            raise OverflowError(self.total)
        self.total += x
        return self.total


def plainly(function: Any, message: Any, cells: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Call an undecorated function with its cells; return what it returned and what they were at its end."""
    after: dict[str, Any] = {}

    def watch(frame: Any, event: str, _: Any) -> None:
        if event == "return" and frame.f_code is function.__code__:
            after.update({name: frame.f_locals[name] for name in cells})

    sys.setprofile(watch)
    try:
        output = function(message, **cells)
    finally:
        sys.setprofile(None)
    return output, after
