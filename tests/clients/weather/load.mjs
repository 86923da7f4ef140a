// What goes on beside subscriptions: queries over HTTP, deferred answers, and writes over sockets. Each counts its answers,
// and says what was none.

import http from "node:http";
import { ADD, LATER, READ, pause } from "./meter.mjs";
import { socketClient } from "./subscribers.mjs";

class Tally {
  answered = 0;
  faults = [];
}

function post(url, agent, body, accept) {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", accept };
    const request = http.request(url, { method: "POST", agent, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk) => (text += chunk));
      response.on("end", () => resolve({ status: response.statusCode, text }));
      response.on("error", reject);
    });
    // As HTTP clients do for what is safe to repeat (RFC 9110 §9.2.2): a kept connection may be closed while a request is
    // on its way.
    request.on("error", (error) => {
      if (request.reusedSocket && error.code === "ECONNRESET") resolve(post(url, agent, body, accept));
      else reject(error);
    });
    request.end(JSON.stringify(body));
  });
}

/** Queries at a rate, for as long as `isOn` says so. */
export async function queries(url, perSecond, isOn) {
  const tally = new Tally();
  const agent = new http.Agent({ keepAlive: true, maxSockets: 32 });
  const asked = [];
  const began = Date.now();
  for (let number = 0; isOn(); number += 1) {
    const ahead = began + (number * 1_000) / perSecond - Date.now();
    if (ahead > 0) await pause(ahead);
    const ask = async () => {
      const { status, text } = await post(url, agent, { query: READ, variables: { id: String(number % 20) } }, "application/json");
      if (status !== 200 || !text.includes('"value":') || text.includes('"errors"')) throw new Error(`${status}: ${text}`);
      tally.answered += 1;
    };
    asked.push(ask().catch((error) => tally.faults.push(`query: ${error.message}`)));
  }
  await Promise.all(asked);
  agent.destroy();
  return tally;
}

/** Deferred answers, one after the other, each on a connection of its own; every second one as an event stream. */
export async function deferred(url, isOn) {
  const tally = new Tally();
  for (let number = 0; isOn(); number += 1) {
    const isEvents = number % 2 === 0;
    const accept = isEvents ? "text/event-stream" : "multipart/mixed";
    try {
      const { status, text } = await post(url, new http.Agent(), { query: LATER, variables: { id: "1" } }, accept);
      const end = isEvents ? "event: complete\ndata:\n\n" : "\r\n-----\r\n";
      if (status !== 200 || !text.includes("kWh") || !text.endsWith(end)) throw new Error(`${status}: ${text}`);
      tally.answered += 1;
    } catch (error) {
      tally.faults.push(`deferred as ${accept}: ${error.message}`);
    }
  }
  return tally;
}

function once(client, query, variables) {
  return new Promise((resolve, reject) => {
    const results = [];
    client.subscribe({ query, variables }, { next: (it) => results.push(it), error: reject, complete: () => resolve(results) });
  });
}

/** Writes over one socket, one after the other, every tenth with a deferred answer beside it. `name` makes its keys its own. */
export async function writes(url, name, isOn) {
  const tally = new Tally();
  const client = socketClient(url, undefined, false);
  for (let number = 0; isOn(); number += 1) {
    const key = `${name}-${number}`;
    try {
      const later = number % 10 === 0 ? once(client, LATER, { id: "1" }) : undefined;
      const results = await once(client, ADD, { key });
      const [{ data, errors } = {}] = results;
      if (results.length !== 1 || errors || data?.add?.key !== key) throw new Error(JSON.stringify(results));
      tally.answered += 1;
      const parts = await later;
      if (parts && !JSON.stringify(parts).includes("kWh")) throw new Error(JSON.stringify(parts));
    } catch (error) {
      tally.faults.push(`write ${key}: ${error?.message ?? error?.reason ?? JSON.stringify(error)}`);
    }
  }
  await client.dispose();
  return tally;
}
