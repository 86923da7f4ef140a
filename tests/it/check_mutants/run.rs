//! Checks mutants on all processors.
//!
//! A mutant of a client's schema is first checked against the graph of the unbroken services, which is faster, because
//! the graph is composed only once. Only mutants that are not found in this way are assembled in full.

use super::demo::Demo;
use super::mutant::Mutant;
use bespoke::internals::diagnostic::{Finding, Sources, one_line};
use bespoke::internals::project::{Assembly, Files, assemble};
use bespoke::internals::view;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

pub(super) const CLIENTS: [&str; 2] = ["web", "mobile"];

/// A finding at the right place, with the sources that it refers to.
pub(super) struct Right {
    pub(super) finding: Finding,
    pub(super) sources: Sources,
}

/// The runner, which holds each client as it is assembled from the unbroken files.
pub(super) struct Runner<'d> {
    demo: &'d Demo,
    unbroken: BTreeMap<&'static str, Assembly>,
}

/// Assembles a client as `bespoke check` does.
pub(super) fn assembled(files: &Files, client: &str) -> Assembly {
    assemble(files, client, &[], &|_| None)
}

impl<'d> Runner<'d> {
    pub(super) fn new(demo: &'d Demo) -> Self {
        let unbroken = CLIENTS.into_iter().map(|client| (client, assembled(&demo.files, client)));
        Self { demo, unbroken: unbroken.collect() }
    }

    /// The verdicts of all mutants, in their order.
    pub(super) fn verdicts(&self, mutants: &[Mutant]) -> Vec<Result<Right, Vec<String>>> {
        let next = AtomicUsize::new(0);
        let work = || {
            let mut mine = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(mutant) = mutants.get(index) else { return mine };
                mine.push((index, self.verdict(mutant)));
            }
        };
        let workers = std::thread::available_parallelism().map_or(2, usize::from);
        let mut all: Vec<_> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
            workers.into_iter().flat_map(|worker| worker.join().expect("no check panics")).collect()
        });
        all.sort_by_key(|(index, _)| *index);
        all.into_iter().map(|(_, verdict)| verdict).collect()
    }

    /// The finding at the right place; as an error, everything that was found instead.
    fn verdict(&self, mutant: &Mutant) -> Result<Right, Vec<String>> {
        if let Some(right) = self.over_unbroken_graph(mutant) {
            return Ok(right);
        }
        let mut files = self.demo.files.clone();
        files.insert(mutant.path.clone(), mutant.text.as_str());
        let mut found = Vec::new();
        for client in CLIENTS.iter().filter(|client| mutant.client.as_deref().is_none_or(|only| only == **client)) {
            let Assembly { findings, sources, .. } = assembled(&files, client);
            if let Some(finding) = right(mutant, &findings, &sources) {
                return Ok(Right { finding, sources });
            }
            found.extend(findings.iter().map(|finding| one_line(finding, &sources)));
        }
        found.sort();
        found.dedup();
        Err(found)
    }

    fn over_unbroken_graph(&self, mutant: &Mutant) -> Option<Right> {
        let client = mutant.client.as_deref().filter(|client| mutant.path == format!("schema/{client}.graphql"))?;
        let unbroken = self.unbroken.get(client)?;
        let mut sources = unbroken.sources.clone();
        let file = sources.add(mutant.path.as_str(), mutant.text.as_str());
        let (_, findings) = view::load(&sources, file, unbroken.graph.as_ref()?);
        right(mutant, &findings, &sources).map(|finding| Right { finding, sources })
    }
}

fn right(mutant: &Mutant, findings: &[Finding], sources: &Sources) -> Option<Finding> {
    let is_right = |finding: &&Finding| {
        let Some(span) = finding.span() else { return false };
        let line = sources.position(span).line as usize;
        mutant.codes.contains(&finding.code) && mutant.is_place(sources.path(span.file), line)
    };
    findings.iter().find(is_right).cloned()
}
