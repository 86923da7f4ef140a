// A BFF's process.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

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
