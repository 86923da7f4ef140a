//! Inputs of calls: arguments, claims, configuration and parents' keys become texts and JSON.

use super::arena::Failure;
use super::leaf;
use crate::compose::Input;
use crate::operation::{JsonText, Value};
use crate::policy::Caller;
use serde_json::Value as Json;
use std::borrow::Cow;

/// Everything that an input can name, for one step.
#[derive(Clone, Copy)]
pub(super) struct Inputs<'a> {
    pub(super) arguments: &'a [(String, Value)],
    pub(super) variables: &'a [Option<JsonText>],
    pub(super) caller: &'a Caller,
    pub(super) config: &'a Json,
    /// One call's keys: for each, the JSON texts of the way's inputs.
    pub(super) keys: &'a [Key],
    /// Are they sent as a list?
    pub(super) is_batched: bool,
}

/// One parent's values, as JSON texts in the order of the way's inputs; `None`: null.
pub(super) type Key = smallvec::SmallVec<[Option<String>; 1]>;

/// A value in a URL.
pub(super) enum UrlValue<'a> {
    /// Left out.
    Absent,
    /// One text.
    One(Cow<'a, str>),
    /// A list of texts.
    Many(Vec<Cow<'a, str>>),
}

/// From how many bytes on a text is large.
const LARGE: usize = 4_096;

/// How scalars are written in a JSON body.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    AsIs,
    Number,
    Text,
}

/// The value of an argument; `None`: not given.
pub(super) fn argument<'a>(value: &'a Value, variables: &[Option<JsonText>]) -> Option<Cow<'a, Json>> {
    match value {
        Value::Constant(constant) => Some(Cow::Borrowed(constant)),
        Value::Variable(id, fallback) => match variables.get(id.index()) {
            Some(Some(given)) => Some(Cow::Owned(given.to_json())),
            _ => fallback.as_ref().map(Cow::Borrowed),
        },
        Value::List(items) => {
            let items = items.iter().map(|item| argument(item, variables).map_or(Json::Null, Cow::into_owned));
            Some(Cow::Owned(Json::Array(items.collect())))
        }
        Value::Object(members) => {
            let members = members
                .iter()
                .filter_map(|(name, value)| Some((name.clone(), argument(value, variables)?.into_owned())));
            Some(Cow::Owned(Json::Object(members.collect())))
        }
    }
}

/// The variable that an argument's value is, if it was given.
fn given<'v>(value: &Value, variables: &'v [Option<JsonText>]) -> Option<&'v JsonText> {
    match value {
        Value::Variable(id, _) => variables.get(id.index())?.as_ref(),
        _ => None,
    }
}

/// Writes the value of an argument as JSON. `false`: not given, and nothing was written.
pub(super) fn write_argument(value: &Value, variables: &[Option<JsonText>], out: &mut String) -> bool {
    match (given(value, variables), value) {
        (Some(given), _) => push_large(given.as_str(), out),
        (None, Value::Constant(constant) | Value::Variable(_, Some(constant))) => out.push_str(&constant.to_string()),
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

/// Adds a text that may be large. A buffer that doubled for what comes behind it would take twice the room for a while.
fn push_large(text: &str, out: &mut String) {
    if text.len() > LARGE {
        out.reserve_exact(text.len() + LARGE);
    }
    out.push_str(text);
}

/// Writes the name of an object's member, behind a comma unless it is the first.
pub(super) fn push_name(name: &str, is_behind: bool, out: &mut String) {
    if is_behind {
        out.push(',');
    }
    out.push_str(&Json::from(name).to_string());
    out.push(':');
}

impl<'a> Inputs<'a> {
    /// An input that does not depend on parents.
    pub(super) fn json(&self, input: &'a Input) -> Cow<'a, Json> {
        match input {
            Input::Literal(value) => Cow::Borrowed(value),
            Input::Argument(path) => {
                let Some((name, rest)) = path.split_first() else { return Cow::Owned(Json::Null) };
                let found = self.arguments.iter().find(|(argument, _)| argument == name).map(|(_, value)| value);
                if let Some(given) = found.and_then(|value| given(value, self.variables)) {
                    // Of a large variable, only what is wanted is built.
                    let wanted = given.member(rest).and_then(|text| serde_json::from_str(text).ok());
                    return Cow::Owned(wanted.unwrap_or_default());
                }
                let value = found.and_then(|value| argument(value, self.variables));
                match value {
                    Some(Cow::Borrowed(value)) => at(value, rest).map_or(Cow::Owned(Json::Null), Cow::Borrowed),
                    Some(Cow::Owned(value)) => Cow::Owned(at(&value, rest).cloned().unwrap_or_default()),
                    None => Cow::Owned(Json::Null),
                }
            }
            Input::Claim(path) => {
                let claim =
                    path.split_first().and_then(|(name, rest)| at(self.caller.claims.as_ref()?.get(name)?, rest));
                claim.map_or(Cow::Owned(Json::Null), Cow::Borrowed)
            }
            Input::Config(path) => at(self.config, path).map_or(Cow::Owned(Json::Null), Cow::Borrowed),
            Input::BatchSize => Cow::Owned(self.keys.len().into()),
            Input::OrElse(first, other) => {
                let first = self.json(first);
                if first.is_null() { self.json(other) } else { first }
            }
            Input::Number(inner) | Input::Text(inner) => self.json(inner),
            Input::Parent(_) | Input::Object(_) | Input::List(_) => {
                let mut text = String::new();
                match self.write(input, Form::AsIs, &mut text) {
                    Ok(true) => Cow::Owned(serde_json::from_str(&text).unwrap_or_default()),
                    _ => Cow::Owned(Json::Null),
                }
            }
        }
    }

    /// An input in a URL or header.
    pub(super) fn url(&self, input: &'a Input) -> Result<UrlValue<'a>, Failure> {
        match input {
            Input::Number(inner) | Input::Text(inner) => self.url(inner),
            Input::Parent(at) => {
                let text = |key: &'a Key| key.get(*at)?.as_deref().and_then(leaf::canonical);
                if self.is_batched {
                    return Ok(UrlValue::Many(self.keys.iter().filter_map(text).collect()));
                }
                Ok(self.keys.first().and_then(text).map_or(UrlValue::Absent, UrlValue::One))
            }
            Input::OrElse(first, other) => match self.url(first)? {
                UrlValue::Absent => self.url(other),
                value => Ok(value),
            },
            _ => match self.json(input) {
                Cow::Borrowed(Json::String(text)) => Ok(UrlValue::One(text.as_str().into())),
                value => match &*value {
                    Json::Null => Ok(UrlValue::Absent),
                    Json::Array(items) => {
                        let texts = items.iter().map(|item| scalar(item).map(Cow::Owned));
                        Ok(UrlValue::Many(texts.collect::<Result<_, _>>()?))
                    }
                    other => Ok(UrlValue::One(scalar(other)?.into())),
                },
            },
        }
    }

    /// A JSON body.
    pub(super) fn body(&self, input: &'a Input) -> Result<String, Failure> {
        let mut out = String::new();
        if !self.write(input, Form::AsIs, &mut out)? {
            out.push_str("null");
        }
        Ok(out)
    }

    /// Writes an input as JSON. `false`: it is null, and nothing was written.
    fn write(&self, input: &'a Input, form: Form, out: &mut String) -> Result<bool, Failure> {
        match input {
            Input::Number(inner) => self.write(inner, Form::Number, out),
            Input::Text(inner) => self.write(inner, Form::Text, out),
            Input::Parent(at) => {
                let token = |key: &'a Key| key.get(*at).and_then(Option::as_deref);
                if !self.is_batched {
                    let Some(token) = self.keys.first().and_then(token) else { return Ok(false) };
                    return write_token(token, form, out).map(|()| true);
                }
                out.push('[');
                for (number, token) in self.keys.iter().filter_map(token).enumerate() {
                    if number > 0 {
                        out.push(',');
                    }
                    write_token(token, form, out)?;
                }
                out.push(']');
                Ok(true)
            }
            Input::Object(members) => {
                out.push('{');
                let start = out.len();
                for (name, value) in members {
                    let mark = out.len();
                    push_name(name, out.len() > start, out);
                    if !self.write(value, Form::AsIs, out)? {
                        out.truncate(mark);
                    }
                }
                out.push('}');
                Ok(true)
            }
            Input::List(items) => {
                out.push('[');
                for (number, item) in items.iter().enumerate() {
                    if number > 0 {
                        out.push(',');
                    }
                    if !self.write(item, form, out)? {
                        out.push_str("null");
                    }
                }
                out.push(']');
                Ok(true)
            }
            Input::OrElse(first, other) => Ok(self.write(first, form, out)? || self.write(other, form, out)?),
            Input::Argument(path) if form == Form::AsIs => self.write_given(path, out).unwrap_or_else(|| {
                // No variable, or a part of one that was not given.
                write_json(&self.json(input), form, out)
            }),
            _ => write_json(&self.json(input), form, out),
        }
    }
}

impl Inputs<'_> {
    /// Writes a variable, or a part of one, as it was sent. `Some(false)`: it is null; `None`: it is no variable.
    fn write_given(&self, path: &[String], out: &mut String) -> Option<Result<bool, Failure>> {
        let (name, rest) = path.split_first()?;
        let (_, value) = self.arguments.iter().find(|(argument, _)| argument == name)?;
        let text = given(value, self.variables)?.member(rest).filter(|text| *text != "null");
        push_large(text.unwrap_or_default(), out);
        Some(Ok(text.is_some()))
    }
}

fn at<'v>(value: &'v Json, path: &[String]) -> Option<&'v Json> {
    path.iter().try_fold(value, |value, name| value.get(name))
}

fn scalar(value: &Json) -> Result<String, Failure> {
    match value {
        Json::String(text) => Ok(text.clone()),
        Json::Number(_) | Json::Bool(_) => Ok(value.to_string()),
        _ => Err(Failure::new("BAD_INPUT", "a list or object cannot be sent as a parameter")),
    }
}

fn write_json(value: &Json, form: Form, out: &mut String) -> Result<bool, Failure> {
    match value {
        Json::Null => return Ok(false),
        Json::Array(items) if form != Form::AsIs => {
            out.push('[');
            for (number, item) in items.iter().enumerate() {
                if number > 0 {
                    out.push(',');
                }
                if !write_json(item, form, out)? {
                    out.push_str("null");
                }
            }
            out.push(']');
        }
        _ => write_token(&value.to_string(), form, out)?,
    }
    Ok(true)
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
        Form::Number => {
            let text = leaf::canonical(token).unwrap_or(Cow::Borrowed(token));
            // Only what is a JSON number may be written bare.
            if serde_json::from_str::<serde_json::Number>(&text).is_err() {
                return Err(Failure::new("BAD_INPUT", "a value that must be a number is not one"));
            }
            out.push_str(&text);
        }
    }
    Ok(())
}
