//! Ways: which source gives a field or an entity, what it is asked with, and what its answers mean.

use super::ids::{FieldId, ShapeId, SourceId, TypeId};
use super::kind::Call;
use super::read::{JsonPath, Read};
use super::shape::ListBound;
use crate::contract::StatusPattern;
use crate::diagnostic::Span;
use indexmap::IndexMap;
use std::time::Duration;

/// One way to get a root field, fields of a type by key, or one field of a parent.
#[derive(Debug)]
pub struct Way {
    /// The source that answers.
    pub source: SourceId,
    /// The name of the endpoint in messages and metrics: the `operationId`, or else `GET /path` or `_entities`.
    pub endpoint: String,
    /// What the way gets.
    pub entry: Entry,
    /// The values of the parent that the call reads, into which [`super::Input::Parent`] is an index. For a lookup,
    /// they are the key.
    pub inputs: Vec<KeyPath>,
    /// For GraphQL sources: further inputs that single fields need (`@requires`). They are leaves, and the nullable
    /// objects around them, each before its contents.
    pub requires: IndexMap<FieldId, Vec<KeyPath>>,
    /// The rules by which many parents share one call. `None` if each parent has a call of its own.
    pub batch: Option<Batch>,
    /// The request that is sent.
    pub call: Call,
    /// The contents of a successful answer.
    pub answer: Answer,
    /// The meanings of other statuses; the first match counts. A status of success that is not listed here is an
    /// `answer`.
    pub outcomes: Vec<Outcome>,
    /// The statuses that the contract declares. `None` if there is no contract.
    pub declared: Option<Vec<DeclaredStatus>>,
    /// The data of the caller that the call sends.
    pub caller: CallerInputs,
    /// Whether the way is a read, so that equal calls may be shared, repeated and kept. Only the root type decides
    /// this, when the way is added to the graph: a field of `Mutation` is a write, even by GET, and everything else is
    /// a read.
    pub is_safe: bool,
    /// The interval of `@poll`, at which a subscription makes the call.
    pub poll: Option<Duration>,
    /// The rule of `@cache`, parsed and checked.
    pub cache: Option<CacheRule>,
    /// The tags of `@invalidates`, parsed and checked.
    pub invalidates: Vec<String>,
    /// The position of the `@connect`, or else of the type or field.
    pub span: Span,
}

impl Way {
    /// The contract's declaration for a status. The most specific one counts (OpenAPI 3.0.3 §4.7.16.1).
    #[must_use]
    pub fn declaration(&self, status: u16) -> Option<&DeclaredStatus> {
        let declared = self.declared.as_deref()?;
        let find = |wanted: StatusPattern| declared.iter().find(|declared| declared.status == wanted);
        let class = u8::try_from(status / 100).map(StatusPattern::Class).ok();
        find(StatusPattern::Exact(status)).or_else(|| class.and_then(find)).or_else(|| find(StatusPattern::Default))
    }

    /// Whether the contract declares problem details (RFC 9457) for a status.
    #[must_use]
    pub fn has_problem(&self, status: u16) -> bool {
        self.declaration(status).is_some_and(|declared| declared.is_problem)
    }

    /// Whether a status that no outcome maps means success. Of the statuses 2xx, those that the contract declares do;
    /// `default` counts if the contract declares no other success.
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
    /// The statuses to which the declaration applies.
    pub status: StatusPattern,
    /// Whether the body of these statuses is `application/problem+json`.
    pub is_problem: bool,
    /// Whether these statuses have a body.
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

/// How parents share one call.
#[derive(Debug)]
pub struct Batch {
    /// The index into [`Way::inputs`] of the value that is sent as a list. GraphQL sources get whole representations.
    pub key: usize,
    /// How an item of the answer finds its parent.
    pub pairing: Pairing,
    /// The greatest number of keys in one call, at least 1.
    pub max_size: u32,
}

/// How an item of a batched answer finds its parent. Keys are compared as GraphQL IDs: 7 equals "7".
#[derive(Debug)]
pub enum Pairing {
    /// By its position (`_entities`).
    Position,
    /// By the key at this path of the item. Each key has one item; two are an error for the key.
    Index(JsonPath),
    /// By the key at this path of the item. Each key has any number of items, in the answer's order.
    Group(JsonPath),
}

/// The contents of a successful answer.
#[derive(Debug)]
pub struct Answer {
    /// For a batch: the path of the array of items in the body. Otherwise it is empty.
    pub items: JsonPath,
    /// How the value is read: in a batch relative to each item, otherwise to the body.
    pub read: Read,
    /// For composite types: the shape of the value, below all list wrappers.
    pub shape: Option<ShapeId>,
    /// The bound of the field's list. If items are grouped, it holds for each key.
    pub bound: ListBound,
    /// The status of the outcome that the answer is (`201 as Order`). `None` if it is that of every success without an
    /// outcome.
    pub outcome: Option<StatusPattern>,
}

/// An outcome: the meaning of a status.
#[derive(Debug)]
pub struct Outcome {
    /// The statuses to which the outcome applies.
    pub status: StatusPattern,
    /// The meaning of these statuses.
    pub effect: Effect,
}

/// The meaning of a status.
#[derive(Debug)]
pub enum Effect {
    /// The value is null.
    Null,
    /// The value has this type: a member of the field's abstract type, or the field's own type.
    Value {
        /// The concrete type of the value.
        ty: TypeId,
        /// How the value is read from the body.
        read: Read,
        /// The shape of the value.
        shape: ShapeId,
    },
    /// An error with this `extensions.code`.
    Code(String),
}

/// The data of the caller that a call sends (ARCHITECTURE, "Caller inputs").
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallerInputs {
    /// The claims, by path.
    pub claims: Vec<Vec<String>>,
    /// The names of the forwarded headers, in lower case, sorted.
    pub headers: Vec<String>,
}

impl CallerInputs {
    /// Whether the answer is for this caller only.
    #[must_use]
    pub fn is_private(&self) -> bool {
        !self.claims.is_empty() || self.headers.iter().any(|name| name == "authorization" || name == "cookie")
    }
}

/// The rule of `@cache`, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheRule {
    /// The lifetime of an answer, in seconds.
    pub max_age: u64,
    /// The time of stale-while-revalidate, in seconds.
    pub swr: u64,
    /// Whether the rule has `scope: PRIVATE`.
    pub is_private: bool,
    /// The templates of tags, such as `product:{id}`.
    pub tags: Vec<String>,
}
