//! How a service and we know each other: TLS with an authority of one's own, certificates of both sides, headers of ours.

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
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use std::sync::Arc;
use std::time::Instant;
use testkit::faulty::{Faulty, Reply};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A certificate authority.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A certificate for this machine, and its key, as PEM.
    fn certificate(&self) -> (String, String) {
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("a name");
        let key = KeyPair::generate().expect("a key");
        (params.signed_by(&key, &self.issuer).expect("a certificate").pem(), key.serialize_pem())
    }

    /// What a client shows.
    fn identity(&self) -> Vec<u8> {
        let (certificate, key) = self.certificate();
        format!("{certificate}\n{key}").into_bytes()
    }
}

/// An `https` service that answers `{"value":1}` to whoever it accepts; `clients`: it wants certificates of that authority.
async fn service(authority: &Authority, clients: Option<&Authority>) -> String {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (certificate, key) = authority.certificate();
    let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).expect("PEM");
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("PEM");
    let builder = match clients {
        None => rustls::ServerConfig::builder().with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_slice(authority.pem.as_bytes()).expect("PEM")).expect("a root");
            let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build().expect("a verifier");
            rustls::ServerConfig::builder().with_client_cert_verifier(verifier)
        }
    };
    let config = builder.with_single_cert(vec![certificate], key).expect("a key for the certificate");
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let url = format!("https://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut head = [0; 4096];
            let _ = stream.read(&mut head).await;
            let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\r\n{\"value\":1}";
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    url
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
    let url = service(&ours, None).await;
    let trusting = |pem: String| TlsOptions { authorities: Some(pem.into()), identity: None };
    assert_eq!(ask(&url, TlsOptions::default()).await, Err(CallErrorKind::Unreachable));
    assert_eq!(ask(&url, trusting(other.pem.clone())).await, Err(CallErrorKind::Unreachable));
    assert_eq!(ask(&url, trusting(ours.pem.clone())).await, Ok(200));
    assert_eq!(ask(&url, trusting(format!("{}\n{}", other.pem, ours.pem))).await, Ok(200));
}

#[tokio::test]
async fn authorities_of_the_configuration_hold_wherever_the_url_is_said() {
    let ours = Authority::new();
    let url = service(&ours, None).await;
    let gone = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port").local_addr().expect("an address");
    let path = std::env::temp_dir().join(format!("bespoke-authority-{}.pem", std::process::id()));
    std::fs::write(&path, &ours.pem).expect("a file");
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
    let url = service(&ours, Some(&ours)).await;
    let showing = |identity: Option<Vec<u8>>| TlsOptions { authorities: Some(ours.pem.clone().into_bytes()), identity };
    assert!(ask(&url, showing(None)).await.is_err());
    assert!(ask(&url, showing(Some(other.identity()))).await.is_err());
    assert_eq!(ask(&url, showing(Some(ours.identity()))).await, Ok(200));
}

#[test]
fn what_is_no_pem_is_refused_at_the_start() {
    for tls in [
        TlsOptions { authorities: Some(b"no PEM".to_vec()), identity: None },
        TlsOptions { authorities: None, identity: Some(b"no PEM".to_vec()) },
    ] {
        assert!(HttpClient::new(&ClientOptions { tls, ..ClientOptions::default() }).is_err());
    }
}

#[tokio::test]
async fn headers_of_ours_go_along_by_either_path_and_replace_others() {
    const TOKEN: HeaderName = HeaderName::from_static("authorization");
    const IDENTITY: HeaderName = HeaderName::from_static("x-identity");
    let path = std::env::temp_dir().join(format!("bespoke-token-{}", std::process::id()));
    std::fs::write(&path, "s3cret\n").expect("a file");
    for direct in [true, false] {
        let upstream = Faulty::always(Reply::json("1")).await.expect("a port");
        let token = TokenFile::open(path.clone(), TOKEN, "Bearer").expect("a token");
        let options = IdentityOptions {
            issuer: "web".to_owned(),
            audience: "shop".to_owned(),
            lifetime: Duration::from_secs(60),
            header: IDENTITY,
        };
        let identity = Jwt::new(include_bytes!("../policy/test_keys/ed.pem"), options).expect("a key");
        let client = HttpClient::new(&ClientOptions { direct, ..ClientOptions::default() }).expect("a client");
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
        assert_eq!(values(TOKEN), ["Bearer s3cret"], "direct: {direct}");
        assert_eq!(values(IDENTITY).len(), 1, "direct: {direct}");
        assert_eq!(values(IDENTITY)[0].split('.').count(), 3, "direct: {direct}");
    }
    std::fs::remove_file(&path).expect("the file");
}

#[tokio::test]
async fn connections_of_either_path_are_replaced_when_they_are_old() {
    for direct in [true, false] {
        let upstream = Faulty::always(Reply::json("1")).await.expect("a port");
        let options = ClientOptions { direct, max_age: Duration::from_millis(200), ..ClientOptions::default() };
        let client = HttpClient::new(&options).expect("a client");
        let service =
            HttpService::new(&client, HttpServiceConfig::new("shop", upstream.base_url())).expect("a service");
        let end = Instant::now() + Duration::from_secs(10);
        let last = || upstream.requests().last().map_or(0, |request| request.connection);
        // Again and again, so that no connection is closed for being idle.
        while last() < 2 {
            assert!(Instant::now() < end, "still connection {}", last());
            assert_eq!(service.call(get(vec![]), context()).await.expect("an answer").status, 200);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let first = upstream.requests().iter().filter(|request| request.connection == 0).count();
        assert!(first > 1, "young connections are used again");
    }
}
