// Seeded corruption of what services hold, by entity and property: the same rules as `tests/it/differential/corrupt.rs`,
// so that both sides see the same damage however often, in whatever batch and from whichever endpoint something is read.

/** An entity's own identities stay as they are: without them nobody could say whose the damage is. */
const KEPT = new Set(["id", "productId", "orderId", "userId", "cursor"]);
/** Of a hundred entities, so many are gone. */
const GONE = 3;
/** Of a hundred properties, so many are null, and so many are of another type. */
const NULLED = 3;
const WRONG = 3;
/** Of a hundred items of a list inside an entity, so many are gone. */
const DROPPED = 4;

/** FNV-1a over UTF-8, then the last step of MurmurHash3, modulo 100. */
function percent(text) {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text, "utf8")) hash = Math.imul(hash ^ byte, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) % 100;
}

/** Does its service not know the entity any more? */
export function isGone(seed, kind, id) {
  return percent(`${seed}|${kind}|${id}`) < GONE;
}

/** The entity with its damage. */
export function corrupted(seed, kind, id, entity) {
  return members(`${seed}|${kind}|${id}`, entity, KEPT);
}

function members(at, object, kept = new Set()) {
  const entries = Object.entries(object);
  return Object.fromEntries(entries.map(([name, value]) => [name, kept.has(name) ? value : spoiled(`${at}.${name}`, value)]));
}

function spoiled(at, value) {
  if (value === null) return null;
  const chance = percent(at);
  if (chance < NULLED) return null;
  if (chance < NULLED + WRONG) return wrong(value, chance % 2 === 0);
  if (Array.isArray(value)) {
    const kept = value.map((item, index) => [`${at}.${index}`, item]).filter(([place]) => percent(`${place}?`) >= DROPPED);
    return kept.map(([place, item]) => spoiled(place, item));
  }
  return typeof value === "object" ? members(at, value) : value;
}

/** A value that no client type of the original takes. */
function wrong(value, isEven) {
  switch (typeof value) {
    case "string":
      return isEven ? { wrong: true } : ["wrong"];
    case "number":
      return isEven ? "wrong" : { wrong: 1 };
    case "boolean":
      return "wrong";
    default:
      return Array.isArray(value) ? { wrong: true } : "wrong";
  }
}
