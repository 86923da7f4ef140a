//! The demo shop: six REST services and one GraphQL service, each with its own embedded database.
//!
//! A test starts the whole shop in its own process with [`Shop::start`]; the binary `demo` serves it on
//! fixed ports. The services' contracts are `schema/services/*.openapi.yaml`.
//!
//! Modules, in the order in which data passes through them: `clock` and `facts` derive the shop's data; `db` stores it;
//! `http` holds the HTTP code that the services share; `services` answers requests; `service` and `shop` listen and
//! serve; `probe` lets tests watch and disturb a service; [`keys`] makes the tokens that callers send.

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
