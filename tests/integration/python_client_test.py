#!/usr/bin/python3
"""Debian's python3-redis as a client doing ordinary work. TORC_SERVER names the server's program."""

import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import unittest

import redis


class Server:
    def __init__(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.directory = tempfile.mkdtemp(prefix="torc-python-")
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [os.environ["TORC_SERVER"], "--port", str(self.port), "--dir", self.directory, "--appendonly", "yes"],
            stdout=subprocess.DEVNULL,
        )
        client = self.client()
        for _ in range(1000):
            try:
                if client.ping():
                    return
            except redis.exceptions.RedisError:
                time.sleep(0.01)
        raise RuntimeError("the server does not answer PING")

    def client(self, **options):
        return redis.Redis(port=self.port, **options)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)


class PythonClient(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def setUp(self):
        self.client = self.server.client(decode_responses=True)
        self.client.flushall()

    def test_strings(self):
        c = self.client
        self.assertTrue(c.set("k", "v", ex=100))
        self.assertEqual(c.get("k"), "v")
        self.assertLessEqual(c.ttl("k"), 100)
        self.assertIsNone(c.set("k", "w", nx=True))
        self.assertEqual(c.set("k", "w", get=True), "v")
        self.assertIsNone(c.get("missing"))
        self.assertEqual(c.incr("n", 41), 41)
        self.assertAlmostEqual(c.incrbyfloat("f", 0.5), 0.5)
        self.assertTrue(c.mset({"a": 1, "b": 2}))
        self.assertEqual(c.mget("a", "b", "c"), ["1", "2", None])
        self.assertEqual(c.getdel("a"), "1")
        self.assertEqual(c.append("k", "!"), 2)
        self.assertEqual(c.getrange("k", 0, 0), "w")

    def test_binary(self):
        c = self.server.client()
        value = bytes(range(256)) * 100
        c.set(value, value)
        self.assertEqual(c.get(value), value)

    def test_bits(self):
        c = self.client
        self.assertEqual(c.setbit("bits", 7, 1), 0)
        self.assertEqual(c.bitcount("bits"), 1)
        self.assertEqual(c.bitpos("bits", 1), 7)
        self.assertEqual(c.bitfield("bits").set("u8", 8, 200).get("u8", 8).execute(), [0, 200])

    def test_keys(self):
        c = self.client
        c.mset({f"key:{i}": i for i in range(1000)})
        self.assertEqual(c.dbsize(), 1000)
        self.assertEqual({k for k in c.scan_iter(match="key:*", count=10)}, {f"key:{i}" for i in range(1000)})
        self.assertEqual(c.type("key:1"), "string")
        self.assertTrue(c.rename("key:1", "new"))
        self.assertTrue(c.expire("new", 100))
        self.assertTrue(c.persist("new"))
        self.assertEqual(c.delete("new", "missing"), 1)
        payload = self.server.client().dump("key:2")
        self.assertTrue(self.server.client().restore("copy", 0, payload))
        self.assertEqual(c.get("copy"), "2")

    def test_errors(self):
        self.client.set("k", "text")
        with self.assertRaisesRegex(redis.exceptions.ResponseError, "value is not an integer or out of range"):
            self.client.incr("k")
        with self.assertRaisesRegex(redis.exceptions.ResponseError, "unknown command"):
            self.client.execute_command("NOSUCH")

    def test_pipelines(self):
        pipe = self.client.pipeline(transaction=False)
        for i in range(10000):
            pipe.set(f"key:{i}", i)
        self.assertEqual(pipe.execute(), [True] * 10000)
        with self.client.pipeline() as transaction:
            transaction.incr("n").incr("n").get("n")
            self.assertEqual(transaction.execute(), [1, 2, "2"])

    def test_watch(self):
        def add_one(pipe):
            value = int(pipe.get("counter") or 0)
            pipe.multi()
            pipe.set("counter", value + 1)

        def many():
            client = self.server.client(decode_responses=True)
            for _ in range(50):
                client.transaction(add_one, "counter")

        threads = [threading.Thread(target=many) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(self.client.get("counter"), "200")

    def test_server_commands(self):
        c = self.client
        info = c.info()
        self.assertGreaterEqual(info["redis_version"], "7.0")
        self.assertEqual(info["loading"], 0)
        self.assertIn("GET", {name.upper() for name in c.command()})
        self.assertEqual(c.config_get("maxmemory"), {"maxmemory": "0"})
        self.assertTrue(c.client_setname("python"))
        self.assertEqual(c.client_getname(), "python")
        self.assertIn("python", [entry["name"] for entry in c.client_list()])
        self.assertEqual(c.config_get("nosuch"), {})
        self.assertGreater(c.memory_usage("k") if c.set("k", "v") else 0, 0)
        self.assertIsInstance(c.slowlog_get(), list)

    def test_databases(self):
        other = self.server.client(db=3, decode_responses=True)
        other.set("k", "three")
        self.assertIsNone(self.client.get("k"))
        self.assertTrue(self.client.swapdb(0, 3))
        self.assertEqual(self.client.get("k"), "three")

    def test_reconnects_after_kill(self):
        self.client.set("kept", "value")
        self.server.kill()
        with self.assertRaises(redis.exceptions.ConnectionError):
            self.client.get("kept")
        self.server.start()
        self.assertEqual(self.client.get("kept"), "value")


if __name__ == "__main__":
    unittest.main()
