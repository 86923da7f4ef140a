//! Checks of the whole graph, once every way is made: whether each field has a source, value types are
//! whole, and no list makes calls multiply.

pub(super) mod owner;
mod reach;
mod source;

use super::draft::Draft;
use crate::diagnostic::Finding;

/// Runs every check. Bindings that failed leave gaps, which would only be noise: then nothing is said of them.
pub(super) fn check(draft: &mut Draft<'_>) {
    super::list_size::check(draft);
    let has_errors = draft.findings.iter().any(Finding::is_error);
    if !has_errors {
        source::check(draft);
        reach::check(draft);
    }
}
