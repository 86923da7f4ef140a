// Tests of `audits.mjs`: a server known to be good passes, one that answers anything with 200 and one that is not
// there fail. `npm run self-test`.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { buildSchema } from "graphql";
import { createHandler } from "graphql-http/lib/use/http";

/** Runs the audits against a server with `handler`; `null`: against a port where nobody listens. */
async function audited(handler) {
  const server = createServer(handler ?? (() => {}));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${server.address().port}/graphql`;
  if (!handler) await new Promise((resolve) => server.close(resolve));
  try {
    const script = fileURLToPath(new URL("audits.mjs", import.meta.url));
    const child = spawn(process.execPath, [script, url], { stdio: ["ignore", "pipe", "ignore"], timeout: 60_000 });
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (chunk) => (text += chunk));
    const code = await new Promise((resolve) => child.on("close", resolve));
    return { code, report: JSON.parse(text) };
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test("the reference server passes", async () => {
  const { code, report } = await audited(createHandler({ schema: buildSchema("type Query { a: Int }") }));
  assert.equal(code, 0);
  assert.equal(report.failed, 0);
  assert.ok(report.passed >= 20, `only ${report.passed} audits are MUST or SHOULD`);
  assert.ok(report.audits.length > report.passed, "no MAY is listed");
});

test("a server that says yes to everything fails, with reasons", async () => {
  const { code, report } = await audited((_request, response) => {
    response.writeHead(200, { "content-type": "application/json" }).end('{"data":{"__typename":"Query"}}');
  });
  assert.equal(code, 1);
  const parsing = report.audits.find((audit) => audit.id === "556A");
  assert.equal(parsing.level, "SHOULD");
  assert.notEqual(parsing.status, "ok");
  assert.match(parsing.reason, /answer 200/);
});

test("no server fails", async () => {
  const { code, report } = await audited(null);
  assert.equal(code, 1);
  assert.ok(report.audits.every((audit) => audit.status !== "ok"));
  assert.match(report.audits[0].reason, /ECONNREFUSED/);
});
