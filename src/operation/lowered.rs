//! A lowered operation: what the graph must give, and how the client's answer is read from it.

use super::bounds::BoundedArgument;
use super::defer::Deferral;
use super::sites::Site;
use crate::compose::{FieldId, TypeId};
use crate::ids::ids;

ids! {
    /// The id of a [`Node`].
    pub NodeId
    /// The id of a [`Selection`].
    pub SelectionId
    /// The id of an [`OutObject`].
    pub OutId
    /// The index of a variable in the operation's variable definitions.
    pub VariableId
}

/// The kind of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OperationKind {
    /// It reads.
    Query,
    /// Its root fields write one after another; what is below them reads.
    Mutation,
    /// It gives a stream of answers.
    Subscription,
}

/// One operation for one set of `@skip` and `@include` outcomes. It has no conditions any more.
#[derive(Debug)]
pub struct Operation {
    /// The kind of the operation.
    pub kind: OperationKind,
    /// The name of the operation, if it has one.
    pub name: Option<String>,
    /// What the graph must give at the root. Its type is the root type.
    pub root: SelectionId,
    /// The selections, indexed by [`SelectionId`].
    pub selections: Vec<Selection>,
    /// The nodes, indexed by [`NodeId`].
    pub nodes: Vec<Node>,
    /// The client's root object.
    pub output: OutId,
    /// The objects of the answer, indexed by [`OutId`].
    pub outputs: Vec<OutObject>,
    /// Whether the caller is not signed in. Then `@authenticated` fields are refused, so they are not fetched.
    pub is_anonymous: bool,
    /// What may come after the initial answer; `None` if nothing is deferred.
    pub deferral: Option<Box<Deferral>>,
    /// Arguments whose bounds are checked when the variables are known.
    pub(super) bounded: Vec<BoundedArgument>,
}

/// What the graph must give at one place, for each concrete type.
#[derive(Debug)]
pub struct Selection {
    /// The graph type of the place; it may be abstract.
    pub ty: TypeId,
    /// The nodes that are wanted of each concrete type that can stand here. A type of which nothing is wanted is left
    /// out; if only `__typename` is wanted, its list is empty. An object type has exactly one entry.
    pub variants: Vec<(TypeId, Vec<NodeId>)>,
}

/// A graph field that must be fetched. There is one node for each field with its arguments at a place.
#[derive(Debug)]
pub struct Node {
    /// The field, of a concrete type.
    pub field: FieldId,
    /// The arguments with the graph's names and with defaults filled in, in the order of the definition. An argument
    /// that was not given and has no default is left out.
    pub arguments: Vec<(String, Value)>,
    /// What is wanted below the field, if its type is composite.
    pub selection: Option<SelectionId>,
    /// 0 if the initial answer wants the node. Otherwise only deferred parts want it; nodes that the same set of
    /// fragments wants have the same number.
    pub part: u32,
}

/// The value of an argument, with the graph's names.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A value without variables.
    Constant(crate::json::Value),
    /// The coerced value of a variable; the fallback if the variable was not given and has no default.
    Variable(VariableId, Option<crate::json::Value>),
    /// A list that contains a variable at some depth.
    List(Vec<Value>),
    /// An object that contains a variable at some depth. A member whose variable was not given is left out.
    Object(Vec<(String, Value)>),
}

/// An object of the answer, as the client sees it.
#[derive(Debug)]
pub struct OutObject {
    /// The variants, one for each concrete graph type.
    pub variants: Vec<OutVariant>,
    /// What is written for an object of a concrete graph type that has no variant.
    pub others: Others,
}

/// What is written for an object whose type is not a member of the client's abstract type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// Null is written.
    Null,
    /// Nothing is written: the object is left out of its list.
    Omit,
}

/// An object of the answer for one concrete graph type.
#[derive(Debug)]
pub struct OutVariant {
    /// The concrete graph type.
    pub ty: TypeId,
    /// The name of the client's type.
    pub name: String,
    /// The fields in the order of the answer. Fields of equal response name are merged.
    pub fields: Vec<OutField>,
}

/// One entry of an object in the answer.
#[derive(Debug)]
pub struct OutField {
    /// The response name: the alias, or the name if there is none.
    pub response_name: String,
    /// The client's schema coordinate, such as `ProductCard.title`, for messages.
    pub coordinate: String,
    /// The place of the first such field in the document, for errors.
    pub site: Option<Site>,
    /// What the entry holds.
    pub kind: OutKind,
}

/// What an entry of the answer holds.
#[derive(Debug)]
pub enum OutKind {
    /// `__typename`, whose value is [`OutVariant::name`].
    Typename,
    /// `__schema` or `__type`. Its value is taken from the answer of [`super::Prepared::introspect`] by response name.
    Introspection,
    /// An error instead of a value, because an argument that must not be null is null (GraphQL §6.4.1).
    Refused {
        /// The name of the argument.
        argument: String,
        /// Whether the field may be null.
        nullable: bool,
        /// The place of the argument's value.
        site: Option<Site>,
    },
    /// A value that is read from the graph.
    Value {
        /// The path from the current object; empty for the object itself (`@from(path: ".")`).
        path: Vec<Hop>,
        /// The client's type. Lists on the path that have no index become lists of this type, the outermost first.
        ty: OutType,
        /// The JSON text that is written if the value is null or missing (`@from(default:)`).
        default: Option<String>,
    },
}

/// One step of a path.
#[derive(Debug)]
pub struct Hop {
    /// The node to follow for each concrete type of the current object. For a type that is not listed, the value is
    /// null.
    pub nodes: Vec<(TypeId, NodeId)>,
    /// The index of the list item to take (`[n]`, counted from 0).
    pub index: Option<u32>,
}

/// What the writer needs to know of a client type.
#[derive(Debug, Clone)]
pub enum OutType {
    /// A list.
    List {
        /// The type of its items.
        of: Box<OutType>,
        /// Whether it may be null.
        nullable: bool,
    },
    /// An object, an interface or a union.
    Object {
        /// The fields to write.
        id: OutId,
        /// Whether it may be null.
        nullable: bool,
    },
    /// A scalar or an enum.
    Leaf {
        /// How its value is coerced.
        leaf: Leaf,
        /// Whether it may be null.
        nullable: bool,
    },
}

impl OutType {
    /// Whether it may be null.
    #[must_use]
    pub fn is_nullable(&self) -> bool {
        match self {
            Self::List { nullable, .. } | Self::Object { nullable, .. } | Self::Leaf { nullable, .. } => *nullable,
        }
    }
}

/// How the value of a leaf is coerced (GraphQL §3.5, §3.9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leaf {
    /// A signed 32-bit integer.
    Int,
    /// Any finite number.
    Float,
    /// A text. Numbers and booleans are turned into text.
    String,
    /// `true` or `false`.
    Boolean,
    /// A text. Integers are turned into text.
    Id,
    /// Pairs of a graph value and its client value. A value that is not listed becomes null with an error.
    Enum(std::sync::Arc<Vec<(String, String)>>),
    /// A custom scalar of this name. Any JSON is written as it is.
    Custom(String),
}
