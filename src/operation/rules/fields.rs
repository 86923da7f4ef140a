//! Rules for fields: they are defined, and they have selections exactly if their type has fields (GraphQL §5.3.1,
//! §5.3.3).

use super::{Checker, Place, did_you_mean, of};
use apollo_compiler::ast::Field;
use apollo_compiler::schema::{ExtendedType, FieldDefinition};
use apollo_compiler::{Name, Node};

/// The most types that one suggestion names.
const MAX_TYPES: usize = 5;

impl<'a> Checker<'a> {
    /// Reports a field that its parent type does not have (§5.3.1).
    pub(super) fn unknown_field(&mut self, field: &'a Node<Field>, parent: &'a Name) {
        let suggestion = self.types_with(parent, &field.name).or_else(|| match self.type_of(parent) {
            Some(ExtendedType::Object(object)) => did_you_mean(&field.name, object.fields.keys().map(Name::as_str)),
            Some(ExtendedType::Interface(of)) => did_you_mean(&field.name, of.fields.keys().map(Name::as_str)),
            _ => None,
        });
        let message = format!("type `{parent}` does not have a field `{}`", field.name);
        self.suggest(message, [of(field.location())], suggestion);
    }

    /// Names the object types of an abstract type that have the field, as a suggestion.
    fn types_with(&self, parent: &str, field: &str) -> Option<String> {
        if self.type_of(parent)?.is_object() {
            return None;
        }
        let possible = self.possible(parent).into_iter();
        let mut having: Vec<&str> = possible.filter(|ty| self.schema.type_field(ty, field).is_ok()).collect();
        having.sort_unstable();
        let names: Vec<String> = having.iter().take(MAX_TYPES).map(|name| format!("`{name}`")).collect();
        (!names.is_empty()).then(|| format!("did you mean to use an inline fragment on {}?", names.join(" or ")))
    }

    /// Reports a leaf with selections and a composite field without them (§5.3.3).
    pub(super) fn leaf_or_not(&mut self, field: &'a Node<Field>, definition: &'a FieldDefinition) {
        let name = definition.ty.inner_named_type();
        let has_selections = !field.selection_set.is_empty();
        match self.type_of(name) {
            Some(ty @ (ExtendedType::Scalar(_) | ExtendedType::Enum(_))) if has_selections => {
                let kind = if ty.is_enum() { "enum" } else { "scalar" };
                let message = format!("field selection of {kind} type `{name}` must not have subselections");
                self.report(message, [self.selection_place(field)]);
            }
            Some(ExtendedType::Object(_) | ExtendedType::Interface(_) | ExtendedType::Union(_)) if !has_selections => {
                let message =
                    format!("field `{}` of type `{}` must have a subselection set", field.name, definition.ty);
                let suggestion = Some(format!("did you mean `{} {{ … }}`?", field.name));
                self.suggest(message, [of(field.location())], suggestion);
            }
            _ => {}
        }
    }

    /// Gives the place where a field's selections begin, which is the brace after its name, arguments and directives.
    fn selection_place(&self, field: &'a Node<Field>) -> Place {
        let whole = field.location()?;
        let last = [
            field.name.location(),
            field.arguments.last().and_then(|argument| argument.location()),
            field.directives.0.last().and_then(|directive| directive.location()),
        ];
        let from = last.into_iter().flatten().map(|span| span.end_offset()).max()?;
        let text = self.document.sources.get(&whole.file_id())?.source_text();
        Some(from + brace(text.get(from..whole.end_offset())?)?)
    }
}

/// Finds the first brace of a text that is not in a comment.
fn brace(text: &str) -> Option<usize> {
    let mut is_comment = false;
    text.bytes().position(|byte| {
        is_comment = byte == b'#' || is_comment && !matches!(byte, b'\n' | b'\r');
        byte == b'{' && !is_comment
    })
}
