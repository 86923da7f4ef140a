//! A client: its files, its in-process sources, and the engine made of them.

use super::authentication::authenticators;
use super::core::{Engine, EngineParts};
use super::credentials;
use super::executor::EngineExecutor;
use crate::cache::{Cache, CacheOptions, Tier};
use crate::compose::{Graph, ResolvedHeader, Source, SourceId, Transport};
use crate::config::{BreakerConfig, Budget, Config, ServiceConfig};
use crate::execute::{Bounds, CacheRules, CauseReport, Polls, SourceAccess};
use crate::flight::FlightOptions;
use crate::project::{Assembly, Files, assemble, binding_places, limits};
use crate::upstream::{
    Balancer, BreakerOptions, ClientError, ClientOptions, ForwardedHeader, GuardOptions, GuardedSource, HandleService,
    HandleServices, HttpClient, HttpService, HttpServiceConfig, InProcessSource, InvalidBaseUrl, QueueOptions,
    RetryOptions, ServiceError, SharedSource, Subgraph, Writes,
};
use http::{HeaderName, HeaderValue};
use serde_json::Value;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// One client of a project, such as `web`: everything that its engine is made of, as files and code.
pub struct Client {
    name: String,
    files: Files,
    in_process: Vec<Arc<InProcessSource>>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Why an engine cannot be made. `Debug` writes the same as `Display`: findings hold whole files.
#[derive(thiserror::Error)]
pub enum EngineError {
    /// The files hold errors; the findings say which.
    #[error("the project has errors:\n{}", .0.findings_text())]
    Findings(Box<Assembly>),
    /// The graph has an in-process source that this program does not.
    #[error("the source `{0}` is Rust code, which this program does not have: run the client's own program")]
    NoCode(String),
    /// A service has no URL.
    #[error("the service `{0}` has no URL: set `services.{0}.url` in the configuration")]
    NoUrl(String),
    /// The URL of a service is not a URL.
    #[error("the service `{name}`: {cause}")]
    BadUrl {
        /// The service's name.
        name: String,
        /// What is wrong with the URL.
        cause: InvalidBaseUrl,
    },
    /// A service's HTTP client cannot be made.
    #[error("the service `{name}`: {cause}")]
    Client {
        /// The service's name.
        name: String,
        /// Why it cannot be made.
        cause: ClientError,
    },
    /// A file that the configuration names cannot be used.
    #[error("`{option}`: the file `{}` cannot be used: {cause}", .path.display())]
    File {
        /// The option that names the file.
        option: String,
        /// The path of the file.
        path: PathBuf,
        /// Why it cannot be used.
        cause: String,
        /// Whether the reason is that there is no such file.
        is_missing: bool,
    },
    /// The name of a header is not one that HTTP allows.
    #[error("`{option}`: `{name}` is not a valid header name")]
    BadHeader {
        /// The option that holds the name.
        option: String,
        /// The name, as it is written there.
        name: String,
    },
}

impl std::fmt::Debug for EngineError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

/// Options of an engine that are not in the configuration file.
#[derive(Debug, Clone, Default)]
pub struct EngineOptions {
    /// How equal calls in flight are shared.
    pub flights: FlightOptions,
    /// How equal operations in flight are shared.
    pub operations: FlightOptions,
    /// How answers are kept. The configuration sets the sizes and can switch caching off.
    pub cache: CacheOptions,
    /// A tier behind the memory, which other processes may share. Default: none.
    pub tier: Option<Arc<dyn Tier>>,
    /// Where the configuration's relative paths begin. Default: the working directory.
    pub base: PathBuf,
    /// Counts the writes that are being finished after their requests have ended, so that a stop can wait for them.
    /// An engine that replaces another one shares its count. Default: a new count.
    pub writes: Writes,
}

impl Client {
    /// Makes a client of a project, without sources in this process.
    #[must_use]
    pub fn new(name: impl Into<String>, files: Files) -> Self {
        Self { name: name.into(), files, in_process: Vec::new() }
    }

    /// Adds a source in this process.
    #[must_use]
    pub fn in_process(mut self, source: InProcessSource) -> Self {
        self.in_process.push(Arc::new(source));
        self
    }

    /// The client's name, such as `web`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The project's files.
    #[doc(hidden)]
    #[must_use]
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// The project's files, so that some can be replaced.
    #[doc(hidden)]
    pub fn files_mut(&mut self) -> &mut Files {
        &mut self.files
    }

    /// Makes a client of the same name and sources from other files.
    #[doc(hidden)]
    #[must_use]
    pub fn with_files(&self, files: Files) -> Self {
        Self { name: self.name.clone(), files, in_process: self.in_process.clone() }
    }

    /// Reads and checks the files: graph, view and configuration. `environment` gives the value of each `${NAME}` in
    /// the configuration.
    #[doc(hidden)]
    pub fn assemble(&self, environment: &dyn Fn(&str) -> Option<String>) -> Assembly {
        let code: Vec<(&str, String)> = self.in_process.iter().map(|source| (source.name(), source.sdl())).collect();
        let code: Vec<(&str, &str)> = code.iter().map(|(name, sdl)| (*name, sdl.as_str())).collect();
        assemble(&self.files, &self.name, &code, environment)
    }

    /// Makes the engine.
    ///
    /// # Errors
    /// The files have errors, the configuration leaves out something that a source needs, or a file that it names
    /// cannot be used.
    #[doc(hidden)]
    pub fn engine(&self, assembled: Assembly, options: &EngineOptions) -> Result<Engine, EngineError> {
        if assembled.has_errors() {
            return Err(EngineError::Findings(Box::new(assembled)));
        }
        let (graph, view, config) = match (assembled.graph, assembled.view, assembled.config) {
            (Some(graph), Some(view), Some(config)) => (graph, view, config),
            (graph, view, config) => {
                let rest = Assembly { graph, view, config, ..assembled };
                return Err(EngineError::Findings(Box::new(rest)));
            }
        };
        let sources = self.sources(&graph, &config, options)?;
        let exposure = config.server.mode.exposure();
        let causes = Arc::new(CauseReport::new(exposure.causes, binding_places(&graph, &assembled.sources)));
        let caching = caching(&graph, &config, options);
        let polls = polls(&graph, &config, options);
        Ok(Engine::new(EngineParts {
            graph: Arc::new(graph),
            view: Arc::new(view),
            sources,
            limits: limits(&config.limits),
            operations_bytes: config.limits.operations_bytes.get(),
            preparing_threads: std::thread::available_parallelism().map_or(1, usize::from),
            exposure,
            causes,
            bounds: bounds(&config),
            sharing: switched(&options.operations, config.sharing.operations),
            caching,
            writes: options.writes.at_most(config.server.max_unattended_writes),
            polls,
        }))
    }

    /// Makes the engine for an axum application of your own. It reads the environment of this process for `${NAME}` in
    /// the configuration, whose relative paths begin at `base`.
    ///
    /// # Errors
    /// The files have errors, the configuration leaves out something that a source needs, or a file that it names
    /// cannot be used.
    pub fn executor(&self, base: &Path) -> Result<EngineExecutor, EngineError> {
        let assembled = self.assemble(&|name| std::env::var(name).ok());
        let timeout = assembled.config.as_ref().map_or_else(Duration::default, |config| config.server.request_timeout);
        let options = EngineOptions { base: base.to_owned(), ..EngineOptions::default() };
        Ok(EngineExecutor::new(Arc::new(self.engine(assembled, &options)?), timeout))
    }

    /// Everything in the services and files of a configuration that [`Client::engine`] and
    /// [`authenticators`] would refuse, with at most one error per service. A missing URL is no error here,
    /// because it may be set where the process runs.
    #[doc(hidden)]
    #[must_use]
    pub fn check_files(graph: &Graph, config: &Config, base: &Path) -> Vec<EngineError> {
        let (default, flights) = (ServiceConfig::default(), FlightOptions::default());
        let common =
            Common { flights: &flights, request_timeout: config.server.request_timeout, base, keeps_headers: false };
        let of = |source: &Source| remote(source, config.services.get(&source.name).unwrap_or(&default), &common).err();
        let errors = graph.sources.iter().filter_map(of).chain(authenticators(config, base).err());
        errors.filter(|error| !matches!(error, EngineError::NoUrl(_))).collect()
    }

    fn sources(
        &self,
        graph: &Graph,
        config: &Config,
        options: &EngineOptions,
    ) -> Result<Vec<SourceAccess>, EngineError> {
        let default = ServiceConfig::default();
        let flights = switched(&options.flights, config.sharing.calls);
        // A shared call may be waited for as long as any request may take.
        let request_timeout = config.server.request_timeout;
        let flights = FlightOptions { timeout: flights.timeout.max(request_timeout), ..flights };
        let is_cached = options.cache.enabled && config.cache.enabled;
        let mut services = HashMap::new();
        for (id, source) in (0..).map(SourceId).zip(&graph.sources) {
            let of = config.services.get(&source.name).unwrap_or(&default);
            let is_polled = graph.ways.iter().any(|way| way.source == id && way.poll.is_some());
            let keeps_headers = is_polled || is_cached && of.cache;
            let common = Common { flights: &flights, request_timeout, base: &options.base, keeps_headers };
            if let Some(subgraph) = remote(source, of, &common)? {
                services.insert(Arc::from(source.name.as_str()), handle(source, of, subgraph));
            }
        }
        let services: HandleServices = Arc::new(services);
        let sourced = graph.sources.iter().map(|source| {
            let of = config.services.get(&source.name).unwrap_or(&default);
            let subgraph = match services.get(source.name.as_str()) {
                Some(service) => Arc::clone(&service.subgraph),
                None => {
                    let code = self.in_process.iter().find(|code| code.name() == source.name);
                    let code = code.ok_or_else(|| EngineError::NoCode(source.name.clone()))?;
                    Arc::new(code.build(Arc::clone(&services)))
                }
            };
            Ok(SourceAccess {
                subgraph,
                name: source.name.as_str().into(),
                config: Value::Object(of.config.clone()).into(),
                max_list_items: of.max_list_items.get(),
            })
        });
        sourced.collect()
    }
}

/// What one operation may cost according to the configuration.
fn bounds(config: &Config) -> Bounds {
    let Budget { calls, values } = config.budget.of_mode(config.server.mode);
    Bounds { answer_bytes: config.limits.answer_bytes.get(), calls, values, ..Bounds::default() }
}

/// The cache that the configuration asks for; `None` if caching is off.
fn caching(graph: &Graph, config: &Config, options: &EngineOptions) -> Option<Arc<CacheRules>> {
    let wanted = &config.cache;
    if !options.cache.enabled || !wanted.enabled {
        return None;
    }
    let cache_options = CacheOptions {
        max_bytes: wanted.max_bytes.get(),
        max_answer_bytes: wanted.max_answer_bytes,
        stale_if_error: wanted.stale_if_error,
        negative: wanted.negative,
        ..options.cache.clone()
    };
    let cache = Cache::with_second(cache_options, options.tier.clone());
    let is_on = |name: &str| config.services.get(name).is_none_or(|service| service.cache);
    let shares = options.flights.enabled && config.sharing.calls;
    Some(Arc::new(CacheRules::new(graph, cache, is_on, shares)))
}

/// Makes the table of polls, which is empty.
fn polls(graph: &Graph, config: &Config, options: &EngineOptions) -> Polls {
    let default = ServiceConfig::default();
    let of = |source: &Source| config.services.get(&source.name).unwrap_or(&default).max_in_flight.get();
    let is_shared = switched(&options.flights, config.sharing.calls).enabled;
    Polls::new(graph.sources.iter().map(of), is_shared)
}

/// The options of sharing, switched off if the configuration says so.
fn switched(options: &FlightOptions, is_on: bool) -> FlightOptions {
    FlightOptions { enabled: options.enabled && is_on, ..options.clone() }
}

/// What is the same for all services.
struct Common<'c> {
    flights: &'c FlightOptions,
    request_timeout: Duration,
    /// The folder to which paths of the configuration are relative.
    base: &'c Path,
    /// Whether the headers of answers are needed, because answers are cached or polled.
    keeps_headers: bool,
}

/// Makes a source over HTTP, with its guards and its flights; `None` for a source in this process.
fn remote(
    source: &Source,
    config: &ServiceConfig,
    common: &Common<'_>,
) -> Result<Option<Arc<dyn Subgraph>>, EngineError> {
    let declared = match source.kind.transport() {
        Transport::Http { base_url } => base_url.map(str::to_owned),
        Transport::InProcess => return Ok(None),
    };
    let urls = match (config.urls.as_slice(), config.url.clone().or(declared)) {
        ([], None) => return Err(EngineError::NoUrl(source.name.clone())),
        ([], Some(url)) => vec![url],
        (urls, _) => urls.to_vec(),
    };
    let (tls, credentials) = credentials::read(&source.name, config, common.base)?;
    let client = HttpClient::new(&ClientOptions {
        connect_timeout: config.connect_timeout,
        max_headers: config.max_response_headers.get(),
        max_header_bytes: config.max_response_header_bytes.get(),
        http2: config.http2,
        tls,
        ..ClientOptions::default()
    })
    .map_err(|cause| credentials::client_error(&source.name, config, common.base, cause))?;
    let services = urls.into_iter().map(|url| {
        let limits = HttpServiceConfig {
            timeout: config.timeout,
            max_response_bytes: config.max_response_bytes.get(),
            max_json_depth: config.max_json_depth.get().into(),
            // The configuration has been checked: it is a header's name.
            timeout_header: config.timeout_header.as_deref().and_then(|name| HeaderName::try_from(name).ok()),
            credentials: credentials.clone(),
            keeps_headers: common.keeps_headers,
            ..HttpServiceConfig::new(source.name.as_str(), url.as_str())
        };
        let service = HttpService::new(&client, limits).map_err(|cause| match cause {
            ServiceError::Url(cause) => EngineError::BadUrl { name: source.name.clone(), cause },
            ServiceError::Client(cause) => credentials::client_error(&source.name, config, common.base, cause),
        })?;
        Ok((Arc::from(url), Arc::new(service)))
    });
    let services = services.collect::<Result<Vec<_>, EngineError>>()?;
    let name: Arc<str> = source.name.as_str().into();
    Ok(Some(match services.as_slice() {
        // One by itself has no choice to make.
        [(_, only)] => shared(name, Arc::clone(only), config, common),
        _ => shared(Arc::clone(&name), Arc::new(Balancer::new(name, services)), config, common),
    }))
}

/// Puts guards and flights around a service.
fn shared<S: Subgraph + 'static>(
    name: Arc<str>,
    service: Arc<S>,
    config: &ServiceConfig,
    common: &Common<'_>,
) -> Arc<dyn Subgraph> {
    let guarded = GuardedSource::new(Arc::clone(&name), service, guard(config, common.request_timeout));
    Arc::new(SharedSource::new(name, Arc::new(guarded), common.flights.clone()))
}

/// How the calls to a service are guarded according to its configuration.
fn guard(config: &ServiceConfig, request_timeout: Duration) -> GuardOptions {
    let BreakerConfig { enabled, failures_in_row, open_for, max_open } = config.breaker;
    GuardOptions {
        queue: QueueOptions { max_in_flight: config.max_in_flight.get(), max_waiting: config.max_waiting },
        retry: RetryOptions { ratio: config.retry.ratio, per_second: config.retry.per_second },
        breaker: BreakerOptions {
            enabled,
            failures_in_row: failures_in_row.get(),
            open_for,
            max_open,
            patience: config.timeout.min(request_timeout).mul_f64(0.9),
        },
    }
}

/// A service as resolvers call it. The header rules of its `@source` hold for those calls too.
fn handle(source: &Source, config: &ServiceConfig, subgraph: Arc<dyn Subgraph>) -> HandleService {
    let mut service = HandleService { subgraph, forwarded: Vec::new(), fixed: Vec::new() };
    let settings = Value::Object(config.config.clone()).into();
    for rule in source.kind.headers() {
        let Ok(name) = HeaderName::from_bytes(rule.name.as_bytes()) else { continue };
        match rule.resolve(&settings) {
            ResolvedHeader::OfCaller(from) => {
                service.forwarded.extend(HeaderName::try_from(from).map(|from| ForwardedHeader { from, name }));
            }
            ResolvedHeader::Text(text) => {
                service.fixed.extend(HeaderValue::from_str(&text).map(|value| (name, value)));
            }
            ResolvedHeader::NotConfigured => {}
        }
    }
    service
}
