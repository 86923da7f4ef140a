//! Answers in parts: as `multipart/mixed` for deferred fragments, and as `text/event-stream` for deferred fragments and
//! subscriptions.
//!
//! In: a request whose `accept` names one of these types. Out: its answer in parts, each of which is flushed at once.
//!
//! Always true:
//! - an answer that has one part is sent as plain JSON if the client accepts that too;
//! - when a client leaves, the engine's stream is dropped;
//! - a subscription that ends because the process stops, or because its server was replaced, ends without `complete`.
//!   That event would tell the client that nothing more will come; without it, the client connects again.
//!
//! # Source
//! GraphQL over HTTP, RFC "incremental delivery over HTTP"; "GraphQL over Server-Sent Events", distinct connections
//! mode.

use super::answer::{self, answer, refuse};
use super::correlation::Correlation;
use super::cors::is_allowed;
use super::counted::CountedStream;
use super::ending::{Generation, StreamEnd};
use super::event_stream::EventStream;
use super::framing;
use super::graphql::{handed_over, receive, text_of, understand};
use super::headers::compact;
use super::negotiate::MediaType;
use super::refusal::Refusal;
use super::server::Server;
use super::streams::Open;
use crate::engine::{ResponseKind, ResponsePart, StreamRequest, Wording};
use crate::observe::RequestRecord;
use crate::policy::RequestId;
use axum::body::Body;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, StreamExt};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, header};
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::OwnedSemaphorePermit;

/// How long an event stream is silent at most, so that no proxy closes it as dead.
const KEEP_ALIVE: Duration = Duration::from_secs(12);

/// How long an event stream must have been silent before it ends without `complete`. Some clients (`graphql-sse`)
/// connect again only if the end comes while they wait for an event; if it comes together with an event, they hang.
const QUIET: Duration = Duration::from_millis(100);

/// The media types for answers in parts that a client accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StreamFormat {
    multipart: Option<Wording>,
    events: bool,
}

impl StreamFormat {
    /// Reads the `Accept` headers; `None` if they name none of these types. Wildcards do not count, because a client
    /// that can read parts names their type.
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

    /// The form of an answer in parts. Multipart comes first, because clients that use `@defer` support it best.
    fn form(self) -> Form {
        self.multipart.map_or(Form::Events, Form::Multipart)
    }
}

/// The form in which the parts of one answer are framed.
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
        match self {
            Self::Multipart(_) => framing::part(body, is_first, is_last),
            Self::Events => framing::event(body, is_last),
        }
    }
}

/// A request whose client accepts an answer in parts.
pub(super) struct StreamRequestParts {
    pub(super) server: Arc<Server>,
    pub(super) correlation: Correlation,
    pub(super) record: RequestRecord,
    /// The media type for an answer in one part; `None` if the client does not accept plain JSON.
    pub(super) media: Option<MediaType>,
    pub(super) accepted: StreamFormat,
    pub(super) started: Instant,
}

impl StreamRequestParts {
    pub(super) async fn respond(self, mut parts: Parts, mut body: Body) -> http::Response<Body> {
        let media = self.media.unwrap_or(MediaType::Json);
        let deadline = self.started + self.server.config.request_timeout;
        let begun = AssertUnwindSafe(self.begin(&mut parts, &mut body, deadline)).catch_unwind().await;
        let (permit, first, rest) = match begun.unwrap_or_else(|panic| {
            tracing::error!(request_id = self.correlation.request_id.as_str(), panic = text_of(&*panic), "panicked");
            Err(Refusal::Internal)
        }) {
            Ok(begun) => begun,
            Err(refusal) => return self.refuse(&refusal),
        };
        // These two kinds have a status of their own, so they are sent as JSON whatever the client accepts.
        let has_status = matches!(first.response.kind, ResponseKind::MethodNotAllowed | ResponseKind::Unavailable);
        if first.is_last && (self.media.is_some() || has_status) {
            let answer = answer(media, &self.correlation, &first.response, None);
            self.record.answered(answer.status(), &first.response);
            return answer;
        }
        if !(first.response.is_subscription() && self.accepted.events) {
            let form = self.accepted.form();
            return self.stream(form, first, rest, Place::Request { _permit: permit });
        }
        // A subscription may last for days, so it counts as a subscription and not as a request in flight.
        drop(permit);
        let streams = &self.server.streams;
        let Some(open) = streams.subscribe(self.server.config.max_subscriptions.get()) else {
            return self.refuse(&Refusal::Overloaded);
        };
        let place = Place::Subscription { _open: open, end: streams.ends.stream(), of: self.server.generation };
        self.stream(Form::Events, first, rest, place)
    }

    /// Reads the request and waits for the first part of its answer.
    async fn begin(
        &self,
        parts: &mut Parts,
        body: &mut Body,
        deadline: Instant,
    ) -> Result<(OwnedSemaphorePermit, ResponsePart, BoxStream<'static, ResponsePart>), Refusal> {
        // A page of another site can open an event stream without a preflight, as it can open a WebSocket.
        if self.accepted.events && parts.method == Method::GET && !is_allowed(&self.server.config, &parts.headers) {
            return Err(Refusal::Origin);
        }
        let body = receive(&self.server, parts, body, self.started).await?;
        let permit = self.server.admission.enter_owned().ok_or(Refusal::Overloaded)?;
        if self.accepted.events {
            // A subscription keeps its headers, perhaps for days.
            parts.headers = compact(&parts.headers);
        }
        let (request, caller) = understand(&self.server, parts, body, &self.correlation, deadline).await?;
        let wording = Some(self.accepted.form().wording());
        let event_timeout = self.accepted.events.then_some(self.server.config.request_timeout);
        let request = StreamRequest { request, caller, deadline, wording, event_timeout };
        let mut stream = self.server.engine().stream(request);
        let first = handed_over(deadline, stream.next()).await;
        let first = first.ok_or(Refusal::DeadlinePassed)?.ok_or(Refusal::Internal)?;
        Ok((permit, first, stream))
    }

    fn refuse(self, refusal: &Refusal) -> http::Response<Body> {
        let answer = refuse(self.media.unwrap_or(MediaType::Json), &self.correlation, refusal);
        self.record.refused(answer.status(), refusal.code());
        answer
    }

    fn stream(
        self,
        form: Form,
        first: ResponsePart,
        rest: BoxStream<'static, ResponsePart>,
        place: Place,
    ) -> http::Response<Body> {
        let mut response = http::Response::new(Body::empty());
        answer::headers(response.headers_mut(), form.content_type(), &self.correlation.request_id);
        // Proxies that buffer answers must not buffer this one.
        response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
        let is_subscription = matches!(place, Place::Subscription { .. });
        let writing = AnswerInProgress {
            form,
            first: Some(first),
            rest: AssertUnwindSafe(rest).catch_unwind().boxed(),
            has_ended: false,
            counted: CountedStream::new(self.record),
            request_id: self.correlation.request_id,
            written: tokio::time::Instant::now(),
            place,
        };
        let written = stream::unfold(writing, AnswerInProgress::next);
        if is_subscription {
            let events = EventStream::new(written);
            *response.body_mut() = events.body();
            response.extensions_mut().insert(events);
        } else {
            *response.body_mut() = Body::from_stream(written.map(Ok::<_, Infallible>));
        }
        response
    }
}

/// Which limit a streamed answer counts against.
enum Place {
    /// It counts as a request in flight, whose end is waited for when the process stops.
    Request { _permit: OwnedSemaphorePermit },
    /// It counts as a subscription, which is told when to end. `of` is the server that it reads from.
    Subscription { _open: Open, end: StreamEnd, of: Generation },
}

impl Place {
    /// Waits until this side is to end the answer.
    async fn end(&mut self) {
        match self {
            Self::Request { .. } => std::future::pending().await,
            Self::Subscription { end, of, .. } => _ = end.wait(Some(*of)).await,
        }
    }
}

type PartResult = Result<ResponsePart, Box<dyn std::any::Any + Send>>;

/// A streamed answer under way.
struct AnswerInProgress {
    form: Form,
    first: Option<ResponsePart>,
    rest: BoxStream<'static, PartResult>,
    has_ended: bool,
    counted: CountedStream,
    request_id: RequestId,
    /// When the last part was passed on to be sent.
    written: tokio::time::Instant,
    place: Place,
}

impl AnswerInProgress {
    async fn next(mut self) -> Option<(Bytes, Self)> {
        if self.has_ended {
            return None;
        }
        if let Some(first) = self.first.take() {
            return Some((self.write(&first, true), self));
        }
        let next = match self.form {
            Form::Multipart(_) => self.rest.next().await,
            Form::Events => tokio::select! {
                next = self.rest.next() => next,
                () = tokio::time::sleep(KEEP_ALIVE) => return Some((Bytes::from_static(b":\n\n"), self)),
                () = self.place.end() => {
                    tokio::time::sleep_until(self.written + QUIET).await;
                    self.counted.end();
                    return None;
                }
            },
        };
        match next {
            Some(Ok(part)) => Some((self.write(&part, false), self)),
            None if self.form == Form::Events => {
                self.has_ended = true;
                self.counted.end();
                Some((Bytes::from_static(framing::COMPLETE), self))
            }
            None => None,
            Some(Err(panic)) => {
                tracing::error!(request_id = self.request_id.as_str(), panic = text_of(&*panic), "panicked");
                None
            }
        }
    }

    fn write(&mut self, part: &ResponsePart, is_first: bool) -> Bytes {
        self.counted.add(part);
        self.written = tokio::time::Instant::now();
        self.has_ended = part.is_last;
        self.form.frame(&part.response.body, is_first, part.is_last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_tells_which_parts_a_client_takes() {
        let accepted = |multipart, events| Some(StreamFormat { multipart, events });
        for (accept, expected) in [
            ("*/*", None),
            ("application/json", None),
            ("multipart/mixed;q=0", None),
            ("multipart/mixed", accepted(Some(Wording::Current), false)),
            ("multipart/mixed;incrementalSpec=v0.2,application/json", accepted(Some(Wording::Current), false)),
            (
                "multipart/mixed;deferSpec=20220824,application/graphql-response+json;q=0.9",
                accepted(Some(Wording::Legacy), false),
            ),
            ("Multipart/Mixed; DeferSpec=\"20220824\"; q=0.5", accepted(Some(Wording::Legacy), false)),
            ("multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/json", None),
            ("application/json, text/event-stream", accepted(None, true)),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
            assert_eq!(StreamFormat::negotiate(&headers), expected, "{accept}");
        }
    }
}
