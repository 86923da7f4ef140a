//! Configuration: how this deployment behaves.
//!
//! In: the text of `bespoke.yaml` or `bff.yaml`, and a way to read environment variables. Out: a checked [`Config`],
//! or findings that point into the text.
//! Elsewhere: what is true of the data is in SDL ([`crate::sdl`]); opening sockets and files ([`crate::http`], the
//! binaries).
//!
//! Always true:
//! - a [`Config`] that comes out of [`load()`] has passed every check; nothing looks at it twice;
//! - `${NAME}` is read in values only, and what it gives is a value: it never adds keys or lines;
//! - `schema/config.schema.json` is the JSON schema of exactly this module (a test compares them).

pub(crate) mod auth;
mod check;
mod guard;
mod interpolate;
mod load;
mod model;
mod security;
mod server;
mod service;
#[cfg(test)]
mod tests;
mod tree;

pub use auth::JwtConfig;
pub use guard::BreakerConfig;
pub use load::{KnownSource, check_declared_urls, check_services, load, place_of};
pub use model::{Budget, Config, LimitsConfig, PlaygroundConfig};
pub use server::{Exposure, LogFormat, Mode, ServerConfig};
pub use service::ServiceConfig;
