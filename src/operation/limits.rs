//! Limits of a document. They are checked before any work that a hostile document could make expensive.
//!
//! Bytes and tokens are counted in one pass over the text. Fields, depth, aliases and directives are counted as if
//! fragments were expanded, without expanding them.

use super::error::{LIMIT_EXCEEDED, RequestError};
use crate::defaults;
use apollo_compiler::Name;
use apollo_compiler::ast::{Definition, Document, OperationDefinition, Selection};
use std::collections::HashMap;

/// How much a document may ask for. A request that exceeds one of these limits is refused with `LIMIT_EXCEEDED`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The greatest length of a document, in bytes. Default: 65536 (64 KiB).
    pub max_bytes: usize,
    /// The most tokens (GraphQL §2.1.6). Default: 5000.
    pub max_tokens: usize,
    /// The greatest depth of nested fields, with fragments expanded. Default: 32.
    pub max_depth: u32,
    /// The most fields, with fragments expanded. Default: 2000.
    pub max_fields: u64,
    /// The most root fields, with fragments expanded. Default: 100.
    pub max_root_fields: u64,
    /// The most aliases, with fragments expanded. Default: 1000.
    pub max_aliases: u64,
    /// The most directives, with fragments expanded. Default: 500.
    pub max_directives: u64,
    /// The most entries of a lowered operation: each field counts once for each object type on which it may be
    /// selected. Default: 20000.
    pub max_lowered: usize,
    /// The most values in all variables of one request. Scalars, lists and objects count, and so does each item and
    /// member. Default: 100000.
    pub max_variable_values: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_bytes: defaults::DOCUMENT_BYTES.get(),
            max_tokens: defaults::DOCUMENT_TOKENS.get() as usize,
            max_depth: defaults::DOCUMENT_DEPTH.get(),
            max_fields: u64::from(defaults::DOCUMENT_FIELDS.get()),
            max_root_fields: 100,
            max_aliases: 1_000,
            max_directives: 500,
            max_lowered: 20_000,
            max_variable_values: defaults::VARIABLE_VALUES.get(),
        }
    }
}

/// The greatest depth of nested brackets, because the parser recurses for each of them.
const MAX_NESTING: usize = 200;
/// The greatest length of a chain of fragments, each of which spreads the next.
const MAX_CHAIN: u32 = 100;

fn exceeded(what: &str, found: impl std::fmt::Display, most: impl std::fmt::Display) -> RequestError {
    RequestError::new(LIMIT_EXCEEDED, format!("the document has {found} {what}; at most {most} are allowed"))
}

/// Checks the length, the tokens and the nesting of a text without parsing it.
pub(super) fn check_text(text: &str, limits: &Limits) -> Result<(), RequestError> {
    if text.len() > limits.max_bytes {
        return Err(exceeded("bytes", text.len(), limits.max_bytes));
    }
    let mut nesting = 0_usize;
    for (number, token) in tokens(text.as_bytes()).enumerate() {
        match token.text[0] {
            b'{' | b'(' | b'[' => nesting += 1,
            b'}' | b')' | b']' => nesting = nesting.saturating_sub(1),
            _ => {}
        }
        if nesting > MAX_NESTING {
            return Err(exceeded("nested brackets", "too many", MAX_NESTING));
        }
        if number >= limits.max_tokens {
            return Err(exceeded("tokens", "too many", limits.max_tokens));
        }
    }
    Ok(())
}

/// A token and its first byte in the text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token<'t> {
    pub(super) at: usize,
    /// The token's bytes, at least one.
    pub(super) text: &'t [u8],
}

/// Gives the tokens of a text (GraphQL §2.1.6). A byte that begins no GraphQL token counts as one.
pub(super) fn tokens(text: &[u8]) -> impl Iterator<Item = Token<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let rest = text.get(at..).filter(|rest| !rest.is_empty())?;
            let length = token_length(rest);
            let token = Token { at, text: &rest[..length] };
            at += length;
            if !matches!(token.text[0], b' ' | b'\t' | b'\r' | b'\n' | b',' | b'#') && token.text != BOM {
                return Some(token);
            }
        }
    })
}

/// The byte order mark, which is ignored at every place (§2.1.1).
const BOM: &[u8] = "\u{feff}".as_bytes();

/// The length in bytes of the token, or of the ignored characters, at the start; at least 1.
fn token_length(bytes: &[u8]) -> usize {
    let until = |start: usize, is_end: &dyn Fn(u8) -> bool| {
        bytes[start..].iter().position(|&byte| is_end(byte)).map_or(bytes.len(), |end| start + end)
    };
    match bytes[0] {
        _ if bytes.starts_with(BOM) => BOM.len(),
        b'#' => until(1, &|byte| matches!(byte, b'\n' | b'\r')),
        b'"' if bytes.starts_with(b"\"\"\"") => block_string(bytes),
        b'"' => string(bytes),
        byte if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.') => {
            until(1, &|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+' | b'.')))
        }
        _ => 1,
    }
}

fn string(bytes: &[u8]) -> usize {
    let mut at = 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            b'\n' | b'\r' => return at,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn block_string(bytes: &[u8]) -> usize {
    let mut at = 3;
    while at < bytes.len() {
        if bytes[at..].starts_with(b"\\\"\"\"") {
            at += 4;
        } else if bytes[at..].starts_with(b"\"\"\"") {
            return at + 3;
        } else {
            at += 1;
        }
    }
    bytes.len()
}

/// What a selection set asks for, with fragments expanded.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    depth: u32,
    root_fields: u64,
    fields: u64,
    aliases: u64,
    directives: u64,
}

impl Count {
    fn add(&mut self, other: Self) {
        self.depth = self.depth.max(other.depth);
        self.root_fields = self.root_fields.saturating_add(other.root_fields);
        self.fields = self.fields.saturating_add(other.fields);
        self.aliases = self.aliases.saturating_add(other.aliases);
        self.directives = self.directives.saturating_add(other.directives);
    }

    fn check(&self, limits: &Limits) -> Result<(), RequestError> {
        if self.depth > limits.max_depth {
            return Err(exceeded("nested fields", self.depth, limits.max_depth));
        }
        for (what, found, most) in [
            ("root fields", self.root_fields, limits.max_root_fields),
            ("fields", self.fields, limits.max_fields),
            ("aliases", self.aliases, limits.max_aliases),
            ("directives", self.directives, limits.max_directives),
        ] {
            if found > most {
                return Err(exceeded(what, found, most));
            }
        }
        Ok(())
    }
}

/// Checks what each operation of a document asks for against the limits.
pub(super) fn check_document(document: &Document, limits: &Limits) -> Result<(), RequestError> {
    let fragments = document.definitions.iter().filter_map(Definition::as_fragment_definition);
    let fragments = fragments.map(|fragment| (&fragment.name, fragment.selection_set.as_slice())).collect();
    let mut counter = Counter { fragments, counted: HashMap::new() };
    for operation in document.definitions.iter().filter_map(Definition::as_operation_definition) {
        let operation: &OperationDefinition = operation;
        let mut count = counter.count(&operation.selection_set, 0)?;
        count.directives = count.directives.saturating_add(operation.directives.len() as u64);
        count.check(limits)?;
    }
    Ok(())
}

struct Counter<'a> {
    fragments: HashMap<&'a Name, &'a [Selection]>,
    /// The fragments that were counted. `None` while a fragment is being counted: finding it then means a cycle, which
    /// validation reports.
    counted: HashMap<&'a Name, Option<Count>>,
}

impl<'a> Counter<'a> {
    fn count(&mut self, selections: &'a [Selection], chain: u32) -> Result<Count, RequestError> {
        if chain > MAX_CHAIN {
            return Err(exceeded("fragments in a chain", "too many", MAX_CHAIN));
        }
        let mut sum = Count::default();
        for selection in selections {
            match selection {
                Selection::Field(field) => {
                    let inner = self.count(&field.selection_set, chain)?;
                    sum.add(Count {
                        depth: inner.depth.saturating_add(1),
                        root_fields: 1,
                        fields: inner.fields.saturating_add(1),
                        aliases: inner.aliases.saturating_add(u64::from(field.alias.is_some())),
                        directives: inner.directives.saturating_add(field.directives.len() as u64),
                    });
                }
                Selection::InlineFragment(fragment) => {
                    let mut inner = self.count(&fragment.selection_set, chain)?;
                    inner.directives = inner.directives.saturating_add(fragment.directives.len() as u64);
                    sum.add(inner);
                }
                Selection::FragmentSpread(spread) => {
                    let mut inner = self.fragment(&spread.fragment_name, chain)?;
                    inner.directives = inner.directives.saturating_add(spread.directives.len() as u64);
                    sum.add(inner);
                }
            }
        }
        Ok(sum)
    }

    fn fragment(&mut self, name: &'a Name, chain: u32) -> Result<Count, RequestError> {
        if let Some(counted) = self.counted.get(name) {
            return Ok(counted.unwrap_or_default());
        }
        let Some(&selections) = self.fragments.get(name) else { return Ok(Count::default()) };
        self.counted.insert(name, None);
        let count = self.count(selections, chain + 1)?;
        self.counted.insert(name, Some(count));
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> usize {
        (0..100).find(|&most| check_text(text, &Limits { max_tokens: most, ..Limits::default() }).is_ok()).unwrap()
    }

    #[test]
    fn tokens_are_counted_as_the_specification_has_them() {
        for (text, expected) in [
            ("", 0),
            ("# all of this { is ignored", 0),
            ("{ a }", 3),
            ("{a,b,,c}", 5),
            ("{ a(x: -1.5e+3) }", 8),
            (r#"{ a(x: "b { c \" d }") }"#, 8),
            (r#"{ a(x: """b { c \""" " d }""") }"#, 8),
            ("query Q($a: [Int!]!) { a }", 15),
            ("{ ...F }", 3),
        ] {
            assert_eq!(tokens(text), expected, "{text}");
        }
    }
}
