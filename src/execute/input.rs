//! Inputs of calls: arguments, claims, configuration and parents' keys become texts and JSON.
//!
//! Null and absence are different (GraphQL §2.9.5, §3.10). In a body, null is sent as null, and an absent value is left
//! out. A URL or a header has no null, so there both are left out (RFC 6570 §2.3), except that null as an item of a
//! list is an error.

use super::arena::Failure;
use super::leaf;
use crate::compose::Input;
use crate::json::{Map, Value as Json, is_number, write_text};
use crate::operation::{JsonText, Value, Variables};
use crate::policy::Caller;
use std::borrow::Cow;

/// Everything that an input of one step can name.
#[derive(Clone, Copy)]
pub(super) struct Inputs<'a> {
    pub(super) arguments: &'a [(String, Value)],
    pub(super) variables: &'a Variables,
    pub(super) caller: &'a Caller,
    pub(super) config: &'a Json,
    /// The keys of one call. Each key has the JSON texts of the way's inputs.
    pub(super) keys: &'a [Key],
    /// Whether the keys are sent as a list.
    pub(super) is_batched: bool,
}

/// One parent's values, as JSON texts in the order of the way's inputs; `None` stands for null.
pub(super) type Key = smallvec::SmallVec<[Option<String>; 1]>;

/// A value for a URL or a header.
pub(super) enum UrlValue<'a> {
    /// The value is left out.
    Absent,
    /// The value is one text.
    One(Cow<'a, str>),
    /// The value is a list of texts.
    Many(Vec<Cow<'a, str>>),
}

/// The size from which on a text is large, in bytes: 4 KiB.
const LARGE: usize = 4_096;

/// The form in which scalars are written in a JSON body.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    AsIs,
    Number,
    Text,
}

/// The result of writing an input.
#[derive(Clone, Copy, PartialEq, Eq)]
enum RenderedInput {
    /// Nothing was written, because the input was not given.
    Nothing,
    /// `null` was written.
    Null,
    /// A value was written.
    Value,
}

/// The value of an argument. `None` if it was not given.
pub(super) fn argument<'a>(value: &'a Value, variables: &Variables) -> Option<Cow<'a, Json>> {
    match value {
        Value::Constant(constant) => Some(Cow::Borrowed(constant)),
        Value::Variable(id, fallback) => match variables.get(*id) {
            Some(given) => Some(Cow::Owned(given.to_json())),
            None => fallback.as_ref().map(Cow::Borrowed),
        },
        Value::List(items) => {
            let items = items.iter().map(|item| argument(item, variables).map_or(Json::Null, Cow::into_owned));
            Some(Cow::Owned(Json::Array(items.collect())))
        }
        Value::Object(members) => {
            let members = members
                .iter()
                .filter_map(|(name, value)| Some((name.clone(), argument(value, variables)?.into_owned())));
            Some(Cow::Owned(Json::Object(members.collect::<Map>())))
        }
    }
}

/// The value of the variable, if the argument is a variable that was given.
fn given<'v>(value: &Value, variables: &'v Variables) -> Option<&'v JsonText> {
    match value {
        Value::Variable(id, _) => variables.get(*id),
        _ => None,
    }
}

/// Writes the value of an argument as JSON. Returns `false` and writes nothing if it was not given.
pub(super) fn write_argument(value: &Value, variables: &Variables, out: &mut String) -> bool {
    match (given(value, variables), value) {
        (Some(given), _) => push_large(given.as_str(), out),
        (None, Value::Constant(constant) | Value::Variable(_, Some(constant))) => constant.write_to(out),
        (None, Value::Variable(_, None)) => return false,
        (None, Value::List(items)) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                if !write_argument(item, variables, out) {
                    out.push_str("null");
                }
            }
            out.push(']');
        }
        (None, Value::Object(members)) => {
            out.push('{');
            let start = out.len();
            for (name, value) in members {
                let mark = out.len();
                push_name(name, out.len() > start, out);
                if !write_argument(value, variables, out) {
                    out.truncate(mark);
                }
            }
            out.push('}');
        }
    }
    true
}

/// Appends a text that may be large. The exact size is reserved, because a buffer that doubles would need twice the
/// memory.
fn push_large(text: &str, out: &mut String) {
    if text.len() > LARGE {
        out.reserve_exact(text.len() + LARGE);
    }
    out.push_str(text);
}

/// Writes the name of a member of an object, after a comma unless it is the first.
pub(super) fn push_name(name: &str, is_behind: bool, out: &mut String) {
    if is_behind {
        out.push(',');
    }
    write_text(name, out);
    out.push(':');
}

impl<'a> Inputs<'a> {
    /// The value of an input that does not depend on parents. `None` if it was not given.
    pub(super) fn json(&self, input: &'a Input) -> Option<Cow<'a, Json>> {
        match input {
            Input::Literal(value) => Some(Cow::Borrowed(value)),
            Input::Argument(path) => {
                let (name, rest) = path.split_first()?;
                if let Some(given) = self.given(name) {
                    // Only the wanted part of a variable is built, because variables can be large.
                    return Json::read(given.member(rest)?.as_bytes()).ok().map(Cow::Owned);
                }
                let (_, value) = self.arguments.iter().find(|(argument, _)| argument == name)?;
                match argument(value, self.variables)? {
                    Cow::Borrowed(value) => at(value, rest).map(Cow::Borrowed),
                    Cow::Owned(value) => at(&value, rest).cloned().map(Cow::Owned),
                }
            }
            Input::Claim(path) => {
                let (name, rest) = path.split_first()?;
                let claim = self.caller.claims.as_ref()?.get(name)?;
                let claim = rest.iter().try_fold(claim, |value, name| value.get(name))?;
                Some(Cow::Borrowed(claim))
            }
            Input::Config(path) => at(self.config, path).map(Cow::Borrowed),
            Input::BatchSize => Some(Cow::Owned(self.keys.len().into())),
            Input::OrElse(first, other) => {
                let first = self.json(first).filter(|value| !value.is_null());
                first.or_else(|| self.json(other))
            }
            Input::Number(inner) | Input::Text(inner) => self.json(inner),
            Input::Parent(_) | Input::Object(_) | Input::List(_) => {
                let mut text = String::new();
                match self.write(input, Form::AsIs, &mut text) {
                    Ok(RenderedInput::Nothing) | Err(_) => None,
                    Ok(RenderedInput::Null | RenderedInput::Value) => Json::read(text.as_bytes()).ok().map(Cow::Owned),
                }
            }
        }
    }

    /// The value of an input for a URL or a header.
    pub(super) fn url(&self, input: &'a Input) -> Result<UrlValue<'a>, Failure> {
        match input {
            Input::Number(inner) | Input::Text(inner) => self.url(inner),
            Input::Parent(at) => {
                let mut texts = self.keys.iter().filter_map(|key| key.get(*at)?.as_deref().map(token_text));
                if self.is_batched {
                    return Ok(UrlValue::Many(texts.collect::<Result<_, _>>()?));
                }
                Ok(texts.next().transpose()?.map_or(UrlValue::Absent, UrlValue::One))
            }
            Input::OrElse(first, other) => match self.url(first)? {
                UrlValue::Absent => self.url(other),
                value => Ok(value),
            },
            Input::List(items) => {
                let texts =
                    items.iter().filter_map(|item| self.json(item)).map(|item| item_text(&item).map(Cow::Owned));
                Ok(UrlValue::Many(texts.collect::<Result<_, _>>()?))
            }
            _ => match self.json(input) {
                None => Ok(UrlValue::Absent),
                Some(Cow::Borrowed(Json::String(text))) => Ok(UrlValue::One(text.as_str().into())),
                Some(value) => match &*value {
                    Json::Null => Ok(UrlValue::Absent),
                    Json::Array(items) => {
                        let texts = items.iter().map(|item| item_text(item).map(Cow::Owned));
                        Ok(UrlValue::Many(texts.collect::<Result<_, _>>()?))
                    }
                    other => Ok(UrlValue::One(item_text(other)?.into())),
                },
            },
        }
    }

    /// An input as a JSON body. `None` if it was not given.
    pub(super) fn body(&self, input: &'a Input) -> Result<Option<String>, Failure> {
        let mut out = String::new();
        let written = self.write(input, Form::AsIs, &mut out)?;
        Ok((written != RenderedInput::Nothing).then_some(out))
    }

    /// Writes an input as JSON.
    fn write(&self, input: &'a Input, form: Form, out: &mut String) -> Result<RenderedInput, Failure> {
        match input {
            Input::Number(inner) => self.write(inner, Form::Number, out),
            Input::Text(inner) => self.write(inner, Form::Text, out),
            Input::Parent(at) => self.write_parents(*at, form, out),
            Input::Object(members) => {
                out.push('{');
                let start = out.len();
                for (name, value) in members {
                    let mark = out.len();
                    push_name(name, out.len() > start, out);
                    if self.write(value, Form::AsIs, out)? == RenderedInput::Nothing {
                        out.truncate(mark);
                    }
                }
                out.push('}');
                Ok(RenderedInput::Value)
            }
            Input::List(items) => {
                out.push('[');
                for (number, item) in items.iter().enumerate() {
                    if number > 0 {
                        out.push(',');
                    }
                    // The null keeps the other items at their positions.
                    if self.write(item, form, out)? == RenderedInput::Nothing {
                        out.push_str("null");
                    }
                }
                out.push(']');
                Ok(RenderedInput::Value)
            }
            Input::OrElse(first, other) => {
                let mark = out.len();
                match self.write(first, form, out)? {
                    RenderedInput::Value => Ok(RenderedInput::Value),
                    RenderedInput::Null | RenderedInput::Nothing => {
                        out.truncate(mark);
                        self.write(other, form, out)
                    }
                }
            }
            Input::Argument(path) if form == Form::AsIs && self.is_variable(path) => Ok(self.write_given(path, out)),
            _ => match self.json(input) {
                None => Ok(RenderedInput::Nothing),
                Some(value) => {
                    write_json(&value, form, out)?;
                    Ok(if value.is_null() { RenderedInput::Null } else { RenderedInput::Value })
                }
            },
        }
    }

    /// Writes a value of the parent or, for a batch, the list of all parents' values.
    fn write_parents(&self, at: usize, form: Form, out: &mut String) -> Result<RenderedInput, Failure> {
        let mut tokens = self.keys.iter().map(|key| key.get(at).and_then(Option::as_deref));
        if !self.is_batched {
            return match tokens.next().flatten() {
                Some(token) => write_token(token, form, out).map(|()| RenderedInput::Value),
                None => {
                    out.push_str("null");
                    Ok(RenderedInput::Null)
                }
            };
        }
        out.push('[');
        for (number, token) in tokens.flatten().enumerate() {
            if number > 0 {
                out.push(',');
            }
            write_token(token, form, out)?;
        }
        out.push(']');
        Ok(RenderedInput::Value)
    }
}

impl<'a> Inputs<'a> {
    /// The text of the variable that an argument is. `None` if the argument is no variable, or if the variable was not
    /// given.
    fn given(&self, name: &str) -> Option<&'a JsonText> {
        let (_, value) = self.arguments.iter().find(|(argument, _)| argument == name)?;
        given(value, self.variables)
    }

    fn is_variable(&self, path: &[String]) -> bool {
        path.first().is_some_and(|name| self.given(name).is_some())
    }

    /// Writes a variable, or a part of one, with the text that the client sent.
    fn write_given(&self, path: &[String], out: &mut String) -> RenderedInput {
        let text = path.split_first().and_then(|(name, rest)| self.given(name)?.member(rest));
        push_large(text.unwrap_or_default(), out);
        match text {
            None => RenderedInput::Nothing,
            Some("null") => RenderedInput::Null,
            Some(_) => RenderedInput::Value,
        }
    }
}

fn at<'v>(value: &'v Json, path: &[String]) -> Option<&'v Json> {
    path.iter().try_fold(value, |value, name| value.get(name))
}

/// The text of a value, or of an item of a list, in a URL or a header.
fn item_text(value: &Json) -> Result<String, Failure> {
    match value {
        Json::String(text) => Ok(text.clone()),
        Json::Number(_) | Json::Bool(_) => Ok(value.to_string()),
        Json::Null => Err(Failure::new(
            "BAD_INPUT",
            "null cannot be sent as an item of a list in a URL or a header; leave it out",
        )),
        Json::Array(_) | Json::Object(_) => {
            Err(Failure::new("BAD_INPUT", "a list or an object cannot be sent as one value in a URL or a header"))
        }
    }
}

/// The text of a parent's value in a URL or a header, from its JSON text.
fn token_text(token: &str) -> Result<Cow<'_, str>, Failure> {
    match leaf::canonical(token) {
        Some(text) => Ok(text),
        // Numbers with a fraction and booleans cannot be keys, but can be sent.
        None if matches!(token.as_bytes().first(), Some(b'-' | b'0'..=b'9' | b't' | b'f')) => Ok(token.into()),
        None => {
            let message = match token.starts_with('"') {
                true => "a text that holds half of a surrogate pair, which is no character, cannot be sent",
                false => "a list or an object cannot be sent as one value in a URL or a header",
            };
            Err(Failure::new("BAD_INPUT", message))
        }
    }
}

fn write_json(value: &Json, form: Form, out: &mut String) -> Result<(), Failure> {
    match (value, form) {
        (Json::Array(items), Form::Number | Form::Text) => {
            out.push('[');
            for (number, item) in items.iter().enumerate() {
                if number > 0 {
                    out.push(',');
                }
                write_json(item, form, out)?;
            }
            out.push(']');
            Ok(())
        }
        (Json::Object(_), Form::Text) => {
            Err(Failure::new("BAD_INPUT", "an object cannot be sent where the service takes text"))
        }
        (Json::Null, _) | (_, Form::AsIs) => {
            value.write_to(out);
            Ok(())
        }
        _ => write_token(&value.to_string(), form, out),
    }
}

fn write_token(token: &str, form: Form, out: &mut String) -> Result<(), Failure> {
    match form {
        Form::AsIs => out.push_str(token),
        Form::Text if token.starts_with('"') => out.push_str(token),
        Form::Text => {
            out.push('"');
            out.push_str(token);
            out.push('"');
        }
        Form::Number => match number_of(token) {
            Some(digits) => out.push_str(&digits),
            None => return Err(Failure::new("BAD_INPUT", "a value that must be a number is not one")),
        },
    }
    Ok(())
}

/// The JSON number that a JSON text is, or contains as a string. Only such a text may be written without quotes.
pub(super) fn number_of(token: &str) -> Option<Cow<'_, str>> {
    let text = leaf::canonical(token).unwrap_or(Cow::Borrowed(token));
    is_number(&text).then_some(text)
}
