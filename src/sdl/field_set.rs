//! The value of `fields:` in `@key`, `@requires` and `@provides`.

use super::model::{FieldSelection, FieldSet};
use super::values::Reader;
use crate::diagnostic::Finding;
use apollo_compiler::Node;
use apollo_compiler::ast::{self, Value};

impl Reader<'_> {
    /// Parses a field set.
    pub(crate) fn field_set(&mut self, value: &Node<Value>) -> Option<FieldSet> {
        let text = match value.as_list() {
            // Federation 1 wrote lists of names, too.
            Some(members) => {
                let names: Vec<&str> = members.iter().filter_map(|member| member.as_str()).collect();
                names.join(" ")
            }
            None => self.text(value)?.value,
        };
        let span = self.span(value.location());
        let parsed = ast::Document::parser().recursion_limit(32).parse_ast(format!("{{{text}}}"), "fields");
        let selections = parsed.ok().and_then(|document| match document.definitions.into_iter().next() {
            Some(ast::Definition::OperationDefinition(operation)) => Some(operation.selection_set.clone()),
            _ => None,
        });
        match selections {
            Some(selections) if !selections.is_empty() => {
                Some(FieldSet { selections: selections.iter().map(selection).collect(), span })
            }
            _ => {
                let help = "write field names as in a selection, such as `id` or `id owner { id }`";
                self.find(Finding::new("E202", "not a set of fields", span, "cannot be read").help(help));
                None
            }
        }
    }
}

fn selection(selection: &ast::Selection) -> FieldSelection {
    match selection {
        ast::Selection::Field(field) => FieldSelection::Field {
            name: field.name.to_string(),
            selections: field.selection_set.iter().map(self::selection).collect(),
        },
        ast::Selection::InlineFragment(fragment) => FieldSelection::On {
            ty: fragment.type_condition.as_ref().map(ToString::to_string).unwrap_or_default(),
            selections: fragment.selection_set.iter().map(self::selection).collect(),
        },
        ast::Selection::FragmentSpread(spread) => {
            FieldSelection::Field { name: format!("...{}", spread.fragment_name), selections: Vec::new() }
        }
    }
}
