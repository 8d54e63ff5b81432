"""RAM of a key on a node of a cluster: what RSS grows by while keys are written, over their copies.

Three replicas on three nodes, so that each node has every key. The anchor is what the client sent: key and value.
bench/compare has the same of a node alone.
"""

import time

from cluster_cpu import log_directives
from measured_cluster import measured_cluster
from report import count_bytes
from servers import resident_bytes

KEY_BYTES = 16


def resident(cluster):
    return sum(resident_bytes(node.process.pid) for node in cluster.nodes)


def run(options, report):
    for log in options.logs:
        report.note(f"memory, log {log}: {options.keys} keys on each of three nodes")
        with measured_cluster(options, *log_directives(log)) as cluster:
            empty = resident(cluster)
            cluster.fill(options, options.keys, options.size)
            time.sleep(1)  # what comes after a write has come
            copies = options.keys * len(cluster.nodes)
            report.line(f"memory of a key, per copy, log {log}", (resident(cluster) - empty) / copies, count_bytes,
                        KEY_BYTES + options.size, "key and value")
            cluster.check_alive()
