// What mutations change, in the data that queries read: carts and orders as the services keep them.

import { property } from "./resolvers.mjs";

/** The demo's "now", 2026-01-01; each write after it happens a second later. */
const NOW = Date.UTC(2026, 0, 1);
const DAY = 86_400_000;
const SEEDED_ORDERS = 20_000;
const CARRIERS = ["DHL", "DPD", "GLS", "Post"];
const MAX_QUANTITY = 99;
const MAX_LINES = 50;
/** From so many pieces on, the payment is declined. */
const DECLINED_FROM = 50;

const timestamp = (time) => new Date(time).toISOString().replace(".000Z", "Z");

/** Puts pieces of a product into a cart. */
export function addToCart({ data }, sub, productId, quantity) {
  if (!data.products.has(productId)) throw new Error("there is no such product");
  const cart = data.carts.get(sub);
  const line = cart.lines.find((line) => line.productId === productId);
  const isFull = (line?.quantity ?? 0) + quantity > MAX_QUANTITY || (!line && cart.lines.length >= MAX_LINES);
  if (isFull || quantity < 1) throw new Error("so many do not go into the cart");
  if (line) line.quantity += quantity;
  else cart.lines.push({ productId, quantity });
  cart.lines.sort((a, b) => Number(a.productId) - Number(b.productId));
  return touch(data, cart);
}

/** Takes a product out of a cart. */
export function removeFromCart({ data }, sub, productId) {
  const cart = data.carts.get(sub);
  const at = cart.lines.findIndex((line) => line.productId === productId);
  if (at < 0) throw new Error("it is not in the cart");
  cart.lines.splice(at, 1);
  return touch(data, cart);
}

/** The answer is what the cart was at that moment. */
function touch(data, cart) {
  data.lastChange = Math.max(NOW, (data.lastChange ?? 0) + 1_000);
  cart.updatedAt = timestamp(data.lastChange);
  return structuredClone(cart);
}

/** Orders products; each key is used once. */
export function placeOrder({ data }, sub, { lines, payBy }) {
  const unknown = lines.find(({ productId }) => !data.products.has(productId));
  if (unknown) return { __typename: "UnknownProduct", reason: `there is no product \`${unknown.productId}\`` };
  const product = (id) => data.products.get(id);
  const missing = lines.filter(({ productId }) => Number(productId) % 97 === 0);
  if (missing.length > 0) return { __typename: "OutOfStock", skus: missing.map(({ productId }) => product(productId).sku) };
  const pieces = lines.reduce((sum, { quantity }) => sum + quantity, 0);
  if (pieces >= DECLINED_FROM) {
    return { __typename: "PaymentDeclined", reason: `the bank declined a payment for ${pieces} pieces` };
  }
  const items = lines.map(({ productId, quantity }) => {
    return { qty: quantity, unitPrice: property(product(productId).price, "amount"), productId };
  });
  const id = Math.max(...[...data.orders.keys()].map(Number)) + 1;
  const created = NOW + (id - SEEDED_ORDERS) * 1_000;
  const order = {
    id: String(id), userId: sub,
    status: payBy === "CARD" ? "PAID" : "PENDING",
    created_at: timestamp(created),
    total: items.reduce((sum, { qty, unitPrice }) => sum + qty * unitPrice, 0),
    currency: "EUR",
    items,
    shipping: payBy === "CARD" ? shipping(id, created) : null,
  };
  data.orders.set(order.id, order);
  data.ordersOf.set(sub, [order, ...(data.ordersOf.get(sub) ?? [])]);
  return { __typename: "Order", id: order.id };
}

function shipping(id, created) {
  const steps = ["Ordered", "Packed", "Handed over", "Delivered"];
  const step = (label, position) => ({ at: timestamp(created + position * DAY), label, done: position < 1 });
  return { carrier: CARRIERS[id % CARRIERS.length], trackingCode: null, steps: steps.map(step) };
}
