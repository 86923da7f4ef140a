//! The composed graph: types, fields, and every way to get each of them.

use super::call::Call;
use super::read::{JsonPath, Read};
use crate::contract::{NumberBounds, StatusPattern};
use crate::diagnostic::Span;
use crate::ids::ids;
use apollo_compiler::Schema;
use apollo_compiler::validation::Valid;
use indexmap::IndexMap;
use std::collections::HashMap;
use std::time::Duration;

ids! {
    /// A type of the graph.
    TypeId
    /// A field of one object or interface type: `User.name` and `Product.name` are two.
    FieldId
    /// A service, REST or GraphQL, or an in-process subgraph.
    SourceId
    /// A [`Shape`].
    ShapeId
    /// A [`Way`].
    WayId
}

/// All services' types and fields, composed, with the ways to get each of them.
#[derive(Debug)]
pub struct Graph {
    /// What clients may see of the graph, as a plain GraphQL schema: no directives of ours or of federation, and nothing
    /// that is `@inaccessible`.
    pub schema: Valid<Schema>,
    /// The whole graph, as a plain GraphQL schema.
    pub full: Valid<Schema>,
    /// The arguments that one GraphQL source declares of a field, and their types there, such as `[ID!]!`: the source is
    /// sent no others, and its own types may be laxer than the graph's.
    pub own_arguments: HashMap<(SourceId, FieldId), IndexMap<String, String>>,
    /// Indexed by [`TypeId`].
    pub types: Vec<GraphType>,
    /// Type name to id.
    pub type_ids: HashMap<String, TypeId>,
    /// Indexed by [`FieldId`].
    pub fields: Vec<GraphField>,
    /// Indexed by [`SourceId`].
    pub sources: Vec<Source>,
    /// Indexed by [`ShapeId`].
    pub shapes: Vec<Shape>,
    /// Indexed by [`WayId`].
    pub ways: Vec<Way>,
}

/// What kind of type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypeKind {
    /// `type`.
    Object,
    /// `interface`.
    Interface,
    /// `union`.
    Union,
    /// `enum`.
    Enum,
    /// `scalar`, built-in ones too.
    Scalar,
    /// `input`.
    Input,
}

/// A type of the graph.
#[derive(Debug)]
pub struct GraphType {
    /// Its name.
    pub name: String,
    /// What kind.
    pub kind: TypeKind,
    /// Fields of an object or interface, by name; empty for others.
    pub fields: IndexMap<String, FieldId>,
    /// Concrete types: itself for an object, implementers or members for an abstract type.
    pub possible: Vec<TypeId>,
    /// Ways to get fields of this (object) type by key; [`Entry::Lookup`].
    pub lookups: Vec<WayId>,
    /// `@authenticated`, on it or on an interface of it: anonymous callers get no value of this type.
    pub authenticated: bool,
    /// `@inaccessible`: used inside the graph, never seen by clients.
    pub is_hidden: bool,
    /// Where it is first declared; `None` for built-in scalars.
    pub span: Option<Span>,
}

/// A field of an object or interface type.
#[derive(Debug)]
pub struct GraphField {
    /// The type that it belongs to.
    pub parent: TypeId,
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: TypeRef,
    /// Its arguments.
    pub arguments: IndexMap<String, Argument>,
    /// Ways that get just this field: [`Entry::Root`] and [`Entry::Field`].
    pub bindings: Vec<WayId>,
    /// Anonymous callers get an error: `@authenticated` stands on it, or on what it depends on (`compose/guard.rs`).
    pub authenticated: bool,
    /// `@inaccessible`: used inside the graph, never seen by clients.
    pub is_hidden: bool,
    /// Where it is declared.
    pub span: Span,
}

/// A type with its wrappers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TypeRef {
    /// A named type.
    Named {
        /// Which.
        ty: TypeId,
        /// `T` rather than `T!`.
        nullable: bool,
    },
    /// A list.
    List {
        /// Its items.
        of: Box<TypeRef>,
        /// `[T]` rather than `[T]!`.
        nullable: bool,
    },
}

impl TypeRef {
    /// The named type inside all wrappers.
    #[must_use]
    pub fn named(&self) -> TypeId {
        match self {
            Self::Named { ty, .. } => *ty,
            Self::List { of, .. } => of.named(),
        }
    }

    /// May the whole value be null?
    #[must_use]
    pub fn is_nullable(&self) -> bool {
        match self {
            Self::Named { nullable, .. } | Self::List { nullable, .. } => *nullable,
        }
    }

    /// Is it a list?
    #[must_use]
    pub fn is_list(&self) -> bool {
        matches!(self, Self::List { .. })
    }
}

/// An argument, with the bounds that the contract sets for the parameter it is bound to.
#[derive(Debug)]
pub struct Argument {
    /// Its type.
    pub ty: TypeRef,
    /// The default that all sources have, as JSON in graph vocabulary.
    pub default: Option<crate::json::Value>,
    /// Values outside are refused before any call.
    pub bounds: Bounds,
    /// `@inaccessible`: clients never see it; its default is sent.
    pub is_hidden: bool,
    /// Where it is declared.
    pub span: Span,
}

/// Bounds of an argument; lists: of the list's length and of each member. Lengths are inclusive.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Bounds {
    /// Of numbers, and of texts that are sent as numbers.
    pub numbers: NumberBounds,
    /// In characters.
    pub min_length: Option<u64>,
    /// In characters.
    pub max_length: Option<u64>,
    /// A pattern that a string must match somewhere (as ECMA-262 `test`), if it is one that `regex` knows.
    pub pattern: Option<String>,
    /// Longest list.
    pub max_items: Option<u64>,
}

/// A program that answers.
#[derive(Debug)]
pub struct Source {
    /// Its name, such as `users`: what configuration and findings call it.
    pub name: String,
    /// What it speaks.
    pub kind: SourceKind,
    /// Where it is declared.
    pub span: Span,
}

/// What a source speaks.
#[derive(Debug)]
pub enum SourceKind {
    /// REST over HTTP.
    Rest {
        /// `@source(http: { baseURL })`, else the contract's `servers[0]`; configuration overrides it.
        base_url: Option<String>,
        /// Headers of every call.
        headers: Vec<HeaderRule>,
    },
    /// A federation subgraph over HTTP; its URL comes from configuration.
    GraphQl,
    /// A federation subgraph in this process.
    InProcess {
        /// Most calls that it makes to other services for one request (`@source(maxCalls:)`).
        max_calls: u32,
        /// Do its answers depend on nothing but what it is asked (`@source(pure:)`)? Then they are shared.
        is_pure: bool,
    },
}

impl SourceKind {
    /// Calls of services that one request to the source may make: code of this process is no service, and what counts
    /// is what it calls.
    #[must_use]
    pub fn calls_per_request(&self) -> u64 {
        match self {
            Self::Rest { .. } | Self::GraphQl => 1,
            Self::InProcess { max_calls, .. } => u64::from(*max_calls),
        }
    }
}

/// A header of every call to a source.
#[derive(Debug, Clone)]
pub struct HeaderRule {
    /// The header sent, in lower case.
    pub name: String,
    /// What it holds.
    pub value: HeaderValue,
}

/// What a configured header holds.
#[derive(Debug, Clone)]
pub enum HeaderValue {
    /// The caller's header of this name (lower case), forwarded.
    Forwarded(String),
    /// Fixed text.
    Literal(String),
    /// A value of the service's configuration, by path.
    Config(Vec<String>),
}

/// What an answer holds at one of its places.
#[derive(Debug)]
pub struct Shape {
    /// The GraphQL type at this place; may be abstract.
    pub ty: TypeId,
    /// How the concrete type is known.
    pub choice: TypeChoice,
    /// One per concrete type that can stand here.
    pub variants: Vec<ShapeVariant>,
}

/// How the concrete type at a place is known.
#[derive(Debug)]
pub enum TypeChoice {
    /// There is one variant.
    Only,
    /// A value of the object tells: text to index into [`Shape::variants`]; unknown text is an error.
    By {
        /// Where it is read, relative to the object.
        read: Read,
        /// Its values.
        cases: Vec<(String, usize)>,
    },
}

/// The fields of one concrete type at one place.
#[derive(Debug)]
pub struct ShapeVariant {
    /// The concrete type.
    pub ty: TypeId,
    /// Fields that are there.
    pub fields: IndexMap<FieldId, ShapeField>,
}

/// A field that an answer holds.
#[derive(Debug)]
pub struct ShapeField {
    /// Where its value is, relative to the object's JSON.
    pub read: Read,
    /// For composite types: what is there; of the named type, below all list wrappers.
    pub shape: Option<ShapeId>,
    /// For lists: how long at most.
    pub bound: ListBound,
}

/// How long a list can be. The default says nothing, as of what is no list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListBound {
    /// So many items as a rule (`@listSize(assumedSize:)`): bounds count them, and a longer list is no error.
    pub assumed: Option<u64>,
    /// At most so many (`@listSize(maxSize:)`, `maxItems`): a longer list is an error.
    pub max: Option<u64>,
    /// Arguments that say how long it is at most.
    pub slicing: Vec<Slicing>,
    /// Are they declared (`@listSize(slicingArguments:)`), rather than known by their names and the contract?
    pub is_sliced_by_declaration: bool,
}

/// An argument that says how long a list is at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slicing {
    /// The field's argument.
    pub argument: String,
    /// Its greatest value, if the contract has one.
    pub maximum: Option<u64>,
}

impl ListBound {
    /// At most so many items, if there is a number.
    #[must_use]
    pub fn at_most(max: Option<u64>) -> Self {
        Self { max, ..Self::default() }
    }

    /// Can it be any number of items, for some arguments?
    #[must_use]
    pub fn is_open(&self) -> bool {
        let is_sliced = self.slicing.iter().any(|slicing| slicing.maximum.is_some());
        self.assumed.is_none() && self.max.is_none() && !is_sliced
    }
}

/// One way to get something: a root field, fields of a type by key, or one field of a parent.
#[derive(Debug)]
pub struct Way {
    /// Who answers.
    pub source: SourceId,
    /// What for messages and metrics: the `operationId`, else `GET /path`, or `_entities`.
    pub endpoint: String,
    /// What it gets.
    pub entry: Entry,
    /// Values of the parent that the call reads; [`super::call::Input::Parent`] is an index into it.
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
        match (&self.call, &self.declared) {
            // RFC 9110 §15.3.7: a part of the answer, though no part was asked for.
            (Call::GraphQlRoot(_) | Call::GraphQlEntities(_), _) => status != 206,
            (Call::Rest(_), Some(declared)) => {
                let is_of_success = |declared: &DeclaredStatus| match declared.status {
                    StatusPattern::Exact(exact) => (200..300).contains(&exact),
                    StatusPattern::Class(class) => class == 2,
                    StatusPattern::Default => false,
                };
                let found = self.declaration(status);
                found.is_some_and(|found| is_of_success(found) || !declared.iter().any(is_of_success))
            }
            // Without a contract, those that say by themselves that all of the answer is there (RFC 9110 §15.3), or of a
            // write that it was taken.
            (Call::Rest(_), None) => match status {
                200 | 201 | 203 => true,
                202 | 204 | 205 => !self.is_safe,
                _ => false,
            },
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

impl Graph {
    /// A type.
    #[must_use]
    pub fn ty(&self, id: TypeId) -> &GraphType {
        &self.types[id.index()]
    }
    /// A field.
    #[must_use]
    pub fn field(&self, id: FieldId) -> &GraphField {
        &self.fields[id.index()]
    }
    /// A way.
    #[must_use]
    pub fn way(&self, id: WayId) -> &Way {
        &self.ways[id.index()]
    }
    /// A shape.
    #[must_use]
    pub fn shape(&self, id: ShapeId) -> &Shape {
        &self.shapes[id.index()]
    }
    /// A source.
    #[must_use]
    pub fn source(&self, id: SourceId) -> &Source {
        &self.sources[id.index()]
    }
    /// A type by name.
    #[must_use]
    pub fn type_id(&self, name: &str) -> Option<TypeId> {
        self.type_ids.get(name).copied()
    }
    /// A field by type and name.
    #[must_use]
    pub fn field_id(&self, ty: TypeId, name: &str) -> Option<FieldId> {
        self.ty(ty).fields.get(name).copied()
    }
    /// A type by name, if clients may see it.
    #[must_use]
    pub fn visible_type(&self, name: &str) -> Option<TypeId> {
        self.type_id(name).filter(|id| !self.ty(*id).is_hidden)
    }
    /// The names of the types that clients may see.
    pub fn visible_types(&self) -> impl Iterator<Item = &str> {
        self.types.iter().filter(|ty| !ty.is_hidden).map(|ty| ty.name.as_str())
    }
    /// A field by type and name, if clients may see it.
    #[must_use]
    pub fn visible_field(&self, ty: TypeId, name: &str) -> Option<FieldId> {
        self.field_id(ty, name).filter(|id| !self.field(*id).is_hidden)
    }
    /// The concrete types of a type that clients may see.
    pub fn visible_members(&self, ty: TypeId) -> impl Iterator<Item = TypeId> + '_ {
        self.ty(ty).possible.iter().copied().filter(|id| !self.ty(*id).is_hidden)
    }
    /// Does the type hold fields?
    #[must_use]
    pub fn is_composite(&self, id: TypeId) -> bool {
        matches!(self.ty(id).kind, TypeKind::Object | TypeKind::Interface | TypeKind::Union)
    }
    /// Is it a field of `Mutation`, which writes?
    #[must_use]
    pub fn is_mutation(&self, id: FieldId) -> bool {
        self.ty(self.field(id).parent).name == "Mutation"
    }
    /// A field's schema coordinate, such as `Product.price`.
    #[must_use]
    pub fn coordinate(&self, id: FieldId) -> String {
        let field = self.field(id);
        format!("{}.{}", self.ty(field.parent).name, field.name)
    }
}
