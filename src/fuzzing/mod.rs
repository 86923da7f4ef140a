//! Entry points of the fuzz targets in `fuzz/`. They take any bytes, and panic if a rule that must always hold does
//! not.
//!
//! In: the bytes of libFuzzer, or of a replay of its corpus. Out: nothing. The program never uses this module.

mod document;
mod findings;
mod sdl;
mod variables;

pub use document::document;
pub use sdl::{client_sdl, openapi, service_sdl};
pub use variables::variables;

use crate::project::{Assembly, Files, assemble};
use std::path::Path;
use std::sync::OnceLock;

/// Takes a capture, a line break, and a body. Checks that the scanner and its oracle produce the same rows.
pub fn projection(data: &[u8]) {
    crate::execute::compare_projections(data);
}

/// The project of this repository, assembled for the client `web`.
fn web() -> &'static Assembly {
    static WEB: OnceLock<Assembly> = OnceLock::new();
    WEB.get_or_init(|| {
        let files = Files::read(Path::new(env!("CARGO_MANIFEST_DIR"))).expect("this repository's project");
        assemble(&files, "web", &[], &|_| Some(String::new()))
    })
}
