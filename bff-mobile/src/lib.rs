//! The phone app's client: its schema and services, and the field that is computed in Rust.

mod subgraph;

pub use subgraph::sdl;

use bespoke::engine::{Client, InProcessSource};
use bespoke::project::Files;
use include_dir::{Dir, include_dir};

static SCHEMA: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../schema");
const CONFIGURATION: &str = include_str!("../bff.yaml");

/// The client `mobile`.
#[must_use]
pub fn client() -> Client {
    let mut files = Files::default();
    files.insert_folder("schema", &SCHEMA);
    files.insert("bff-mobile/bff.yaml", CONFIGURATION);
    Client::new("mobile", files).in_process(InProcessSource {
        name: subgraph::NAME.to_owned(),
        sdl: sdl(),
        build: Box::new(subgraph::build),
    })
}
