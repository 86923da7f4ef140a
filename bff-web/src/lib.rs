//! The web shop's client: its schema and services, and the fields that are computed in Rust.
//!
//! What web and mobile both need belongs in the engine; here is wiring alone.

mod loyalty;
mod price;
mod subgraph;

pub use subgraph::sdl;

use bespoke::engine::{Client, InProcessSource};
use bespoke::project::Files;
use include_dir::{Dir, include_dir};

static SCHEMA: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../schema");
const CONFIGURATION: &str = include_str!("../bff.yaml");

/// The client `web`.
#[must_use]
pub fn client() -> Client {
    let mut files = Files::default();
    files.insert_folder("schema", &SCHEMA);
    files.insert("bff-web/bff.yaml", CONFIGURATION);
    Client::new("web", files).in_process(InProcessSource {
        name: subgraph::NAME.to_owned(),
        sdl: sdl(),
        build: Box::new(subgraph::build),
    })
}
