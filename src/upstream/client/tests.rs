//! Tests of how a service and we identify each other: TLS with a private authority, certificates
//! of both sides, our own headers.

use super::*;
use crate::compose::WayId;
use crate::engine::{Client, EngineOptions, GraphQlEngine};
use crate::policy::Caller;
use crate::project::Files;
use crate::upstream::{
    BatchDomain, CallErrorKind, Context, CredentialScope, Credentials, HttpService, HttpServiceConfig, Identity as Jwt,
    IdentityOptions, Request, Subgraph, TokenFile,
};
use http::{HeaderName, HeaderValue, Method};
use std::sync::Arc;
use std::time::Instant;
use testkit::faulty::{Faulty, Reply, Security};
use testkit::tls::{Authority, Certified, authority, server};
use tokio::net::TcpListener;

/// An `https` service that answers `{"value":1}` to every client that it accepts; with `clients`, it requires
/// certificates of that authority.
async fn service(authority: &Authority, clients: Option<&Authority>) -> Faulty {
    serving(&authority.certificate(), clients).await
}

/// The same service, with this certificate.
async fn serving(certified: &Certified, clients: Option<&Authority>) -> Faulty {
    let security = Security::Tls(Arc::new(server(certified, clients)));
    Faulty::always_over(security, Reply::json("{\"value\":1}")).await.expect("a port")
}

/// The certificate and the key that a client shows, as PEM.
fn identity(authority: &Authority) -> ClientIdentity {
    let Certified { certificate, key } = authority.certificate();
    ClientIdentity { certificate: certificate.into(), key: key.into() }
}

fn trusting_local() -> TlsOptions {
    TlsOptions { authorities: Some(authority().pem().into()), identity: None }
}

fn context() -> Context {
    Context {
        domain: BatchDomain { way: WayId(0), inputs: Arc::from(*b""), scope: CredentialScope::Public },
        caller: Arc::new(Caller::default()),
        deadline: Instant::now() + Duration::from_secs(10),
        is_safe: true,
        endpoint: "GET /x".into(),
        not_before: None,
        condition: None,
        takes_redirects: false,
        write: None,
    }
}

fn get(headers: Vec<(HeaderName, HeaderValue)>) -> Request {
    Request::Http { method: Method::GET, target: "/x".into(), headers, body: None }
}

async fn ask(url: &str, tls: TlsOptions) -> Result<u16, CallErrorKind> {
    let client = HttpClient::new(&ClientOptions { tls, ..ClientOptions::default() }).expect("a client");
    let service = HttpService::new(&client, HttpServiceConfig::new("shop", url)).expect("a service");
    service.call(get(vec![]), context()).await.map(|answer| answer.status).map_err(|error| error.kind)
}

#[tokio::test]
async fn only_the_authorities_that_are_named_are_trusted() {
    let (ours, other) = (Authority::new(), Authority::new());
    let service = service(&ours, None).await;
    let url = service.base_url();
    let trusting = |pem: String| TlsOptions { authorities: Some(pem.into()), identity: None };
    assert_eq!(ask(&url, TlsOptions::default()).await, Err(CallErrorKind::Unreachable));
    assert_eq!(ask(&url, trusting(other.pem().to_owned())).await, Err(CallErrorKind::Unreachable));
    assert_eq!(ask(&url, trusting(ours.pem().to_owned())).await, Ok(200));
    assert_eq!(ask(&url, trusting(format!("{}\n{}", other.pem(), ours.pem()))).await, Ok(200));
}

#[tokio::test]
async fn authorities_of_the_configuration_hold_wherever_the_url_is_said() {
    let ours = Authority::new();
    let service = service(&ours, None).await;
    let url = service.base_url();
    let gone = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port").local_addr().expect("an address");
    let path = std::env::temp_dir().join(format!("bespoke-authority-{}.pem", std::process::id()));
    std::fs::write(&path, ours.pem()).expect("a file");
    for (declared, written) in [
        (None, format!("url: '{url}'")),
        (None, format!("urls: ['http://{gone}', '{url}']")),
        (Some(&url), "cache: true".to_owned()),
    ] {
        let http = declared.map(|url| format!(", http: {{ baseURL: \"{url}\" }}")).unwrap_or_default();
        let sdl = format!(
            "extend schema @link(url: \"https://bespoke.example/connect/v1\", import: [\"@source\", \"@connect\"]) @source(name: \"shop\"{http})\n\
             type Query {{ item: Item @connect(http: {{ GET: \"/x\" }}, selection: \"value\") }}\n\
             type Item {{ value: Int! }}\n"
        );
        let config = format!("services: {{ shop: {{ {written}, tls: {{ ca_file: '{}' }} }} }}\n", path.display());
        let files = Files::embedded([
            ("schema/services/shop.graphql", sdl.as_str()),
            ("schema/web.graphql", "type Query { item: Item } type Item { value: Int! }"),
            ("bespoke.yaml", config.as_str()),
        ]);
        let client = Client::new("web", files);
        let engine = client.engine(client.assemble(&|_| None), &EngineOptions::default()).expect("an engine");
        let request = crate::engine::Request { query: "{ item { value } }".to_owned(), ..Default::default() };
        let deadline = Instant::now() + Duration::from_secs(10);
        let answer = engine.execute(request, Arc::new(Caller::default()), deadline).await;
        assert_eq!(&*answer.body, br#"{"data":{"item":{"value":1}}}"#, "{written}: {:?}", answer.body);
    }
    std::fs::remove_file(&path).expect("the file");
}

#[tokio::test]
async fn a_service_that_wants_a_certificate_gets_ours() {
    let (ours, other) = (Authority::new(), Authority::new());
    let service = service(&ours, Some(&ours)).await;
    let url = service.base_url();
    let showing = |identity: Option<ClientIdentity>| TlsOptions { authorities: Some(ours.pem().into()), identity };
    // In TLS 1.3, the service refuses only after our side of the handshake is complete.
    assert_eq!(ask(&url, showing(None)).await, Err(CallErrorKind::Unreachable));
    assert_eq!(ask(&url, showing(Some(identity(&other)))).await, Err(CallErrorKind::Unreachable));
    assert_eq!(service.requests(), []);
    assert_eq!(ask(&url, showing(Some(identity(&ours)))).await, Ok(200));
}

#[tokio::test]
async fn a_certificate_that_nobody_signed_is_trusted_by_itself() {
    let own = Certified::self_signed(false);
    let service = serving(&own, None).await;
    let trusting = |pem: &str| TlsOptions { authorities: Some(pem.into()), identity: None };
    assert_eq!(ask(&service.base_url(), trusting(&own.certificate)).await, Ok(200));
    let other = Certified::self_signed(false);
    assert_eq!(ask(&service.base_url(), trusting(&other.certificate)).await, Err(CallErrorKind::Unreachable));
    // A certificate that may sign others belongs to an authority, and is not accepted for a server.
    let own = Certified::self_signed(true);
    let service = serving(&own, None).await;
    assert_eq!(ask(&service.base_url(), trusting(&own.certificate)).await, Err(CallErrorKind::Unreachable));
}

#[test]
fn what_is_no_pem_is_refused_at_the_start() {
    let tls = TlsOptions { authorities: Some(b"no PEM".to_vec()), identity: None };
    assert!(HttpClient::new(&ClientOptions { tls, ..ClientOptions::default() }).is_err());
    let (one, other) = (Authority::new().certificate(), Authority::new().certificate());
    let section = |name: &str, text: &str| format!("-----BEGIN {name}-----\n{text}\n-----END {name}-----\n");
    let half = |name: &str| format!("-----BEGIN {name}-----\n");
    let certificate = "the client certificate for it cannot be used";
    let key = "the private key of the client certificate for it cannot be used";
    for (shown, its_key, blamed, reason) in [
        ("no PEM", &*one.key, certificate, "there is no certificate in it"),
        (&one.key, &one.key, certificate, "there is no certificate in it"),
        (&section("CERTIFICATE", "????"), &one.key, certificate, "it is not well-formed PEM: a section is not base64"),
        (&half("CERTIFICATE"), &one.key, certificate, "it is not well-formed PEM: a section has no end"),
        (&one.certificate, "no PEM", key, "there is no private key in it"),
        (&one.certificate, &one.certificate, key, "there is no private key in it"),
        (&one.certificate, &section("PRIVATE KEY", "????"), key, "it is not well-formed PEM: a section is not base64"),
        (&one.certificate, &half("PRIVATE KEY"), key, "it is not well-formed PEM: a section has no end"),
        (&one.certificate, &other.key, key, "it is not the key of the certificate"),
    ] {
        let identity = ClientIdentity { certificate: shown.into(), key: its_key.into() };
        let tls = TlsOptions { authorities: None, identity: Some(identity) };
        let error =
            HttpClient::new(&ClientOptions { tls, ..ClientOptions::default() }).expect_err("refused").to_string();
        assert_eq!(error, format!("{blamed}: {reason}"));
    }
}

#[tokio::test]
async fn headers_of_ours_go_along_with_tls_and_without_and_replace_others() {
    const TOKEN: HeaderName = HeaderName::from_static("authorization");
    const IDENTITY: HeaderName = HeaderName::from_static("x-identity");
    let path = std::env::temp_dir().join(format!("bespoke-token-{}", std::process::id()));
    std::fs::write(&path, "s3cret\n").expect("a file");
    for secure in [false, true] {
        let upstream = Faulty::always_over(Security::of(secure), Reply::json("1")).await.expect("a port");
        let token = TokenFile::open(path.clone(), TOKEN, "Bearer").expect("a token");
        let options = IdentityOptions {
            scheme: String::new(),
            key_id: None,
            issuer: "web".to_owned(),
            audience: "shop".to_owned(),
            lifetime: Duration::from_secs(60),
            header: IDENTITY,
        };
        let identity = Jwt::new(include_bytes!("../../policy/test_keys/ed.pem"), options).expect("a key");
        let client =
            HttpClient::new(&ClientOptions { tls: trusting_local(), ..ClientOptions::default() }).expect("a client");
        let config = HttpServiceConfig {
            credentials: Credentials::new(Some(token), Some(identity)),
            ..HttpServiceConfig::new("shop", upstream.base_url())
        };
        assert!(!format!("{config:?}").contains("s3cret"));
        let service = HttpService::new(&client, config).expect("a service");
        let sent = vec![(IDENTITY, HeaderValue::from_static("forged")), (TOKEN, HeaderValue::from_static("forged"))];
        assert_eq!(service.call(get(sent), context()).await.expect("an answer").status, 200);
        let seen = upstream.requests().remove(0);
        let values = |name: HeaderName| {
            let found = seen.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name.as_str()));
            found.map(|(_, value)| value.clone()).collect::<Vec<String>>()
        };
        assert_eq!(values(TOKEN), ["Bearer s3cret"], "TLS: {secure}");
        assert_eq!(values(IDENTITY).len(), 1, "TLS: {secure}");
        assert_eq!(values(IDENTITY)[0].split('.').count(), 3, "TLS: {secure}");
    }
    std::fs::remove_file(&path).expect("the file");
}

#[tokio::test]
async fn connections_are_replaced_when_they_are_old_with_tls_and_without() {
    for secure in [false, true] {
        let upstream = Faulty::always_over(Security::of(secure), Reply::json("1")).await.expect("a port");
        let options =
            ClientOptions { tls: trusting_local(), max_age: Duration::from_millis(200), ..ClientOptions::default() };
        let client = HttpClient::new(&options).expect("a client");
        let service =
            HttpService::new(&client, HttpServiceConfig::new("shop", upstream.base_url())).expect("a service");
        let end = Instant::now() + Duration::from_secs(10);
        let last = || upstream.requests().last().map_or(0, |request| request.connection);
        // Calls are made all the time, so that no connection is closed for being idle.
        while last() < 2 {
            assert!(Instant::now() < end, "still connection {}", last());
            assert_eq!(service.call(get(vec![]), context()).await.expect("an answer").status, 200);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let first = upstream.requests().iter().filter(|request| request.connection == 0).count();
        assert!(first > 1, "young connections are used again");
    }
}
