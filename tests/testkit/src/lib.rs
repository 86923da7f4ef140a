//! Shared pieces of the integration tests.

pub mod faulty;
pub mod http2;
pub mod posts;
pub mod proxy;
pub mod recorded;
pub mod tls;
