//! The demo shop: six REST services and one GraphQL service, each with its own embedded database.
//!
//! A test starts the whole shop in its own process with [`Shop::start`]; the binary `demo` serves it on
//! fixed ports. The services' contracts are `schema/services/*.openapi.yaml`.
//!
//! Modules, in the order data takes: `clock` and `facts` say what is true; `db` stores it;
//! `http` is what the services share on the wire; `services` answers; `service` and `shop` serve;
//! `probe` is what tests see of it, and [`keys`] makes the tokens that callers send.

mod clock;
mod db;
mod facts;
mod http;
pub mod keys;
pub mod probe;
mod service;
mod services;
mod shop;

pub use service::{SeedError, Service, ServiceName, UnknownService};
pub use services::reviews::sdl as reviews_sdl;
pub use shop::{Shop, ShopError, ShopOptions};
