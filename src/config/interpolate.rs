//! `${NAME}` in values.
//!
//! In: the text and its scalars. Out: the text with each such scalar replaced by one of its value, and a way back from
//! places in the new text to the old. A value that looks like a number or a boolean, in an unquoted scalar, becomes
//! one (`port: ${PORT}`); every other one is quoted, so that it stays one string whatever is in it.

use super::tree::{Tree, range};
use serde_saphyr::Spanned;
use std::ops::Range;

/// Something wrong with a `${…}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum VariableError {
    /// Not set, and without a default.
    Unset(String),
    /// `${` without a name or without `}`.
    Malformed,
}

/// A text after replacement.
#[derive(Debug)]
pub(super) struct Interpolation {
    pub(super) text: String,
    pub(super) errors: Vec<(Range<usize>, VariableError)>,
    /// Replaced scalars in text order: where each was, and where its value is now.
    edits: Vec<(Range<usize>, Range<usize>)>,
}

impl Interpolation {
    /// The offset in the written text for one in the new text.
    pub(super) fn written(&self, offset: usize) -> usize {
        let last = self.edits.iter().take_while(|(_, new)| new.start <= offset).last();
        match last {
            None => offset,
            Some((old, new)) if offset < new.end => old.start,
            Some((old, new)) => old.end + (offset - new.end),
        }
    }

    /// The written place of the first replaced scalar on the line of an offset in the new text, from that offset on.
    pub(super) fn replaced_on_line_of(&self, offset: usize) -> Option<Range<usize>> {
        let end = self.text.get(offset..)?.find('\n').map_or(self.text.len(), |length| offset + length);
        let mut edits = self.edits.iter();
        edits.find(|(_, new)| new.end > offset && new.start < end).map(|(old, _)| old.clone())
    }
}

/// Replaces the variables of every value in a text.
pub(super) fn interpolate(text: &str, tree: &Spanned<Tree>, env: &dyn Fn(&str) -> Option<String>) -> Interpolation {
    let mut scalars = Vec::new();
    collect(tree, &mut scalars);
    scalars.sort_by_key(|(range, _)| range.start);
    // An alias (`*name`) shows up where it stands and where it points to; the anchor's place is replaced once.
    scalars.dedup_by_key(|(range, _)| range.start);
    let mut out = Interpolation { text: String::with_capacity(text.len()), errors: Vec::new(), edits: Vec::new() };
    let mut copied = 0;
    for (range, value) in scalars {
        let Some(written) = text.get(range.clone()) else { continue };
        if range.start < copied {
            continue;
        }
        match substitute(value, env) {
            Err(error) => out.errors.push((range, error)),
            Ok(value) => {
                out.text.push_str(&text[copied..range.start]);
                let start = out.text.len();
                out.text.push_str(&scalar(&value, is_plain(written)));
                // A block scalar's range takes in the line break after it.
                out.text.push_str(&written[written.trim_end().len()..]);
                out.edits.push((range.clone(), start..out.text.len()));
                copied = range.end;
            }
        }
    }
    out.text.push_str(&text[copied..]);
    out
}

/// The scalars that hold a `${`.
fn collect<'t>(node: &'t Spanned<Tree>, into: &mut Vec<(Range<usize>, &'t str)>) {
    match &node.value {
        Tree::Text(value) if value.contains("${") => {
            into.extend(range(node.defined).map(|range| (range, value.as_str())))
        }
        Tree::Text(_) | Tree::Other => {}
        Tree::List(items) => items.iter().for_each(|item| collect(item, into)),
        Tree::Map(entries) => entries.iter().for_each(|(_, value)| collect(value, into)),
    }
}

fn is_plain(written: &str) -> bool {
    !written.starts_with(['"', '\'', '|', '>'])
}

/// Writes a value as one YAML scalar. JSON strings are YAML strings (YAML 1.2.2 §1.2).
fn scalar(value: &str, is_plain: bool) -> String {
    let is_typed = value == "true" || value == "false" || value.parse::<i64>().is_ok() || value.parse::<u64>().is_ok();
    let is_canonical = !value.starts_with('+') && (value == "0" || !value.trim_start_matches('-').starts_with('0'));
    if is_plain && is_typed && is_canonical { value.to_owned() } else { serde_json::Value::from(value).to_string() }
}

/// Replaces the variables of one value.
fn substitute(value: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<String, VariableError> {
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.find("${") {
        let (before, after) = (&rest[..at], &rest[at + 2..]);
        if let Some(before) = before.strip_suffix('$') {
            out.push_str(before);
            out.push_str("${");
            rest = after;
            continue;
        }
        out.push_str(before);
        let (inside, next) = after.split_once('}').ok_or(VariableError::Malformed)?;
        let (name, default) = match inside.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inside, None),
        };
        if !is_name(name) {
            return Err(VariableError::Malformed);
        }
        let found = env(name).filter(|found| default.is_none() || !found.is_empty());
        match (found, default) {
            (Some(found), _) => out.push_str(&found),
            (None, Some(default)) => out.push_str(default),
            (None, None) => return Err(VariableError::Unset(name.to_owned())),
        }
        rest = next;
    }
    out.push_str(rest);
    Ok(out)
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_replaced() {
        let env = |name: &str| match name {
            "HOST" => Some("shop".to_owned()),
            "EMPTY" => Some(String::new()),
            "SNEAKY" => Some("${HOST}".to_owned()),
            _ => None,
        };
        let unset = |name: &str| Err(VariableError::Unset(name.to_owned()));
        for (value, wanted) in [
            ("http://${HOST}:1/${HOST}", Ok("http://shop:1/shop")),
            ("${NONE:-x}${HOST:-y}", Ok("xshop")),
            ("a${EMPTY}b", Ok("ab")),
            ("${EMPTY:-full}", Ok("full")),
            ("${NONE:-}", Ok("")),
            ("$${HOST} ${HOST}", Ok("${HOST} shop")),
            ("$HOST $", Ok("$HOST $")),
            ("${SNEAKY}", Ok("${HOST}")), // What a variable gives is not read again.
            ("${NONE}", unset("NONE")),
            ("${HOST", Err(VariableError::Malformed)),
            ("${}", Err(VariableError::Malformed)),
            ("${1A}", Err(VariableError::Malformed)),
        ] {
            assert_eq!(substitute(value, &env), wanted.map(str::to_owned), "{value}");
        }
    }

    #[test]
    fn only_plain_numbers_and_booleans_are_typed() {
        for (value, plain, quoted) in [
            ("80", "80", "\"80\""),
            ("-5", "-5", "\"-5\""),
            ("true", "true", "\"true\""),
            ("007", "\"007\"", "\"007\""),
            ("null", "\"null\"", "\"null\""),
            ("a: b\n- c", "\"a: b\\n- c\"", "\"a: b\\n- c\""),
            ("1e3", "\"1e3\"", "\"1e3\""),
        ] {
            assert_eq!((scalar(value, true).as_str(), scalar(value, false).as_str()), (plain, quoted), "{value}");
        }
    }
}
