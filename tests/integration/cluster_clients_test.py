#!/usr/bin/python3
"""Stock clients against three nodes: ordinary work, while one node is killed and comes back.

ioredis and node-redis (their cluster clients, pinned in node/package.json), python3-redis' RedisCluster, redis-cli -c
and --cluster check/info/call, redis-benchmark --cluster, and hiredis as a plain client of one node. Of clients that
aren't here (jedis, lettuce, go-redis, redis-rs, StackExchange.Redis) what they say first, and what they read of the
replies. cluster_handshakes.py has those.

usage: cluster_clients_test.py SERVER [TEST ...]
"""
import ctypes
import ctypes.util
import json
import os
import pathlib
import subprocess
import sys
import time
import unittest

import redis
import redis.cluster

import cluster_handshakes
from cluster_harness import Cluster, Workplace
from ending_test_case import EndingTestCase

HERE = pathlib.Path(__file__).resolve().parent
SERVER = None


def run(*command, timeout=60, **environment):
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout,
                          env={**os.environ, **environment}, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: status {done.returncode}:\n{done.stdout[-3000:]}")
    return done.stdout


class StockClients(EndingTestCase):
    def setUp(self):
        self.workplace = Workplace("clients")
        self.cluster = Cluster(SERVER, self.workplace.root).form(3)
        self.nodes = self.cluster.nodes
        self.port = str(self.nodes[0].port)

    def tearDown(self):
        self.cluster.check_alive()
        self.cluster.stop()

    def ended(self, failed):
        """The nodes' directories of a test that failed stay."""
        self.workplace.__exit__(AssertionError if failed else None)

    def kill(self, spared_port=None):
        """One node; not the one at this port."""
        self.killed = next(node for node in self.nodes[1:] if node.port != spared_port)
        self.killed.kill()

    def wait_until_seen(self):
        """That the killed one is down, by all others."""
        living = [node for node in self.nodes if node is not self.killed]
        self.cluster.wait_for("the dead node is seen", lambda: all(
            any(member["state"] == b"down" for member in node.members()) for node in living))

    def revive(self):
        self.killed.start().wait_ready()
        self.cluster.wait_settled()

    # ---- node

    def node_client(self, name):
        node = HERE / "node"
        if not (node / "node_modules").is_dir():
            run("npm", "ci", "--silent", "--no-audit", "--no-fund", "--prefix", str(node), timeout=120)
        worker = subprocess.Popen(["node", str(node / "cluster_work.mjs"), name, "8"], text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  env={**os.environ, "TORC_PORTS": ",".join(str(n.port) for n in self.nodes)})
        time.sleep(3)
        self.kill()
        try:
            output, _ = worker.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            worker.kill()
            self.fail(f"it hangs: {worker.communicate()[0]}")
        self.assertEqual(worker.returncode, 0, output)
        report = json.loads(output.strip().splitlines()[-1])
        print(f"  {name}: {report}", flush=True)
        self.assertGreater(report["done"], 100)
        self.assertGreater(report["doneLate"], 20, "it doesn't work any more with a node down")
        self.assertLessEqual(report["doneTwice"], 2)
        for message, count in report["refusals"]:
            self.assertNotIn("NOREPLICAS", message)
            if message == "no answer":  # from a connection to the killed node that the client takes for a good one
                self.assertEqual((name, count), ("node-redis", 1))
            self.assertLess(count, 100, message)
        self.revive()

    def test_ioredis(self):
        self.node_client("ioredis")

    def test_node_redis(self):
        self.node_client("node-redis")

    # ---- python3-redis

    def test_redis_py(self):
        client = redis.cluster.RedisCluster(host="127.0.0.1", port=self.nodes[0].port, decode_responses=True)
        self.assertEqual(len(client.get_nodes()), 3)
        self.assertTrue(client.cluster_info(target_nodes=client.get_random_node())["cluster_state"] == "ok")
        for i in range(200):
            self.assertTrue(client.set(f"k{i}", i))
            self.assertEqual(client.get(f"k{i}"), str(i))
        self.assertEqual(client.mget_nonatomic([f"k{i}" for i in range(200)]), [str(i) for i in range(200)])
        self.assertTrue(client.mset_nonatomic({f"m{i}": i for i in range(50)}))
        self.assertEqual(client.delete(*[f"m{i}" for i in range(50)]), 50)
        with client.pipeline() as pipeline:
            for i in range(100):
                pipeline.incr(f"n{i}")
            self.assertEqual(pipeline.execute(), [1] * 100)
        # Debian's redis-py 4.3.4 can't lose the first node of its own list, whatever the server: it gives up that
        # node's connection, begins its refresh there, and fails to deep-copy settings that hold its own locks.
        first = next(iter(client.nodes_manager.startup_nodes.values()))
        self.kill(spared_port=first.port)
        worked, refused = 0, []
        end = time.monotonic() + 6
        while time.monotonic() < end:
            for i in range(50):
                try:
                    client.set(f"k{i}", f"again{i}")
                    self.assertEqual(client.get(f"k{i}"), f"again{i}")
                    worked += 1
                except redis.exceptions.RedisError as error:
                    refused.append(repr(error))
        print(f"  redis-py: {worked} done with a node down, {len(refused)} refused {refused[:3]}", flush=True)
        self.assertGreater(worked, 500)
        self.assertLess(len(refused), 50)
        for i in range(200):
            self.assertIsNotNone(client.get(f"k{i}"))
        self.revive()

    def test_redis_py_commands(self):
        """What the client makes of the replies to CLUSTER's subcommands, and of keys all over the nodes."""
        client = redis.cluster.RedisCluster(host="127.0.0.1", port=self.nodes[0].port, decode_responses=True)
        node = client.get_node("127.0.0.1", self.nodes[0].port)
        names = {other.id() for other in self.nodes}
        mine = self.nodes[0].id()
        nodes = client.cluster_nodes()
        self.assertEqual({nodes[address]["node_id"] for address in nodes}, names)
        self.assertTrue(all("master" in nodes[address]["flags"] for address in nodes))
        replicas = client.cluster_replicas(mine, target_nodes=node)
        self.assertEqual({replicas[address]["node_id"] for address in replicas}, names - {mine})
        self.assertTrue(all(replicas[address]["master_id"] == mine for address in replicas))
        slots = client.cluster_slots(target_nodes=node)
        self.assertEqual(sum(last - first + 1 for first, last in slots), 16384)
        self.assertEqual(client.cluster_info(target_nodes=node)["cluster_known_nodes"], "3")
        self.assertEqual(client.cluster_count_failure_report(mine), 0)
        self.assertEqual(client.cluster_keyslot("foo"), 12182)
        self.assertEqual(len(client.cluster_links(node)), 4)
        self.assertTrue(client.cluster_save_config(target_nodes=node))
        self.assertTrue(client.readonly(target_nodes=node))
        self.assertTrue(client.readwrite(target_nodes=node))
        for i in range(100):
            client.set(f"{{t}}{i}", i)
            client.set(f"s{i}", i)
        self.assertEqual(client.cluster_countkeysinslot(client.cluster_keyslot("t")), 100)
        self.assertEqual(len(client.cluster_get_keys_in_slot(client.cluster_keyslot("t"), 7)), 7)
        self.assertEqual(client.mget([f"{{t}}{i}" for i in range(100)]), [str(i) for i in range(100)])
        self.assertTrue(client.rename("{t}0", "{t}new"))
        expected = {f"{{t}}{i}" for i in range(1, 100)} | {"{t}new"} | {f"s{i}" for i in range(100)}
        self.assertEqual(set(client.scan_iter(count=50)), expected)
        self.assertEqual(set(client.keys("*")), expected)
        self.assertTrue(client.ping())
        # Of one slot, on the connection that the client would use for it.
        with client.get_redis_connection(client.get_node_from_key("{t}a")).pipeline(transaction=True) as transaction:
            self.assertEqual(transaction.incr("{t}a").incr("{t}b").get("{t}a").execute(), [1, 1, "1"])
        self.assertTrue(client.flushall())
        self.assertEqual(set(client.keys("*")), set())

    # ---- clients that loop over masters

    def test_scope_of_nodes(self):
        """With cluster-keyspace-scope node each key is seen once by who asks all nodes and adds up."""
        keys = {f"k{i}" for i in range(500)}
        with self.nodes[0].client() as client:
            self.assertEqual(client.pipeline([("SET", key, "v") for key in keys]), [b"OK"] * 500)
        self.assertEqual([node.call("DBSIZE") for node in self.nodes], [500] * 3)
        for node in self.nodes:
            self.assertEqual(node.call("CONFIG", "SET", "cluster-keyspace-scope", "node"), b"OK")
        sizes = [node.call("DBSIZE") for node in self.nodes]
        self.assertEqual(sum(sizes), 500)
        self.assertNotIn(500, sizes)
        for listed in ([name for node in self.nodes for name in node.call("KEYS", "*")],
                       [name for node in self.nodes for name in node.call("SCAN", 0, "COUNT", 100_000)[1]]):
            self.assertEqual(sorted(name.decode() for name in listed), sorted(keys))
        for node in self.nodes:
            self.assertIn(node.call("RANDOMKEY"), node.call("KEYS", "*"))
            # The first that a client reads of each node is that it is a master.
            roles = {}
            for _, _, *owners in node.call("CLUSTER", "SLOTS"):
                for place, owner in enumerate(owners):
                    roles.setdefault(owner[1], "master" if place == 0 else "replica")
            self.assertEqual(roles, {other.port: "master" for other in self.nodes})
            cluster_handshakes.check_all(node, self.nodes)
        info = run("redis-cli", "--cluster", "info", f"127.0.0.1:{self.port}")
        self.assertIn("[OK] 500 keys in 3 masters", info)
        check = run("redis-cli", "--cluster", "check", f"127.0.0.1:{self.port}")
        self.assertIn("[OK] 500 keys in 3 masters", check)
        self.assertIn("[OK] All 16384 slots covered.", check)
        client = redis.cluster.RedisCluster(host="127.0.0.1", port=self.nodes[0].port, decode_responses=True)
        self.assertEqual(len(client.get_primaries()), 3)
        self.assertEqual(client.dbsize(target_nodes=redis.cluster.RedisCluster.PRIMARIES), 500)
        self.assertEqual(sorted(client.scan_iter(count=50)), sorted(keys))
        # Whoever asks on behalf of all is answered for all.
        self.assertEqual(self.nodes[0].call("CONFIG", "SET", "cluster-keyspace-scope", "cluster"), b"OK")
        self.assertEqual(self.nodes[0].call("DBSIZE"), 500)
        self.assertEqual(len(self.nodes[0].call("KEYS", "*")), 500)
        self.assertEqual(self.nodes[1].call("FLUSHALL"), b"OK")
        self.assertEqual([node.call("DBSIZE") for node in self.nodes], [0] * 3)

    # ---- what clients say first

    def test_handshakes(self):
        for node in self.nodes:
            cluster_handshakes.check_all(node, self.nodes)
        # And with more nodes than replicas: many preference lists.
        for _ in range(2):
            self.cluster.add()
        self.cluster.wait_settled()
        for node in self.nodes:
            cluster_handshakes.check_all(node, self.nodes)

    # ---- the tools

    def test_redis_cli(self):
        cli = ("redis-cli", "-c", "-p", self.port)
        for i in range(20):
            self.assertEqual(run(*cli, "SET", f"k{i}", str(i)).strip(), "OK")
            self.assertEqual(run("redis-cli", "-c", "-p", str(self.nodes[i % 3].port), "GET", f"k{i}").strip(), str(i))
        check = run("redis-cli", "--cluster", "check", f"127.0.0.1:{self.port}")
        self.assertIn("[OK] All nodes agree about slots configuration.", check)
        self.assertIn("[OK] All 16384 slots covered.", check)
        info = run("redis-cli", "--cluster", "info", f"127.0.0.1:{self.port}")
        self.assertIn("keys in 3 masters", info)
        call = run("redis-cli", "--cluster", "call", f"127.0.0.1:{self.port}", "PING")
        self.assertEqual(call.count("PONG"), 3, call)
        self.kill()
        self.wait_until_seen()
        for i in range(20):
            self.assertEqual(run(*cli, "GET", f"k{i}").strip(), str(i))
            self.assertEqual(run(*cli, "SET", f"k{i}", "x").strip(), "OK")
        # All slots are served by those that are left, and the tool says so, after it has named the dead one.
        check = run("redis-cli", "--cluster", "check", f"127.0.0.1:{self.port}")
        self.assertIn(f"Could not connect to Redis at 127.0.0.1:{self.killed.port}", check)
        self.assertIn("[OK] All 16384 slots covered.", check)
        info = run("redis-cli", "--cluster", "info", f"127.0.0.1:{self.port}")
        self.assertEqual(info.count("-> 20 keys |"), 2, info)  # DBSIZE is the whole cluster's, whoever is asked
        self.revive()

    def test_redis_benchmark(self):
        worker = subprocess.Popen(["redis-benchmark", "--cluster", "-p", self.port, "-t", "set,get,incr", "-n", "20000",
                                   "-r", "10000", "-q"], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        output, _ = worker.communicate(timeout=60)
        self.assertEqual(worker.returncode, 0, output)
        for name in ("SET", "GET", "INCR"):
            self.assertIn(f"{name}: ", output)
        self.assertIn("requests per second", output)
        # It ends with the first connection that it loses (of Redis' nodes, too), and starts anew from one that's up.
        self.kill()
        self.wait_until_seen()
        for mode in ([], ["--cluster"]):
            output = run("redis-benchmark", *mode, "-p", self.port, "-t", "set,get,mset", "-n", "5000", "-r", "1000", "-q",
                         "-P", "4")
            self.assertIn("GET: ", output)
        self.revive()
        output = run("redis-benchmark", "--cluster", "-p", self.port, "-t", "set,get", "-n", "5000", "-r", "1000", "-q")
        self.assertIn("Cluster has 3 master nodes", output)

    # ---- hiredis, with no idea of clusters

    def test_hiredis(self):
        library = ctypes.CDLL(ctypes.util.find_library("hiredis"))

        class Reply(ctypes.Structure):
            _fields_ = [("type", ctypes.c_int), ("integer", ctypes.c_longlong), ("len", ctypes.c_size_t),
                        ("str", ctypes.c_char_p)]

        library.redisConnect.restype = ctypes.c_void_p
        library.redisCommand.restype = ctypes.POINTER(Reply)
        library.freeReplyObject.argtypes = [ctypes.c_void_p]
        library.redisFree.argtypes = [ctypes.c_void_p]
        context = ctypes.c_void_p(library.redisConnect(b"127.0.0.1", int(self.port)))

        def call(*words):
            reply = library.redisCommand(context, *words)
            self.assertTrue(reply, "the connection broke")
            answer = reply.contents
            result = (answer.type, answer.integer, answer.str)
            library.freeReplyObject(reply)
            return result

        def work(round_):
            refused = 0
            for i in range(500):
                kind, _, text = call(b"SET %s %s", b"h%d" % i, b"%d-%d" % (round_, i))
                if kind == 6:  # REDIS_REPLY_ERROR: in doubt is all it may be
                    self.assertTrue(text.startswith(b"INDOUBT"), text)
                    refused += 1
                    continue
                self.assertEqual(call(b"GET %s", b"h%d" % i)[2], b"%d-%d" % (round_, i))
            return refused

        self.assertEqual(work(1), 0)
        self.kill()
        refused = work(2)
        print(f"  hiredis: {refused} of 500 in doubt while a node died", flush=True)
        self.assertLess(refused, 5)
        library.redisFree(context)
        self.revive()


if __name__ == "__main__":
    SERVER = sys.argv.pop(1)
    unittest.main(verbosity=2)
