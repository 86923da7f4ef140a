//! Discriminators: how the alternatives of a `oneOf` are told apart. They are filled in when the alternatives were
//! read.
//!
//! In: a `oneOf` with its alternatives, and the explicit values of its `discriminator`. Out: the complete mapping.
//!
//! Always true: each value leads to an alternative of its `oneOf`. An explicit value has precedence. The next choice is
//! the single value that the alternative's property allows. An alternative that has neither gets its component name.

use super::cells::Cells;
use super::document::NodeId;
use super::draft::Telling;
use super::model::{Discriminator, Schema, SchemaId, SchemaKind};
use super::reader::Reader;
use crate::diagnostic::{Code, Finding};
use indexmap::{IndexMap, IndexSet};
use rustc_hash::{FxHashMap, FxHashSet};

/// A `oneOf` whose discriminator was not filled in yet.
pub(super) struct Pending {
    pub(super) id: SchemaId,
    /// The nodes of the alternatives, in the order of the document.
    pub(super) nodes: Vec<NodeId>,
    pub(super) discriminator: Option<Telling>,
    /// Whether the contract does not say if null is allowed. Then null is allowed if an alternative allows it.
    pub(super) inherits_null: bool,
}

/// Schemas that are read together because they depend on each other.
pub(super) struct Batch<'a> {
    /// The schemas that were read before.
    pub(super) known: &'a Cells<Schema>,
    pub(super) read: IndexMap<SchemaId, Schema>,
    pub(super) choices: Vec<Pending>,
}

impl Batch<'_> {
    /// Gives a schema that was read now or before.
    pub(super) fn get(&self, id: SchemaId) -> Option<&Schema> {
        self.read.get(&id).or_else(|| self.known.cell(id.0 as usize)?.get())
    }

    fn variants(&self, id: SchemaId) -> &[SchemaId] {
        match self.get(id).map(|schema| &schema.kind) {
            Some(SchemaKind::OneOf { variants, .. }) => variants,
            _ => &[],
        }
    }

    /// The properties that tell alternatives apart and were not read yet.
    pub(super) fn telling_properties(&self) -> Vec<SchemaId> {
        let of_choice = |choice: &Pending| -> Vec<SchemaId> {
            let Some(telling) = &choice.discriminator else { return Vec::new() };
            let property = |&variant: &SchemaId| match &self.get(variant)?.kind {
                SchemaKind::Object { properties } => properties.get(&telling.property).map(|found| found.schema),
                _ => None,
            };
            self.variants(choice.id).iter().filter_map(property).filter(|&id| self.get(id).is_none()).collect()
        };
        self.choices.iter().flat_map(of_choice).collect()
    }

    /// Completes the schemas with what follows from all of them: alternatives without cycles, nullability and
    /// discriminators.
    pub(super) fn complete(mut self, reader: &mut Reader<'_>) -> Vec<(SchemaId, Schema)> {
        let mut choices = std::mem::take(&mut self.choices);
        // Nullability is inherited first, because a `oneOf` that becomes its only alternative has no alternatives to
        // inherit from.
        self.inherit_null(&choices);
        self.unfold(&mut choices);
        for choice in choices {
            let Some(Telling { property, values: explicit }) = choice.discriminator else { continue };
            let variants = self.variants(choice.id).to_vec();
            if variants.is_empty() {
                continue;
            }
            let mut mapping: IndexMap<String, SchemaId> = IndexMap::new();
            for (value, target, span) in explicit {
                match choice.nodes.iter().zip(&variants).find(|(node, _)| **node == target) {
                    Some((_, &variant)) => {
                        mapping.insert(value, variant);
                    }
                    None => {
                        let message = format!("`{value}` leads to a schema that is not an alternative");
                        let finding = Finding::new(Code::E022, message, span, "not listed");
                        reader.report(finding.help("add the schema to `oneOf`, or drop the value"));
                    }
                }
            }
            for &variant in &variants {
                if let Some(value) = self.implicit_value(variant, &property, &mapping) {
                    mapping.entry(value).or_insert(variant);
                }
            }
            if let Some(SchemaKind::OneOf { discriminator, .. }) =
                self.read.get_mut(&choice.id).map(|schema| &mut schema.kind)
            {
                *discriminator = Some(Discriminator { property, mapping });
            }
        }
        self.read.into_iter().collect()
    }

    /// Replaces alternatives that lead back to their own `oneOf` by the alternatives that do not. For example,
    /// `A: oneOf [A, string]` is a string, and `A: oneOf [B, string]` with `B: oneOf [A, integer]` has both types. If
    /// one alternative is left, the schema is that alternative; if none is left, it allows anything.
    fn unfold(&mut self, choices: &mut [Pending]) {
        let node_of: FxHashMap<SchemaId, NodeId> = choices
            .iter()
            .flat_map(|choice| self.variants(choice.id).iter().copied().zip(choice.nodes.iter().copied()))
            .collect();
        let mut unfolded = Vec::new();
        for choice in choices.iter_mut() {
            let (mut plain, mut seen) = (IndexSet::new(), FxHashSet::default());
            let mut stack: Vec<SchemaId> = self.variants(choice.id).iter().rev().copied().collect();
            while let Some(id) = stack.pop() {
                let variants = self.variants(id);
                if variants.is_empty() {
                    plain.insert(id);
                } else if seen.insert(id) {
                    stack.extend(variants.iter().rev());
                }
            }
            if seen.contains(&choice.id) || self.variants(choice.id).len() == 1 {
                choice.nodes = plain.iter().filter_map(|id| node_of.get(id).copied()).collect();
                unfolded.push((choice.id, plain));
            }
        }
        for (id, plain) in unfolded {
            let variants: Vec<SchemaId> = plain.into_iter().collect();
            let kind = match variants[..] {
                [] => SchemaKind::Any,
                [only] => self.get(only).map_or(SchemaKind::Any, |schema| schema.kind.clone()),
                _ => SchemaKind::OneOf { variants, discriminator: None },
            };
            if let Some(schema) = self.read.get_mut(&id) {
                schema.kind = kind;
            }
        }
    }

    fn implicit_value(
        &self,
        variant: SchemaId,
        property: &str,
        explicit: &IndexMap<String, SchemaId>,
    ) -> Option<String> {
        let schema = self.get(variant)?;
        if let SchemaKind::Object { properties } = &schema.kind
            && let Some(found) = properties.get(property)
            && let Some(SchemaKind::String { values, .. }) = self.get(found.schema).map(|schema| &schema.kind)
            && let [only] = &values[..]
        {
            return Some(only.clone());
        }
        if explicit.values().any(|&target| target == variant) {
            return None;
        }
        schema.name.clone()
    }

    /// Makes a `oneOf` nullable if one of its alternatives is. Several rounds are needed if alternatives are `oneOf`s
    /// too.
    fn inherit_null(&mut self, choices: &[Pending]) {
        const MAX_ROUNDS: usize = 32;
        for _ in 0..MAX_ROUNDS {
            let mut changed = false;
            for choice in choices.iter().filter(|choice| choice.inherits_null) {
                let is_nullable = |id: &SchemaId| self.get(*id).is_some_and(|schema| schema.nullable);
                let has_null = self.variants(choice.id).iter().any(is_nullable);
                if let Some(schema) = self.read.get_mut(&choice.id).filter(|schema| has_null && !schema.nullable) {
                    schema.nullable = true;
                    changed = true;
                }
            }
            if !changed {
                return;
            }
        }
    }
}
