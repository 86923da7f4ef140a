//! Ways: what gives a field or an entity, what it is asked with, and what its answers mean.

use super::ids::{FieldId, ShapeId, SourceId, TypeId};
use super::kind::Call;
use super::read::{JsonPath, Read};
use super::shape::ListBound;
use crate::contract::StatusPattern;
use crate::diagnostic::Span;
use indexmap::IndexMap;
use std::time::Duration;

/// One way to get something: a root field, fields of a type by key, or one field of a parent.
#[derive(Debug)]
pub struct Way {
    /// Who answers.
    pub source: SourceId,
    /// What for messages and metrics: the `operationId`, else `GET /path`, or `_entities`.
    pub endpoint: String,
    /// What it gets.
    pub entry: Entry,
    /// Values of the parent that the call reads; [`super::request_value::Input::Parent`] is an index into it.
    /// For a lookup: the key.
    pub inputs: Vec<KeyPath>,
    /// GraphQL sources: further inputs that single fields need (`@requires`): leaves, and the objects around them that
    /// may be null, which are before what they hold.
    pub requires: IndexMap<FieldId, Vec<KeyPath>>,
    /// Many parents in one call; `None`: one call for each parent.
    pub batch: Option<Batch>,
    /// The request.
    pub call: Call,
    /// What a success holds.
    pub answer: Answer,
    /// What other statuses mean; first match wins. Statuses of success not listed here are `answer`.
    pub outcomes: Vec<Outcome>,
    /// The statuses that the contract declares; `None`: there is no contract.
    pub declared: Option<Vec<DeclaredStatus>>,
    /// What of the caller the call sends.
    pub caller: CallerInputs,
    /// Whether it is a read, so that equal calls may be shared, sent again and kept. The root type alone decides, when the
    /// way is added to the graph: a field of `Mutation` is a write, also by GET, and everything else is a read.
    pub is_safe: bool,
    /// `@poll`: how often a subscription calls it.
    pub poll: Option<Duration>,
    /// `@cache`, parsed and checked.
    pub cache: Option<CacheRule>,
    /// `@invalidates`, parsed and checked.
    pub invalidates: Vec<String>,
    /// The `@connect`, else the type or field.
    pub span: Span,
}

impl Way {
    /// What the contract declares for a status; the most specific declaration decides (OpenAPI 3.0.3 §4.7.16.1).
    #[must_use]
    pub fn declaration(&self, status: u16) -> Option<&DeclaredStatus> {
        let declared = self.declared.as_deref()?;
        let find = |wanted: StatusPattern| declared.iter().find(|declared| declared.status == wanted);
        let class = u8::try_from(status / 100).map(StatusPattern::Class).ok();
        find(StatusPattern::Exact(status)).or_else(|| class.and_then(find)).or_else(|| find(StatusPattern::Default))
    }

    /// Does the contract declare problem details (RFC 9457) for a status?
    #[must_use]
    pub fn has_problem(&self, status: u16) -> bool {
        self.declaration(status).is_some_and(|declared| declared.is_problem)
    }

    /// Does a status that no outcome maps mean that the answer is what the binding asks for? Of a 2xx only one that the
    /// contract declares does; `default` counts where it is all that is declared of success.
    #[must_use]
    pub fn is_success(&self, status: u16) -> bool {
        if !(200..300).contains(&status) {
            return false;
        }
        match &self.declared {
            Some(declared) => {
                let is_of_success = |declared: &DeclaredStatus| match declared.status {
                    StatusPattern::Exact(exact) => (200..300).contains(&exact),
                    StatusPattern::Class(class) => class == 2,
                    StatusPattern::Default => false,
                };
                let found = self.declaration(status);
                found.is_some_and(|found| is_of_success(found) || !declared.iter().any(is_of_success))
            }
            None => self.call.is_undeclared_success(status, self.is_safe),
        }
    }
}

/// A status that a contract declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeclaredStatus {
    /// Which statuses it is about.
    pub status: StatusPattern,
    /// Whether their body is `application/problem+json`.
    pub is_problem: bool,
    /// Whether they have a body.
    pub has_body: bool,
}

/// What a way gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Entry {
    /// A field of `Query`, `Mutation` or `Subscription`.
    Root(FieldId),
    /// One field of a parent.
    Field(FieldId),
    /// Fields of an entity, by key.
    Lookup(TypeId),
}

/// A path of fields from a parent to a leaf, such as `id` or `price.amount`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyPath(pub Vec<FieldId>);

/// How many parents share one call.
#[derive(Debug)]
pub struct Batch {
    /// Index into [`Way::inputs`] of the values sent as a list; GraphQL sources send whole representations.
    pub key: usize,
    /// How an answer's item finds its parent.
    pub pairing: Pairing,
    /// Most keys in one call; at least 1.
    pub max_size: u32,
}

/// How an item of a batch answer finds its parent. Keys compare as GraphQL IDs: 7 equals "7".
#[derive(Debug)]
pub enum Pairing {
    /// By position (`_entities`).
    Position,
    /// One item per key; two are an error for that key.
    Index(JsonPath),
    /// Any number of items per key, in the answer's order.
    Group(JsonPath),
}

/// What a successful answer holds.
#[derive(Debug)]
pub struct Answer {
    /// Batched: where the array of items is, relative to the body. Else empty.
    pub items: JsonPath,
    /// The value: relative to each item when batched, else to the body.
    pub read: Read,
    /// For composite types: what is there, below all list wrappers.
    pub shape: Option<ShapeId>,
    /// Of the field's list (grouped: per key).
    pub bound: ListBound,
    /// The status of the outcome that it is (`201 as Order`); `None`: it is that of every success without an outcome.
    pub outcome: Option<StatusPattern>,
}

/// What a status means.
#[derive(Debug)]
pub struct Outcome {
    /// For which statuses.
    pub status: StatusPattern,
    /// What it means.
    pub effect: Effect,
}

/// What a status means.
#[derive(Debug)]
pub enum Effect {
    /// Null.
    Null,
    /// A value of this type: a member of the field's abstract type, or its own type.
    Value {
        /// Which concrete type.
        ty: TypeId,
        /// Where in the body.
        read: Read,
        /// What is there.
        shape: ShapeId,
    },
    /// An error with this `extensions.code`.
    Code(String),
}

/// What of the caller a call sends (DESIGN §4 rule 6).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallerInputs {
    /// Claims, by path.
    pub claims: Vec<Vec<String>>,
    /// Forwarded headers, in lower case, sorted.
    pub headers: Vec<String>,
}

impl CallerInputs {
    /// Is the answer for this caller only?
    #[must_use]
    pub fn is_private(&self) -> bool {
        !self.claims.is_empty() || self.headers.iter().any(|name| name == "authorization" || name == "cookie")
    }
}

/// `@cache`, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheRule {
    /// Seconds.
    pub max_age: u64,
    /// Seconds of stale-while-revalidate.
    pub swr: u64,
    /// `scope: PRIVATE`.
    pub is_private: bool,
    /// Tag templates, such as `product:{id}`.
    pub tags: Vec<String>,
}
