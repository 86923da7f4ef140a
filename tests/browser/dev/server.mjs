// A small server that stands in for a BFF: the files of playground/ under the CSP that BFFs send, a schema,
// and answers that report made-up upstream calls. For work on the page, and for the self-test.
//
//   node dev/server.mjs [--port 4999]

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { buildSchema, graphql } from "graphql";

const PLAYGROUND = new URL("../../../playground/", import.meta.url);
const MAX_BODY_BYTES = 1 << 20;

/** Exactly the files that a BFF sends. */
export const FILES = new Map([
  ["/", ["index.html", "text/html; charset=utf-8"]],
  ["/playground/bespoke.css", ["bespoke.css", "text/css; charset=utf-8"]],
  ["/playground/bespoke.js", ["bespoke.js", "text/javascript; charset=utf-8"]],
  ...[
    ["graphiql/graphiql.min.css", "text/css; charset=utf-8"],
    ["graphiql/graphiql.min.js", "text/javascript; charset=utf-8"],
    ["react/umd/react.production.min.js", "text/javascript; charset=utf-8"],
    ["react-dom/umd/react-dom.production.min.js", "text/javascript; charset=utf-8"],
  ].map(([file, type]) => [`/playground/node_modules/${file}`, [`node_modules/${file}`, type]]),
]);

export const CONTENT_SECURITY_POLICY =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:";

const SCHEMA = buildSchema(`
  "What the web client sees of the shop."
  type Query {
    "The user who is logged in."
    me: User
    user(id: ID!): User
    products(first: Int = 3): [Product!]!
  }
  type User { id: ID! name: String! email: String! orders(first: Int = 2): [Order!]! }
  type Order { id: ID! status: String! items: [Item!]! }
  type Item { quantity: Int! product: Product! }
  type Product { id: ID! name: String! price: Money! inStock: Boolean! }
  type Money { amount: Int! currency: String! }
`);

const product = (id) => ({
  id,
  name: `Lamp ${id}`,
  price: { amount: 1990 + Number(id), currency: "EUR" },
  inStock: id % 2 === 0,
});
const order = (id) => ({
  id,
  status: "SHIPPED",
  items: [1, 2, 3].map((n) => ({ quantity: n, product: product(String(id * 3 + n)) })),
});
const user = (id) => ({
  id,
  name: "Ada Lovelace",
  email: "ada@example.org",
  orders: ({ first }) => Array.from({ length: Math.min(first, 50) }, (_, n) => order(String(n + 1))),
});
const ROOT = {
  me: () => user("123"),
  user: ({ id }) => user(id),
  products: ({ first }) => Array.from({ length: Math.min(first, 50) }, (_, n) => product(String(n + 1))),
};

/** Calls as a BFF reports them in development; which ones depends on what the query mentions. */
function callsFor(query) {
  const calls = [{ service: "users", operationId: "getUser", keys: 1, ms: 2.31, status: 200, shared: false }];
  if (query.includes("orders")) {
    calls.push({ service: "orders", operationId: "searchOrders", keys: 1, ms: 5.92, status: 200, shared: true });
  }
  if (query.includes("product")) {
    const batched = { keys: 6, shared: false };
    calls.push({ service: "catalog", operationId: "getProductsByIds", ms: 12.4, status: 200, ...batched });
    calls.push({ service: "inventory", operationId: "queryAvailability", ms: 3.05, status: 503, ...batched });
  }
  return calls;
}

const CONFIG = {
  client: "web",
  endpoint: "/graphql",
  token: "dev.token.signature",
  tabs: [
    {
      query: `# One page of the shop, in one request.
query MyOrders($first: Int!) {
  user(id: 123) {
    name
    orders(first: $first) {
      id
      status
      items {
        quantity
        product {
          name
          price { amount currency }
          inStock
        }
      }
    }
  }
}
`,
      variables: { first: 2 },
    },
    { query: "query Products {\n  products {\n    id\n    name\n  }\n}\n", headers: { "x-experiment": "b" } },
  ],
};

/**
 * Listens on `port` (0: any free one) of the loopback interface. `config` overrides parts of the page's configuration;
 * `inject(path, text)` may change a file as it is sent, so that a test can break the page on purpose.
 */
export async function startServer({ port = 0, config = {}, inject = (_path, text) => text } = {}) {
  const authorizations = [];
  const server = createServer((request, response) => {
    answer(request, response).catch((error) => send(response, 500, "text/plain", String(error)));
  });
  async function answer(request, response) {
    const { pathname } = new URL(request.url, "http://localhost");
    const file = FILES.get(pathname);
    if (request.method === "GET" && file) {
      const text = await readFile(new URL(file[0], PLAYGROUND), "utf8");
      return send(response, 200, file[1], inject(pathname, text));
    }
    if (request.method === "GET" && pathname === "/playground/config.json") {
      return send(response, 200, "application/json", JSON.stringify({ ...CONFIG, ...config }));
    }
    if (request.method === "POST" && pathname === "/graphql") {
      authorizations.push(request.headers.authorization ?? null);
      const { query, variables, operationName } = JSON.parse(await bodyOf(request));
      const result = await graphql({
        schema: SCHEMA,
        source: query,
        rootValue: ROOT,
        variableValues: variables,
        operationName,
      });
      const extensions = { bespoke: { calls: callsFor(query) } };
      return send(response, 200, "application/json", JSON.stringify({ ...result, extensions }));
    }
    return send(response, 404, "text/plain", `nothing at ${pathname}`);
  }
  await new Promise((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    authorizations,
    stop: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

function send(response, status, type, text) {
  response.writeHead(status, {
    "content-type": type,
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
  });
  response.end(text);
}

async function bodyOf(request) {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) {
    text += chunk;
    if (text.length > MAX_BODY_BYTES) throw new Error("body too large");
  }
  return text;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { port: { type: "string", default: "4999" } } });
  const { url } = await startServer({ port: Number(values.port) });
  console.log(`playground on ${url}`);
}
