//! Calls to sources. No other module calls out of this process.
//!
//! In: a [`Request`] to one source, with its [`BatchDomain`], the caller and a deadline.
//! Out: an [`Answer`], or a [`CallError`] that says whose fault it is.
//! Elsewhere: which calls to make ([`crate::plan`]); reading bodies ([`crate::execute`]).
//!
//! Always true:
//! - no call outlives its deadline, except a write that was sent, which the timeout of its service ends; no body is
//!   longer than its cap;
//! - two batch domains never share a call or a flight;
//! - a call that is not a read is sent once, or not at all;
//! - nothing of the caller is sent except what the [`Request`] holds and the headers for correlation.

mod balanced;
mod body;
mod bounded_head;
mod breaker;
mod cause;
mod client;
mod coding;
mod credentials;
mod deprecation;
mod direct;
mod domain;
mod failure;
mod finish;
mod guarded;
mod handle;
mod http2;
mod http_service;
mod in_process;
mod in_process_source;
mod model;
mod outgoing;
mod queue;
mod response;
mod retry;
mod retry_after;
mod shared;
mod target;
mod tls;
mod token_file;
mod write;

pub use balanced::Balancer;
pub use breaker::BreakerOptions;
pub use client::{ClientError, ClientIdentity, ClientOptions, HttpClient, TlsOptions};
pub use credentials::{Credentials, CredentialsError, Identity, IdentityOptions};
pub use domain::{BatchDomain, CredentialScope};
pub use guarded::{GuardOptions, GuardedSource};
pub use handle::{ForwardedHeader, HandleError, HandleService, HandleServices, UpstreamHandle, encode};
pub use http_service::{HttpService, HttpServiceConfig, ServiceError};
pub use in_process::{Deadline, InProcess};
pub(crate) use in_process::{caller_in, failed};
pub use in_process_source::InProcessSource;
pub use model::{Answer, CallError, CallErrorKind, Condition, Context, Request, Subgraph};
pub use queue::QueueOptions;
pub use retry::RetryOptions;
pub use shared::SharedSource;
pub use target::InvalidBaseUrl;
pub use token_file::TokenFile;
pub use write::{Write, Writes};
