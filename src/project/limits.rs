//! The limits on documents that a configuration asks for.

use crate::config::LimitsConfig;
use crate::operation::Limits;

/// Takes the limits on documents from a configuration.
#[must_use]
pub fn limits(config: &LimitsConfig) -> Limits {
    Limits {
        max_bytes: config.bytes.get(),
        max_tokens: usize::try_from(config.tokens.get()).unwrap_or(usize::MAX),
        max_depth: config.depth.get(),
        max_fields: u64::from(config.fields.get()),
        max_variable_values: config.variable_values.get(),
        ..Limits::default()
    }
}
