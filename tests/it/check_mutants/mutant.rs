//! One change of one file, and the places where a finding must be.

use super::demo::Sdl;
use bespoke::internals::diagnostic::Code;
use std::ops::Range;

/// The part of a schema that a mutant breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    Operation,
    Parameter,
    Type,
    Nullability,
    Path,
    Source,
}

/// Lines of a file, counted from 1, including the first and the last.
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
    /// A text for people that names the change.
    pub(super) what: String,
    pub(super) path: String,
    /// The place of the text that is replaced.
    pub(super) at: Range<usize>,
    /// The text of the whole file after the change.
    pub(super) text: String,
    /// The client whose check must find the mutant; `None` if the check of any client may find it.
    pub(super) client: Option<String>,
    /// The places at one of which a finding must be.
    pub(super) places: Vec<Place>,
    /// The codes, one of which the finding must have.
    pub(super) codes: &'static [Code],
}

impl Sdl {
    /// The lines of a range of bytes.
    pub(super) fn place(&self, range: Range<usize>) -> Place {
        let line = |at: usize| self.text[..at].matches('\n').count() + 1;
        Place { path: self.path.clone(), first: line(range.start), last: line(range.end) }
    }

    /// Makes a mutant whose finding must be on the changed lines, or at places that [`Mutant::or`] adds.
    pub(super) fn mutant(
        &self,
        kind: Kind,
        what: impl Into<String>,
        change: (Range<usize>, &str),
        codes: &'static [Code],
    ) -> Mutant {
        let (range, new) = change;
        let old = &self.text[range.clone()];
        // Line breaks that are lost are added again, so that the lines below keep their numbers.
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
    /// Adds places where the finding may be. Each caller states the rule for them.
    pub(super) fn or(mut self, places: impl IntoIterator<Item = Place>) -> Self {
        self.places.extend(places);
        self
    }

    /// Whether a finding on this line of this file counts.
    pub(super) fn is_place(&self, path: &str, line: usize) -> bool {
        self.places.iter().any(|place| place.path == path && (place.first..=place.last).contains(&line))
    }
}

impl Mutant {
    /// A text for people about a mutant that was not found at its place.
    pub(super) fn missed(&self, found: &[String]) -> String {
        let places = self.places.iter().map(|place| format!("{}:{}-{}", place.path, place.first, place.last));
        let places: std::collections::BTreeSet<String> = places.collect();
        let found = if found.is_empty() { "nothing".to_owned() } else { found.join("\n        ") };
        let Self { kind, path, what, codes, .. } = self;
        format!("{kind:?} {path}: {what}\n  wanted {codes:?} at {places:?}\n  found {found}")
    }
}

/// A misspelling of `name` that nothing is called.
pub(super) fn misspelt(name: &str) -> String {
    format!("{name}x")
}

/// A name in a text.
#[derive(Debug, Clone)]
pub(super) struct Word<'t> {
    pub(super) text: &'t str,
    /// The place of the name in the file.
    pub(super) span: Range<usize>,
    /// The name before this one, if a `.` or `$` is between them: `$args` for `id` in `$args.id`.
    pub(super) after: Option<&'t str>,
    /// Whether `:` follows the name.
    pub(super) is_entry: bool,
    /// The number of `{` and `(` that are open at the name.
    pub(super) depth: usize,
}

/// The length of the name and the arguments of a method, which are not names of the contract.
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
        // Names may contain `-`, but the `-` of a method's arrow is not part of one.
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
