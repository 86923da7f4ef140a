//! Values of directive arguments, with spans and findings.

use super::mapping::{Mapping, MappingText, Use, parse};
use super::model::Spanned;
use crate::diagnostic::{Code, FileId, Finding, Span};
use crate::directive::Page;
use apollo_compiler::ast::{self, Value};
use apollo_compiler::parser::SourceSpan;
use apollo_compiler::{Name, Node};

/// Reads values of one file and gathers what is wrong with them.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    /// The file.
    pub(crate) file: FileId,
    /// Its text.
    pub(crate) text: &'a str,
    /// What was found.
    pub(crate) findings: Vec<Finding>,
}

/// The value of an argument, if given and not null.
pub(crate) fn directive_argument<'d>(directive: &'d ast::Directive, name: &str) -> Option<&'d Node<Value>> {
    directive.specified_argument_by_name(name).filter(|value| !value.is_null())
}

impl Reader<'_> {
    /// Adds a finding.
    pub(crate) fn find(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// The span of a parsed node.
    pub(crate) fn span(&self, location: Option<SourceSpan>) -> Span {
        Page { file: self.file, text: self.text }.span(location)
    }

    /// A name with its span.
    pub(crate) fn name(&self, name: &Name) -> Spanned<String> {
        Spanned { value: name.to_string(), span: self.span(name.location()) }
    }

    /// A string.
    pub(crate) fn text(&mut self, value: &Node<Value>) -> Option<Spanned<String>> {
        let span = self.span(value.location());
        match value.as_str() {
            Some(text) => Some(Spanned { value: text.to_owned(), span }),
            None => self.wrong(span, "a string"),
        }
    }

    /// A non-negative integer.
    pub(crate) fn count(&mut self, value: &Node<Value>) -> Option<Spanned<u32>> {
        let span = self.span(value.location());
        match value.to_i32().and_then(|number| u32::try_from(number).ok()) {
            Some(value) => Some(Spanned { value, span }),
            None => self.wrong(span, "a number from 0"),
        }
    }

    /// `true` or `false`.
    pub(crate) fn boolean(&mut self, value: &Node<Value>) -> Option<Spanned<bool>> {
        let span = self.span(value.location());
        match value.to_bool() {
            Some(value) => Some(Spanned { value, span }),
            None => self.wrong(span, "`true` or `false`"),
        }
    }

    /// A list of strings.
    pub(crate) fn texts(&mut self, value: &Node<Value>) -> Vec<Spanned<String>> {
        match value.as_list() {
            Some(members) => members.iter().filter_map(|member| self.text(member)).collect(),
            None => self.text(value).into_iter().collect(),
        }
    }

    /// An object's members; a finding names those that are not in `known`.
    pub(crate) fn object<'v>(&mut self, value: &'v Node<Value>, known: &[&str]) -> Vec<(&'v str, &'v Node<Value>)> {
        let span = self.span(value.location());
        let Some(members) = value.as_object() else {
            self.wrong::<()>(span, "an object");
            return Vec::new();
        };
        for (number, (name, value)) in members.iter().enumerate() {
            // GraphQL §5.6.3.
            if members[..number].iter().any(|(other, _)| other == name) {
                let span = self.span(name.location().or(value.location()));
                self.find(Finding::new(Code::C008, format!("`{name}` is given twice"), span, "given again"));
            }
            if !known.contains(&name.as_str()) {
                let span = name.location().or(value.location());
                let message = format!("`{name}` is not known here");
                let help = format!("known are {}", list(known));
                self.find(Finding::new(Code::C008, message, self.span(span), "not known").help(help));
            }
        }
        members.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.as_str(), value)).collect()
    }

    /// A mapping.
    pub(crate) fn mapping(&mut self, value: &Node<Value>, used: Use) -> Option<Mapping> {
        let text = self.mapping_text(value)?;
        match parse(&text, used) {
            Ok(mapping) => Some(mapping),
            Err(finding) => {
                self.find(*finding);
                None
            }
        }
    }

    /// A string's decoded text, with the place of each byte.
    pub(crate) fn mapping_text(&mut self, value: &Node<Value>) -> Option<MappingText> {
        let span = self.text(value)?.span;
        let literal = self.text.get(span.start as usize..span.end as usize).unwrap_or_default();
        Some(MappingText::of_literal(self.file, literal, span.start as usize))
    }

    /// Says that a value is of another type.
    pub(crate) fn wrong<T>(&mut self, span: Span, expected: &str) -> Option<T> {
        self.find(Finding::new(Code::C008, format!("expected {expected}"), span, "not this"));
        None
    }
}

/// `a`, `b` and `c`.
pub(crate) fn list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
