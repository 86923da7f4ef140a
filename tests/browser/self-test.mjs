// Tests of the page and of its driver, with the stand-in server: `npm run self-test`.
//
// The driver's half breaks the page on purpose: a check that cannot fail would let a broken page pass.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";
import { startServer } from "./dev/server.mjs";
import { visit } from "./graphiql.mjs";

/** One visit to a fresh server; `server` are its options. */
async function visited(options, server = {}) {
  const it = await startServer(server);
  try {
    const result = await visit({ url: it.url, ...options });
    return { ...result, authorizations: it.authorizations };
  } finally {
    await it.stop();
  }
}

/** The page with `script` added to our own. */
const withScript = (script) => ({
  inject: (path, text) => (path === "/playground/bespoke.js" ? `${text}\n${script}` : text),
});

describe("the page", () => {
  test("completes, runs, and shows the calls", async () => {
    const result = await visited({
      completeIn: "{ me { | } }",
      fieldPrefix: "na",
      expectField: "name",
      query: '{ user(id: "7") { name orders(first: 1) { items { product { name } } } } }',
      expectText: ["Ada Lovelace", "Lamp 4"],
      expectCalls: 4,
      screenshot: "self-test-light.png",
    });
    assert.equal(result.reason, undefined);
    assert.equal(result.title, "web · Bespoke");
    assert.deepEqual(result.tabs, ["MyOrders", "Products"]);
    assert.match(result.calls[2], /catalog\s+getProductsByIds\s+6\s+200\s+12 ms/);
    assert.match(result.summary[0], /3 upstream calls\s+11 saved by batching and sharing\s+slowest 12 ms/);
    assert.deepEqual(new Set(result.authorizations), new Set(["Bearer dev.token.signature"]));
  });

  test("runs the first configured tab with its variables, in the dark too", async () => {
    const result = await visited({
      run: true,
      dark: true,
      expectText: ['"id": "2"'],
      expectCalls: 4,
      screenshot: "self-test-dark.png",
    });
    assert.equal(result.reason, undefined);
  });

  test("keeps its tabs over a reload, each with the calls of its own answer", async () => {
    const result = await visited({
      run: true,
      expectCalls: 4,
      also: async (page) => {
        await page.locator(".graphiql-tab-button").nth(1).click();
        await page.locator(".bespoke-summary").waitFor({ state: "detached" });
        await page.getByRole("button", { name: "Headers" }).click();
        await page.getByText("x-experiment").waitFor();
        // The store is written half a second after the last change.
        await page.waitForFunction(() =>
          Object.entries(sessionStorage).some(
            ([key, value]) => key.endsWith(":tabState") && JSON.parse(value).activeTabIndex === 1,
          ),
        );
        await page.reload();
        await page.getByText("query Products").or(page.locator(".cm-def", { hasText: "Products" })).first().waitFor();
        assert.deepEqual(await page.locator(".graphiql-tab-button").allInnerTexts(), ["MyOrders", "Products"]);
        assert.deepEqual(
          await page.evaluate(() => Object.values(localStorage).filter((it) => /Authorization|dev\.token/.test(it))),
          [],
          "the token must not outlive the browser's tab",
        );
      },
    });
    assert.equal(result.reason, undefined);
  });

  test("uses the new token after the server was restarted with another", async () => {
    const config = { token: "first.token" };
    const result = await visited(
      {
        run: true,
        expectCalls: 4,
        also: async (page) => {
          config.token = "second.token";
          await page.reload();
          await page.locator(".graphiql-query-editor .cm-def", { hasText: "MyOrders" }).waitFor();
          await page.locator(".graphiql-query-editor .CodeMirror").click();
          await page.keyboard.press("Control+Enter");
          await page.locator(".bespoke-calls").waitFor();
        },
      },
      { config },
    );
    assert.equal(result.reason, undefined);
    assert.equal(result.authorizations.at(0), "Bearer first.token");
    assert.equal(result.authorizations.at(-1), "Bearer second.token");
    assert.equal(result.authorizations.filter((it) => it === "Bearer first.token").length, 2);
  });

  test("starts without tabs and token", async () => {
    const result = await visited(
      { query: "{ me { name } }", expectText: ["Ada Lovelace"], expectCalls: 1 },
      { config: { tabs: [], token: undefined } },
    );
    assert.equal(result.reason, undefined);
    assert.deepEqual(new Set(result.authorizations), new Set([null]));
  });

  test("refuses an endpoint of another origin", async () => {
    const result = await visited({}, { config: { endpoint: "http://127.0.0.1:9/graphql" } });
    assert.match(result.reason, /The playground could not start: endpoint .* has another origin than this page/);
    assert.deepEqual(result.elsewhere, []);
  });
});

describe("the driver", () => {
  const query = { query: "{ me { name } }", expectText: ["Ada"] };
  const other = /other origins|blocked by the page/;
  let elsewhere;
  before(async () => {
    elsewhere = createServer((_request, response) => response.end("seen")).listen(0, "127.0.0.1");
    await new Promise((resolve) => elsewhere.once("listening", resolve));
  });
  after(() => elsewhere.close());
  const otherUrl = () => `http://127.0.0.1:${elsewhere.address().port}/tracker`;

  for (const [what, script, reason] of [
    ["an image of another origin", () => `new Image().src = "${otherUrl()}";`, other],
    ["a fetch to another origin", () => `fetch("${otherUrl()}").catch(() => {});`, other],
    ["a socket to another origin", () => `new WebSocket("${otherUrl()}".replace("http", "ws"));`, other],
    ["a file that is not there", () => `fetch("/playground/nothing.css");`, /nothing\.css: status 404/],
    ["an error on the console", () => `console.error("told you");`, /console: told you/],
    ["an error that nobody catches", () => `setTimeout(() => { throw new Error("oops"); });`, /page: oops/],
  ]) {
    test(`finds ${what}`, async () => {
      const result = await visited(query, withScript(script()));
      assert.equal(result.ok, false);
      assert.match(result.reason, reason);
    });
  }

  test("finds a field that completion does not offer", async () => {
    const result = await visited({ fieldPrefix: "pro", expectField: "profile", timeout: 8 });
    assert.match(result.reason, /completion of `pro` offers \[.*"products".*\], not `profile`/);
  });

  test("finds an answer without the expected text", async () => {
    const result = await visited({ ...query, expectText: ["Grace"], timeout: 8 });
    assert.match(result.reason, /does not contain "Grace"; it is: .*Ada Lovelace/s);
  });

  test("finds a strip with other calls", async () => {
    const result = await visited({ ...query, expectCalls: 2, timeout: 8 });
    assert.match(result.reason, /the strip shows 1 calls, not 2/);
  });

  test("says that nobody listens", async () => {
    const it = await startServer();
    await it.stop();
    const result = await visit({ url: it.url, timeout: 8 });
    assert.match(result.reason, /could not open the page: .*ERR_CONNECTION_REFUSED/);
  });
});
