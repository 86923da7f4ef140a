//! Checks of the whole graph, once every way is made.

use super::composer::Composer;

/// Runs every check.
pub(super) fn check(_composer: &mut Composer<'_>) {}
