//! Checks of the whole graph, after every way was made: whether each field has a source, whether value types are
//! complete, and whether no list multiplies calls.

pub(super) mod owner;
mod reach;
mod source;

use super::draft::Draft;
use crate::diagnostic::Finding;

/// Runs every check. If there are errors already, the graph has gaps, which would cause misleading findings; then only
/// the check of `@listSize` runs.
pub(super) fn check(draft: &mut Draft<'_>) {
    super::list_size::check(draft);
    let has_errors = draft.findings.iter().any(Finding::is_error);
    if !has_errors {
        source::check(draft);
        reach::check(draft);
    }
}
