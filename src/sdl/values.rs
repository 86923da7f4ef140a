//! Reading of the values of directive arguments, with spans and findings.

use super::mapping::{Mapping, MappingText, Use, parse};
use super::model::Spanned;
use crate::diagnostic::{Code, FileId, Finding, Span};
use crate::directive::Page;
use apollo_compiler::ast::{self, Value};
use apollo_compiler::parser::SourceSpan;
use apollo_compiler::{Name, Node};

/// Reads the values of one file and collects findings.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    /// The file that is read.
    pub(crate) file: FileId,
    /// The text of the file.
    pub(crate) text: &'a str,
    /// The findings so far.
    pub(crate) findings: Vec<Finding>,
}

/// Gives the value of an argument, unless it is absent or null.
pub(crate) fn directive_argument<'d>(directive: &'d ast::Directive, name: &str) -> Option<&'d Node<Value>> {
    directive.specified_argument_by_name(name).filter(|value| !value.is_null())
}

impl Reader<'_> {
    /// Adds a finding.
    pub(crate) fn find(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Converts the span of a parsed node.
    pub(crate) fn span(&self, location: Option<SourceSpan>) -> Span {
        Page { file: self.file, text: self.text }.span(location)
    }

    /// Gives a name with its span.
    pub(crate) fn name(&self, name: &Name) -> Spanned<String> {
        Spanned { value: name.to_string(), span: self.span(name.location()) }
    }

    /// Reads a string.
    pub(crate) fn text(&mut self, value: &Node<Value>) -> Option<Spanned<String>> {
        let span = self.span(value.location());
        match value.as_str() {
            Some(text) => Some(Spanned { value: text.to_owned(), span }),
            None => self.wrong(span, "a string"),
        }
    }

    /// Reads an integer from 0.
    pub(crate) fn count(&mut self, value: &Node<Value>) -> Option<Spanned<u32>> {
        let span = self.span(value.location());
        match value.to_i32().and_then(|number| u32::try_from(number).ok()) {
            Some(value) => Some(Spanned { value, span }),
            None => self.wrong(span, "a number from 0"),
        }
    }

    /// Reads `true` or `false`.
    pub(crate) fn boolean(&mut self, value: &Node<Value>) -> Option<Spanned<bool>> {
        let span = self.span(value.location());
        match value.to_bool() {
            Some(value) => Some(Spanned { value, span }),
            None => self.wrong(span, "`true` or `false`"),
        }
    }

    /// Reads a list of strings. A single string is a list of one.
    pub(crate) fn texts(&mut self, value: &Node<Value>) -> Vec<Spanned<String>> {
        match value.as_list() {
            Some(members) => members.iter().filter_map(|member| self.text(member)).collect(),
            None => self.text(value).into_iter().collect(),
        }
    }

    /// Reads the members of an object. Members that are not in `known` give findings.
    pub(crate) fn object<'v>(&mut self, value: &'v Node<Value>, known: &[&str]) -> Vec<(&'v str, &'v Node<Value>)> {
        let span = self.span(value.location());
        let Some(members) = value.as_object() else {
            self.wrong::<()>(span, "an object");
            return Vec::new();
        };
        for (number, (name, value)) in members.iter().enumerate() {
            // GraphQL §5.6.3 forbids this.
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

    /// Reads a mapping.
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

    /// Decodes a string and gives it with the place of each byte in the file.
    pub(crate) fn mapping_text(&mut self, value: &Node<Value>) -> Option<MappingText> {
        let span = self.text(value)?.span;
        let literal = self.text.get(span.start as usize..span.end as usize).unwrap_or_default();
        Some(MappingText::of_literal(self.file, literal, span.start as usize))
    }

    /// Reports that a value does not have the expected form.
    pub(crate) fn wrong<T>(&mut self, span: Span, expected: &str) -> Option<T> {
        self.find(Finding::new(Code::C008, format!("expected {expected}"), span, "not this"));
        None
    }
}

/// Writes names as a list: `a`, `b` and `c`.
pub(crate) fn list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
