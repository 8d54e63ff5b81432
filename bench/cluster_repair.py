"""What it costs to make replicas equal again when 0, 1, 100 and 10,000 of their keys differ.

One of three nodes is frozen until the others take it for down; meanwhile so many keys, drawn from all, are written with
new values. Then it goes on, distrusts its whole copy, and compares every shard with the others (docs/ARCHITECTURE.md,
"The life of a node failure"). Counted from there until it has settled: bytes and messages that the three sent each
other, CPU of all three, and time. The line for 0 keys is what comparing a million equal keys costs, gossip included;
the others are to exceed it in proportion to what differs. Afterwards the node's own copy of every key is read.
"""

import random
import time

from measured_cluster import measured_cluster
from report import bytes_of, count, milli, plain_seconds

# A cell is the value with its dot and lengths (docs/OPERATIONS.md, "Sizes"); the key comes on top.
KEY_BYTES, CELL_BYTES = 16, 25


def sent(node):
    figures = {**node.info("cluster"), **dict(
        line.split(":", 1) for line in node.call("CLUSTER", "INFO").decode().split("\r\n") if ":" in line)}
    return int(figures["bus_bytes_sent"]), int(figures["cluster_stats_messages_sent"])


def total(pairs):
    return tuple(sum(column) for column in zip(*pairs))


def is_down(node, victim_id):
    return any(member["id"] == victim_id and member["state"] == b"down" for member in node.members())


def settle(victim, seconds=300):
    """Until the node has been unsettled and isn't any more."""
    seen, end = False, time.monotonic() + seconds
    with victim.client(timeout=30) as client:
        while time.monotonic() < end:
            info = client.call("INFO", "cluster").decode()
            unsettled = "\r\nunsettled_shards:0\r\n" not in info
            seen = seen or unsettled
            if seen and not unsettled:
                return
            time.sleep(0.02)
    raise SystemExit(f"repair: {victim.name} isn't settled within {seconds} s of going on")


def diverge(cluster, victim, numbers, options, tag):
    """Freezes the victim, and writes those keys through another node; returns the new value."""
    others = [node for node in cluster.nodes if node is not victim]
    victim_id = victim.id().encode()
    victim.freeze()
    cluster.wait_for("the frozen node is taken for down", lambda: all(is_down(node, victim_id) for node in others))
    value = tag.encode().ljust(options.size, b".")
    with others[0].client(timeout=30) as client:
        replies = client.pipeline([("SET", b"key:%012d" % number, value) for number in numbers])
    if any(reply != b"OK" for reply in replies):
        raise SystemExit(f"repair: writes failed with one node down: {next(r for r in replies if r != b'OK')}")
    time.sleep(1)  # what comes after a write has come
    return value


def check(victim, numbers, value):
    with victim.client(timeout=30) as client:
        client.call("READONLY")
        replies = client.pipeline([("GET", b"key:%012d" % number) for number in numbers])
    wrong = sum(reply != value for reply in replies)
    if wrong:
        raise SystemExit(f"repair: {wrong} of {len(numbers)} keys aren't on the settled node")


def run(options, report):
    generator = random.Random(1)
    nothing = None
    with measured_cluster(options) as cluster:
        cluster.fill(options, options.keys, options.size)
        cluster.wait_settled()
        victim = cluster.nodes[-1]
        for divergent in options.divergent:
            divergent = min(divergent, options.keys)
            report.note(f"repair: {divergent} of {options.keys} keys")
            numbers = generator.sample(range(options.keys), divergent)
            # A frozen node sends nothing, and can't be asked.
            victim_before = sent(victim)
            value = diverge(cluster, victim, numbers, options, f"{divergent} differ")
            before = total([victim_before, *(sent(node) for node in cluster.nodes if node is not victim)])
            cpu_before, began = cluster.cpu_seconds(), time.monotonic()
            victim.thaw()
            settle(victim)
            took, cpu = time.monotonic() - began, cluster.cpu_seconds() - cpu_before
            after = total([sent(node) for node in cluster.nodes])
            check(victim, numbers, value)
            cluster.wait_settled()
            figures = {"bytes": after[0] - before[0], "messages": after[1] - before[1], "cpu": cpu, "time": took}
            nothing = nothing or figures
            say(report, divergent, options, figures, nothing)
        cluster.check_alive()


def say(report, divergent, options, figures, nothing):
    what = f"repair: {divergent} of {options.keys} keys differ"
    beside = "" if figures is nothing else f"with {options.divergent[0]}"
    for name, show in (("bytes", bytes_of), ("messages", count), ("cpu", milli), ("time", plain_seconds)):
        report.line(f"{what}: {'CPU' if name == 'cpu' else name}", figures[name], show,
                    nothing[name] if beside else None, beside)
    if beside and divergent:
        cells = divergent * (KEY_BYTES + CELL_BYTES + options.size)
        report.line(f"{what}: bytes beyond those with {options.divergent[0]}", figures["bytes"] - nothing["bytes"],
                    bytes_of, cells, "of keys and cells")
