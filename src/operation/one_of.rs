//! `__Type.isOneOf` (GraphQL §4.2.2), which the compiler's introspection does not know yet.
//!
//! The query is run with the field `name` in place of `isOneOf`, under the same response name. Then each type's name is
//! replaced by the value of `isOneOf`.

use crate::view::one_of::{IS_ONE_OF, is_one_of};
use apollo_compiler::executable::{Field, Operation, Selection, SelectionSet};
use apollo_compiler::response::{JsonMap, JsonValue};
use apollo_compiler::schema::FieldDefinition;
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Name, Node, Schema, name, ty};

const NAME: Name = name!("name");

/// The document and the operation with `name` in place of `isOneOf`; `None` if nobody asks for `isOneOf`.
pub(super) fn without(
    document: &Valid<ExecutableDocument>,
    operation: &Operation,
) -> Option<(Valid<ExecutableDocument>, Operation)> {
    let sets = document.fragments.values().map(|fragment| &fragment.selection_set);
    if !sets.chain([&operation.selection_set]).any(asks) {
        return None;
    }
    let mut document = ExecutableDocument::clone(document);
    for fragment in document.fragments.values_mut() {
        replace(&mut fragment.make_mut().selection_set);
    }
    let mut operation = operation.clone();
    replace(&mut operation.selection_set);
    // Both were valid before. Fields that could be merged still can, because all fields of one name were replaced
    // alike.
    Some((Valid::assume_valid(document), operation))
}

fn asks(set: &SelectionSet) -> bool {
    set.selections.iter().any(|selection| match selection {
        Selection::Field(field) => is_it(set, field) || asks(&field.selection_set),
        Selection::InlineFragment(fragment) => asks(&fragment.selection_set),
        Selection::FragmentSpread(_) => false,
    })
}

fn is_it(set: &SelectionSet, field: &Field) -> bool {
    set.ty == "__Type" && field.name == IS_ONE_OF
}

fn replace(set: &mut SelectionSet) {
    let of_type = set.ty == "__Type";
    for selection in &mut set.selections {
        match selection {
            Selection::Field(field) if of_type && field.name == IS_ONE_OF => {
                let field = field.make_mut();
                field.alias = Some(field.response_key().clone());
                field.name = NAME;
                field.definition = Node::new(FieldDefinition {
                    description: None,
                    name: NAME,
                    arguments: Vec::new(),
                    ty: ty!(String),
                    directives: Default::default(),
                });
            }
            Selection::Field(field) => replace(&mut field.make_mut().selection_set),
            Selection::InlineFragment(fragment) => replace(&mut fragment.make_mut().selection_set),
            Selection::FragmentSpread(_) => {}
        }
    }
}

/// Replaces each type's name by the value of `isOneOf`, which is null for every type but input objects.
pub(super) fn answer(data: &mut JsonMap, set: &SelectionSet, document: &ExecutableDocument, schema: &Schema) {
    for selection in &set.selections {
        match selection {
            Selection::Field(field) => {
                let Some(value) = data.get_mut(field.response_key().as_str()) else { continue };
                if !is_it(set, field) {
                    inside(value, &field.selection_set, document, schema);
                } else if let Some(name) = value.as_str() {
                    *value = is_one_of(schema, name).map_or(JsonValue::Null, JsonValue::Bool);
                }
            }
            Selection::InlineFragment(fragment) => answer(data, &fragment.selection_set, document, schema),
            Selection::FragmentSpread(spread) => {
                if let Some(fragment) = document.fragments.get(&spread.fragment_name) {
                    answer(data, &fragment.selection_set, document, schema);
                }
            }
        }
    }
}

fn inside(value: &mut JsonValue, set: &SelectionSet, document: &ExecutableDocument, schema: &Schema) {
    match value {
        JsonValue::Object(data) => answer(data, set, document, schema),
        JsonValue::Array(items) => items.iter_mut().for_each(|item| inside(item, set, document, schema)),
        _ => {}
    }
}
