//! The keywords of one schema object, except `$ref`, `allOf`, `oneOf` and `anyOf`.
//!
//! In: the mapping of a schema. Out: a [`Draft`].
//! Elsewhere: combining drafts ([`super::schemas`]).
//!
//! Always true: bounds keep their digits, and `nullable` (3.0) and `type: [T, "null"]` (3.1) give the same draft.

use super::document::{Mapping, Meaning, NodeId};
use super::draft::{Draft, Types};
use super::numbers::{NumberBound, NumberBounds};
use super::reader::Reader;
use crate::diagnostic::{Code, Finding, Span};
use crate::json::Number;

const TYPES_HELP: &str = "the types are boolean, integer, number, string, array, object and null";

impl<'a> Reader<'a> {
    /// Reads the keywords whose values are scalars. The caller reads properties and items.
    pub(super) fn keywords(&mut self, schema: &'a Mapping) -> Draft {
        let mut draft = Draft {
            description: schema.get("description").and_then(|entry| self.document.text(entry.value)).map(str::to_owned),
            deprecated: self.flag_at(schema, "deprecated").unwrap_or(false),
            format: self.text_at(schema, "format").map(str::to_owned),
            pattern: self.text_at(schema, "pattern").map(str::to_owned),
            min_length: self.count_at(schema, "minLength"),
            max_length: self.count_at(schema, "maxLength"),
            min_items: self.count_at(schema, "minItems"),
            max_items: self.count_at(schema, "maxItems"),
            ..Draft::default()
        };
        self.read_types(schema, &mut draft);
        self.read_bounds(schema, &mut draft);
        self.read_values(schema, &mut draft);
        for &name in self.list_at(schema, "required") {
            match self.document.text(name) {
                Some(text) => {
                    draft.required.insert(text.to_owned());
                }
                None => self.wrong_kind(name, "an item of `required`", "a string"),
            }
        }
        draft
    }

    fn read_types(&mut self, schema: &'a Mapping, draft: &mut Draft) {
        let document = self.document;
        let Some(entry) = schema.get("type") else { return };
        let names = document.sequence(entry.value).unwrap_or(std::slice::from_ref(&entry.value));
        let mut types = Types::NONE;
        let mut null = false;
        for &name in names {
            // Without quotes, YAML reads `[string, null]` as the value null. The type `"null"` is what is meant.
            if document.meaning(name) == Some(Meaning::Null) || document.text(name) == Some("null") {
                null = true;
                continue;
            }
            let Some(text) = document.text(name) else {
                self.wrong_kind(name, "`type`", "a string");
                continue;
            };
            match Types::of(text) {
                Some(more) => types = types.or(more),
                None => {
                    let finding =
                        Finding::new(Code::E016, format!("unknown type `{text}`"), document.span(name), "this type");
                    self.report(finding.help(TYPES_HELP));
                }
            }
        }
        if types != Types::NONE || null {
            draft.types = Some((types, document.span(entry.value)));
            draft.null = Some(null);
        }
    }

    /// Reads `minimum`, `maximum` and `multipleOf`. In 3.0, `exclusiveMinimum` and `exclusiveMaximum` are flags beside
    /// a bound; in 3.1, they are bounds of their own.
    fn read_bounds(&mut self, schema: &'a Mapping, draft: &mut Draft) {
        let ends = [("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")];
        for (key, exclusive_key) in ends {
            let flag = schema.get(exclusive_key).and_then(|entry| match self.document.meaning(entry.value) {
                Some(Meaning::Bool(flag)) => Some(flag),
                _ => None,
            });
            let inclusive = self.bound(schema, key, flag == Some(true));
            let exclusive = if flag.is_none() { self.bound(schema, exclusive_key, true) } else { None };
            for bound in inclusive.into_iter().chain(exclusive) {
                draft.numbers.tighten(match key {
                    "minimum" => NumberBounds { minimum: Some(bound), ..NumberBounds::default() },
                    _ => NumberBounds { maximum: Some(bound), ..NumberBounds::default() },
                });
            }
        }
        if let Some(entry) = schema.get("multipleOf") {
            let is_divisor = |number: &Number| {
                let is_counted = Number::from(0).is_multiple_of(number).is_some();
                is_counted && number.compare(&0.into()).is_gt()
            };
            match self.document.number(entry.value).filter(is_divisor) {
                Some(number) => draft.numbers.multiple_of.push(number),
                None => self.wrong_kind(entry.value, "`multipleOf`", "a number above 0, of 19 digits at most"),
            }
        }
    }

    fn bound(&mut self, schema: &'a Mapping, key: &str, is_exclusive: bool) -> Option<NumberBound> {
        let entry = schema.get(key)?;
        let value = self.document.number(entry.value);
        if value.is_none() {
            self.wrong_kind(entry.value, &format!("`{key}`"), "a number");
        }
        Some(NumberBound { value: value?, is_exclusive })
    }

    /// Reads `const` and `enum`.
    fn read_values(&mut self, schema: &'a Mapping, draft: &mut Draft) {
        let document = self.document;
        let constant = schema.get("const").map(|entry| entry.value);
        let nodes: Vec<NodeId> = match constant {
            Some(node) => vec![node],
            None if schema.contains_key("enum") => self.list_at(schema, "enum").to_vec(),
            None => return,
        };
        let span = schema.get("const").or(schema.get("enum")).map(|entry| entry.key);
        let mut types = Types::NONE;
        let mut null = false;
        let mut strings = indexmap::IndexSet::new();
        let mut integers: Vec<i64> = Vec::new();
        for &node in &nodes {
            let (of, wanted) = match document.meaning(node) {
                Some(Meaning::Null) => {
                    null = true;
                    continue;
                }
                Some(Meaning::Bool(_)) => (Types::BOOLEAN, "boolean"),
                Some(Meaning::Integer(value)) => {
                    integers.push(value);
                    (Types::INTEGER, "integer")
                }
                Some(Meaning::Float) => (Types::NUMBER, "number"),
                Some(Meaning::Text) => {
                    strings.insert(document.text(node).unwrap_or_default().to_owned());
                    (Types::STRING, "string")
                }
                None if document.mapping(node).is_some() => (Types::OBJECT, "object"),
                None => (Types::ARRAY, "array"),
            };
            types = types.or(of);
            if let Some((declared, at)) = draft.types
                && !declared.meets(of)
            {
                self.report_value(node, wanted, at);
            }
        }
        if draft.types.is_none() {
            draft.null = Some(null);
            draft.types = span.filter(|_| types != Types::NONE).map(|span| (types, span));
        }
        draft.null = if null { Some(true) } else { draft.null };
        if !strings.is_empty() {
            draft.values = Some(strings);
        }
        if !integers.is_empty() && types == Types::INTEGER {
            draft.numbers.tighten(NumberBounds {
                minimum: integers.iter().min().copied().map(NumberBound::inclusive),
                maximum: integers.iter().max().copied().map(NumberBound::inclusive),
                ..NumberBounds::default()
            });
        }
    }

    fn report_value(&mut self, node: NodeId, got: &str, declared: Span) {
        let text = self.document.text(node).unwrap_or("this value").to_owned();
        let message = format!("`{text}` is not of the schema's type");
        let finding = Finding::new(Code::E020, message, self.document.span(node), format!("of type {got}"));
        let finding = finding.and(declared, "the type is declared here");
        self.report(finding.help(format!("if a string is meant, quote it: \"{text}\"")));
    }
}
