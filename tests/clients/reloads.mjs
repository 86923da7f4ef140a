// Fifty reloads with streams open: memory and calls stay as they were, and each stream reads from the newest engine.
// `node reloads.mjs PROGRAM`, the path of `bespoke`; SUBSCRIBERS (200), RELOADS (50).
// One JSON object on stdout; exit 0 if there are no faults.

import { readFileSync } from "node:fs";
import { startBff } from "./weather/bff.mjs";
import { makeProject, pause, startMeter } from "./weather/meter.mjs";
import { faultsOf, subscribe, untilAllSaw } from "./weather/subscribers.mjs";

const [program] = process.argv.slice(2);
const count = Number(process.env.SUBSCRIBERS ?? 200);
const reloads = Number(process.env.RELOADS ?? 50);
/** How many different calls the subscribers make. */
const METERS = 20;
const MEASURE_MS = 5_000;
const PATIENCE_MS = 60_000;
/** Reloads before memory is looked at for the first time: allocators keep what they once had. */
const WARM_UP = 10;

/** Two services, to which the process is pointed in turn. */
const meters = [await startMeter(), await startMeter()];
const [meter] = meters;
const section = { port: 0, request_timeout: "15s", stream_drain: "500ms", max_lateness: null, max_subscriptions: 10_000 };
const project = await makeProject(meter.url, section);
const bff = await startBff(program, project.folder);
const report = { faults: [] };

const memory = () => Number(readFileSync(`/proc/${bff.pid}/status`, "utf8").match(/VmRSS:\s+(\d+)/)[1]);
const show = (value) => meters.forEach((meter) => (meter.value = value));
/** Calls a second of each service. */
async function calls() {
  const before = meters.map(({ polls }) => polls);
  await pause(MEASURE_MS);
  return meters.map(({ polls }, index) => ((polls - before[index]) * 1_000) / MEASURE_MS);
}

const subscribers = subscribe(bff.url, count, METERS);
await untilAllSaw(subscribers, 1, PATIENCE_MS);
report.before = { calls: await calls() };
for (let reload = 1; reload <= reloads; reload += 1) {
  const reloaded = bff.said("reloaded app");
  await project.configure(section, meters[reload % 2].url);
  bff.signal("SIGHUP");
  await reloaded;
  show(reload + 1);
  await untilAllSaw(subscribers, reload + 1, PATIENCE_MS);
  if (reload === WARM_UP) report.before.rss_kb = memory();
}
const end = Date.now() + PATIENCE_MS;
while ((await bff.metric("bespoke_engines")) !== 1 && Date.now() < end) await pause(100);
report.after = { calls: await calls(), rss_kb: memory(), engines: await bff.metric("bespoke_engines") };

report.faults.push(...faultsOf(subscribers, meter.value));
if (report.after.engines !== 1) report.faults.push(`${report.after.engines} engines are alive`);
const [newest, oldest] = [report.after.calls[reloads % 2], report.after.calls[(reloads + 1) % 2]];
if (oldest !== 0) report.faults.push(`${oldest} calls a second to the address of before`);
if (newest > report.before.calls[0] * 1.3) report.faults.push(`${newest} calls a second, and ${report.before.calls[0]} before`);
if (report.after.rss_kb > report.before.rss_kb * 1.3) report.faults.push("more memory than before");
report.connections = subscribers.reduce((sum, { seen }) => sum + seen.connections, 0);

for (const { stop } of subscribers) stop();
bff.signal("SIGKILL");
await project.remove();
meters.forEach((meter) => meter.close());
console.log(JSON.stringify(report, null, 2));
process.exit(report.faults.length === 0 ? 0 : 1);
