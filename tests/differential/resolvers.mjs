// What both clients' resolvers need. An entity is `{ id }` and read when a field asks; a value is the service's JSON.

/** An object of the service's JSON, or null; anything else is not what the contract says. */
export function object(value) {
  if (value === null || value === undefined) return null;
  if (typeof value !== "object" || Array.isArray(value)) throw new Error("an object was expected");
  return value;
}

/** A list of the service's JSON, or null. */
export function list(value) {
  if (value === null || value === undefined) return null;
  if (!Array.isArray(value)) throw new Error("a list was expected");
  return value;
}

/** A property; null when the entity is not known. */
export const property = (entity, name) => object(entity)?.[name] ?? null;

/** What lies at a path of properties. */
export const at = (entity, ...path) => path.reduce((value, name) => property(value, name), entity);

/** The entity that a property `{ "id": … }` names. */
export const reference = (entity, name) => {
  const found = at(entity, name);
  return object(found) && { id: found.id };
};

/** Fields that an entity's services are asked for by its id: null without an id, an error when it is none. */
export function byKey(fields) {
  const one = (resolve) => (entity, ...rest) => {
    if (entity.id === null) return null;
    if (typeof entity.id !== "string") throw new Error("this is no id");
    return resolve(entity, ...rest);
  };
  return Object.fromEntries(Object.entries(fields).map(([name, resolve]) => [name, one(resolve)]));
}

/** An entity by id if its service knows it. */
export const known = (entity, id) => (entity ? { id: String(id) } : null);

export const nodes = (ids) => ids.map((id) => ({ id }));

/** A member of an abstract type, by the property `kind`. */
export const kindOf = (names) => (value) => names[object(value).kind];

/** Resolves an item of a list: what it throws is an error at the item's own path. */
export function item(resolve) {
  return (value) => {
    try {
      return resolve(value);
    } catch (error) {
      return error;
    }
  };
}

/** Fails unless somebody is signed in. */
export function caller({ sub }) {
  if (!sub) throw new Error("nobody is signed in");
  return sub;
}

export const cursorAfter = (id) => Buffer.from(`before:${id}`).toString("base64url");
export const readCursor = (cursor) => Number(Buffer.from(cursor, "base64url").toString().replace(/^before:/, ""));
