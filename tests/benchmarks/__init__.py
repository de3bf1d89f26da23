"""What `midflight bench` measures. An installed copy holds this folder as `runtime.benchmarks`."""

from . import journal, language, libraries, memory, migrating, node, pause, registries, sockets, sweeping

BENCHES = (
    *language.BENCHES,
    *migrating.BENCHES,
    *node.BENCHES,
    *journal.BENCHES,
    *pause.BENCHES,
    *sweeping.BENCHES,
    *memory.BENCHES,
    *sockets.BENCHES,
    *libraries.BENCHES,
    *registries.BENCHES,
)
