// Answers GraphQL operations by graphql-js, over what the demo's services hold.
//
//   node oracle.mjs
//
// Standard input and output are JSON, one value a line. First comes { services, caller: { sub, authorization }, schemas:
// { web, mobile } }, answered by {} once everything is read. Then, any number of times,
//   { client, query, variables, seed? }        answered by { result } or { refused: [message] };
//   { client, documents: [text] }              answered by { verdicts: [null, or { message, isSyntax, places }] }, the
//                                              first message and each error's places: [[line, column]].
// Without services, only documents can be judged. With a seed, services are seen through its corruption. Ends with its input.

import { createInterface } from "node:readline";
import { buildSchema, executeSync, parse, validate } from "graphql";
import { load, World } from "./store.mjs";
import * as mobile from "./mobile.mjs";
import * as web from "./web.mjs";

const resolvers = { web, mobile };
const worlds = new Map();
let data, caller, schemas;

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  console.log(JSON.stringify(await answer(JSON.parse(line))));
}

async function answer(request) {
  if (request.schemas) return start(request);
  const schema = schemas[request.client];
  if (request.documents) return { verdicts: request.documents.map((text) => verdict(problems(schema, text))) };
  const refused = problems(schema, request.query);
  if (refused.length > 0) return { refused: refused.map(({ message }) => message) };
  return { result: executeSync({
    schema,
    document: parse(request.query),
    variableValues: request.variables,
    contextValue: { world: world(request.seed ?? null), sub: caller.sub },
  }) };
}

async function start(request) {
  caller = request.caller;
  data = request.services && (await load(request.services, caller));
  const entries = Object.entries(request.schemas).map(([name, text]) => [name, executable(text, resolvers[name] ?? { types: {}, members: {} })]);
  schemas = Object.fromEntries(entries);
  return {};
}

/** Of all errors of a document: why it is refused, and where. */
function verdict(errors) {
  if (errors.length === 0) return null;
  const places = errors.map(({ locations }) => (locations ?? []).map(({ line, column }) => [line, column]));
  return { message: errors[0].message, isSyntax: errors[0].message.startsWith("Syntax Error"), places };
}

/** Whatever makes a document no document of this schema. */
function problems(schema, text) {
  try {
    return validate(schema, parse(text));
  } catch (error) {
    return [error];
  }
}

function executable(text, { types, members }) {
  const schema = buildSchema(text);
  for (const [name, fields] of Object.entries(types)) {
    for (const [field, resolve] of Object.entries(fields)) schema.getType(name).getFields()[field].resolve = resolve;
  }
  for (const [name, resolveType] of Object.entries(members)) {
    const type = schema.getType(name);
    if (type) type.resolveType = resolveType;
  }
  return schema;
}

/** One for each seed: the damage is made once. */
function world(seed) {
  if (!worlds.has(seed)) worlds.set(seed, new World(data, seed));
  return worlds.get(seed);
}
