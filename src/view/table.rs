//! The tables for lowering: what each client type and field means in the graph. They are made once, with the view.

use crate::compose::{Bounds, FieldId, TypeId};
use crate::json::{Number, Value as Json};
use apollo_compiler::ast::Type;
use indexmap::IndexMap;
use regex::Regex;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// All that lowering needs, without the graph.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    /// The client's objects, interfaces and unions, by name.
    pub(crate) composites: HashMap<String, Composite>,
    /// The client's scalars, enums and input objects.
    pub(crate) inputs: Inputs,
    /// The names of client arguments that may decide how long a list is. The bounds of plans follow from their values.
    pub(crate) sizing: HashSet<String>,
    /// The bounded arguments of each graph field.
    pub(crate) bounds: HashMap<FieldId, Vec<(String, Arc<Limit>)>>,
}

/// A client object, interface or union.
#[derive(Debug)]
pub(crate) struct Composite {
    /// The client object that shows each concrete graph type.
    pub(crate) members: Vec<(TypeId, String)>,
    /// Whether objects of other graph types are left out of lists (`@view(others: OMIT)`).
    pub(crate) omits_others: bool,
    /// The client objects to which a fragment on this type applies.
    pub(crate) objects: HashSet<String>,
    /// The fields, if it is an object.
    pub(crate) fields: IndexMap<String, FieldView>,
}

/// A field of the client's schema.
#[derive(Debug)]
pub(crate) struct FieldView {
    /// The field's coordinate, such as `ProductCard.title`.
    pub(crate) coordinate: String,
    /// The hops of its path; empty for the enclosing object itself.
    pub(crate) hops: Vec<HopView>,
    /// The value that stands in for null, as JSON text with the client's names.
    pub(crate) default: Option<String>,
    /// The field's arguments, in the order of the definition.
    pub(crate) arguments: Vec<ArgumentView>,
}

/// An argument of a client field.
#[derive(Debug)]
pub(crate) struct ArgumentView {
    pub(crate) name: String,
    pub(crate) ty: Type,
    /// The default, with the graph's names.
    pub(crate) default: Option<Json>,
}

/// One field of a path.
#[derive(Debug)]
pub(crate) struct HopView {
    /// The index of the list item that the path takes (`[n]`, counted from 0).
    pub(crate) index: Option<u32>,
    /// The graph field for each concrete type of the object before it.
    pub(crate) nodes: Vec<HopNode>,
}

/// A graph field on a path.
#[derive(Debug)]
pub(crate) struct HopNode {
    pub(crate) ty: TypeId,
    pub(crate) field: FieldId,
    /// The place to which the field leads, if its type is composite.
    pub(crate) returns: Option<Place>,
    /// The arguments, in the order of the graph's definition.
    pub(crate) arguments: Vec<GraphArgument>,
}

/// A place in the graph: its type and the concrete types that can stand there.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) ty: TypeId,
    pub(crate) possible: Vec<TypeId>,
}

/// How a graph argument gets its value.
#[derive(Debug)]
pub(crate) struct GraphArgument {
    pub(crate) name: String,
    /// The value if it is pinned or offered to the client; `None` if only the default can be used.
    pub(crate) value: Option<Template<usize>>,
    /// The default in the graph.
    pub(crate) default: Option<Json>,
}

/// A value with the graph's names and with holes. In a path, the holes are client arguments by index; in a document,
/// they are variables.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Template<Hole> {
    Constant(Json),
    /// A hole, and the value that is used if nothing fills it.
    Hole(Hole, Option<Json>),
    List(Vec<Template<Hole>>),
    Object(Vec<(String, Template<Hole>)>),
}

/// The scalars, enums and input objects of one schema, by name, with their names in the graph.
#[derive(Debug, Default)]
pub(crate) struct Inputs(pub(crate) HashMap<String, InputType>);

/// The type of a variable or of an argument.
#[derive(Debug, Clone)]
pub(crate) enum InputType {
    Int,
    Float,
    String,
    Boolean,
    Id,
    /// A custom scalar, which may be any JSON.
    Custom,
    Enum(EnumView),
    Object(InputObjectView),
}

/// An enum of the client's schema.
#[derive(Debug, Clone, Default)]
pub(crate) struct EnumView {
    pub(crate) to_graph: HashMap<String, String>,
    /// Pairs of a graph value and its client value.
    pub(crate) to_client: Arc<Vec<(String, String)>>,
}

/// An input object of the client's schema.
#[derive(Debug, Clone, Default)]
pub(crate) struct InputObjectView {
    /// The fields, by the client's name.
    pub(crate) fields: IndexMap<String, InputFieldView>,
    /// Fields that the graph has and the client does not, with their defaults.
    pub(crate) hidden: Vec<(String, Json)>,
    /// Whether exactly one field must be given (`@oneOf`).
    pub(crate) is_one_of: bool,
}

/// A field of a client input object.
#[derive(Debug, Clone)]
pub(crate) struct InputFieldView {
    /// The field's name in the graph.
    pub(crate) graph: String,
    pub(crate) ty: Type,
    /// The client's default, or the graph's if the client has none. It has the graph's names.
    pub(crate) default: Option<Json>,
}

/// The contract's bounds of an argument, with the pattern as a compiled regular expression.
#[derive(Debug)]
pub(crate) struct Limit {
    pub(crate) bounds: Bounds,
    pub(crate) pattern: Option<Regex>,
}

impl Limit {
    /// Compiles the bounds; `None` if nothing is bounded.
    pub(crate) fn new(bounds: &Bounds) -> Option<Self> {
        if *bounds == Bounds::default() {
            return None;
        }
        // If `regex` cannot compile the pattern, only the service checks it.
        let pattern = bounds.pattern.as_deref().and_then(|pattern| Regex::new(pattern).ok());
        Some(Self { bounds: bounds.clone(), pattern })
    }

    /// Says why a value is out of bounds, such as `500 is above the maximum 100`; `None` if it is within them.
    pub(crate) fn violation(&self, value: &Json) -> Option<String> {
        match value {
            Json::Array(items) => match self.bounds.max_items {
                Some(most) if items.len() as u64 > most => {
                    Some(format!("a list of {} items is longer than the maximum {most}", items.len()))
                }
                _ => items.iter().find_map(|item| self.violation(item)),
            },
            Json::Number(number) => self.bounds.numbers.violation(number),
            Json::String(text) => self.text(text),
            Json::Null | Json::Bool(_) | Json::Object(_) => None,
        }
    }

    fn text(&self, text: &str) -> Option<String> {
        let length = text.chars().count() as u64;
        if let Some(least) = self.bounds.min_length.filter(|&least| length < least) {
            return Some(format!("text of {length} characters is shorter than the minimum {least}"));
        }
        if let Some(most) = self.bounds.max_length.filter(|&most| length > most) {
            return Some(format!("text of {length} characters is longer than the maximum {most}"));
        }
        if let Some(pattern) = self.pattern.as_ref().filter(|pattern| !pattern.is_match(text)) {
            return Some(format!("the text does not match the pattern `{pattern}`"));
        }
        // An `ID` may be a text that is sent as a number.
        self.bounds.numbers.violation(&Number::parse(text)?)
    }
}

impl<Hole> Template<Hole> {
    /// Calls `take` with each hole.
    pub(crate) fn holes(&self, take: &mut dyn FnMut(&Hole)) {
        match self {
            Self::Constant(_) => {}
            Self::Hole(hole, _) => take(hole),
            Self::List(items) => items.iter().for_each(|item| item.holes(take)),
            Self::Object(members) => members.iter().for_each(|(_, value)| value.holes(take)),
        }
    }

    /// The value, if it has no holes.
    pub(crate) fn as_constant(&self) -> Option<&Json> {
        match self {
            Self::Constant(json) => Some(json),
            _ => None,
        }
    }

    /// Makes a list. It is a constant if all items are constants.
    pub(crate) fn list(items: Vec<Self>) -> Self {
        if items.iter().all(|item| item.as_constant().is_some()) {
            Self::Constant(Json::Array(items.into_iter().filter_map(Self::into_constant).collect()))
        } else {
            Self::List(items)
        }
    }

    /// Makes an object. It is a constant if the values of all members are constants.
    pub(crate) fn object(members: Vec<(String, Self)>) -> Self {
        if members.iter().all(|(_, value)| value.as_constant().is_some()) {
            let constant = |(name, value): (String, Self)| Some((name, value.into_constant()?));
            Self::Constant(Json::Object(members.into_iter().filter_map(constant).collect()))
        } else {
            Self::Object(members)
        }
    }

    fn into_constant(self) -> Option<Json> {
        match self {
            Self::Constant(json) => Some(json),
            _ => None,
        }
    }
}
