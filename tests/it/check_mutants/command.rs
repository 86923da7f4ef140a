//! The mutation test of the command `bespoke check` itself, on folders.

use super::all_mutants;
use super::demo::Demo;
use super::mutant::{Kind, Mutant};
use std::path::Path;
use std::process::{Command, Output};

/// Runs `bespoke check --project FOLDER …`.
fn check(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bespoke"));
    // The demo makes its key when it starts. Without this key, the key file of each client would be missing (W304).
    command.env("JWT_PUBLIC_KEY_FILE", concat!(env!("CARGO_MANIFEST_DIR"), "/src/policy/test_keys/ed.pub"));
    command.arg("check").arg("--project").arg(folder).args(arguments).output().expect("the command runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Writes the demo's files to `folder`, with a mutant in place of the file that it changes.
fn write(demo: &Demo, mutant: &Mutant, folder: &Path) {
    for (path, original) in demo.files.iter() {
        let to = folder.join(path);
        std::fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        let text = if path == mutant.path { mutant.text.as_str() } else { original };
        std::fs::write(to, text).expect("a file");
    }
}

#[test]
fn the_command_accepts_the_unbroken_demo() {
    let output = check(Path::new(env!("CARGO_MANIFEST_DIR")), &[]);
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()), "{}", text(&output.stdout));
    let output = check(Path::new(env!("CARGO_MANIFEST_DIR")), &["--short"]);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), String::new()));
}

#[test]
fn the_command_refuses_a_mutant_and_says_where() {
    let demo = Demo::read();
    let mutants = all_mutants(&demo);
    let is_it =
        |mutant: &&Mutant| mutant.kind == Kind::Operation && mutant.what.starts_with("Query.user: op: `getUser`");
    let mutant = mutants.iter().find(is_it).expect("a misspelt operation");
    let folder = std::env::temp_dir().join(format!("bespoke-mutant-{}", std::process::id()));
    write(&demo, mutant, &folder);
    let (drawn, short) = (check(&folder, &[]), check(&folder, &["--short"]));
    let _ = std::fs::remove_dir_all(&folder);
    assert_eq!((drawn.status.code(), short.status.code()), (Some(1), Some(1)), "{}", text(&drawn.stderr));
    let place = &mutant.places[0];
    let expected =
        format!("{}:{}:36: E101 the contract of `users` has no operation `getUserx`\n", place.path, place.first);
    assert_eq!(text(&short.stdout), expected);
    assert!(text(&drawn.stdout).contains("error[E101]"), "{}", text(&drawn.stdout));
}
