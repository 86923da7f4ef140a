//! A mutation test of `bespoke check`: every binding and view of the demo is broken in six ways, and each mistake must
//! be found at its place.
//!
//! In: the demo's schemas, as text. A mutant is one change of one file. Its generator says on which lines a finding
//! must be, and which codes it may have; the rules are stated beside the code that applies them. Mutants that are still
//! correct are left out, by rules that are stated in the same way: search for "equivalent".
//!
//! [`demo`] reads the files; [`binding`], [`other_operation`], [`types`] and [`source`] change the services' schemas,
//! [`view`] changes those of the clients; [`shown`] says what a client shows of the graph; [`run`] checks mutants on
//! all processors.

mod binding;
mod command;
mod demo;
mod mutant;
mod other_operation;
mod run;
mod shown;
mod source;
mod types;
mod view;

use bespoke::internals::diagnostic::{Code, DrawStyle, draw};
use demo::{Demo, Sdl};
use mutant::{Kind, Mutant};
use run::{CLIENTS, Runner};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

const KINDS: [Kind; 6] = [Kind::Operation, Kind::Parameter, Kind::Type, Kind::Nullability, Kind::Path, Kind::Source];

/// All mutants, without repeated changes.
fn all_mutants(demo: &Demo) -> Vec<Mutant> {
    let of_file = |sdl: &Sdl| {
        if sdl.client_schema().is_some() {
            return view::mutants(demo, sdl);
        }
        let mut all = if sdl.is_bound() { binding::mutants(demo, sdl) } else { Vec::new() };
        all.extend(types::mutants(demo, sdl));
        all.extend(source::mutants(demo, sdl));
        all
    };
    // Two generators may make the same change.
    let mut known = BTreeMap::<(String, String), usize>::new();
    let mut mutants: Vec<Mutant> = Vec::new();
    for mutant in demo.sdl.iter().flat_map(of_file) {
        match known.get(&(mutant.path.clone(), mutant.text.clone())) {
            Some(&at) => mutants[at].places.extend(mutant.places),
            None => {
                known.insert((mutant.path.clone(), mutant.text.clone()), mutants.len());
                mutants.push(mutant);
            }
        }
    }
    mutants
}

/// Checks all mutants of a kind. For each code, the first finding at the right place is drawn in a snapshot.
fn check_kind(kind: Kind) {
    let demo = Demo::read();
    let runner = Runner::new(&demo);
    let mutants: Vec<Mutant> = all_mutants(&demo).into_iter().filter(|mutant| mutant.kind == kind).collect();
    let verdicts = runner.verdicts(&mutants);
    let mut histogram = BTreeMap::<&str, usize>::new();
    let mut missed = Vec::new();
    let mut drawn = BTreeMap::<Code, String>::new();
    for (mutant, verdict) in mutants.iter().zip(&verdicts) {
        *histogram.entry(&mutant.path).or_default() += 1;
        match verdict {
            Ok(found) => {
                drawn.entry(found.finding.code).or_insert_with(|| {
                    let drawing = draw(std::slice::from_ref(&found.finding), &found.sources, DrawStyle::Plain);
                    format!("{}: {}\n\n{drawing}", mutant.path, mutant.what)
                });
            }
            Err(found) => missed.push(mutant.missed(found)),
        }
    }
    let mut table = String::new();
    for (path, count) in &histogram {
        let _ = writeln!(table, "{count:5} {path}");
    }
    eprintln!("{kind:?}: {} mutants, {} missed\n{table}", mutants.len(), missed.len());
    assert!(missed.is_empty(), "{} of {} missed:\n{}", missed.len(), mutants.len(), missed.join("\n"));
    let drawings: Vec<String> = drawn.into_values().collect();
    insta::assert_snapshot!(format!("{kind:?}").to_lowercase(), drawings.join("\n"));
}

#[test]
fn wrong_operations_are_found_at_their_lines() {
    check_kind(Kind::Operation);
}

#[test]
fn wrong_parameters_are_found_at_their_lines() {
    check_kind(Kind::Parameter);
}

#[test]
fn wrong_types_are_found_at_their_lines() {
    check_kind(Kind::Type);
}

#[test]
fn wrong_nullability_is_found_at_its_line() {
    check_kind(Kind::Nullability);
}

#[test]
fn wrong_paths_are_found_at_their_lines() {
    check_kind(Kind::Path);
}

#[test]
fn wrong_sources_are_found_at_their_lines() {
    check_kind(Kind::Source);
}

#[test]
fn the_unbroken_demo_has_no_finding() {
    let demo = Demo::read();
    for client in CLIENTS {
        let assembled = run::assembled(&demo.files, client);
        assert_eq!(draw(&assembled.findings, &assembled.sources, DrawStyle::Plain), "", "{client}");
        assert!(assembled.view.is_some(), "{client}");
    }
}

/// The mutation test is only worth what its generators cover.
#[test]
fn mutants_cover_every_binding_and_every_view_directive() {
    let demo = Demo::read();
    let mutants = all_mutants(&demo);
    for kind in KINDS {
        let count = mutants.iter().filter(|mutant| mutant.kind == kind).count();
        assert!(count >= 25, "{kind:?}: {count}");
    }
    assert!(mutants.len() >= 150, "{}", mutants.len());
    let kinds_within = |sdl: &Sdl, span: std::ops::Range<usize>| -> BTreeSet<Kind> {
        let is_within =
            |mutant: &&Mutant| mutant.path == sdl.path && mutant.at.start < span.end && span.start < mutant.at.end;
        mutants.iter().filter(is_within).map(|mutant| mutant.kind).collect()
    };
    let (mut bindings, mut views) = (0, 0);
    for sdl in &demo.sdl {
        for (ty, field, connect) in sdl.bindings() {
            bindings += 1;
            let name = field.map_or(ty.name.clone(), demo::FieldDef::coordinate);
            let kinds = kinds_within(sdl, connect.span.clone());
            assert!(kinds.contains(&Kind::Operation), "{name}: {kinds:?}");
            for (argument, kind) in [("params", Kind::Parameter), ("body", Kind::Parameter), ("selection", Kind::Path)]
            {
                let written = connect.argument(argument).is_some();
                assert!(!written || kinds.contains(&kind), "{name}: `{argument}:` without {kind:?}: {kinds:?}");
            }
        }
        let types = sdl.types.iter().map(|ty| (ty.name.clone(), &ty.directives));
        let fields = sdl.types.iter().flat_map(|ty| &ty.fields).map(|field| (field.coordinate(), &field.directives));
        for (name, directives) in types.chain(fields) {
            for directive in directives.iter().filter(|dir| matches!(dir.name.as_str(), "view" | "from")) {
                views += 1;
                let kinds = kinds_within(sdl, directive.span.clone());
                // `@from(path: ".")` has no name that could be misspelt, and a default may need the directive as it is.
                assert!(kinds.contains(&Kind::Source) || kinds.contains(&Kind::Path), "{name}: {kinds:?}");
            }
        }
    }
    assert!(bindings >= 20 && views >= 30, "{bindings} bindings, {views} views");
}
