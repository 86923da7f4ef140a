// Meters whose own log says what they showed and what was written, and the project of a BFF in front of them.

import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import os from "node:os";
import path from "node:path";

/** How long the service takes for a write, and for what is deferred. */
const WRITE_MS = 300;
const UNIT_MS = 150;

const SERVICE_SDL = `
extend schema @link(url: "https://specs.apollo.dev/federation/v2.5", import: ["@key"])
  @link(url: "https://bespoke.example/connect/v1", import: ["@source", "@connect", "@poll"])
  @source(name: "meter")
type Query {
  reading(id: ID!): Reading @connect(http: { GET: "/readings/{$args.id}" }, selection: "id value unit { id }")
}
type Subscription {
  reading(id: ID!): Reading
    @connect(http: { GET: "/readings/{$args.id}" }, selection: "id value unit { id }") @poll(every: "500ms")
}
type Mutation { add(key: ID!): Sum @connect(http: { POST: "/sums/{$args.key}" }, selection: "key times") }
type Sum { key: ID! times: Int! }
type Reading { id: ID! value: Int! unit: Unit }
type Unit @key(fields: "id")
  @connect(http: { GET: "/units", queryParams: "id: $batch.id" }, batch: { key: "id", maxSize: 9 }) {
  id: ID!
  name: String!
}`;

const CLIENT_SDL = `
type Query { reading(id: ID!): Reading }
type Subscription { reading(id: ID!): Reading }
type Mutation { add(key: ID!): Sum }
type Sum { key: ID! times: Int! }
type Reading { id: ID! value: Int! unit: Unit }
type Unit { id: ID! name: String! }`;

export const WATCH = "subscription Watch($id: ID!) { reading(id: $id) { id value } }";
export const READ = "query Read($id: ID!) { reading(id: $id) { id value } }";
export const LATER = "query Later($id: ID!) { reading(id: $id) { id value ... @defer { unit { name } } } }";
export const ADD = "mutation Add($key: ID!) { add(key: $key) { key times } }";

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Listens on a free port of loopback; gives the port. */
export function listen(server) {
  return new Promise((resolve, reject) => {
    server.on("error", reject).listen(0, "127.0.0.1", () => resolve(server.address().port));
  });
}

/** The service. `value` is what all meters show, `writes` how often each key was written, `polls` how often it was read. */
export async function startMeter() {
  const meter = { value: 1, writes: new Map(), polls: 0 };
  const answer = (response, body) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(body));
  };
  const server = http.createServer(async (request, response) => {
    const [, kind, id] = new URL(request.url, "http://meter").pathname.split("/");
    if (kind === "readings") {
      meter.polls += 1;
      answer(response, { id, value: meter.value, unit: { id: "7" } });
    } else if (kind === "sums" && request.method === "POST") {
      const times = (meter.writes.get(id) ?? 0) + 1;
      meter.writes.set(id, times);
      await pause(WRITE_MS);
      answer(response, { key: id, times });
    } else if (kind === "units") {
      await pause(UNIT_MS);
      answer(response, [{ id: "7", name: "kWh" }]);
    } else {
      response.writeHead(404).end();
    }
  });
  // A connection that is closed between two requests would be a fault of this service.
  server.keepAliveTimeout = 600_000;
  meter.url = `http://127.0.0.1:${await listen(server)}`;
  meter.close = () => {
    server.close();
    server.closeAllConnections();
  };
  return meter;
}

/** A project in a folder of its own. `server` is the section of its configuration; `configure` writes another one. */
export async function makeProject(url, server) {
  const folder = await mkdtemp(path.join(os.tmpdir(), "weather-"));
  const configure = (section, meterUrl = url) => {
    // This is about stopping and reloading: that one machine does all the work is no fault of the service.
    const meter = { url: meterUrl, timeout: "10s", max_in_flight: 2_000, breaker: { enabled: false } };
    const config = { server: section, services: { meter }, cache: { enabled: false } };
    return writeFile(path.join(folder, "bespoke.yaml"), JSON.stringify(config));
  };
  await mkdir(path.join(folder, "schema", "services"), { recursive: true });
  await writeFile(path.join(folder, "schema", "services", "meter.graphql"), SERVICE_SDL);
  await writeFile(path.join(folder, "schema", "app.graphql"), CLIENT_SDL);
  await configure(server);
  return { folder, configure, remove: () => rm(folder, { recursive: true, force: true }) };
}
