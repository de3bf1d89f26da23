"""What midflight exports is what arrows exports, with its types."""
# pyright: strict

from typing import assert_type

import arrows
import midflight


def show(x: int) -> str:
    return str(x)


s: arrows.Arrow[int, str] = midflight.arr(show)

assert_type(midflight.compose(s, midflight.arr(len)), midflight.Arrow[int, int])
assert_type(midflight.switch((int, s)), arrows.Arrow[int, str])
assert_type(midflight.proc(show), arrows.Arrow[int, str])
assert_type(midflight.run(s, [1]), list[str])
assert_type(midflight.compile(s), midflight.Program[int, str])
