//! Reads answers in parts as a client does: splits them by their transport, and merges them.
//!
//! The tests of `@defer` share this module.

use serde_json::{Value, json};

/// The JSON texts of a `multipart/mixed` body with the boundary `-`, in order.
///
/// # Panics
/// When the framing is not that of RFC 2046, or a part is not JSON.
pub(crate) fn multipart(body: &str) -> Vec<Value> {
    let inner = body.strip_prefix("---\r\n").and_then(|body| body.strip_suffix("\r\n-----\r\n"));
    let inner = inner.unwrap_or_else(|| panic!("no multipart: {body}"));
    let parts = inner.split("\r\n---\r\n").map(|part| {
        let (head, json) = part.split_once("\r\n\r\n").unwrap_or_else(|| panic!("a part without a head: {part}"));
        assert_eq!(head, "content-type: application/json; charset=utf-8");
        serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {json}"))
    });
    parts.collect()
}

/// The data of the `next` events of an event stream that ended with `complete`.
pub(crate) fn events(body: &str) -> Vec<Value> {
    let all = body.strip_suffix("event: complete\ndata:\n\n").unwrap_or_else(|| panic!("not complete: {body}"));
    let events = all.split("\n\n").filter(|event| !event.is_empty() && *event != ":").map(|event| {
        let data = event.strip_prefix("event: next\ndata: ").unwrap_or_else(|| panic!("another event: {event}"));
        serde_json::from_str(data).unwrap_or_else(|error| panic!("{error}: {data}"))
    });
    events.collect()
}

/// Merges the parts of an answer in either format, into `data` and all errors.
///
/// # Panics
/// When an entry leads nowhere, names an id that is not pending, or an announced fragment is never completed.
pub(crate) fn merge(parts: &[Value]) -> Value {
    let mut whole = json!({ "data": parts[0]["data"], "errors": list(&parts[0], "errors") });
    let mut pending: Vec<(String, Vec<Value>)> = Vec::new();
    for (number, part) in parts.iter().enumerate() {
        let has_next = part["hasNext"].as_bool().unwrap_or(false);
        assert_eq!(has_next, number + 1 < parts.len(), "part {number} of {parts:#?}");
        for announced in list(part, "pending") {
            let id = announced["id"].as_str().expect("an id").to_owned();
            assert!(pending.iter().all(|(other, _)| *other != id), "announced twice: {id}");
            pending.push((id, list(&announced, "path")));
        }
        for entry in list(part, "incremental") {
            let path = match entry["id"].as_str() {
                Some(id) => {
                    let (_, path) = pending.iter().find(|(other, _)| other == id).expect("a pending id");
                    path.iter().cloned().chain(list(&entry, "subPath")).collect()
                }
                None => list(&entry, "path"),
            };
            if let Value::Object(fields) = &entry["data"] {
                let object = at(&mut whole["data"], &path).as_object_mut().expect("an object at the path");
                for (name, value) in fields {
                    assert!(object.insert(name.clone(), value.clone()).is_none(), "`{name}` came twice at {path:?}");
                }
            }
            errors(&mut whole, list(&entry, "errors"));
        }
        // The object that an announced fragment belongs to must come in the same part, at the latest.
        for (_, path) in &pending {
            at(&mut whole["data"], path);
        }
        for completed in list(part, "completed") {
            let before = pending.len();
            pending.retain(|(id, _)| completed["id"] != **id);
            assert_eq!(pending.len() + 1, before, "completed without being pending: {completed}");
            errors(&mut whole, list(&completed, "errors"));
        }
    }
    assert!(pending.is_empty(), "never completed: {pending:?}");
    if whole["errors"] == json!([]) {
        whole.as_object_mut().expect("an object").remove("errors");
    }
    whole
}

fn list(of: &Value, name: &str) -> Vec<Value> {
    of[name].as_array().cloned().unwrap_or_default()
}

fn errors(whole: &mut Value, more: Vec<Value>) {
    whole["errors"].as_array_mut().expect("a list").extend(more);
}

fn at<'v>(data: &'v mut Value, path: &[Value]) -> &'v mut Value {
    path.iter().fold(data, |value, step| {
        let shown = value.to_string();
        let inner = match step {
            Value::String(name) => value.get_mut(name.as_str()),
            step => value.get_mut(step.as_u64().expect("an index") as usize),
        };
        inner.unwrap_or_else(|| panic!("{path:?} leads nowhere at {step}: {shown}"))
    })
}
