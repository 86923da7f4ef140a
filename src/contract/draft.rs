//! A draft is one schema while its parts are combined: `allOf`, `$ref`, and the keywords beside them.
//!
//! In: the drafts of single schema nodes. Out: the draft of the values that satisfy all of them.
//! Elsewhere: reading nodes as drafts, and turning drafts into schemas ([`super::schemas`]).

use super::document::NodeId;
use super::numbers::NumberBounds;
use crate::diagnostic::{Code, Finding, Span};
use indexmap::{IndexMap, IndexSet};
use smallvec::SmallVec;

/// A set of JSON types without `null`, which is kept separately.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Types(u8);

impl Types {
    pub(super) const NONE: Self = Self(0);
    pub(super) const BOOLEAN: Self = Self(1);
    pub(super) const INTEGER: Self = Self(2);
    /// `number` includes `integer`.
    pub(super) const NUMBER: Self = Self(4 | 2);
    pub(super) const STRING: Self = Self(8);
    pub(super) const ARRAY: Self = Self(16);
    pub(super) const OBJECT: Self = Self(32);

    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "boolean" => Self::BOOLEAN,
            "integer" => Self::INTEGER,
            "number" => Self::NUMBER,
            "string" => Self::STRING,
            "array" => Self::ARRAY,
            "object" => Self::OBJECT,
            _ => return None,
        })
    }

    pub(super) fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the two sets have a type in common.
    pub(super) fn meets(self, other: Self) -> bool {
        self.and(other) != Self::NONE
    }

    fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

/// A part of a schema: a node, with or without its `oneOf` and `anyOf`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Part {
    pub(super) node: NodeId,
    pub(super) without_choice: bool,
}

/// The most parts of one schema.
pub(super) const MAX_PARTS: usize = 64;

/// The nodes that make up one schema. A value must satisfy all of them.
pub(super) type Parts = SmallVec<[Part; 1]>;

/// A property, as the parts of an `allOf` describe it.
#[derive(Debug, Clone)]
pub(super) struct DraftProperty {
    pub(super) parts: Parts,
    pub(super) span: Span,
}

/// A `discriminator` as the contract gives it.
#[derive(Debug, Clone)]
pub(super) struct Telling {
    /// The name of the property (`propertyName`).
    pub(super) property: String,
    /// The explicit values (`mapping`), each with its target node and the place of the reference to it.
    pub(super) values: Vec<(String, NodeId, Span)>,
}

/// A `oneOf` or `anyOf` with several types.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    pub(super) variants: Vec<NodeId>,
    pub(super) discriminator: Option<Telling>,
    pub(super) span: Span,
}

/// What is known about one schema so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Draft {
    pub(super) name: Option<String>,
    pub(super) description: Option<String>,
    pub(super) deprecated: bool,
    /// The types that are allowed, and the place that says so; `None` if nothing says it.
    pub(super) types: Option<(Types, Span)>,
    /// Whether null is allowed; `None` if nothing says it.
    pub(super) null: Option<bool>,
    pub(super) format: Option<String>,
    pub(super) numbers: NumberBounds,
    pub(super) values: Option<IndexSet<String>>,
    pub(super) pattern: Option<String>,
    pub(super) min_length: Option<u64>,
    pub(super) max_length: Option<u64>,
    pub(super) items: Parts,
    pub(super) min_items: Option<u64>,
    pub(super) max_items: Option<u64>,
    pub(super) properties: IndexMap<String, DraftProperty>,
    pub(super) required: IndexSet<String>,
    pub(super) choice: Option<Choice>,
}

impl Draft {
    /// Combines the draft with another one that must hold too. Gives findings for contradictions.
    pub(super) fn merge(&mut self, other: Self) -> Vec<Finding> {
        let mut findings = self.merge_types(other.types);
        if let (Some(values), Some(more)) = (&self.values, &other.values)
            && values.is_disjoint(more)
            && let (Some((_, at)), Some((_, span))) = (self.types, other.types)
        {
            let finding = Finding::new(Code::E019, "the parts of a schema have no value in common", span, "this part");
            findings.push(finding.and(at, "and this one").help("all parts of an `allOf` must allow a common value"));
        }
        self.null = either(self.null, other.null, |a, b| a && b);
        self.name = self.name.take().or(other.name);
        self.description = self.description.take().or(other.description);
        self.deprecated |= other.deprecated;
        self.format = self.format.take().or(other.format);
        self.pattern = self.pattern.take().or(other.pattern);
        self.numbers.tighten(other.numbers);
        self.min_length = either(self.min_length, other.min_length, u64::max);
        self.max_length = either(self.max_length, other.max_length, u64::min);
        self.min_items = either(self.min_items, other.min_items, u64::max);
        self.max_items = either(self.max_items, other.max_items, u64::min);
        self.values =
            either(self.values.take(), other.values, |a, b| a.into_iter().filter(|v| b.contains(v)).collect());
        add_parts(&mut self.items, &other.items);
        self.required.extend(other.required);
        for (name, property) in other.properties {
            match self.properties.entry(name) {
                indexmap::map::Entry::Vacant(entry) => {
                    entry.insert(property);
                }
                indexmap::map::Entry::Occupied(mut entry) => add_parts(&mut entry.get_mut().parts, &property.parts),
            }
        }
        match (&self.choice, other.choice) {
            (None, choice) => self.choice = choice,
            (Some(first), Some(second)) if first.variants != second.variants => {
                let message = "two lists of alternatives (`oneOf`, `anyOf`) hold at once";
                let finding = Finding::new(Code::W002, message, second.span, "this one is not read");
                let finding = finding.and(first.span, "this one is");
                findings.push(finding.help("write the combinations out as one `oneOf`"));
            }
            _ => {}
        }
        findings
    }

    fn merge_types(&mut self, other: Option<(Types, Span)>) -> Vec<Finding> {
        match (self.types, other) {
            (None, other) => self.types = other,
            (Some((first, at)), Some((second, span))) => {
                let both = first.and(second);
                if both == Types::NONE && first != Types::NONE && second != Types::NONE {
                    let finding =
                        Finding::new(Code::E019, "the parts of a schema contradict each other", span, "this type");
                    let finding = finding.and(at, "and this one");
                    return vec![finding.help("all parts of an `allOf` must allow a common type")];
                }
                self.types = Some((both, at));
            }
            _ => {}
        }
        Vec::new()
    }

    /// Whether the draft constrains values by more than types and alternatives.
    pub(super) fn is_constrained(&self) -> bool {
        !self.properties.is_empty()
            || !self.required.is_empty()
            || !self.items.is_empty()
            || self.values.is_some()
            || self.pattern.is_some()
            || self.format.is_some()
            || self.numbers != NumberBounds::default()
            || self.min_items.is_some()
            || self.max_items.is_some()
            || self.min_length.is_some()
            || self.max_length.is_some()
    }
}

/// Adds the parts that are not in the list yet. The list never gets longer than [`MAX_PARTS`] plus one, which shows
/// that there are too many.
pub(super) fn add_parts(parts: &mut Parts, more: &[Part]) {
    for part in more {
        if parts.len() <= MAX_PARTS && !parts.contains(part) {
            parts.push(*part);
        }
    }
}

fn either<T>(a: Option<T>, b: Option<T>, both: impl FnOnce(T, T) -> T) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(both(a, b)),
        (a, b) => a.or(b),
    }
}
