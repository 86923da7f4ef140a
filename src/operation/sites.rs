//! Sites: the numbered places of a document that errors may name.
//!
//! Documents that differ only in literal values and white space share one lowered operation and its plans. So
//! operations and plans cannot hold lines and columns. They hold numbers of sites, and each document has its own table
//! from sites to lines and columns.
//!
//! Always true: documents of one shape ([`super::lift`]) have the same sites in the same order.

use super::place::Places;
use crate::ids::ids;
use apollo_compiler::executable::{Field, Operation, Selection, SelectionSet};
use apollo_compiler::parser::SourceSpan;
use apollo_compiler::{ExecutableDocument, Name};
use std::collections::HashSet;

ids! {
    /// A place in a document, as an index into its [`Locations`].
    pub Site
}

/// The line and the column of each site of one document, both counted from 1.
pub type Locations = [(u32, u32)];

/// The sites of the operation that was chosen.
#[derive(Debug)]
pub(super) struct Sites(
    /// The byte offset of each site, in ascending order, with the site.
    Vec<(usize, Site)>,
);

impl Sites {
    /// Numbers the sites of an operation, visiting each fragment once, and finds their places in the document's text.
    pub(super) fn of(document: &ExecutableDocument, operation: &Operation, text: &str) -> (Self, Box<Locations>) {
        let mut walk = Walk { document, seen: HashSet::new(), offsets: Vec::new() };
        operation.variables.iter().for_each(|variable| walk.site(variable.location()));
        walk.selection_set(&operation.selection_set);
        let places = Places::of(text);
        let locations = walk.offsets.iter().map(|&offset| places.at(offset)).collect();
        let mut sites: Vec<_> = walk.offsets.iter().enumerate().map(|(at, &offset)| (offset, Site::at(at))).collect();
        sites.sort_by_key(|(offset, _)| *offset);
        (Self(sites), locations)
    }

    /// Gives the site at the beginning of a span.
    pub(super) fn at(&self, span: Option<SourceSpan>) -> Option<Site> {
        let offset = span?.offset();
        let at = self.0.binary_search_by_key(&offset, |(offset, _)| *offset).ok()?;
        Some(self.0[at].1)
    }

    /// The memory behind its pointer, in bytes.
    pub(super) fn weight(&self) -> usize {
        self.0.capacity() * size_of::<(usize, Site)>()
    }
}

struct Walk<'a> {
    document: &'a ExecutableDocument,
    seen: HashSet<&'a Name>,
    /// The byte at which each site begins in the document.
    offsets: Vec<usize>,
}

impl<'a> Walk<'a> {
    fn site(&mut self, span: Option<SourceSpan>) {
        self.offsets.push(span.map_or(0, |span| span.offset()));
    }

    fn selection_set(&mut self, set: &'a SelectionSet) {
        for selection in &set.selections {
            match selection {
                Selection::Field(field) => self.field(field),
                Selection::InlineFragment(fragment) => self.selection_set(&fragment.selection_set),
                Selection::FragmentSpread(spread) => {
                    let fragment = self.document.fragments.get(&spread.fragment_name);
                    if let Some(fragment) = fragment.filter(|fragment| self.seen.insert(&fragment.name)) {
                        self.selection_set(&fragment.selection_set);
                    }
                }
            }
        }
    }

    fn field(&mut self, field: &'a Field) {
        self.site(field.alias.as_ref().unwrap_or(&field.name).location());
        for argument in &field.arguments {
            self.site(argument.location());
            self.site(argument.value.location());
        }
        self.selection_set(&field.selection_set);
    }
}
