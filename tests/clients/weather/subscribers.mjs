// Subscribers as frontend engineers write them, each with its own connection, and what each of them has seen.

import { ApolloClient, ApolloLink, InMemoryCache, gql } from "@apollo/client";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { Client, subscriptionExchange } from "@urql/core";
import { createClient as createEventClient } from "graphql-sse";
import { createClient as createSocketClient } from "graphql-ws";
import WebSocket from "ws";
import { WATCH } from "./meter.mjs";

/** Clients wait a second and more before they come back; a test has less time. */
const retryWait = () => new Promise((resolve) => setTimeout(resolve, 50 + Math.random() * 250));

/** What one subscriber saw. A value that is repeated is a fault, unless it is the first one of a connection. */
export class Seen {
  values = [];
  connections = 0;
  faults = [];
  #isFirst = true;

  connected() {
    this.connections += 1;
    this.#isFirst = true;
  }

  next({ data, errors }) {
    if (errors?.length) return this.fault(`errors: ${JSON.stringify(errors)}`);
    const { value } = data.reading;
    const last = this.values.at(-1);
    if (last !== undefined && (this.#isFirst ? value < last : value <= last)) this.fault(`${value} after ${last}`);
    this.#isFirst = false;
    this.values.push(value);
  }

  fault(reason) {
    this.faults.push(reason);
  }
}

export function socketClient(url, seen, lazy = true) {
  return createSocketClient({
    url: url.replace(/^http/, "ws"),
    webSocketImpl: WebSocket,
    retryWait,
    lazy,
    on: { connected: () => seen?.connected() },
  });
}

function sinkOf(seen) {
  return {
    next: (result) => seen.next(result),
    error: (error) => seen.fault(`error: ${error?.message ?? error?.reason ?? JSON.stringify(error)}`),
    complete: () => seen.fault("complete"),
  };
}

function graphqlWs(url, id, seen) {
  const client = socketClient(url, seen);
  client.subscribe({ query: WATCH, variables: { id } }, sinkOf(seen));
  return () => client.dispose();
}

function graphqlSse(url, id, seen) {
  // Five tries with the library's own waits last half a minute; these waits are short, so there are more of them.
  const client = createEventClient({
    url,
    retry: retryWait,
    retryAttempts: 20,
    on: { connected: () => seen.connected() },
  });
  client.subscribe({ query: WATCH, variables: { id } }, sinkOf(seen));
  return () => client.dispose();
}

function apollo(url, id, seen) {
  const sockets = socketClient(url, seen);
  const link = ApolloLink.from([new GraphQLWsLink(sockets)]);
  const client = new ApolloClient({ cache: new InMemoryCache(), link });
  const { next, error, complete } = sinkOf(seen);
  client.subscribe({ query: gql(WATCH), variables: { id } }).subscribe({
    next: ({ data, error: failed }) => (failed ? error(failed) : next({ data })),
    error,
    complete,
  });
  return () => (client.stop(), sockets.dispose());
}

function urql(url, id, seen) {
  const sockets = socketClient(url, seen);
  const forwardSubscription = ({ query, variables }) => ({
    subscribe: (sink) => ({ unsubscribe: sockets.subscribe({ query, variables }, sink) }),
  });
  const client = new Client({ url, preferGetMethod: false, exchanges: [subscriptionExchange({ forwardSubscription })] });
  const { next, error } = sinkOf(seen);
  client.subscription(WATCH, { id }).subscribe(({ data, error: failed }) => (failed ? error(failed) : next({ data })));
  return () => sockets.dispose();
}

/** Of ten subscribers, so many of each kind. */
const KINDS = [graphqlWs, graphqlSse, graphqlWs, graphqlSse, apollo, graphqlWs, graphqlSse, urql, graphqlWs, graphqlSse];

/** Starts subscribers to `meters` different meters. */
export function subscribe(url, count, meters) {
  return Array.from({ length: count }, (_, number) => {
    const start = KINDS[number % KINDS.length];
    const seen = new Seen();
    const stop = start(url, String(number % meters), seen);
    return { kind: start.name, seen, stop };
  });
}

/** Waits until all of them have seen a value last; those that have not within the time are left to be counted. */
export async function untilAllSaw(subscribers, value, ms) {
  const end = Date.now() + ms;
  while (Date.now() < end && subscribers.some(({ seen }) => seen.values.at(-1) !== value)) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** What went wrong, a line for each, with how often. */
export function faultsOf(subscribers, value) {
  const counts = new Map();
  const count = (fault) => counts.set(fault, (counts.get(fault) ?? 0) + 1);
  for (const { kind, seen } of subscribers) {
    for (const fault of seen.faults) count(`${kind}: ${fault}`);
    if (seen.values.at(-1) !== value) count(`${kind}: never saw the last value ${value}`);
  }
  return [...counts].map(([fault, times]) => `${times} × ${fault}`);
}
