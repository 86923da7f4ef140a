//! Service SDL: text becomes typed declarations with spans, our directives and federation's read, mappings parsed.
//!
//! In: the SDL of one service. Out: an [`SdlFile`], and findings.
//! Elsewhere: merging files, and checking bindings against contracts ([`crate::compose`]).
//!
//! Always true:
//! - every name and value that a finding may point at carries its span;
//! - what stands in a declaration and is not read is a finding: `crate::directive` says what may stand where.

mod bind;
mod field_set;
mod list_size;
pub mod mapping;
mod model;
mod read;
mod types;
mod values;

pub use model::{
    ArgumentDeclaration, BatchDeclaration, CacheDeclaration, Connect, EffectDeclaration, FieldDeclaration,
    FieldSelection, HttpTarget, ListSizeDeclaration, Origin, OutcomeDeclaration, SdlFile, SourceDeclaration, Spanned,
    Target, TemplatePart, TypeBody, TypeDeclaration, ValueDeclaration,
};
pub use read::read;
