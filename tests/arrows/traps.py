"""Small programs, and edits of each that must, or must not, change its digest; and programs that have none.

Each ends in a `machine`. An edit is a pair of texts, what stands there and what stands there then.
"""

# ruff: noqa: E501 - a program reads best in one piece

from __future__ import annotations

from typing import NamedTuple

HEAD = "from arrows import arr\n"

Edit = tuple[str, str]


class Trap(NamedTuple):
    """A program; its edits that do not count, and those that do."""

    text: str
    same: tuple[Edit, ...] = ()
    other: tuple[Edit, ...] = ()


FILES = {
    "moved_here": "RATE = 3\n\n\ndef helper(x):\n    # moved\n    return x * RATE\n",
    "moved_there": "def unused():\n    pass\nRATE = 1 + 2\ndef helper(x):\n    return (x * RATE)\n",
    "moved_wrong": "RATE = 4\ndef helper(x):\n    return x * RATE\n",
    "moved_package/__init__": "",
    "moved_package/inner": "def helper(x):\n    return x + 1\n",
    "moved_package/wrong": "def helper(x):\n    return x + 2\n",
    "decorating": "import functools\ndef logged(f):\n    @functools.wraps(f)\n    def wrapper(x):\n        return f(x)\n    return wrapper\n",
}
"""Modules that the programs import."""

WHAT_COUNTS = {
    "comments": Trap(
        "def f(x):\n    return x + 1\nmachine = arr(f)\n",
        (("    return", "    # why\n    return"), ("x + 1", "x + 1  # one"), ("def f", "# above\n\n# it\ndef f")),
        (("x + 1", "x + 2"),),
    ),
    "docstrings": Trap(
        "class Box:\n    def get(self):\n        return 1\ndef f(x):\n    def g():\n        return x\n    return g(), Box().get()\n"
        "machine = arr(f)\n",
        (
            ("def f(x):\n", 'def f(x):\n    """Words."""\n'),
            ("    def g():\n", '    def g():\n        "Words."\n'),
            ("class Box:\n", 'class Box:\n    """Words."""\n'),
            ("get(self):\n", 'get(self):\n        """Words."""\n'),
        ),
    ),
    "formatting": Trap(
        "def f(x, y=1):\n    z = x + 1000\n    return [z, 'a' 'b', 16]\nmachine = arr(f)\n",
        (
            ("x + 1000", "(x +\n        1_000)"),
            ("x + 1000\n    ", "x + 1000; "),
            ("    z = x + 1000\n    return [z", "  z = x + 1000\n  return [z"),
            ("'a' 'b'", '"ab"'),
            ("16]", "0x10,\n    ]"),
            ("y=1", "y = 1,"),
            ("y=1", "y=2 - 1"),
            ("x + 1000", "x \\\n        + 1000"),
            ("def f", "\n\n\n\ndef f"),
        ),
        (("1000", "1000.0"), ("'a' 'b'", "b'ab'"), ("x + 1000", "1000 + x")),
    ),
    "moves": Trap(
        "RATE = 3\ndef helper(x):\n    return x * RATE\nmachine = arr(lambda x: helper(x))\n",
        (
            ("RATE = 3\ndef helper(x):\n    return x * RATE\n", "from moved_here import helper\n"),
            ("RATE = 3\ndef helper(x):\n    return x * RATE\n", "from moved_there import helper\n"),
            (
                "RATE = 3\ndef helper(x):\n    return x * RATE\n",
                "def helper(x):\n    return x * RATE\nRATE = 3\n",
            ),
        ),
        (("RATE = 3\ndef helper(x):\n    return x * RATE\n", "from moved_wrong import helper\n"),),
    ),
    "modules": Trap(
        "import moved_here as m\nmachine = arr(lambda x: m.helper(x))\n",
        (("moved_here", "moved_there"),),
        (("moved_here", "moved_wrong"),),
    ),
    "modules of packages": Trap(
        "import moved_package.inner\nimport moved_package.wrong\n"
        "machine = arr(lambda x: moved_package.inner.helper(x))\n",
        (("import moved_package.wrong\n", ""),),
        (("package.inner.helper", "package.wrong.helper"),),
    ),
    "constants": Trap(
        "RATE, TABLE, NAMES = 3, {'x': (1, 2.5, None)}, {'p', 'q', 'r', 's'}\n"
        "def f(x):\n    return RATE, TABLE, x in NAMES, x in {'k', 'l', 'm'}, 'é\\u1c89', -0.0, 2**70\nmachine = arr(f)\n",
        (("= 3,", "= 1 + 2,"), ("{'p', 'q', 'r', 's'}", "{'s', 'r', 'q', 'p'}")),
        (
            ("= 3,", "= 4,"),
            ("= 3,", "= 3.0,"),
            ("= 3,", "= True,"),
            ("None)", "0)"),
            ("(1, 2.5, None)", "[1, 2.5, None]"),
            ("'s'}", "'t'}"),
            ("'l', 'm'}", "'l', 'n'}"),
            ("-0.0", "0.0"),
            ("\\u1c89", "\\u1c8a"),
        ),
    ),
    "sets of several classes": Trap(
        "import enum\nimport attrs\nclass A(enum.Enum):\n    X = 1\nclass B(enum.Enum):\n    Y = 1\n"
        "@attrs.frozen\nclass C:\n    n: int = 1\nALL = frozenset({A.X, B.Y, C(), C(2), (A.X, 1), (B.Y, 2)})\n"
        "machine = arr(lambda x: x in ALL)\n",
        (),
        (("(B.Y, 2)", "(A.X, 2)"),),
    ),
    "python's values": Trap(
        "import datetime, decimal, fractions, re\nP, D = re.compile('a+'), decimal.Decimal('1.10')\n"
        "T, F, R = datetime.timedelta(1), fractions.Fraction(1, 3), range(3)\n"
        "machine = arr(lambda x: (P.match(x), D, T, F, R, 1j, ...))\n",
        (),
        (
            ("'a+'", "'a*'"),
            ("'a+')", "'a+', re.I)"),
            ("1.10", "1.1"),
            ("delta(1)", "delta(2)"),
            ("(1, 3)", "(1, 4)"),
        ),
    ),
    "defaults": Trap(
        "RATE = 2\ndef f(x, y=RATE, *, z=(1, 2)):\n    return x, y, z\nmachine = arr(f)\n",
        (("y=RATE", "y=2"), ("z=(1, 2)", "z=(1, 1 + 1)")),
        (("RATE = 2", "RATE = 3"), ("(1, 2)", "(1, 3)"), ("y=RATE", "y=2.0"), ("*, z", "z")),
    ),
    "closures": Trap(
        "def make(a, g):\n    def inner(b):\n        return lambda x: (a, b, g(x))\n    return inner(2)\n"
        "machine = arr(make(1, abs))\n",
        (("    return inner(2)", "    c = 7\n    return inner(2)"),),
        (("inner(2)", "inner(3)"), ("make(1, abs)", "make(2, abs)"), ("make(1, abs)", "make(1, len)")),
    ),
    "helpers": Trap(
        "def a(x):\n    return b(x)\ndef b(x):\n    return x\ndef c(x):\n    return 3\ndef d(x):\n    return 4\ndef e():\n    return 5\n"
        "def f(x):\n    assert d(x)\n    class Local:\n        y = c(x)\n        y = y\n"
        "    return a(x), f'{e()!r:>{e()}}', [c(y) for y in x], Local.y\nmachine = arr(f)\n",
        (("def a", "def unused():\n    return 1\ndef a"),),
        (
            ("    return x\n", "    return -x\n"),
            ("return 3", "return 30"),
            ("return 4", "return 40"),
            ("return 5", "return 50"),
        ),
    ),
    "a long chain of helpers": Trap(
        "def f0(x):\n    return x\n"
        + "".join(f"def f{n}(x):\n    return f{n - 1}(x)\n" for n in range(1, 400))
        + "machine = arr(f399)\n",
        (),
        (("    return x\n", "    return -x\n"),),
    ),
    "dispatch tables": Trap(
        "import operator\ndef twice(x):\n    return x * 2\nTABLE = {'t': twice, 'n': [operator.neg, (abs, 1)]}\n"
        "machine = arr(lambda x: TABLE['t'](x))\n",
        (),
        (("x * 2", "x * 3"), ("operator.neg", "operator.pos"), ("abs", "round"), ("'n'", "'m'")),
    ),
    "recursion": Trap(
        "def f(x):\n    return x * f(x - 1) if x else 1\nmachine = arr(f)\n",
        (("    return", "    # again\n    return"),),
        (("else 1", "else 2"),),
    ),
    "recursion of a closure": Trap(
        "def make(last):\n    def f(x):\n        return f(x - 1) if x else last\n    return f\nmachine = arr(make(1))\n",
        (("return f\n", "return f  # it\n"),),
        (("make(1)", "make(2)"),),
    ),
    "mutual recursion": Trap(
        "def even(x):\n    return odd(x - 1) if x else True\ndef odd(x):\n    return third(x) if x else False\n"
        "def third(x):\n    return even(x - 1)\nmachine = arr(even)\n",
        (("def odd", "# odd\ndef odd"),),
        (("else False", "else None"), ("else True", "else 1"), ("even(x - 1)", "even(x - 3)"), ("arr(even)", "arr(odd)")),
    ),
    "names of a class, read in its method": Trap(
        "def _Box__hidden(x):\n    return 1\nclass Box:\n    def get(self):\n        return __hidden(self)\n"
        "machine = arr(lambda x: Box().get())\n",
        (),
        (("return 1", "return 2"),),
    ),
    "type checking": Trap(
        "import typing\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from nowhere import Nothing\n"
        "    def f(x): ...\nelse:\n    def f(x):\n        y: Nothing = 1\n        if TYPE_CHECKING:\n            reveal_type(x)\n"
        "        def g(z: 'Nothing') -> 'Nothing':\n            return typing.cast('Nothing', z)\n        return g(x), y\nmachine = arr(f)\n",
        (("    def f(x): ...\n", "    def f(x):\n        return 7\n"),),
        (("= 1", "= 2"),),
    ),
    "definitions under conditions": Trap(
        "import sys\nif sys.version_info >= (3, 11):\n    def f(x):\n        return 1\nelse:\n    def f(x):\n        return 2\n"
        "machine = arr(f)\n",
        (("return 2", "return 3"),),
        (("return 1", "return 3"),),
    ),
    "asserts and __debug__": Trap(
        "LIMIT = 3\ndef fine(x):\n    return x < LIMIT\ndef f(x):\n    'Words.'\n    assert fine(x), 'no'\n"
        "    if __debug__:\n        x += 1\n    return x\nmachine = arr(f)\n",
        (("'Words.'", "'Other words.'"),),
        (("LIMIT = 3", "LIMIT = 4"), ("'no'", "'yes'"), ("x += 1", "x += 2")),
    ),
    "every kind of statement": Trap(
        "E = ValueError\nC = 1\ndef g(*a, **k):\n    return a\n"
        "async def f(x, /, *args, k=1, **more):\n    global_ = 1\n    for i in x:\n        while i:\n            i -= C\n            break\n"
        "        else:\n            continue\n    try:\n        with x as y, x:\n            pass\n    except E as e:\n        raise KeyError from e\n"
        "    finally:\n        del y\n    match x:\n        case {'a': 1 | -2j, **rest} if rest:\n            pass\n"
        "        case [g.z, *_, str(w)] | (g.z as w):\n            pass\n    if (n := len(x)) > 1:\n        pass\n"
        "    async with x:\n        yield {**more}, {*args}, x[1:2, ...], not n, x < n <= 3, f'a{n=}b{{{n:>{C}}' 'c'\n"
        "    await x\n    import os.path as p\n    a = *x, 1\n    a @= 2\n    g(*a, k=n, **more)\n    lambda q, *r, s=C: (yield)\n"
        "machine = arr(f)\n",
        (("'c'", '"c"'),),
        (("C = 1", "C = 2"), ("KeyError", "IndexError"), ("E = ValueError", "E = TypeError")),
    ),
    "a class in a function": Trap(
        "import attrs\ndef other():\n    return 1\ndef f(x):\n    @attrs.frozen\n    class Local:\n        n: int = other()\n"
        "        def get(self):\n            return super().__repr__(), self.n\n    return Local().get()\nmachine = arr(f)\n",
        (("class Local:\n", "class Local:\n        'Words.'\n"),),
        (("return 1", "return 2"), ("self.n", "self")),
    ),
    "classes": Trap(
        "class Root:\n    RATE = 1\n    def base(self):\n        return 1\nclass Mixin:\n    pass\n"
        "class Box(Root, Mixin):\n    class Inner:\n        n = 2\n    def get(self):\n        return super().base()\n"
        "    @property\n    def size(self):\n        return 3\n    @size.setter\n    def size(self, to):\n        self.s = to\n"
        "    @staticmethod\n    def free():\n        return 4\n    @classmethod\n    def make(cls):\n        return cls()\n"
        "    def __len__(self):\n        return 5\nmachine = arr(lambda x: Box())\n",
        (("class Box", "# a box\nclass Box"), ("Mixin:\n    pass", "Mixin:\n    'Words.'")),
        (
            ("RATE = 1", "RATE = 2"),
            ("return 1", "return 2"),
            ("(Root, Mixin)", "(Mixin, Root)"),
            ("n = 2", "n = 3"),
            ("super().base()", "self.base()"),
            ("return 3", "return 33"),
            ("= to", "= -to"),
            ("return 4", "return 44"),
            ("return cls()", "return cls"),
            ("return 5", "return 55"),
            ("@staticmethod", "@classmethod"),
        ),
    ),
    "classes that others make": Trap(
        "import functools\nclass Meta(type):\n    def __call__(cls):\n        return 1\n"
        "def marked(cls):\n    cls.mark = lambda self: 2\n    return cls\n"
        "class Part:\n    def run(self, n):\n        return n\n    three = functools.partialmethod(run, 3)\n"
        "    @functools.cached_property\n    def kept(self):\n        return 4\n"
        "@marked\nclass Box(Part, metaclass=Meta):\n    pass\nmachine = arr(lambda x: Box())\n",
        (),
        (("return 1", "return 11"), ("self: 2", "self: 22"), ("run, 3", "run, 33"), ("return 4", "return 44"), (", metaclass=Meta", "")),
    ),
    "records": Trap(
        "import attrs, functools, typing\nfrom dataclasses import dataclass, field\nK = 6\n"
        "@attrs.frozen\nclass A:\n    n: int = 1\n    m: int = attrs.field(init=False, default=2)\n    R: typing.ClassVar = 3\n    L: typing.ClassVar = [12]\n"
        "    @functools.cached_property\n    def kept(self):\n        return 4\n"
        "@dataclass\nclass B:\n    n: int = 5\n    m: list = field(default_factory=lambda: [K])\n"
        "@attrs.define\nclass C:\n    n: int = 7\n    m: int = attrs.field(factory=lambda: 8, validator=attrs.validators.ge(9))\n"
        "class D(typing.NamedTuple):\n    n: int = 10\n    def get(self):\n        return 11\n"
        "machine = arr(lambda x: (A, B, C, D))\n",
        (("    n: int = 1\n", "    'Words.'\n    n: int = 1\n"), ("return 4", "return (4)")),
        (
            ("int = 1\n", "int = 100\n"),
            ("default=2", "default=20"),
            ("= 3", "= 30"),
            ("return 4", "return 40"),
            ("= 5", "= 50"),
            ("K = 6", "K = 60"),
            ("= 7", "= 70"),
            (": 8", ": 80"),
            ("ge(9)", "ge(90)"),
            ("ge(9)", "gt(9)"),
            ("= 10", "= 110"),
            ("return 11", "return 110"),
            ("[12]", "[120]"),
            ("@attrs.define", "@attrs.define(eq=False)"),
        ),
    ),
    "methods": Trap(
        "import attrs\n@attrs.frozen\nclass Rule:\n    by: int\n    def apply(self, x):\n        return x * self.by\n"
        "machine = arr(Rule(2).apply)\n",
        (("    def apply", "\n    def apply"),),
        (("Rule(2)", "Rule(3)"), ("x * self", "x + self"), ("Rule(2).apply", "Rule.apply")),
    ),
    "enums": Trap(
        "import enum\nclass Level(enum.Enum):\n    LOW = 1\n    HIGH = 2\n    TOP = 2\n    def up(self):\n        return Level.HIGH\n"
        "    @property\n    def half(self):\n        return 3\n    @classmethod\n    def _missing_(cls, value):\n        return cls.LOW\n"
        "machine = arr(lambda x: Level.LOW)\n",
        (("    LOW = 1", "    'Words.'\n    LOW = 1"), ("    HIGH = 2", "    HIGH = 1 + 1")),
        (
            ("LOW = 1", "LOW = 3"),
            ("LOW = 1", "LOW = '1'"),
            ("    LOW = 1\n    HIGH = 2\n", "    HIGH = 2\n    LOW = 1\n"),
            ("TOP = 2", "TOP = 4"),
            ("    TOP = 2\n", ""),
            ("return Level.HIGH", "return Level.LOW"),
            ("return 3", "return 4"),
            ("return cls.LOW", "return cls.HIGH"),
            ("enum.Enum", "enum.IntEnum"),
            ("x: Level.LOW", "x: Level.HIGH"),
        ),
    ),
    "enums of more": Trap(
        "import attrs, enum\n@attrs.frozen\nclass P:\n    n: int\nclass Planet(enum.Enum):\n    A = P(1)\n    B = P(2)\n"
        "class Flags(enum.Flag):\n    R = enum.auto()\n    W = enum.auto()\nclass Name(enum.StrEnum):\n    X = enum.auto()\n"
        "machine = arr(lambda x: (Planet.A, Flags.R | Flags.W, Name.X))\n",
        (("    n: int\n", "    n: int  # it\n"),),
        (("P(1)", "P(3)"), ("    R = enum.auto()\n    W", "    W = enum.auto()\n    R"), ("X = enum.auto()", "X = 'y'"), ("Flags(enum.Flag)", "Flags(enum.IntFlag)")),
    ),
    "decorators": Trap(
        "import functools\ndef logged(f):\n    @functools.wraps(f)\n    def wrapper(x):\n        return f(x)\n    return wrapper\n"
        "def scaled(by):\n    def around(f):\n        @functools.wraps(f)\n        def wrapper(x):\n            return f(x) * by\n"
        "        return wrapper\n    return around\n@logged\n@scaled(2)\ndef f(x):\n    return x + 1\n"
        "class Box:\n    @logged\n    def get(self):\n        return 5\nmachine = arr(lambda x: (f(x), Box().get()))\n",
        (
            ("    @functools.wraps(f)\n    def wrapper(x):\n        return f(x)\n", "    @functools.wraps(f)\n    def wrapper(x):\n        'Words.'\n        return f(x)\n"),
            ("def logged(f):\n    @functools.wraps(f)\n    def wrapper(x):\n        return f(x)\n    return wrapper\n", "from decorating import logged\n"),
        ),
        (
            ("return f(x)\n", "return -f(x)\n"),
            ("scaled(2)", "scaled(3)"),
            ("f(x) * by", "f(x) + by"),
            ("x + 1", "x + 2"),
            ("@logged\n@scaled(2)", "@scaled(2)\n@logged"),
            ("@logged\n@scaled(2)", "@scaled(2)"),
            ("    @logged\n", ""),
            ("return 5", "return 6"),
        ),
    ),
    "a wrapper under a library's name": Trap(
        "import functools, json\n@functools.wraps(json.dumps)\ndef wrapper(x):\n    return json.dumps(x, indent=1)\nmachine = arr(wrapper)\n",
        (),
        (("indent=1", "indent=2"), ("arr(wrapper)", "arr(json.dumps)")),
    ),
    "a library's wrapper around ours": Trap(
        "import contextlib\n@contextlib.contextmanager\ndef opened(x):\n    yield x + 1\ndef f(x):\n    with opened(x) as y:\n        return y\n"
        "machine = arr(f)\n",
        (("x + 1", "(x + 1)"),),
        (("x + 1", "x + 2"),),
    ),
    "two lambdas on a line": Trap(
        "pair = [lambda x: x + 1, lambda x: x + 2]; same = [lambda x: f(x), lambda x: f(x)]; f = abs\nmachine = arr(pair[0])\n",
        (("[lambda x: x + 1, lambda", "[lambda x: (x + 1), lambda"), ("x + 2", "x + 3"), ("arr(pair[0])", "arr(lambda x: x + 1)")),
        (("arr(pair[0])", "arr(pair[1])"), ("arr(pair[0])", "arr(same[1])")),
    ),
    "lambdas in brackets": Trap(
        "f = abs\nmachine = arr((lambda x, by=(lambda y: y + 1): (\n    f(by(x)),\n    lambda z: (z, x),\n)))\n",
        (("f(by(x)),\n", "f(\n        by(x)\n    ),\n"), ("arr((lambda", "arr((  # here\n    lambda")),
        (("y + 1", "y + 2"), ("(z, x)", "(x, z)"), ("f = abs", "f = len")),
    ),
    "lambdas of a constant": Trap(
        "lambdas = [lambda x: 1, lambda x: 2, lambda x: None, lambda x: 1]\nmachine = arr(lambdas[0])\n",
        (("lambdas[0]", "lambdas[3]"),),
        (("lambdas[0]", "lambdas[1]"), ("lambdas[0]", "lambdas[2]")),
    ),
    "lambdas of decorators": Trap(
        "def by(g):\n    return lambda f: (lambda x: g(f(x)))\n@by(lambda y: y + 1)\ndef f(x):\n    return x\nmachine = arr(f)\n",
        (("@by(lambda", "@by(  # here\n    lambda"),),
        (("y + 1", "y + 2"), ("return x\n", "return -x\n")),
    ),
    "partial": Trap(
        "from functools import partial\ndef f(a, b, *, c=0):\n    return a, b, c\nmachine = arr(partial(partial(f, 1), c=2))\n",
        (("partial(partial(f, 1), c=2)", "partial(f, 1, c=2)"),),
        (("f, 1", "f, 2"), ("c=2", "c=3"), ("c=0", "c=1"), ("a, b, c\n", "a, b\n"), ("partial(f, 1)", "partial(max, 1)")),
    ),
    "builtins": Trap(
        "def f(x):\n    return NotImplemented if x is ... else len(x)\nmachine = arr(f)\n",
        (),
        (("def f", "def len(x):\n    return 1\ndef f"), ("len(x)", "abs(x)"), ("arr(f)", "arr(abs)"), ("arr(f)", "arr(str)"), ("arr(f)", "arr(str.upper)")),
    ),
    "c functions": Trap(
        "import math, operator, pathlib\nfrom operator import itemgetter as get\nof = operator\n"
        "machine = arr(lambda x: (math.sqrt(x), of.add(x, 1), KEY(x), JOIN(x), pathlib.Path))\nKEY, JOIN = get(1), ', '.join\n",
        (("math, operator, pathlib", "pathlib, math, operator"),),
        (("math.sqrt", "math.floor"), ("of.add", "of.sub"), ("get(1)", "get(2)"), ("', '", "'; '"), ("', '.join", "', '.strip"), ("pathlib.Path", "pathlib.PurePath")),
    ),
}  # fmt: skip

EDITED = {
    "its body": ("def f(x):\n    return x + 1\nmachine = arr(f)\n", ("x + 1", "x + 2")),
    "lines above it": ("A = 1\ndef f(x):\n    return x + 1\nmachine = arr(f)\n", ("A = 1", "A = 1\nB = 2")),
    "a lambda before it": ("both = lambda x: 11, lambda x: (x, 2)\nmachine = arr(both[1])\n", ("11", "(x, 3)")),
    "a helper": ("def g(x):\n    return 1\nmachine = arr(lambda x: g(x))\n", ("return 1", "return 2")),
    "a method": ("class A:\n    def g(self):\n        return 1\nmachine = arr(lambda x: A().g())\n", ("return 1", "return 2")),
    "all of it": ("def f(x):\n    return x + 1\nmachine = arr(f)\n", ("def f(x):\n", "no python\n")),
}  # fmt: skip
"""Programs whose file is edited once they are imported: they have no digest until they are imported again."""

ELSEWHERE = ("def f(x):\n    return x + 1\nmachine = arr(f)\nA = 1\n", ("A = 1", "A = 2\nB = 3"))
"""An edit of the file that leaves the function as it was."""

REFUSED = {
    "no source": ("names = {}\nexec('def f(x):\\n    return x', names)\nmachine = arr(names['f'])\n", "has no source", "Define it in a file"),
    "a method with no source": (
        "class A:\n    pass\nexec('def g(self):\\n    return 1')\nA.g = g\nmachine = arr(lambda x: A().g())\n",
        "has no source",
        "Define it in a file",
    ),
    "a module handed on": ("import moved_here as m\ndef f(x):\n    n = m\n    return m.helper(n.RATE)\nmachine = arr(f)\n", "module object", "plain data"),
    "a cache": ("import functools\n@functools.cache\ndef f(x):\n    return x\nmachine = arr(f)\n", "cannot be identified", "plain data"),
    "a cached helper": ("import functools\n@functools.lru_cache\ndef g(x):\n    return x\nmachine = arr(lambda x: g(x))\n", "cannot be identified", "plain data"),
    "a library's wrapper with state": (
        "import functools\n@functools.singledispatch\ndef f(x):\n    return x\nmachine = arr(f)\n",
        "cannot be identified",
        "plain data",
    ),
    "randomness": ("import random\nmachine = arr(lambda x: random.random())\n", "uses random.random, which gives", "After"),
    "a clock itself": ("import time\nmachine = arr(time.time_ns)\n", "uses time.time_ns, which gives", "After"),
    "now under another name": (
        "import datetime\nnow = datetime.datetime.now\nmachine = arr(lambda x: now())\n", "uses now, which gives", "After"
    ),
    "a clock": ("import time\nmachine = arr(lambda x: time.time())\n", "uses time.time, which gives", "After"),
    "today": ("import datetime\nmachine = arr(lambda x: datetime.date.today())\n", "uses datetime.date.today, which gives", "After"),
    "a number of its own": ("import uuid\nmachine = arr(lambda x: uuid.uuid4().hex)\n", "uses uuid.uuid4, which gives", "After"),
    "a file": ("import json\nmachine = arr(lambda x: json.load(open(x)))\n", "uses open, which gives", "After"),
    "the environment": ("import os\nmachine = arr(lambda x: os.getenv(x))\n", "uses os.getenv, which gives", "After"),
    "a partial of hidden state": (
        "import functools\nN = 0\ndef g(x, y):\n    global N\n    N += x\n    return N\nmachine = arr(functools.partial(g, 1))\n",
        "writes the global 'N'",
        "Keep state in a cell",
    ),
    "an object in a class": ("class A:\n    lock = object()\nmachine = arr(lambda x: A)\n", "object object", "plain data"),
    "a list that holds itself": ("L = [abs]\nL.append(L)\nmachine = arr(lambda x: L)\n", "list object", "plain data"),
}  # fmt: skip
"""Programs without an identity, what is said of them, and the remedy."""


def programs() -> dict[str, str]:
    """Every program by the name of its module: the traps and each edit of them, and those that are refused."""
    found = {}
    for name, trap in WHAT_COUNTS.items():
        found[module(name)] = HEAD + trap.text
        for kind in ("same", "other"):
            for count, (before, after) in enumerate(getattr(trap, kind)):
                assert before in trap.text, (name, before)
                found[module(name, kind, count)] = HEAD + trap.text.replace(before, after, 1)
    found |= {module("refused", name): HEAD + text for name, (text, *_) in REFUSED.items()}
    found |= {module("edited", name): HEAD + text for name, (text, _) in EDITED.items()}
    found |= {module("before", name): HEAD + text for name, (text, _) in EDITED.items()}
    return {
        **found,
        module("elsewhere"): HEAD + ELSEWHERE[0],
        module("elsewhere", "before"): HEAD + ELSEWHERE[0],
    }


def edits() -> dict[str, Edit]:
    """What becomes of a program's file once it is imported."""
    return {
        **{module("edited", name): edit for name, (_, edit) in EDITED.items()},
        module("elsewhere"): ELSEWHERE[1],
    }


def module(*parts: object) -> str:
    """The name of a program's module."""
    return "_".join("".join(c if c.isalnum() else "_" for c in str(part)) for part in ("trap", *parts))
