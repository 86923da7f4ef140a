//! The seeds of the fuzz targets, replayed without libFuzzer: what held when they were written holds now.

use bespoke::fuzzing;
use std::fs;
use std::path::Path;

/// Runs a target on every seed in its folder.
fn replay(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut seeds = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let data = fs::read(&path).unwrap();
        eprintln!("{}", path.display());
        run(&data);
        // Cut short and spoiled, so that what refuses is met too.
        run(&data[..data.len() / 2]);
        for at in (0..data.len()).step_by(data.len() / 16 + 1) {
            let mut spoiled = data.clone();
            spoiled[at] ^= 0x15;
            run(&spoiled);
        }
        seeds += 1;
    }
    assert!(seeds >= 3, "{seeds} seeds in {}", folder.display());
}

#[test]
fn documents_are_refused_or_planned() {
    replay("document", fuzzing::document);
}

#[test]
fn variables_are_refused_or_fit() {
    replay("variables", fuzzing::variables);
}

#[test]
fn bodies_are_projected_or_leave_nothing() {
    replay("projection", fuzzing::projection);
}

#[test]
fn contracts_are_read_or_found_wrong() {
    replay("openapi", fuzzing::openapi);
}

#[test]
fn schemas_are_read_or_found_wrong() {
    replay("sdl", fuzzing::sdl);
}
