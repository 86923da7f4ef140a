//! Checks of the whole graph, once every way is made: whether each field has a source, value types are
//! whole, and no list makes calls multiply.

mod reach;
mod source;

use super::composer::Composer;
use crate::diagnostic::Finding;

/// Runs every check. Bindings that failed leave gaps, which would only be noise: then nothing is said of them.
pub(super) fn check(composer: &mut Composer<'_>) {
    super::list_size::check(composer);
    let has_errors = composer.findings.iter().any(Finding::is_error);
    if !has_errors {
        source::check(composer);
        reach::check(composer);
    }
}
