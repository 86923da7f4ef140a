//! How a step and some keys become a request: targets, bodies, GraphQL variables, and the batch domain.

use super::arena::Failure;
use super::input::{Inputs, UrlValue, push_name, write_argument};
use super::representation;
use super::scope::{push_input, scope};
use crate::compose::{Call, HeaderRule, Input, ListForm, PathPart, ResolvedHeader, RestCall, Source, Way};
use crate::plan::{Step, SubgraphDocument};
use crate::upstream::{BatchDomain, Request};
use http::{HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::sync::Arc;

/// The characters that are percent-encoded: all except the unreserved ones of RFC 3986 §2.3.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Makes the request of one call. `fieldset` is sent if the endpoint takes one.
pub(super) fn render<'a>(
    step: &Step,
    way: &'a Way,
    source: &Source,
    inputs: &Inputs<'a>,
    fieldset: &[String],
) -> Result<Request, Failure> {
    match &way.call {
        Call::Rest(call) => rest(call, source, inputs, fieldset),
        Call::GraphQl(_) => match &step.document {
            Some(document) => Ok(graphql(document, inputs)),
            None => Err(Failure::new("INTERNAL", "a GraphQL step has no document")),
        },
    }
}

fn rest<'a>(call: &'a RestCall, source: &Source, inputs: &Inputs<'a>, fieldset: &[String]) -> Result<Request, Failure> {
    let mut target = String::with_capacity(64);
    for part in &call.path {
        match part {
            PathPart::Literal(text) => target.push_str(text),
            PathPart::Value(input) => push_segment(&mut target, inputs.url(input)?)?,
        }
    }
    let mut separator = '?';
    for parameter in &call.query {
        let value = inputs.url(&parameter.value)?;
        check_required(&value, parameter.is_required)?;
        push_parameter(&mut target, &mut separator, &parameter.name, parameter.list, value);
    }
    if let (Some(parameter), false) = (&call.fieldset, fieldset.is_empty()) {
        let names = fieldset.iter().map(|name| name.as_str().into()).collect();
        push_parameter(&mut target, &mut separator, &parameter.name, parameter.list, UrlValue::Many(names));
    }
    let mut headers = Vec::new();
    for rule in source.kind.headers() {
        headers.extend(source_header(rule, inputs)?);
    }
    for header in &call.headers {
        let value = inputs.url(&header.value)?;
        check_required(&value, header.is_required)?;
        let text = match value {
            UrlValue::Absent => continue,
            UrlValue::One(text) => text.into_owned(),
            UrlValue::Many(texts) => texts.join(","),
        };
        headers.push((header_name(&header.name)?, header_value(&text)?));
    }
    let body = call.body.as_ref().map(|input| inputs.body(input)).transpose()?.flatten();
    Ok(Request::Http { method: call.method.clone(), target, headers, body: body.map(Into::into) })
}

fn source_header(rule: &HeaderRule, inputs: &Inputs<'_>) -> Result<Option<(HeaderName, HeaderValue)>, Failure> {
    let value = match rule.resolve(inputs.config) {
        ResolvedHeader::OfCaller(from) => match inputs.caller.headers.get(from) {
            Some(value) => value.clone(),
            None => return Ok(None),
        },
        ResolvedHeader::Text(text) => header_value(&text)?,
        // Its presence was checked before, by [`lacks`].
        ResolvedHeader::NotConfigured => header_value("")?,
    };
    Ok(Some((header_name(&rule.name)?, value)))
}

fn header_name(name: &str) -> Result<HeaderName, Failure> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| Failure::new("BAD_INPUT", "a header cannot have its name"))
}

fn header_value(text: &str) -> Result<HeaderValue, Failure> {
    HeaderValue::from_str(text).map_err(|_| Failure::new("BAD_INPUT", "a value cannot be sent as a header"))
}

/// Fails if a parameter that the contract requires (OpenAPI 3.0.3 §4.7.12.2) is missing. Then nothing is sent.
fn check_required(value: &UrlValue<'_>, is_required: bool) -> Result<(), Failure> {
    let is_missing = match value {
        UrlValue::Absent => true,
        UrlValue::One(_) => false,
        // An empty list would be written as nothing.
        UrlValue::Many(texts) => texts.is_empty(),
    };
    match is_required && is_missing {
        true => Err(Failure::new("BAD_INPUT", "null or nothing is given for a value that the service requires")),
        false => Ok(()),
    }
}

fn push_segment(target: &mut String, value: UrlValue<'_>) -> Result<(), Failure> {
    let missing = || Failure::new("BAD_INPUT", "a value that the path needs is missing");
    match value {
        UrlValue::Absent => return Err(missing()),
        // Dot segments, encoded or not, would be removed, and so name another resource (RFC 3986 §5.2.4).
        UrlValue::One(text) if matches!(&*text, "" | "." | "..") => {
            return Err(Failure::new("BAD_INPUT", "a value cannot be sent as a path segment"));
        }
        UrlValue::One(text) => target.extend(utf8_percent_encode(&text, ENCODED)),
        UrlValue::Many(texts) if texts.is_empty() => return Err(missing()),
        UrlValue::Many(texts) if matches!(texts.as_slice(), [only] if matches!(&**only, "" | "." | "..")) => {
            return Err(Failure::new("BAD_INPUT", "a value cannot be sent as a path segment"));
        }
        UrlValue::Many(texts) => {
            for (at, text) in texts.iter().enumerate() {
                if at > 0 {
                    target.push(',');
                }
                target.extend(utf8_percent_encode(text, ENCODED));
            }
        }
    }
    Ok(())
}

fn push_parameter(target: &mut String, separator: &mut char, name: &str, list: ListForm, value: UrlValue<'_>) {
    let texts = match value {
        UrlValue::Absent => return,
        UrlValue::One(text) => vec![text],
        UrlValue::Many(texts) => texts,
    };
    for (at, text) in texts.iter().enumerate() {
        match (at, list) {
            (0, _) | (_, ListForm::Repeat) => {
                target.push(*separator);
                *separator = '&';
                target.extend(utf8_percent_encode(name, ENCODED));
                target.push('=');
            }
            (_, ListForm::Comma) => target.push(','),
            (_, ListForm::Space) => target.push_str("%20"),
            (_, ListForm::Pipe) => target.push_str("%7C"),
        }
        target.extend(utf8_percent_encode(text, ENCODED));
    }
}

/// The reason why a call cannot be made, whatever its keys are: the caller lacks a claim, or the configuration lacks a
/// setting, that the call names. An operand before `??` may be missing; without any other, a part of the request would
/// be missing.
pub(super) fn lacks(way: &Way, source: &Source, inputs: &Inputs<'_>) -> Option<Failure> {
    let missing = way.call.inputs().find_map(|input| missing(input, inputs)).or_else(|| {
        let is_missing = |rule: &HeaderRule| rule.resolve(inputs.config) == ResolvedHeader::NotConfigured;
        source.kind.headers().iter().any(is_missing).then_some(MissingInput::Setting)
    })?;
    Some(match missing {
        MissingInput::Claim => Failure::new("FORBIDDEN", "this needs a claim that the caller does not have"),
        MissingInput::Setting => {
            let message = "the service was not called, because a setting that the call needs is not configured";
            Failure::new("UPSTREAM_NOT_CONFIGURED", message).of(&source.name)
        }
    })
}

/// The kind of value that a call lacks.
enum MissingInput {
    Claim,
    Setting,
}

fn missing(input: &Input, inputs: &Inputs<'_>) -> Option<MissingInput> {
    let is_null = |input: &Input| inputs.json(input).is_none_or(|value| value.is_null());
    match input {
        Input::Claim(_) => is_null(input).then_some(MissingInput::Claim),
        Input::Config(_) => is_null(input).then_some(MissingInput::Setting),
        Input::Object(members) => members.iter().find_map(|(_, input)| missing(input, inputs)),
        Input::List(items) => items.iter().find_map(|input| missing(input, inputs)),
        Input::Number(inner) | Input::Text(inner) => missing(inner, inputs),
        // The second operand matters only where it is used.
        Input::OrElse(first, other) => is_null(first).then(|| missing(other, inputs)).flatten(),
        Input::Literal(_) | Input::Argument(_) | Input::Parent(_) | Input::BatchSize => None,
    }
}

fn graphql(document: &SubgraphDocument, inputs: &Inputs<'_>) -> Request {
    let mut variables = String::from("{");
    if let Some((ty, members)) = &document.representation {
        push_name("representations", false, &mut variables);
        variables.push_str(&representation::of_keys(ty, members, inputs.keys));
    }
    for (name, value) in &document.variables {
        let mark = variables.len();
        push_name(name, mark > 1, &mut variables);
        if !write_argument(value, inputs.variables, &mut variables) {
            variables.truncate(mark);
        }
    }
    variables.push('}');
    Request::GraphQl { query: Arc::clone(&document.text), variables: variables.into(), headers: Vec::new() }
}

/// The domain within which calls may be shared with this step.
pub(super) fn domain(step: &Step, way: &Way, source: &Source, inputs: &Inputs<'_>, ignore_keys: bool) -> BatchDomain {
    let mut text = Vec::new();
    for (name, value) in &step.arguments {
        let mut written = String::new();
        if write_argument(value, inputs.variables, &mut written) {
            text.reserve_exact(name.len() + written.len() + 64);
            push_input(&mut text, name.as_bytes(), written.as_bytes());
        }
    }
    if !ignore_keys {
        for token in inputs.keys.iter().flatten() {
            push_input(&mut text, b"", token.as_deref().unwrap_or("null").as_bytes());
        }
    }
    BatchDomain { way: step.way, inputs: text.into(), scope: scope(way, source, inputs.caller) }
}
