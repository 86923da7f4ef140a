//! Entry points of the fuzz targets in `fuzz/`: any bytes in, a panic where something that always holds does not.
//!
//! In: what libFuzzer, or a replay of its corpus, gives. Out: nothing. The program never uses this.

mod document;
mod findings;
mod sdl;
mod variables;

pub use document::document;
pub use sdl::{client_sdl, openapi, service_sdl};
pub use variables::variables;

use crate::project::{Assembled, Files, assemble};
use std::path::Path;
use std::sync::OnceLock;

/// What is captured, a line break, and a body: the scanner and its oracle leave the same behind.
pub fn projection(data: &[u8]) {
    crate::execute::compare_projections(data);
}

/// This repository's project, as the web client has it.
fn web() -> &'static Assembled {
    static WEB: OnceLock<Assembled> = OnceLock::new();
    WEB.get_or_init(|| {
        let files = Files::read(Path::new(env!("CARGO_MANIFEST_DIR"))).expect("this repository's project");
        assemble(&files, "web", &[], &|_| Some(String::new()))
    })
}
