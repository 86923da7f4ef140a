//! Causes and failed calls, made from what a service answered.

use super::model::{Answer, CallError};
use crate::report::{Cause, FailedCall, shortened};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::borrow::Cow;
use std::sync::Arc;

impl Cause {
    /// A cause that concerns an answer with this status code.
    pub(crate) fn with_status(what: impl Into<Cow<'static, str>>, status: u16) -> Self {
        Self { what: what.into(), status: Some(status), ..Self::default() }
    }

    /// A cause that concerns an answer as a whole.
    pub(crate) fn of_answer(what: impl Into<Cow<'static, str>>, answer: &Answer) -> Self {
        let (media_type, called) = (answer.media_type.clone(), answer.called.clone());
        Self { media_type, called, ..Self::with_status(what, answer.status) }
    }

    /// The same cause, with the answer's media type.
    pub(super) fn of_media_type(mut self, media_type: Option<&http::HeaderValue>) -> Self {
        self.media_type = media_type.map(media_type_text);
        self
    }
}

/// The media type as it was sent, shortened, for descriptions of causes.
pub(super) fn media_type_text(value: &http::HeaderValue) -> Box<str> {
    shortened(&String::from_utf8_lossy(value.as_bytes())).into()
}

impl FailedCall {
    /// The failed call for a call that got no answer.
    pub(crate) fn of_error(service: &Arc<str>, endpoint: &Arc<str>, error: &CallError) -> Self {
        let cause = error.cause.clone().unwrap_or_default();
        Self { service: Arc::clone(service), endpoint: Arc::clone(endpoint), code: error.kind.code(), cause }
    }

    /// The failed call for an answer that is a failure: by its status, or by its errors if it is a GraphQL answer.
    /// `None` if the answer is not a failure.
    pub(crate) fn of_answer(
        service: &Arc<str>,
        endpoint: &Arc<str>,
        answer: &Answer,
        speaks_graphql: bool,
    ) -> Option<Self> {
        let (code, what) = match answer.status {
            400.. => ("UPSTREAM_STATUS", BAD_STATUS),
            _ if speaks_graphql && has_errors(answer) => ("SUBGRAPH_ERROR", "the service reported errors"),
            _ => return None,
        };
        let cause = Arc::new(Cause::of_answer(what, answer));
        Some(Self { service: Arc::clone(service), endpoint: Arc::clone(endpoint), code, cause })
    }
}

/// Whether a GraphQL answer has errors (GraphQL §7.1).
fn has_errors(answer: &Answer) -> bool {
    #[derive(Deserialize)]
    struct Errors {
        #[serde(default)]
        errors: Option<Vec<IgnoredAny>>,
    }
    let read = serde_json::from_slice::<Errors>(&answer.body);
    read.is_ok_and(|read| read.errors.is_some_and(|errors| !errors.is_empty()))
}

/// The description of a cause when the status is a failure.
pub(super) const BAD_STATUS: &str = "the service answered with a status that is a failure";
