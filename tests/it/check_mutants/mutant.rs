//! One change of one file, and where a finding must stand.

use super::demo::Sdl;
use bespoke::internals::diagnostic::Code;
use std::ops::Range;

/// What is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    Operation,
    Parameter,
    Type,
    Nullability,
    Path,
    Source,
}

/// Lines of a file, from 1, both ends included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) path: String,
    pub(super) first: usize,
    pub(super) last: usize,
}

/// A file with one change.
#[derive(Debug, Clone)]
pub(super) struct Mutant {
    pub(super) kind: Kind,
    /// The change, for people.
    pub(super) what: String,
    pub(super) path: String,
    /// What is replaced.
    pub(super) at: Range<usize>,
    /// The whole file.
    pub(super) text: String,
    /// The client whose check must find it; `None`: any.
    pub(super) client: Option<String>,
    /// A finding must stand at one of these.
    pub(super) places: Vec<Place>,
    /// With one of these codes.
    pub(super) codes: &'static [Code],
}

impl Sdl {
    /// The lines of a range.
    pub(super) fn place(&self, range: Range<usize>) -> Place {
        let line = |at: usize| self.text[..at].matches('\n').count() + 1;
        Place { path: self.path.clone(), first: line(range.start), last: line(range.end) }
    }

    /// A mutant whose finding stands on the changed lines, unless [`Mutant::or`] says more.
    pub(super) fn mutant(
        &self,
        kind: Kind,
        what: impl Into<String>,
        change: (Range<usize>, &str),
        codes: &'static [Code],
    ) -> Mutant {
        let (range, new) = change;
        let old = &self.text[range.clone()];
        // Lines stay where they are.
        let lost = old.matches('\n').count().saturating_sub(new.matches('\n').count());
        let text = format!("{}{new}{}{}", &self.text[..range.start], "\n".repeat(lost), &self.text[range.end..]);
        let what = what.into();
        let shown = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        Mutant {
            kind,
            what: format!("{what}: `{}` → `{}`", shown(old), shown(new)),
            path: self.path.clone(),
            at: range.clone(),
            text,
            client: self.client().map(str::to_owned),
            places: vec![self.place(range)],
            codes,
        }
    }
}

impl Mutant {
    /// Further places where the finding may stand, and why: each caller states the rule.
    pub(super) fn or(mut self, places: impl IntoIterator<Item = Place>) -> Self {
        self.places.extend(places);
        self
    }

    /// Does a finding on this line of this file count?
    pub(super) fn is_place(&self, path: &str, line: usize) -> bool {
        self.places.iter().any(|place| place.path == path && (place.first..=place.last).contains(&line))
    }
}

impl Mutant {
    /// What a person needs to know of one that was not found where it is.
    pub(super) fn missed(&self, found: &[String]) -> String {
        let places = self.places.iter().map(|place| format!("{}:{}-{}", place.path, place.first, place.last));
        let places: std::collections::BTreeSet<String> = places.collect();
        let found = if found.is_empty() { "nothing".to_owned() } else { found.join("\n        ") };
        let Self { kind, path, what, codes, .. } = self;
        format!("{kind:?} {path}: {what}\n  wanted {codes:?} at {places:?}\n  found {found}")
    }
}

/// A name that nothing has.
pub(super) fn misspelt(name: &str) -> String {
    format!("{name}x")
}

/// A name in a text.
#[derive(Debug, Clone)]
pub(super) struct Word<'t> {
    pub(super) text: &'t str,
    /// In the file.
    pub(super) span: Range<usize>,
    /// The name before `.` or `$`, if this one follows one: `$args` of `$args.id`.
    pub(super) after: Option<&'t str>,
    /// Does `:` follow?
    pub(super) is_entry: bool,
    /// How many `{` and `(` are open.
    pub(super) depth: usize,
}

/// The length of a method's name and of what it is given, which are no names of the contract.
fn method_len(text: &str) -> usize {
    let name = text.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(text.len());
    if !text[name..].starts_with('(') {
        return name;
    }
    let mut depth = 0_usize;
    for (at, c) in text[name..].char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return name + at + 1;
        }
    }
    text.len()
}

/// The names in a part of a file.
pub(super) fn words(text: &str, within: Range<usize>) -> Vec<Word<'_>> {
    let part = &text[within.clone()];
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-' || c == '$';
    let (mut words, mut depth, mut at) = (Vec::<Word<'_>>::new(), 0_usize, 0);
    while let Some(c) = part[at..].chars().next() {
        if let Some(method) = part[at..].strip_prefix("->") {
            at += "->".len() + method_len(method);
            continue;
        }
        if !is_name(c) {
            match c {
                '{' | '(' => depth += 1,
                '}' | ')' => depth = depth.saturating_sub(1),
                _ => {}
            }
            at += c.len_utf8();
            continue;
        }
        let len = part[at..].find(|c| !is_name(c)).unwrap_or(part.len() - at);
        // Names may hold `-`, but not that of a method's arrow.
        let is_cut = part[..at + len].ends_with('-') && part[at + len..].starts_with('>');
        let len = len - usize::from(is_cut);
        let word = &part[at..at + len];
        let before = part[..at].chars().next_back();
        let after = words.last().filter(|_| before == Some('.')).map(|last| last.text);
        let follows = part[at + len..].trim_start();
        let span = within.start + at..within.start + at + len;
        words.push(Word { text: word, span, after, is_entry: follows.starts_with(':'), depth });
        at += len;
    }
    words.retain(|word| !word.text.starts_with(|c: char| c.is_ascii_digit()));
    words
}
