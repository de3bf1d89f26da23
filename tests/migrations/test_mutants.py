"""Planted mistakes: operators make mutants of honest upgrades, and what people are told to run finds them.

A mutant is found where the plan refuses it, `midflight check` says that something is wrong, or `assert_upgrades` fails
on the trace of its upgrade.
"""

from __future__ import annotations

import random
from collections import Counter

import pytest

from runtime.rehearsal import rehearse
from tests.migrations.mutation import mutants
from tests.migrations.upgrades import UPGRADES, Upgrade

SURVIVORS: dict[tuple[str, str], str] = {}
"""By upgrade and mutant: why nothing that is looked at tells it from an honest one."""


def problem(upgrade: Upgrade, count: int, seed: int) -> str:
    """What is found wrong with an upgrade, or nothing."""
    try:
        old, new = upgrade.applications()
        rehearse(old, new, upgrade.trace, trials=count, seed=seed)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


@pytest.fixture(scope="module")
def count(request: pytest.FixtureRequest) -> int:
    return 10_000 if request.config.getoption("--long") else 25


@pytest.mark.parametrize("upgrade", UPGRADES, ids=lambda upgrade: upgrade.name)
def test_an_honest_upgrade_holds(upgrade: Upgrade) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    assert problem(upgrade, 300, seed) == ""


def test_mistakes_are_found(count: int, capsys: pytest.CaptureFixture[str]) -> None:
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
