//! Tests of each way in which a service can misbehave, with real sockets, over TCP and over TLS.

use super::*;
use crate::compose::WayId;
use crate::flight::FlightOptions;
use crate::policy::{Caller, RequestId};
use crate::upstream::{BatchDomain, ClientOptions, CredentialScope, SharedSource, TlsOptions};
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderName, HeaderValue, Method};
use std::io::Write as _;
use testkit::faulty::{Act, Faulty, Reply, Security};
use testkit::tls::{authority, local};

const MOMENT: Duration = Duration::from_millis(150);
const LONG: Duration = Duration::from_secs(20);

/// Whether the service is called over TLS. A test that iterates over both runs over plain HTTP first.
const EITHER: [bool; 2] = [false, true];

fn config(base_url: impl Into<String>) -> HttpServiceConfig {
    HttpServiceConfig { timeout: LONG, ..HttpServiceConfig::new("shop", base_url) }
}

fn service(config: HttpServiceConfig) -> HttpService {
    let tls = TlsOptions { authorities: Some(authority().pem().into()), identity: None };
    // The timeout is long because handshakes are slow on a machine that is busy with other tests.
    let options = ClientOptions { connect_timeout: LONG, tls, ..ClientOptions::default() };
    HttpService::new(&HttpClient::new(&options).expect("a client"), config).expect("a service")
}

fn context(wait: Duration) -> Context {
    let domain = BatchDomain { way: WayId(0), inputs: Arc::from([]), scope: CredentialScope::Public };
    let deadline = (Instant::now() + wait).into_std();
    let endpoint = "GET /x".into();
    Context {
        domain,
        caller: Arc::default(),
        deadline,
        is_safe: true,
        not_before: None,
        condition: None,
        takes_redirects: false,
        write: None,
        endpoint,
    }
}

fn get(target: &str) -> Request {
    Request::Http { method: Method::GET, target: target.to_owned(), headers: Vec::new(), body: None }
}

/// The status and the body of an answer, or the kind of the error.
async fn outcome(service: &HttpService, wait: Duration) -> Result<(u16, String), CallErrorKind> {
    match service.call(get("/x"), context(wait)).await {
        Ok(answer) => Ok((answer.status, String::from_utf8_lossy(&answer.body).into_owned())),
        Err(error) => Err(error.kind),
    }
}

#[tokio::test]
async fn each_fault_has_its_kind() {
    for secure in EITHER {
        use CallErrorKind::{Malformed, TooLarge, Unreachable};
        const CAP: usize = 64 << 10;
        let empty = |status| Ok((status, String::new()));
        let body = |status, body: &str| Ok((status, body.to_owned()));
        for (name, reply, expected) in [
            ("json", Reply::json(r#"{"a":1}"#), body(200, r#"{"a":1}"#)),
            ("delayed", Reply::json("1").after(Duration::from_millis(20)), body(200, "1")),
            ("trickle", Reply::trickle("[1]", Duration::from_millis(1)), body(200, "[1]")),
            ("malformed JSON is the reader's to find", Reply::json("{oops"), body(200, "{oops")),
            ("gzip", Reply::gzip(b"[1]"), body(200, "[1]")),
            ("gzip in capitals", Reply::coded(&["content-encoding: GZIP"], b"[1]", 1), body(200, "[1]")),
            ("x-gzip", Reply::coded(&["content-encoding: X-Gzip"], b"[1]", 1), body(200, "[1]")),
            ("gzip and no coding", Reply::coded(&["content-encoding: identity, gzip"], b"[1]", 1), body(200, "[1]")),
            ("gzip twice", Reply::coded(&["content-encoding: gzip, x-gzip"], b"[1]", 2), body(200, "[1]")),
            ("gzip in two headers", Reply::coded(&["content-encoding: gzip"; 2], b"[1]", 2), body(200, "[1]")),
            ("gzip once, said twice", Reply::coded(&["content-encoding: gzip, gzip"], b"[1]", 1), Err(Malformed)),
            ("gzip of two members", gzip([packed(b"[1"), packed(b"]")].concat()), body(200, "[1]")),
            ("something behind gzip", gzip([packed(b"[1]"), b"more".to_vec()].concat()), Err(Malformed)),
            ("no coding", Reply::coded(&["content-encoding: Identity"], b"[1]", 0), body(200, "[1]")),
            ("gzip and br", Reply::coded(&["content-encoding: gzip, br"], b"[1]", 1), Err(Malformed)),
            ("an error in br", Reply::with_status(500, "application/json\r\ncontent-encoding: br", "??"), empty(500)),
            ("a byte order mark", Reply::json("\u{feff}[1]"), body(200, "[1]")),
            ("a byte order mark in gzip", Reply::gzip("\u{feff}[1]".as_bytes()), body(200, "[1]")),
            ("an old name of JSON", Reply::with_status(200, "text/json", "[1]"), body(200, "[1]")),
            ("problem", Reply::with_status(404, "application/problem+json", "{}"), body(404, "{}")),
            ("204", Reply::empty(204), empty(204)),
            ("200 without a body", Reply::empty(200), empty(200)),
            ("500 JSON", Reply::with_status(500, "application/json", "{}"), body(500, "{}")),
            ("502 HTML", Reply::bad_gateway_page(), empty(502)),
            ("503", Reply::empty(503), empty(503)),
            ("200 HTML", Reply::wrong_content_type(), Err(Malformed)),
            ("br", Reply::unasked_encoding(), Err(Malformed)),
            ("302", Reply::redirect("http://127.0.0.1:9/"), Err(Malformed)),
            ("304", Reply::empty(304), Err(Malformed)),
            ("not HTTP", Reply::not_http(), Err(Malformed)),
            ("short body", Reply::short_body(), Err(Malformed)),
            ("bad chunk", Reply::bad_chunk(), Err(Malformed)),
            ("broken gzip", Reply::broken_gzip(), Err(Malformed)),
            ("no content type", Reply::under_head(&["content-length: 2"], "{}"), Err(Malformed)),
            ("HTTP/0.9", Reply::of([Act::Write("{}\r\n".into()), Act::Close]), Err(Malformed)),
            ("a length twice", Reply::with_headers(&["content-length: 3"], "[1]"), body(200, "[1]")),
            ("two lengths", Reply::with_headers(&["content-length: 2"], "[1]"), Err(Malformed)),
            ("a length that is none", Reply::under_head(&[JSON, "content-length: -3"], "[1]"), Err(Malformed)),
            ("a length and chunks", Reply::with_headers(&[CHUNKED], "3\r\n[1]\r\n0\r\n\r\n"), Err(Malformed)),
            ("interim answers first", Reply::raw(EARLY_HINTS).then("HTTP/1.1 204 No\r\n\r\n"), empty(204)),
            ("as many headers as may be", Reply::many_headers(98, "[1]"), body(200, "[1]")),
            ("one header too many", Reply::many_headers(99, "[1]"), Err(TooLarge)),
            ("10,000 headers", Reply::many_headers(10_000, "[1]"), Err(TooLarge)),
            ("a long header", Reply::long_header(60 << 10, "[1]"), body(200, "[1]")),
            ("a longer one", Reply::long_header(64 << 10, "[1]"), Err(TooLarge)),
            ("a header of 1 MB", Reply::long_header(1 << 20, "[1]"), Err(TooLarge)),
            ("headers without end", Reply::endless_head(), Err(TooLarge)),
            ("no length, and an end", Reply::under_head(&[JSON], "[1]").then_act(Act::Close), body(200, "[1]")),
            ("reset before head", Reply::reset_before_head(), Err(Unreachable)),
            ("closed before head", Reply::closed_before_head(), Err(Unreachable)),
            ("reset in body", Reply::reset_in_body(), Err(Unreachable)),
            ("just under the cap", Reply::gzip_bomb(CAP), Ok((200, format!("\"{}\"", "a".repeat(CAP - 2))))),
            ("just over the cap", Reply::gzip_bomb(CAP + 1), Err(TooLarge)),
            ("gzip bomb", Reply::gzip_bomb(64 << 20), Err(TooLarge)),
            ("huge body", Reply::huge_body(CAP + 1), Err(TooLarge)),
            ("endless body", Reply::endless_body(), Err(TooLarge)),
        ] {
            let upstream = Faulty::always_over(Security::of(secure), reply).await.expect("a port");
            let service = service(HttpServiceConfig { max_response_bytes: CAP, ..config(upstream.base_url()) });
            assert_eq!(outcome(&service, LONG).await, expected, "{name} (TLS: {secure})");
            assert_eq!(upstream.requests().len(), 1, "{name}: requests sent");
        }
    }
}

fn packed(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).expect("memory");
    encoder.finish().expect("memory")
}

fn gzip(body: Vec<u8>) -> Reply {
    Reply::under_head(&[JSON, "content-encoding: gzip", &format!("content-length: {}", body.len())], body)
}

const JSON: &str = "content-type: application/json";
const CHUNKED: &str = "transfer-encoding: chunked";
const EARLY_HINTS: &str = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n";

#[tokio::test]
async fn bytes_behind_an_answer_are_never_the_next_answer() {
    let forged =
        || Bytes::from("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 8\r\n\r\n\"forged\"");
    for secure in EITHER {
        for (name, first) in [
            ("at once", Reply::json("1").then(forged())),
            ("half of it", Reply::json("1").then("HTTP/1.1 200 OK\r\n")),
            ("after chunks", Reply::under_head(&[JSON, CHUNKED], "1\r\n1\r\n0\r\n\r\n").then(forged())),
            ("after no body", Reply::empty(204).then(forged())),
            ("while it is idle", Reply::of([Act::Write(answer_of_one()), Act::Wait(MOMENT / 5), Act::Write(forged())])),
        ] {
            let upstream = Faulty::start_over(Security::of(secure), move |seen| match seen.target.as_str() {
                "/first" => first.clone(),
                _ => Reply::json("2"),
            });
            let upstream = upstream.await.expect("a port");
            let slow = Faulty::always_over(Security::of(secure), Reply::json("1").after(MOMENT)).await.expect("a port");
            let (service, other) = (service(config(upstream.base_url())), service(config(slow.base_url())));
            service.call(get("/first"), context(LONG)).await.expect("the answer before what is behind it");
            if name == "while it is idle" {
                assert!(outcome(&other, LONG).await.is_ok());
            }
            assert_eq!(outcome(&service, LONG).await, Ok((200, "2".to_owned())), "{name} (TLS: {secure})");
            let connections: Vec<_> = upstream.requests().iter().map(|seen| seen.connection).collect();
            assert_eq!(connections, [0, 1], "{name} (TLS: {secure}): the connection was used again");
        }
    }
}

fn answer_of_one() -> Bytes {
    Bytes::from("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1\r\n\r\n1")
}

#[tokio::test]
async fn a_connection_ends_with_an_answer_that_is_none() {
    for secure in EITHER {
        for bad in [
            Reply::with_headers(&["content-length: 2"], "1"),
            Reply::long_header(1 << 20, "1"),
            Reply::bad_chunk(),
            Reply::not_http(),
            Reply::huge_body(2 << 20),
            Reply::with_headers(&[CHUNKED], "1\r\n1\r\n0\r\n\r\n"),
            Reply::long_header(64 << 10, "1"),
            Reply::gzip_bomb(2 << 20),
        ] {
            let upstream = Faulty::start_over(Security::of(secure), move |seen| match seen.target.as_str() {
                "/first" => bad.clone(),
                _ => Reply::json("2"),
            });
            let upstream = upstream.await.expect("a port");
            let config = HttpServiceConfig { max_response_bytes: 1 << 20, ..config(upstream.base_url()) };
            let service = service(config);
            service.call(get("/first"), context(LONG)).await.expect_err("no answer");
            assert_eq!(outcome(&service, LONG).await, Ok((200, "2".to_owned())));
            let connections: Vec<_> = upstream.requests().iter().map(|seen| seen.connection).collect();
            assert_eq!(connections, [0, 1], "TLS: {secure}");
        }
    }
}

#[tokio::test]
async fn interim_answers_without_end_are_cut_off() {
    for secure in EITHER {
        let upstream = Faulty::always_over(Security::of(secure), Reply::endless_interim()).await.expect("a port");
        let service = service(config(upstream.base_url()));
        assert_eq!(outcome(&service, LONG).await, Err(CallErrorKind::TooLarge), "TLS: {secure}");
        assert!(upstream.sent() < 32 << 20, "{} bytes, TLS: {secure}", upstream.sent());
        // Bytes between a head and its body, or after the body, do not count.
        let body = format!("\"{}\"", "a".repeat(3 << 20));
        let upstream = Faulty::always_over(Security::of(secure), Reply::json(&body)).await.expect("a port");
        let service = self::service(config(upstream.base_url()));
        for _ in 0..2 {
            assert_eq!(outcome(&service, LONG).await, Ok((200, body.clone())));
        }
    }
}

#[tokio::test]
async fn cookies_are_not_kept_and_redirects_not_followed() {
    for secure in EITHER {
        let elsewhere = Faulty::always_over(Security::of(secure), Reply::json("1")).await.expect("a port");
        let location = format!("{}/x", elsewhere.base_url());
        let upstream = Faulty::start_over(Security::of(secure), move |seen| match seen.target.as_str() {
            "/away" => Reply::redirect(&location),
            "/round" => Reply::redirect("/round"),
            _ => Reply::with_headers(&["set-cookie: session=7; Path=/"], "1"),
        });
        let upstream = upstream.await.expect("a port");
        let service = service(config(upstream.base_url()));
        for (target, expected) in [
            ("/x", None),
            ("/away", Some(CallErrorKind::Malformed)),
            ("/round", Some(CallErrorKind::Malformed)),
            ("/x", None),
        ] {
            let called = service.call(get(target), context(LONG)).await;
            assert_eq!(called.err().map(|error| error.kind), expected, "{target}");
        }
        assert_eq!((upstream.requests().len(), elsewhere.requests().len()), (4, 0), "TLS: {secure}");
        assert!(upstream.requests().iter().all(|seen| seen.header("cookie").is_none()), "TLS: {secure}");
    }
}

#[tokio::test]
async fn refused_connection_is_unreachable() {
    for secure in EITHER {
        let address = Faulty::always_over(Security::of(secure), Reply::default()).await.expect("a port").base_url();
        // The port is free again once the listener is gone, which its task does at its next turn.
        tokio::task::yield_now().await;
        let error = service(config(address)).call(get("/x?secret=1"), context(LONG)).await.expect_err("nobody listens");
        assert_eq!(error.to_string(), "shop: unreachable", "what may be shown holds no cause");
        assert_eq!(error.kind, CallErrorKind::Unreachable);
        let cause = error.cause.expect("a cause");
        let called = cause.called.as_ref().expect("a call").to_string();
        assert!(cause.what.starts_with("the connection was refused"), "{}", cause.what);
        assert!(called.ends_with("/x?secret=…"), "{called}");
    }
}

#[tokio::test]
async fn timeout_and_deadline_cover_head_body_and_trickle() {
    for secure in EITHER {
        for reply in [
            Reply::stalled_head(),
            Reply::stalled_body(),
            Reply::trickle(&"1".repeat(1000), Duration::from_millis(20)),
            Reply::of([Act::Wait(LONG)]),
        ] {
            for (timeout, wait) in [(MOMENT, LONG), (LONG, MOMENT)] {
                let upstream = Faulty::always_over(Security::of(secure), reply.clone()).await.expect("a port");
                let service = service(HttpServiceConfig { timeout, ..config(upstream.base_url()) });
                let started = Instant::now();
                assert_eq!(outcome(&service, wait).await, Err(CallErrorKind::Timeout), "{reply:?}");
                let took = started.elapsed();
                assert!(took >= MOMENT && took < LONG / 4, "{reply:?}: {took:?}");
                upstream.until_hangups(1).await;
            }
        }
    }
}

#[tokio::test]
async fn passed_deadline_sends_nothing() {
    for secure in EITHER {
        let upstream = Faulty::always_over(Security::of(secure), Reply::json("1")).await.expect("a port");
        let service = service(config(upstream.base_url()));
        assert_eq!(outcome(&service, Duration::ZERO).await, Err(CallErrorKind::Timeout));
        assert_eq!(upstream.requests(), []);
    }
}

/// The values of the header that says how long an answer is awaited.
fn told(upstream: &Faulty, name: &str) -> Vec<Option<u64>> {
    let sent = upstream.requests();
    sent.iter().map(|seen| seen.header(name).map(|value| value.parse().expect("milliseconds"))).collect()
}

#[tokio::test]
async fn the_service_is_told_how_long_its_answer_is_waited_for() {
    for secure in EITHER {
        let upstream = Faulty::always_over(Security::of(secure), Reply::json("1")).await.expect("a port");
        let with = |timeout, timeout_header: Option<&'static str>| {
            let timeout_header = timeout_header.map(HeaderName::from_static);
            service(HttpServiceConfig { timeout, timeout_header, ..config(upstream.base_url()) })
        };
        let usual = "x-request-timeout-ms";
        for (service, wait) in [
            (with(LONG / 2, Some(usual)), LONG),
            (with(LONG, Some(usual)), LONG / 4),
            (with(LONG, Some("x-time-left")), LONG),
            (with(LONG, None), LONG),
        ] {
            outcome(&service, wait).await.expect("an answer");
        }
        let usual = told(&upstream, usual);
        let [Some(timeout), Some(deadline), None, None] = usual[..] else { panic!("{usual:?}") };
        assert!(timeout <= 10_000 && timeout > 9_000, "the service's own timeout: {timeout}");
        assert!(deadline <= 5_000 && deadline > 4_000, "what is left until the deadline: {deadline}");
        let other = told(&upstream, "x-time-left");
        assert!(matches!(other[..], [None, None, Some(19_001..=20_000), None]), "{other:?}");
        // Our value replaces a forwarded header of the caller with the same name.
        let forwarded = (HeaderName::from_static("x-request-timeout-ms"), HeaderValue::from_static("99999999"));
        let request = Request::Http { method: Method::GET, target: "/x".into(), headers: vec![forwarded], body: None };
        with(LONG, Some("x-request-timeout-ms")).call(request, context(LONG)).await.expect("an answer");
        assert!(told(&upstream, "x-request-timeout-ms")[4].is_some_and(|ms| ms <= 20_000));
    }
}

#[tokio::test]
async fn retry_after_is_read_from_answers_that_may_be_asked_for_again() {
    for secure in EITHER {
        for (status, expected) in [(503, Some(7)), (502, Some(7)), (504, Some(7)), (500, None), (429, Some(7))] {
            for media_type in ["application/json", "text/html"] {
                let head = format!("HTTP/1.1 {status} Scripted\r\nretry-after: 7\r\ncontent-type: {media_type}\r\n");
                let reply = Reply::raw(format!("{head}content-length: 2\r\n\r\n{{}}"));
                let upstream = Faulty::always_over(Security::of(secure), reply).await.expect("a port");
                let answer = service(config(upstream.base_url())).call(get("/x"), context(LONG)).await;
                let retry_after = answer.expect("an answer").retry_after;
                assert_eq!(retry_after, expected.map(Duration::from_secs), "{status} {media_type}");
            }
        }
    }
}

#[tokio::test]
async fn only_what_breaks_in_the_body_has_begun() {
    for secure in EITHER {
        for (reply, has_begun) in [
            (Reply::reset_before_head(), false),
            (Reply::closed_before_head(), false),
            (Reply::reset_in_body(), true),
            (Reply::short_body(), true),
            (Reply::bad_chunk(), true),
        ] {
            let upstream = Faulty::always_over(Security::of(secure), reply.clone()).await.expect("a port");
            let error = service(config(upstream.base_url())).call(get("/x"), context(LONG)).await;
            assert_eq!(error.expect_err("no answer").has_begun, has_begun, "{reply:?} (TLS: {secure})");
        }
    }
}

#[tokio::test]
async fn dropped_call_hangs_up() {
    for secure in EITHER {
        let upstream = Faulty::always_over(Security::of(secure), Reply::stalled_body()).await.expect("a port");
        let call = tokio::spawn(service(config(upstream.base_url())).call(get("/x"), context(LONG)));
        upstream.until_requests(1).await;
        assert_eq!(upstream.hangups(), 0);
        call.abort();
        upstream.until_hangups(1).await;
    }
}

#[tokio::test]
async fn flight_hangs_up_when_its_last_waiter_leaves() {
    for secure in EITHER {
        let upstream = Faulty::always_over(Security::of(secure), Reply::stalled_body()).await.expect("a port");
        let shared =
            SharedSource::new("shop", Arc::new(service(config(upstream.base_url()))), FlightOptions::default());
        let first = tokio::spawn(shared.call(get("/x"), context(LONG)));
        upstream.until_requests(1).await;
        // This call joins, and leaves at its own deadline without changing the flight.
        assert_eq!(shared.call(get("/x"), context(MOMENT)).await.expect_err("stalled").kind, CallErrorKind::Timeout);
        assert_eq!((upstream.requests().len(), upstream.hangups()), (1, 0));
        first.abort();
        upstream.until_hangups(1).await;
        assert_eq!((upstream.requests().len(), shared.in_flight()), (1, 0));
    }
}

#[tokio::test]
async fn connections_are_used_again() {
    for secure in EITHER {
        let upstream = Faulty::always_over(Security::of(secure), Reply::json("1")).await.expect("a port");
        let service = service(config(upstream.base_url()));
        for _ in 0..3 {
            assert!(outcome(&service, LONG).await.is_ok());
        }
        assert_eq!(upstream.requests().iter().map(|seen| seen.connection).collect::<Vec<_>>(), [0, 0, 0]);
    }
}

#[tokio::test]
async fn nothing_is_sent_twice_also_not_by_a_connection_that_was_kept() {
    for secure in EITHER {
        for fault in [Reply::reset_before_head(), Reply::closed_before_head(), Reply::reset_in_body()] {
            let breaks = fault.clone();
            let script = move |seen: &testkit::faulty::SeenRequest| match seen.method.as_str() {
                "GET" => Reply::json("1"),
                _ => breaks.clone(),
            };
            let upstream = Faulty::start_over(Security::of(secure), script).await.expect("a port");
            let service = service(config(upstream.base_url()));
            assert!(outcome(&service, LONG).await.is_ok());
            let post =
                Request::Http { method: Method::POST, target: "/x".into(), headers: vec![], body: Some("1".into()) };
            let ctx = Context { is_safe: false, ..context(LONG) };
            service.call(post, ctx).await.expect_err("no answer");
            let sent: Vec<_> = upstream.requests().into_iter().map(|seen| (seen.method, seen.connection)).collect();
            assert_eq!(sent, [("GET".into(), 0), ("POST".into(), 0)], "{fault:?} (TLS: {secure})");
        }
    }
}

/// Ends a connection when a second request arrives on it, as if the host had closed it just before.
fn closing(end: Reply) -> impl Fn(&testkit::faulty::SeenRequest) -> Reply {
    let seen = std::sync::Mutex::new(std::collections::HashSet::new());
    move |request| match seen.lock().expect("no panic").insert(request.connection) {
        true => Reply::json("1"),
        false => end.clone(),
    }
}

#[tokio::test]
async fn a_read_that_dies_on_a_used_connection_is_sent_again_over_a_new_one() {
    for secure in EITHER {
        for end in [Act::Close, Act::Cut, Act::Reset] {
            let script = closing(Reply::of([end.clone()]));
            let upstream = Faulty::start_over(Security::of(secure), script).await.expect("a port");
            let service = service(config(upstream.base_url()));
            let mut attempts = Vec::new();
            for _ in 0..3 {
                let answer = service.call(get("/x"), context(LONG)).await.expect("an answer");
                assert_eq!((answer.status, &*answer.body), (200, &b"1"[..]));
                attempts.push(answer.attempts);
            }
            let connections: Vec<_> = upstream.requests().iter().map(|seen| seen.connection).collect();
            assert_eq!((connections, attempts), (vec![0, 0, 1, 1, 2], vec![1, 2, 2]), "{end:?} (TLS: {secure})");
        }
    }
}

#[tokio::test]
async fn a_read_is_sent_again_once_only_before_any_byte_and_only_from_a_used_connection() {
    for secure in EITHER {
        // The host never answers a second request, on any connection.
        let is_first = std::sync::atomic::AtomicBool::new(true);
        let once =
            move |_: &testkit::faulty::SeenRequest| match is_first.swap(false, std::sync::atomic::Ordering::Relaxed) {
                true => Reply::json("1"),
                false => Reply::closed_before_head(),
            };
        let upstream = Faulty::start_over(Security::of(secure), once).await.expect("a port");
        let service = service(config(upstream.base_url()));
        assert!(outcome(&service, LONG).await.is_ok());
        let error = service.call(get("/x"), context(LONG)).await.expect_err("no answer");
        assert_eq!((error.kind, error.attempts, error.is_unsent), (CallErrorKind::Unreachable, 2, false));
        assert_eq!(upstream.requests().len(), 3, "TLS: {secure}");
        // On a new connection, the failure cannot be due to idleness.
        let error = service.call(get("/x"), context(LONG)).await.expect_err("no answer");
        assert_eq!((error.kind, error.attempts, upstream.requests().len()), (CallErrorKind::Unreachable, 1, 4));
        // Nor can it be if an answer has begun.
        let hints = Act::Write(EARLY_HINTS.into());
        let script = closing(Reply::of([hints, Act::Wait(MOMENT / 5), Act::Close]));
        let upstream = Faulty::start_over(Security::of(secure), script).await.expect("a port");
        let service = self::service(config(upstream.base_url()));
        assert!(outcome(&service, LONG).await.is_ok());
        assert_eq!(outcome(&service, LONG).await, Err(CallErrorKind::Unreachable), "TLS: {secure}");
        assert_eq!(upstream.requests().len(), 2, "TLS: {secure}");
    }
}

#[tokio::test]
async fn a_write_never_goes_over_a_connection_that_was_idle_for_long() {
    for secure in EITHER {
        let upstream = Faulty::start_over(Security::of(secure), closing(Reply::of([Act::Close]))).await;
        let upstream = upstream.expect("a port");
        let service = service(config(upstream.base_url()));
        assert!(outcome(&service, LONG).await.is_ok());
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(2)).await;
        tokio::time::resume();
        let post = Request::Http { method: Method::POST, target: "/x".into(), headers: vec![], body: None };
        let ctx = Context { is_safe: false, ..context(LONG) };
        assert_eq!(service.call(post, ctx).await.expect("an answer").attempts, 1);
        let connections: Vec<_> = upstream.requests().iter().map(|seen| seen.connection).collect();
        assert_eq!(connections, [0, 1], "TLS: {secure}");
    }
}

#[tokio::test]
async fn tls_that_breaks_is_unreachable_before_a_head_and_malformed_behind_it() {
    use CallErrorKind::{Malformed, Unreachable};
    let record = || Act::Raw(Bytes::from_static(b"\x17\x03\x03\x00\x20 this is no record of the session"));
    let after =
        |head: &[&str], part: &str, end| Reply::under_head(head, part).then_act(Act::Wait(MOMENT / 5)).then_act(end);
    for (name, reply, expected) in [
        ("no close_notify instead of a head", Reply::of([Act::Cut]), Err(Unreachable)),
        ("no close_notify in a head", Reply::raw("HTTP/1.1 200 OK\r\ncont").then_act(Act::Cut), Err(Unreachable)),
        ("a bad record instead of a head", Reply::of([record(), Act::Stall]), Err(Unreachable)),
        // RFC 9112 §9.8: the body is incomplete, unless the framing says otherwise.
        ("no close_notify in chunks", after(&[JSON, CHUNKED], "3\r\n[1]\r\n", Act::Cut), Err(Malformed)),
        ("no close_notify in a length", after(&[JSON, "content-length: 9"], "[1]", Act::Cut), Err(Malformed)),
        ("no close_notify, and no length", after(&[JSON], "[1]", Act::Cut), Err(Malformed)),
        ("no close_notify behind the last chunk", after(&[JSON, CHUNKED], "3\r\n[1]\r\n0\r\n\r\n", Act::Cut), Ok(())),
        ("no close_notify behind a length", after(&[JSON, "content-length: 3"], "[1]", Act::Cut), Ok(())),
        (
            "a bad record in a body",
            after(&[JSON, "content-length: 9"], "[1]", record()).then_act(Act::Stall),
            Err(Malformed),
        ),
    ] {
        let upstream = Faulty::always_over(Security::of(true), reply).await.expect("a port");
        let called = service(config(upstream.base_url())).call(get("/x"), context(LONG)).await;
        assert_eq!(called.as_ref().map(|_| ()).map_err(|error| error.kind), expected, "{name}: {called:?}");
        if let Err(error) = called {
            assert_eq!(error.has_begun, error.kind == Malformed, "{name}: only what broke before a head is sent again");
        }
    }
}

#[tokio::test]
async fn tls_sessions_are_resumed() {
    let mut server = (*local()).clone();
    let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    server.session_storage = Arc::new(CountedSessions {
        inner: rustls::server::ServerSessionMemoryCache::new(32),
        taken: Arc::clone(&asked),
    });
    let closing = Reply::with_headers(&["connection: close"], "1").then_act(Act::Close);
    let upstream = Faulty::always_over(Security::Tls(Arc::new(server)), closing).await.expect("a port");
    let service = service(config(upstream.base_url()));
    for _ in 0..2 {
        assert!(outcome(&service, LONG).await.is_ok());
    }
    assert_eq!(upstream.connections(), 2);
    assert_eq!(asked.load(std::sync::atomic::Ordering::Relaxed), 1, "the second one resumes the session of the first");
}

#[derive(Debug)]
struct CountedSessions {
    inner: Arc<rustls::server::ServerSessionMemoryCache>,
    /// How many sessions clients have resumed.
    taken: Arc<std::sync::atomic::AtomicUsize>,
}

impl rustls::server::StoresServerSessions for CountedSessions {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        self.inner.put(key, value)
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.inner.get(key)
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        let taken = self.inner.take(key);
        self.taken.fetch_add(usize::from(taken.is_some()), std::sync::atomic::Ordering::Relaxed);
        taken
    }

    fn can_cache(&self) -> bool {
        self.inner.can_cache()
    }
}

#[tokio::test]
async fn connection_that_the_host_has_closed_is_not_used_again() {
    for secure in EITHER {
        let closing = Reply::of([Act::Write("HTTP/1.1 204 No Content\r\n\r\n".into()), Act::Close]);
        let upstream = Faulty::always_over(Security::of(secure), closing).await.expect("a port");
        let slow = Faulty::always_over(Security::of(secure), Reply::json("1").after(MOMENT)).await.expect("a port");
        let (service, other) = (service(config(upstream.base_url())), service(config(slow.base_url())));
        for _ in 0..3 {
            assert_eq!(outcome(&service, LONG).await, Ok((204, String::new())), "TLS: {secure}");
            // The end of the connection arrives while this call is made.
            assert_eq!(outcome(&other, LONG).await, Ok((200, "1".to_owned())));
        }
        assert_eq!(upstream.requests().iter().map(|seen| seen.connection).collect::<Vec<_>>(), [0, 1, 2]);
    }
}

#[tokio::test]
async fn nested_json_is_refused_at_its_limit() {
    for secure in EITHER {
        let upstream = Faulty::always_over(Security::of(secure), Reply::json("[[[1]]]")).await.expect("a port");
        for (max_json_depth, expected) in [(3, Ok((200, "[[[1]]]".to_owned()))), (2, Err(CallErrorKind::TooLarge))] {
            let service = service(HttpServiceConfig { max_json_depth, ..config(upstream.base_url()) });
            assert_eq!(outcome(&service, LONG).await, expected);
        }
    }
}

#[tokio::test]
async fn only_the_request_and_correlation_are_sent() {
    for secure in EITHER {
        let upstream = Faulty::always_over(Security::of(secure), Reply::json("1")).await.expect("a port");
        let service = service(config(format!("{}/v1/", upstream.base_url())));
        let header =
            |name: &'static str, value: &'static str| (HeaderName::from_static(name), HeaderValue::from_static(value));
        let mut caller = Caller {
            request_id: RequestId::from_static("r-1"),
            traceparent: Some("00-a-b-01".into()),
            tracestate: Some(HeaderValue::from_static("a=1,b=2")),
            ..Caller::default()
        };
        caller.headers.insert("authorization", HeaderValue::from_static("Bearer secret"));
        let ctx = Context { caller: Arc::new(caller), ..context(LONG) };
        let headers =
            || vec![header("x-tenant", "7"), header("if-none-match", "\"a\""), header("host", "b"), header("te", "x")];
        let requests = [
            Request::Http { method: Method::GET, target: "/x?y=1".into(), headers: headers(), body: None },
            Request::Http { method: Method::PUT, target: "/x".into(), headers: vec![], body: Some("[1]".into()) },
            Request::Http { method: Method::POST, target: "/x".into(), headers: vec![], body: None },
            Request::Http { method: Method::DELETE, target: "/x".into(), headers: vec![], body: None },
            Request::GraphQl { query: "{ a(b: \"c\") }".into(), variables: r#"{"v":1}"#.into(), headers: headers() },
        ];
        for request in requests {
            service.call(request, ctx.clone()).await.expect("an answer");
        }
        let sent: Vec<_> = upstream.requests().iter().map(|seen| show(seen, &upstream)).collect();
        insta::allow_duplicates! { insta::assert_snapshot!(sent.join("\n"), @r#"
        GET /v1/x?y=1
          accept-encoding: gzip
          accept: application/json
          host: [upstream]
          traceparent: 00-a-b-01
          tracestate: a=1,b=2
          user-agent: bespoke/[version]
          x-request-id: r-1
          x-tenant: 7
        PUT /v1/x [1]
          accept-encoding: gzip
          accept: application/json
          content-length: 3
          content-type: application/json
          host: [upstream]
          traceparent: 00-a-b-01
          tracestate: a=1,b=2
          user-agent: bespoke/[version]
          x-request-id: r-1
        POST /v1/x
          accept-encoding: gzip
          accept: application/json
          content-length: 0
          host: [upstream]
          traceparent: 00-a-b-01
          tracestate: a=1,b=2
          user-agent: bespoke/[version]
          x-request-id: r-1
        DELETE /v1/x
          accept-encoding: gzip
          accept: application/json
          host: [upstream]
          traceparent: 00-a-b-01
          tracestate: a=1,b=2
          user-agent: bespoke/[version]
          x-request-id: r-1
        POST /v1/ {"query":"{ a(b: \"c\") }","variables":{"v":1}}
          accept-encoding: gzip
          accept: application/json
          content-length: 47
          content-type: application/json
          host: [upstream]
          traceparent: 00-a-b-01
          tracestate: a=1,b=2
          user-agent: bespoke/[version]
          x-request-id: r-1
          x-tenant: 7
        "#) };
    }
}

#[tokio::test]
async fn a_source_pins_a_version_by_path_header_or_media_type() {
    for secure in EITHER {
        let upstream =
            Faulty::always_over(Security::of(secure), Reply::with_status(200, "application/vnd.shop.v2+json", "1"))
                .await
                .expect("a port");
        let service = service(config(format!("{}/v2", upstream.base_url())));
        for (accept, sent) in [
            ("application/vnd.shop.v2+json", "application/vnd.shop.v2+json"),
            ("application/json;v=2", "application/json;v=2"),
            ("text/html", "application/json"),
            ("*/*", "application/json"),
        ] {
            let headers = [("accept", accept), ("x-api-version", "2")];
            let headers = headers.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
            let request =
                Request::Http { method: Method::GET, target: "/x".into(), headers: headers.into(), body: None };
            service.call(request, context(LONG)).await.expect("an answer");
            let seen = upstream.requests().pop().expect("a request");
            assert_eq!((seen.target.as_str(), seen.header("x-api-version")), ("/v2/x", Some("2")));
            assert_eq!(seen.headers.iter().filter(|(name, value)| name == "accept" && value == sent).count(), 1);
            assert_eq!(seen.headers.iter().filter(|(name, _)| name == "accept").count(), 1);
        }
    }
}

#[tokio::test]
async fn endpoints_that_are_to_go_are_counted() {
    for secure in EITHER {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1\r\n";
        let reply =
            Reply::raw(format!("{head}deprecation: @1688169599\r\nsunset: Sun, 06 Nov 2044 08:49:37 GMT\r\n\r\n1"));
        let upstream = Faulty::always_over(Security::of(secure), reply).await.expect("a port");
        let service = service(config(upstream.base_url()));
        for _ in 0..3 {
            outcome(&service, LONG).await.expect("an answer");
        }
        assert_eq!(service.report().expect("a report").deprecated, [("GET /x".into(), 3)]);
    }
}

fn show(seen: &testkit::faulty::SeenRequest, upstream: &Faulty) -> String {
    let is_fixed = |(name, _): &&(String, String)| name != "x-request-timeout-ms";
    let headers = seen.headers.iter().filter(is_fixed);
    let mut headers: Vec<_> = headers.map(|(name, value)| format!("  {name}: {value}")).collect();
    headers.sort();
    let body = String::from_utf8_lossy(&seen.body);
    let first = format!("{} {} {body}", seen.method, seen.target);
    let text = format!("{}\n{}", first.trim_end(), headers.join("\n"));
    text.replace(&upstream.address().to_string(), "[upstream]").replace(env!("CARGO_PKG_VERSION"), "[version]")
}
