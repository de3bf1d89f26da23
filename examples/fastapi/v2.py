"""How many pieces are left of each product, and how many were sold since this version counts them."""

from __future__ import annotations

import attrs
from stock import Buy, Look, Restock, TooFew

from midflight import DROP, Application, Migration, keyed, proc


@attrs.frozen
class Stock:
    left: int
    sold: int


@proc
def product(msg: Buy | Restock | Look) -> str:
    return msg.product


@proc
def shelf(msg: Buy | Restock | Look, *, left: int = 0, sold: int = 0) -> Stock | TooFew:
    match msg:
        case Buy(count=count):
            if count > left:
                return TooFew(left)
            left -= count
            sold += count
        case Restock(count=count):
            left += count
        case Look():
            pass
    return Stock(left, sold)


to_2 = Migration("stock", old="1", new="2", up={}, down={"products/sold": DROP})

app = Application(
    "stock",
    version="2",
    machines={"stock": keyed(shelf, by=product, name="products")},
    migrations=[to_2],
)
