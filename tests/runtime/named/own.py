"""An application of a program that is imported: what it is kept as has classes of its own."""

import attrs

from arrows.notation import proc
from runtime.application import Application


@attrs.frozen
class Paid:
    cents: int

    def euros(self) -> float:
        return self.cents / 100


@proc
def till(cents: int, *, paid: int = 0) -> Paid:
    paid += cents
    return Paid(paid)


app = Application("own", version="1", machines={"till": till})
