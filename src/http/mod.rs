//! HTTP: GraphQL over HTTP, GraphiQL, health and metrics.
//!
//! In: HTTP requests and an engine. Out: HTTP responses, one log line and the metrics of each.
//! Elsewhere: what the answer says ([`crate::engine`]); who the caller is ([`crate::policy`]); counting and logging
//! ([`crate::observe`]).
//!
//! Two ports: the public one, and in production one for whoever runs the process ([`admin_router`]), where health and
//! metrics are.
//!
//! The way of a request: [`serve()`] reads its head, [`router`] finds its handler, `graphql` takes it apart with `correlation`, `negotiate` and
//! `request`, the engine answers, and `answer` chooses the status.
//!
//! Always true:
//! - a request reads one [`Server`] from its beginning to its end, also when it is replaced meanwhile;
//! - a request has one deadline, which covers its body, the engine and the answer;
//! - a client that leaves drops its engine future; a panic is a 500 of that request alone;
//! - a body of another type than `application/json` is refused: browsers cannot send ours without asking by CORS first;
//! - every answer of `/graphql` is JSON of the GraphQL response shape, errors included; only what is no HTTP request as
//!   RFC 9112 has it is answered in plain text.

mod answer;
mod caching;
mod connections;
mod correlation;
mod cors;
mod counted;
mod door;
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
mod stall;
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

pub use playground::Playground;
pub use request::parse_request;
pub use routes::{admin_router, router};
pub use serve::{ServeLimits, serve, serve_by};
pub use server::Server;
pub use site::Site;
pub use workers::Workers;
