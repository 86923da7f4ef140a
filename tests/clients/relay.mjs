// Relay: its compiler takes the schema, its runtime pages through a connection.

import { buildClientSchema, getIntrospectionQuery, printSchema } from "graphql";
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import relay from "relay-runtime";

const { Environment, Network, RecordSource, Store, createOperationDescriptor, fetchQuery } = relay;
const here = import.meta.dirname;
const PAGE = 3;

/** Compiles `relay/` against the schema at `url`; returns what gives a document's artifact. */
async function compiled(folder, post) {
  const { data } = await post(getIntrospectionQuery());
  await writeFile(path.join(folder, "schema.graphql"), printSchema(buildClientSchema(data)));
  await cp(path.join(here, "relay"), path.join(folder, "src"), { recursive: true });
  const config = { src: "src", schema: "schema.graphql", language: "javascript", eagerEsModules: false };
  await writeFile(path.join(folder, "relay.config.json"), JSON.stringify(config));
  // The artifacts are CommonJS.
  await writeFile(path.join(folder, "package.json"), "{}");
  const compiler = path.join(here, "node_modules/relay-compiler/cli.js");
  await promisify(execFile)(process.execPath, [compiler, "relay.config.json"], { cwd: folder, timeout: 15_000 });
  const require = createRequire(path.join(folder, "src", "orders.js"));
  return (name) => require(`./__generated__/${name}.graphql.js`);
}

/** Reads two pages of a user's orders; in the store they are one list, in the order of the service. */
export async function relayConnection(url) {
  const post = async (query, variables = {}) => {
    const headers = { "content-type": "application/json" };
    return (await fetch(url, { method: "POST", headers, body: JSON.stringify({ query, variables }) })).json();
  };
  const folder = await mkdtemp(path.join(tmpdir(), "relay-"));
  try {
    const artifact = await compiled(folder, post);
    const network = Network.create(({ text }, variables) => post(text, variables));
    const environment = new Environment({ network, store: new Store(new RecordSource()) });

    const first = createOperationDescriptor(artifact("ordersQuery"), { user: "123", count: PAGE });
    environment.retain(first);
    await fetchQuery(environment, first.request.node, first.request.variables).toPromise();
    const fragment = artifact("ordersList");
    const list = () => {
      const root = environment.lookup(first.fragment).data;
      const selector = relay.getSingularSelector(fragment, root);
      return environment.lookup(selector).data.orderConnection;
    };
    const { pageInfo, edges } = list();
    assert.deepEqual([edges.length, pageInfo.hasNextPage], [PAGE, true]);

    const next = { user: "123", count: PAGE, cursor: pageInfo.endCursor };
    await fetchQuery(environment, artifact("ordersPageQuery"), next).toPromise();
    const { data } = await post(`{ user(id: "123") { orders(first: ${2 * PAGE}) { id status } } }`);
    const nodes = list().edges.map(({ node: { id, status } }) => ({ id, status }));
    assert.deepEqual(nodes, data.user.orders);
    // Each edge's cursor leads on behind it.
    const after = edges[0].cursor;
    const behind = await post(`{ orderConnection(userId: "123", first: 1, after: ${JSON.stringify(after)}) { edges { node { id } } } }`);
    assert.equal(behind.data.orderConnection.edges[0].node.id, edges[1].node.id);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
