// The attacks: for each bound, its worst known form and three more. Each sends what it sends and returns a word on what
// came back.

import { each, gql, hold, post, websocket } from './client.mjs'

const MIB = 1 << 20
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const summary = (answers) => {
  const statuses = {}
  let bytes = 0
  for (const { status, length, start } of answers) {
    const code = /"code":"(\w+)"/.exec(start)?.[1]
    const key = code ? `${status} ${code}` : `${status}`
    statuses[key] = (statuses[key] ?? 0) + 1
    bytes += length
  }
  const all = Object.entries(statuses).map(([status, count]) => `${count}× ${status}`)
  return `${all.join(', ')}; ${(bytes / MIB).toFixed(1)} MiB`
}
const gather = async (count, atOnce, send) => {
  const answers = []
  await each(count, atOnce, async (at) => answers.push(await send(at)))
  return summary(answers)
}

/// Orders of users of orders …, so many levels.
const tower = (levels, inner = 'id name') =>
  levels === 0 ? inner : `orders { id text user { id name ${tower(levels - 1, inner)} } }`
const list = (item, bytes) => Array(Math.floor(bytes / (item.length + 1))).fill(item).join(',')
const large = (members) => `{"query":"mutation($json: JSON, $ints: [Int!]) { save(json: $json, ints: $ints) { n } }",${members}}`
const plain = (members) => `{"query":"{ slow { n } }",${members}}`

/// Sends so many bodies at once, each over a connection of its own.
const bodies = (count, body) => (url) => gather(count, count, () => post(url, body, {}, true))
/// Holds connections open for a while.
const held = (open, seconds = 3) => async (url) => {
  const sockets = open(url)
  await wait(seconds * 1000)
  const open_ = sockets.filter((socket) => !socket.destroyed).length
  sockets.forEach((socket) => socket.destroy())
  return `${open_} of ${sockets.length} were open at the end`
}
const sockets = (count, messages) => held((url) => Array.from({ length: count }, () => websocket(url, messages)))
const times = (count, make) => Array.from({ length: count }, (_, at) => make(at))
const init = '{"type":"connection_init"}'
const head = (length) => `POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`

const conditions = (at) => {
  const names = times(6, (n) => `$c${n}: Boolean = ${Boolean((at >> n) & 1)}`)
  const fields = times(6, (n) => `f${n}: user(id: ${n}) @skip(if: $c${n}) { id }`)
  return `query(${names.join(' ')}) { ${fields.join(' ')} x${at >> 6}: user(id: 1) { ${tower(1)} } }`
}
const things = (count) => times(count, (at) => `f${at}`).join(' ')

export const FORMS = {
  A1: {
    'a tower of five levels': (url) => gather(2, 2, () => gql(url, `{ user(id: 1) { ${tower(5)} } }`)),
    'sixteen towers of two levels': (url) =>
      gather(4, 4, () => gql(url, `{ ${times(16, (at) => `u${at}: user(id: ${at}) { ${tower(2)} }`).join(' ')} }`)),
    'many aliases of one text': (url) => {
      const texts = times(150, (at) => `t${at}: text`).join(' ')
      return gather(4, 4, () => gql(url, `{ user(id: 1) { orders { user { orders { ${texts} } } } } }`))
    },
    'a tower in parts': (url) =>
      gather(2, 2, () => gql(url, `{ user(id: 1) { id ... @defer { ${tower(4)} } } }`, {}, { accept: 'multipart/mixed, application/json' })),
  },
  A2: {
    'small documents of many entries': (url) =>
      gather(1500, 8, (at) => gql(url, `{ ${times(30, (n) => `a${at}x${n}: user(id: ${n}) { ...F }`).join(' ')} } fragment F on User { id name orders { id text user { id name } } }`)),
    'literals in the text': (url) => gather(20_000, 16, (at) => gql(url, `{ user(id: "number ${at}") { id name } }`)),
    'a plan for each set of conditions': (url) => gather(1024, 8, (at) => gql(url, conditions(at))),
    'long documents that are refused': (url) =>
      gather(600, 8, (at) => gql(url, `{ a${at}: user(id: 1) { ${times(1200, (n) => `nothing${n}`).join(' ')} } }`)),
  },
  A3: {
    'undeclared variables': bodies(40, plain(`"variables":{"x":[${list('[]', MIB - 200)}]}`)),
    'declared ones, as dense as can be': bodies(40, large(`"variables":{"ints":[${list('1', 190_000)}]}`)),
    'declared ones of a custom scalar': bodies(40, large(`"variables":{"json":[${list('{"a":[]}', 450_000)}]}`)),
    extensions: bodies(40, plain(`"extensions":{"x":[${list('{"a":1}', MIB - 200)}]}`)),
    'subscriptions by WebSocket': sockets(40, [
      init,
      `{"type":"subscribe","id":"1","payload":{"query":"subscription { ticks { n } }","variables":{"x":[${list('[]', MIB - 300)}]}}}`,
    ]),
    'messages on many WebSockets': sockets(1500, [
      init,
      `{"type":"subscribe","id":"1","payload":{"query":"subscription { ticks { n } }","variables":{"x":[${list('[]', 60_000)}]}}}`,
    ]),
    'a million levels': bodies(40, plain(`"variables":{"x":${'['.repeat(500_000)}${']'.repeat(500_000)}}`)),
  },
  A4: {
    'fields of eighty-two sources': (url) => gather(2, 2, (at) => gql(url, `{ thing { a${at}: a ${things(82)} } }`)),
    'fields of a hundred sources': (url) => gather(4, 4, (at) => gql(url, `{ thing { a${at}: a ${things(100)} } }`)),
    'the same under many aliases': (url) =>
      gather(4, 4, (at) => gql(url, `{ ${times(15, (n) => `t${at}x${n}: thing { ${things(100)} }`).join(' ')} }`)),
    'one more field each time': (url) => gather(100, 4, (at) => gql(url, `{ thing { ${things(at + 1)} } }`)),
  },
  A5: {
    'connections that say nothing': held((url) => times(4500, () => hold(url, ''))),
    'bodies that drip': held((url) => times(1100, () => hold(url, `${head(MIB)}{`, 500)), 5),
    'heads that do not end': held((url) => times(1100, () => hold(url, 'POST /graphql HTTP/1.1\r\nx-long: ', 500))),
    'bodies that are too large': bodies(40, 'x'.repeat(8 * MIB)),
  },
}
