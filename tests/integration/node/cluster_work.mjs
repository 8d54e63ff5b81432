// ioredis' or node-redis' cluster client doing ordinary work for a while, on the nodes whose ports TORC_PORTS lists.
// Meanwhile somebody else kills one of them. Every key is written and read back, and now and then several keys of
// one slot at once; what the client gives up on is told at the end, and so is any wrong answer.
//
// usage: node cluster_work.mjs ioredis|node-redis SECONDS
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

import Redis from "ioredis";
import { createCluster } from "redis";

const kPatienceMs = 3000;
const ports = process.env.TORC_PORTS.split(",").map(Number);

/** Of ioredis' [error, reply] pairs. */
function replies(pairs) {
  const failed = pairs.find(([error]) => error !== null);
  if (failed !== undefined) throw failed[0];
  return pairs.map(([, reply]) => reply);
}

class IoredisWorker {
  async open() {
    this.client = new Redis.Cluster(
      ports.map((port) => ({ host: "127.0.0.1", port })),
      { clusterRetryStrategy: () => 100, redisOptions: { connectTimeout: 1000 } },
    );
    this.client.on("error", () => {});
  }

  /** The client finds its way by itself. */
  async recover() {}

  mset = (pairs) => this.client.mset(...pairs.flat());
  mget = (keys) => this.client.mget(...keys);
  transaction = async (key) => replies(await this.client.multi().incr(key).incr(key).exec());
  // As one, since commands that are sent again one by one go to whatever node, in any order.
  inOneGo = async (key) => replies(await this.client.pipeline().set(key, "5").incr(key).get(key).del(key).exec());

  async scanned() {
    const keys = new Set();
    for (const node of this.client.nodes("master"))
      for await (const page of node.scanStream({ count: 100 })) page.forEach((key) => keys.add(key));
    return keys;
  }
}

// This client looks at the layout when it connects, and again only when a node answers MOVED. What belongs to a node
// that is gone waits for the return of that node, however long it takes and whatever the others would say, of Redis
// as of Torc. So an application lets it give up after some tries, and makes itself a new one.
class NodeRedisWorker {
  async open() {
    for (;;) {
      this.client = createCluster({
        rootNodes: ports.map((port) => ({ socket: { host: "127.0.0.1", port } })),
        defaults: {
          socket: { reconnectStrategy: (tries) => (tries < 3 ? 100 : new Error("gone")), connectTimeout: 1000 },
        },
      });
      this.client.on("error", () => {});
      try {
        return await this.client.connect();
      } catch {
        this.close();
        await sleep(100);
      }
    }
  }

  async recover() {
    if (!this.givenUp && this.client.masters.every((node) => node.client?.isReady)) return;
    this.givenUp = false;
    this.close();
    await this.open();
  }

  /** Node by node: the cluster's own destroy() ends at the first one that has given up already. */
  close() {
    for (const { client } of this.client.masters) if (client?.isOpen) client.destroy();
  }

  mset = (pairs) => this.client.mSet(pairs);
  mget = (keys) => this.client.mGet(keys);
  transaction = (key) => this.client.multi().incr(key).incr(key).exec();
  inOneGo = (key) =>
    Promise.all([this.client.set(key, "5"), this.client.incr(key), this.client.get(key), this.client.del(key)]);

  async scanned() {
    const keys = new Set();
    for (const node of this.client.masters) {
      const client = await this.client.nodeClient(node);
      for await (const page of client.scanIterator({ COUNT: 100 })) page.forEach((key) => keys.add(key));
    }
    return keys;
  }
}

// What becomes of a node's connections is told to the console by node-redis itself.
console.error = () => {};

const [name, seconds] = process.argv.slice(2);
const worker = name === "ioredis" ? new IoredisWorker() : new NodeRedisWorker();
await worker.open();

/** ioredis sends again what it has no answer to when a connection ends; what was done already is then done twice. */
let doneTwice = 0;
function countedOnce(actual, expected, twice) {
  if (actual === twice) ++doneTwice;
  else assert.equal(actual, expected);
}

async function singleKeys(i) {
  const { client } = worker;
  const key = `${name}:${i % 500}`;
  assert.equal(await client.set(key, `v${i}`), "OK");
  assert.equal(await client.get(key), `v${i}`);
  await client.incr(`${name}:counter`);
  countedOnce(await client.del(key), 1, 0);
  assert.equal(await client.get(key), null);
}

async function oneSlot(i) {
  const tag = `{${name}:${i}}`;
  assert.equal(await worker.mset([[`${tag}a`, "1"], [`${tag}b`, "2"]]), "OK");
  assert.deepEqual(await worker.mget([`${tag}a`, `${tag}none`, `${tag}b`]), ["1", null, "2"]);
  const [first, second] = await worker.transaction(`${tag}a`);
  assert.equal(second, first + 1);
}

async function inOneGo(i) {
  assert.deepEqual(await worker.inOneGo(`${name}:pipelined:${i}`), ["OK", 6, "6", 1]);
}

/** node-redis may take a connection whose other end has died for a ready one, and wait for good. */
function answered(step) {
  step.catch(() => {});
  const patience = new AbortController();
  const silence = sleep(kPatienceMs, null, { signal: patience.signal, ref: false }).then(() => {
    worker.givenUp = true;
    throw new Error("no answer");
  });
  silence.catch(() => {});
  return Promise.race([step, silence]).finally(() => patience.abort());
}

const end = Date.now() + Number(seconds) * 1000;
let done = 0;
let doneLate = 0;
const refusals = new Map();
for (let i = 0; Date.now() < end; ++i) {
  try {
    await answered([singleKeys, oneSlot, inOneGo][i % 3](i));
    ++done;
    if (end - Date.now() < 1500) ++doneLate;
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error;
    refusals.set(error.message, (refusals.get(error.message) ?? 0) + 1);
    await sleep(20);
    await worker.recover();
  }
}
const keys = await worker.scanned();
assert.ok(keys.has(`${name}:counter`), "SCAN over the nodes doesn't show a key");
console.log(JSON.stringify({ done, doneLate, doneTwice, refusals: [...refusals] }));
process.exit(0);
