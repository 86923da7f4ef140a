//! Rules: they say why a document is not valid by GraphQL §5, and name every place that an error concerns.
//!
//! In: a parsed document and the client's schema. Out: the errors in the order of the document. Errors of one place are
//! in the order of the specification's sections.
//! Elsewhere: whether a document is valid ([`super::validate`] and the compiler, whose messages say less). The rules
//! are applied only if it is not.
//!
//! The walk (`walk`) goes through the document once and applies each rule where it belongs. Consequences of an error
//! are not reported: there are no errors below a field that does not exist.
//!
//! Always true:
//! - the same document and schema give the same errors in the same order;
//! - errors, work and recursion are bounded. When a bound is reached, the errors that were found so far are reported.

mod arguments;
mod deferred;
mod directives;
mod fields;
mod fragments;
mod introspection;
mod merging;
mod operations;
mod subscriptions;
#[cfg(test)]
mod tests;
mod values;
mod variables;
mod walk;

pub(super) use introspection::{TOO_DEEP, too_deep as introspection_too_deep};

use super::error::{MAX_ERRORS, RequestError, VALIDATION_FAILED};
use super::place::Places;
use crate::suggest::did_you_mean;
use apollo_compiler::ast::{DirectiveList, Document, Field, FragmentDefinition, OperationDefinition, Selection};
use apollo_compiler::parser::SourceSpan;
use apollo_compiler::schema::{ExtendedType, FieldDefinition, Implementers};
use apollo_compiler::{Name, Node, Schema};
use merging::Merging;
use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use variables::Usage;

/// The most places of one error.
const MAX_PLACES: usize = 100;
/// The most steps of work for one document.
const MAX_WORK: u32 = 200_000;

/// Gives the errors of a document; empty if no rule is broken.
pub(super) fn explain(document: &Document, schema: &Schema) -> Vec<RequestError> {
    let mut checker = Checker::new(document, schema);
    checker.document();
    let text = document.sources.values().next_back().map_or("", |source| source.source_text());
    let places = Places::of(text);
    let error = |found: Found| {
        let locations = found.places.iter().flatten().map(|&offset| places.at(offset)).collect();
        RequestError { message: found.message, locations, code: VALIDATION_FAILED, suggestion: found.suggestion }
    };
    checker.found.into_iter().map(error).collect()
}

/// The first byte of the part of the document that an error concerns.
type Place = Option<usize>;

struct Found {
    message: String,
    places: Vec<Place>,
    suggestion: Option<String>,
}

struct Checker<'a> {
    document: &'a Document,
    schema: &'a Schema,
    /// The fragments by name. If several have the same name, the last one counts.
    fragments: HashMap<&'a str, &'a Node<FragmentDefinition>>,
    found: Vec<Found>,
    work: u32,
    /// For each fragment, the variables that it uses itself, without those of the fragments that it spreads.
    usages: HashMap<&'a str, Vec<Usage<'a>>>,
    /// The fragments that were visited in the search for cycles.
    followed: HashSet<&'a str>,
    /// The labels of `@defer`, each with its first place.
    labels: HashMap<&'a str, Place>,
    names: Names<'a>,
    merging: Merging<'a>,
    /// The fields whose introspection is nested too deeply.
    too_deep: Vec<&'a Node<Field>>,
    implementers: OnceCell<apollo_compiler::collections::HashMap<Name, Implementers>>,
}

/// The names that were defined, each with its place.
#[derive(Default)]
struct Names<'a> {
    operations: HashMap<&'a str, Place>,
    fragments: HashMap<&'a str, Place>,
}

impl<'a> Checker<'a> {
    fn new(document: &'a Document, schema: &'a Schema) -> Self {
        let fragments = document.definitions.iter().filter_map(|definition| definition.as_fragment_definition());
        Self {
            document,
            schema,
            fragments: fragments.map(|fragment| (fragment.name.as_str(), fragment)).collect(),
            found: Vec::new(),
            work: 0,
            usages: HashMap::new(),
            followed: HashSet::new(),
            labels: HashMap::new(),
            names: Names::default(),
            merging: Merging::default(),
            too_deep: introspection_too_deep(document),
            implementers: OnceCell::new(),
        }
    }

    /// Adds an error, as long as there is room.
    fn report(&mut self, message: impl Into<String>, places: impl IntoIterator<Item = Place>) {
        self.suggest(message, places, None);
    }

    /// Adds an error with a suggestion of what was probably meant.
    fn suggest(
        &mut self,
        message: impl Into<String>,
        places: impl IntoIterator<Item = Place>,
        suggestion: Option<String>,
    ) {
        if self.found.len() < MAX_ERRORS {
            let (message, places) = (message.into(), places.into_iter().take(MAX_PLACES).collect());
            self.found.push(Found { message, places, suggestion });
        }
    }

    /// Counts steps of work. Gives `false` if no more work may be done.
    fn spend(&mut self, steps: usize) -> bool {
        self.work = self.work.saturating_add(u32::try_from(steps).unwrap_or(u32::MAX));
        self.may_go_on()
    }

    fn may_go_on(&self) -> bool {
        self.work < MAX_WORK && self.found.len() < MAX_ERRORS
    }

    fn operations(&self) -> impl Iterator<Item = &'a Node<OperationDefinition>> + use<'a> {
        self.document.definitions.iter().filter_map(|definition| definition.as_operation_definition())
    }

    fn fragment(&self, name: &str) -> Option<&'a Node<FragmentDefinition>> {
        self.fragments.get(name).copied()
    }

    fn type_of(&self, name: &str) -> Option<&'a ExtendedType> {
        self.schema.types.get(name)
    }

    /// Gives a type's name from the schema if the type has fields or members.
    fn composite(&self, name: &str) -> Option<&'a Name> {
        let (name, ty) = self.schema.types.get_key_value(name)?;
        matches!(ty, ExtendedType::Object(_) | ExtendedType::Interface(_) | ExtendedType::Union(_)).then_some(name)
    }

    /// Gives the definition of a field or of a meta-field.
    fn field_definition(&self, parent: Option<&Name>, field: &str) -> Option<&'a FieldDefinition> {
        self.schema.type_field(parent?, field).ok().map(|field| &***field)
    }

    /// The names of the schema's types, for suggestions.
    fn type_names(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.schema.types.keys().map(Name::as_str)
    }

    /// The object types that a value of the type can have at run time.
    fn possible(&self, name: &str) -> Vec<&str> {
        match self.type_of(name) {
            Some(ExtendedType::Object(object)) => vec![object.name.as_str()],
            Some(ExtendedType::Union(union)) => union.members.iter().map(|member| member.name.as_str()).collect(),
            Some(ExtendedType::Interface(_)) => {
                let implementers = self.implementers.get_or_init(|| self.schema.implementers_map());
                implementers.get(name).map(|of| of.objects.iter().map(Name::as_str).collect()).unwrap_or_default()
            }
            _ => Vec::new(),
        }
    }
}

/// The place of a name.
fn at(name: &Name) -> Place {
    of(name.location())
}

/// The place where a node of the document begins.
fn of(span: Option<SourceSpan>) -> Place {
    span.map(|span| span.offset())
}

/// The directives of a field, a spread or an inline fragment.
fn directives_of(selection: &Selection) -> &DirectiveList {
    match selection {
        Selection::Field(field) => &field.directives,
        Selection::FragmentSpread(spread) => &spread.directives,
        Selection::InlineFragment(fragment) => &fragment.directives,
    }
}

/// The selection set of a field or an inline fragment; empty for a spread.
fn inside(selection: &Selection) -> &[Selection] {
    match selection {
        Selection::Field(field) => &field.selection_set,
        Selection::InlineFragment(fragment) => &fragment.selection_set,
        Selection::FragmentSpread(_) => &[],
    }
}
