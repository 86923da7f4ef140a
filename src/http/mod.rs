//! HTTP: GraphQL over HTTP, GraphiQL, health and metrics.
//!
//! In: HTTP requests and an engine. Out: HTTP responses, and one log line and the metrics of each request.
//! Elsewhere: the content of an answer ([`crate::engine`]); who the caller is ([`crate::policy`]); metrics and the log
//! ([`crate::observe`]).
//!
//! There are two ports: the public one and, in production, one for the operators of the process ([`admin_router`]),
//! which serves health and metrics.
//!
//! A request passes these stages: [`serve()`] reads its head, [`router`] finds its handler, `graphql` parses it with
//! `correlation`, `negotiate` and `request`, the engine answers it, and `answer` chooses the status.
//!
//! Always true:
//! - a request uses one [`Server`] from its beginning to its end, even if that server is replaced meanwhile;
//! - a request has one deadline, which covers its body, the engine and the answer;
//! - when a client leaves, the engine's future for it is dropped; a panic is a 500 for that request alone;
//! - a body of another type than `application/json` is refused, because a page of another origin can send
//!   `application/json` only after a CORS preflight;
//! - every answer of `/graphql` is JSON of the GraphQL response shape, errors included; only a message that is not a
//!   valid HTTP request by RFC 9112 is answered in plain text.

mod admission;
mod answer;
mod caching;
mod caller;
mod connections;
mod correlation;
mod cors;
mod counted;
mod ending;
mod event_stream;
mod framing;
mod graphql;
mod head;
mod headers;
mod health;
mod idle;
mod linger;
mod messages;
mod negotiate;
mod overload;
mod playground;
mod refusal;
mod request;
mod routes;
mod serve;
mod server;
mod site;
mod stream;
mod streams;
mod subgraphs;
mod takeover;
#[cfg(test)]
mod tests;
mod trace_state;
mod upload;
mod websocket;
mod workers;
mod write_timeout;

pub use playground::Playground;
pub use request::parse_request;
pub use routes::{admin_router, router};
pub use serve::{ServeLimits, serve, serve_by};
pub use server::Server;
pub use site::Site;
pub use workers::Workers;
