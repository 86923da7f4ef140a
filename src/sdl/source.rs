//! `@source`: what a file declares of the services that answer.

use super::model::Spanned;
use super::values::{Reader, directive_argument};
use crate::diagnostic::{Code, Finding};
use apollo_compiler::Node;
use apollo_compiler::ast::{Directive, Value};

/// A `@source`, which declares a service.
#[derive(Debug)]
pub struct SourceDeclaration {
    /// The name of the source (`name:`).
    pub name: Spanned<String>,
    /// The path of its contract (`openapi:`).
    pub openapi: Option<Spanned<String>>,
    /// The URL to which the paths of its endpoints are appended (`http.baseURL`).
    pub base_url: Option<Spanned<String>>,
    /// The headers of all calls (`http.headers`).
    pub headers: Vec<HeaderDeclaration>,
    /// The most calls that it makes for one request (`maxCalls:`). Only sources in this process have it.
    pub max_calls: Option<Spanned<u32>>,
    /// Whether its answers depend only on what it is asked, so that requests may share them (`pure:`). Only sources in
    /// this process have it.
    pub is_pure: Option<Spanned<bool>>,
}

/// A header of calls: `{ name: "X", from: "y" }` or `{ name: "X", value: "…" }`.
#[derive(Debug)]
pub struct HeaderDeclaration {
    /// The name of the header that is sent.
    pub name: Spanned<String>,
    /// The name of the caller's header whose value is sent.
    pub from: Option<Spanned<String>>,
    /// The value that is sent: a text, or `{$config.x}`.
    pub value: Option<Spanned<String>>,
}

impl Reader<'_> {
    /// Reads a `@source`.
    pub(crate) fn source(&mut self, directive: &Node<Directive>) -> Option<SourceDeclaration> {
        let name = directive_argument(directive, "name").and_then(|value| self.text(value))?;
        let mut source = SourceDeclaration {
            name,
            openapi: directive_argument(directive, "openapi").and_then(|value| self.text(value)),
            base_url: None,
            headers: Vec::new(),
            max_calls: directive_argument(directive, "maxCalls").and_then(|value| self.count(value)),
            is_pure: directive_argument(directive, "pure").and_then(|value| self.boolean(value)),
        };
        if let Some(http) = directive_argument(directive, "http") {
            for (name, value) in self.object(http, &["baseURL", "headers"]) {
                match name {
                    "baseURL" => source.base_url = self.text(value),
                    "headers" => source.headers = self.headers(value),
                    _ => {}
                }
            }
        }
        Some(source)
    }

    fn headers(&mut self, value: &Node<Value>) -> Vec<HeaderDeclaration> {
        let members = value.as_list().unwrap_or(std::slice::from_ref(value));
        members.iter().filter_map(|member| self.header(member)).collect()
    }

    fn header(&mut self, value: &Node<Value>) -> Option<HeaderDeclaration> {
        let (mut name, mut from, mut fixed) = (None, None, None);
        for (key, value) in self.object(value, &["name", "from", "value"]) {
            let text = self.text(value);
            match key {
                "name" => name = text,
                "from" => from = text,
                "value" => fixed = text,
                _ => {}
            }
        }
        let span = self.span(value.location());
        if let Some(fixed) = fixed.as_ref().filter(|fixed| !is_header_value(&fixed.value)) {
            let message = "the value of a header is fixed text, or one setting as a whole";
            let help = "write `value: \"{$config.name}\"`, and put what stands around it into the configuration";
            self.find(Finding::new(Code::C003, message, fixed.span, "neither").help(help));
        }
        match (name, &from, &fixed) {
            (Some(name), Some(_), None) | (Some(name), None, Some(_)) => {
                Some(HeaderDeclaration { name, from, value: fixed })
            }
            _ => self.wrong(span, "a header: `{ name: \"X\", from: \"x\" }` or `{ name: \"X\", value: \"…\" }`"),
        }
    }
}

/// Whether a header's value is text without inputs, or a single `{$config.a.b}`.
fn is_header_value(text: &str) -> bool {
    if !text.contains("{$") && !text.starts_with('$') {
        return true;
    }
    let inner = text.strip_prefix('{').map_or(Some(text), |inner| inner.strip_suffix('}'));
    let path = inner.and_then(|inner| inner.strip_prefix("$config."));
    let is_name =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    path.is_some_and(|path| path.split('.').all(is_name))
}

#[cfg(test)]
mod tests {
    use super::is_header_value;

    #[test]
    fn a_header_is_fixed_or_one_setting() {
        for text in ["", "v1", "a {b} c", "{$config.key}", "$config.a.b-c", "5 $"] {
            assert!(is_header_value(text), "{text}");
        }
        for text in [
            "Bearer {$config.key}",
            "{$config.key",
            "{$config.}",
            "{$config}",
            "$config",
            "{$confg.key}",
            "{$claims.sub}",
        ] {
            assert!(!is_header_value(text), "{text}");
        }
    }
}
