"""A node dies or freezes under load: how long its death takes to be seen, and what clients feel of it.

`killed`: SIGKILL, and the kernel closes its connections, to which clients and nodes react at once; clients speak to all
nodes. `frozen`: SIGSTOP, which looks like a machine that lost its power or its network; clients speak to the other two,
since how long a client waits for a silent server is its own affair.
"""

import contextlib
import statistics
import time

from measured_cluster import measured_cluster
from report import count, milli, plain_seconds
from steady_load import SteadyLoad, back_under, between, longest_gap, percentile

SUSPECTED_SECONDS, CONFIRMED_SECONDS, RECOVERED_SECONDS = 1.0, 3.0, 1.0
DETECTION_ANCHOR = "memberlist 4 s, Redis Cluster 15 s"
PATIENCE_SECONDS = 30


def strike(node, how):
    if how == "killed":
        node.kill()
    else:
        node.freeze()


def revive(cluster, node, how):
    if how == "killed":
        node.start().wait_ready()
    else:
        node.thaw()
    cluster.wait_settled()


# ---- detection


def watch(others, victim_id, since):
    """Seconds until the first of the others suspected it, and until all of them took it for down."""
    first_suspect, down_at = None, {}
    with contextlib.ExitStack() as stack:
        clients = {node.name: stack.enter_context(node.client()) for node in others}
        while len(down_at) < len(others):
            for name, client in clients.items():
                members = client.call("TORC.MEMBERS")
                state = next(member[member.index(b"state") + 1] for member in members if victim_id in member)
                now = time.monotonic() - since
                if state in (b"suspect", b"down") and first_suspect is None:
                    first_suspect = now
                if state == b"down":
                    down_at.setdefault(name, now)
            if time.monotonic() - since > PATIENCE_SECONDS:
                return first_suspect, None
            time.sleep(0.005)
    return first_suspect, max(down_at.values())


def detection(options, report):
    with measured_cluster(options) as cluster:
        for how in options.faults:
            suspected, confirmed = [], []
            for number in range(options.rounds):
                report.note(f"detection, {how}, round {number + 1}")
                victim = cluster.nodes[number % len(cluster.nodes)]
                others = [node for node in cluster.nodes if node is not victim]
                victim_id = victim.id().encode()
                since = time.monotonic()
                strike(victim, how)
                first, all_ = watch(others, victim_id, since)
                suspected.append(first)
                confirmed.append(all_)
                if (how, number + 1) != (options.faults[-1], options.rounds):
                    revive(cluster, victim, how)
            for what, times, bar in (("suspected by one", suspected, SUSPECTED_SECONDS),
                                     ("down for all others", confirmed, CONFIRMED_SECONDS)):
                worst = None if None in times else max(times)
                if worst is not None and len(times) > 1:
                    what += f", worst of {len(times)}; median {statistics.median(times):.2f} s"
                report.limit(f"detection: {how} node {what}", worst, plain_seconds, bar, DETECTION_ANCHOR)


# ---- what clients feel


def failover(options, report):
    for how in options.faults:
        report.note(f"failover, {how}: {options.rate} operations a second, half of them SETs")
        with measured_cluster(options) as cluster:
            cluster.fill(options, options.keys, options.size)
            victim = cluster.nodes[-1]
            spoken_to = [node for node in cluster.nodes if how == "killed" or node is not victim]
            with SteadyLoad([node.port for node in spoken_to], options) as load:
                time.sleep(1)  # connections are made, caches warm
                begin = time.monotonic()
                time.sleep(options.seconds)
                event = time.monotonic()
                strike(victim, how)
                time.sleep(options.seconds)
                end = time.monotonic()
            report_failover(report, how, load.samples, begin, event, end)
            cluster.check_alive()


def report_failover(report, how, samples, begin, event, end):
    # What was under way when the node died fell due a moment before.
    healthy = between(samples, begin, event - 0.1)
    after = between(samples, event - 0.1, end)
    for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0)):
        report.line(f"failover, {how}: {name} of latency in the {end - event:.0f} s after", percentile(after, share),
                    milli, percentile(healthy, share), "in health")
    report.line(f"failover, {how}: longest time without any success", longest_gap(samples, event, end), milli,
                longest_gap(samples, begin, event), "in health")
    report.limit(f"failover, {how}: p99 back under 2 x that in health, in windows of 250 ms, after",
                 back_under(samples, event, end, 2 * percentile(healthy, 0.99)), plain_seconds, RECOVERED_SECONDS)
    kinds = [sample.kind for sample in after]
    report.line(f"failover, {how}: -INDOUBT", kinds.count("INDOUBT"), count)
    report.limit(f"failover, {how}: other errors, or no answer at all",
                 sum(kind not in ("ok", "INDOUBT") for kind in kinds), count, 0)
    bad = sorted({kind for kind in kinds if kind not in ("ok", "INDOUBT")})
    if bad:
        report.note(f"failover, {how}: these were {', '.join(bad)}")
    report.line(f"failover, {how}: operations sent again, their connection broken",
                sum(sample.again for sample in after), count)
