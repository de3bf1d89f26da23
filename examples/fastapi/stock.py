"""What the shop says to the stock, and what it hears: the same classes in every version."""

from __future__ import annotations

import attrs


@attrs.frozen
class Buy:
    product: str
    count: int


@attrs.frozen
class Restock:
    product: str
    count: int


@attrs.frozen
class Look:
    product: str


@attrs.frozen
class TooFew:
    """Nothing was sold: there are only so many left."""

    left: int
