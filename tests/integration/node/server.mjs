// Starts the server that TORC_SERVER names on a free port, with its own data directory.
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createConnection, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

function answersPing(port) {
  return new Promise((resolve) => {
    const socket = createConnection(port, "127.0.0.1", () => socket.write("PING\r\n"));
    socket.on("data", (data) => {
      resolve(data.toString() === "+PONG\r\n");
      socket.destroy();
    });
    socket.on("error", () => resolve(false));
  });
}

export async function startServer() {
  const port = await freePort();
  const directory = await mkdtemp(join(tmpdir(), "torc-node-"));
  const child = spawn(process.env.TORC_SERVER, ["--port", String(port), "--dir", directory], { stdio: "ignore" });
  for (let i = 0; i < 1000 && !(await answersPing(port)); ++i) await pause(10);
  return {
    port,
    async stop() {
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await gone;
      await rm(directory, { recursive: true, force: true });
    },
  };
}
