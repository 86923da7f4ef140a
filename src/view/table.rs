//! The lowering tables: what each client type and field means in the graph, resolved once.

use crate::compose::{Bounds, FieldId, TypeId};
use crate::json::{Number, Value as Json};
use apollo_compiler::ast::Type;
use indexmap::IndexMap;
use regex::Regex;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Everything that lowering needs, without the graph.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    /// Client objects, interfaces and unions, by name.
    pub(crate) composites: HashMap<String, Composite>,
    /// Client scalars, enums and input objects.
    pub(crate) inputs: Inputs,
    /// Names of the client's arguments that may say how long a list is: bounds of plans follow from them.
    pub(crate) sizing: HashSet<String>,
    /// Bounded arguments of graph fields.
    pub(crate) bounds: HashMap<FieldId, Vec<(String, Arc<Limit>)>>,
}

/// A client object, interface or union.
#[derive(Debug)]
pub(crate) struct Composite {
    /// Concrete graph type to the client object that shows it.
    pub(crate) members: Vec<(TypeId, String)>,
    /// `others: OMIT`.
    pub(crate) omits_others: bool,
    /// Client objects that a fragment on this type applies to.
    pub(crate) objects: HashSet<String>,
    /// Of an object.
    pub(crate) fields: IndexMap<String, FieldView>,
}

/// A client field.
#[derive(Debug)]
pub(crate) struct FieldView {
    /// Such as `ProductCard.title`.
    pub(crate) coordinate: String,
    /// Empty: the enclosing object.
    pub(crate) hops: Vec<HopView>,
    /// JSON text in client vocabulary, taken for null.
    pub(crate) default: Option<String>,
    /// The client's arguments, in the order of the definition.
    pub(crate) arguments: Vec<ArgumentView>,
}

/// A client argument.
#[derive(Debug)]
pub(crate) struct ArgumentView {
    pub(crate) name: String,
    pub(crate) ty: Type,
    /// In graph vocabulary.
    pub(crate) default: Option<Json>,
}

/// One field of a path.
#[derive(Debug)]
pub(crate) struct HopView {
    /// `[n]`.
    pub(crate) index: Option<u32>,
    /// By the concrete type of the object at hand.
    pub(crate) nodes: Vec<HopNode>,
}

/// A graph field on a path.
#[derive(Debug)]
pub(crate) struct HopNode {
    pub(crate) ty: TypeId,
    pub(crate) field: FieldId,
    /// For composite types.
    pub(crate) returns: Option<Place>,
    /// In the order of the graph's definition.
    pub(crate) arguments: Vec<GraphArgument>,
}

/// A place in the graph: its type and the concrete types that can stand there.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) ty: TypeId,
    pub(crate) possible: Vec<TypeId>,
}

/// What a graph argument gets.
#[derive(Debug)]
pub(crate) struct GraphArgument {
    pub(crate) name: String,
    /// Pinned, or offered to the client; `None`: only the default.
    pub(crate) value: Option<Template<usize>>,
    /// The graph's default.
    pub(crate) default: Option<Json>,
}

/// A value in graph vocabulary with holes: client arguments (by index) in a path, variables in a document.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Template<Hole> {
    Constant(Json),
    /// With what is taken when the hole stays empty.
    Hole(Hole, Option<Json>),
    List(Vec<Template<Hole>>),
    Object(Vec<(String, Template<Hole>)>),
}

/// The leaf and input types of one schema, by name, with their names in the graph.
#[derive(Debug, Default)]
pub(crate) struct Inputs(pub(crate) HashMap<String, InputType>);

/// A type that values of variables and arguments can have.
#[derive(Debug, Clone)]
pub(crate) enum InputType {
    Int,
    Float,
    String,
    Boolean,
    Id,
    /// Any JSON.
    Custom,
    Enum(EnumView),
    Object(InputObjectView),
}

/// A client enum.
#[derive(Debug, Clone, Default)]
pub(crate) struct EnumView {
    pub(crate) to_graph: HashMap<String, String>,
    /// Graph value to client value.
    pub(crate) to_client: Arc<Vec<(String, String)>>,
}

/// A client input object.
#[derive(Debug, Clone, Default)]
pub(crate) struct InputObjectView {
    /// By the client's name.
    pub(crate) fields: IndexMap<String, InputFieldView>,
    /// Graph fields that the client does not have, with their defaults.
    pub(crate) hidden: Vec<(String, Json)>,
    /// `@oneOf`.
    pub(crate) is_one_of: bool,
}

/// A field of a client input object.
#[derive(Debug, Clone)]
pub(crate) struct InputFieldView {
    /// Its name in the graph.
    pub(crate) graph: String,
    pub(crate) ty: Type,
    /// The client's default, else the graph's; in graph vocabulary.
    pub(crate) default: Option<Json>,
}

/// The contract's bounds of an argument, with the pattern compiled.
#[derive(Debug)]
pub(crate) struct Limit {
    pub(crate) bounds: Bounds,
    pub(crate) pattern: Option<Regex>,
}

impl Limit {
    /// `None` when nothing is bounded.
    pub(crate) fn new(bounds: &Bounds) -> Option<Self> {
        if *bounds == Bounds::default() {
            return None;
        }
        // A pattern that `regex` does not know is checked by the service.
        let pattern = bounds.pattern.as_deref().and_then(|pattern| Regex::new(pattern).ok());
        Some(Self { bounds: bounds.clone(), pattern })
    }

    /// Says what is wrong with a value, such as `500 is above the maximum 100`.
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
        // An `ID` may be the text of a number, which it is sent as.
        self.bounds.numbers.violation(&Number::parse(text)?)
    }
}

impl<Hole> Template<Hole> {
    /// Hands over each hole.
    pub(crate) fn holes(&self, take: &mut dyn FnMut(&Hole)) {
        match self {
            Self::Constant(_) => {}
            Self::Hole(hole, _) => take(hole),
            Self::List(items) => items.iter().for_each(|item| item.holes(take)),
            Self::Object(members) => members.iter().for_each(|(_, value)| value.holes(take)),
        }
    }

    /// The value, when it has no holes.
    pub(crate) fn as_constant(&self) -> Option<&Json> {
        match self {
            Self::Constant(json) => Some(json),
            _ => None,
        }
    }

    /// A list; constant when all items are.
    pub(crate) fn list(items: Vec<Self>) -> Self {
        if items.iter().all(|item| item.as_constant().is_some()) {
            Self::Constant(Json::Array(items.into_iter().filter_map(Self::into_constant).collect()))
        } else {
            Self::List(items)
        }
    }

    /// An object; constant when all members are.
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
