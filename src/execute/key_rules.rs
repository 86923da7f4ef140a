//! Keys that cannot be sent. Such a key fails alone, before any call, and the rest of its batch is sent.
//!
//! In: a way and one parent's values. Out: the reason why they are not sent, if there is one.

use super::arena::Failure;
use super::input::{Key, number_of};
use super::leaf;
use crate::compose::{Input, PathPart, Way};
use crate::json::Value;
use http::HeaderValue;

/// The rules that a key must follow at the place of the request where the list of keys is sent.
pub(super) struct KeyRules {
    /// The index of the input that is the key. `None` if the way is not batched.
    key: Option<usize>,
    /// The character that separates the items of the list, if there is one.
    delimiter: Option<char>,
    /// Whether the key is written as a number without quotes in a body.
    is_number: bool,
    /// Whether the key is written in a header.
    is_in_header: bool,
    /// Whether all values are sent as JSON, in a representation.
    is_json: bool,
}

impl KeyRules {
    /// The rules of a way.
    pub(super) fn of(way: &Way) -> Self {
        let key = way.batch.as_ref().map(|batch| batch.key);
        let is_json = way.call.graphql().is_some();
        let mut rules = Self { key, delimiter: None, is_number: false, is_in_header: false, is_json };
        let (Some(call), Some(key)) = (way.call.rest(), key) else { return rules };
        let is_key = |input: &Input| find(input, key).is_some();
        let in_path = call.path.iter().any(|part| matches!(part, PathPart::Value(input) if is_key(input)));
        let in_query = call.query.iter().find(|parameter| is_key(&parameter.value));
        rules.is_in_header = call.headers.iter().any(|parameter| is_key(&parameter.value));
        rules.is_number = call.body.as_ref().and_then(|body| find(body, key)).is_some_and(|found| found.is_number);
        rules.delimiter = match in_path || rules.is_in_header {
            true => Some(','),
            false => in_query.and_then(|parameter| parameter.list.delimiter()),
        };
        rules
    }

    /// The reason why a parent's values are not sent. `None` if they are sent.
    pub(super) fn refuse(&self, key: &Key) -> Option<Failure> {
        let bad = |problem: &str| Some(Failure::new("BAD_KEY", problem.to_owned()));
        // Half of a surrogate pair can occur in a token only as an escape (RFC 8259 §8.2).
        let is_unreadable = |token: &String| token.contains("\\u") && Value::read(token.as_bytes()).is_err();
        if self.is_json && key.iter().flatten().any(is_unreadable) {
            return bad("a key holds half of a surrogate pair, which is no character, and was not sent");
        }
        let token = key.get(self.key?)?.as_deref()?;
        let Some(text) = leaf::canonical(token) else {
            return bad(match token.starts_with('"') {
                true => "a key holds half of a surrogate pair, which is no character, and was not sent",
                false => "a key must be a string or an integer",
            });
        };
        if self.is_number && number_of(token).is_none() {
            return bad("a key must be a number where it is sent, is not one, and was not sent");
        }
        if self.is_in_header && HeaderValue::from_str(&text).is_err() {
            return bad("a key holds characters that a header cannot have, and was not sent");
        }
        let delimiter = self.delimiter?;
        if text.is_empty() {
            return bad("a key is empty, which a list of keys cannot say, and was not sent");
        }
        match text.contains(delimiter) {
            true => bad(&format!("a key contains `{delimiter}`, which separates keys, and was not sent")),
            false => None,
        }
    }
}

/// The form in which the list of keys was found.
struct ListForm {
    is_number: bool,
}

/// Finds the list of keys in an input.
fn find(input: &Input, key: usize) -> Option<ListForm> {
    match input {
        Input::Parent(at) => (*at == key).then_some(ListForm { is_number: false }),
        Input::Number(inner) => find(inner, key).map(|_| ListForm { is_number: true }),
        Input::Text(inner) => find(inner, key),
        Input::OrElse(a, b) => find(a, key).or_else(|| find(b, key)),
        Input::Object(members) => members.iter().find_map(|(_, input)| find(input, key)),
        Input::List(items) => items.iter().find_map(|input| find(input, key)),
        Input::Literal(_) | Input::Argument(_) | Input::Claim(_) | Input::Config(_) | Input::BatchSize => None,
    }
}
