// Asks /livez again and again over one connection, in a thread of its own, so that no attack delays the asking.
//
// In: the URL. Out, for each message received: the longest wait since the last message, in milliseconds.

import { Agent, get } from 'node:http'
import { parentPort, workerData } from 'node:worker_threads'

const agent = new Agent({ keepAlive: true, maxSockets: 1 })
let longest = 0
let since = performance.now()

parentPort.on('message', () => {
  // One that is still waiting counts as well.
  parentPort.postMessage(Math.max(longest, performance.now() - since - 10))
  longest = 0
})

async function once() {
  since = performance.now()
  const status = await new Promise((resolve) => {
    const request = get(workerData, { agent }, (response) => response.resume().on('end', () => resolve(response.statusCode)))
    request.on('error', () => resolve(0))
    request.setTimeout(5000, () => request.destroy())
  })
  longest = Math.max(longest, status === 200 ? performance.now() - since : 5000)
  since = performance.now()
  setTimeout(once, 10)
}
once()
