"""A fourth node joins three under a steady load: how fast data moves to it, what that costs, and what clients feel.

The clock runs from the first sight of the move in the ring until the ring has changed hands, which waits for every
shard to be filled and compared on its new owner. Directives keep their defaults, among them transfer-rate, the anchor
of the rate. With three replicas on three nodes every key has a copy on each, so the joiner gets three of four keys.
"""

import time

from measured_cluster import Gone, Node, measured_cluster
from report import bytes_of, bytes_per_second, count, micro, milli, plain_seconds
from steady_load import SteadyLoad, between, longest_gap, percentile

PATIENCE_SECONDS = 900


class Move:
    """What was seen of a move: its figures are shown only as long as it lasts."""

    def __init__(self):
        self.began = self.ended = None
        self.keys = self.bytes = 0

    def look(self, founder, joiner):
        moving = b"\r\nmove:join" in founder.call("INFO", "cluster")
        if moving and self.began is None:
            self.began = time.monotonic()
        if self.began is not None and not moving:
            self.ended = time.monotonic()
        try:
            info = joiner.info("cluster")
        except Gone:
            return  # not listening yet
        self.keys = max(self.keys, int(info.get("move_keys", 0)))
        self.bytes = max(self.bytes, int(info.get("move_bytes", 0)))


def join(cluster):
    """Adds a node and follows the move to its end."""
    seeds = ",".join(node.bus for node in cluster.nodes)
    joiner = Node(cluster.binary, cluster.root, "joiner", [*cluster.options, "--cluster-seeds", seeds])
    move, end = Move(), time.monotonic() + PATIENCE_SECONDS
    joiner.start()
    cluster.nodes.append(joiner)
    with cluster.nodes[0].client(timeout=30) as founder:
        while move.ended is None:
            cluster.check_alive()
            move.look(founder, joiner)
            if time.monotonic() > end:
                raise SystemExit(f"rebalance: the node hasn't joined within {PATIENCE_SECONDS} s")
            time.sleep(0.02)
    return move


def run(options, report):
    report.note(f"rebalance: a node joins three with {options.keys} keys, {options.rate} operations a second")
    with measured_cluster(options) as cluster:
        cluster.fill(options, options.keys, options.size)
        limit = float(cluster.nodes[0].call("CONFIG", "GET", "transfer-rate")[1])
        with SteadyLoad([node.port for node in cluster.nodes], options) as load:
            time.sleep(1)  # connections are made, caches warm
            idle_begin, idle_cpu = time.monotonic(), cluster.cpu_seconds()
            time.sleep(options.seconds)
            idle_end, join_cpu = time.monotonic(), cluster.cpu_seconds()
            move = join(cluster)
            end_cpu = cluster.cpu_seconds()
        cluster.wait_settled(seconds=PATIENCE_SECONDS)
        settled = time.monotonic()
        cluster.check_alive()
    idle_rate = (join_cpu - idle_cpu) / (idle_end - idle_begin)
    cpu = end_cpu - join_cpu - idle_rate * (move.ended - idle_end)
    say_move(report, options, move, settled, limit, cpu)
    say_clients(report, between(load.samples, idle_begin, idle_end), idle_end - idle_begin,
                between(load.samples, move.began, move.ended), move)


def say_move(report, options, move, settled, limit, cpu):
    took = move.ended - move.began
    report.line("rebalance: from the move's begin to the new ring", took, plain_seconds)
    report.line("rebalance: keys that the joiner was sent", move.keys, count, options.keys * 3 / 4, "are its share")
    report.line("rebalance: bytes of them", move.bytes, bytes_of)
    report.line("rebalance: rate", move.bytes / took, bytes_per_second, limit, "transfer-rate")
    report.line("rebalance: CPU of all nodes beyond that of the load, per key sent", cpu / max(move.keys, 1), micro)
    report.line("rebalance: from the new ring until all is at rest", settled - move.ended, plain_seconds)


def say_clients(report, idle, idle_seconds, during, move):
    for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0)):
        report.line(f"rebalance: {name} of latency while it lasts", percentile(during, share), milli,
                    percentile(idle, share), f"in the {idle_seconds:.0f} s before")
    report.line("rebalance: longest time without any success", longest_gap(during, move.began, move.ended), milli)
    report.limit("rebalance: errors, or no answer at all", sum(sample.kind != "ok" for sample in during), count, 0)
