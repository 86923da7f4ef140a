//! The operation names that get a label of their own: the most used ones.
//!
//! In: the name of each executed operation. Out: whether it is among the [`MOST_NAMES`] most used.
//! Elsewhere: what is counted under a name ([`super::metrics`]).
//!
//! Why not the first ones: clients choose names, and whoever sends each request under a new one would take all labels.
//!
//! How: names with a label are counted exactly. Others are counted by Space-Saving (Metwally et al., 2005) with
//! [`CANDIDATES`] counters: a new name takes the least counter over, and its count before that is kept as its error. A
//! name gets a label when it was surely (count less error) used more often than the least used one that has a label, and
//! takes that one's place. All counts are halved from time to time, so that "most used" is of the recent past.
//!
//! Always true:
//! - there are never more names than that, whatever is sent;
//! - a name that is used once displaces nothing.

use indexmap::IndexMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Names that get a label of their own.
pub(super) const MOST_NAMES: usize = 200;

/// Longest name that gets a label of its own, in bytes.
const MAX_NAME_BYTES: usize = 128;

/// Names without a label that are counted.
const CANDIDATES: usize = 500;

/// All counts are halved when the named operations have been used so often since the last time.
const HALVE_EVERY: u64 = 100_000;

/// The names with a label, each with what is counted under it.
#[derive(Debug)]
pub(super) struct Names<T> {
    labelled: IndexMap<Arc<str>, Labelled<T>, ahash::RandomState>,
    candidates: IndexMap<Arc<str>, Candidate, ahash::RandomState>,
}

#[derive(Debug)]
struct Labelled<T> {
    uses: AtomicU64,
    counted: T,
}

#[derive(Debug, Clone, Copy)]
struct Candidate {
    uses: u64,
    error: u64,
}

impl<T> Default for Names<T> {
    fn default() -> Self {
        Self { labelled: IndexMap::default(), candidates: IndexMap::default() }
    }
}

/// A name is among the most used ones now.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Admission {
    /// The name that its label is taken away from; none, while there are labels left.
    pub(super) instead_of: Option<Arc<str>>,
    /// How often it was surely used so far.
    uses: u64,
}

impl<T> Names<T> {
    /// Counts a use of a name that has a label, and gives what is counted under it.
    pub(super) fn used(&self, name: &str) -> Option<&T> {
        let labelled = self.labelled.get(name)?;
        labelled.uses.fetch_add(1, Ordering::Relaxed);
        Some(&labelled.counted)
    }

    /// Counts a use of a name that has no label. If it is admitted, [`insert`](Self::insert) is to follow.
    pub(super) fn used_without_label(&mut self, name: &Arc<str>) -> Option<Admission> {
        if name.len() > MAX_NAME_BYTES {
            return None;
        }
        if self.labelled.len() < MOST_NAMES {
            return Some(Admission { instead_of: None, uses: 1 });
        }
        self.halve_if_due();
        let candidate = self.count(name);
        let sure = candidate.uses - candidate.error;
        let of_labels = self.labelled.iter().map(|(name, labelled)| (name, labelled.uses.load(Ordering::Relaxed)));
        let (least, uses) = of_labels.min_by_key(|(_, uses)| *uses).filter(|(_, uses)| *uses < sure)?;
        let least = Arc::clone(least);
        self.labelled.swap_remove(&least);
        self.candidates.swap_remove(name);
        self.candidates.insert(Arc::clone(&least), Candidate { uses, error: 0 });
        Some(Admission { instead_of: Some(least), uses: sure })
    }

    /// Gives a name that was admitted its label.
    pub(super) fn insert(&mut self, name: Arc<str>, admission: &Admission, counted: T) -> &T {
        let labelled = Labelled { uses: AtomicU64::new(admission.uses), counted };
        &self.labelled.entry(name).or_insert(labelled).counted
    }

    fn count(&mut self, name: &Arc<str>) -> Candidate {
        if let Some(known) = self.candidates.get_mut(name) {
            known.uses += 1;
            return *known;
        }
        let mut new = Candidate { uses: 1, error: 0 };
        if self.candidates.len() >= CANDIDATES {
            let least = self.candidates.iter().min_by_key(|(_, candidate)| candidate.uses);
            let least = least.map(|(name, candidate)| (Arc::clone(name), candidate.uses));
            if let Some((least, uses)) = least {
                self.candidates.swap_remove(&least);
                new = Candidate { uses: uses + 1, error: uses };
            }
        }
        self.candidates.insert(Arc::clone(name), new);
        new
    }

    fn halve_if_due(&mut self) {
        let uses: u64 = self.labelled.values().map(|labelled| labelled.uses.load(Ordering::Relaxed)).sum();
        if uses < HALVE_EVERY {
            return;
        }
        for labelled in self.labelled.values_mut() {
            *labelled.uses.get_mut() /= 2;
        }
        for candidate in self.candidates.values_mut() {
            *candidate = Candidate { uses: candidate.uses / 2, error: candidate.error / 2 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn use_name(names: &mut Names<()>, name: &str) {
        if names.used(name).is_some() {
            return;
        }
        let name: Arc<str> = name.into();
        if let Some(admission) = names.used_without_label(&name) {
            names.insert(name, &admission, ());
        }
    }

    fn has(names: &Names<()>, name: &str) -> bool {
        names.labelled.contains_key(name)
    }

    #[test]
    fn the_most_used_names_have_labels_whenever_they_came() {
        let mut names = Names::default();
        (0..MOST_NAMES).for_each(|at| use_name(&mut names, &format!("Early{at}")));
        for round in 0..20 {
            (0..250).for_each(|at| use_name(&mut names, &format!("Screen{}", at % 50)));
            (0..200).for_each(|at| use_name(&mut names, &format!("Rare{round}-{at}")));
        }
        assert!((0..50).all(|at| has(&names, &format!("Screen{at}"))));
        assert_eq!((names.labelled.len(), names.candidates.len()), (MOST_NAMES, CANDIDATES));
    }

    #[test]
    fn names_that_are_used_once_displace_nothing() {
        let mut names = Names::default();
        for _ in 0..3 {
            (0..MOST_NAMES).for_each(|at| use_name(&mut names, &format!("Screen{at}")));
        }
        (0..20_000).for_each(|at| use_name(&mut names, &format!("Noise{at}")));
        assert!((0..MOST_NAMES).all(|at| has(&names, &format!("Screen{at}"))));
        assert!(names.candidates.len() <= CANDIDATES);
        use_name(&mut names, &"x".repeat(MAX_NAME_BYTES + 1));
        assert!(!has(&names, &"x".repeat(MAX_NAME_BYTES + 1)));
    }

    #[test]
    fn what_was_much_used_long_ago_makes_room() {
        let mut names = Names::default();
        for _ in 0..400 {
            (0..MOST_NAMES).for_each(|at| use_name(&mut names, &format!("Old{at}")));
        }
        for _ in 0..1_000 {
            (0..MOST_NAMES / 2).for_each(|at| use_name(&mut names, &format!("Old{at}")));
            use_name(&mut names, "New");
        }
        assert!(has(&names, "New"), "used more often than half of the old ones, of late");
    }
}
