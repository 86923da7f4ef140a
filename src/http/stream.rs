//! Answers in parts: `multipart/mixed` for deferred fragments, `text/event-stream` for them and for subscriptions.
//!
//! In: a request whose `accept` names one of these types. Out: its answer, part by part, each flushed at once.
//!
//! Always true:
//! - an answer that comes in one part goes as plain JSON when the client takes that too;
//! - a client that leaves drops the engine's stream.
//!
//! # Source
//! GraphQL over HTTP, RFC "incremental delivery over HTTP"; "GraphQL over Server-Sent Events", distinct connections mode.

use super::answer::{self, answer, refuse};
use super::correlation::Correlation;
use super::graphql::{HANDOVER, admit, text_of};
use super::negotiate::MediaType;
use super::refusal::Refusal;
use super::server::Server;
use crate::engine::{Response, StreamRequest, Streamed, Wording};
use crate::observe::RequestRecord;
use axum::body::Body;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, StreamExt};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::OwnedSemaphorePermit;

/// How long an event stream stays silent at most, so that nothing between takes it for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(12);

/// The streamed types that a client takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Streams {
    multipart: Option<Wording>,
    events: bool,
}

impl Streams {
    /// Reads the `Accept` headers; `None`: none of them. Wildcards do not count: who takes parts says so.
    pub(super) fn negotiate(headers: &HeaderMap) -> Option<Self> {
        let mut found = Self { multipart: None, events: false };
        for value in headers.get_all(header::ACCEPT) {
            for range in value.to_str().unwrap_or_default().split(',') {
                found.read(range);
            }
        }
        (found.multipart.is_some() || found.events).then_some(found)
    }

    fn read(&mut self, range: &str) {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let parameter = |wanted: &str| {
            let mut pairs = range.split(';').skip(1).filter_map(|part| part.split_once('='));
            pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim())
        };
        if parameter("q").is_some_and(|quality| quality.parse::<f32>().is_ok_and(|quality| quality <= 0.0)) {
            return;
        }
        if name.eq_ignore_ascii_case("text/event-stream") {
            self.events = true;
        } else if name.eq_ignore_ascii_case("multipart/mixed") && parameter("subscriptionSpec").is_none() {
            let is_legacy = parameter("deferSpec").is_some_and(|value| value.trim_matches('"') == "20220824");
            self.multipart.get_or_insert(if is_legacy { Wording::Legacy } else { Wording::Current });
        }
    }

    /// How answers in parts go: multipart first, for it is what clients of `@defer` read best.
    fn form(self) -> Form {
        self.multipart.map_or(Form::Events, Form::Multipart)
    }
}

/// How the parts of one answer are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Multipart(Wording),
    Events,
}

impl Form {
    fn wording(self) -> Wording {
        match self {
            Self::Multipart(wording) => wording,
            Self::Events => Wording::Current,
        }
    }

    fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Multipart(Wording::Current) => "multipart/mixed; boundary=\"-\"",
            Self::Multipart(Wording::Legacy) => "multipart/mixed; boundary=\"-\"; deferSpec=20220824",
            Self::Events => "text/event-stream; charset=utf-8",
        })
    }

    fn frame(self, body: &[u8], is_first: bool, is_last: bool) -> Bytes {
        let (before, after): (&[u8], &[u8]) = match self {
            Self::Multipart(_) => (
                if is_first {
                    b"---\r\ncontent-type: application/json; charset=utf-8\r\n\r\n"
                } else {
                    b"\r\ncontent-type: application/json; charset=utf-8\r\n\r\n"
                },
                // The delimiter right behind: only with it the client knows that the part is whole.
                if is_last { b"\r\n-----\r\n" } else { b"\r\n---" },
            ),
            Self::Events => (b"event: next\ndata: ", if is_last { b"\n\nevent: complete\ndata:\n\n" } else { b"\n\n" }),
        };
        [before, body, after].concat().into()
    }
}

/// A request whose client takes its answer in parts.
pub(super) struct Streaming {
    pub(super) server: Arc<Server>,
    pub(super) correlation: Correlation,
    pub(super) record: RequestRecord,
    /// How it takes an answer whole; `None`: not as plain JSON.
    pub(super) media: Option<MediaType>,
    pub(super) streams: Streams,
    pub(super) started: Instant,
}

impl Streaming {
    pub(super) async fn respond(self, parts: Parts, body: Body) -> http::Response<Body> {
        let media = self.media.unwrap_or(MediaType::Json);
        let Ok(permit) = Arc::clone(&self.server.in_flight).try_acquire_owned() else {
            return self.refuse(&Refusal::Overloaded);
        };
        let deadline = self.started + self.server.config.request_timeout;
        let begun = AssertUnwindSafe(self.begin(parts, body, deadline)).catch_unwind().await;
        let (first, rest) = match begun.unwrap_or_else(|panic| {
            tracing::error!(request_id = self.correlation.request_id, panic = text_of(&*panic), "panicked");
            Err(Refusal::Internal)
        }) {
            Ok(begun) => begun,
            Err(refusal) => return self.refuse(&refusal),
        };
        if first.is_last && self.media.is_some() {
            let answer = answer(media, &self.correlation, &first.response);
            self.record.answered(answer.status(), &first.response);
            return answer;
        }
        self.stream(first, rest, permit)
    }

    /// Takes the request in, up to the first part of its answer.
    async fn begin(
        &self,
        parts: Parts,
        body: Body,
        deadline: Instant,
    ) -> Result<(Streamed, BoxStream<'static, Streamed>), Refusal> {
        let (request, caller) = admit(&self.server, parts, body, &self.correlation, deadline).await?;
        let wording = Some(self.streams.form().wording());
        let mut stream = self.server.engine().stream(StreamRequest { request, caller, deadline, wording });
        let first = tokio::time::timeout_at((deadline + HANDOVER).into(), stream.next());
        let first = first.await.map_err(|_| Refusal::DeadlinePassed)?.ok_or(Refusal::Internal)?;
        Ok((first, stream))
    }

    fn refuse(self, refusal: &Refusal) -> http::Response<Body> {
        let answer = refuse(self.media.unwrap_or(MediaType::Json), &self.correlation, refusal);
        self.record.refused(answer.status(), refusal.code());
        answer
    }

    fn stream(
        self,
        first: Streamed,
        rest: BoxStream<'static, Streamed>,
        permit: OwnedSemaphorePermit,
    ) -> http::Response<Body> {
        let form = self.streams.form();
        let mut response = http::Response::new(Body::empty());
        answer::headers(response.headers_mut(), form.content_type(), &self.correlation);
        // Proxies that collect answers must not collect this one.
        response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
        let rest = AssertUnwindSafe(rest).catch_unwind().boxed();
        let total = Response { body: Bytes::new(), ..first.response.clone() };
        let request_id = self.correlation.request_id;
        let writing =
            Writing { form, first: Some(first), rest, total, record: Some(self.record), request_id, _permit: permit };
        *response.body_mut() = Body::from_stream(stream::unfold(writing, Writing::next));
        response
    }
}

type Parted = Result<Streamed, Box<dyn std::any::Any + Send>>;

/// A streamed answer under way; dropped, it counts as one whose client left.
struct Writing {
    form: Form,
    first: Option<Streamed>,
    rest: BoxStream<'static, Parted>,
    /// All parts so far, for the log and the metrics.
    total: Response,
    /// Until the last part.
    record: Option<RequestRecord>,
    request_id: String,
    _permit: OwnedSemaphorePermit,
}

impl Writing {
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        self.record.as_ref()?;
        if let Some(first) = self.first.take() {
            return Some((Ok(self.write(&first, true)), self));
        }
        let next = match self.form {
            Form::Multipart(_) => self.rest.next().await,
            Form::Events => match tokio::time::timeout(KEEP_ALIVE, self.rest.next()).await {
                Ok(next) => next,
                Err(_) => return Some((Ok(Bytes::from_static(b":\n\n")), self)),
            },
        };
        match next {
            Some(Ok(part)) => {
                self.total.calls.extend(part.response.calls.iter().cloned());
                self.total.errors = self.total.errors.saturating_add(part.response.errors);
                self.total.error_codes.extend(part.response.error_codes.iter().cloned());
                Some((Ok(self.write(&part, false)), self))
            }
            Some(Err(panic)) => {
                tracing::error!(request_id = self.request_id, panic = text_of(&*panic), "panicked");
                None
            }
            None => None,
        }
    }

    fn write(&mut self, part: &Streamed, is_first: bool) -> Bytes {
        if part.is_last
            && let Some(record) = self.record.take()
        {
            record.answered(StatusCode::OK, &self.total);
        }
        self.form.frame(&part.response.body, is_first, part.is_last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_tells_which_parts_a_client_takes() {
        let streams = |multipart, events| Some(Streams { multipart, events });
        for (accept, expected) in [
            ("*/*", None),
            ("application/json", None),
            ("multipart/mixed;q=0", None),
            ("multipart/mixed", streams(Some(Wording::Current), false)),
            ("multipart/mixed;incrementalSpec=v0.2,application/json", streams(Some(Wording::Current), false)),
            (
                "multipart/mixed;deferSpec=20220824,application/graphql-response+json;q=0.9",
                streams(Some(Wording::Legacy), false),
            ),
            ("Multipart/Mixed; DeferSpec=\"20220824\"; q=0.5", streams(Some(Wording::Legacy), false)),
            ("multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/json", None),
            ("application/json, text/event-stream", streams(None, true)),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
            assert_eq!(Streams::negotiate(&headers), expected, "{accept}");
        }
    }
}
