//! A client operation, lowered: what the graph must give, and how the client's answer is read from it.

use super::bounds::BoundedArgument;
use super::defer::Deferral;
use super::sites::Site;
use crate::compose::{FieldId, TypeId};
use crate::ids::ids;

ids! {
    /// A [`Node`].
    NodeId
    /// A [`Selection`].
    SelectionId
    /// An [`OutObject`].
    OutId
    /// A variable, by its place in the operation's definitions.
    VariableId
}

/// Query, mutation or subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OperationKind {
    /// Read.
    Query,
    /// Writes in series, then reads.
    Mutation,
    /// A stream.
    Subscription,
}

/// One operation for one set of `@skip`/`@include` outcomes: no conditions are left in it.
#[derive(Debug)]
pub struct Operation {
    /// Its kind.
    pub kind: OperationKind,
    /// Its name.
    pub name: Option<String>,
    /// What the graph must give at the root; its type is the root type.
    pub root: SelectionId,
    /// Indexed by [`SelectionId`].
    pub selections: Vec<Selection>,
    /// Indexed by [`NodeId`].
    pub nodes: Vec<Node>,
    /// The client's root object.
    pub output: OutId,
    /// Indexed by [`OutId`].
    pub outputs: Vec<OutObject>,
    /// Is it for a caller who is not signed in? Then `@authenticated` fields are refused, and need not be had.
    pub is_anonymous: bool,
    /// What may come later; `None`: nothing.
    pub deferral: Option<Box<Deferral>>,
    /// Arguments that are checked when the variables are known.
    pub(super) bounded: Vec<BoundedArgument>,
}

/// What the graph must give at one place, by concrete type.
#[derive(Debug)]
pub struct Selection {
    /// The graph type at the place; may be abstract.
    pub ty: TypeId,
    /// Per concrete type that can stand here *and* of which something is wanted (`__typename` alone:
    /// an empty list). Of an object type: exactly one.
    pub variants: Vec<(TypeId, Vec<NodeId>)>,
}

/// A graph field that must be had: one per distinct field and arguments at a place.
#[derive(Debug)]
pub struct Node {
    /// Field of a concrete type.
    pub field: FieldId,
    /// Arguments in graph vocabulary, defaults filled in, in the order of the definition; those that are
    /// neither given nor have a default are left out.
    pub arguments: Vec<(String, Value)>,
    /// For composite types.
    pub selection: Option<SelectionId>,
    /// 0: the initial answer wants it. Others: what only deferred parts want, equal for the same set of fragments.
    pub part: u32,
}

/// An argument's value in graph vocabulary.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A constant.
    Constant(crate::json::Value),
    /// A variable's coerced value, or the fallback when it was not given (and has no default).
    Variable(VariableId, Option<crate::json::Value>),
    /// A list with a variable somewhere in it.
    List(Vec<Value>),
    /// An object with a variable somewhere in it; members whose variable was not given are left out.
    Object(Vec<(String, Value)>),
}

/// A client object in the answer.
#[derive(Debug)]
pub struct OutObject {
    /// Per concrete graph type.
    pub variants: Vec<OutVariant>,
    /// What a concrete graph type without a variant becomes.
    pub others: Others,
}

/// What becomes of a member that the client's abstract type does not list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// Null.
    Null,
    /// Dropped from its list.
    Omit,
}

/// A client object of one concrete graph type.
#[derive(Debug)]
pub struct OutVariant {
    /// The concrete graph type.
    pub ty: TypeId,
    /// The client type's name.
    pub name: String,
    /// In the order of the answer; fields of equal response name are merged.
    pub fields: Vec<OutField>,
}

/// One entry of the answer.
#[derive(Debug)]
pub struct OutField {
    /// Alias, else name.
    pub response_name: String,
    /// The client's schema coordinate, for messages, such as `ProductCard.title`.
    pub coordinate: String,
    /// The first such field in the document; for errors.
    pub site: Option<Site>,
    /// What it holds.
    pub kind: OutKind,
}

/// What an entry of the answer holds.
#[derive(Debug)]
pub enum OutKind {
    /// `__typename`: [`OutVariant::name`].
    Typename,
    /// `__schema` or `__type`: taken from [`super::Prepared::introspect`]'s answer by response name.
    Introspection,
    /// An error instead of a value: null stands where an argument does not take it (GraphQL §6.4.1).
    Refused {
        /// The argument.
        argument: String,
        /// May the field be null?
        nullable: bool,
        /// The argument's value.
        site: Option<Site>,
    },
    /// A value.
    Value {
        /// From the object at hand; empty: the object itself (`@from(path: ".")`).
        path: Vec<Hop>,
        /// The client's type. Lists on the path that carry no index nest into it, outermost first.
        ty: OutType,
        /// Taken when null or missing (`@from(default:)`), as JSON text.
        default: Option<String>,
    },
}

/// One step of a path.
#[derive(Debug)]
pub struct Hop {
    /// By the concrete type of the object at hand; a type that is not listed: null.
    pub nodes: Vec<(TypeId, NodeId)>,
    /// `[n]`: this item of the list.
    pub index: Option<u32>,
}

/// A client type as far as the writer needs it.
#[derive(Debug, Clone)]
pub enum OutType {
    /// A list.
    List {
        /// Its items.
        of: Box<OutType>,
        /// May it be null?
        nullable: bool,
    },
    /// An object, interface or union.
    Object {
        /// Its fields.
        id: OutId,
        /// May it be null?
        nullable: bool,
    },
    /// A scalar or an enum.
    Leaf {
        /// How its value is coerced.
        leaf: Leaf,
        /// May it be null?
        nullable: bool,
    },
}

impl OutType {
    /// May it be null?
    #[must_use]
    pub fn is_nullable(&self) -> bool {
        match self {
            Self::List { nullable, .. } | Self::Object { nullable, .. } | Self::Leaf { nullable, .. } => *nullable,
        }
    }
}

/// Result coercion of a leaf (GraphQL §3.5, §3.9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leaf {
    /// 32 bits, signed.
    Int,
    /// Any finite number.
    Float,
    /// Text; numbers and booleans become text.
    String,
    /// `true`, `false`.
    Boolean,
    /// Text; integers become text.
    Id,
    /// Graph value to client value; what is not listed is null with an error.
    Enum(std::sync::Arc<Vec<(String, String)>>),
    /// A custom scalar: any JSON, as it is.
    Custom(String),
}
