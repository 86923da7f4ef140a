// What the attacks send: requests, raw bytes, WebSockets. Answers are counted, not kept.

import { Agent, request } from 'node:http'
import { connect } from 'node:net'
import { randomBytes } from 'node:crypto'

const agent = new Agent({ keepAlive: true, maxSockets: 256 })

/// Posts a body; gives status, length and the beginning of the answer.
export function post(url, body, headers = {}, dedicated = false) {
  return new Promise((resolve) => {
    const options = { method: 'POST', agent: dedicated ? new Agent() : agent, timeout: 20_000 }
    options.headers = { 'content-type': 'application/json', accept: 'application/json', 'content-length': Buffer.byteLength(body), ...headers }
    const sent = request(url, options, (response) => {
      let length = 0
      let start = ''
      response.on('data', (piece) => {
        if (start.length < 400) start += piece.toString('utf8', 0, 400)
        length += piece.length
      })
      const done = () => resolve({ status: response.statusCode, length, start })
      response.on('end', done).on('error', done)
    })
    sent.on('error', (error) => resolve({ status: 0, length: 0, start: String(error) }))
    sent.on('timeout', () => sent.destroy())
    sent.end(body)
  })
}

export const gql = (url, query, more = {}, headers) => post(url, JSON.stringify({ query, ...more }), headers)

/// Runs some work for each number, so many at once.
export async function each(count, atOnce, work) {
  let next = 0
  const worker = async () => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}

/// A connection that sends some bytes and stays open; `drip`: a byte each so many milliseconds.
export function hold(url, bytes, drip) {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname, () => socket.write(bytes))
  socket.on('error', () => {})
  socket.resume()
  const timer = drip && setInterval(() => socket.writable && socket.write('1'), drip)
  socket.on('close', () => clearInterval(timer))
  return socket
}

/// A WebSocket that sends some messages and stays open.
export function websocket(url, messages) {
  const { host, hostname, port } = new URL(url)
  const key = randomBytes(16).toString('base64')
  const socket = connect(Number(port), hostname, () => {
    socket.write(`GET /graphql HTTP/1.1\r\nhost: ${host}\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${key}\r\nsec-websocket-protocol: graphql-transport-ws\r\n\r\n`)
  })
  socket.on('error', () => {})
  socket.once('data', () => {
    messages.forEach((message) => socket.write(frame(Buffer.from(message))))
    socket.resume()
  })
  return socket
}

/// A text frame of a client (RFC 6455 §5.2), masked with zeros.
function frame(payload) {
  const head = Buffer.alloc(14)
  head[0] = 0x81
  head[1] = 0x80 | 127
  head.writeBigUInt64BE(BigInt(payload.length), 2)
  if (payload.length > 65_535) return Buffer.concat([head, payload])
  if (payload.length > 125) {
    head[1] = 0x80 | 126
    head.writeUInt16BE(payload.length, 2)
    return Buffer.concat([head.subarray(0, 4), Buffer.alloc(4), payload])
  }
  head[1] = 0x80 | payload.length
  return Buffer.concat([head.subarray(0, 2), Buffer.alloc(4), payload])
}
