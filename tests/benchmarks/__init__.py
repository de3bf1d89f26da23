"""What `midflight bench` measures. An installed copy holds this folder as `runtime.benchmarks`."""

from . import language, libraries, memory, node

BENCHES = (*language.BENCHES, *node.BENCHES, *memory.BENCHES, *libraries.BENCHES)
