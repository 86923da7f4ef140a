//! The files of a room that use each other, and a test that they do so in one direction only.
//!
//! An edge is a path from one file's code to an item of another: `super::draft::Draft` in `compose/key.rs` is an edge
//! to `compose/draft.rs`. A name that a module only re-exports belongs to the file that declares it, so there is no
//! edge to a `mod.rs` that only lists and re-exports its modules.

use super::architecture::{paths, sources, src};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The rooms without a circle between their files.
const WITHOUT_CYCLES: &[&str] = &["compose", "config", "contract", "directive", "project"];

/// A room's files, each by the path of its module, such as `compose::rest::binding`.
struct Files {
    code: BTreeMap<String, String>,
    /// The path that a `pub use` re-exports, by its module and its name there.
    exports: BTreeMap<(String, String), String>,
}

impl Files {
    fn of_room(room: &str) -> Self {
        let module = |path: &Path| {
            let path = path.strip_prefix(src()).unwrap().with_extension("").display().to_string();
            path.strip_suffix("/mod").unwrap_or(&path).replace('/', "::")
        };
        Self::new(sources(room).into_iter().map(|(path, code)| (module(&path), code)))
    }

    fn new(code: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut files = Self { code: code.into_iter().collect(), exports: BTreeMap::new() };
        let exports = files.code.iter().flat_map(|(module, code)| {
            exported(code).into_iter().filter_map(|path| {
                let name = path.rsplit("::").next()?.to_owned();
                Some(((module.clone(), name), files.absolute(module, &path)?))
            })
        });
        files.exports = exports.collect();
        files
    }

    /// A path from the root of the crate; `None` if the path leads out of the crate, or to an item of the same file.
    fn absolute(&self, module: &str, path: &str) -> Option<String> {
        let (mut module, mut path) = (module.to_owned(), path);
        if let Some(path) = path.strip_prefix("crate::") {
            return Some(path.to_owned());
        }
        if let Some(rest) = path.strip_prefix("self::") {
            return Some(format!("{module}::{rest}"));
        }
        if path.starts_with("super::") {
            while let Some(rest) = path.strip_prefix("super::") {
                module = module.rsplit_once("::")?.0.to_owned();
                path = rest;
            }
            return Some(format!("{module}::{path}"));
        }
        let child = format!("{module}::{}", path.split("::").next()?);
        self.code.contains_key(&child).then(|| format!("{module}::{path}"))
    }

    /// The module whose file declares the item that a path from the crate's root names; `None` if it is not in this
    /// room.
    fn declaring(&self, path: &str) -> Option<String> {
        let mut names = path.split("::").filter(|name| !name.is_empty() && *name != "self");
        let mut module = names.next()?.to_owned();
        if !self.code.keys().any(|known| *known == module || known.starts_with(&format!("{module}::"))) {
            return None;
        }
        for name in names {
            let child = format!("{module}::{name}");
            if self.code.contains_key(&child) {
                module = child;
            } else if let Some(export) = self.exports.get(&(module.clone(), name.to_owned())) {
                return self.declaring(export);
            } else {
                break;
            }
        }
        Some(module)
    }

    /// Each file, with the files that it uses.
    fn edges(&self) -> BTreeMap<&str, BTreeSet<String>> {
        let used = |module: &String, code: &String| {
            let paths = paths(code).into_iter().filter_map(|path| self.absolute(module, &path));
            paths.filter_map(|path| self.declaring(&path)).filter(|used| used != module).collect()
        };
        self.code.iter().map(|(module, code)| (module.as_str(), used(module, code))).collect()
    }

    /// Files in a circle: each uses the next one, and the last one the first.
    fn cycle(&self) -> Option<Vec<String>> {
        let edges = self.edges();
        let mut done = BTreeSet::new();
        edges.keys().find_map(|file| search(file, &edges, &mut Vec::new(), &mut done))
    }
}

/// The paths that a file re-exports.
fn exported(code: &str) -> BTreeSet<String> {
    let begins = ["\npub use ", "\npub(super) use ", "\npub(crate) use "];
    let uses = begins.iter().flat_map(|begin| code.split(begin).skip(1));
    uses.filter_map(|item| item.split_once(';')).flat_map(|(path, _)| paths(path)).collect()
}

/// Searches for a circle from a file on. `way` is the path of files that led to it.
fn search(
    file: &str,
    edges: &BTreeMap<&str, BTreeSet<String>>,
    way: &mut Vec<String>,
    done: &mut BTreeSet<String>,
) -> Option<Vec<String>> {
    if let Some(start) = way.iter().position(|before| before == file) {
        return Some(way[start..].to_vec());
    }
    if done.contains(file) {
        return None;
    }
    way.push(file.to_owned());
    let cycle = edges.get(file).into_iter().flatten().find_map(|next| search(next, edges, way, done));
    way.pop();
    done.insert(file.to_owned());
    cycle
}

#[test]
fn files_of_a_room_use_each_other_in_one_direction() {
    for room in WITHOUT_CYCLES {
        let files = Files::of_room(room);
        assert!(files.edges().values().any(|used| !used.is_empty()), "no file of `{room}` uses another: is it read?");
        assert_eq!(files.cycle(), None, "files of `{room}` are in a circle");
    }
}

/// The files that may tell kinds of sources or of calls apart, below `src/`.
const KNOWS_KINDS: &[&str] = &["compose/bind/", "compose/kind/", "execute/request.rs"];

#[test]
fn kinds_of_sources_are_told_apart_in_one_place() {
    let names_kind = |path: &String| {
        let path = path.replace("crate::compose::", "");
        path.starts_with("SourceKind::") || path.starts_with("Call::Rest") || path.starts_with("Call::GraphQl")
    };
    let rooms = fs::read_dir(src()).unwrap().map(|entry| entry.unwrap().path());
    let rooms = rooms.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned());
    let files = rooms.flat_map(|room| sources(&room)).map(|(path, code)| {
        let path = path.strip_prefix(src()).unwrap().display().to_string();
        (path, paths(&code).iter().filter(|path| names_kind(path)).cloned().collect::<Vec<_>>())
    });
    let (know, others): (Vec<_>, Vec<_>) = files
        .filter(|(_, named)| !named.is_empty())
        .partition(|(path, _)| KNOWS_KINDS.iter().any(|known| path.starts_with(known)));
    assert!(know.len() > 2, "{know:?}: are the kinds called otherwise?");
    assert!(others.is_empty(), "ask a method of `compose/kind/mod.rs` instead: {others:#?}");
}

#[test]
fn tests_are_in_the_files_where_rust_looks_for_them() {
    let mut open = vec![src()];
    while let Some(folder) = open.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let name = path.file_name().unwrap().to_string_lossy();
            assert!(!name.ends_with("_tests.rs") && name != "test.rs", "{}: call it `tests.rs`", path.display());
            if path.is_dir() {
                open.push(path);
            } else if name.ends_with(".rs") {
                let text = fs::read_to_string(&path).unwrap();
                assert!(!text.contains("#[path"), "{} says where a module's file is", path.display());
            }
        }
    }
}

#[test]
fn a_circle_of_files_is_found_however_its_paths_are_written() {
    let cycle = |files: &[(&str, &str)]| {
        let files = files.iter().map(|(module, code)| ((*module).to_owned(), (*code).to_owned()));
        Files::new(files).cycle().map(|cycle| cycle.join(" → "))
    };
    let found = |files: &[(&str, &str)]| cycle(files).unwrap_or_default();
    // The edge back is a path from the crate, a path from the parent, a path in braces, or a name that the parent
    // re-exports.
    for back in [
        "use crate::room::a::A;",
        "use super::a::A;",
        "use super::{a, c::C};",
        "use super::A;",
        "fn f() { super::a::f(); }",
        "use crate::room::{c, A};",
    ] {
        let files = [
            ("room", "mod a; mod b; mod c;\npub use a::{A, f};"),
            ("room::a", "use super::b::B;"),
            ("room::b", back),
            ("room::c", ""),
        ];
        assert_eq!(found(&files), "room::a → room::b", "{back}");
    }
    // A child uses an item of its parent, and the parent calls the child.
    let driven =
        [("room", "mod a;\nstruct SharedSource;\nfn drive() { a::work(); }"), ("room::a", "use super::SharedSource;")];
    assert_eq!(found(&driven), "room → room::a");
    // Longer circles, and circles over several folders.
    let far = [
        ("room", "mod a; mod b;"),
        ("room::a", "use super::b::inner::I;"),
        ("room::b", "mod inner; pub use inner::I;"),
        ("room::b::inner", "use crate::room::b::other; use super::super::a::A;"),
    ];
    assert_eq!(found(&far), "room::a → room::b::inner");
    // Uses in one direction are not a circle, and files of other rooms do not count.
    let sound = [
        ("room", "mod a; mod b;\npub use a::A;\npub use b::B;"),
        ("room::a", "use super::B; use crate::other::A;"),
        ("room::b", "use std::fmt;"),
    ];
    assert_eq!(cycle(&sound), None);
}
