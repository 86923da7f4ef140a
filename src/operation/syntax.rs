//! Syntax that the parser handles differently from the specification: it does not know descriptions of operations,
//! fragments and variables, it accepts arguments without a value, and it does not ignore commas after `...`.
//!
//! In: the text of a document that is within its limits. Out: the text for the parser. Blanks replace each character of
//! a description or of such a comma, so that all places stay the same.
//!
//! # Source
//! GraphQL, September 2025: `OperationDefinition`, `FragmentDefinition` and `VariableDefinition` begin with
//! `Description?`; `Argument` is `Name : Value`.

use super::error::{PARSE_FAILED, RequestError};
use super::limits::{Token, tokens};
use super::place::Places;
use std::borrow::Cow;
use std::ops::Range;

/// The keywords of definitions that may have a description. The shorthand `{ … }` may not have one.
const DESCRIBED: [&[u8]; 4] = [b"query", b"mutation", b"subscription", b"fragment"];

/// Gives the text with blanks for descriptions and for commas after `...`.
///
/// # Errors
/// `GRAPHQL_PARSE_FAILED` for an argument without a value.
pub(super) fn complete(text: &str) -> Result<Cow<'_, str>, RequestError> {
    let tokens: Vec<Token<'_>> = tokens(text.as_bytes()).collect();
    let mut reader = Reader { within: Vec::new(), descriptions: Vec::new() };
    for (number, token) in tokens.iter().enumerate() {
        let neighbour = |at: Option<usize>| at.and_then(|at| tokens.get(at)).map_or(&b""[..], |token| token.text);
        let around = Around { before: neighbour(number.checked_sub(1)), after: neighbour(number.checked_add(1)) };
        if let (b"...", Some(next)) = (token.text, tokens.get(number + 1)) {
            reader.blank_commas(text.as_bytes(), token.at + token.text.len()..next.at);
        }
        match reader.read(*token, around) {
            Read::On => {}
            // The document has another error, which the parser will report.
            Read::Stop => break,
            Read::NoValue => {
                let name = String::from_utf8_lossy(around.before);
                let mut error = RequestError::new(PARSE_FAILED, format!("expected `:` and a value after `{name}`"));
                error.locations.push(Places::of(text).at(token.at));
                return Err(error);
            }
        }
    }
    Ok(blanked(text, &reader.descriptions))
}

/// An open bracket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    Selections,
    Variables,
    List,
    /// Round brackets around arguments, or the braces of an input object.
    Named(Wanted),
}

/// What must come next in arguments or an input object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Name,
    Colon,
    Value,
}

enum Read {
    On,
    Stop,
    NoValue,
}

/// The tokens before and after a token; empty where there is none.
#[derive(Clone, Copy)]
struct Around<'t> {
    before: &'t [u8],
    after: &'t [u8],
}

struct Reader<'t> {
    within: Vec<Within>,
    descriptions: Vec<Token<'t>>,
}

impl<'t> Reader<'t> {
    /// Replaces the ignored characters after `...` by blanks if there is a comma among them (§2.1.7).
    fn blank_commas(&mut self, text: &'t [u8], gap: Range<usize>) {
        let ignored = &text[gap.clone()];
        if ignored.contains(&b',') {
            self.descriptions.push(Token { at: gap.start, text: ignored });
        }
    }

    fn read(&mut self, token: Token<'t>, around: Around<'t>) -> Read {
        let is_string = token.text[0] == b'"';
        let is_description = is_string
            && match self.within.last() {
                None => DESCRIBED.contains(&around.after),
                Some(Within::Variables) => around.after == b"$" && around.before != b"=",
                _ => false,
            };
        if is_description {
            self.descriptions.push(token);
            return Read::On;
        }
        match (token.text, self.within.last_mut()) {
            (b":", Some(Within::Named(wanted @ Wanted::Colon))) => *wanted = Wanted::Value,
            (_, Some(Within::Named(Wanted::Colon))) => return Read::NoValue,
            (b"(", None | Some(Within::Selections | Within::Variables)) => {
                // Only the round brackets of variable definitions begin with a variable or a description.
                let defines = around.after == b"$" || around.after.starts_with(b"\"");
                self.within.push(if defines { Within::Variables } else { Within::Named(Wanted::Name) });
            }
            (b"{", None | Some(Within::Selections)) => self.within.push(Within::Selections),
            (b"{", _) => self.within.push(Within::Named(Wanted::Name)),
            (b"[", _) => self.within.push(Within::List),
            (b")" | b"}" | b"]", _) => {
                self.within.pop();
                self.end_of_value();
            }
            // The variable's name, which is the next token, ends the value.
            (b"$", _) => {}
            (name, Some(Within::Named(wanted @ Wanted::Name))) if is_name(name) => *wanted = Wanted::Colon,
            (_, Some(Within::Named(Wanted::Name))) => return Read::Stop,
            _ => self.end_of_value(),
        }
        Read::On
    }

    fn end_of_value(&mut self) {
        if let Some(Within::Named(wanted @ Wanted::Value)) = self.within.last_mut() {
            *wanted = Wanted::Name;
        }
    }
}

fn is_name(token: &[u8]) -> bool {
    token.first().is_some_and(|first| first.is_ascii_alphabetic() || *first == b'_')
}

/// Replaces each character of a description by a blank and keeps its line ends.
fn blanked<'t>(text: &'t str, descriptions: &[Token<'_>]) -> Cow<'t, str> {
    if descriptions.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut result = String::with_capacity(text.len());
    let mut from = 0;
    for token in descriptions {
        let (start, end) = (token.at, token.at + token.text.len());
        result.push_str(&text[from..start]);
        result.extend(text[start..end].chars().map(|letter| if matches!(letter, '\n' | '\r') { letter } else { ' ' }));
        from = end;
    }
    result.push_str(&text[from..]);
    Cow::Owned(result)
}
