"""A cluster of Torc nodes under measurement: started by the integration tests' harness, loaded by bench-load."""

import contextlib
import os
import re
import subprocess
import sys

from servers import cpu_seconds, pinned  # it also says where the harness is
from cluster_harness import Cluster, Gone, Node, Workplace  # noqa: F401 (Gone, Node: for those who measure)


def load(options, port, verb, on_one_processor=False, **values):
    """Runs bench-load and returns its figures. A benchmark with errors or wrong answers measures nothing: it ends."""
    words = [options.loader, verb, "--port", str(port)]
    for name, value in values.items():
        words += [f"--{name}", str(value)]
    result = subprocess.run(pinned(words) if on_one_processor else words, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        sys.exit(f"{' '.join(words)}: {result.stdout.strip()} {result.stderr.strip()}")
    return {name: float(value) for name, value in re.findall(r"(\w+)=([\d.]+)", result.stdout)}


class MeasuredCluster(Cluster):
    def cpu_seconds(self):
        return sum(cpu_seconds(node.process.pid) for node in self.nodes)

    def configure(self, name, value):
        for node in self.nodes:
            node.call("CONFIG", "SET", name, value)

    def fill(self, options, keys, size):
        load(options, self.nodes[0].port, "fill", keys=keys, size=size)

    def owners_file(self):
        """Who coordinates what, as bench-load --owners reads it."""
        path = os.path.join(self.root, "owners")
        with open(path, "w") as file:
            for first, last, owner, *_ in self.nodes[0].call("CLUSTER", "SLOTS"):
                file.write(f"{first} {last} {owner[1]}\n")
        return path


@contextlib.contextmanager
def measured_cluster(options, *directives, nodes=3):
    """Comparisons that start by the clock would be measured along with what is to be: they are put off."""
    with Workplace("bench-cluster") as root:
        cluster = MeasuredCluster(options.torc, root, ["--anti-entropy-interval", "3600",
                                                       "--io-threads", str(options.io_threads), *directives])
        try:
            yield cluster.form(nodes)
        finally:
            cluster.stop()
