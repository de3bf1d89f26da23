"""What `midflight bench` measures. An installed copy holds this folder as `runtime.benchmarks`."""

from . import journal, language, libraries, memory, node, pause, sockets

BENCHES = (
    *language.BENCHES,
    *node.BENCHES,
    *journal.BENCHES,
    *pause.BENCHES,
    *memory.BENCHES,
    *sockets.BENCHES,
    *libraries.BENCHES,
)
