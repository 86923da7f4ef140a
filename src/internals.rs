//! What the tests, benchmarks and demo of this project use beside the public API ([`crate::bff`]). This module is not
//! part of the public API; any of it can change at any time.

/// See the room `cache`.
pub mod cache {
    pub use crate::cache::{
        Cache, CacheOptions, CacheRequest, CacheStatus, Domain, Entries, Entry, EntryKey, Fetch, HttpCache, LookUp,
        Mark, Moment, Response, StoredResponse, Tag, Tier, portable_key, strip_hop_by_hop,
    };
}

#[cfg(feature = "cli")]
/// See the room `cli`.
pub mod cli {
    pub use crate::cli::{Origin, ServeOptions, serve_client};
}

/// See the room `config`.
pub mod config {
    pub use crate::config::{Config, JwtConfig, Mode, PlaygroundConfig, ServiceConfig};
}

/// See the room `contract`.
pub mod contract {
    #[cfg(any(test, feature = "fuzz"))]
    pub use crate::contract::read_whole;
    pub use crate::contract::{Contract, Endpoint, Location, Parameter, SchemaId, SchemaKind, StatusPattern, read};
}

/// See the room `diagnostic`.
pub mod diagnostic {
    pub use crate::diagnostic::{Code, Finding, Sources, one_line};
    #[cfg(feature = "cli")]
    pub use crate::diagnostic::{DrawStyle, draw, page};
}

/// See the room `engine`.
pub mod engine {
    pub use crate::engine::{Client, Engine, EngineOptions, EngineParts, GraphQlEngine, Request, Response, Writes};
}

/// See the room `execute`.
pub mod execute {
    pub use crate::execute::{Bounds, CacheRules, CauseReport, Polls, SourceAccess};
}

/// See the room `flight`.
pub mod flight {
    pub use crate::flight::FlightOptions;
}

/// See the room `http`.
pub mod http {
    pub use crate::http::{Playground, ServeLimits, Server, Site, Workers, parse_request, router, serve, serve_by};
}

/// See the room `json`.
pub mod json {
    pub use crate::json::{Map, Value};
}

#[cfg(feature = "cli")]
/// See the room `mock`.
pub mod mock {
    pub use crate::mock::{MockEngine, MockOptions};
}

/// See the room `observe`.
pub mod observe {
    pub use crate::observe::{Exposition, Metrics, init};
}

/// See the room `operation`.
pub mod operation {
    pub use crate::operation::{LIMIT_EXCEEDED, Limits, OPERATION_NOT_FOUND, prepare};
}

/// See the room `policy`.
pub mod policy {
    pub use crate::policy::{Authenticators, Caller, JwtVerifier};
}

/// See the room `project`.
pub mod project {
    pub use crate::project::{Assembly, Files, assemble};
}

/// See the room `upstream`.
pub mod upstream {
    pub use crate::upstream::{Answer, CallError, Context, Request, SharedSource, Subgraph, encode};
}

/// See the room `view`.
pub mod view {
    pub use crate::view::{View, load, plain};
}
