// Runs the GraphQL over HTTP audits of npm `graphql-http` against a running server.
//
//   node audits.mjs URL
//
// Prints { url, passed, failed, audits: [{ id, name, level, status, reason? }] } as JSON. Exit 0 when every MUST and
// SHOULD passes (a failed MAY is listed and allowed), 1 when one does not, 2 for bad usage.

import { serverAudits } from "graphql-http";

/** Longest wait for one answer. */
const REQUEST_TIMEOUT_MS = 5_000;
/** Longest life of the whole process. */
const WATCHDOG_MS = 120_000;

const [url, ...rest] = process.argv.slice(2);
if (!url || !URL.canParse(url) || rest.length > 0) {
  console.error("Usage: node audits.mjs URL    (such as http://127.0.0.1:4001/graphql)");
  process.exit(2);
}
setTimeout(() => {
  console.error(`audits: not finished within ${WATCHDOG_MS / 1000} s`);
  process.exit(1);
}, WATCHDOG_MS).unref();

const fetchFn = (input, init) => fetch(input, { ...init, signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
const audits = [];
for (const audit of serverAudits({ url, fetchFn })) audits.push(await outcome(audit));

const required = audits.filter((audit) => audit.level !== "MAY");
const failed = required.filter((audit) => audit.status !== "ok");
console.log(JSON.stringify({ url, passed: required.length - failed.length, failed: failed.length, audits }, null, 2));
for (const { id, name, reason } of failed) console.error(`audits: ${id} ${name}: ${reason}`);
// No audit at all is no success: it would mean that the package has changed under us.
process.exit(failed.length === 0 && required.length > 0 ? 0 : 1);

/** An audit's result; one that throws (no connection, no answer in time) has failed. */
async function outcome(audit) {
  const { id, name } = audit;
  const level = name.split(" ")[0];
  try {
    const result = await audit.fn();
    if (result.status === "ok") return { id, name, level, status: "ok" };
    return { id, name, level, status: result.status, reason: await reasonOf(result) };
  } catch (error) {
    const cause = error.cause ? ` (${error.cause.code ?? error.cause.message})` : "";
    return { id, name, level, status: "error", reason: `${error.message}${cause}` };
  }
}

async function reasonOf({ reason, response }) {
  const body = await response?.text().catch(() => "");
  const answer = response ? `; answer ${response.status} ${response.headers.get("content-type") ?? ""}` : "";
  return `${reason}${answer}${body ? `: ${body.slice(0, 300)}` : ""}`;
}
