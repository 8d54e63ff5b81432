#!/usr/bin/env python3
"""Real nodes, real faults: what clients were told stays true, and they are told nothing wrong meanwhile.

Each scenario starts a cluster of its own in a directory of its own. Loaders (cluster_load.py) record every
acknowledgement while nodes are killed, frozen, cut off, added, drained and replaced; afterwards each
acknowledged write has to be there, counters have to be exact but for what is in doubt, and all replicas equal.
While it runs clients may see closed connections and -INDOUBT for what was in flight, and nothing else, as long
as a quorum lives.

usage: cluster_test.py SERVER [SCENARIO ...] [--seed N] [--minutes M]
"""
import argparse
import os
import random
import subprocess
import sys
import time
import traceback

from cluster_harness import Cluster, ErrorReply, Gone, Workplace, as_map
from cluster_load import Load
from cluster_net import Network

SCENARIOS = {}


def scenario(function):
    SCENARIOS[function.__name__] = function
    return function


class Run:
    def __init__(self, arguments):
        self.binary = arguments.server
        self.seed = arguments.seed
        self.minutes = arguments.minutes
        self.random = random.Random(arguments.seed)

    def cluster(self, root, *options):
        return Cluster(self.binary, root, options)

    def rounds(self, least):
        """Round numbers: so many, or as many as --minutes allows."""
        end = time.monotonic() + 60 * self.minutes
        number = 0
        while number < least or time.monotonic() < end:
            number += 1
            yield number


def check_equal(cluster, seconds=60):
    """Repairs, and compares the hash trees' roots that all owners of each shard report."""
    deadline = time.monotonic() + seconds
    while True:
        roots = {}
        why = ""
        for node in cluster.nodes:
            report = as_map(node.call("TORC.REPAIR", timeout=60))
            if report["incomplete"] != 0:
                why = f"{node.name}: {report['incomplete']} shards weren't compared with all owners"
            for first, _, root, _ in report["shards"]:
                roots.setdefault(first, {})[node.name] = root
        different = {first: found for first, found in roots.items() if len(set(found.values())) > 1}
        if different:
            why = f"{len(different)} of {len(roots)} shards differ, such as {next(iter(different.items()))}"
        if not why:
            if len(roots) != 1024:
                raise AssertionError(f"{len(roots)} shards were reported")
            return
        if time.monotonic() > deadline:
            raise AssertionError(f"replicas don't become equal within {seconds} s: {why}")
        time.sleep(0.5)


def check_all(cluster, load, exclusive=True):
    """At rest: everything acknowledged is there, through every node, and replicas are equal."""
    cluster.check_alive()
    cluster.wait_settled()
    for node in cluster.nodes:
        with node.client() as client:
            count = load.verify(client, f"through {node.name}")
    check_equal(cluster)
    for node in cluster.nodes:
        with node.client() as client:
            client.call("READONLY")
            load.verify(client, f"own copy of {node.name}")
    check_locks(cluster, load, exclusive)
    load.raise_problems()
    print(f"  {count} keys right on {len(cluster.nodes)} nodes", flush=True)


def check_locks(cluster, load, exclusive):
    """Nobody else is granted a lock, as long as the nodes don't take one for dead that isn't."""
    twice = load.granted_twice()
    if not twice or not exclusive:
        return
    text = f"{len(twice)} locks granted twice:" + "".join(f"\n    {line}" for line in twice[:5])
    misjudged = cluster.misjudged()
    if not misjudged:
        raise AssertionError(text)
    print(f"  {text}\n  by nodes that a busy machine misled:\n    " + "\n    ".join(misjudged[:5]), flush=True)


# ---- scenarios


def each_key_once(node, expected):
    with node.client() as client:
        size = client.call("DBSIZE")
        keys = client.call("KEYS", "*")
        cursor, scanned = b"0", []
        while True:
            cursor, page = client.call("SCAN", cursor, "COUNT", 100)
            scanned += page
            if cursor == b"0":
                break
        random_key = client.call("RANDOMKEY")
    assert size == len(expected), f"{node.name}: DBSIZE {size}, {len(expected)} expected"
    assert sorted(keys) == sorted(expected), f"{node.name}: KEYS answers {len(keys)}, {len(expected)} expected"
    assert set(scanned) == expected, f"{node.name}: SCAN finds {len(set(scanned))}, {len(expected)} expected"
    assert len(scanned) == len(set(scanned)), f"{node.name}: SCAN shows {len(scanned)} for {len(set(scanned))} keys"
    assert random_key in expected, f"{node.name}: RANDOMKEY {random_key}"


def commands_through(cluster, node):
    """Single keys of every family, several keys at once, and a transaction, each through this node."""
    with node.client() as client:
        call = client.call
        p = node.name + ":"
        for i in range(40):  # keys of many slots, so that each node coordinates some
            k = f"{p}{i}"
            assert call("SET", k, f"v{i}") == b"OK"
            assert call("GET", k) == b"v%d" % i
            assert call("APPEND", k, "!") == len(f"v{i}") + 1
            assert call("STRLEN", k) == len(f"v{i}") + 1
            assert call("GETRANGE", k, 0, 0) == b"v"
            assert call("SETRANGE", k, 0, "w") == len(f"v{i}") + 1
            assert call("SET", k, "x", "NX") is None
            assert call("SET", k, f"{i}", "XX", "GET") == b"w%d!" % i
            assert call("INCR", k) == i + 1
            assert call("INCRBY", k, 10) == i + 11
            assert call("DECRBY", k, 10) == i + 1
            assert float(call("INCRBYFLOAT", k, "0.5")) == i + 1.5
            assert call("EXPIRE", k, 100) == 1
            assert 0 < call("TTL", k) <= 100
            assert call("PERSIST", k) == 1
            assert call("TYPE", k) == b"string"
            assert call("GETDEL", k) is not None
            assert call("EXISTS", k) == 0
            assert call("SETBIT", k, 7, 1) == 0
            assert call("BITCOUNT", k) == 1
            assert call("DEL", k) == 1
            assert call("GET", k) is None
        pairs = [f"{p}m{i}" for i in range(100)]
        assert call("MSET", *[word for k in pairs for word in (k, k)]) == b"OK"
        assert call("MGET", *pairs, "none") == [k.encode() for k in pairs] + [None]
        assert call("EXISTS", *pairs) == 100
        assert call("TOUCH", *pairs) == 100
        assert call("UNLINK", *pairs[:50]) == 50
        assert call("DEL", *pairs) == 50
        tagged = [f"{{{p}}}{i}" for i in range(3)]
        assert call("MULTI") == b"OK"
        for k in tagged:
            assert call("INCR", k) == b"QUEUED"
        assert call("EXEC") == [1, 1, 1]
        assert call("RENAME", tagged[0], tagged[1]) == b"OK"
        assert call("COPY", tagged[1], tagged[0]) == 1
        assert call("DEL", *tagged) == 3
        try:
            call("RENAME", f"{p}a", f"{p}b")
            raise AssertionError("RENAME across slots went through")
        except ErrorReply as error:
            assert error.code == "CROSSSLOT", error
        # 1000 commands in one go, their replies in order.
        commands = [("INCR", f"{p}n{i % 7}") for i in range(1000)]
        assert client.pipeline(commands) == [i // 7 + 1 for i in range(1000)]
        assert call("DEL", *[f"{p}n{i}" for i in range(7)]) == 7
    # What one node was told, the others know.
    for other in cluster.nodes:
        with other.client() as reader, node.client() as writer:
            for i in range(20):
                key = f"{p}{other.name}:{i}"
                writer.call("SET", key, i)
                assert reader.call("GET", key) == b"%d" % i
                reader.call("DEL", key)
                assert writer.call("GET", key) is None


def work_of_stock_commands(run, count):
    with Workplace("form") as root:
        cluster = run.cluster(root).form(count)
        for node in cluster.nodes:
            commands_through(cluster, node)
        expected = {b"key:%d" % i for i in range(1500)}
        with cluster.nodes[-1].client() as client:
            client.pipeline([("SET", key, "v") for key in sorted(expected)])
        for node in cluster.nodes:
            each_key_once(node, expected)
        # And with one node down, through those that are left.
        dead = cluster.nodes[run.random.randrange(count)]
        dead.kill()
        living = [node for node in cluster.nodes if node is not dead]
        cluster.wait_for("a dead node is seen", lambda: all(
            any(member["state"] == b"down" for member in node.members()) for node in living), 20)
        for node in living:
            each_key_once(node, expected)
        dead.start().wait_ready()
        cluster.wait_settled()
        for node in cluster.nodes:
            each_key_once(node, expected)
        assert cluster.nodes[0].call("FLUSHALL") == b"OK"
        for node in cluster.nodes:
            assert node.call("DBSIZE") == 0
        check_equal(cluster)
        cluster.stop()


@scenario
def three_nodes(run):
    """(a) every command through every node; each key once"""
    work_of_stock_commands(run, 3)


@scenario
def five_nodes(run):
    """(a) the same with more nodes than replicas"""
    work_of_stock_commands(run, 5)


def kills(run, nodes, rounds, seconds):
    with Workplace("kills") as root:
        cluster = run.cluster(root).form(nodes)
        with Load(cluster, run.random.random(), strict_reads=nodes == 3) as load:
            time.sleep(1)
            for _ in run.rounds(rounds):
                victim = cluster.nodes[run.random.randrange(nodes)]
                victim.kill()
                load.note(f"{victim.name} killed")
                time.sleep(run.random.uniform(0.2, seconds))
                victim.start().wait_ready()
                load.note(f"{victim.name} ready")
                cluster.wait_settled()
                load.note("settled")
        check_all(cluster, load)
        cluster.stop()


@scenario
def kill_and_restart(run):
    """(b) one node after another dies by SIGKILL and comes back"""
    kills(run, 3, 5, 4)


@scenario
def kill_one_of_five(run):
    """(b) with fallbacks that keep the dead node's share"""
    kills(run, 5, 3, 4)


@scenario
def all_at_once(run):
    """(b) every node dies at the same moment"""
    with Workplace("all") as root:
        cluster = run.cluster(root).form(3)
        with Load(cluster, run.random.random(), allowed=("INDOUBT", "NOREPLICAS", "LOADING", "CLUSTERDOWN")) as load:
            for _ in run.rounds(2):
                time.sleep(1.5)
                for node in cluster.nodes:
                    node.kill()
                load.note("all killed")
                for node in run.random.sample(cluster.nodes, 3):
                    node.start()
                for node in cluster.nodes:
                    node.wait_ready()
                    load.note(f"{node.name} ready")
                cluster.wait_settled()
                load.note("settled")
        check_all(cluster, load)
        cluster.stop()


@scenario
def frozen(run):
    """(c) one node stands still for ten seconds under load, and goes on"""
    with Workplace("frozen") as root:
        cluster = run.cluster(root).form(3)
        with Load(cluster, run.random.random(), patience=15) as load:
            for _ in run.rounds(1):
                time.sleep(1)
                victim = cluster.nodes[run.random.randrange(3)]
                victim.freeze()
                time.sleep(10)
                victim.thaw()
                time.sleep(1)
                cluster.wait_settled()
        check_all(cluster, load)
        cluster.stop()


@scenario
def join_and_drain(run):
    """(e) a fourth node joins under load; another one drains under load and leaves"""
    with Workplace("join") as root:
        cluster = run.cluster(root).form(3)
        with Load(cluster, run.random.random()) as load:
            time.sleep(2)
            cluster.add()
            cluster.wait_settled()
            print("  joined", flush=True)
            time.sleep(1)
            leaver = cluster.nodes[run.random.randrange(3)]
            name = leaver.id()
            assert leaver.call("TORC.DRAIN") == b"OK"
            cluster.remove(leaver)  # workers take their next connection elsewhere
            cluster.wait_for("the drained node has left the ring",
                             lambda: all(len(node.ring()["members"]) == 3 for node in (leaver, *cluster.nodes)))
            # What came after that to the node that left is still answered rightly, and it keeps nothing.
            cluster.wait_for("the drained node is empty", lambda: empty(leaver))
            leaver.terminate()
            for node in cluster.nodes:
                assert node.call("CLUSTER", "FORGET", name) == b"OK"
            time.sleep(1)
        check_all(cluster, load)
        cluster.stop()


def empty(node):
    return node.info("cluster").get("foreign_bytes", node.info("cluster").get("hints_bytes")) == "0"


@scenario
def replace(run):
    """(e) a node is gone for good; an empty one takes its place under load"""
    with Workplace("replace") as root:
        cluster = run.cluster(root).form(3)
        with Load(cluster, run.random.random()) as load:
            time.sleep(2)
            dead = cluster.nodes[run.random.randrange(3)]
            name = dead.id()
            dead.kill()
            cluster.remove(dead)
            time.sleep(2)
            cluster.add("--cluster-replace", name)
            cluster.wait_settled()
            time.sleep(1)
        check_all(cluster, load)
        cluster.stop()


def partitioned(run, nodes, faults, allowed, seconds, **load_options):
    """`faults`: functions of (network, places) that each begin one; after each the network heals."""
    with Workplace("net") as root, Network() as network:
        cluster = run.cluster(root)
        places = [network.place() for _ in range(nodes)]
        for place in places:
            cluster.add("--protected-mode", "no", host=place.host, port=6379, prefix=place.prefix)
        cluster.wait_settled()
        with Load(cluster, run.random.random(), allowed=allowed, stale_decisions=True, **load_options) as load:
            time.sleep(1)
            for _ in run.rounds(1):
                for fault in faults:
                    before = load.operations
                    load.note(fault(network, run.random.sample(places, nodes)))
                    time.sleep(seconds)
                    # A busy machine takes its time to find out who is gone; then work goes on.
                    deadline = time.monotonic() + 4 * seconds
                    while load.operations < before + 100 and time.monotonic() < deadline:
                        time.sleep(0.2)
                    done = load.operations - before
                    network.heal()
                    load.note(f"healed; {done} operations meanwhile")
                    if done < 100:
                        raise AssertionError(f"only {done} operations in {5 * seconds} s")
                    cluster.wait_settled()
        check_all(cluster, load, exclusive=False)
        cluster.stop()


def isolate(network, places):
    network.cut(places[:1])
    return f"{places[0].host} is cut off"


def halve(network, places):
    network.cut(places[:2])
    return f"{places[0].host} and {places[1].host} are cut off"


def one_way(network, places):
    network.cut_one_way(places[0], places[1:])
    return f"nothing that {places[0].host} sends reaches another node"


def lose_a_third(network, _):
    network.lose(30)
    return "30 % loss between nodes"


# Whose client sits with a minority may be told so; nothing else.
MINORITY = ("INDOUBT", "NOREPLICAS", "LOADING")
# Both sides of a cut may write what all workers want: what only one side may decide isn't asked of them there.
MERGEABLE = ("write_unique", "count")


@scenario
def cut_off(run):
    """(d) one of three nodes isolated, then mute"""
    partitioned(run, 3, (isolate, one_way), MINORITY, 6, steps=MERGEABLE, patience=15)


@scenario
def halves(run):
    """(d) two of five nodes cut off: both sides take every write, by fallbacks"""
    partitioned(run, 5, (halve,), MINORITY, 8, steps=MERGEABLE, patience=15)


@scenario
def loss(run):
    """(d) 30 % of all packets between nodes are lost"""
    partitioned(run, 3, (lose_a_third,), MINORITY, 10, steps=MERGEABLE, patience=20)


@scenario
def small_disk(run):
    """(f) one node's disk is small and fills up: it refuses, the cluster goes on"""
    with Workplace("disk") as root:
        cluster = run.cluster(root).form(2)
        small = os.path.join(root, "node3")
        os.mkdir(small)
        mount(small, 24)
        try:
            node = cluster.add("--segment-size", "1mb")
            cluster.wait_settled()
            healthy = cluster.nodes[:2]
            with Load(cluster, run.random.random(), nodes_for=lambda worker: healthy,
                      allowed=("INDOUBT",)) as load:
                # 40 MB, through nodes that have room.
                with healthy[0].client(timeout=30) as client:
                    for i in range(400):
                        set_for_certain(client, f"big:{i}", os.urandom(100_000))
                used = disk_used(small)
                print(f"  {used >> 20} of 24 MB used", flush=True)
                cluster.wait_for("the small disk is full", lambda: disk_used(small) > 22 << 20, 20)
                time.sleep(2)
            cluster.check_alive()
            load.raise_problems()
            for other in healthy:
                with other.client() as client:
                    load.verify(client, f"through {other.name}")
            # Room is made: the node takes part again, and catches up.
            for i in range(400):
                assert healthy[1].call("DEL", f"big:{i}") == 1
            mount(small, 512, "remount,")
            cluster.wait_for("the node writes again", lambda: can_write(node))
            check_all(cluster, load)
            cluster.stop()
        finally:
            cluster.stop()
            command("umount", "-l", small)


def set_for_certain(client, key, value):
    """What was under way when the disk became full may be in doubt."""
    for _ in range(5):
        try:
            return client.call("SET", key, value)
        except ErrorReply as error:
            if error.code != "INDOUBT":
                raise
    raise AssertionError(f"{key} stays in doubt")


def mount(directory, megabytes, how=""):
    command("mount", "-t", "tmpfs", "-o", f"{how}size={megabytes}m", "tmpfs", directory)


def command(*words):
    done = subprocess.run(words, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(words)}: {done.stdout.strip()}")


def disk_used(directory):
    stat = os.statvfs(directory)
    return (stat.f_blocks - stat.f_bfree) * stat.f_frsize


def can_write(node):
    try:
        return node.call("SET", "probe", "v") == b"OK"
    except ErrorReply:
        return False


@scenario
def data_comes_along(run):
    """(g) a node that was alone and holds data joins: its keys become the cluster's"""
    with Workplace("along") as root:
        cluster = run.cluster(root).form(2)
        cluster.nodes[0].call("SET", "both", "cluster")
        alone = Cluster(run.binary, root, name="alone").add()
        # A cluster of one that is then told to meet the others.
        assert alone.call("DBSIZE") == 0
        with alone.client() as client:
            client.pipeline([("SET", f"alone:{i}", i) for i in range(2000)])
            client.call("SET", "with-ttl", "v", "EX", 1000)
        assert alone.call("CLUSTER", "MEET", cluster.nodes[0].host, cluster.nodes[0].port) == b"OK"
        cluster.nodes.append(alone)
        cluster.wait_settled(3)
        # And one that has never heard of clusters before.
        plain = Cluster(run.binary, root, name="plain")
        plain.options = ["--appendonly", "yes"]
        single = plain.add()
        with single.client() as client:
            client.pipeline([("SET", f"plain:{i}", i) for i in range(2000)])
        single.terminate()
        single.options = [*cluster.options, "--cluster-seeds", cluster.nodes[0].bus]
        single.start().wait_ready()
        cluster.nodes.append(single)
        cluster.wait_settled(4)
        # What isn't the newcomer's to keep, it hands to those who own it.
        cluster.wait_for("everything is with its owners",
                         lambda: all(node.info("cluster")["hints_pending"] == "0" for node in cluster.nodes))
        for node in cluster.nodes:
            assert node.call("DBSIZE") == 4002, f"{node.name}: {node.call('DBSIZE')} keys"
            with node.client() as client:
                for kind in ("alone", "plain"):
                    values = client.pipeline([("GET", f"{kind}:{i}") for i in range(2000)])
                    assert values == [b"%d" % i for i in range(2000)]
                assert 900 < client.call("TTL", "with-ttl") <= 1000
        check_equal(cluster)
        cluster.stop()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("server")
    parser.add_argument("scenarios", nargs="*")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--minutes", type=float, default=0, help="let each scenario that has rounds go on so long")
    arguments = parser.parse_args()
    failed = []
    for name in arguments.scenarios or SCENARIOS:
        print(f"{name}: seed {arguments.seed}", flush=True)
        began = time.monotonic()
        try:
            SCENARIOS[name](Run(arguments))
            print(f"{name}: ok, {time.monotonic() - began:.1f} s", flush=True)
        except (AssertionError, Gone, ErrorReply) as error:
            failed.append(name)
            traceback.print_exc(file=sys.stdout)
            print(f"{name}: FAILED after {time.monotonic() - began:.1f} s", flush=True)
    if failed:
        print("FAILED: " + " ".join(failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
