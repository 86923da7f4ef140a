//! A mutation test of `bespoke check`: every binding and view of the demo is broken in six ways, and each break must
//! be found where it is.
//!
//! In: the demo's schemas, as text. A mutant is one change of one file; the generator says on which lines a finding
//! must stand, and with which codes, by rules that are stated where they are. Mutants that are still correct are left
//! out by stated rules, too: search for "equivalent".
//!
//! [`demo`] reads the files; [`binding`], [`other_operation`], [`types`] and [`source`] change the services' schemas,
//! [`view`] the clients'; [`shown`] says what a client shows of the graph.

mod binding;
mod demo;
mod mutant;
mod other_operation;
mod shown;
mod source;
mod types;
mod view;

use bespoke::diagnostic::{Finding, Sources, one_line};
use bespoke::project::{Assembled, assemble};
use demo::{Demo, Sdl};
use mutant::{Kind, Mutant};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

const CLIENTS: [&str; 2] = ["web", "mobile"];

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
    let all: Vec<Mutant> = demo.sdl.iter().flat_map(of_file).collect();
    // Two generators may make the same change.
    let mut texts = BTreeMap::<(String, String), Mutant>::new();
    for mutant in all {
        let key = (mutant.path.clone(), mutant.text.clone());
        texts.entry(key).and_modify(|known| known.places.extend(mutant.places.clone())).or_insert(mutant);
    }
    texts.into_values().collect()
}

fn check(demo: &Demo, client: &str, mutant: Option<&Mutant>) -> Assembled {
    let mut files = demo.files.clone();
    if let Some(mutant) = mutant {
        files.insert(mutant.path.clone(), mutant.text.as_str());
    }
    assemble(&files, client, &[], &|_| None)
}

/// The finding that stands where it must; else everything that was found.
fn verdict(demo: &Demo, mutant: &Mutant) -> Result<(Finding, Sources), Vec<String>> {
    let clients = CLIENTS.iter().filter(|client| mutant.client.as_deref().is_none_or(|only| only == **client));
    let mut found = Vec::new();
    for client in clients {
        let assembled = check(demo, client, Some(mutant));
        let is_right = |finding: &&Finding| {
            let Some(span) = finding.span() else { return false };
            let line = assembled.sources.position(span).line as usize;
            mutant.codes.contains(&finding.code) && mutant.is_place(assembled.sources.path(span.file), line)
        };
        if let Some(finding) = assembled.findings.iter().find(is_right) {
            return Ok((finding.clone(), assembled.sources.clone()));
        }
        found.extend(assembled.findings.iter().map(|finding| one_line(finding, &assembled.sources)));
    }
    Err(found)
}

/// Verdicts of all mutants, in their order, on all processors.
fn verdicts(demo: &Demo, mutants: &[Mutant]) -> Vec<Result<(Finding, Sources), Vec<String>>> {
    let next = AtomicUsize::new(0);
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let mut all: Vec<_> = std::thread::scope(|scope| {
        let work = || {
            let mut mine = Vec::new();
            while let Some((index, mutant)) = {
                let index = next.fetch_add(1, Ordering::Relaxed);
                mutants.get(index).map(|mutant| (index, mutant))
            } {
                mine.push((index, verdict(demo, mutant)));
            }
            mine
        };
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no check panics")).collect()
    });
    all.sort_by_key(|(index, _)| *index);
    all.into_iter().map(|(_, verdict)| verdict).collect()
}

#[test]
fn every_mutant_is_found_at_its_line() {
    let demo = Demo::read();
    let mutants = all_mutants(&demo);
    let verdicts = verdicts(&demo, &mutants);
    let mut histogram = BTreeMap::<(&str, Kind), usize>::new();
    let mut missed = Vec::new();
    for (mutant, verdict) in mutants.iter().zip(&verdicts) {
        *histogram.entry((&mutant.path, mutant.kind)).or_default() += 1;
        if let Err(found) = verdict {
            let places: BTreeSet<String> =
                mutant.places.iter().map(|place| format!("{}:{}-{}", place.path, place.first, place.last)).collect();
            missed.push(format!(
                "{:?} {}: {}\n  wanted {:?} at {:?}\n  found {}",
                mutant.kind,
                mutant.path,
                mutant.what,
                mutant.codes,
                places,
                if found.is_empty() { "nothing".to_owned() } else { found.join("\n        ") }
            ));
        }
    }
    for ((path, kind), count) in &histogram {
        eprintln!("{count:4} {path} {kind:?}");
    }
    eprintln!("{:4} mutants, {} missed", mutants.len(), missed.len());
    assert!(missed.is_empty(), "{} of {} missed:\n{}", missed.len(), mutants.len(), missed.join("\n"));
}
