"""A node with much data is killed (SIGKILL) and started again: until it answers, and until its copy is proven.

It answers a GET sooner than it has proven what it has, by asking the others. Its own copy counts again once each of its
shards has been compared with the other owners (docs/ARCHITECTURE.md, "The life of a node failure").
"""

import time

from measured_cluster import Gone, measured_cluster
from report import plain_seconds
from cluster_harness import ErrorReply

PATIENCE_SECONDS = 300


def until_it_answers(node, value_bytes):
    """Seconds from the start of its process to the first GET that finds the value."""
    begin = time.monotonic()
    node.start()
    while time.monotonic() < begin + PATIENCE_SECONDS:
        try:
            if len(node.call("GET", "key:000000000000")) == value_bytes:
                node.is_back()
                return time.monotonic() - begin
        except (Gone, ErrorReply):  # not listening, loading, or it knows of nobody yet
            time.sleep(0.005)
    raise SystemExit(f"start: {node.name} doesn't answer within {PATIENCE_SECONDS} s")


def run(options, report):
    report.note(f"start: a node of three with {options.keys} keys")
    with measured_cluster(options) as cluster:
        cluster.fill(options, options.keys, options.size)
        cluster.wait_settled()
        victim = cluster.nodes[-1]
        victim.kill()
        begin = time.monotonic()
        report.line("start of a node that was killed: to the first GET", until_it_answers(victim, options.size),
                    plain_seconds)
        cluster.wait_settled(seconds=PATIENCE_SECONDS)
        report.line("start of a node that was killed: until all its shards are settled", time.monotonic() - begin,
                    plain_seconds)
        cluster.check_alive()
