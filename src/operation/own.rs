//! What one document has of its own, among those that share what is made of them.

use super::given::JsonText;
use super::sites::{Locations, Site};
use std::sync::Arc;

/// What tells a document from others of its shape: literal values, defaults of variables, and where everything stands.
#[derive(Debug)]
pub struct Particulars {
    /// Values of the variables that stand for literals, behind the declared ones.
    pub(super) literals: Arc<[JsonText]>,
    /// Of the declared variables; `None`: no default.
    pub(super) defaults: Box<[Option<JsonText>]>,
    pub(super) locations: Box<Locations>,
}

impl Particulars {
    /// Line and column of each site.
    #[must_use]
    pub fn locations(&self) -> &Locations {
        &self.locations
    }

    /// Line and column of a site.
    pub(super) fn location(&self, site: Option<Site>) -> Option<(u32, u32)> {
        self.locations.get(site?.index()).copied()
    }

    /// Bytes of memory that it holds.
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
