"""CPU time per operation, summed over three nodes, beside Redis with one master and two asynchronous replicas.

Both get the same load of the same generator: keys drawn evenly from those that are there, values of the same size.
`direct`: every command goes to its key's first owner, as a cluster client sends it. `forwarded`: all connections go
to one node, which passes two of three commands on. W and R: how many replicas have to answer. What replicas do after
the last reply counts too: the clock stops when they have caught up.
"""

import contextlib
import time

from measured_cluster import load, measured_cluster
from report import micro
from servers import Server

LEVELS = {"SET": {1: "one", 2: "quorum", 3: "all"}, "GET": {1: "one", 2: "quorum"}}
# BARS of the design: acknowledged by two nodes, depth 16 and 64.
BARS = {("SET", 2, "direct", 16): 0.35, ("SET", 2, "direct", 64): 0.35,
        ("SET", 2, "forwarded", 16): 0.45, ("SET", 2, "forwarded", 64): 0.45}


class RedisTrio:
    """A master and two replicas that follow it asynchronously."""

    def __init__(self, options, log_words):
        words = ["--save", "", "--repl-diskless-sync-delay", "0", *log_words]
        with contextlib.ExitStack() as stack:
            self.master = stack.enter_context(Server("redis master", options.redis, words))
            following = [*words, "--replicaof", "127.0.0.1", str(self.master.port)]
            self.replicas = [stack.enter_context(Server("redis replica", options.redis, following)) for _ in range(2)]
            for replica in self.replicas:
                self.wait_until(lambda replica=replica: replica.info("master_link_status") == "up")
            self.stack = stack.pop_all()

    @staticmethod
    def wait_until(condition, seconds=60):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise SystemExit("redis' replicas don't catch up")
            time.sleep(0.01)

    def catch_up(self):
        for replica in self.replicas:
            self.wait_until(lambda replica=replica: replica.info("slave_repl_offset") ==
                            self.master.info("master_repl_offset"))

    def cpu_seconds(self):
        return sum(server.cpu_seconds() for server in (self.master, *self.replicas))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stack.close()


def operations(options, depth):
    return options.operations // 10 if depth == 1 else options.operations


def cost(options, servers, port, verb, depth, **more):
    """Seconds of all servers' CPU per operation."""
    count = operations(options, depth)
    before = servers.cpu_seconds()
    load(options, port, "run", on_one_processor=True, keys=options.keys, size=options.size, depth=depth,
         connections=50, operations=count, writes=100 if verb == "SET" else 0, **more)
    servers.catch_up()
    return (servers.cpu_seconds() - before) / count


def redis_costs(options, log_words):
    with RedisTrio(options, log_words) as trio:
        load(options, trio.master.port, "fill", keys=options.keys, size=options.size)
        trio.catch_up()
        return {(verb, depth): cost(options, trio, trio.master.port, verb, depth)
                for verb in LEVELS for depth in options.depths}


def log_directives(log):
    return ["--appendonly", "yes", "--appendfsync", "everysec"] if log == "on" else ["--appendonly", "no"]


def run(options, report):
    for log in options.logs:
        log_words = log_directives(log)
        report.note(f"cpu, log {log}: Redis with two replicas")
        anchors = redis_costs(options, log_words)
        report.note(f"cpu, log {log}: three nodes")
        with measured_cluster(options, *log_words) as cluster:
            # Replicas have what was sent to them long before the next poll of a Redis replica would be over.
            cluster.catch_up = lambda: time.sleep(0.1)
            cluster.fill(options, options.keys, options.size)
            ways = {"direct": {"owners": cluster.owners_file()}, "forwarded": {}}
            for verb, levels in LEVELS.items():
                for level, name in levels.items():
                    cluster.configure("write-consistency" if verb == "SET" else "read-consistency", name)
                    for way, more in ways.items():
                        for depth in options.depths:
                            figure = cost(options, cluster, cluster.nodes[0].port, verb, depth, **more)
                            what = f"CPU of {verb}, {'W' if verb == 'SET' else 'R'}={level}, {way}, depth {depth}"
                            report.line(f"{what}, log {log}", figure, micro, anchors[verb, depth],
                                        "Redis + 2 replicas", BARS.get((verb, level, way, depth)))
            cluster.check_alive()
