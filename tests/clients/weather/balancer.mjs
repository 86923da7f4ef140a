// A balancer of connections, in a thread of its own: an event loop takes one new connection a turn, and the turns of the
// loop that all the clients share are long. There, those that come back after a restart would queue for many seconds.

import net from "node:net";
import { Worker, isMainThread, parentPort } from "node:worker_threads";
import { listen, pause } from "./meter.mjs";

/** How often the balancer asks whether a process is ready. */
const PROBE_MS = 100;

/** Hands connections to those of `bffs` that are ready, in turn. A connection stays where it is. */
export async function startBalancer(bffs) {
  const worker = new Worker(new URL(import.meta.url));
  const use = (bffs) => worker.postMessage([...bffs].map(({ port, admin }) => ({ port, admin })));
  use(bffs);
  const port = await new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
  return {
    url: `http://127.0.0.1:${port}/graphql`,
    /** Hands connections to these from now on. */
    use,
    close: () => worker.terminate(),
  };
}

async function isReady({ admin }) {
  try {
    return (await fetch(`${admin}readyz`)).ok;
  } catch {
    return false;
  }
}

/** The ports of those that are ready, kept up to date. */
async function probe(bff, ports, used) {
  while (used.has(bff.port)) {
    if (await isReady(bff)) ports.add(bff.port);
    else ports.delete(bff.port);
    await pause(PROBE_MS);
  }
  ports.delete(bff.port);
}

async function balance() {
  const ports = new Set();
  const used = new Map();
  let turn = 0;
  parentPort.on("message", (bffs) => {
    for (const port of used.keys()) if (!bffs.some((bff) => bff.port === port)) used.delete(port);
    for (const bff of bffs) {
      if (used.has(bff.port)) continue;
      used.set(bff.port, bff);
      probe(bff, ports, used);
    }
  });
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const candidates = [...ports];
    const port = candidates[turn++ % candidates.length];
    if (!port) return client.destroy();
    const upstream = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    client.pipe(upstream).pipe(client);
    client.on("error", () => upstream.destroy());
    upstream.on("error", () => client.destroy());
    client.on("close", () => upstream.destroy());
  });
  const port = await listen(server);
  while (ports.size === 0) await pause(PROBE_MS);
  parentPort.postMessage(port);
}

if (!isMainThread) await balance();
