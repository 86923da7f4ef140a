//! Tests of HTTP/2 with real sockets: what both sides agree on, what is sent, and the error of each fault.

use super::super::client::TlsOptions;
use super::super::http_service::{HttpService, HttpServiceConfig};
use super::super::model::{Answer, CallError, CallErrorKind, Context, Request, Subgraph};
use super::super::{BatchDomain, CredentialScope, HttpClient};
use super::*;
use crate::compose::WayId;
use h2::Reason;
use http::Method;
use testkit::faulty::{Faulty, Reply, Security};
use testkit::http2::{Does, Http2Service};
use testkit::tls::{Authority, authority, local, server};

const LONG: Duration = Duration::from_secs(20);
const MOMENT: Duration = Duration::from_millis(150);
const CAP: usize = 64 << 10;

fn service(url: &str, timeout: Duration, change: impl FnOnce(&mut ClientOptions)) -> HttpService {
    let tls = TlsOptions { authorities: Some(authority().pem().into()), identity: None };
    let mut options = ClientOptions { http2: true, connect_timeout: LONG, tls, ..ClientOptions::default() };
    change(&mut options);
    let config = HttpServiceConfig { timeout, max_response_bytes: CAP, ..HttpServiceConfig::new("shop", url) };
    HttpService::new(&HttpClient::new(&options).expect("a client"), config).expect("a service")
}

async fn call(service: &HttpService, method: Method, body: Option<&'static str>) -> Result<Answer, CallError> {
    let request = Request::Http { method, target: "/x?y=1".into(), headers: vec![], body: body.map(Into::into) };
    let context = Context {
        domain: BatchDomain { way: WayId(0), inputs: Arc::from([]), scope: CredentialScope::Public },
        caller: Arc::default(),
        deadline: Instant::now() + LONG,
        is_safe: true,
        endpoint: "GET /x".into(),
        not_before: None,
        condition: None,
        takes_redirects: false,
        write: None,
    };
    service.call(request, context).await
}

#[tokio::test]
async fn calls_share_one_connection_and_send_what_they_send_by_http_1() {
    let upstream = Http2Service::always((*local()).clone(), Does::json("[1]")).await.expect("a port");
    let service = service(&upstream.base_url(), LONG, |_| {});
    for (method, body) in [(Method::GET, None), (Method::POST, Some("{}")), (Method::POST, None)] {
        let answer = call(&service, method, body).await.expect("an answer");
        assert_eq!((answer.status, &*answer.body), (200, &b"[1]"[..]));
    }
    let seen = upstream.requests();
    let lengths: Vec<_> =
        seen.iter().map(|seen| (seen.connection, seen.headers.get("content-length").cloned())).collect();
    let length = |text| http::HeaderValue::from_static(text);
    assert_eq!(lengths, [(0, None), (0, Some(length("2"))), (0, Some(length("0")))]);
    assert_eq!((seen[0].uri.clone(), &*seen[1].body), (format!("{}/x?y=1", upstream.base_url()), &b"{}"[..]));
    for (name, value) in [("accept", "application/json"), ("accept-encoding", "gzip"), ("user-agent", USER_AGENT)] {
        assert_eq!(seen[0].headers.get_all(name).iter().collect::<Vec<_>>(), [value]);
    }
}

#[tokio::test]
async fn each_fault_has_its_kind() {
    use CallErrorKind::{Malformed, TooLarge, Unreachable};
    let json = || ("content-type", "application/json".to_owned());
    let long = |bytes| Does::Answer(vec![json(), ("x-long", "a".repeat(bytes))], "1".into());
    let many = (0..200).map(|_| ("x-a", "b".to_owned())).chain([json()]).collect();
    for (name, does, expected, is_unsent) in [
        ("refused", Does::Reset(Reason::REFUSED_STREAM), Unreachable, true),
        ("reset", Does::Reset(Reason::INTERNAL_ERROR), Unreachable, false),
        ("reset in the body", Does::ResetInBody(Reason::INTERNAL_ERROR), Unreachable, false),
        ("a connection that is given up", Does::GoAway(Reason::INTERNAL_ERROR), Unreachable, false),
        ("a connection that is cut", Does::Cut, Unreachable, false),
        ("a head over its cap", long(CAP + 100), TooLarge, false),
        ("too many headers", Does::Answer(many, "1".into()), TooLarge, false),
        ("a head far over its cap", long(1 << 20), Malformed, false),
        ("a body over its cap", Does::Endless, TooLarge, false),
        ("no JSON", Does::Answer(vec![("content-type", "text/html".to_owned())], "1".into()), Malformed, false),
    ] {
        let upstream = Http2Service::always((*local()).clone(), does).await.expect("a port");
        let called = call(&service(&upstream.base_url(), LONG, |_| {}), Method::GET, None).await;
        let error = called.expect_err(name);
        assert_eq!((error.kind, error.is_unsent), (expected, is_unsent), "{name}: {error:?}");
        assert_eq!(error.has_begun, matches!(name, "reset in the body" | "a body over its cap"), "{name}");
    }
}

#[tokio::test]
async fn a_service_that_does_not_agree_is_unreachable_and_the_cause_says_so() {
    let other = Authority::new();
    let mut silent = (*local()).clone();
    silent.alpn_protocols.clear();
    for (security, kind, starts) in [
        (Security::of(true), CallErrorKind::Unreachable, "the service does not agree to HTTP/2"),
        (Security::Tls(Arc::new(silent)), CallErrorKind::Malformed, "the service does not keep to HTTP/2"),
    ] {
        let upstream = Faulty::always_over(security, Reply::json("1")).await.expect("a port");
        let error = call(&service(&upstream.base_url(), LONG, |_| {}), Method::GET, None).await.expect_err("no HTTP/2");
        let cause = error.cause.expect("a cause");
        assert!(cause.what.starts_with(starts), "{}", cause.what);
        assert_eq!(error.kind, kind, "{}", cause.what);
        assert_eq!(upstream.requests().iter().filter(|seen| seen.method == "GET").count(), 0, "nothing by HTTP/1.1");
    }
    // A service that refuses our certificate is unreachable, too.
    let upstream = Http2Service::always(server(&authority().certificate(), Some(&other)), Does::json("1")).await;
    let upstream = upstream.expect("a port");
    let error = call(&service(&upstream.base_url(), LONG, |_| {}), Method::GET, None).await.expect_err("refused");
    assert_eq!(error.kind, CallErrorKind::Unreachable, "{error:?}");
}

#[tokio::test]
async fn a_call_ends_with_its_timeout_and_a_connection_with_its_age() {
    let upstream = Http2Service::always((*local()).clone(), Does::Stall).await.expect("a port");
    let error = call(&service(&upstream.base_url(), MOMENT, |_| {}), Method::GET, None).await.expect_err("no answer");
    assert_eq!(error.kind, CallErrorKind::Timeout);
    let upstream = Http2Service::always((*local()).clone(), Does::json("1")).await.expect("a port");
    let service = service(&upstream.base_url(), LONG, |options| options.max_age = MOMENT);
    let end = Instant::now() + LONG;
    while upstream.requests().last().is_none_or(|seen| seen.connection == 0) {
        assert!(Instant::now() < end, "still the first connection");
        call(&service, Method::GET, None).await.expect("an answer");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
