//! The operation names that get a label of their own, which are the most used ones.
//!
//! In: the name of each executed operation. Out: whether it is among the [`MOST_NAMES`] most used names.
//! Elsewhere: what is counted for a name ([`super::metrics`]).
//!
//! The labels do not go to the first names that are seen, because clients choose names, and a client that sends each
//! request under a new name would take all labels.
//!
//! Names with a label are counted exactly. Other names are counted by the Space-Saving algorithm (Metwally et al.,
//! 2005) with [`CANDIDATES`] counters: a new name takes over the counter with the lowest count, and that count is kept
//! as the error of the new name. A name gets a label when it has certainly (count less error) been used more often than
//! the least used name with a label, whose place it takes. All counts are halved from time to time, so that "most used"
//! refers to the recent past.
//!
//! Always true:
//! - there are never more than [`MOST_NAMES`] names with a label, whatever clients send;
//! - a name that is used once takes no label away from another.

use indexmap::IndexMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many names get a label of their own.
pub(super) const MOST_NAMES: usize = 200;

/// The longest name that gets a label of its own, in bytes.
const MAX_NAME_BYTES: usize = 128;

/// How many names without a label are counted.
const CANDIDATES: usize = 500;

/// All counts are halved when the names with a label together reach this count.
const HALVE_EVERY: u64 = 100_000;

/// The names with a label, each with what is counted for it.
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

/// The result when a name becomes one of the most used.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Admission {
    /// The name that loses its label; `None` while there are labels left.
    pub(super) instead_of: Option<Arc<str>>,
    /// How often the admitted name has certainly been used so far.
    uses: u64,
}

impl<T> Names<T> {
    /// Counts a use of a name, and returns what is counted for it; `None` if the name has no label.
    pub(super) fn used(&self, name: &str) -> Option<&T> {
        let labelled = self.labelled.get(name)?;
        labelled.uses.fetch_add(1, Ordering::Relaxed);
        Some(&labelled.counted)
    }

    /// Counts a use of a name without a label. If the result is an [`Admission`], the caller must call
    /// [`insert`](Self::insert).
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

    /// Gives an admitted name its label.
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
