//! Reads a GraphQL request from an HTTP request (GraphQL over HTTP §5).

use super::refusal::Refusal;
use crate::engine::{GivenVariables, Request};
use crate::json::{MAX_DEPTH, is_deeper_than};
use axum::extract::Query;
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, Uri};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The byte order mark in UTF-8.
const MARK: &[u8] = "\u{feff}".as_bytes();

/// Reads a GET request, whose parameters are in the query string; `variables` and `extensions` are JSON.
pub(super) fn from_uri(uri: &Uri) -> Result<Request, Refusal> {
    let malformed = |message: &str| Refusal::Malformed(message.to_owned());
    let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri)
        .map_err(|_| malformed("the query string is not form-urlencoded"))?;
    let mut parameters = BTreeMap::new();
    for (name, value) in pairs {
        if matches!(name.as_str(), "query" | "operationName" | "variables" | "extensions")
            && parameters.insert(name.clone(), value).is_some()
        {
            return Err(Refusal::Malformed(format!("`{name}` is given twice")));
        }
    }
    let extensions = parameters.remove("extensions").map(Bytes::from);
    let extensions = extensions.as_ref().map(|text| object("extensions", text)).transpose()?.flatten();
    let Some(query) = parameters.remove("query") else {
        return Err(missing_query(extensions.map(RawValue::get)));
    };
    let given = parameters.remove("variables").map(Bytes::from).unwrap_or_else(|| Bytes::from_static(b"null"));
    Ok(Request {
        query,
        operation_name: parameters.remove("operationName").filter(|name| !name.is_empty()),
        variables: variables(&given, object("variables", &given)?),
        is_read_only: true,
    })
}

/// A parameter of a GET that holds a JSON object or null.
fn object<'t>(name: &str, text: &'t Bytes) -> Result<Option<&'t RawValue>, Refusal> {
    if is_deeper_than(text, MAX_DEPTH) {
        return Err(Refusal::Malformed(format!("`{name}` is nested deeper than {MAX_DEPTH} levels")));
    }
    let raw: Option<Option<&RawValue>> = serde_json::from_slice(text).ok();
    let raw = raw.filter(|raw| raw.is_none_or(is_an_object));
    raw.ok_or_else(|| Refusal::Malformed(format!("`{name}` must be a JSON object")))
}

/// Refuses a POST because of its head, if its type is not JSON or its length is above `limit` bytes.
pub(super) fn check_head(headers: &HeaderMap, limit: usize) -> Result<(), Refusal> {
    if !is_json(headers) {
        return Err(Refusal::MediaType);
    }
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit as u64) { Err(Refusal::TooLarge { limit }) } else { Ok(()) }
}

/// Whether the headers say that the body is JSON in UTF-8 without compression.
///
/// Browsers send other types to another origin without a preflight, so refusing them prevents cross-site request
/// forgery.
fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (Some(content_type), None) = (types.next(), types.next()) else { return false };
    let is_identity =
        || headers.get_all(CONTENT_ENCODING).iter().all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity"));
    if content_type == "application/json" {
        return is_identity();
    }
    let Ok(content_type) = content_type.to_str() else { return false };
    let mut parts = content_type.split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"));
    let is_utf8 = parts.all(|parameter| match parameter.split_once('=') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
            value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    });
    is_json && is_utf8 && is_identity()
}

/// The JSON object of a body. Other properties are ignored (GraphQL over HTTP §5.1), and `variables` and `extensions`
/// stay text.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters<'b> {
    query: String,
    #[serde(default)]
    operation_name: Option<String>,
    #[serde(default, borrow)]
    variables: Option<&'b RawValue>,
    #[serde(default, borrow)]
    extensions: Option<&'b RawValue>,
}

/// Reads the JSON body of a POST that has been received whole.
///
/// # Errors
/// The message that the client would be sent.
pub fn parse_request(body: &Bytes) -> Result<Request, String> {
    from_json(body).map_err(|refusal| refusal.to_string())
}

/// Reads the JSON object of a request. Its variables are a slice of the text, not a copy. A byte order mark before the
/// object is ignored (RFC 8259 §8.1).
pub(super) fn from_json(body: &Bytes) -> Result<Request, Refusal> {
    let body = &body.slice(if body.starts_with(MARK) { MARK.len().. } else { 0.. });
    if is_deeper_than(body, MAX_DEPTH) {
        return Err(Refusal::Malformed(format!("the body is nested deeper than {MAX_DEPTH} levels")));
    }
    // serde would read the struct from an array as well.
    let is_object = body.trim_ascii_start().first() == Some(&b'{');
    let parameters: Parameters<'_> = match serde_json::from_slice(body) {
        Ok(parameters) if is_object => parameters,
        Ok(_) => return Err(explain(body, "")),
        Err(error) => return Err(explain(body, &error.to_string())),
    };
    let are_objects = [parameters.variables, parameters.extensions].into_iter().flatten().all(is_an_object);
    if !are_objects {
        return Err(explain(body, ""));
    }
    Ok(Request {
        query: parameters.query,
        operation_name: parameters.operation_name.filter(|name| !name.is_empty()),
        variables: variables(body, parameters.variables),
        is_read_only: false,
    })
}

/// The variables, as a slice of the text that they stand in.
fn variables(text: &Bytes, raw: Option<&RawValue>) -> GivenVariables {
    raw.map_or_else(GivenVariables::default, |raw| GivenVariables::new(text.slice_ref(raw.get().as_bytes())))
}

fn is_an_object(raw: &RawValue) -> bool {
    raw.get().starts_with('{')
}

/// The properties of a request, whatever values they have.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Properties<'b> {
    #[serde(default, borrow)]
    query: Option<&'b RawValue>,
    #[serde(default, borrow)]
    operation_name: Option<&'b RawValue>,
    #[serde(default, borrow)]
    variables: Option<&'b RawValue>,
    #[serde(default, borrow)]
    extensions: Option<&'b RawValue>,
}

/// Says what is wrong with a body that cannot be read as [`Parameters`].
fn explain(body: &Bytes, error: &str) -> Refusal {
    let malformed = |message: &str| Refusal::Malformed(message.to_owned());
    let first = body.trim_ascii_start().first();
    if first.is_none() {
        return malformed("the body is empty");
    }
    if let Err(error) = serde_json::from_slice::<IgnoredAny>(body) {
        return Refusal::Malformed(format!("the body is not JSON: {error}"));
    }
    match first {
        Some(b'{') => {}
        Some(b'[') => return Refusal::Batched,
        _ => return malformed("the body must be a JSON object"),
    }
    let other = || Refusal::Malformed(format!("the body is not a GraphQL request: {error}"));
    let Ok(properties) = serde_json::from_slice::<Properties<'_>>(body) else { return other() };
    for (name, value, wanted, first) in [
        ("operationName", properties.operation_name, "a string or null", '"'),
        ("variables", properties.variables, "an object or null", '{'),
        ("extensions", properties.extensions, "an object or null", '{'),
    ] {
        if value.is_some_and(|value| !value.get().starts_with(first)) {
            return Refusal::Malformed(format!("`{name}` must be {wanted}"));
        }
    }
    match properties.query {
        None => missing_query(properties.extensions.map(RawValue::get)),
        Some(query) if query.get().starts_with('"') => other(),
        Some(_) => malformed("`query` must be a string"),
    }
}

/// The extension for persisted queries, whatever value it has.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Extensions {
    #[serde(default)]
    persisted_query: Option<IgnoredAny>,
}

/// The refusal of a request without `query`. `extensions` is the text of a JSON object.
fn missing_query(extensions: Option<&str>) -> Refusal {
    let extensions = extensions.and_then(|text| serde_json::from_str::<Extensions>(text).ok());
    if extensions.is_some_and(|extensions| extensions.persisted_query.is_some()) {
        Refusal::PersistedQuery
    } else {
        Refusal::Malformed("`query` is missing".to_owned())
    }
}
