// Drives the GraphiQL page of a running BFF as a person would, in Chromium without a window.
// `node graphiql.mjs --help` tells how. One JSON object on stdout; exit 0 if all held, 1 if not, 2 for bad usage.

import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";

const HELP = `Usage: node graphiql.mjs --url URL --field-prefix na --expect-field name --complete-in '{ me { | } }' \\
                        --query '{ me { name } }' --expect-text Ada
  --url URL            the page
  --field-prefix TEXT  typed inside --complete-in, to open the completion list   (with --expect-field)
  --expect-field NAME  a field that the completion list must offer
  --complete-in QUERY  the document to complete in, with | where the prefix goes (default: { | })
  --query TEXT         typed with key events, laid out with Shift+Ctrl+P, run with Ctrl+Enter
  --run                runs the first tab as it is configured, instead
  --expect-text TEXT   must appear in the answer; may be repeated
  --expect-calls N     rows that the strip of upstream calls must have
  --dark               with the dark colour scheme
  --size WxH           of the window (default: 1280x800)
  --screenshot FILE    written at the end; a relative FILE goes into .artifacts/ of the repository
  --screenshot-completions FILE   likewise, while the completion list is open
  --timeout SECONDS    longest wait of each step (default: 15)`;

const REPOSITORY = fileURLToPath(new URL("../../", import.meta.url));
/** Longest life of the whole process, whatever hangs. */
const WATCHDOG_MS = 180_000;
const CHROMIUM_FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--disable-dev-shm-usage",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Something that a check of the page found; its message is the reason given. */
class Finding extends Error {}

/**
 * Runs one visit and returns `{ ok, reason?, title, tabs, completions, answer, calls, elsewhere, errors, … }`.
 * `options` are those of the command line, in camel case. `also(page)` runs after all other steps.
 */
export async function visit(options) {
  const timeout = (options.timeout ?? 15) * 1000;
  const origin = new URL(options.url).origin;
  const seen = { requests: 0, elsewhere: [], errors: [] };
  const result = { ok: false, url: options.url };
  const profile = await mkdtemp(join(tmpdir(), "bespoke-browser-"));
  let context;
  try {
    context = await chromium.launchPersistentContext(profile, {
      executablePath: findChromium(),
      headless: true,
      args: CHROMIUM_FLAGS,
      timeout: Math.max(timeout, 30_000),
      colorScheme: options.dark ? "dark" : "light",
      viewport: options.size ?? { width: 1280, height: 800 },
    });
    context.setDefaultTimeout(timeout);
    const page = context.pages()[0] ?? (await context.newPage());
    watch(page, origin, seen);
    try {
      await steps(page, options, timeout, result);
    } finally {
      if (options.screenshot) result.screenshot = await screenshot(page, options.screenshot);
    }
    judge(seen, origin);
    result.ok = true;
  } catch (error) {
    result.reason = reasonOf(error, seen);
  } finally {
    await context?.close().catch(() => {});
    await rm(profile, { recursive: true, force: true, maxRetries: 3 }).catch(() => {});
  }
  return { ...result, ...seen };
}

function findChromium() {
  for (const name of [process.env.CHROMIUM, "chromium", "chromium-browser", "google-chrome"].filter(Boolean)) {
    try {
      return execFileSync("sh", ["-c", 'command -v -- "$1"', "sh", name], { encoding: "utf8" }).trim();
    } catch {
      // Not this one.
    }
  }
  throw new Finding("Chromium is not installed: run `./test --setup-only`");
}

/** Notes every request and every error from now on; a request that a policy blocked is a request too. */
function watch(page, origin, seen) {
  const isElsewhere = (url) => !/^(data|blob|about):/.test(url) && new URL(url).origin !== origin;
  page.on("request", (request) => {
    seen.requests += 1;
    if (isElsewhere(request.url())) seen.elsewhere.push(request.url());
  });
  page.on("requestfailed", (request) => {
    // GraphiQL aborts what it no longer wants; that is no error.
    const reason = request.failure()?.errorText ?? "failed";
    if (reason !== "net::ERR_ABORTED") seen.errors.push(`request ${request.url()}: ${reason}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400) seen.errors.push(`request ${response.url()}: status ${response.status()}`);
  });
  page.on("websocket", (socket) => {
    if (new URL(socket.url()).host !== new URL(origin).host) seen.elsewhere.push(socket.url());
  });
  page.on("console", (message) => {
    // With its place: "Failed to load resource" does not name the resource.
    if (message.type() === "error") seen.errors.push(`console: ${message.text()} (${message.location().url})`);
  });
  page.on("pageerror", (error) => seen.errors.push(`page: ${error.message}`));
}

async function steps(page, options, timeout, result) {
  // Blocked requests never reach the network: the page's own report of them is the only sign.
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => {
      console.error(`blocked by the page's policy: ${event.effectiveDirective} ${event.blockedURI}`);
    });
  });
  await step("open the page", () => page.goto(options.url, { waitUntil: "load" }));
  const editor = page.locator(".graphiql-query-editor .CodeMirror").first();
  const notice = page.getByRole("alert");
  await step("wait for the query editor", async () => {
    await editor.or(notice).first().waitFor();
    if (await notice.isVisible()) throw new Error(await notice.innerText());
  });
  await step("wait for the schema", () =>
    page.waitForFunction(() => {
      const editor = document.querySelector(".graphiql-query-editor .CodeMirror");
      return Boolean(editor?.CodeMirror?.options?.lint?.schema);
    }),
  );
  result.title = await page.title();
  result.tabs = await page.locator(".graphiql-tab-button").allInnerTexts();

  if (options.expectField || options.query) {
    // In a tab of its own: the configured one may have variables.
    await step("open a new tab", () => page.locator("button.graphiql-tab-add").click());
  }
  if (options.expectField) {
    const [before, after] = (options.completeIn ?? "{ | }").split("|");
    await step("type a field's first letters", async () => {
      await replaceText(page, editor, before + after);
      for (let n = 0; n < after.length; n += 1) await page.keyboard.press("ArrowLeft");
      // Letters open the list by themselves; Ctrl+Space would take an only candidate instead of listing it.
      if (options.fieldPrefix) await page.keyboard.type(options.fieldPrefix, { delay: 30 });
      else await page.keyboard.press("Control+Space");
    });
    const hints = page.locator(".CodeMirror-hints .CodeMirror-hint");
    const wanted = new RegExp(`^\\s*${escapeRegExp(options.expectField)}\\b`);
    try {
      await hints.filter({ hasText: wanted }).first().waitFor();
    } catch {
      const offered = JSON.stringify(await hints.allInnerTexts());
      throw new Finding(`completion of \`${options.fieldPrefix}\` offers ${offered}, not \`${options.expectField}\``);
    }
    result.completions = await hints.allInnerTexts();
    if (options.screenshotCompletions) await screenshot(page, options.screenshotCompletions);
    await step("close the completion list", () => closeCompletions(page));
  }

  if (options.query) {
    await step("type the query", () => replaceText(page, editor, options.query));
    await step("close the completion list", () => closeCompletions(page));
    await page.keyboard.press("Shift+Control+P");
    // GraphiQL reads the text a moment later; until then Ctrl+Enter would ask for the previous operation.
    await step("wait until the query is read", () =>
      page.waitForFunction(() => {
        const editor = document.querySelector(".graphiql-query-editor .CodeMirror").CodeMirror;
        return editor.documentAST?.loc?.source.body === editor.getValue();
      }),
    );
  }
  if (options.query || options.run) {
    await step("run the query and wait for the answer", async () => {
      const response = page.waitForResponse((it) => it.request().method() === "POST", { timeout });
      // Not with a click: a completion list that opens late may lie over the editor's middle.
      const focused = editor.evaluate((element) => element.CodeMirror.focus());
      await Promise.all([response, focused.then(() => page.keyboard.press("Control+Enter"))]);
    });
    await step("see the answer", () => page.locator(".result-window .CodeMirror-line >> nth=1").waitFor());
  }
  for (const text of options.expectText ?? []) {
    try {
      await page.waitForFunction((wanted) => {
        const window = document.querySelector(".result-window .CodeMirror");
        return (window?.CodeMirror?.getValue() ?? "").includes(wanted);
      }, text);
    } catch {
      const answer = (await answerText(page)).slice(0, 2000);
      throw new Finding(`the answer does not contain ${JSON.stringify(text)}; it is: ${answer}`);
    }
  }
  result.answer = await answerText(page);
  if (options.expectCalls !== undefined) {
    const rows = page.locator(".bespoke-calls tbody tr");
    await rows.nth(options.expectCalls - 1).waitFor().catch(() => {}); // Counted next, either way.
    const shown = await rows.count();
    if (shown !== options.expectCalls) throw new Finding(`the strip shows ${shown} calls, not ${options.expectCalls}`);
  }
  result.calls = await page.locator(".bespoke-calls tbody tr").allInnerTexts();
  if (options.also) await options.also(page);
  result.summary = await page.locator(".bespoke-summary").allInnerTexts();
}

async function step(name, work) {
  try {
    return await work();
  } catch (error) {
    throw new Finding(`could not ${name}: ${String(error.message).split("\n")[0]}`);
  }
}

/** Puts `text` into the editor with key events, and makes sure that exactly it is there. */
async function replaceText(page, editor, text) {
  await editor.click();
  await page.keyboard.press("Control+A");
  await page.keyboard.press("Delete");
  // The editor closes brackets by itself, which keys typed later overtype; a line break would indent.
  await page.keyboard.type(text.replace(/\s*\n\s*/g, " ").trim(), { delay: 8 });
  const typed = await editor.evaluate((element) => element.CodeMirror.getValue());
  const flat = (it) => it.replace(/\s+/g, " ").trim();
  if (flat(typed) !== flat(text)) throw new Error(`the editor holds ${JSON.stringify(typed)}`);
}

/** Closes the completion list; it may open some time after the last key, and lies over what is clicked next. */
async function closeCompletions(page) {
  const list = page.locator(".CodeMirror-hints");
  for (let quiet = 0; quiet < 3; quiet += 1) {
    await page.waitForTimeout(60);
    if ((await list.count()) === 0) continue;
    quiet = -1;
    await page.keyboard.press("Escape");
    await list.waitFor({ state: "detached" });
  }
}

function answerText(page) {
  return page.evaluate(() => document.querySelector(".result-window .CodeMirror")?.CodeMirror?.getValue() ?? "");
}

async function screenshot(page, file) {
  const target = resolve(REPOSITORY, ".artifacts", file);
  await mkdir(dirname(target), { recursive: true });
  await page.screenshot({ path: target });
  return target;
}

function judge(seen, origin) {
  const others = seen.elsewhere.join(", ");
  if (others !== "") throw new Finding(`requests to other origins than ${origin}: ${others}`);
  if (seen.errors.length > 0) throw new Finding(`errors on the page: ${seen.errors.join("; ")}`);
}

function reasonOf(error, seen) {
  const reason = error instanceof Finding ? error.message : `unexpected: ${error.message}`;
  const all = [...seen.elsewhere.map((url) => `asked for ${url}`), ...seen.errors];
  return [reason, ...all.filter((it) => !reason.includes(it))].join("; ");
}

const escapeRegExp = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

function readOptions() {
  const { values } = parseArgs({
    options: {
      help: { type: "boolean" },
      url: { type: "string" },
      "field-prefix": { type: "string" },
      "expect-field": { type: "string" },
      "complete-in": { type: "string" },
      query: { type: "string" },
      run: { type: "boolean" },
      "expect-text": { type: "string", multiple: true },
      "expect-calls": { type: "string" },
      dark: { type: "boolean" },
      size: { type: "string" },
      screenshot: { type: "string" },
      "screenshot-completions": { type: "string" },
      timeout: { type: "string" },
    },
  });
  if (values.help) return null;
  if (!values.url || !URL.canParse(values.url)) throw new Error("--url is needed");
  const [width, height] = (values.size ?? "1280x800").split("x").map(Number);
  if (!(width > 0 && height > 0)) throw new Error("--size is like 1280x800");
  return {
    url: values.url,
    fieldPrefix: values["field-prefix"],
    expectField: values["expect-field"],
    completeIn: values["complete-in"],
    query: values.query,
    run: values.run,
    expectText: values["expect-text"],
    expectCalls: number(values["expect-calls"], "--expect-calls"),
    dark: values.dark,
    size: { width, height },
    screenshot: values.screenshot,
    screenshotCompletions: values["screenshot-completions"],
    timeout: number(values.timeout, "--timeout"),
  };
}

function number(text, name) {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new Error(`${name} is a number above 0`);
  return value;
}

async function main() {
  let options;
  try {
    options = readOptions();
  } catch (error) {
    console.error(`${error.message}\n\n${HELP}`);
    process.exit(2);
  }
  if (!options) return console.log(HELP);
  setTimeout(() => {
    console.log(JSON.stringify({ ok: false, reason: `nothing finished within ${WATCHDOG_MS / 1000} s` }));
    process.exit(1);
  }, WATCHDOG_MS).unref();
  const result = await visit(options);
  console.log(JSON.stringify(result, null, 2));
  if (!result.ok) {
    console.error(`graphiql: ${result.reason}`);
    process.exitCode = 1;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
