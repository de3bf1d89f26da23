"""A migration is a value: it is encoded, identified and compared as an arrow is."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from arrows import arr, constant, decode, diff, digest, encode, identity
from migrations import DROP, Migration, as_arrow, from_arrow, lens


def migration(**more: Any) -> Migration:
    return Migration("users", old="1", new="2", **more)


DATA = [
    migration(),
    migration(down={}),
    migration(up={"n": identity(), "gone": DROP}, down={"n": constant(1)}),
    migration(lenses=[lens.rename("a", "b"), lens.add("c", (1, "x")), lens.drop("d"), lens.drop("e", None)]),
    migration(lenses=[lens.inside("a", lens.each(lens.wrap("b")), lens.unwrap("c"))]),
    migration(lenses=[lens.convert(identity(), lossy=True)]),
    migration(lenses=[lens.split("a", ("b", "c"), identity(), identity())]),
    migration(lenses=[lens.merge(("b", "c"), "a", identity()), lens.inside("t", lens.rekey(identity()))]),
    migration(inputs=[lens.rename("Incr", "Add")]),
    migration(replies=[lens.rename("Incr", "Add")]),
]


@pytest.mark.parametrize("value", DATA, ids=range(len(DATA)))
def test_what_is_data_comes_back_from_its_bytes(value: Migration) -> None:
    data = encode(as_arrow(value)).unwrap()
    assert from_arrow(decode(data).unwrap()).unwrap() == value


def test_two_that_differ_have_other_digests() -> None:
    digests = [digest(as_arrow(value)) for value in DATA]
    assert len(set(digests)) == len(DATA)
    assert digests == [digest(as_arrow(value)) for value in DATA]
    code = [migration(up={"n": arr(step)}) for step in (lambda n: n + 1, lambda n: n + 2)]
    assert len({digest(as_arrow(value)) for value in code}) == 2


def test_code_is_identified_and_not_encoded() -> None:
    value = migration(up={"n": arr(lambda n: n + 1)})
    assert "function" in str(encode(as_arrow(value)).failure()).lower()


def test_the_difference_of_two_is_that_of_their_arrows() -> None:
    old, new = migration(lenses=[lens.rename("a", "b")]), migration(lenses=[lens.rename("a", "c")])
    assert not diff(as_arrow(old), as_arrow(old))
    assert "'b'" in str(diff(as_arrow(old), as_arrow(new)))


@pytest.mark.parametrize(
    "arrow",
    [
        identity(),
        constant(1),
        constant(1) * identity(),
        constant("tuple") * constant(1),
        identity() * constant(1),
    ],
)
def test_what_is_no_migration_is_a_failure(arrow: Any) -> None:
    assert "not a migration" in from_arrow(arrow).failure()


def test_a_damaged_one_is_a_failure() -> None:
    whole = as_arrow(DATA[3])
    swapped = decode(encode(whole).unwrap().replace(b'"users"', b"7")).value_or(None)
    assert swapped is None or "not a migration" in from_arrow(swapped).failure()
    assert "nothing is called" in from_arrow(constant("thing") * identity()).failure()
    assert attrs.evolve(DATA[0]) == DATA[0]
