//! A GraphQL request out of an HTTP request (GraphQL over HTTP §5).

use super::graphql::within;
use super::refusal::Refusal;
use crate::engine::Request;
use axum::body::{Body, HttpBody};
use axum::extract::Query;
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, Uri};
use http_body_util::BodyExt;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::time::Instant;

/// Reads a GET: everything is in the query string, `variables` and `extensions` as JSON.
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
    let extensions = parameters.remove("extensions").map(|text| object("extensions", &text)).transpose()?.flatten();
    let Some(query) = parameters.remove("query") else {
        return Err(missing_query(extensions.as_ref()));
    };
    let variables = parameters.remove("variables").map(|text| object("variables", &text)).transpose()?.flatten();
    Ok(Request {
        query,
        operation_name: parameters.remove("operationName").filter(|name| !name.is_empty()),
        variables: variables.unwrap_or_default(),
        is_read_only: true,
    })
}

/// A parameter of a GET that holds a JSON object or null.
fn object(name: &str, text: &str) -> Result<Option<Map<String, Value>>, Refusal> {
    serde_json::from_str(text).map_err(|_| Refusal::Malformed(format!("`{name}` must be a JSON object")))
}

/// Reads a POST. The body is awaited until `deadline` and read up to `limit` bytes.
pub(super) async fn from_body(
    headers: &HeaderMap,
    body: &mut Body,
    limit: usize,
    deadline: Instant,
) -> Result<Request, Refusal> {
    if !is_json(headers) {
        return Err(Refusal::MediaType);
    }
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(Refusal::TooLarge { limit });
    }
    let body = within(deadline, read(body, limit)).await.ok_or(Refusal::SlowBody)?;
    from_json(&body?)
}

/// Reads a body to its end. Nearly all come in one piece, which is not copied.
async fn read(body: &mut Body, limit: usize) -> Result<Bytes, Refusal> {
    let mut whole = Bytes::new();
    let mut pieces = BytesMut::new();
    while !body.is_end_stream() {
        let Some(frame) = body.frame().await else { break };
        let frame = frame.map_err(|_| Refusal::Malformed("the body broke off".to_owned()))?;
        // Trailers: nobody asked for them.
        let Ok(piece) = frame.into_data() else { continue };
        if whole.len() + pieces.len() + piece.len() > limit {
            return Err(Refusal::TooLarge { limit });
        }
        if whole.is_empty() && pieces.is_empty() {
            whole = piece;
            continue;
        }
        pieces.extend_from_slice(&std::mem::take(&mut whole));
        pieces.extend_from_slice(&piece);
    }
    Ok(if pieces.is_empty() { whole } else { pieces.freeze() })
}

/// Whether a body is announced as JSON in UTF-8, uncompressed.
///
/// Browsers send other types across origins without asking first; refusing them is the guard against request forgery.
fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (Some(content_type), None) = (types.next(), types.next()) else { return false };
    let is_identity = || headers.get_all(CONTENT_ENCODING).iter().all(|coding| coding == "identity");
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

/// The body's JSON object; other properties are left aside (GraphQL over HTTP §5.1).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Parameters {
    query: String,
    #[serde(default)]
    operation_name: Option<String>,
    #[serde(default)]
    variables: Option<Map<String, Value>>,
    #[serde(default, rename = "extensions")]
    _extensions: Option<BTreeMap<String, IgnoredAny>>,
}

/// Reads the JSON body of a POST, once all of it is there.
///
/// # Errors
/// What the caller would be told.
pub fn parse_request(body: &Bytes) -> Result<Request, String> {
    from_json(body).map_err(|refusal| refusal.to_string())
}

fn from_json(body: &Bytes) -> Result<Request, Refusal> {
    let parameters: Parameters = serde_json::from_slice(body).map_err(|error| explain(body, &error))?;
    Ok(parameters.into())
}

impl From<Parameters> for Request {
    fn from(parameters: Parameters) -> Self {
        Self {
            query: parameters.query,
            operation_name: parameters.operation_name.filter(|name| !name.is_empty()),
            variables: parameters.variables.unwrap_or_default(),
            is_read_only: false,
        }
    }
}

/// Names what is wrong with a body that did not read as [`Parameters`].
fn explain(body: &Bytes, error: &serde_json::Error) -> Refusal {
    let malformed = |message: &str| Refusal::Malformed(message.to_owned());
    if body.trim_ascii_start().is_empty() {
        return malformed("the body is empty");
    }
    let object = match serde_json::from_slice::<Value>(body) {
        Err(error) => return Refusal::Malformed(format!("the body is not JSON: {error}")),
        Ok(Value::Array(_)) => return Refusal::Batched,
        Ok(Value::Object(object)) => object,
        Ok(_) => return malformed("the body must be a JSON object"),
    };
    for (name, wanted, is_right) in [
        ("operationName", "a string or null", Value::is_string as fn(&Value) -> bool),
        ("variables", "an object or null", Value::is_object),
        ("extensions", "an object or null", Value::is_object),
    ] {
        if object.get(name).is_some_and(|value| !value.is_null() && !is_right(value)) {
            return Refusal::Malformed(format!("`{name}` must be {wanted}"));
        }
    }
    match object.get("query") {
        None | Some(Value::Null) => missing_query(object.get("extensions").and_then(Value::as_object)),
        Some(Value::String(_)) => Refusal::Malformed(format!("the body is not a GraphQL request: {error}")),
        Some(_) => malformed("`query` must be a string"),
    }
}

fn missing_query(extensions: Option<&Map<String, Value>>) -> Refusal {
    if extensions.is_some_and(|extensions| extensions.contains_key("persistedQuery")) {
        Refusal::PersistedQuery
    } else {
        Refusal::Malformed("`query` is missing".to_owned())
    }
}
