"""How many pieces are left of each product."""

from __future__ import annotations

import attrs
from stock import Buy, Look, Restock, TooFew

from midflight import Application, keyed, proc


@attrs.frozen
class Stock:
    left: int


@proc
def product(msg: Buy | Restock | Look) -> str:
    return msg.product


@proc
def shelf(msg: Buy | Restock | Look, *, left: int = 0) -> Stock | TooFew:
    match msg:
        case Buy(count=count):
            if count > left:
                return TooFew(left)
            left -= count
        case Restock(count=count):
            left += count
        case Look():
            pass
    return Stock(left)


app = Application("stock", version="1", machines={"stock": keyed(shelf, by=product, name="products")})
