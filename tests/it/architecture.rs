//! The table of the rooms in `src/` that may use each other, and a test that the sources keep to it.
//!
//! A *room* is a top-level module of the engine. An edge is any path `crate::room` in a room's sources; doc comments
//! and the room's own unit tests do not count.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Each room with the rooms that it may use, in the order in which data passes through them.
///
/// A new edge must be added here, with a reason in the commit. The fewer edges there are, the easier it is to read a
/// room alone.
const MAY_USE: &[(&str, &[&str])] = &[
    // Rooms that every other room may use.
    ("defaults", &[]),
    ("diagnostic", &[]),
    ("file", &[]),
    ("heap", &["json"]),
    ("ids", &[]),
    ("json", &[]),
    ("prefixed", &[]),
    ("retirement", &[]),
    ("suggest", &[]),
    // The pure rooms, which turn values into values.
    ("contract", &["diagnostic", "json", "retirement", "suggest"]),
    ("directive", &["diagnostic", "suggest"]),
    ("sdl", &["contract", "diagnostic", "directive", "json"]),
    ("compose", &["contract", "diagnostic", "ids", "json", "sdl", "suggest"]),
    ("view", &["compose", "diagnostic", "directive", "json", "suggest"]),
    ("operation", &["compose", "defaults", "heap", "ids", "json", "suggest", "view"]),
    ("plan", &["compose", "contract", "heap", "ids", "json", "operation"]),
    // The rooms that do the work, with I/O and clocks.
    ("config", &["defaults", "diagnostic"]),
    ("policy", &["config", "json"]),
    ("flight", &["defaults"]),
    ("cache", &["defaults", "prefixed"]),
    ("report", &["cache"]),
    (
        "upstream",
        &["cache", "compose", "defaults", "file", "flight", "json", "policy", "prefixed", "report", "retirement"],
    ),
    (
        "execute",
        &[
            "cache",
            "compose",
            "contract",
            "defaults",
            "heap",
            "json",
            "operation",
            "plan",
            "policy",
            "prefixed",
            "report",
            "upstream",
        ],
    ),
    // The rooms that connect the others.
    ("project", &["compose", "config", "contract", "diagnostic", "json", "operation", "plan", "view"]),
    (
        "engine",
        &[
            "cache",
            "compose",
            "config",
            "execute",
            "file",
            "flight",
            "operation",
            "plan",
            "policy",
            "project",
            "report",
            "upstream",
            "view",
        ],
    ),
    ("observe", &["config", "engine", "operation", "policy", "report"]),
    ("http", &["config", "engine", "json", "observe", "policy", "report"]),
    // The rooms that a client's own program uses, and that this project's tests, benchmarks and demo use besides.
    (
        "internals",
        &[
            "cache",
            "cli",
            "config",
            "contract",
            "diagnostic",
            "engine",
            "execute",
            "flight",
            "http",
            "json",
            "mock",
            "observe",
            "operation",
            "policy",
            "project",
            "upstream",
            "view",
        ],
    ),
    ("bff", &["cli", "engine", "policy", "project", "upstream"]),
    ("mock", &["engine", "operation", "policy", "view"]),
    (
        "fuzzing",
        &["compose", "contract", "diagnostic", "execute", "json", "operation", "plan", "project", "sdl", "view"],
    ),
    (
        "cli",
        &[
            "compose",
            "config",
            "diagnostic",
            "engine",
            "file",
            "http",
            "mock",
            "observe",
            "operation",
            "plan",
            "policy",
            "project",
            "suggest",
            "view",
        ],
    ),
];

/// Rooms that never do I/O and never read a clock.
const PURE: &[&str] = &[
    "compose",
    "contract",
    "diagnostic",
    "directive",
    "json",
    "operation",
    "plan",
    "retirement",
    "sdl",
    "suggest",
    "view",
];

/// The files of `execute` that hold only data, and are pure as well.
const PURE_FILES: &[&str] = &[
    "arena",
    "bounds",
    "cause/place",
    "cause/pointer",
    "input",
    "key_rules",
    "leaf",
    "memo",
    "project/items",
    "project/mod",
    "project/pairs",
    "project/scan",
    "project/seed",
    "project/walk",
    "read",
    "remote",
    "representation",
    "required",
    "step",
    "wording",
    "write",
    "write/meter",
    "write/parts",
    "write/slices",
];

/// The crates and paths that a pure room must not name.
const IMPURE: &[&str] = &[
    "async_trait",
    "hyper",
    "reqwest",
    "std::env",
    "std::fs",
    "std::io",
    "std::net",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "tokio",
];

pub(super) fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The sources of a room by path, as code without comments and unit tests.
pub(super) fn sources(room: &str) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    let single = src().join(format!("{room}.rs"));
    if single.is_file() {
        files.push(single);
    }
    walk(&src().join(room), &mut files);
    files.into_iter().map(|path| (path.clone(), code(&fs::read_to_string(&path).unwrap()))).collect()
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        let is_test = stem == "tests";
        if path.is_dir() && !is_test {
            walk(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !is_test {
            files.push(path);
        }
    }
}

/// Returns the code of a file without line comments, and without its unit tests and everything after them.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    text.lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .fold(String::new(), |all, line| all + line + "\n")
}

/// Every `use` of a file and every path inside it, flattened: `use a::{b, c::d}` gives `a::b` and `a::c::d`.
pub(super) fn paths(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut rest = code;
    while let Some(start) = rest.find(is_word) {
        let begins_word = &rest[start..];
        let end = begins_word.find(|c| !is_word(c)).unwrap_or(begins_word.len());
        let after = &begins_word[end..];
        if after.starts_with("::") {
            let length = tree(begins_word, "", &mut found);
            rest = &begins_word[length.max(end)..];
        } else {
            rest = after;
        }
    }
    found
}

/// Reads one path, including its braces if it has any, and returns its length in bytes.
fn tree(text: &str, prefix: &str, found: &mut BTreeSet<String>) -> usize {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut path = prefix.to_owned();
    let mut at = 0;
    loop {
        let word = text[at..].find(|c| !is_word(c)).unwrap_or(text.len() - at);
        path.push_str(&text[at..at + word]);
        at += word;
        if word == 0 || !text[at..].starts_with("::") {
            break;
        }
        path.push_str("::");
        at += 2;
        if text[at..].starts_with('{') {
            at += 1;
            loop {
                at += text[at..].find(|c: char| !c.is_whitespace() && c != ',').unwrap_or(text.len() - at);
                if at >= text.len() {
                    return at;
                }
                if text[at..].starts_with('}') {
                    return at + 1;
                }
                let length = tree(&text[at..], &path, found);
                // Skips `as name`, `*` and the like, up to the next item.
                at += length;
                at += text[at..].find([',', '}']).unwrap_or(text.len() - at);
            }
        }
    }
    found.insert(path);
    at
}

/// The rooms that a room uses, each with the files that use it.
fn edges(room: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, code) in sources(room) {
        let file = path.strip_prefix(src()).unwrap().display().to_string();
        for used in paths(&code) {
            let Some(used) = used.strip_prefix("crate::") else { continue };
            let other = used.split("::").next().unwrap_or_default();
            // An item of `lib.rs` itself or a macro is not a room.
            if other != room && other.starts_with(|c: char| c.is_ascii_lowercase()) {
                edges.entry(other.to_owned()).or_default().insert(file.clone());
            }
        }
    }
    edges
}

#[test]
fn rooms_use_only_what_the_table_allows() {
    let mut new = Vec::new();
    for (room, may_use) in MAY_USE {
        for (used, files) in edges(room) {
            if !may_use.contains(&used.as_str()) {
                new.push(format!("{room} → {used} in {files:?}"));
            }
        }
    }
    assert!(new.is_empty(), "edges that the table does not hold:\n{}", new.join("\n"));
}

#[test]
fn the_table_holds_every_room_and_no_edge_that_nobody_uses() {
    let known: BTreeSet<_> = MAY_USE.iter().map(|(room, _)| *room).collect();
    for entry in fs::read_dir(src()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let is_room = !matches!(name.as_str(), "lib" | "main");
        assert!(!is_room || known.contains(name.as_str()), "`{name}` is not in the table");
    }
    let mut idle = Vec::new();
    for (room, may_use) in MAY_USE {
        assert!(!sources(room).is_empty(), "`{room}` has no sources");
        let edges = edges(room);
        idle.extend(
            may_use.iter().filter(|other| !edges.contains_key(**other)).map(|other| format!("{room} → {other}")),
        );
    }
    assert!(idle.is_empty(), "edges that the table allows and nobody uses:\n{}", idle.join("\n"));
}

/// A path from a room back to itself, such as `["a", "b", "a"]`; `None` if there is none.
fn cycle<'a>(edges: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> Option<Vec<&'a str>> {
    /// Searches from the last room of `path` on. `done` has the rooms from which no path leads into a cycle.
    fn walk<'a>(
        edges: &BTreeMap<&'a str, BTreeSet<&'a str>>,
        path: &mut Vec<&'a str>,
        done: &mut BTreeSet<&'a str>,
    ) -> Option<Vec<&'a str>> {
        let room = *path.last()?;
        for next in edges.get(room).into_iter().flatten() {
            if let Some(start) = path.iter().position(|before| before == next) {
                return Some(path[start..].iter().copied().chain([*next]).collect());
            }
            if done.contains(next) {
                continue;
            }
            path.push(next);
            if let Some(cycle) = walk(edges, path, done) {
                return Some(cycle);
            }
            path.pop();
        }
        done.insert(room);
        None
    }
    let mut done = BTreeSet::new();
    edges.keys().find_map(|room| walk(edges, &mut vec![room], &mut done))
}

#[test]
fn no_rooms_use_each_other_in_a_circle() {
    let found: Vec<_> = MAY_USE.iter().map(|(room, _)| (*room, edges(room))).collect();
    let mut uses: BTreeMap<&str, BTreeSet<&str>> =
        found.iter().map(|(room, used)| (*room, used.keys().map(String::as_str).collect())).collect();
    assert_eq!(cycle(&uses), None, "each room must be readable without those that build on it");

    // The search must find a circle that is put in on purpose. The engine uses `report`, so an edge back makes one.
    uses.get_mut("report").unwrap().insert("engine");
    let planted = cycle(&uses).expect("a circle that was put in on purpose");
    assert!(planted.contains(&"report") && planted.contains(&"engine"), "{planted:?}");
}

#[test]
fn the_edge_names_no_method_of_authentication() {
    let named = sources("http").into_iter().filter(|(_, code)| code.contains("Jwt")).map(|(path, _)| path);
    let named: Vec<_> = named.collect();
    assert!(named.is_empty(), "methods are the business of `policy`: {named:?}");
}

#[test]
fn pure_rooms_name_no_clock_socket_file_or_environment() {
    let is_data = |path: &Path| PURE_FILES.iter().any(|file| path.ends_with(format!("execute/{file}.rs")));
    let execute = sources("execute").into_iter().filter(|(path, _)| is_data(path)).collect::<Vec<_>>();
    assert_eq!(execute.len(), PURE_FILES.len(), "a file of the data half is gone");
    let mut named = Vec::new();
    for (path, code) in PURE.iter().flat_map(|room| sources(room)).chain(execute) {
        for used in paths(&code) {
            let is_impure = |impure: &&&str| used == **impure || used.starts_with(&format!("{impure}::"));
            if let Some(impure) = IMPURE.iter().find(is_impure) {
                named.push(format!("{}: `{used}` is of `{impure}`", path.strip_prefix(src()).unwrap().display()));
            }
        }
    }
    assert!(named.is_empty(), "pure rooms do no I/O:\n{}", named.join("\n"));
}

#[test]
fn paths_are_found_however_they_are_written() {
    let code = code(
        "use crate::plan::{self, Plan, model::{Step, Way as W}};\n// use crate::http;\nfn f(x: crate::upstream::Answer) {}\n\
         use std::{fs, time::{Duration, Instant}};\nlet t = tokio::time::sleep(x); use crate::{a, b::c};\n\
         #[cfg(test)]\nmod tests {\n use crate::cli; }",
    );
    let found = paths(&code);
    let found: Vec<_> = found.iter().map(String::as_str).collect();
    assert_eq!(
        found,
        [
            "crate::a",
            "crate::b::c",
            "crate::plan::Plan",
            "crate::plan::model::Step",
            "crate::plan::model::Way",
            "crate::plan::self",
            "crate::upstream::Answer",
            "std::fs",
            "std::time::Duration",
            "std::time::Instant",
            "tokio::time::sleep",
        ]
    );
}
