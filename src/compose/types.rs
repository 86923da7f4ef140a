//! The graph's types, their fields and the arguments of these.

use super::ids::{FieldId, TypeId, WayId};
use crate::contract::NumberBounds;
use crate::diagnostic::Span;
use indexmap::IndexMap;

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
    /// Ways to get fields of this (object) type by key; [`crate::compose::Entry::Lookup`].
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
    /// Ways that get just this field: [`crate::compose::Entry::Root`] and [`crate::compose::Entry::Field`].
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
