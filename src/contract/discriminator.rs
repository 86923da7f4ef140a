//! Discriminators: how the alternatives of a `oneOf` are told apart. They are filled in when all schemas are known.
//!
//! In: the schemas, and the explicit values of each `discriminator`. Out: its complete mapping.
//!
//! Always true: each value leads to an alternative of its `oneOf`. An explicit value has precedence. The next choice is
//! the single value that the alternative's property allows. An alternative that has neither gets its component name.

use super::document::NodeId;
use super::draft::Telling;
use super::model::{Discriminator, Schema, SchemaId, SchemaKind};
use super::reader::Reader;
use crate::diagnostic::{Code, Finding};
use indexmap::IndexMap;

/// A `oneOf` whose discriminator was not filled in yet.
pub(super) struct Pending {
    pub(super) id: SchemaId,
    /// The nodes of the alternatives, in the order of the document.
    pub(super) nodes: Vec<NodeId>,
    pub(super) discriminator: Option<Telling>,
    /// Whether the contract does not say if null is allowed. Then null is allowed if an alternative allows it.
    pub(super) inherits_null: bool,
}

/// Fills in the discriminators, and allows null where an alternative allows it.
pub(super) fn fill_discriminators(reader: &mut Reader<'_>, schemas: &mut [Schema], choices: Vec<Pending>) {
    inherit_null(schemas, &choices);
    for choice in choices {
        let Some(Telling { property, values: explicit }) = choice.discriminator else { continue };
        let SchemaKind::OneOf { variants, .. } = &schemas[choice.id.0 as usize].kind else { continue };
        let mut mapping: IndexMap<String, SchemaId> = IndexMap::new();
        for (value, target, span) in explicit {
            match choice.nodes.iter().position(|&node| node == target) {
                Some(at) => {
                    mapping.insert(value, variants[at]);
                }
                None => {
                    let message = format!("`{value}` leads to a schema that is not an alternative");
                    let finding = Finding::new(Code::E022, message, span, "not listed");
                    reader.report(finding.help("add the schema to `oneOf`, or drop the value"));
                }
            }
        }
        for &variant in variants {
            if let Some(value) = implicit_value(schemas, variant, &property, &mapping) {
                mapping.entry(value).or_insert(variant);
            }
        }
        if let SchemaKind::OneOf { discriminator, .. } = &mut schemas[choice.id.0 as usize].kind {
            *discriminator = Some(Discriminator { property, mapping });
        }
    }
}

fn implicit_value(
    schemas: &[Schema],
    variant: SchemaId,
    property: &str,
    explicit: &IndexMap<String, SchemaId>,
) -> Option<String> {
    let schema = &schemas[variant.0 as usize];
    if let SchemaKind::Object { properties } = &schema.kind
        && let Some(found) = properties.get(property)
        && let SchemaKind::String { values, .. } = &schemas[found.schema.0 as usize].kind
        && let [only] = &values[..]
    {
        return Some(only.clone());
    }
    if explicit.values().any(|&target| target == variant) {
        return None;
    }
    schema.name.clone()
}

/// Makes a `oneOf` nullable if one of its alternatives is. Several rounds are needed if alternatives are `oneOf`s too.
fn inherit_null(schemas: &mut [Schema], choices: &[Pending]) {
    const MAX_ROUNDS: usize = 32;
    for _ in 0..MAX_ROUNDS {
        let mut changed = false;
        for choice in choices.iter().filter(|choice| choice.inherits_null) {
            let schema = &schemas[choice.id.0 as usize];
            let SchemaKind::OneOf { variants, .. } = &schema.kind else { continue };
            if !schema.nullable && variants.iter().any(|variant| schemas[variant.0 as usize].nullable) {
                schemas[choice.id.0 as usize].nullable = true;
                changed = true;
            }
        }
        if !changed {
            return;
        }
    }
}
