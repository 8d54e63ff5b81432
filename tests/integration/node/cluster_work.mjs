// ioredis' or node-redis' cluster client doing ordinary work for a while, on the nodes whose ports TORC_PORTS lists.
// Meanwhile somebody else kills one of them. Every key is written and read back; what the client gives up on is
// told at the end, and so is any wrong answer.
//
// usage: node cluster_work.mjs ioredis|node-redis SECONDS
import assert from "node:assert/strict";

import Redis from "ioredis";
import { createCluster } from "redis";

const ports = process.env.TORC_PORTS.split(",").map(Number);

async function ioredisClient() {
  const client = new Redis.Cluster(
    ports.map((port) => ({ host: "127.0.0.1", port })),
    { clusterRetryStrategy: () => 100, redisOptions: { connectTimeout: 1000 } },
  );
  client.on("error", () => {});
  return client;
}

async function nodeRedisClient() {
  const client = createCluster({
    rootNodes: ports.map((port) => ({ socket: { host: "127.0.0.1", port } })),
    defaults: { socket: { reconnectStrategy: () => 100, connectTimeout: 1000 } },
  });
  client.on("error", () => {});
  await client.connect();
  return {
    set: (key, value) => client.set(key, value),
    get: (key) => client.get(key),
    incr: (key) => client.incr(key),
    del: (key) => client.del(key),
    disconnect: () => client.destroy?.() ?? client.disconnect(),
  };
}

const [name, seconds] = process.argv.slice(2);
const client = await (name === "ioredis" ? ioredisClient() : nodeRedisClient());
const end = Date.now() + Number(seconds) * 1000;
let done = 0;
let doneLate = 0;
const refusals = new Map();
for (let i = 0; Date.now() < end; ++i) {
  const key = `${name}:${i % 500}`;
  try {
    assert.equal(await client.set(key, `v${i}`), "OK");
    assert.equal(await client.get(key), `v${i}`);
    await client.incr(`${name}:counter`);
    assert.equal(await client.del(key), 1);
    ++done;
    if (end - Date.now() < 1500) ++doneLate;
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error;
    refusals.set(error.message, (refusals.get(error.message) ?? 0) + 1);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
console.log(JSON.stringify({ done, doneLate, refusals: [...refusals] }));
client.disconnect();
process.exit(0);
