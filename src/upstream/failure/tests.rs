//! Tests that each failure of a call has its own cause, over TCP and over TLS, with real sockets and certificates.

use crate::compose::WayId;
use crate::policy::Caller;
use crate::upstream::{
    BatchDomain, CallError, ClientOptions, Context, CredentialScope, HttpClient, HttpService, HttpServiceConfig,
    Request, Subgraph, TlsOptions,
};
use http::Method;
use std::sync::Arc;
use std::time::{Duration, Instant};
use testkit::faulty::{Faulty, Reply, Security};
use testkit::tls::{Authority, Certified, authority, server};
use tokio::net::{TcpListener, TcpStream};

const LONG: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(150);

/// How a call is made.
struct Call<'a> {
    url: &'a str,
    tls: TlsOptions,
    timeout: Duration,
    connect_timeout: Duration,
    left: Duration,
}

impl<'a> Call<'a> {
    fn to(url: &'a str) -> Self {
        let tls = TlsOptions { authorities: Some(authority().pem().into()), identity: None };
        Self { url, tls, timeout: LONG, connect_timeout: LONG, left: LONG }
    }

    /// Makes the call and returns its error.
    async fn failure(self) -> CallError {
        let Self { url, tls, timeout, connect_timeout, left } = self;
        let options = ClientOptions { tls, connect_timeout, ..ClientOptions::default() };
        let config = HttpServiceConfig { timeout, ..HttpServiceConfig::new("shop", url) };
        let service = HttpService::new(&HttpClient::new(&options).expect("a client"), config).expect("a service");
        let request =
            Request::Http { method: Method::GET, target: "/x?key=secret".into(), headers: Vec::new(), body: None };
        let context = Context {
            domain: BatchDomain { way: WayId(0), inputs: Arc::from(*b""), scope: CredentialScope::Public },
            caller: Arc::new(Caller::default()),
            deadline: Instant::now() + left,
            is_safe: true,
            endpoint: "GET /x".into(),
            not_before: None,
            condition: None,
            takes_redirects: false,
            write: None,
        };
        service.call(request, context).await.expect_err("it fails")
    }
}

#[track_caller]
fn assert_cause(error: &CallError, code: &str, starts: &str, case: &str) {
    let cause = error.cause.as_ref().expect("a cause");
    assert!(cause.what.starts_with(starts), "{case}: {}", cause.what);
    assert_eq!(error.kind.code(), code, "{case}: {}", cause.what);
    let called = cause.called.as_ref().map(ToString::to_string).expect("a call");
    assert!(called.starts_with("GET http") && called.ends_with("/x?key=…"), "{case}: {called}");
    assert!(!cause.what.contains("secret") && !cause.what.contains("/x"), "{case}: {}", cause.what);
}

#[tokio::test]
async fn broken_connections_and_answers_are_told_apart() {
    let unreachable = "UPSTREAM_UNREACHABLE";
    let malformed = "UPSTREAM_MALFORMED";
    for secure in [false, true] {
        for (reply, code, starts) in [
            (Reply::reset_before_head(), unreachable, "the connection was reset"),
            (Reply::closed_before_head(), unreachable, "the connection ended before the whole answer came"),
            (Reply::reset_in_body(), unreachable, "the connection was reset"),
            (Reply::short_body(), malformed, "the connection ended before the whole answer came"),
            (Reply::not_http(), malformed, "the answer is not HTTP/1.1"),
            (Reply::wrong_content_type(), malformed, "the answer's media type is not JSON"),
            (Reply::redirect("/y"), malformed, "the service answered with a redirect"),
        ] {
            let upstream = Faulty::always_over(Security::of(secure), reply).await.expect("a port");
            let error = Call::to(&upstream.base_url()).failure().await;
            assert_cause(&error, code, starts, &format!("TLS {secure}, {starts}"));
        }
    }
}

#[tokio::test]
async fn a_media_type_and_a_status_are_part_of_the_cause() {
    for secure in [false, true] {
        let upstream = Faulty::always_over(Security::of(secure), Reply::with_status(200, "text/html", "<p>secret</p>"))
            .await
            .expect("a port");
        let error = Call::to(&upstream.base_url()).failure().await;
        let cause = error.cause.expect("a cause");
        assert_eq!((cause.status, cause.media_type.as_deref()), (Some(200), Some("text/html")));
        assert!(!format!("{cause:?}").contains("<p>"), "nothing of the body");
    }
}

#[tokio::test]
async fn timeouts_say_whose_they_are() {
    for secure in [false, true] {
        for (timeout, left, starts) in
            [(SHORT, LONG, "the service's timeout of 150ms passed"), (LONG, SHORT, "the request's deadline passed")]
        {
            let upstream = Faulty::always_over(Security::of(secure), Reply::stalled_head()).await.expect("a port");
            let url = upstream.base_url();
            let error = Call { timeout, left, ..Call::to(&url) }.failure().await;
            assert_cause(&error, "UPSTREAM_TIMEOUT", starts, &format!("TLS {secure}"));
        }
    }
}

#[tokio::test]
async fn names_that_cannot_be_resolved_are_told_apart_from_hosts_that_refuse() {
    let gone = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port").local_addr().expect("an address");
    // A label of a name has at most 63 bytes (RFC 1035 §2.3.4), so no name server is asked for this one.
    let unknown = "a".repeat(64);
    for (url, starts) in [
        (format!("http://{unknown}"), "the host's name cannot be resolved"),
        (format!("http://{gone}"), "the connection was refused"),
        (format!("https://{gone}"), "the connection was refused"),
    ] {
        let error = Call::to(&url).failure().await;
        assert_cause(&error, "UPSTREAM_UNREACHABLE", starts, &url);
    }
}

#[tokio::test]
async fn a_host_that_takes_no_connection_is_a_connect_timeout() {
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.bind(([127, 0, 0, 1], 0).into()).expect("a port");
    let listener = socket.listen(1).expect("a listener");
    let address = listener.local_addr().expect("an address");
    // The queue of connections that nobody accepts is full, so further ones get no answer.
    let mut waiting = Vec::new();
    while let Ok(Ok(stream)) = tokio::time::timeout(SHORT, TcpStream::connect(address)).await {
        waiting.push(stream);
    }
    for secure in [false, true] {
        let url = format!("{}://{address}", if secure { "https" } else { "http" });
        let error = Call { connect_timeout: SHORT, ..Call::to(&url) }.failure().await;
        let what = "no connection was made within the connect timeout";
        assert_cause(&error, "UPSTREAM_UNREACHABLE", what, &format!("TLS {secure}"));
    }
}

#[tokio::test]
async fn certificates_say_what_is_wrong_with_them() {
    let (ours, other) = (Authority::new(), Authority::new());
    let (here, always) = ("127.0.0.1", (2000, 2300));
    let may_sign = Certified::self_signed(true);
    for (certified, trusted, starts) in [
        (ours.certificate_for(here, (2000, 2010)), ours.pem(), "the service's certificate has expired"),
        (ours.certificate_for(here, (2200, 2300)), ours.pem(), "the service's certificate is not valid yet"),
        (
            ours.certificate_for("elsewhere.test", always),
            ours.pem(),
            "the service's certificate is for another host name",
        ),
        (ours.certificate(), other.pem(), "the service's certificate is by an authority that is not trusted"),
        (Certified::self_signed(false), ours.pem(), "the service's certificate is by an authority that is not trusted"),
        (may_sign.clone(), &may_sign.certificate, "the service's certificate is an authority's own"),
    ] {
        let security = Security::Tls(Arc::new(server(&certified, None)));
        let upstream = Faulty::always_over(security, Reply::json("1")).await.expect("a port");
        let tls = TlsOptions { authorities: Some(trusted.into()), identity: None };
        let error = Call { tls, ..Call::to(&upstream.base_url()) }.failure().await;
        assert_cause(&error, "UPSTREAM_UNREACHABLE", starts, starts);
        assert!(error.is_unsent && upstream.requests().is_empty(), "{starts}");
    }
}

#[tokio::test]
async fn handshakes_that_come_to_nothing_are_told_apart() {
    let ours = Authority::new();
    // The service requires a certificate, which the caller does not have.
    let refusing = Security::Tls(Arc::new(server(&ours.certificate(), Some(&ours))));
    for (security, connect_timeout, starts) in [
        (Security::Silent, SHORT, "no connection was made within the connect timeout"),
        (Security::Garbage, LONG, "the service does not speak TLS here"),
        (refusing, LONG, "the service refused the TLS handshake"),
    ] {
        let upstream = Faulty::always_over(security, Reply::json("1")).await.expect("a port");
        let tls = TlsOptions { authorities: Some(ours.pem().into()), identity: None };
        let error = Call { tls, connect_timeout, ..Call::to(&upstream.base_url()) }.failure().await;
        assert_cause(&error, "UPSTREAM_UNREACHABLE", starts, starts);
        assert!(!error.has_begun, "{starts}");
    }
}

#[tokio::test]
async fn a_service_without_tls_behind_an_https_url_is_told_apart() {
    let plain = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let url = format!("https://{}", plain.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = plain.accept().await {
            tokio::spawn(async move {
                use tokio::io::{AsyncReadExt, AsyncWriteExt};
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
            });
        }
    });
    let error = Call::to(&url).failure().await;
    assert_cause(&error, "UPSTREAM_UNREACHABLE", "the service does not speak TLS here", "plain");
}
