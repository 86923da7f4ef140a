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
    /// The HTTP side.
    pub server: ServerConfig,
    /// The services that are called, by the names that SDL gives them.
    pub services: BTreeMap<String, ServiceConfig>,
    /// Who callers are.
    pub auth: AuthConfig,
    /// Limits on what one request may ask.
    pub limits: LimitsConfig,
    /// GraphiQL; in development only.
    pub playground: PlaygroundConfig,
    /// What any one operation of this client may cost.
    pub budget: BudgetConfig,
    /// What is done once for all who ask the same at the same time.
    pub sharing: SharingConfig,
    /// What is kept of services' answers.
    pub cache: CacheConfig,
}

impl Config {
    /// The keys, certificates and tokens that it names, as they are written: relative to the configuration file.
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

/// Limits on one GraphQL document, its variables and its answer: `limits`. Beyond a limit of the document or the variables
/// the request is refused before it is planned.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Length of a document, in bytes. Default: 65536 (64 KiB).
    pub bytes: NonZeroUsize,
    /// Lexical tokens in a document. Default: 5000.
    pub tokens: NonZeroU32,
    /// Depth of selection sets, fragments expanded. Default: 32.
    pub depth: NonZeroU32,
    /// Fields of an operation, fragments expanded. Default: 2000.
    pub fields: NonZeroU32,
    /// Values in all variables of one request: scalars, lists and objects, each item and member counted. Default: 100000.
    pub variable_values: NonZeroU32,
    /// Memory for documents that were seen, with what was made of them and their plans, in bytes; at the limit those go
    /// that are asked for least. Documents that differ in literal values alone share a plan. Default: 67108864 (64 MiB).
    pub operations_bytes: NonZeroU64,
    /// Length of an answer's `data`, in bytes; of an answer in parts, all parts together; of a subscription, each event.
    /// Beyond it the field of the root that reached it becomes null, with the error `ANSWER_TOO_LARGE` at the place where
    /// it was reached. Default: 16777216 (16 MiB).
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
    /// Folder of the page's files after `npm ci`, relative to the configuration file. Default: none; the files in the
    /// binary if it was built with them, else a plain form.
    pub dir: Option<PathBuf>,
    /// Documents to open as tabs, relative to the configuration file. `home.graphql` takes its variables from
    /// `home.variables.json` and its headers from `home.headers.json`, if they exist. At most 32. Default: none.
    pub tabs: Vec<PathBuf>,
    /// Bearer token that the page sends, for trying out; anybody who opens the page can read it. Default: none.
    pub token: Option<String>,
}

impl std::fmt::Debug for PlaygroundConfig {
    /// Holds back the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PlaygroundConfig")
            .field("dir", &self.dir)
            .field("tabs", &self.tabs)
            .field("has_token", &self.token.is_some())
            .finish()
    }
}

/// What any one operation of this client may cost: `budget`.
///
/// An operation whose known bound is over the budget is refused before it runs. Where the bound is not known, because
/// lists have no sizes, the operation runs, and what is over the budget is the error `OVER_BUDGET` at the place where it
/// was reached.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BudgetConfig {
    /// Calls of services by one operation, at most. Default: 250 in production, none in development.
    pub calls: Option<NonZeroU32>,
    /// Values in the answer of one operation, at most: leaves, and items of lists. Default: 500000 in production, none
    /// in development.
    pub values: Option<NonZeroU32>,
}

/// A budget in numbers; `None`: no bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Calls of services.
    pub calls: Option<u64>,
    /// Values in the answer.
    pub values: Option<u64>,
}

impl BudgetConfig {
    /// Calls and values without a configured number, in production.
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

/// What is done once for all who ask the same at the same time, with equal credentials: `sharing`.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SharingConfig {
    /// Equal reads of a service in flight are one call, and equal root calls of subscriptions one poll. Default: true.
    pub calls: bool,
    /// Equal queries in flight, and equal subscriptions, are run once. Default: true.
    pub operations: bool,
}

/// What is kept of services' answers, as their headers or `@cache` say: `cache`.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CacheConfig {
    /// Is anything? `services.<name>.cache` switches it off for one service. Default: true.
    pub enabled: bool,
    /// Memory for entries, in bytes; at the limit those go that are asked for least. Default: 67108864 (64 MiB).
    pub max_bytes: NonZeroU64,
    /// Memory for whole answers of queries whose every part is public and fresh, in bytes; at the limit those go that are
    /// asked for least. 0: none is kept. Not used in development, where each call is shown. Default: 16777216 (16 MiB).
    pub max_answer_bytes: u64,
    /// How long after its lifetime an answer may stand in for a service that fails, where the service does not say
    /// (`stale-if-error`). Default: 0s; then it stands in only where the service says so.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub stale_if_error: Duration,
    /// How long it is believed that something does not exist, at most; `@cache` of less holds too. Default: 5s.
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
