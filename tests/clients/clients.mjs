// Client libraries against a running BFF of the web shop, each used as its documentation says.
// `node clients.mjs URL` with the URL of /graphql, the orders service in ORDERS_URL and a bearer token in BEARER.
// One JSON object on stdout: { passed: [name…], failed: [{ name, reason }…] }; exit 0 if none failed.

import { ApolloClient, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { Defer20220824Handler, GraphQL17Alpha9Handler } from "@apollo/client/incremental";
import { Client, cacheExchange, fetchExchange } from "@urql/core";
import assert from "node:assert/strict";
import { createClient as createEventClient } from "graphql-sse";
import { createClient as createSocketClient } from "graphql-ws";
import WebSocket from "ws";
import { relayConnection } from "./relay.mjs";

const [url] = process.argv.slice(2);
const { BEARER: bearer, ORDERS_URL: orders } = process.env;
/** Longest life of one library's part. */
const PATIENCE_MS = 20_000;

const PRODUCT = `query Product($id: ID!) { product(id: $id) { id name } }`;
const DEFERRED = `query Later { product(id: "1") { id name ... @defer(label: "stock") { inStock averageStars } } }`;
const WATCH = `subscription Watch($id: ID!) { orderStatusChanged(id: $id) { id status } }`;

/** Requests that a library sends, by the way. */
function counted() {
  const seen = [];
  const fetcher = (input, init) => {
    seen.push({ method: init?.method ?? "GET", accept: new Headers(init?.headers).get("accept") ?? "" });
    return fetch(input, init);
  };
  return { seen, fetcher };
}

function apolloClient(fetcher, options = {}) {
  const { link, ...rest } = options;
  return new ApolloClient({ cache: new InMemoryCache(), link: new HttpLink({ uri: url, fetch: fetcher, ...link }), ...rest });
}

async function apolloCache() {
  const { seen, fetcher } = counted();
  const client = apolloClient(fetcher, { link: { useGETForQueries: true } });
  const query = { query: gql(PRODUCT), variables: { id: "1" } };
  const first = await client.query(query);
  const second = await client.query(query);
  assert.ok(first.data.product.name.length > 0);
  assert.deepEqual(second.data, first.data);
  assert.deepEqual(seen.map(({ method }) => method), ["GET"], "the second answer comes from the cache");
  // Normalised by `__typename` and `id`: a part of the entity is read without asking.
  const name = client.readFragment({ id: "Product:1", fragment: gql`fragment Name on Product { name }` });
  assert.equal(name.name, first.data.product.name);
}

async function apolloDefer(incrementalHandler) {
  const { seen, fetcher } = counted();
  const client = apolloClient(fetcher, { incrementalHandler });
  const states = [];
  const watched = client.watchQuery({ query: gql(DEFERRED) });
  await new Promise((resolve, reject) => {
    watched.subscribe({
      next: (state) => {
        states.push(state);
        if (!state.loading && state.dataState === "complete") resolve();
      },
      error: reject,
    });
  });
  const { product } = states.at(-1).data;
  assert.equal(typeof product.inStock, "boolean");
  assert.equal(states.at(-1).error, undefined);
  assert.ok(seen[0].accept.startsWith("multipart/mixed"), seen[0].accept);
  assert.ok(states.some(({ dataState }) => dataState === "streaming"), "the first part was shown before the rest");
  const kept = client.readFragment({ id: "Product:1", fragment: gql`fragment Stock on Product { inStock }` });
  assert.equal(kept.inStock, product.inStock, "the deferred part is in the cache, too");
}

async function urql() {
  const { seen, fetcher } = counted();
  const client = new Client({ url, fetch: fetcher, preferGetMethod: false, exchanges: [cacheExchange, fetchExchange] });
  const first = await client.query(PRODUCT, { id: "2" }).toPromise();
  const second = await client.query(PRODUCT, { id: "2" }).toPromise();
  assert.equal(first.error, undefined);
  assert.equal(first.data.product.id, "2");
  assert.deepEqual([second.data, seen.length], [first.data, 1]);
  const invalid = await client.query(`{ nope }`, {}).toPromise();
  assert.equal(invalid.error.graphQLErrors[0].extensions.code, "GRAPHQL_VALIDATION_FAILED");
  const later = await new Promise((resolve) => {
    client.query(DEFERRED, {}).subscribe((result) => {
      if (!result.hasNext && !result.stale) resolve(result);
    });
  });
  assert.equal(later.error, undefined);
  assert.equal(typeof later.data.product.inStock, "boolean");
}

/** Watches an order, moves it on once the first event is there, and waits for the second. */
async function watchOrder(client) {
  const id = await placeOrder();
  const statuses = [];
  for await (const { data, errors } of client.iterate({ query: WATCH, variables: { id } })) {
    assert.equal(errors, undefined);
    statuses.push(data.orderStatusChanged.status);
    if (statuses.length === 2) break;
    const moved = await fetch(`${orders}/orders/${id}/advance`, { method: "POST" });
    assert.equal(moved.status, 200);
  }
  assert.deepEqual(statuses, ["PAID", "SHIPPED"]);
}

let placed = 0;
async function placeOrder() {
  const query = `mutation($key: String!) {
    placeOrder(key: $key, payBy: CARD, lines: [{ productId: 1, quantity: 1 }]) { ... on Order { id } }
  }`;
  placed += 1;
  const headers = { "content-type": "application/json", authorization: bearer };
  const body = JSON.stringify({ query, variables: { key: `clients-${placed}` } });
  const answer = await (await fetch(url, { method: "POST", headers, body })).json();
  assert.ok(answer.data?.placeOrder?.id, JSON.stringify(answer.errors));
  return answer.data.placeOrder.id;
}

async function one(client, query) {
  for await (const result of client.iterate({ query })) return result;
}

async function graphqlWs() {
  const socketUrl = url.replace(/^http/, "ws");
  const connectionParams = { authorization: bearer };
  const client = createSocketClient({ url: socketUrl, webSocketImpl: WebSocket, connectionParams, retryAttempts: 0 });
  try {
    assert.deepEqual(await one(client, "{ me { id } }").then(({ data }) => data), { me: { id: "123" } });
    const errors = await new Promise((resolve, reject) => {
      client.subscribe({ query: "{ nope }" }, { next: reject, error: resolve, complete: reject });
    });
    assert.equal(errors[0].extensions.code, "GRAPHQL_VALIDATION_FAILED");
    await watchOrder(client);
  } finally {
    await client.dispose();
  }
}

async function graphqlSse() {
  const client = createEventClient({ url, headers: { authorization: bearer }, retryAttempts: 0 });
  try {
    assert.deepEqual(await one(client, "{ me { id } }").then(({ data }) => data), { me: { id: "123" } });
    await watchOrder(client);
  } finally {
    client.dispose();
  }
}

const PARTS = {
  "@apollo/client: GET and the normalised cache": apolloCache,
  "@apollo/client: @defer as of 2022": () => apolloDefer(new Defer20220824Handler()),
  "@apollo/client: @defer of the current draft": () => apolloDefer(new GraphQL17Alpha9Handler()),
  "@urql/core": urql,
  "relay-compiler and relay-runtime: a connection": () => relayConnection(url),
  "graphql-ws": graphqlWs,
  "graphql-sse": graphqlSse,
};

const report = { passed: [], failed: [] };
for (const [name, run] of Object.entries(PARTS)) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${PATIENCE_MS} ms`)), PATIENCE_MS);
  });
  try {
    await Promise.race([run(), late]);
    report.passed.push(name);
  } catch (error) {
    report.failed.push({ name, reason: String(error?.stack ?? JSON.stringify(error)) });
  } finally {
    clearTimeout(timer);
  }
}
console.log(JSON.stringify(report, null, 2));
process.exit(report.failed.length === 0 ? 0 : 1);
