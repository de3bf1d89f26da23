"""What the applications of the shop are told, by their customers and by one another."""

from attrs import frozen


@frozen
class Buy:
    item: str
    count: int
    price: int


@frozen
class Take:
    item: str
    count: int


@frozen
class Paid:
    cents: int


@frozen
class Look:
    pass
