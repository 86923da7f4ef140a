// What the demo's services hold, read once from the services themselves, by entity.

import { corrupted, isGone } from "./corrupt.mjs";

/** Longest wait for one answer of a service. */
const REQUEST_TIMEOUT_MS = 30_000;
/** Requests at once while reading. */
const AT_ONCE = 4;
const SORTS = ["POPULAR", "PRICE_ASC", "PRICE_DESC", "NEWEST"];

const chunks = (items, size) => Array.from({ length: Math.ceil(items.length / size) }, (_, at) => items.slice(at * size, (at + 1) * size));
const numbers = (count) => Array.from({ length: count }, (_, at) => at + 1);
const byId = (items, key = (item) => item.id) => new Map(items.map((item) => [String(key(item)), item]));

function grouped(items, key) {
  const groups = new Map();
  for (const item of items) groups.set(String(item[key]), [...(groups.get(String(item[key])) ?? []), item]);
  return groups;
}

/** Reads everything. `caller` is `{ sub, authorization }`, whose cart is read too. */
export async function load(urls, caller) {
  const get = async (service, path, body, headers = {}) => {
    const method = body === undefined ? "GET" : "POST";
    const sent = body === undefined ? headers : { ...headers, "content-type": "application/json" };
    const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
    const answer = await fetch(urls[service] + path, { method, headers: sent, body: body && JSON.stringify(body), signal });
    if (!answer.ok) throw new Error(`${service} ${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  };
  /** One request for each chunk of the items; the answers' lists, as one. */
  const each = async (items, size, ask) => {
    const todo = chunks(items, size).map((chunk, at) => ({ chunk, at }));
    const answers = [];
    const work = async () => {
      for (let next = todo.shift(); next; next = todo.shift()) answers[next.at] = await ask(next.chunk);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    return answers.flat();
  };
  const pages = (path) => async ([page]) => (await get("catalog", `${path}&limit=100&page=${page}`)).items.map(({ id }) => id);

  const { total: userCount } = await get("users", "/users/search?limit=1");
  const userIds = numbers(userCount).map(String);
  const users = byId(await each(userIds, 50, (ids) => get("users", `/users?${ids.map((id) => `id=${id}`).join("&")}`)));
  const { total: productCount } = await get("catalog", "/products?limit=1");
  const productIds = numbers(productCount).map(String);
  const products = byId(await each(productIds, 100, (ids) => get("catalog", `/products/by-ids?ids=${ids}`)));
  const sorted = {};
  for (const sort of SORTS) sorted[sort] = await each(numbers(Math.ceil(productCount / 100)), 1, pages(`/products?sort=${sort}`));
  const categoryList = await get("catalog", "/categories");
  const stock = await each(productIds, 200, (ids) => get("inventory", "/v1/stock/query", { productIds: ids.map(Number) }));
  const availability = await each(productIds, 200, (ids) => get("inventory", "/v1/availability", { productIds: ids.map(Number) }));
  const warehouses = await get("inventory", "/v1/warehouses");
  const found = await each(userIds, 25, async (ids) => {
    const answer = await get("orders", `/orders/search?perUser=50&${ids.map((id) => `userId=${id}`).join("&")}`);
    return answer.content;
  });
  const lastOrder = Math.max(...found.map(({ id }) => Number(id)));
  const orders = await each(numbers(lastOrder), 50, (ids) => get("orders", `/orders/by-ids?ids=${ids}`));
  orders.sort((a, b) => Number(b.id) - Number(a.id));
  const payments = await each(orders.map(({ id }) => id), 100, (ids) => get("payments", `/payments?orderIds=${ids}`));
  const cart = await get("carts", `/carts/${caller.sub}`, undefined, { authorization: caller.authorization });
  const reviews = await loadReviews(get, each, productIds);
  return {
    users, products, sorted, categoryList, warehouses, reviews,
    categories: byId(categoryList),
    stock: grouped(stock, "productId"),
    availability: byId(availability, (item) => item.productId),
    orders: byId(orders),
    ordersOf: grouped(orders, "userId"),
    payments: byId(payments, (item) => item.orderId),
    carts: new Map([[caller.sub, cart]]),
  };
}

async function loadReviews(get, each, productIds) {
  const fields = "id stars text createdAt author { id }";
  const ask = async (query, variables = {}) => {
    const answer = await get("reviews", "/graphql", { query, variables });
    if (answer.errors) throw new Error(JSON.stringify(answer.errors));
    return answer.data;
  };
  const query = `query($all: [_Any!]!) { _entities(representations: $all) {
    ... on Product { id reviewCount averageStars reviews(first: 50) { ${fields} } } } }`;
  const found = await each(productIds, 100, async (ids) => {
    const all = ids.map((id) => ({ __typename: "Product", id }));
    return (await ask(query, { all }))._entities;
  });
  const { latestReviews } = await ask(`{ latestReviews(first: 50) { ${fields} } }`);
  return { byProduct: byId(found), latest: latestReviews };
}

/** What is seen through one seed's corruption; without a seed, everything as it is. */
export class World {
  #known = new Map();

  constructor(data, seed) {
    this.data = data;
    this.seed = seed;
  }

  /** The entity, or null when its service does not know it. */
  entity(kind, id, raw) {
    if (id !== null && typeof id !== "string") throw new Error("this is no id");
    if (raw === undefined || raw === null) return null;
    if (this.seed === null) return raw;
    const key = `${kind}|${id}`;
    if (!this.#known.has(key)) {
      this.#known.set(key, isGone(this.seed, kind, id) ? null : corrupted(this.seed, kind, id, raw));
    }
    return this.#known.get(key);
  }

  /** By a reference's id, which may be null or no id at all. */
  user = (id) => this.entity("User", id, this.data.users.get(id));
  product = (id) => this.entity("Product", id, this.data.products.get(id));
  category = (id) => this.entity("Category", id, this.data.categories.get(id));
  order = (id) => this.entity("Order", id, this.data.orders.get(id));
  payment = (id) => this.entity("Payment", id, this.data.payments.get(id));
  cart = (sub) => this.entity("Cart", sub, this.data.carts.get(sub));
  availability = (id) => this.entity("Availability", id, this.data.availability.get(id));

  stock(id) {
    const rows = this.data.stock.get(id) ?? [];
    return rows.map((row) => this.entity("Stock", `${id}/${row.warehouse.code}`, row)).filter((row) => row !== null);
  }

  warehouses() {
    return this.data.warehouses.map((item) => this.entity("Warehouse", item.code, item)).filter((item) => item !== null);
  }

  categories() {
    return this.data.categoryList.map(({ id }) => id).filter((id) => this.category(id) !== null);
  }

  /**
   * Ids of a user's orders, newest first, those before an id, at most so many; also the page's last id, whether its order
   * is known or not, and is there more?
   */
  ordersOf(user, first, before = Infinity) {
    const all = (this.data.ordersOf.get(user) ?? []).filter(({ id }) => Number(id) < before);
    const page = all.slice(0, first);
    const ids = page.map(({ id }) => id).filter((id) => this.order(id) !== null);
    return { ids, last: page.at(-1)?.id, hasMore: all.length > page.length };
  }

  /** Ids of the products of a list. */
  products({ sort, category, first, page }) {
    let ids = this.data.sorted[sort];
    if (category !== undefined && category !== null) {
      const inside = this.#below(category);
      ids = ids.filter((id) => inside.has(this.data.products.get(id).category.id));
    }
    ids = ids.slice((page - 1) * first, page * first);
    return ids.filter((id) => this.product(id) !== null);
  }

  /** A category and all below it. */
  #below(category) {
    const inside = new Set([category]);
    for (let before = -1; before !== inside.size; ) {
      before = inside.size;
      for (const { id, parent } of this.data.categoryList) if (parent && inside.has(parent.id)) inside.add(id);
    }
    return inside;
  }
}
