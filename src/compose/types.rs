//! The types of the graph, their fields, and the arguments of fields.

use super::ids::{FieldId, TypeId, WayId};
use crate::contract::NumberBounds;
use crate::diagnostic::Span;
use indexmap::IndexMap;

/// The kind of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypeKind {
    /// An object type, `type`.
    Object,
    /// An interface type, `interface`.
    Interface,
    /// A union type, `union`.
    Union,
    /// An enum type, `enum`.
    Enum,
    /// A scalar type, `scalar`, including the built-in ones.
    Scalar,
    /// An input object type, `input`.
    Input,
}

/// A type of the graph.
#[derive(Debug)]
pub struct GraphType {
    /// The name of the type.
    pub name: String,
    /// The kind of the type.
    pub kind: TypeKind,
    /// The fields of an object or interface type, by name. Other types have none.
    pub fields: IndexMap<String, FieldId>,
    /// The possible concrete types: the type itself for an object type, and the implementers or members for an abstract
    /// type.
    pub possible: Vec<TypeId>,
    /// The ways to get fields of this object type by key ([`crate::compose::Entry::Lookup`]).
    pub lookups: Vec<WayId>,
    /// Whether `@authenticated` is on the type or on one of its interfaces. If so, anonymous callers get no value of
    /// it.
    pub authenticated: bool,
    /// Whether it is `@inaccessible`: used inside the graph, and never seen by clients.
    pub is_hidden: bool,
    /// The position of its first declaration. `None` for built-in scalars.
    pub span: Option<Span>,
}

/// A field of an object or interface type.
#[derive(Debug)]
pub struct GraphField {
    /// The type to which the field belongs.
    pub parent: TypeId,
    /// The name of the field.
    pub name: String,
    /// The type of the field.
    pub ty: TypeRef,
    /// The arguments of the field, by name.
    pub arguments: IndexMap<String, Argument>,
    /// The ways that get only this field: [`crate::compose::Entry::Root`] and [`crate::compose::Entry::Field`].
    pub bindings: Vec<WayId>,
    /// Whether anonymous callers get an error, because `@authenticated` is on the field or on something it depends on
    /// (`compose/guard.rs`).
    pub authenticated: bool,
    /// Whether it is `@inaccessible`: used inside the graph, and never seen by clients.
    pub is_hidden: bool,
    /// The position of its declaration.
    pub span: Span,
}

/// A type with its wrappers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TypeRef {
    /// A named type.
    Named {
        /// The named type.
        ty: TypeId,
        /// Whether it is `T` and not `T!`.
        nullable: bool,
    },
    /// A list.
    List {
        /// The type of the items.
        of: Box<TypeRef>,
        /// Whether it is `[T]` and not `[T]!`.
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

    /// Whether the whole value may be null.
    #[must_use]
    pub fn is_nullable(&self) -> bool {
        match self {
            Self::Named { nullable, .. } | Self::List { nullable, .. } => *nullable,
        }
    }

    /// Whether the type is a list.
    #[must_use]
    pub fn is_list(&self) -> bool {
        matches!(self, Self::List { .. })
    }
}

/// An argument, with the bounds that the contract sets for the parameter that it fills.
#[derive(Debug)]
pub struct Argument {
    /// The type of the argument.
    pub ty: TypeRef,
    /// The default, if all sources have the same one, as JSON in the graph's vocabulary.
    pub default: Option<crate::json::Value>,
    /// The bounds of the value. Values outside are refused before any call.
    pub bounds: Bounds,
    /// Whether it is `@inaccessible`: clients never see it, and its default is sent.
    pub is_hidden: bool,
    /// The position of its declaration.
    pub span: Span,
}

/// The bounds of an argument. For a list, they hold for its length and for each item. Lengths are inclusive.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Bounds {
    /// The bounds of numbers, and of texts that are sent as numbers.
    pub numbers: NumberBounds,
    /// The least length of a text, in characters.
    pub min_length: Option<u64>,
    /// The greatest length of a text, in characters.
    pub max_length: Option<u64>,
    /// A pattern that must match somewhere in a string (as ECMA-262 `test`), if `regex` supports it.
    pub pattern: Option<String>,
    /// The greatest number of items of a list.
    pub max_items: Option<u64>,
}
