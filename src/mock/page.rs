//! The items of a list that arguments ask for: `first`, `after`, `limit`, `offset` and similar ones.

use super::arguments::ArgumentValues;
use super::chance::Chance;
use apollo_compiler::Schema;
use apollo_compiler::ast::Type;
use apollo_compiler::response::JsonValue;
use apollo_compiler::schema::ObjectType;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Most items of one list.
pub(super) const MAX_ITEMS: u64 = 1_000;

/// The number of pages of a list that is read in pages of the usual length.
const PAGES: u64 = 20;

/// The text of a cursor before it is encoded.
const CURSOR: &str = "cursor:";

/// Consecutive items of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) start: u64,
    pub(super) end: u64,
    /// The number of items in the whole list.
    pub(super) total: u64,
}

/// A list that is read in pages, with the place in it of a page or of an edge.
#[derive(Debug, Clone, Copy)]
pub(super) struct Page {
    /// The place of the whole list.
    pub(super) chance: Chance,
    pub(super) window: Window,
    /// The item that an edge holds; `None` for a page.
    pub(super) index: Option<u64>,
}

/// The names of arguments that select a part of a list.
pub(super) fn is_paging(argument: &str) -> bool {
    LENGTHS.contains(&argument) || STARTS.contains(&argument) || matches!(argument, "after" | "before" | "page")
}

const LENGTHS: [&str; 9] = ["first", "last", "limit", "take", "pageSize", "perPage", "size", "count", "top"];
const STARTS: [&str; 3] = ["offset", "skip", "start"];

impl Window {
    /// The part that the arguments ask for. Without such arguments, it is the first `usual` items.
    pub(super) fn of(given: &ArgumentValues, usual: u64, chance: Chance) -> Self {
        let asked = LENGTHS.iter().find_map(|name| given.number(name));
        let length = asked.unwrap_or(usual).min(MAX_ITEMS);
        let total = usual * PAGES + chance.named("total").below(usual.max(1));
        let page = given.number("page").filter(|_| asked.is_some()).map(|page| page.saturating_sub(1));
        let skipped = STARTS.iter().find_map(|name| given.number(name));
        let skipped = skipped.or_else(|| page.map(|page| page.saturating_mul(length)));
        let after = given.text("after").and_then(decode).map(|index| index.saturating_add(1));
        let mut start = skipped.or(after).unwrap_or(0).min(total);
        let mut end = given.text("before").and_then(decode).unwrap_or(total).clamp(start, total);
        if given.number("last").is_some() && given.number("first").is_none() {
            start = start.max(end.saturating_sub(length));
        } else {
            end = end.min(start.saturating_add(length));
        }
        Self { start, end, total }
    }

    fn has_next(self) -> bool {
        self.end < self.total
    }

    fn has_previous(self) -> bool {
        self.start > 0
    }

    /// The cursor of the last item; `None` for an empty page.
    fn end_cursor(self) -> Option<String> {
        (self.end > self.start).then(|| encode(self.end - 1))
    }

    /// The cursor of the first item; `None` for an empty page.
    fn start_cursor(self) -> Option<String> {
        (self.end > self.start).then(|| encode(self.start))
    }
}

impl Page {
    /// The value of a field of a page, of its `pageInfo` or of an edge, if the field has a name that is known for it.
    ///
    /// # Source
    /// GraphQL Cursor Connections Specification §3, §4, §5, and common names of other conventions.
    pub(super) fn leaf(&self, name: &str, ty: &Type) -> Option<JsonValue> {
        let window = self.window;
        let is_required = ty.is_non_null();
        let cursor = |cursor: Option<String>| match cursor {
            Some(cursor) => Some(JsonValue::from(cursor)),
            None => is_required.then(|| JsonValue::from("")).or(Some(JsonValue::Null)),
        };
        let length = window.end.saturating_sub(window.start);
        match (ty.inner_named_type().as_str(), name) {
            _ if ty.is_list() => None,
            ("Int", "totalCount" | "total" | "totalItems" | "totalResults") => Some(window.total.into()),
            ("Int", "count") => Some(length.into()),
            ("Int", "pageCount" | "totalPages") => Some(window.total.div_ceil(length.max(1)).into()),
            ("Boolean", "hasNextPage" | "hasNext" | "hasMore") => Some(window.has_next().into()),
            ("Boolean", "hasPreviousPage" | "hasPrevious") => Some(window.has_previous().into()),
            // An enum, or a scalar with another meaning, cannot hold a cursor.
            (ty, _) if !matches!(ty, "String" | "ID") && !ty.ends_with("Cursor") => None,
            (_, "cursor") => self.index.map(|index| encode(index).into()),
            (_, "startCursor") => cursor(window.start_cursor()),
            (_, "endCursor") => cursor(window.end_cursor()),
            (_, "next" | "nextCursor" | "nextPageToken") => cursor(window.end_cursor().filter(|_| window.has_next())),
            _ => None,
        }
    }
}

/// Whether a type holds a page of a list, as connections do.
pub(super) fn is_page(schema: &Schema, ty: &ObjectType) -> bool {
    const SIGNS: [&str; 10] = [
        "pageInfo",
        "edges",
        "totalCount",
        "total",
        "hasNextPage",
        "hasMore",
        "next",
        "nextCursor",
        "nextPageToken",
        "totalPages",
    ];
    let holds_list =
        |ty: &Type| ty.is_list() && schema.types.get(ty.inner_named_type()).is_some_and(|it| !it.is_leaf());
    ty.fields.keys().any(|name| SIGNS.contains(&name.as_str())) && ty.fields.values().any(|field| holds_list(&field.ty))
}

/// The cursor of an item.
fn encode(index: u64) -> String {
    STANDARD.encode(format!("{CURSOR}{index}"))
}

fn decode(cursor: &str) -> Option<u64> {
    let bytes = STANDARD.decode(cursor).ok()?;
    std::str::from_utf8(&bytes).ok()?.strip_prefix(CURSOR)?.parse().ok()
}
