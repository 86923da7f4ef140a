//! What each document of a shape has of its own.

use super::given::JsonText;
use super::sites::{Locations, Site};
use std::sync::Arc;

/// What distinguishes a document from others of its shape: literal values, defaults of variables, and locations.
#[derive(Debug)]
pub struct Particulars {
    /// The values of the variables that stand for literals. These variables follow the declared ones.
    pub(super) literals: Arc<[JsonText]>,
    /// The defaults of the declared variables; `None` for a variable without a default.
    pub(super) defaults: Box<[Option<JsonText>]>,
    pub(super) locations: Box<Locations>,
}

impl Particulars {
    /// The line and the column of each site.
    #[must_use]
    pub fn locations(&self) -> &Locations {
        &self.locations
    }

    /// The line and the column of a site.
    pub(super) fn location(&self, site: Option<Site>) -> Option<(u32, u32)> {
        self.locations.get(site?.index()).copied()
    }

    /// The memory that it holds, itself included, in bytes.
    #[must_use]
    pub fn weight(&self) -> usize {
        let texts = self.literals.iter().chain(self.defaults.iter().flatten());
        size_of::<Self>()
            + size_of_val(&*self.locations)
            + size_of_val(&*self.defaults)
            + size_of_val(&*self.literals)
            + texts.map(|text| text.as_str().len()).sum::<usize>()
    }
}
