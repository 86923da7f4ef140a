// A BFF's process, and what stands in front of several of them.

import { spawn } from "node:child_process";
import net from "node:net";
import { createInterface } from "node:readline";
import { listen, pause } from "./meter.mjs";

/** How often the balancer asks whether a process is ready. */
const PROBE_MS = 100;

/** Starts `bespoke serve`; resolves once it listens. `program` is its path. */
export async function startBff(program, folder) {
  const child = spawn(program, ["serve", "--project", folder, "--client", "app", "--port", "0"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const log = [];
  const waiting = new Set();
  createInterface({ input: child.stderr }).on("line", (line) => {
    log.push(line);
    for (const look of waiting) look(line);
  });
  const ended = new Promise((resolve) => child.on("exit", (code, signal) => resolve(code ?? signal)));
  const urls = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).once("line", (line) => resolve(line.match(/http:\/\/[^ ,]+/g)));
    ended.then((status) => reject(new Error(`ended with ${status}: ${log.join("\n")}`)));
  });
  const [url, admin] = urls;
  return {
    url,
    admin,
    port: Number(new URL(url).port),
    pid: child.pid,
    log,
    ended,
    signal: (name) => child.kill(name),
    /** Waits for a line of the log with this text. */
    said: (text) =>
      new Promise((resolve) => {
        const look = (line) => {
          if (line.includes(text)) {
            waiting.delete(look);
            resolve(line);
          }
        };
        waiting.add(look);
      }),
    /** The value of a metric without labels. */
    async metric(name) {
      const page = await (await fetch(`${admin}metrics`)).text();
      return Number(page.match(new RegExp(`^${name} (.*)$`, "m"))?.[1]);
    },
  };
}

async function isReady(bff) {
  try {
    return (await fetch(`${bff.admin}readyz`)).ok;
  } catch {
    return false;
  }
}

/** Hands connections to those of the set `bffs` that are ready, in turn. A connection stays where it is. */
export async function startBalancer(bffs) {
  const ready = new Set(bffs);
  const probed = new Map();
  let turn = 0;
  let isOpen = true;
  const probe = async (bff) => {
    while (isOpen && bffs.has(bff)) {
      if (await isReady(bff)) ready.add(bff);
      else ready.delete(bff);
      await pause(PROBE_MS);
    }
    ready.delete(bff);
  };
  const probing = (async () => {
    while (isOpen) {
      for (const bff of bffs) if (!probed.has(bff)) probed.set(bff, probe(bff));
      await pause(PROBE_MS);
    }
    await Promise.all(probed.values());
  })();
  const server = net.createServer({ allowHalfOpen: true }, (client) => {
    client.setNoDelay(true);
    const candidates = [...ready];
    const bff = candidates[turn++ % candidates.length];
    if (!bff) return client.destroy();
    const upstream = net.connect({ port: bff.port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    client.pipe(upstream).pipe(client);
    client.on("error", () => upstream.destroy());
    upstream.on("error", () => client.destroy());
    client.on("close", () => upstream.destroy());
  });
  const port = await listen(server);
  return {
    url: `http://127.0.0.1:${port}/graphql`,
    async close() {
      isOpen = false;
      server.close();
      await probing;
    },
  };
}
