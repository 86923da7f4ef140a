//! Shapes: what answers hold at their places, by concrete type.

use super::ids::{FieldId, ShapeId, TypeId};
use super::read::Read;
use indexmap::IndexMap;

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
