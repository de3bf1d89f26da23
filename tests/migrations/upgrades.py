"""Honest upgrades of all kinds, from which mistakes are made. Every reply shows the state that both versions hold."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from arrows import Arrow, arr, keyed, named, proc
from migrations import Migration, lens
from runtime.application import Application


@attrs.frozen
class Set:
    n: int
    text: str
    more: str = ""


class V2:
    """The messages of a version that gave them a field."""

    @attrs.frozen
    class Set:
        n: int
        text: str
        more: str = ""
        times: int = 1


@attrs.frozen
class Home:
    street: str = ""
    city: str = ""


@attrs.frozen
class Address:
    road: str = ""
    city: str = ""
    country: str = "se"


@attrs.frozen
class Person:
    name: str = ""
    nick: str = ""
    age: int = 0
    home: Home = Home()


@attrs.frozen
class Human:
    full_name: str = ""
    nick: str = ""
    age: int = 0
    home: Address = Address()


@attrs.frozen
class Circle:
    r: int
    name: str = ""


@attrs.frozen
class Square:
    r: int
    name: str = ""


@attrs.frozen
class Disc:
    r: int
    label: str = ""


@attrs.frozen
class Block:
    r: int
    name: str = ""


class Color(enum.Enum):
    RED = "r"
    GREEN = "g"
    BLUE = "b"


class Colour(enum.Enum):
    CRIMSON = "r"
    GREEN = "g"
    NAVY = "b"


@attrs.frozen
class Point:
    x: int = 0
    y: int = 0


@attrs.frozen
class Item:
    name: str
    price: int


@attrs.frozen
class Line:
    title: str
    price: int
    count: int = 7


@attrs.frozen
class Total:
    value: int = 0
    steps: int = 0


Firsts = Mapping[str, Any]


@attrs.frozen
class Upgrade:
    """An upgrade of one machine: `new` makes it from the first values of its cells."""

    name: str
    old: Arrow[Any, Any]
    new: Callable[[Firsts], Arrow[Any, Any]]
    firsts: Firsts
    migration: Migration
    trace: tuple[Any, ...]

    def applications(self) -> tuple[Application, Application]:
        one = Application("a", version="1", machines={"m": self.old})
        made = {"m": self.new(self.firsts)}
        return one, Application("a", version="2", machines=made, migrations=[self.migration])


TRACE = (Set(3, "ann", "lee"), Set(-4, "bo", "x"), Set(11, "cy", "yy"), Set(25, "d", "z"))


def to(*lenses: Any, **more: Any) -> Migration:
    return Migration("m", old="1", new="2", lenses=lenses, **more)


def spell(*each: Any) -> str:
    """What a machine holds, as text."""
    return repr(each)


def plus(number: int | None, by: int) -> int:
    """A number that may not be there, and another."""
    return (number or 0) + by


def with_item(items: Any, item: Any) -> Any:
    """A tuple with one more item."""
    return (*items, item)


def with_entry(book: dict[str, Any], key: str, value: Any) -> Any:
    """A dict with one more entry."""
    return {**book, key: value}


def shown(shape: Any, color: Any) -> str:
    kind = "round" if isinstance(shape, Circle | Disc) else "square"
    return f"{kind} {shape.r} {getattr(shape, 'label', None) or getattr(shape, 'name', '')} {color.value}"


def listed(items: Any, book: Any) -> str:
    each = [
        f"{getattr(i, 'name', '')}{getattr(i, 'title', '')} {i.price * getattr(i, 'count', 1)}" for i in items
    ]
    return f"{each} {[(key.lower(), v if isinstance(v, int) else v.x) for key, v in book.items()]}"


# Plain arrows


@proc
def plain_old(msg: Set, *, total: int = 0, user: Home = Home()) -> str:
    total = total + msg.n
    user = Home(msg.text, msg.more)
    return spell(total, user.street, user.city)


def plain_new(first: Firsts) -> Arrow[Any, Any]:
    @proc
    def one(
        msg: Set, *, total: tuple[int, int] = first["total"], user: tuple[str, str] = first["user"]
    ) -> str:
        total = (total[0], total[1] + msg.n)
        user = (msg.text, msg.more)
        return spell(total[0] + total[1], user[0], user[1])

    return one


def up_total(total: int) -> tuple[int, int]:
    return (total, 0)


def down_total(total: tuple[int, int]) -> int:
    return total[0] + total[1]


def up_user(user: Home) -> tuple[str, str]:
    return (user.street, user.city)


def down_user(user: tuple[str, str]) -> Home:
    return Home(user[0], user[1])


# Lenses inside one another


@proc
def person_old(msg: Set, *, user: Person = Person()) -> str:
    was = spell(user.name, user.nick, user.age, user.home.street, user.home.city)
    user = Person(msg.text, msg.more, msg.n, Home(msg.text, msg.more))
    return was


def person_new(first: Firsts) -> Arrow[Any, Any]:
    @proc
    def one(msg: Set, *, user: Human = first["user"]) -> str:
        was = spell(user.full_name, user.nick, user.age, user.home.road, user.home.city)
        user = Human(msg.text, msg.more, msg.n, Address(msg.text, msg.more))
        return was

    return one


# Keyed


@proc
def key_old(msg: Set) -> str:
    return msg.text


@proc
def key_new(msg: Set) -> str:
    return "k" + msg.text


@proc
def rows_old(msg: Set, *, n: int = 0, home: Home = Home()) -> str:
    was = spell(n, home.street, home.city)
    n = n + msg.n
    home = Home(msg.text, msg.more)
    return was


def rows_new(first: Firsts) -> Arrow[Any, Any]:
    @proc
    def one(msg: Set, *, point: Point = first["point"], home: Address = first["home"]) -> str:
        was = spell(point.x, home.road, home.city)
        point = Point(point.x + msg.n, point.y)
        home = Address(msg.text, msg.more)
        return was

    return keyed(one, key_new, "people")


def to_point(n: int) -> Point:
    return Point(n, 0)


def from_point(point: Point) -> int:
    return point.x + point.y


def more_key(key: str) -> str:
    return "k" + key


def less_key(key: str) -> str:
    return key[1:]


# Unions and enums


@proc
def shape_old(msg: Set, *, shape: Circle | Square = Circle(1), color: Color = Color.RED) -> str:
    was = shown(shape, color)
    shape = Circle(msg.n, msg.text) if msg.n > 0 else Square(msg.n, msg.text)
    color = Color.GREEN if msg.n > 5 else Color.BLUE if msg.n > 0 else Color.RED
    return was


def shape_new(first: Firsts) -> Arrow[Any, Any]:
    @proc
    def one(msg: Set, *, shape: Disc | Block = first["shape"], color: Colour = first["color"]) -> str:
        was = shown(shape, color)
        shape = Disc(msg.n, msg.text) if msg.n > 0 else Block(msg.n, msg.text)
        color = Colour.GREEN if msg.n > 5 else Colour.NAVY if msg.n > 0 else Colour.CRIMSON
        return was

    return one


# Split and merge


@proc
def parts_old(msg: Set, *, pair: tuple[str, str] = ("", ""), x: int = 0, y: int = 0) -> str:
    was = spell(pair[0], pair[1], x, y)
    pair = (msg.text, msg.more)
    x = msg.n
    y = msg.n * 2
    return was


def parts_new(first: Firsts) -> Arrow[Any, Any]:
    @proc
    def one(
        msg: Set, *, one: str = first["one"], two: str = first["two"], point: Point = first["point"]
    ) -> str:
        was = spell(one, two, point.x, point.y)
        one = msg.text
        two = msg.more
        point = Point(msg.n, msg.n * 2)
        return was

    return one


def to_xy(both: tuple[int, int]) -> Point:
    return Point(both[0], both[1])


def from_xy(point: Point) -> tuple[int, int]:
    return (point.x, point.y)


def itself(value: tuple[str, str]) -> tuple[str, str]:
    return value


# Moved cells


@proc
def moved_old(msg: Set, *, a: int = 0, b: int = 0, c: str = "") -> str:
    was = spell(a, b, c)
    a = msg.n
    b = msg.n * 3
    c = msg.text
    return was


def moved_new(first: Firsts) -> Arrow[Any, Any]:
    @proc
    def one(
        msg: Set,
        *,
        b: int = first["b"],
        low: int | None = first["low"],
        c: str = first["c"],
        rate: int = first["rate"],
    ) -> str:
        was = spell(b * rate, low, c)
        b = msg.n
        low = msg.n * 3
        c = msg.text
        return was

    return named("in", one)


# Containers


@proc
def items_old(msg: Set, *, items: tuple[Item, ...] = (), book: dict[str, int] = {}) -> str:  # noqa: B006 - never altered
    was = listed(items, book)
    items = with_item(items, Item(msg.text, msg.n))
    book = with_entry(book, msg.text, msg.n)
    return was


def items_new(first: Firsts) -> Arrow[Any, Any]:
    @proc
    def one(
        msg: Set, *, items: tuple[Line, ...] = first["items"], book: dict[str, Point] = first["book"]
    ) -> str:
        was = listed(items, book)
        items = with_item(items, Line(msg.text, msg.n, 1))
        book = with_entry(book, msg.text, Point(msg.n))
        return was

    return one


# What is lost on purpose


@proc
def lost_old(msg: Set, *, user: Person = Person(), seen: int = 0, heat: int = 0) -> str:
    was = spell(user.name, user.age, user.home.city, heat // 10)
    user = Person(msg.text, msg.more, msg.n, Home(msg.text, msg.more))
    seen = seen + 1
    heat = msg.n
    return was


@attrs.frozen
class Short:
    name: str = ""
    age: int = 0
    city: str = ""


def lost_new(first: Firsts) -> Arrow[Any, Any]:
    @proc
    def one(msg: Set, *, user: Short = first["user"], tens: int = first["tens"]) -> str:
        was = spell(user.name, user.age, user.city, tens)
        user = Short(msg.text, msg.n, msg.more)
        tens = msg.n // 10
        return was

    return one


def tenth(heat: int) -> int:
    return heat // 10


def tenfold(tens: int) -> int:
    return tens * 10


# Messages that gained a field, and wrapping


@proc
def grown_old(msg: Set, *, total: int = 0, last: Total = Total(), only: Home = Home()) -> str:
    was = spell(total, last.value, only.street)
    total = total + msg.n
    last = Total(msg.n, 0)
    only = Home(msg.text, "")
    return was


def grown_new(first: Firsts) -> Arrow[Any, Any]:
    @proc
    def one(
        msg: V2.Set,
        *,
        total: Total = first["total"],
        last: int = first["last"],
        only: Address = first["only"],
    ) -> str:
        was = spell(total.value * total.steps, last, only.road)
        total = Total(total.value + msg.n * msg.times, 1)
        last = msg.n
        only = Address(msg.text, "")
        return was

    return one


# Arrows inside a table


def bare(first: Firsts) -> Arrow[Any, Any]:
    @proc
    def one(msg: Set, *, n: int | None = first["n"], home: tuple[str, str] = first["home"]) -> str:
        was = spell(n, home[0], home[1])
        n = plus(n, msg.n)
        home = (msg.text, msg.more)
        return was

    return one


# Messages and replies


@attrs.frozen
class Pay:
    cents: int
    payer: str
    kind: Color


@attrs.frozen
class Fax:
    text: str


@attrs.frozen
class Paid:
    total: int
    payer: str
    kind: Color
    currency: str


@attrs.frozen
class Told:
    text: str


@attrs.frozen
class Payment:
    by: str
    amount: Point
    kind: Colour
    currency: str


@attrs.frozen
class Note:
    text: str


@attrs.frozen
class Receipt:
    sum: Point
    by: str
    kind: Colour
    currency: str
    seen: bool = True


def worth(msg: Pay | Fax | Payment | Note) -> int:
    return msg.cents if isinstance(msg, Pay) else from_hundreds(msg.amount) if isinstance(msg, Payment) else 0


def paid(msg: Pay | Fax, total: int) -> Paid | Told:
    return Told(f"{msg.text} {total}") if isinstance(msg, Fax) else Paid(total, msg.payer, msg.kind, "EUR")


def receipt(msg: Payment | Note, total: int) -> Receipt | Told:
    if isinstance(msg, Note):
        return Told(f"{msg.text} {total}")
    return Receipt(to_hundreds(total), msg.by, msg.kind, msg.currency)


@proc
def till_old(msg: Pay | Fax, *, total: int = 0) -> Paid | Told:
    total = total + worth(msg)
    return paid(msg, total)


@proc
def till_new(msg: Payment | Note, *, total: int = 0) -> Receipt | Told:
    total = total + worth(msg)
    return receipt(msg, total)


def to_hundreds(cents: int) -> Point:
    return Point(*divmod(cents, 100))


def from_hundreds(amount: Point) -> int:
    return amount.x * 100 + amount.y


@attrs.frozen
class Order:
    lines: tuple[Item, ...]
    home: Home
    first: str
    last: str
    fax: str = ""


@attrs.frozen
class Basket:
    lines: tuple[Line, ...]
    city: str
    name: tuple[str, str]


@attrs.frozen
class Bill:
    text: str
    items: tuple[Item, ...]
    sum: int
    rest: int


@attrs.frozen
class Invoice:
    words: str
    items: tuple[Line, ...]
    both: tuple[int, int]


def counted(msg: Order | Basket) -> int:
    return sum(getattr(each, "count", 1) for each in msg.lines)


def bill(msg: Order, count: int) -> Bill:
    text = f"{count} {msg.home.city} {msg.first} {msg.last}"
    return Bill(text, msg.lines, sum(each.price for each in msg.lines), -count)


def invoice(msg: Basket, count: int) -> Invoice:
    text = f"{count} {msg.city} {msg.name[0]} {msg.name[1]}"
    return Invoice(text, msg.lines, (sum(each.price for each in msg.lines), -count))


@proc
def order_old(msg: Order, *, count: int = 0) -> Bill:
    count = count + counted(msg)
    return bill(msg, count)


@proc
def order_new(msg: Basket, *, count: int = 0) -> Invoice:
    count = count + counted(msg)
    return invoice(msg, count)


UPGRADES = [
    Upgrade(
        "plain arrows",
        plain_old,
        plain_new,
        {"total": (0, 0), "user": ("", "")},
        to(
            up={"total": arr(up_total), "user": arr(up_user)},
            down={"total": arr(down_total), "user": arr(down_user)},
        ),
        TRACE,
    ),
    Upgrade(
        "inside one another",
        person_old,
        person_new,
        {"user": Human("", "", 0, Address())},
        to(
            lens.inside(
                "user",
                lens.rename("name", "full_name"),
                lens.inside("home", lens.rename("street", "road")),
            )
        ),
        TRACE,
    ),
    Upgrade(
        "keyed",
        keyed(rows_old, key_old, "clients"),
        rows_new,
        {"point": Point(), "home": Address()},
        to(
            lens.rename("clients", "people"),
            lens.inside("people", lens.rekey(arr(more_key), arr(less_key))),
            lens.rename("people/n", "people/point"),
            lens.inside("people/point", lens.convert(arr(to_point), arr(from_point))),
            lens.inside("people/home", lens.rename("street", "road")),
        ),
        (*TRACE, Set(5, "ann", "zz"), Set(6, "bo")),
    ),
    Upgrade(
        "unions and enums",
        shape_old,
        shape_new,
        {"shape": Disc(1), "color": Colour.CRIMSON},
        to(
            lens.inside(
                "shape",
                lens.rename("Circle", "Disc"),
                lens.rename("Square", "Block"),
                lens.inside("Disc", lens.rename("name", "label")),
            ),
            lens.inside("color", lens.rename("RED", "CRIMSON"), lens.rename("BLUE", "NAVY")),
        ),
        (*TRACE, Set(0, "")),
    ),
    Upgrade(
        "split and merge",
        parts_old,
        parts_new,
        {"one": "", "two": "", "point": Point()},
        to(
            lens.split("pair", ("one", "two"), arr(itself), arr(itself)),
            lens.merge(("x", "y"), "point", arr(to_xy), arr(from_xy)),
        ),
        TRACE,
    ),
    Upgrade(
        "moved",
        moved_old,
        moved_new,
        {"b": 0, "low": 0, "c": "", "rate": 1},
        to(
            lens.rename("b", "in/low"),
            lens.rename("a", "in/b"),
            lens.rename("c", "in/c"),
            lens.add("in/rate", 1),
        ),
        TRACE,
    ),
    Upgrade(
        "containers",
        items_old,
        items_new,
        {"items": (), "book": {}},
        to(
            lens.inside("items", lens.each(lens.rename("name", "title"), lens.add("count", 1))),
            lens.inside("book", lens.each(lens.convert(arr(to_point), arr(from_point)))),
        ),
        TRACE,
    ),
    Upgrade(
        "lost on purpose",
        lost_old,
        lost_new,
        {"user": Short(), "tens": 0},
        to(
            lens.inside(
                "user",
                lens.drop("nick", ""),
                lens.rename("home/city", "city"),
                lens.drop("home/street", ""),
            ),
            lens.drop("seen"),
            lens.rename("heat", "tens"),
            lens.inside("tens", lens.convert(arr(tenth), arr(tenfold), lossy=True)),
        ),
        TRACE,
    ),
    Upgrade(
        "grown messages and wrapping",
        grown_old,
        grown_new,
        {"total": Total(0, 1), "last": 0, "only": Address()},
        to(
            lens.inside("total", lens.wrap("value"), lens.add("steps", 1)),
            lens.inside("last", lens.drop("steps"), lens.unwrap("value")),
            lens.inside("only", lens.rename("street", "road"), lens.add("country", "se")),
        ),
        TRACE,
    ),
    Upgrade(
        "arrows in a table",
        keyed(rows_old, key_old, "clients"),
        lambda first: keyed(bare(first), key_old, "clients"),
        {"n": 0, "home": ("", "")},
        to(
            up={"clients/home": arr(up_user)},
            down={"clients/home": arr(down_user)},
        ),
        (*TRACE, Set(5, "ann", "zz")),
    ),
    Upgrade(
        "messages and replies",
        till_old,
        lambda _: till_new,
        {},
        to(
            inputs=[
                lens.rename("Pay", "Payment"),
                lens.inside(
                    "Payment",
                    lens.rename("payer", "by"),
                    lens.rename("cents", "amount"),
                    lens.inside("amount", lens.convert(arr(to_hundreds), arr(from_hundreds))),
                    lens.inside("kind", lens.rename("RED", "CRIMSON"), lens.rename("BLUE", "NAVY")),
                    lens.add("currency", "EUR"),
                ),
                lens.rename("Fax", "Note"),
            ],
            replies=[
                lens.rename("Paid", "Receipt"),
                lens.inside(
                    "Receipt",
                    lens.rename("total", "sum"),
                    lens.inside("sum", lens.convert(arr(to_hundreds), arr(from_hundreds))),
                    lens.rename("payer", "by"),
                    lens.inside("kind", lens.rename("RED", "CRIMSON"), lens.rename("BLUE", "NAVY")),
                ),
            ],
        ),
        (
            Pay(250, "ann", Color.RED),
            Fax("how much"),
            Pay(-1203, "bo", Color.BLUE),
            Fax(""),
            Pay(7, "", Color.GREEN),
        ),
    ),
    Upgrade(
        "lists and parts in messages",
        order_old,
        lambda _: order_new,
        {},
        to(
            inputs=[
                lens.rename("Order", "Basket"),
                lens.inside(
                    "Basket",
                    lens.inside("lines", lens.each(lens.rename("name", "title"), lens.add("count", 1))),
                    lens.rename("home/city", "city"),
                    lens.drop("home/street", ""),
                    lens.merge(("first", "last"), "name", arr(itself), arr(itself)),
                    lens.drop("fax", ""),
                ),
            ],
            replies=[
                lens.rename("Bill", "Invoice"),
                lens.inside(
                    "Invoice",
                    lens.rename("text", "words"),
                    lens.inside("items", lens.each(lens.rename("name", "title"), lens.add("count", 1))),
                    lens.merge(("sum", "rest"), "both", arr(itself), arr(itself)),
                ),
            ],
        ),
        (
            Order((Item("pen", 3), Item("ink", 5)), Home("high", "york"), "ann", "lee", "555"),
            Order((), Home(), "bo", ""),
            Order((Item("cup", 7),), Home("low", "hull"), "cy", "dee"),
        ),
    ),
]
