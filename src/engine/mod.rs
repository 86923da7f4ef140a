//! The engine: every room wired together, for one client.
//!
//! In: a [`Request`], the [`crate::policy::Caller`] and a deadline. Out: a [`Response`] with its bytes.

mod model;

pub use model::{CallRecord, GraphQlEngine, Request, Response, ResponseKind};
