//! From a step and some keys to a request: targets, bodies, GraphQL variables, the batch domain.

use super::arena::Failure;
use super::input::{Inputs, UrlValue, push_name, write_argument};
use super::representation;
use super::scope::{push_input, scope};
use crate::compose::{
    Call, HeaderRule, HeaderValue as Rule, Input, ListForm, PathPart, RestCall, Source, SourceKind, Way,
};
use crate::plan::{Step, SubgraphDocument};
use crate::upstream::{BatchDomain, Request};
use http::{HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::sync::Arc;

/// Everything but RFC 3986's unreserved characters is encoded.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Makes the request of one call; `fieldset` is sent where the endpoint takes one.
pub(super) fn render<'a>(
    step: &Step,
    way: &'a Way,
    source: &Source,
    inputs: &Inputs<'a>,
    fieldset: &[String],
) -> Result<Request, Failure> {
    match (&way.call, &step.document) {
        (Call::Rest(call), _) => rest(call, source, inputs, fieldset),
        (_, Some(document)) => Ok(graphql(document, inputs)),
        (_, None) => Err(Failure::new("INTERNAL", "a GraphQL step has no document")),
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
        push_parameter(&mut target, &mut separator, &parameter.name, parameter.list, inputs.url(&parameter.value)?);
    }
    if let (Some(parameter), false) = (&call.fieldset, fieldset.is_empty()) {
        let names = fieldset.iter().map(|name| name.as_str().into()).collect();
        push_parameter(&mut target, &mut separator, &parameter.name, parameter.list, UrlValue::Many(names));
    }
    let mut headers = Vec::new();
    if let SourceKind::Rest { headers: rules, .. } = &source.kind {
        for rule in rules {
            headers.extend(source_header(rule, inputs));
        }
    }
    for (name, input) in &call.headers {
        let text = match inputs.url(input)? {
            UrlValue::Absent => continue,
            UrlValue::One(text) => text.into_owned(),
            UrlValue::Many(texts) => texts.join(","),
        };
        let bad = |_| Failure::new("BAD_INPUT", "a value cannot be sent as a header");
        let value = HeaderValue::from_str(&text).map_err(bad)?;
        if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
            headers.push((name, value));
        }
    }
    let body = call.body.as_ref().map(|input| inputs.body(input)).transpose()?;
    Ok(Request::Http { method: call.method.clone(), target, headers, body: body.map(Into::into) })
}

fn source_header(rule: &HeaderRule, inputs: &Inputs<'_>) -> Option<(HeaderName, HeaderValue)> {
    let name = HeaderName::from_bytes(rule.name.as_bytes()).ok()?;
    let value = match &rule.value {
        Rule::Forwarded(from) => inputs.caller.headers.get(from)?.clone(),
        Rule::Literal(text) => HeaderValue::from_str(text).ok()?,
        Rule::Config(path) => {
            let value = path.iter().try_fold(inputs.config, |value, name| value.get(name))?;
            HeaderValue::from_str(value.as_str()?).ok()?
        }
    };
    Some((name, value))
}

fn push_segment(target: &mut String, value: UrlValue<'_>) -> Result<(), Failure> {
    let missing = || Failure::new("BAD_INPUT", "a value that the path needs is missing");
    match value {
        UrlValue::Absent => return Err(missing()),
        // RFC 3986 §5.2.4: dot segments, encoded or not, would be removed and name another resource.
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

/// Does a call need a claim that the caller does not have? What stands before `??` may be missing; anything else would
/// leave a filter out of a request.
pub(super) fn lacks_claim(way: &Way, inputs: &Inputs<'_>) -> bool {
    let Call::Rest(call) = &way.call else { return false };
    let lacks = |input: &Input| input_lacks_claim(input, inputs);
    call.path.iter().any(|part| matches!(part, PathPart::Value(input) if lacks(input)))
        || call.query.iter().any(|parameter| lacks(&parameter.value))
        || call.headers.iter().any(|(_, input)| lacks(input))
        || call.body.as_ref().is_some_and(lacks)
}

fn input_lacks_claim(input: &Input, inputs: &Inputs<'_>) -> bool {
    match input {
        Input::Claim(_) => inputs.json(input).is_null(),
        Input::Object(members) => members.iter().any(|(_, input)| input_lacks_claim(input, inputs)),
        Input::List(items) => items.iter().any(|input| input_lacks_claim(input, inputs)),
        Input::Number(inner) | Input::Text(inner) => input_lacks_claim(inner, inputs),
        Input::OrElse(_, other) => input_lacks_claim(other, inputs),
        _ => false,
    }
}

/// What stands between the members of a key list; a key that contains it must not be sent.
pub(super) fn key_delimiter(way: &Way) -> Option<char> {
    let (Call::Rest(call), Some(batch)) = (&way.call, &way.batch) else { return None };
    let is_key = |input: &Input| reads_parent(input, batch.key);
    let in_path = call.path.iter().any(|part| matches!(part, PathPart::Value(input) if is_key(input)));
    let in_header = call.headers.iter().any(|(_, input)| is_key(input));
    let in_query = call.query.iter().find(|parameter| is_key(&parameter.value));
    if in_path || in_header { Some(',') } else { in_query.and_then(|parameter| parameter.list.delimiter()) }
}

fn reads_parent(input: &Input, at: usize) -> bool {
    match input {
        Input::Parent(key) => *key == at,
        Input::Number(inner) | Input::Text(inner) => reads_parent(inner, at),
        Input::OrElse(a, b) => reads_parent(a, at) || reads_parent(b, at),
        _ => false,
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

/// What may share this step's calls.
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
