"""Planted mistakes: operators make mutants of honest upgrades, and what people are told to run finds them.

A mutant is found where the plan refuses it, `midflight check` says that something is wrong, or `assert_upgrades` fails
on the trace of its upgrade.
"""

from __future__ import annotations

import random
from collections import Counter

import pytest

from arrows import BuildError
from runtime.rehearsal import rehearse
from tests.migrations.mutation import mutants
from tests.migrations.upgrades import UPGRADES, Upgrade

_BASKET = (
    "Basket (lines (each (name to title, add count)), home/city to city, drop home/street, "
    "merge first, last into name, drop fax)"
)
_PAYMENT = "Payment (payer to by, cents to amount, amount (convert), kind (RED to CRIMSON, BLUE to NAVY), add currency)"
_SHORT = "user (drop nick, home/city to city, drop home/street)"
SURVIVORS = {
    ("plain arrows", "swapped fields, up: total"): "only the sum of the two is ever read",
    (
        "moved",
        "stale initial value: b",
    ): "of a cell whose values stay as they are, the first value may be another",
    ("moved", "stale initial value: c"): "as for b",
    (
        "moved",
        "stale initial value: rate",
    ): "what upgraded machines begin with is given by the lens, on purpose",
    ("lost on purpose", "off by one, down: tens (convert) -> tens (convert)"): (
        "of the old values that go up to one, any is as good where what was lost is not at hand"
    ),
    **{
        ("lost on purpose", f"wrong value for what was lost: {_SHORT} -> {_SHORT}{more}"): (
            "what stands for a lost value is for people to say"
        )
        for more in ("", " (2)")
    },
    **{
        (
            "lists and parts in messages",
            f"messages: wrong value for what was lost: {_BASKET} -> {_BASKET}{more}",
        ): ("what stands for a lost value is for people to say")
        for more in ("", " (2)")
    },
    **{
        (upgrade, f"messages: missing down: {each} -> {each}"): (
            "a message needs no way back: a rollback waits until those that came before it are stepped, which is told"
        )
        for upgrade, each in (("lists and parts in messages", _BASKET), ("messages and replies", _PAYMENT))
    },
    ("messages and replies", "messages: drop for rename: Fax to Note -> drop Fax"): (
        "what is dropped is declared to be sent no more, so the rest of the trace goes on without it"
    ),
}
"""By upgrade and mutant: why nothing that is looked at tells it from an honest one."""


def problem(upgrade: Upgrade, count: int, seed: int) -> str:
    """What is found wrong with an upgrade, or nothing."""
    try:
        old, new = upgrade.applications()
        rehearse(old, new, upgrade.trace, trials=count, seed=seed)
    except (AssertionError, BuildError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


@pytest.fixture(scope="module")
def count(request: pytest.FixtureRequest) -> int:
    return 10_000 if request.config.getoption("--long") else 100


@pytest.mark.parametrize("upgrade", UPGRADES, ids=lambda upgrade: upgrade.name)
def test_an_honest_upgrade_holds(upgrade: Upgrade, count: int) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    assert problem(upgrade, count, seed) == ""


def test_mistakes_are_found(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> None:
    count = 1_000 if request.config.getoption("--long") else 25
    seed = random.randrange(2**32)
    found, alive = 0, set()
    operators: Counter[str] = Counter()
    for upgrade in UPGRADES:
        for mutant in mutants(upgrade):
            operators[mutant.operator] += 1
            if problem(mutant.upgrade, count, seed):
                found += 1
            else:
                alive.add((upgrade.name, mutant.name))
    every = operators.total()
    with capsys.disabled():
        print(
            f"\n{found} of {every} mutants found ({found / every:.1%}), seed {seed}, by operator {dict(operators)}"
        )
        for each in sorted(alive):
            print("  alive:", each)
    assert every >= 200
    assert alive <= SURVIVORS.keys(), seed
    assert found >= 0.95 * every, seed
