// The services behind the attacked process, in a thread of their own. Says its URL once it listens.

import { createServer } from 'node:http'
import { parentPort } from 'node:worker_threads'

const json = (response, value) => {
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(JSON.stringify(value))
}

const order = (userId, at) => ({ id: `${userId}-${at}`, userId, text: 'an order of some length, as orders are' })

const server = createServer((request, response) => {
  const url = new URL(request.url, 'http://services')
  request.resume()
  const [, first, id] = url.pathname.split('/')
  const user = (id) => ({ id, name: `user ${id}` })
  if (first === 'users' && id) return json(response, user(id))
  if (first === 'users') return json(response, url.searchParams.getAll('id').map(user))
  if (first === 'orders') {
    const ids = url.searchParams.getAll('userId')
    return json(response, ids.flatMap((id) => Array.from({ length: 50 }, (_, at) => order(id, at))))
  }
  if (first === 'ticks') return json(response, { n: 1 })
  // Holds whatever a request holds until its deadline.
  if (first === 'slow') return setTimeout(() => json(response, { n: 1 }), 2500)
  if (first === 'graphql') return json(response, { data: { thing: null, _entities: [] } })
  response.writeHead(404)
  response.end()
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => parentPort.postMessage(`http://127.0.0.1:${server.address().port}`))
