// What each field of `schema/mobile.graphql` is: its own words for what the services say.

import { at, caller, item, kindOf, known, list, nodes, object, property } from "./resolvers.mjs";
import { addToCart } from "./writes.mjs";

const STATES = { PENDING: "WAITING", SHIPPED: "ON_THE_WAY" };

const of = (read, ...path) => ({ id }, _, { world }) => at(read(world, id), ...path);
const product = (world, id) => world.product(id);
const order = (world, id) => world.order(id);
const cards = (world, wanted) => nodes(world.products({ page: 1, sort: "POPULAR", ...wanted }));

export const types = {
  Query: {
    home: () => ({}),
    card: (_, { id }, { world }) => known(world.product(id), id),
    cards: (_, { category, first }, { world }) => cards(world, { category, first }),
    tracker: (_, { orderId }, { world }) => known(world.order(orderId), orderId),
    me: (_, __, context) => known(context.world.user(caller(context)), context.sub),
    basket: (_, __, context) => context.world.cart(caller(context)),
  },
    Mutation: { addOne: (_, { productId }, context) => addToCart(context.world, caller(context), productId, 1) },
  Home: {
    popular: (_, { first }, { world }) => cards(world, { first }),
    fresh: (_, { first }, { world }) => cards(world, { first, sort: "NEWEST" }),
    categories: (_, __, { world }) => nodes(world.categories()),
  },
  ProductCard: {
    title: of(product, "name"),
    cents: of(product, "price", "amount"),
    currency: of(product, "price", "currency"),
    thumb: of(product, "images", "small", "url"),
    category: ({ id }, _, { world }) => {
      const reference = object(at(world.product(id), "category"));
      return reference && property(world.category(reference.id), "name");
    },
    inStock: ({ id }, _, { world }) => property(world.availability(id), "inStock") ?? false,
    teaser: ({ id }, _, { world }) => teaser(world.product(id)),
    hero: ({ id }, _, { world }) => object(list(property(world.product(id), "media"))?.[0]),
  },
  Tag: { label: ({ id }, _, { world }) => property(world.category(id), "name") },
  OrderTracker: {
    state: ({ id }, _, { world }) => {
      const status = property(world.order(id), "status");
      return STATES[status] ?? status;
    },
    placedAt: of(order, "created_at"),
    carrier: of(order, "shipping", "carrier"),
    code: of(order, "shipping", "trackingCode"),
    steps: ({ id }, _, { world }) => list(at(world.order(id), "shipping", "steps"))?.map(item(object)),
    things: ({ id }, _, { world }) => {
      const name = (line) => object(line) && property(world.product(line.productId), "name");
      return list(property(world.order(id), "items"))?.map(item(name));
    },
  },
  Me: {
    name: of((world, id) => world.user(id), "name"),
    recent: ({ id }, _, { world }) => nodes(world.ordersOf(id, 3).ids),
  },
  Basket: { lines: (cart) => list(property(cart, "lines"))?.map(item(object)) },
  BasketLine: {
    title: ({ productId }, _, { world }) => at(world.product(productId), "name"),
    cents: ({ productId }, _, { world }) => at(world.product(productId), "price", "amount"),
  },
};

/** Members of abstract types. */
export const members = { Hero: kindOf({ photo: "Picture", video: "Clip" }) };

/** At most 24 characters of the name, and the rating. */
function teaser(found) {
  const name = property(found, "name");
  if (typeof name !== "string") throw new Error("the name is not known");
  const letters = [...name];
  const short = letters.length > 24 ? `${letters.slice(0, 24).join("")}…` : name;
  const rating = property(found, "rating");
  if (rating !== null && typeof rating !== "number") throw new Error("the rating is not known");
  return rating === null ? short : `${short} · ${rating.toFixed(1)} ★`;
}
