//! The configuration file as a whole, and its small sections.

use super::auth::AuthConfig;
use super::server::{Mode, ServerConfig};
use super::service::ServiceConfig;
use crate::defaults;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A configuration file: `bespoke.yaml` of a project, `bff.yaml` of one client.
///
/// Any value may hold `${NAME}` (an environment variable; unset is an error), `${NAME:-default}` (default when unset
/// or empty) and `$${` (a literal `${`).
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Address, mode and limits of the HTTP server.
    pub server: ServerConfig,
    /// The services that are called, each under the name of its source in SDL.
    pub services: BTreeMap<String, ServiceConfig>,
    /// How callers are authenticated.
    pub auth: AuthConfig,
    /// Limits on what one request may ask.
    pub limits: LimitsConfig,
    /// GraphiQL; in development only.
    pub playground: PlaygroundConfig,
    /// How much one operation of this client may cost.
    pub budget: BudgetConfig,
    /// What equal requests share while they are running.
    pub sharing: SharingConfig,
    /// How answers of services are cached.
    pub cache: CacheConfig,
}

impl Config {
    /// The paths of all keys, certificates and tokens in the configuration, as they are written: relative paths begin in
    /// the folder of the configuration file.
    #[must_use]
    pub fn files(&self) -> Vec<&Path> {
        let of_services = self.services.values().flat_map(|service| {
            let tls = &service.tls;
            let certificates = [&tls.ca_file, &tls.client_cert_file, &tls.client_key_file];
            let token = service.token.as_ref().map(|token| &token.file);
            let identity = service.identity.as_ref().map(|identity| &identity.key_file);
            certificates.into_iter().filter_map(Option::as_ref).chain(token).chain(identity)
        });
        self.auth.files().chain(of_services.map(PathBuf::as_path)).collect()
    }
}

/// Limits on one GraphQL document, its variables and its answer: `limits`. A request whose document or variables exceed a
/// limit is refused before it is planned.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Largest document, in bytes. Default: 65536 (64 KiB).
    pub bytes: NonZeroUsize,
    /// Most lexical tokens in a document. Default: 5000.
    pub tokens: NonZeroU32,
    /// Largest depth of selection sets, with fragments expanded. Default: 32.
    pub depth: NonZeroU32,
    /// Most fields in an operation, with fragments expanded. Default: 2000.
    pub fields: NonZeroU32,
    /// Most values in the variables of one request; each scalar, list, object, item and member counts. Default: 100000.
    pub variable_values: NonZeroU32,
    /// Memory for validated documents and their plans, in bytes. When it is full, those that are used least are dropped.
    /// Documents that differ only in literal values share a plan. Default: 67108864 (64 MiB).
    pub operations_bytes: NonZeroU64,
    /// Largest `data` of an answer, in bytes. The parts of an incremental answer count together; each event of a
    /// subscription counts by itself. The root field that exceeds the limit becomes null, with the error
    /// `ANSWER_TOO_LARGE` at the place where it was exceeded. Default: 16777216 (16 MiB).
    pub answer_bytes: NonZeroUsize,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            bytes: defaults::DOCUMENT_BYTES,
            tokens: defaults::DOCUMENT_TOKENS,
            depth: defaults::DOCUMENT_DEPTH,
            fields: defaults::DOCUMENT_FIELDS,
            variable_values: defaults::VARIABLE_VALUES,
            operations_bytes: NonZeroU64::MIN.saturating_add((64 << 20) - 1),
            answer_bytes: defaults::ANSWER_BYTES,
        }
    }
}

/// GraphiQL at `/`, in development: `playground`.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PlaygroundConfig {
    /// Folder with the files of the page after `npm ci`, relative to the configuration file. Default: none; the page is
    /// the one that is built into the binary, or otherwise a plain form.
    pub dir: Option<PathBuf>,
    /// Documents that the page opens as tabs, relative to the configuration file. `home.graphql` takes its variables from
    /// `home.variables.json` and its headers from `home.headers.json`, if they exist. At most 32. Default: none.
    pub tabs: Vec<PathBuf>,
    /// Bearer token that the page sends. Anybody who opens the page can read it. Default: none.
    pub token: Option<String>,
}

impl std::fmt::Debug for PlaygroundConfig {
    /// Leaves the token out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PlaygroundConfig")
            .field("dir", &self.dir)
            .field("tabs", &self.tabs)
            .field("has_token", &self.token.is_some())
            .finish()
    }
}

/// How much one operation of this client may cost: `budget`.
///
/// An operation that is known to exceed the budget is refused before it runs. If its cost is not known, because a list has
/// no maximum length, the operation runs, and a field that exceeds the budget fails with the error `OVER_BUDGET`.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BudgetConfig {
    /// Most calls to services that one operation makes. Default: 250 in production, none in development.
    pub calls: Option<NonZeroU32>,
    /// Most values in the answer of one operation: leaves and items of lists. Default: 500000 in production, none in
    /// development.
    pub values: Option<NonZeroU32>,
}

/// A budget in numbers; `None` means no bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Most calls to services.
    pub calls: Option<u64>,
    /// Most values in the answer.
    pub values: Option<u64>,
}

impl BudgetConfig {
    /// The calls and values that production allows if the configuration says nothing.
    const DEFAULT: (u64, u64) = (250, 500_000);

    /// The budget while a server runs in this mode.
    #[must_use]
    pub fn of_mode(&self, mode: Mode) -> Budget {
        let (calls, values) = match mode {
            Mode::Production => (Some(Self::DEFAULT.0), Some(Self::DEFAULT.1)),
            Mode::Development => (None, None),
        };
        let written = |number: Option<NonZeroU32>| number.map(|number| u64::from(number.get()));
        Budget { calls: written(self.calls).or(calls), values: written(self.values).or(values) }
    }
}

/// What equal requests with equal credentials share while they are running: `sharing`.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SharingConfig {
    /// Whether equal reads from a service that are in flight are one call, and equal root calls of subscriptions one poll.
    /// Default: true.
    pub calls: bool,
    /// Whether equal queries that are in flight, and equal subscriptions, run once. Default: true.
    pub operations: bool,
}

/// How answers of services are cached, by their headers or by `@cache`: `cache`.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CacheConfig {
    /// Whether anything is cached. `services.<name>.cache` switches caching off for one service. Default: true.
    pub enabled: bool,
    /// Memory for entries, in bytes. When it is full, those that are used least are dropped. Default: 67108864 (64 MiB).
    pub max_bytes: NonZeroU64,
    /// Memory for whole answers of queries, in bytes; an answer is cached if every part of it is public and fresh. When the
    /// memory is full, those that are used least are dropped. `0` caches none. Development caches none either, so that it
    /// can show each call. Default: 16777216 (16 MiB).
    pub max_answer_bytes: u64,
    /// How long after the end of its lifetime an answer may be used while its service fails, if the service does not send
    /// `stale-if-error`. Default: 0s; such an answer is used only if the service allows it.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub stale_if_error: Duration,
    /// Longest time for which the cache holds that an object does not exist; a shorter lifetime of `@cache` has
    /// precedence. Default: 5s.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub negative: Duration,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            max_bytes: defaults::CACHE_BYTES,
            max_answer_bytes: defaults::CACHED_ANSWER_BYTES,
            stale_if_error: defaults::STALE_IF_ERROR,
            negative: defaults::NEGATIVE,
        }
    }
}

impl Default for SharingConfig {
    fn default() -> Self {
        Self { calls: true, operations: true }
    }
}
