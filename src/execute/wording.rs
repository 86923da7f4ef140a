//! Parts of an answer as JSON, in either of the two formats that clients know.
//!
//! # Source
//! GraphQL, RFC "incremental delivery" (September 2025), "Response Format"; its draft of August 2022, which Apollo
//! Client asks for by `deferSpec=20220824`.

use super::run::RunOutput;
use super::write::PathStep;
use crate::report::CallRecord;
use serde_json::json;
use std::borrow::Cow;

/// The format in which parts are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wording {
    /// `pending`, `incremental` with an `id`, and `completed` (September 2025).
    Current,
    /// `incremental` with a `path` and a `label` (August 2022).
    Legacy,
}

/// A part of an answer.
#[derive(Debug, Default)]
pub struct Part {
    /// The initial answer: `{"data":…` and `errors`, without the closing brace. `None` in later parts.
    pub(super) initial: Option<Vec<u8>>,
    pub(super) pending: Vec<DeferredPart>,
    pub(super) delivered: Vec<DeliveredFields>,
    pub(super) completed: Vec<CompletedPart>,
    /// Whether further parts follow.
    pub has_next: bool,
    /// The number of entries in all `errors` of this part.
    pub errors: u32,
    /// The `extensions.code` of each of those entries.
    pub error_codes: Vec<Cow<'static, str>>,
    /// The calls that ended since the previous part.
    pub calls: Vec<CallRecord>,
}

/// A fragment that is announced.
#[derive(Debug)]
pub(super) struct DeferredPart {
    pub(super) id: usize,
    pub(super) path: Vec<PathStep>,
    pub(super) label: Option<String>,
}

/// Delivered fields of a fragment.
#[derive(Debug)]
pub(super) struct DeliveredFields {
    pub(super) id: usize,
    /// The path of the fields' object, from the fragment's object.
    pub(super) sub_path: Vec<PathStep>,
    /// The path of the fields' object, from the root.
    pub(super) path: Vec<PathStep>,
    pub(super) label: Option<String>,
    pub(super) data: Vec<u8>,
    /// The JSON texts of the errors, separated by commas.
    pub(super) errors: Vec<u8>,
}

/// A fragment that is delivered or has failed.
#[derive(Debug)]
pub(super) struct CompletedPart {
    pub(super) id: usize,
    pub(super) path: Vec<PathStep>,
    pub(super) label: Option<String>,
    /// The errors by which the fragment became null, as JSON texts separated by commas. `None` if it was delivered.
    pub(super) errors: Option<Vec<u8>>,
}

impl Part {
    pub(super) fn whole(ran: RunOutput) -> Self {
        let RunOutput { body, errors, calls, error_codes, .. } = ran;
        let open = body.strip_suffix(b"}").unwrap_or(&body);
        Self { initial: Some(open.to_vec()), errors, error_codes, calls, ..Self::default() }
    }

    /// Whether the part is a complete answer, from which nothing is left out.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.initial.is_some() && !self.has_next
    }

    /// The part as a JSON object.
    #[must_use]
    pub fn body(&self, wording: Wording) -> Vec<u8> {
        let mut out = Object { text: self.initial.clone().unwrap_or_else(|| b"{".to_vec()) };
        if !self.is_whole() {
            match wording {
                Wording::Current => self.current(&mut out),
                Wording::Legacy => self.legacy(&mut out),
            }
            out.raw("hasNext", if self.has_next { b"true" } else { b"false" });
        }
        out.text.push(b'}');
        out.text
    }

    fn current(&self, out: &mut Object) {
        if !self.pending.is_empty() {
            out.list("pending", &self.pending, |pending, item| {
                item.raw("id", id(pending.id).as_bytes());
                item.raw("path", text(&pending.path).as_bytes());
                item.label(pending.label.as_deref());
            });
        }
        if !self.delivered.is_empty() {
            out.list("incremental", &self.delivered, |delivered, item| {
                item.raw("id", id(delivered.id).as_bytes());
                if !delivered.sub_path.is_empty() {
                    item.raw("subPath", text(&delivered.sub_path).as_bytes());
                }
                item.raw("data", &delivered.data);
                item.errors(&delivered.errors);
            });
        }
        if !self.completed.is_empty() {
            out.list("completed", &self.completed, |completed, item| {
                item.raw("id", id(completed.id).as_bytes());
                item.errors(completed.errors.as_deref().unwrap_or_default());
            });
        }
    }

    fn legacy(&self, out: &mut Object) {
        let failed: Vec<&CompletedPart> =
            self.completed.iter().filter(|completed| completed.errors.is_some()).collect();
        if self.delivered.is_empty() && failed.is_empty() {
            return;
        }
        let entries: Vec<_> = self.delivered.iter().map(Ok).chain(failed.into_iter().map(Err)).collect();
        out.list("incremental", &entries, |entry, item| {
            let (path, label, data, errors) = match entry {
                Ok(delivered) => {
                    (&delivered.path, &delivered.label, delivered.data.as_slice(), delivered.errors.as_slice())
                }
                Err(failed) => {
                    (&failed.path, &failed.label, &b"null"[..], failed.errors.as_deref().unwrap_or_default())
                }
            };
            item.raw("data", data);
            item.raw("path", text(path).as_bytes());
            item.label(label.as_deref());
            item.errors(errors);
        });
    }
}

fn id(id: usize) -> String {
    format!("\"{id}\"")
}

fn text(path: &[PathStep]) -> String {
    json!(path).to_string()
}

/// A JSON object that is being written.
struct Object {
    text: Vec<u8>,
}

impl Object {
    fn key(&mut self, name: &str) {
        if self.text.last() != Some(&b'{') {
            self.text.push(b',');
        }
        self.text.extend_from_slice(format!("\"{name}\":").as_bytes());
    }

    fn raw(&mut self, name: &str, value: &[u8]) {
        self.key(name);
        self.text.extend_from_slice(value);
    }

    fn label(&mut self, label: Option<&str>) {
        if let Some(label) = label {
            self.raw("label", json!(label).to_string().as_bytes());
        }
    }

    fn errors(&mut self, errors: &[u8]) {
        if !errors.is_empty() {
            self.key("errors");
            self.text.push(b'[');
            self.text.extend_from_slice(errors);
            self.text.push(b']');
        }
    }

    fn list<T>(&mut self, name: &str, items: &[T], mut write: impl FnMut(&T, &mut Self)) {
        self.key(name);
        self.text.push(b'[');
        for (number, item) in items.iter().enumerate() {
            if number > 0 {
                self.text.push(b',');
            }
            self.text.push(b'{');
            write(item, self);
            self.text.push(b'}');
        }
        self.text.push(b']');
    }
}
