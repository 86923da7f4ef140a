//! What went wrong with a call is told apart by either path: sockets and certificates are real.

use crate::compose::WayId;
use crate::policy::Caller;
use crate::upstream::{
    BatchDomain, CallError, ClientOptions, Context, CredentialScope, HttpClient, HttpService, HttpServiceConfig,
    Request, Subgraph, TlsOptions,
};
use http::Method;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::sync::Arc;
use std::time::{Duration, Instant};
use testkit::faulty::{Faulty, Reply};
use tokio::net::{TcpListener, TcpStream};

const LONG: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(150);

/// How a call is made.
struct Call<'a> {
    url: &'a str,
    direct: bool,
    tls: TlsOptions,
    timeout: Duration,
    connect_timeout: Duration,
    left: Duration,
}

impl<'a> Call<'a> {
    fn to(url: &'a str, direct: bool) -> Self {
        Self { url, direct, tls: TlsOptions::default(), timeout: LONG, connect_timeout: LONG, left: LONG }
    }

    /// Makes it, and says why it failed.
    async fn failure(self) -> CallError {
        let Self { url, direct, tls, timeout, connect_timeout, left } = self;
        let options = ClientOptions { direct, tls, connect_timeout, ..ClientOptions::default() };
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
async fn broken_connections_and_answers_are_told_apart_by_either_path() {
    let unreachable = "UPSTREAM_UNREACHABLE";
    let malformed = "UPSTREAM_MALFORMED";
    for direct in [true, false] {
        for (reply, code, starts) in [
            (Reply::reset_before_head(), unreachable, "the connection was reset"),
            (Reply::closed_before_head(), unreachable, "the connection ended before the whole answer came"),
            (Reply::reset_in_body(), unreachable, "the connection was reset"),
            (Reply::short_body(), malformed, "the connection ended before the whole answer came"),
            (Reply::not_http(), malformed, "the answer is not HTTP/1.1"),
            (Reply::wrong_content_type(), malformed, "the answer's media type is not JSON"),
            (Reply::redirect("/y"), malformed, "the service answered with a redirect"),
        ] {
            let upstream = Faulty::always(reply).await.expect("a port");
            let error = Call::to(&upstream.base_url(), direct).failure().await;
            assert_cause(&error, code, starts, &format!("direct {direct}, {starts}"));
        }
    }
}

#[tokio::test]
async fn a_media_type_and_a_status_are_part_of_the_cause() {
    for direct in [true, false] {
        let upstream = Faulty::always(Reply::with_status(200, "text/html", "<p>secret</p>")).await.expect("a port");
        let error = Call::to(&upstream.base_url(), direct).failure().await;
        let cause = error.cause.expect("a cause");
        assert_eq!((cause.status, cause.media_type.as_deref()), (Some(200), Some("text/html")));
        assert!(!format!("{cause:?}").contains("<p>"), "nothing of the body");
    }
}

#[tokio::test]
async fn timeouts_say_whose_they_are() {
    for direct in [true, false] {
        for (timeout, left, starts) in
            [(SHORT, LONG, "the service's timeout of 150ms passed"), (LONG, SHORT, "the request's deadline passed")]
        {
            let upstream = Faulty::always(Reply::stalled_head()).await.expect("a port");
            let url = upstream.base_url();
            let error = Call { timeout, left, ..Call::to(&url, direct) }.failure().await;
            assert_cause(&error, "UPSTREAM_TIMEOUT", starts, &format!("direct {direct}"));
        }
    }
}

#[tokio::test]
async fn names_that_cannot_be_resolved_are_told_apart_from_hosts_that_refuse() {
    let gone = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port").local_addr().expect("an address");
    // No label of a name has more than 63 bytes (RFC 1035 §2.3.4), so nobody is asked for this one.
    let unknown = "a".repeat(64);
    for (url, direct, starts) in [
        (format!("http://{unknown}"), true, "the host's name cannot be resolved"),
        (format!("http://{unknown}"), false, "the host's name cannot be resolved"),
        (format!("http://{gone}"), true, "the connection was refused"),
        (format!("http://{gone}"), false, "the connection was refused"),
        (format!("https://{gone}"), true, "the connection was refused"),
    ] {
        let error = Call::to(&url, direct).failure().await;
        assert_cause(&error, "UPSTREAM_UNREACHABLE", starts, &format!("{url}, direct {direct}"));
    }
}

#[tokio::test]
async fn a_host_that_takes_no_connection_is_a_connect_timeout() {
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.bind(([127, 0, 0, 1], 0).into()).expect("a port");
    let listener = socket.listen(1).expect("a listener");
    let address = listener.local_addr().expect("an address");
    // The queue of connections that nobody accepts is full: further ones get no answer.
    let mut waiting = Vec::new();
    while let Ok(Ok(stream)) = tokio::time::timeout(SHORT, TcpStream::connect(address)).await {
        waiting.push(stream);
    }
    for direct in [true, false] {
        let url = format!("http://{address}");
        let error = Call { connect_timeout: SHORT, ..Call::to(&url, direct) }.failure().await;
        let what = "no connection was made within the connect timeout";
        assert_cause(&error, "UPSTREAM_UNREACHABLE", what, &format!("direct {direct}"));
    }
}

/// Where a service over TLS goes wrong.
struct TlsCase {
    names: &'static [&'static str],
    /// First and last year of its certificate.
    years: (i32, i32),
    is_trusted: bool,
}

impl TlsCase {
    /// Starts it; returns its URL, and the PEM of the authority that its caller trusts.
    async fn start(&self) -> (String, String) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let authority = || {
            let mut params = CertificateParams::new(Vec::new()).expect("no names");
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let key = KeyPair::generate().expect("a key");
            let pem = params.self_signed(&key).expect("a certificate").pem();
            (Issuer::new(params, key), pem)
        };
        let (issuer, pem) = authority();
        let names: Vec<String> = self.names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).expect("names");
        params.not_before = date_time_ymd(self.years.0, 1, 1);
        params.not_after = date_time_ymd(self.years.1, 1, 1);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &issuer).expect("a certificate").pem();
        let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).expect("PEM");
        let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).expect("PEM");
        let config = rustls::ServerConfig::builder().with_no_client_auth();
        let config = config.with_single_cert(vec![certificate], key).expect("a key for the certificate");
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let url = format!("https://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = acceptor.accept(stream).await;
            }
        });
        (url, if self.is_trusted { pem } else { authority().1 })
    }
}

#[tokio::test]
async fn certificates_say_what_is_wrong_with_them() {
    let here = &["127.0.0.1"][..];
    for (case, starts) in [
        (TlsCase { names: here, years: (2000, 2010), is_trusted: true }, "the service's certificate has expired"),
        (TlsCase { names: here, years: (2200, 2300), is_trusted: true }, "the service's certificate is not valid yet"),
        (
            TlsCase { names: &["elsewhere.test"], years: (2000, 2300), is_trusted: true },
            "the service's certificate is for another host name",
        ),
        (
            TlsCase { names: here, years: (2000, 2300), is_trusted: false },
            "the service's certificate is by an authority that is not trusted",
        ),
    ] {
        let (url, pem) = case.start().await;
        let tls = TlsOptions { authorities: Some(pem.into_bytes()), identity: None };
        let error = Call { tls, ..Call::to(&url, true) }.failure().await;
        assert_cause(&error, "UPSTREAM_UNREACHABLE", starts, starts);
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
    let error = Call::to(&url, true).failure().await;
    assert_cause(&error, "UPSTREAM_UNREACHABLE", "the service does not speak TLS here", "plain");
}
