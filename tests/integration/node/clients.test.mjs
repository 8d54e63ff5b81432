// ioredis and node-redis doing ordinary work.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import Redis from "ioredis";
import { createClient, WatchError } from "redis";

import { startServer } from "./server.mjs";

let server;
before(async () => {
  server = await startServer();
});
after(async () => {
  await server.stop();
});

test("ioredis: strings, keys and errors", async () => {
  const client = new Redis(server.port, "127.0.0.1");
  try {
    await client.flushall();
    assert.equal(await client.set("k", "v", "EX", 100), "OK");
    assert.equal(await client.get("k"), "v");
    assert.equal(await client.set("k", "w", "NX"), null);
    assert.ok((await client.ttl("k")) > 90);
    assert.equal(await client.incrby("n", 41), 41);
    await client.mset({ a: "1", b: "2" });
    assert.deepEqual(await client.mget("a", "b", "c"), ["1", "2", null]);
    const binary = Buffer.from([0, 255, 13, 10]);
    await client.set(binary, binary);
    assert.deepEqual(await client.getBuffer(binary), binary);
    await assert.rejects(client.incr("k"), /value is not an integer or out of range/);
    await assert.rejects(client.call("NOSUCH"), /unknown command/);
  } finally {
    client.disconnect();
  }
});

test("ioredis: pipelines, transactions, scan stream", async () => {
  const client = new Redis(server.port, "127.0.0.1");
  try {
    await client.flushall();
    const pipeline = client.pipeline();
    for (let i = 0; i < 10000; ++i) pipeline.set(`key:${i}`, i);
    const replies = await pipeline.exec();
    assert.ok(replies.every(([error, reply]) => error === null && reply === "OK"));
    assert.deepEqual(await client.multi().incr("n").get("n").exec(), [
      [null, 1],
      [null, "1"],
    ]);
    const seen = new Set();
    for await (const keys of client.scanStream({ match: "key:*", count: 100 })) keys.forEach((key) => seen.add(key));
    assert.equal(seen.size, 10000);
    await client.watch("n");
    await client.incr("n");
    assert.equal(await client.multi().get("n").exec(), null);
  } finally {
    client.disconnect();
  }
});

test("ioredis: many commands at once keep their order", async () => {
  const client = new Redis(server.port, "127.0.0.1", { enableAutoPipelining: true });
  try {
    await client.del("n");
    const replies = await Promise.all(Array.from({ length: 1000 }, () => client.incr("n")));
    assert.deepEqual(replies, Array.from({ length: 1000 }, (_, i) => i + 1));
  } finally {
    client.disconnect();
  }
});

for (const RESP of [2, 3]) {
  test(`redis: ordinary work in RESP${RESP}`, async () => {
    const client = createClient({ url: `redis://127.0.0.1:${server.port}`, name: "node", RESP });
    await client.connect();
    try {
      await client.flushAll();
      assert.equal(await client.set("k", "v", { EX: 100, NX: true }), "OK");
      assert.equal(await client.get("k"), "v");
      assert.equal(await client.get("missing"), null);
      assert.equal(await client.clientGetName(), "node");
      assert.deepEqual(await client.mGet(["k", "missing"]), ["v", null]);
      assert.deepEqual(await client.multi().set("a", "1").incr("a").get("a").exec(), ["OK", 2, "2"]);
      assert.equal((await client.configGet("maxmemory")).maxmemory, "0");
      assert.match(await client.info("server"), /redis_version:7\./);
      const seen = [];
      for await (const keys of client.scanIterator()) seen.push(...keys);
      assert.deepEqual(seen.sort(), ["a", "k"]);
      await assert.rejects(client.incr("k"), /value is not an integer or out of range/);
      const bits = await client.bitField("bits", [{ operation: "SET", encoding: "u8", offset: 0, value: 7 }]);
      assert.deepEqual(bits, [0]);
    } finally {
      client.destroy();
    }
  });
}

test("redis: a transaction under watch", async () => {
  const client = createClient({ url: `redis://127.0.0.1:${server.port}`, RESP: 3 });
  const other = createClient({ url: `redis://127.0.0.1:${server.port}` });
  await client.connect();
  await other.connect();
  try {
    await client.set("watched", "1");
    await client.watch("watched");
    await other.set("watched", "2");
    await assert.rejects(client.multi().get("watched").exec(), WatchError);
    assert.deepEqual(await client.multi().get("watched").exec(), ["2"]);
  } finally {
    client.destroy();
    other.destroy();
  }
});

test("HELLO answers the fields that clients look for", async () => {
  const client = new Redis(server.port, "127.0.0.1", { enableReadyCheck: false });
  try {
    const hello = await client.call("HELLO", "2");
    const fields = Object.fromEntries(Array.from({ length: hello.length / 2 }, (_, i) => [hello[2 * i], hello[2 * i + 1]]));
    assert.equal(fields.proto, 2);
    assert.equal(fields.mode, "standalone");
    assert.equal(fields.role, "master");
    assert.match(fields.version, /^7\./);
    assert.equal(typeof fields.id, "number");
  } finally {
    client.disconnect();
  }
});
