//! Why an operation cannot be planned.

/// A field that no way leads to, or a limit that was passed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// No way in offers the field at this place.
    #[error("`{coordinate}` cannot be had at `{place}`{}", list(.tried))]
    NoWay {
        /// The graph's field.
        coordinate: String,
        /// Where: the graph's fields from the root.
        place: String,
        /// What was tried, and why it does not do.
        tried: Vec<String>,
    },
    /// Something that plans cannot express yet.
    #[error("`{coordinate}`: {what}")]
    Unsupported {
        /// The graph's field.
        coordinate: String,
        /// What.
        what: String,
    },
    /// The plan has too many steps.
    #[error("the operation needs more than {limit} steps")]
    TooManySteps {
        /// How many are allowed.
        limit: usize,
    },
}

fn list(tried: &[String]) -> String {
    if tried.is_empty() { String::new() } else { format!(" (tried: {})", tried.join("; ")) }
}
