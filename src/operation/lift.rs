//! Lifting: literal values become variables, so that documents that differ only in such values share an operation and
//! its plans.
//!
//! In: a [`Prepared`], whose document was validated with its literals. Out: its shape, which is the operation with
//! variables in place of the literals; the text by which shapes are told apart; and the values.
//!
//! These stay as parts of the shape:
//! - arguments of directives, because they decide what is asked for, or are repeated in the answer (`@defer(label:)`);
//! - arguments that say how long a list is, because the bounds of a plan follow from them;
//! - nulls, because plans are made for the set of arguments that are null;
//! - an operation with introspection as a whole.
//!
//! Always true:
//! - equal values become one variable, because equal arguments make one node and one call;
//! - a value is coerced once, by the type of its place, and is kept with the graph's names.

use super::given::JsonText;
use super::own::Particulars;
use super::prepare::Prepared;
use crate::view::table::{InputType, Tables};
use apollo_compiler::ast::{Type, Value, VariableDefinition};
use apollo_compiler::executable::{Field, OperationMap, Selection, SelectionSet};
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Name, Node, name};
use indexmap::{IndexMap, IndexSet};
use std::fmt::Write as _;
use std::sync::Arc;

/// The placeholder for every default of a variable except null.
const SOME: Name = name!("_");

/// An operation without its literals, and what its document alone has.
#[derive(Debug)]
pub struct Lifted {
    /// A text that is equal for equal shapes and different for different ones.
    pub key: String,
    /// The operation with variables in place of literals.
    pub shape: Prepared,
    /// The literals, defaults and locations of the document.
    pub own: Arc<Particulars>,
}

impl Prepared {
    /// Replaces the literal values of the operation by variables.
    #[must_use]
    pub fn lift(mut self) -> Lifted {
        if self.has_introspection {
            // The compiler answers introspection from the document as it is.
            let name = self.name().unwrap_or_default();
            let key = format!("{name}\0{}", self.source().unwrap_or_default());
            let own = Arc::clone(&self.own);
            return Lifted { key, shape: self, own };
        }
        let prefix = free_prefix(&self);
        let mut lifting = Lifting { tables: Arc::clone(&self.tables), prefix, values: IndexMap::new() };
        let mut old =
            std::mem::replace(&mut self.document, Valid::assume_valid(ExecutableDocument::new())).into_inner();
        // Only the operation is changed. The document's own copy of it is not needed.
        old.operations = OperationMap::default();
        let operation = self.operation.make_mut();
        let mut used = IndexSet::new();
        lifting.selection_set(&mut operation.selection_set, &mut used);
        let mut document = ExecutableDocument::new();
        let mut at = 0;
        while let Some(name) = used.get_index(at).cloned() {
            at += 1;
            let Some(mut fragment) = old.fragments.swap_remove(&name) else { continue };
            lifting.selection_set(&mut fragment.make_mut().selection_set, &mut used);
            document.fragments.insert(name, fragment);
        }
        for variable in &mut operation.variables {
            if variable.default_value.as_ref().is_some_and(|default| !default.is_null()) {
                variable.make_mut().default_value = Some(Node::new(Value::Enum(SOME)));
            }
        }
        for (name, ty) in lifting.values.values() {
            let definition = VariableDefinition {
                name: name.clone(),
                ty: Node::new(ty.clone()),
                default_value: None,
                directives: Default::default(),
            };
            operation.variables.push(Node::new(definition));
        }
        let mut key = format!("{}\0{}", self.declared, operation.serialize().no_indent());
        for fragment in document.fragments.values() {
            let _ = write!(key, " {}", fragment.serialize().no_indent());
        }
        self.document = Valid::assume_valid(document);
        let own = Arc::new(Particulars {
            literals: lifting.values.into_keys().collect(),
            defaults: self.own.defaults.clone(),
            locations: self.own.locations.clone(),
        });
        self.own =
            Arc::new(Particulars { literals: Arc::default(), defaults: Box::default(), locations: Box::default() });
        Lifted { key, shape: self, own }
    }
}

/// Gives a prefix that no declared variable's name begins with.
fn free_prefix(prepared: &Prepared) -> String {
    let mut prefix = "_l".to_owned();
    while prepared.operation.variables.iter().any(|variable| variable.name.starts_with(&prefix)) {
        prefix.push('_');
    }
    prefix
}

struct Lifting {
    tables: Arc<Tables>,
    prefix: String,
    /// The values, each with its variable and the type of the place where it was found first.
    values: IndexMap<JsonText, (Name, Type)>,
}

impl Lifting {
    fn selection_set(&mut self, set: &mut SelectionSet, used: &mut IndexSet<Name>) {
        for selection in &mut set.selections {
            match selection {
                Selection::Field(field) => {
                    let field = field.make_mut();
                    self.arguments(field);
                    self.selection_set(&mut field.selection_set, used);
                }
                Selection::InlineFragment(fragment) => {
                    self.selection_set(&mut fragment.make_mut().selection_set, used);
                }
                Selection::FragmentSpread(spread) => {
                    used.insert(spread.fragment_name.clone());
                }
            }
        }
    }

    fn arguments(&mut self, field: &mut Field) {
        let definition = field.definition.clone();
        for argument in &mut field.arguments {
            if self.tables.sizing.contains(argument.name.as_str()) {
                continue;
            }
            let Some(defined) = definition.argument_by_name(&argument.name) else { continue };
            self.value(&defined.ty, &mut argument.make_mut().value);
        }
    }

    /// Replaces a value by a variable. If the value contains variables, its parts without variables are replaced.
    fn value(&mut self, ty: &Type, value: &mut Node<Value>) {
        if value.is_null() || value.as_variable().is_some() {
            return;
        }
        if !has_variable(value) {
            // Validation has coerced the same value without an error.
            let Ok(json) = self.tables.inputs.constant(ty, value) else { return };
            let variable = self.variable(JsonText::from(&json), ty);
            *value.make_mut() = Value::Variable(variable);
            return;
        }
        let (tables, inner) = (Arc::clone(&self.tables), ty.item_type());
        match value.make_mut() {
            Value::List(items) => items.iter_mut().for_each(|item| self.value(inner, item)),
            Value::Object(members) => {
                let view = match tables.inputs.0.get(ty.inner_named_type().as_str()) {
                    Some(InputType::Object(view)) => Some(view),
                    _ => None,
                };
                for (name, member) in members {
                    // All parts of a custom scalar's value have the type of the custom scalar.
                    let ty = view.map_or(Some(ty), |view| view.fields.get(name.as_str()).map(|field| &field.ty));
                    if let Some(ty) = ty {
                        self.value(ty, member);
                    }
                }
            }
            _ => {}
        }
    }

    fn variable(&mut self, value: JsonText, ty: &Type) -> Name {
        let number = self.values.len();
        let entry = self.values.entry(value);
        entry.or_insert_with(|| (Name::new_unchecked(&format!("{}{number}", self.prefix)), ty.clone())).0.clone()
    }
}

fn has_variable(value: &Value) -> bool {
    match value {
        Value::Variable(_) => true,
        Value::List(items) => items.iter().any(|item| has_variable(item)),
        Value::Object(members) => members.iter().any(|(_, member)| has_variable(member)),
        _ => false,
    }
}
