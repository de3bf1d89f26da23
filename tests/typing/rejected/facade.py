"""The types survive the import from midflight."""
# pyright: strict, reportUnusedExpression=false

import midflight


def show(x: int) -> str:
    return str(x)


s = midflight.arr(show)

midflight.compose(s, s)  # error: takes int
midflight.switch((str, s))  # error: takes int
midflight.loop(s, init=0, name="n")  # error: takes no pair
midflight.run(s, ["a"])  # error: takes int
midflight.nothing()  # error: no such name
