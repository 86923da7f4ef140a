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
    #[error("the operation needs more than {limit} steps; ask for fewer fields at once")]
    TooManySteps {
        /// How many are allowed.
        limit: usize,
    },
    /// Finding a plan takes too much work.
    #[error("planning the operation takes more than {limit} steps of work; ask for fewer fields at once")]
    TooComplex {
        /// How many are allowed.
        limit: u64,
    },
}

impl PlanError {
    /// Does the operation ask for too much, rather than for what cannot be had?
    #[must_use]
    pub fn is_limit(&self) -> bool {
        matches!(self, Self::TooManySteps { .. } | Self::TooComplex { .. })
    }
}

fn list(tried: &[String]) -> String {
    if tried.is_empty() { String::new() } else { format!(" (tried: {})", tried.join("; ")) }
}
