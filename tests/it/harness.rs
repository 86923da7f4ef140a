//! A BFF in this process, over HTTP on a free port. This is the only module of the tests that knows how an engine is
//! made.
//!
//! In: a client, and changes of its configuration. Out: answers.
//!
//! Always true: each [`Bff`] is new (it shares no plan, document or call in flight with another one), is in development
//! mode unless a test changes that, and ends when the value is dropped.

use crate::reference::{Expected, Reference, error_paths};
use bespoke::internals::cache::CacheOptions;
use bespoke::internals::config::{Config, JwtConfig, Mode};
use bespoke::internals::engine::{Client, EngineOptions, GraphQlEngine, Writes};
use bespoke::internals::flight::FlightOptions;
use bespoke::internals::http::{Playground, ServeLimits, Server, Site, router, serve};
use bespoke::internals::observe::{Exposition, Metrics};
use bespoke::internals::policy::{Authenticators, JwtVerifier};
use demo::Shop;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Weak};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The services of the graph: the name of each in the graph, its name in the shop, and the path of its URL.
const SERVICES: [(&str, &str, &str); 8] = [
    ("users", "users", ""),
    ("catalog", "catalog", ""),
    ("inventory", "inventory", ""),
    ("carts", "carts", ""),
    ("orders", "orders", ""),
    ("checkout", "orders", ""),
    ("payments", "payments", ""),
    ("reviews", "reviews", "/graphql"),
];

/// The path of a file with the certificate of [`testkit::tls::authority`], for `tls.ca_file`.
pub(crate) fn authority_file() -> PathBuf {
    static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
        let path = std::env::temp_dir().join(format!("bespoke-it-authority-{}.pem", std::process::id()));
        std::fs::write(&path, testkit::tls::authority().pem()).expect("a file");
        path
    });
    FILE.clone()
}

/// How long a BFF that is stopped waits for requests in flight.
const GRACE: Duration = Duration::from_secs(10);

/// The GraphiQL page at `/`, as the client's own program serves it.
#[derive(Debug, Clone)]
struct Page {
    token: Option<String>,
}

/// The changes of a test to a BFF's configuration.
#[derive(Debug, Clone, Default)]
pub(crate) struct Setup {
    urls: BTreeMap<String, String>,
    public_key: Option<String>,
    deadline: Option<Duration>,
    mode: Option<Mode>,
    page: Option<Page>,
    flights: FlightOptions,
    operations: FlightOptions,
    cache: CacheOptions,
    changes: Vec<fn(&mut Config)>,
}

impl Setup {
    /// The addresses of all services of a shop, and its public key.
    pub(crate) fn of(shop: &Shop) -> Self {
        let url = |(name, service, path): (&str, &str, &str)| (name.to_owned(), shop.url(service) + path);
        let urls = SERVICES.into_iter().map(url).collect();
        Self { urls, public_key: Some(shop.key_pair().public_pem()), ..Self::default() }
    }

    /// Sets another address for one service.
    pub(crate) fn url(mut self, service: &str, url: impl Into<String>) -> Self {
        self.urls.insert(service.to_owned(), url.into());
        self
    }

    /// Sets the public key with which callers' tokens are verified.
    pub(crate) fn public_key(mut self, pem: String) -> Self {
        self.public_key = Some(pem);
        self
    }

    /// Sets the longest time for one request.
    pub(crate) fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    pub(crate) fn production(mut self) -> Self {
        self.mode = Some(Mode::Production);
        self
    }

    /// Serves GraphiQL at `/`, with the client's tabs and, if it is given, a token.
    pub(crate) fn page(mut self, token: Option<String>) -> Self {
        self.page = Some(Page { token });
        self
    }

    /// Changes anything else in the configuration.
    pub(crate) fn configure(mut self, change: fn(&mut Config)) -> Self {
        self.changes.push(change);
        self
    }

    /// Turns the sharing of calls and operations off, so that each query makes calls of its own.
    pub(crate) fn unshared(self) -> Self {
        let off = || FlightOptions { enabled: false, ..FlightOptions::default() };
        self.flights(off()).operations(off())
    }

    /// Sets how equal calls are shared.
    pub(crate) fn flights(mut self, flights: FlightOptions) -> Self {
        self.flights = flights;
        self
    }

    /// Sets how answers are cached.
    pub(crate) fn cache(mut self, cache: CacheOptions) -> Self {
        self.cache = cache;
        self
    }

    /// Turns the cache off, so that every answer comes from the services and their calls can be counted.
    pub(crate) fn uncached(self) -> Self {
        self.cache(CacheOptions { enabled: false, ..CacheOptions::default() })
    }

    /// Sets how equal operations are shared.
    pub(crate) fn operations(mut self, operations: FlightOptions) -> Self {
        self.operations = operations;
        self
    }
}

/// A running BFF.
pub(crate) struct Bff {
    url: String,
    client: reqwest::Client,
    serving: JoinHandle<usize>,
    site: Site,
    writes: Writes,
    stop: Option<oneshot::Sender<(Duration, Duration)>>,
}

impl Drop for Bff {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Bff {
    /// Starts the BFF of the web shop in front of a shop.
    pub(crate) async fn web(shop: &Shop) -> Self {
        Self::start(bff_web::client(), Setup::of(shop)).await
    }

    /// Starts the BFF of the phone app in front of a shop.
    pub(crate) async fn mobile(shop: &Shop) -> Self {
        Self::start(bff_mobile::client(), Setup::of(shop)).await
    }

    /// Starts the BFF of any client.
    ///
    /// # Panics
    /// When the files of the client have errors. The message names them.
    pub(crate) async fn start(client: Client, setup: Setup) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let writes = Writes::default();
        let server = server(&client, setup, &writes);
        let limits = ServeLimits::from(server.config());
        let site = Site::new(Arc::new(server));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/graphql", listener.local_addr().unwrap());
        let routes = router(site.clone());
        let (stop, stopped) = oneshot::channel();
        let ending = site.clone();
        let stopped = async move {
            let Ok((spread, grace)) = stopped.await else { std::future::pending().await };
            let cut_off = tokio::time::Instant::now() + grace;
            ending.now().end_streams(spread, cut_off);
            cut_off
        };
        let serving = tokio::spawn(serve(listener, routes, stopped, limits));
        let client = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().unwrap();
        Self { url, client, serving, site, writes, stop: Some(stop) }
    }

    /// Replaces the client that the BFF serves, as the program does at a reload. Returns the engine that was replaced.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub(crate) fn reload(&self, client: &Client, setup: Setup) -> Weak<dyn GraphQlEngine> {
        let before = Arc::downgrade(&self.site.now().engine());
        self.site.replace(server(client, setup, &self.writes));
        before
    }

    /// The number of engines that are alive.
    pub(crate) fn engines(&self) -> usize {
        self.site.engines()
    }

    /// Stops the BFF as the program does at a signal.
    pub(crate) async fn stop(mut self) {
        self.stop_as(Duration::ZERO, GRACE).await;
        self.writes_finished().await;
    }

    /// As [`stop`](Self::stop), but the ends of streams are spread over `spread`.
    pub(crate) async fn stop_over(mut self, spread: Duration) {
        self.stop_as(spread, GRACE).await;
    }

    /// As [`stop`](Self::stop), but requests in flight have `grace`, and writes are not waited for.
    pub(crate) async fn stop_within(mut self, grace: Duration) {
        self.stop_as(Duration::ZERO, grace).await;
    }

    async fn stop_as(&mut self, spread: Duration, grace: Duration) {
        let stopped = async {
            let _ = self.stop.take().expect("stopped once").send((spread, grace));
            let cut_off = (&mut self.serving).await;
            assert_eq!(cut_off.expect("no panic"), 0, "connections were cut off");
            self.site.now().sockets_closed().await;
        };
        tokio::time::timeout(GRACE * 2, stopped).await.expect("the end of all connections");
    }

    /// Waits until no write goes on without its request. Fails after ten seconds.
    pub(crate) async fn writes_finished(&self) {
        tokio::time::timeout(Duration::from_secs(10), self.writes.finished()).await.expect("the end of all writes");
    }

    /// The number of writes that go on without their requests.
    pub(crate) fn unattended_writes(&self) -> usize {
        self.writes.unattended()
    }

    /// The URL of the GraphQL endpoint.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The address on which the BFF listens: a host and a port.
    pub(crate) fn address(&self) -> String {
        self.url.trim_start_matches("http://").trim_end_matches("/graphql").to_owned()
    }

    /// The text of `/metrics`.
    pub(crate) fn metrics(&self) -> String {
        let server = self.site.now();
        let engine = server.engine();
        server.metrics().encode(&engine.services(), engine.writes(), engine.cache_bytes(), Exposition::OpenMetrics)
    }

    /// Sends a query without credentials.
    pub(crate) async fn ask(&self, query: &str) -> Reply {
        self.send(query, json!({}), None).await
    }

    /// Sends an operation. `bearer` is the value of its `Authorization` header.
    pub(crate) async fn send(&self, query: &str, variables: Value, bearer: Option<&str>) -> Reply {
        self.send_with(query, variables, bearer.map(|bearer| ("authorization", bearer))).await
    }

    /// Sends an operation. `header` is one more header for it.
    pub(crate) async fn send_with(&self, query: &str, variables: Value, header: Option<(&str, &str)>) -> Reply {
        let body = json!({ "query": query, "variables": variables }).to_string();
        let mut request = self.client.post(&self.url).header("content-type", "application/json").body(body);
        request = request.header("accept", "application/graphql-response+json");
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let start = Instant::now();
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let headers = format!("{:?}", response.headers());
        let text = response.text().await.unwrap();
        let elapsed = start.elapsed();
        let body = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        Reply { status, headers, text, body, elapsed }
    }
}

/// Makes the server of a client.
fn server(client: &Client, setup: Setup, writes: &Writes) -> Server {
    let mut assembled = client.assemble(&|_| None);
    assert!(!assembled.has_errors(), "{:#?}", assembled.findings);
    let config = assembled.config.as_mut().expect("a configuration");
    config.server.mode = setup.mode.unwrap_or(Mode::Development);
    // Tests share the processor with others, so no request is shed for lateness.
    config.server.max_lateness = None;
    if let Some(deadline) = setup.deadline {
        config.server.request_timeout = deadline;
    }
    for (name, url) in setup.urls {
        config.services.entry(name).or_default().url = Some(url);
    }
    setup.changes.into_iter().for_each(|change| change(config));
    let playground = setup.page.map(|page| {
        config.playground.token = page.token;
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("bff-{}", client.name()));
        Playground::load(&config.playground, &folder, client.name()).expect("the tabs")
    });
    let (jwt, config) = (config.auth.jwt.clone(), config.server.clone());
    let options = EngineOptions {
        flights: setup.flights,
        operations: setup.operations,
        cache: setup.cache,
        writes: writes.clone(),
        ..EngineOptions::default()
    };
    let engine = client.engine(assembled, &options).expect("an engine");
    let mut server = Server::new(config, Arc::new(engine), Arc::new(Metrics::new()));
    if let Some((jwt, key)) = jwt.as_ref().zip(setup.public_key) {
        server = server.with_authenticators(authenticators(jwt, &key));
    }
    if let Some(playground) = playground {
        server = server.with_playground(playground);
    }
    server
}

fn authenticators(jwt: &JwtConfig, key: &str) -> Authenticators {
    Authenticators::default().with(JwtVerifier::new(jwt, key.as_bytes()).expect("the demo's key"))
}

/// An answer of a BFF.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: String,
    pub(crate) text: String,
    pub(crate) body: Value,
    pub(crate) elapsed: Duration,
}

impl Reply {
    pub(crate) fn data(&self) -> &Value {
        &self.body["data"]
    }

    /// The `data` and the paths of the errors, for a comparison with the reference.
    pub(crate) fn outcome(&self) -> Expected {
        Expected { data: self.data().clone(), error_paths: error_paths(&self.body) }
    }

    pub(crate) fn errors(&self) -> &[Value] {
        self.body["errors"].as_array().map_or(&[], Vec::as_slice)
    }

    /// The calls in `extensions.bespoke.calls`; empty if there are none.
    pub(crate) fn calls(&self) -> &[Value] {
        self.body["extensions"]["bespoke"]["calls"].as_array().map_or(&[], Vec::as_slice)
    }
}

/// Asserts that an answer equals that of the reference. If it does not, both are printed line by line.
#[track_caller]
pub(crate) fn assert_same(reply: &Reply, expected: &Expected, query: &str) {
    if reply.outcome() != *expected {
        let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap();
        panic!(
            "another answer than the reference's to\n{query}\n--- engine, with errors {}\n{}\n--- reference, errors at {:?}\n{}",
            reply.body["errors"],
            pretty(reply.data()),
            expected.error_paths,
            pretty(&expected.data)
        );
    }
}

/// One of the demo's clients.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Of {
    Web,
    Mobile,
}

impl Of {
    pub(crate) async fn bff(self, shop: &Shop) -> Bff {
        match self {
            Self::Web => Bff::web(shop).await,
            Self::Mobile => Bff::mobile(shop).await,
        }
    }

    pub(crate) fn reference(self, shop: &Shop, sub: Option<&str>) -> Reference {
        match self {
            Self::Web => Reference::web(shop, sub),
            Self::Mobile => Reference::mobile(shop, sub),
        }
    }
}
