//! The engine: every room wired together, for one client.
//!
//! In: a [`Request`], the [`crate::policy::Caller`] and a deadline. Out: a [`Response`] with its bytes.
//! Elsewhere: HTTP around it ([`crate::http`]); the project's files ([`crate::project`]).

mod answers;
mod authentication;
mod client;
mod core;
mod credentials;
mod documents;
mod executor;
mod feeds;
mod model;
mod preparation;
mod shape;
mod sharing;
mod stream;

pub use crate::execute::Wording;
pub use crate::operation::GivenVariables;
pub use crate::upstream::{InProcess, Writes};
pub use authentication::authenticators;
pub use client::{Client, EngineError, EngineOptions};
#[cfg(feature = "cli")]
pub(crate) use core::refuse;
pub use core::{Engine, EngineParts};
pub use executor::EngineExecutor;
pub use model::{Audience, ClientCaching, GraphQlEngine, Request, Response, ResponseKind, ResponsePart, StreamRequest};
