//! The services, bodies and certificates that integration tests and benchmarks share.

pub mod faulty;
pub mod http2;
pub mod posts;
pub mod proxy;
pub mod recorded;
pub mod tls;
