// What each field of `schema/web.graphql` is.

import { at, byKey, caller, cursorAfter, item, kindOf, known, list, nodes, object, property, readCursor, reference } from "./resolvers.mjs";
import { addToCart, placeOrder, removeFromCart } from "./writes.mjs";

/** Fields that are an entity's property of the same name. */
const same = (read, names) => Object.fromEntries(names.map((name) => [name, ({ id }, _, { world }) => property(read(world, id), name)]));
/** Fields that are an object inside an entity. */
const inner = (name) => (value) => object(property(value, name));

const user = (world, id) => world.user(id);
const product = (world, id) => world.product(id);
const category = (world, id) => world.category(id);
const order = (world, id) => world.order(id);
const price = (world, id) => object(property(world.product(id), "price"));

export const types = {
  Query: {
    user: (_, { id }, { world }) => known(world.user(id), id),
    me: (_, __, context) => known(context.world.user(caller(context)), context.sub),
    product: (_, { id }, { world }) => known(world.product(id), id),
    products: (_, wanted, { world }) => nodes(world.products({ ...wanted, sort: wanted.sort ?? "POPULAR" })),
    categories: (_, __, { world }) => nodes(world.categories()),
    category: (_, { id }, { world }) => known(world.category(id), id),
    order: (_, { id }, { world }) => known(world.order(id), id),
    orderPage: (_, { userId, first, after }, { world }) => {
      const { ids, last, hasMore } = world.ordersOf(userId, first, after ? readCursor(after) : Infinity);
      return { items: nodes(ids), next: hasMore ? cursorAfter(last) : null };
    },
    orderConnection: (_, { userId, first, after }, { world }) => {
      const { ids, last, hasMore } = world.ordersOf(userId, first, after ? readCursor(after) : Infinity);
      const cursor = (id) => (id === undefined ? null : cursorAfter(id));
      return {
        edges: ids.map((id) => ({ cursor: cursor(id), node: { id } })),
        pageInfo: { startCursor: cursor(ids[0]), endCursor: cursor(last), hasNextPage: hasMore, hasPreviousPage: false },
      };
    },
    cart: (_, __, context) => context.world.cart(caller(context)),
    warehouses: (_, __, { world }) => world.warehouses(),
    latestReviews: (_, { first }, { world }) => world.data.reviews.latest.slice(0, first),
  },
    Mutation: {
    addToCart: (_, { productId, quantity }, context) => addToCart(context.world, caller(context), productId, quantity),
    removeFromCart: (_, { productId }, context) => removeFromCart(context.world, caller(context), productId),
    placeOrder: (_, wanted, context) => placeOrder(context.world, caller(context), wanted),
  },
  User: byKey({
    ...same(user, ["name", "email", "phone", "createdAt", "avatarUrl", "tier"]),
    address: ({ id }, _, { world }) => object(property(world.user(id), "address")),
    manager: ({ id }, _, { world }) => reference(world.user(id), "manager"),
    orders: ({ id }, { first }, { world }) => nodes(world.ordersOf(id, first).ids),
    loyalty: ({ id }, _, { world }) => loyalty(world, id),
  }),
  Product: byKey({
    ...same(product, ["sku", "name", "description", "rating", "createdAt", "discontinued"]),
    price: ({ id }, _, { world }) => price(world, id),
    priceLabel: ({ id }, { locale }, { world }) => label(price(world, id), locale),
    category: ({ id }, _, { world }) => reference(world.product(id), "category"),
    images: ({ id }, _, { world }) => object(property(world.product(id), "images")),
    media: ({ id }, _, { world }) => list(property(world.product(id), "media")),
    stock: ({ id }, _, { world }) => world.stock(id),
    inStock: ({ id }, _, { world }) => property(world.availability(id), "inStock"),
    reviews: ({ id }, { first }, { world }) => (world.data.reviews.byProduct.get(id)?.reviews ?? []).slice(0, first),
    reviewCount: ({ id }, _, { world }) => world.data.reviews.byProduct.get(id)?.reviewCount ?? 0,
    averageStars: ({ id }, _, { world }) => world.data.reviews.byProduct.get(id)?.averageStars ?? null,
  }),
  Images: { small: inner("small"), medium: inner("medium"), large: inner("large") },
  Category: byKey({
    ...same(category, ["name", "slug"]),
    parent: ({ id }, _, { world }) => reference(world.category(id), "parent"),
  }),
  StockLevel: { warehouse: inner("warehouse") },
  Review: { author: ({ author }) => ({ id: author.id }) },
  Order: {
    ...same(order, ["status", "total", "currency"]),
    placedAt: ({ id }, _, { world }) => property(world.order(id), "created_at"),
    lines: ({ id }, _, { world }) => list(property(world.order(id), "items"))?.map(item(object)),
    shipping: ({ id }, _, { world }) => object(property(world.order(id), "shipping")),
    payment: ({ id }, _, { world }) => world.payment(id),
    user: ({ id }, _, { world }) => {
      const found = world.order(id);
      return found && { id: found.userId };
    },
  },
  OrderLine: {
    quantity: (line) => property(line, "qty"),
    product: (line) => ({ id: line.productId }),
  },
  Shipping: { steps: (shipping) => list(property(shipping, "steps"))?.map(item(object)) },
  Payment: { method: inner("method") },
  CartLine: { product: (line) => ({ id: line.productId }) },
  Cart: { lines: (cart) => list(property(cart, "lines"))?.map(item(object)) },
};

/** Members of abstract types. */
export const members = {
  Media: kindOf({ photo: "Photo", video: "Video" }),
  PaymentMethod: kindOf({ card: "CardPayment", invoice: "InvoicePayment" }),
  PlaceOrderResult: ({ __typename }) => __typename,
};

function label(money, locale) {
  const [cents, currency] = [at(money, "amount"), at(money, "currency")];
  if (!Number.isInteger(cents) || typeof currency !== "string") throw new Error("the price is not known");
  const [whole, rest] = [Math.trunc(cents / 100), String(cents % 100).padStart(2, "0")];
  return ["de", "fr", "es", "it"].includes(locale.split("-")[0]) ? `${whole},${rest} €` : `€${whole}.${rest}`;
}

/** A point for each whole euro of each order that was not cancelled; of the newest fifty. */
function loyalty(world, id) {
  let points = 0;
  for (const { status, total } of (world.data.ordersOf.get(id) ?? []).slice(0, 50)) {
    if (status !== "CANCELLED") points += Math.trunc(total / 100);
  }
  return { points, level: points < 1_000 ? "starter" : points < 10_000 ? "regular" : "star" };
}
