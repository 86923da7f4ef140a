//! The parts of the schema and the language that a set of operations uses.

use apollo_compiler::Schema;
use apollo_compiler::ast::OperationType;
use apollo_compiler::schema::ExtendedType;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The coordinates that were used, and how often each feature was used.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reached {
    coordinates: BTreeSet<String>,
    features: BTreeMap<&'static str, u32>,
}

impl Reached {
    /// Notes a part of the schema: `Type.field`, `Type.field(argument:)` or `... on Type`.
    pub(crate) fn visit(&mut self, coordinate: String) {
        self.coordinates.insert(coordinate);
    }

    pub(crate) fn count(&mut self, feature: &'static str) {
        *self.features.entry(feature).or_default() += 1;
    }

    pub(crate) fn count_all(&mut self, features: impl IntoIterator<Item = &'static str>) {
        features.into_iter().for_each(|feature| self.count(feature));
    }

    /// Adds what one operation uses. Each operation counts once for each of its features.
    pub(crate) fn add(&mut self, one: &Self) {
        self.coordinates.extend(one.coordinates.iter().cloned());
        one.features.keys().for_each(|feature| self.count(feature));
    }

    /// The parts of the schema that no operation uses. Subscriptions are left out, because graphql-js is asked for one
    /// answer at a time.
    pub(crate) fn missing(&self, schema: &Schema) -> Vec<String> {
        let mut all = Vec::new();
        let subscription = schema.root_operation(OperationType::Subscription);
        let types = schema.types.iter().filter(|(name, ty)| !ty.is_built_in() && Some(*name) != subscription);
        for (name, ty) in types {
            match ty {
                ExtendedType::Object(object) => {
                    all.push(format!("... on {name}"));
                    for field in object.fields.values() {
                        all.push(format!("{name}.{}", field.name));
                        all.extend(field.arguments.iter().map(|it| format!("{name}.{}({}:)", field.name, it.name)));
                    }
                }
                ExtendedType::Union(_) | ExtendedType::Interface(_) => all.push(format!("... on {name}")),
                _ => {}
            }
        }
        all.retain(|coordinate| !self.coordinates.contains(coordinate));
        all
    }
}

impl fmt::Display for Reached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (feature, operations) in &self.features {
            writeln!(f, "{operations:>7}  {feature}")?;
        }
        Ok(())
    }
}
