//! Causes of failures: details for an operator or a developer, which a client in production must not see.
//!
//! In: a [`Failure`], and the place in the arena where a value was looked for. Out: a [`CauseLine`], for
//! `extensions.cause` in development and for the log. Here is the origin of a failure ([`Evidence`]). `place` finds the
//! JSON pointer of a place in the arena, `pointer` reads the body for it, `report` says who is told, and how often, and
//! `aside` logs failures that no answer reports.
//!
//! Always true:
//! - of a body, only the names of properties on the way to a value and the value's kind are told;
//! - for one answer, at most 16 MiB of its bodies are read again.

mod aside;
mod place;
mod pointer;
mod report;
#[cfg(test)]
mod tests;

pub(super) use aside::Aside;
pub(super) use place::Place;
pub use report::CauseReport;

use super::arena::{Arena, Failure};
use super::run::Run;
use crate::compose::WayId;
use crate::json::Value as Setting;
use crate::report::Cause;
use crate::upstream::Answer;
use place::PlaceFacts;
use report::Note;
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// How many bytes of bodies are read again for the causes of one answer: 16 MiB. Beyond that, causes lack their
/// pointer.
const MAX_READ: usize = 16 << 20;

/// The origin of a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evidence {
    /// A call failed, or its answer is of no use as a whole.
    Call(WayId, Arc<Cause>),
    /// A value is of another kind than was expected.
    Kind {
        /// What was expected, such as `an object`.
        expected: &'static str,
        /// What is there, such as `a string`.
        got: &'static str,
    },
}

impl Evidence {
    /// The evidence of an answer that is of no use as a whole.
    pub(super) fn answer(way: WayId, answer: &Answer, what: impl Into<Cow<'static, str>>) -> Self {
        Self::Call(way, Arc::new(Cause::of_answer(what, answer)))
    }

    /// The same evidence, with the message of the service itself.
    pub(super) fn said(self, said: Option<Box<str>>) -> Self {
        match self {
            Self::Call(way, cause) => Self::Call(way, Arc::new(Cause { said, ..Arc::unwrap_or_clone(cause) })),
            kind => kind,
        }
    }
}

/// What was expected of a value.
#[derive(Debug, Clone)]
pub(super) struct Expectation<'e> {
    /// The description of what was expected, such as `an Int`.
    pub(super) what: Cow<'static, str>,
    /// The text of the value that is there instead, if there is one.
    pub(super) text: Option<&'e [u8]>,
}

/// The cause of one failure, in full.
#[derive(Debug, Default)]
pub(super) struct CauseLine {
    way: Option<WayId>,
    what: Cow<'static, str>,
    cause: Option<Arc<Cause>>,
    pointer: Option<String>,
    expected: Option<Cow<'static, str>>,
    got: Option<Cow<'static, str>>,
}

/// Finds and reports the causes of one answer's failures.
pub(super) struct Causes<'a> {
    run: &'a Run<'a>,
    arena: &'a Arena,
    /// How many bytes may still be read. Only one writer at a time reads.
    left: AtomicUsize,
    notes: Mutex<Vec<Note>>,
}

impl<'a> Causes<'a> {
    pub(super) fn new(run: &'a Run<'a>, arena: &'a Arena) -> Self {
        Self { run, arena, left: AtomicUsize::new(MAX_READ), notes: Mutex::default() }
    }

    /// Whether clients are shown the causes of errors.
    pub(super) fn are_shown(&self) -> bool {
        self.run.causes.is_shown()
    }

    /// Returns the value of `extensions.cause`, if clients are shown causes, and notes the cause for the log.
    pub(super) fn tell(
        &self,
        failure: &Failure,
        place: Option<Place>,
        expected: Option<Expectation<'_>>,
    ) -> Option<Value> {
        if failure.evidence.is_none() && expected.is_none() {
            return None;
        }
        let report = self.run.causes;
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        let admitted = report.admits(failure, &notes);
        if !report.is_shown() && admitted.is_none() {
            return None;
        }
        let told = self.told(failure, place, expected);
        let text = self.json(failure, &told);
        if let Some(alike) = admitted {
            notes.push(Note::new(failure, text.clone(), alike));
        }
        report.is_shown().then_some(text)
    }

    /// Writes the noted causes to the log.
    pub(super) fn log(self) {
        let request_id = self.run.caller.request_id.as_str();
        let notes = self.notes.into_inner().unwrap_or_else(PoisonError::into_inner);
        notes.iter().for_each(|note| note.log(request_id));
    }

    fn told(&self, failure: &Failure, place: Option<Place>, expected: Option<Expectation<'_>>) -> CauseLine {
        if let Some(Evidence::Call(way, cause)) = &failure.evidence {
            let cause = Some(Arc::clone(cause));
            return CauseLine { way: Some(*way), what: Cow::Borrowed(""), cause, ..CauseLine::default() };
        }
        let text = expected.as_ref().and_then(|expected| expected.text);
        let located = place.map(|place| self.locate(place, text)).unwrap_or_default();
        let mut told = CauseLine { way: located.way, pointer: located.pointer, ..CauseLine::default() };
        match (&failure.evidence, expected) {
            (Some(Evidence::Kind { expected, got }), _) => {
                told.what = "a value is of another kind than was expected".into();
                (told.expected, told.got) = (Some((*expected).into()), Some((*got).into()));
            }
            (_, Some(Expectation { what, text: Some(text) })) => {
                told.what = "a value is not of its type".into();
                (told.expected, told.got) = (Some(what), Some(pointer::kind_of(text).into()));
            }
            (_, Some(Expectation { what, text: None })) => {
                told.what = located.what;
                (told.expected, told.got) = (Some(what), Some(located.got.into()));
            }
            (_, None) => {}
        }
        told
    }

    /// Finds the binding and the JSON pointer of a place, within the bound on bytes read.
    fn locate(&self, place: Place, text: Option<&[u8]>) -> PlaceFacts {
        let budget = self.left.load(Ordering::Relaxed);
        let (located, read) = place::locate(self.run.plan, self.arena, place, text, budget);
        self.left.store(budget.saturating_sub(read), Ordering::Relaxed);
        located
    }

    fn json(&self, failure: &Failure, told: &CauseLine) -> Value {
        let way = told.way.map(|way| self.run.graph.way(way));
        let source = way.map(|way| &self.run.sources[way.source.index()]);
        let origin = Origin {
            service: source.map(|source| &*source.name).or(failure.service.as_deref()),
            endpoint: way.map(|way| way.endpoint.as_str()),
            settings: source.map(|source| &source.config),
            binding: told.way.and_then(|way| self.run.causes.binding(way)),
        };
        origin.json(told, self.run.causes.is_shown())
    }
}

/// The service and the binding to which a failure belongs.
struct Origin<'o> {
    service: Option<&'o str>,
    endpoint: Option<&'o str>,
    /// The values of `$config` of the service.
    settings: Option<&'o Setting>,
    /// The file and line of the binding.
    binding: Option<&'o str>,
}

impl Origin<'_> {
    fn json(&self, told: &CauseLine, is_shown: bool) -> Value {
        let cause = told.cause.as_deref();
        let what = cause.map_or(&told.what, |cause| &cause.what);
        let called = cause.and_then(|cause| cause.called.as_ref()).map(ToString::to_string);
        // Settings are part of requests, and can be secrets.
        let called = called.map(|called| match self.settings {
            Some(settings) => without_settings(called, settings),
            None => called,
        });
        let mut members = Map::new();
        let mut put = |name: &str, value: Option<Value>| {
            members.extend(value.map(|value| (name.to_owned(), value)));
        };
        put("what", Some(json!(what)));
        put("service", self.service.map(Value::from));
        put("endpoint", self.endpoint.map(Value::from));
        put("request", called.map(Value::from));
        put("status", cause.and_then(|cause| cause.status).map(Value::from));
        put("mediaType", cause.and_then(|cause| cause.media_type.as_deref()).map(Value::from));
        put("pointer", told.pointer.as_deref().map(Value::from));
        put("expected", told.expected.as_deref().map(Value::from));
        put("got", told.got.as_deref().map(Value::from));
        if is_shown {
            put("said", cause.and_then(|cause| cause.said.as_deref()).map(Value::from));
        }
        put("binding", self.binding.map(Value::from));
        Value::Object(members)
    }
}

/// A text in which the values of a service's settings (`$config`) are replaced by `…`.
fn without_settings(text: String, settings: &Setting) -> String {
    /// A shorter value may occur in a text by chance.
    const SHORTEST: usize = 4;
    let value = match settings {
        Setting::String(value) => value.as_str(),
        Setting::Number(value) => value.as_str(),
        Setting::Array(items) => return items.iter().fold(text, without_settings),
        Setting::Object(members) => return members.values().fold(text, without_settings),
        Setting::Null | Setting::Bool(_) => return text,
    };
    if value.len() < SHORTEST {
        return text;
    }
    let encoded = percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC).to_string();
    text.replace(value, "…").replace(&encoded, "…")
}
