//! Field sets: the value of `fields:` in `@key`, `@requires` and `@provides`, which is a selection set without
//! arguments, aliases and directives.

use super::model::{FieldSelection, FieldSet};
use super::values::Reader;
use crate::diagnostic::{Code, Finding, Span};
use apollo_compiler::Node;
use apollo_compiler::ast::{self, Value};

impl Reader<'_> {
    /// Parses a field set.
    pub(crate) fn field_set(&mut self, value: &Node<Value>) -> Option<FieldSet> {
        let text = match value.as_list() {
            // Federation 1 also had lists of names.
            Some(members) => {
                let names: Vec<&str> = members.iter().filter_map(|member| member.as_str()).collect();
                names.join(" ")
            }
            None => self.text(value)?.value,
        };
        let span = self.span(value.location());
        let Some(selections) = parse(&text) else {
            let help = "write field names as in a selection, such as `id` or `id owner { id }`";
            self.find(Finding::new(Code::E202, "not a set of fields", span, "cannot be read").help(help));
            return None;
        };
        match selections.iter().map(selection).collect() {
            Ok(selections) => Some(FieldSet { selections, span }),
            Err(what) => self.outside(what, span),
        }
    }

    fn outside(&mut self, what: String, span: Span) -> Option<FieldSet> {
        let message = format!("{what} in a set of fields is not supported");
        let help = "write plain names of fields: `id owner { id }`, and `... on Type { id }` for fields of one type";
        self.find(Finding::new(Code::C011, message, span, "in this set").help(help));
        None
    }
}

/// Parses the text of a selection set without its braces.
fn parse(text: &str) -> Option<Vec<ast::Selection>> {
    let document = ast::Document::parser().recursion_limit(32).parse_ast(format!("{{{text}\n}}"), "fields").ok()?;
    match <[ast::Definition; 1]>::try_from(document.definitions) {
        Ok([ast::Definition::OperationDefinition(operation)]) if !operation.selection_set.is_empty() => {
            Some(operation.selection_set.clone())
        }
        // The text contains a closing brace that ends the set early, so another definition follows.
        _ => None,
    }
}

/// Turns a selection into a part of a field set. The error names what a field set must not contain.
fn selection(selection: &ast::Selection) -> Result<FieldSelection, String> {
    let inner = |selections: &[ast::Selection]| selections.iter().map(self::selection).collect::<Result<Vec<_>, _>>();
    match selection {
        ast::Selection::Field(field) if field.alias.is_some() => Err("an alias".to_owned()),
        ast::Selection::Field(field) if !field.arguments.is_empty() => Err(format!("an argument of `{}`", field.name)),
        ast::Selection::Field(field) if !field.directives.is_empty() => Err(format!("a directive of `{}`", field.name)),
        ast::Selection::Field(field) => {
            Ok(FieldSelection::Field { name: field.name.to_string(), selections: inner(&field.selection_set)? })
        }
        ast::Selection::InlineFragment(fragment) if !fragment.directives.is_empty() => {
            Err("a directive of a fragment".to_owned())
        }
        ast::Selection::InlineFragment(fragment) => Ok(FieldSelection::On {
            ty: fragment.type_condition.as_ref().map(ToString::to_string).unwrap_or_default(),
            selections: inner(&fragment.selection_set)?,
        }),
        ast::Selection::FragmentSpread(spread) => Err(format!("the fragment `{}`", spread.fragment_name)),
    }
}
