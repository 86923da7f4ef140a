//! Runs the fuzz targets on their seeds without libFuzzer, to check that what held when the seeds were written still
//! holds. Files that the project has anyway, such as its schemas, are seeds too.

use bespoke::fuzzing;
use std::fs;
use std::path::{Path, PathBuf};

/// Runs a target on its own seeds and on files of this repository. `files` are folders, each with the end of the names
/// of the files in it that are used.
fn replay(target: &str, files: &[(&str, &str)], run: fn(&[u8])) {
    let corpus = format!("fuzz/corpus/{target}");
    let own = (corpus.as_str(), "");
    let seeds: Vec<PathBuf> = std::iter::once(&own).chain(files).flat_map(|(folder, end)| find(folder, end)).collect();
    for path in &seeds {
        let data = fs::read(path).unwrap();
        eprintln!("{}", path.display());
        run(&data);
        // The seed is also cut short and damaged, so that the code that refuses input runs too.
        run(&data[..data.len() / 2]);
        for at in (0..data.len()).step_by(data.len() / 16 + 1) {
            let mut spoiled = data.clone();
            spoiled[at] ^= 0x15;
            run(&spoiled);
        }
    }
    assert!(seeds.len() >= 3, "{} seeds of {target}", seeds.len());
    let empty = files.iter().find(|(folder, end)| find(folder, end).is_empty());
    assert_eq!(empty, None, "nothing there");
}

/// The files in a folder, but not below it, whose names end with `end`, sorted. Empty if there is no such folder.
fn find(folder: &str, end: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = paths.filter(|path| path.is_file() && path.to_string_lossy().ends_with(end)).collect();
    files.sort();
    files
}

#[test]
fn documents_are_refused_or_planned() {
    replay("document", &[("bff-web/operations", ".graphql")], fuzzing::document);
}

#[test]
fn variables_are_refused_or_fit() {
    replay("variables", &[], fuzzing::variables);
}

#[test]
fn bodies_are_projected_or_leave_nothing() {
    replay("projection", &[], fuzzing::projection);
}

#[test]
fn contracts_are_read_or_found_wrong() {
    replay(
        "openapi",
        &[("schema/services", "users.openapi.yaml"), ("schema/services", "payments.openapi.yaml")],
        fuzzing::openapi,
    );
}

#[test]
fn service_schemas_are_read_or_found_wrong() {
    let files = [
        ("fuzz/shop", "shop.graphql"),
        ("schema/services", "payments.graphql"),
        ("schema/services", "reviews.graphql"),
        ("bff-web", "web-extras.graphql"),
        ("tests/fixtures/posts/schema/services", "posts.graphql"),
    ];
    replay("service_sdl", &files, fuzzing::service_sdl);
}

#[test]
fn client_schemas_are_read_or_found_wrong() {
    let files = [("schema", "mobile.graphql"), ("tests/fixtures", "library.graphql")];
    replay("client_sdl", &files, fuzzing::client_sdl);
}
