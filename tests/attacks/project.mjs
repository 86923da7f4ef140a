// The project that is attacked: a shop over REST, and a hundred subgraphs of one entity.
//
// In: the services' base URL. Out: the project's files, by path.

const LINK = `extend schema
  @link(url: "https://specs.apollo.dev/federation/v2.5", import: ["@key", "@listSize"])
  @link(url: "https://bespoke.example/connect/v1", import: ["@source", "@connect", "@poll"])`

const FEDERATION = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.5", import: ["@key", "@shareable"])`

/// Orders hold their users and users their orders: a tower of any height.
const SHOP = `
scalar JSON
type Query {
  user(id: ID!): User @connect(http: { GET: "/users/{$args.id}" }, selection: "id name")
  slow: Slow @connect(http: { GET: "/slow" }, selection: "n")
}
type Mutation { save(json: JSON, ints: [Int!]): Slow @connect(http: { POST: "/slow", body: "json: $args.json ints: $args.ints" }, selection: "n") }
type Subscription { ticks: Slow @connect(http: { GET: "/ticks" }, selection: "n") @poll(every: "1s") }
type Slow { n: Int }
type User @key(fields: "id")
  @connect(http: { GET: "/users", queryParams: "id: $batch.id" }, batch: { key: "id", maxSize: 1000 }, selection: "id name") {
  id: ID!
  name: String
  orders: [Order!]!
    @connect(http: { GET: "/orders", queryParams: "userId: $batch.id" }, batch: { key: "userId", maxSize: 1000, perKey: "50" }, selection: "id userId: userId text user: { id: userId }")
}
type Order { id: ID!  userId: ID!  text: String  user: User }
`

const SUBGRAPHS = 100

export function files(url) {
  const all = {
    'schema/services/shop.graphql': `${LINK} @source(name: "shop", http: { baseURL: "${url}" })\n${SHOP}`,
  }
  const services = ['shop']
  const fields = []
  for (let at = 0; at < SUBGRAPHS; at++) {
    const root = at === 0 ? 'type Query { thing: Thing }' : ''
    // Each is found by two keys, and gives both: as many ways from each to each.
    const type = `type Thing @key(fields: "a") @key(fields: "b") { a: ID! @shareable  b: ID! @shareable  f${at}: Int }`
    all[`schema/services/s${at}.graphql`] = `${FEDERATION}\n${root}\n${type}`
    services.push(`s${at}`)
    fields.push(`f${at}: Int`)
  }
  all['schema/web.graphql'] = `
scalar JSON
type Query { user(id: ID!): User  slow: Slow  thing: Thing }
type Mutation { save(json: JSON, ints: [Int!]): Slow }
type Subscription { ticks: Slow }
type Slow { n: Int }
type User { id: ID!  name: String  orders: [Order!]! }
type Order { id: ID!  text: String  user: User }
type Thing { a: ID!  b: ID!  ${fields.join('  ')} }`
  const urls = services.map((name) => `  ${name}: { url: "${url}${name === 'shop' ? '' : '/graphql'}" }`)
  all['bespoke.yaml'] = `server: { mode: production, request_timeout: 3s }\nservices:\n${urls.join('\n')}\n`
  return all
}
