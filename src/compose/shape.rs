//! Shapes: the contents of answers at each of their places, by concrete type.

use super::ids::{FieldId, ShapeId, TypeId};
use super::read::Read;
use indexmap::IndexMap;

/// The contents of an answer at one of its places.
#[derive(Debug)]
pub struct Shape {
    /// The GraphQL type at this place. It may be abstract.
    pub ty: TypeId,
    /// How the concrete type is found.
    pub choice: TypeChoice,
    /// The variants: one for each concrete type that is possible here.
    pub variants: Vec<ShapeVariant>,
}

/// How the concrete type at a place is found.
#[derive(Debug)]
pub enum TypeChoice {
    /// There is only one variant.
    Only,
    /// A value of the object determines the type. A value that is not among the cases is an error.
    By {
        /// How the value is read, relative to the object.
        read: Read,
        /// The known values, each with an index into [`Shape::variants`].
        cases: Vec<(String, usize)>,
    },
}

/// The fields of one concrete type at one place.
#[derive(Debug)]
pub struct ShapeVariant {
    /// The concrete type to which the fields belong.
    pub ty: TypeId,
    /// The fields that the answer has.
    pub fields: IndexMap<FieldId, ShapeField>,
}

/// A field that an answer has.
#[derive(Debug)]
pub struct ShapeField {
    /// How the value is read, relative to the JSON of the object.
    pub read: Read,
    /// For composite types: the shape of the named type, below all list wrappers.
    pub shape: Option<ShapeId>,
    /// For lists: the bound of the length.
    pub bound: ListBound,
}

/// The bounds of the length of a list. The default has none, and is also used for values that are no lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListBound {
    /// The usual number of items (`@listSize(assumedSize:)`). Estimates use it, and a longer list is no error.
    pub assumed: Option<u64>,
    /// The greatest number of items (`@listSize(maxSize:)`, `maxItems`). A longer list is an error.
    pub max: Option<u64>,
    /// The arguments that set the greatest number of items.
    pub slicing: Vec<Slicing>,
    /// Whether these arguments are declared (`@listSize(slicingArguments:)`). Otherwise they are known by their names
    /// and the contract.
    pub is_sliced_by_declaration: bool,
}

/// An argument that sets the greatest number of items of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slicing {
    /// The name of the field's argument.
    pub argument: String,
    /// The greatest value of the argument, if the contract has one.
    pub maximum: Option<u64>,
}

impl ListBound {
    /// A bound of this many items, if there is a number.
    #[must_use]
    pub fn at_most(max: Option<u64>) -> Self {
        Self { max, ..Self::default() }
    }

    /// Whether the list can have any number of items, for some arguments.
    #[must_use]
    pub fn is_open(&self) -> bool {
        let is_sliced = self.slicing.iter().any(|slicing| slicing.maximum.is_some());
        self.assumed.is_none() && self.max.is_none() && !is_sliced
    }
}
