//! Service SDL: text becomes typed declarations with spans. Bespoke's and federation's directives are read, and
//! mappings are parsed.
//!
//! In: the SDL of one service. Out: an [`SdlFile`], and findings.
//! Elsewhere: merging files, and checking bindings against contracts ([`crate::compose`]).
//!
//! Always true:
//! - every name and value to which a finding may point has its span;
//! - every part of a declaration that is not read gives a finding; `crate::directive` says which directives may stand
//!   where.

mod bind;
mod field_set;
mod list_size;
pub mod mapping;
mod model;
mod read;
mod source;
mod types;
mod values;

pub use model::{
    ArgumentDeclaration, BatchDeclaration, CacheDeclaration, Connect, EffectDeclaration, FieldDeclaration,
    FieldSelection, HttpTarget, ListSizeDeclaration, Origin, OutcomeDeclaration, SdlFile, Spanned, Target,
    TemplatePart, TypeBody, TypeDeclaration, ValueDeclaration,
};
pub use read::read;
pub use source::SourceDeclaration;
