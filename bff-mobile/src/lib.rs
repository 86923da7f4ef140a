//! The client of the phone app: its schema, its services, and the field that is computed in Rust.

mod subgraph;

use bespoke::bff::{Client, Files};
use include_dir::{Dir, include_dir};

static SCHEMA: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../schema");
const CONFIGURATION: &str = include_str!("../bff.yaml");

/// The client `mobile`.
#[must_use]
pub fn client() -> Client {
    let mut files = Files::default();
    files.insert_folder("schema", &SCHEMA);
    files.insert("bff-mobile/bff.yaml", CONFIGURATION);
    Client::new("mobile", files).in_process(subgraph::source())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// `bespoke check` and `bespoke plan` read the SDL from the file, because they do not run this code.
    #[test]
    fn the_sdl_file_is_this_subgraph() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("mobile-extras.graphql");
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            std::fs::write(&file, super::subgraph::source().sdl()).unwrap();
        }
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(text, super::subgraph::source().sdl(), "write {} again with UPDATE_SCHEMA=1", file.display());
    }
}
