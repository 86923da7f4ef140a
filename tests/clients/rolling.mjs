// A rolling restart: three processes behind a balancer are restarted one after the other, under subscribers and load.
// `node rolling.mjs PROGRAM`, the path of `bespoke`; SUBSCRIBERS (1000), PER_SECOND (500), WRITERS (20) and ROUNDS (1).
// Nothing may be lost and nothing done twice. One JSON object on stdout; exit 0 if there are no faults.

import { startBalancer } from "./weather/balancer.mjs";
import { startBff } from "./weather/bff.mjs";
import { deferred, queries, writes } from "./weather/load.mjs";
import { makeProject, pause, startMeter } from "./weather/meter.mjs";
import { faultsOf, subscribe, untilAllSaw } from "./weather/subscribers.mjs";

const [program] = process.argv.slice(2);
const number = (name, otherwise) => Number(process.env[name] ?? otherwise);
const [count, perSecond, writers, rounds] = [
  number("SUBSCRIBERS", 1_000),
  number("PER_SECOND", 500),
  number("WRITERS", 20),
  number("ROUNDS", 1),
];
const GRACE_S = 30;
const PROCESSES = 3;
/** How often the meters change. */
const CHANGE_MS = 2_000;
const PATIENCE_MS = 60_000;

const meter = await startMeter();
const project = await makeProject(meter.url, {
  port: 0,
  // Nearly the default: time for the balancer to look, and for kept connections to be left.
  shutdown_delay: "4s",
  shutdown_grace: `${GRACE_S}s`,
  stream_drain: "3s",
  request_timeout: "15s",
  max_lateness: null,
  max_subscriptions: 10_000,
});
const bffs = new Set();
for (let index = 0; index < PROCESSES; index += 1) bffs.add(await startBff(program, project.folder));
const balancer = await startBalancer(bffs);
const report = { stops: [], faults: [] };

const subscribers = subscribe(balancer.url, count, 20);
await untilAllSaw(subscribers, 1, PATIENCE_MS);
const changing = setInterval(() => (meter.value += 1), CHANGE_MS);
let isOn = true;
const load = [
  queries(balancer.url, perSecond, () => isOn),
  deferred(balancer.url, () => isOn),
  ...Array.from({ length: writers }, (_, index) => writes(balancer.url, `w${index}`, () => isOn)),
];
await pause(1_000);

for (let stop = 0; stop < rounds * PROCESSES; stop += 1) {
  const [bff] = bffs;
  // Its successor first, as Kubernetes does.
  bffs.add(await startBff(program, project.folder));
  balancer.use(bffs);
  await pause(300);
  const told = Date.now();
  bff.signal("SIGTERM");
  const status = await Promise.race([bff.ended, pause(2 * GRACE_S * 1_000).then(() => "still runs")]);
  bffs.delete(bff);
  balancer.use(bffs);
  const seconds = (Date.now() - told) / 1_000;
  report.stops.push({ status, seconds });
  if (status !== 0) report.faults.push(`a process ended with ${status} after ${seconds} s: ${bff.log.slice(-5).join("\n")}`);
  if (seconds > GRACE_S) report.faults.push(`a process took ${seconds} s of ${GRACE_S} s to end`);
}

isOn = false;
const ended = Date.now();
const waitedTooLong = pause(PATIENCE_MS).then(() => Promise.reject(new Error("the load still waits for its last answers")));
const [asked, later, ...written] = await Promise.race([Promise.all(load), waitedTooLong]);
report.lastAnswer = (Date.now() - ended) / 1_000;
clearInterval(changing);
await untilAllSaw(subscribers, meter.value, PATIENCE_MS);
const tallies = [asked, later, ...written];
report.faults.push(...tallies.flatMap(({ faults }) => faults).slice(0, 20), ...faultsOf(subscribers, meter.value));
const twice = [...meter.writes].filter(([, times]) => times !== 1).map(([key]) => key);
const acknowledged = written.reduce((sum, { answered }) => sum + answered, 0);
if (twice.length) report.faults.push(`written twice: ${twice.slice(0, 10).join(", ")}`);
if (acknowledged !== meter.writes.size) report.faults.push(`${meter.writes.size} writes, ${acknowledged} acknowledged`);
Object.assign(report, {
  subscribers: count,
  connections: subscribers.reduce((sum, { seen }) => sum + seen.connections, 0),
  events: subscribers.reduce((sum, { seen }) => sum + seen.values.length, 0),
  queries: asked.answered,
  deferred: later.answered,
  writes: acknowledged,
});

for (const { stop } of subscribers) stop();
await balancer.close();
for (const bff of bffs) bff.signal("SIGKILL");
await project.remove();
meter.close();
console.log(JSON.stringify(report, null, 2));
process.exit(report.faults.length === 0 ? 0 : 1);
