//! The errors of planning.

/// The reason why an operation cannot be planned: no way gives a field, or a limit is exceeded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// No way gives the field at this place.
    #[error("`{coordinate}` cannot be had at `{place}`{}", list(.tried))]
    NoWay {
        /// The coordinate of the graph's field.
        coordinate: String,
        /// The place, as the path of the graph's fields from the root.
        place: String,
        /// The ways that were tried, each with the reason why it cannot be used.
        tried: Vec<String>,
    },
    /// The operation needs something that plans cannot express.
    #[error("`{coordinate}`: {what}")]
    Unsupported {
        /// The coordinate of the graph's field.
        coordinate: String,
        /// What plans cannot express.
        what: String,
    },
    /// The plan needs too many steps.
    #[error("the operation needs more than {limit} steps; ask for fewer fields at once")]
    TooManySteps {
        /// How many steps are allowed.
        limit: usize,
    },
    /// Planning takes too much work.
    #[error("planning the operation takes more than {limit} steps of work; ask for fewer fields at once")]
    TooComplex {
        /// How many steps of work are allowed.
        limit: u64,
    },
}

impl PlanError {
    /// Whether the operation exceeds a limit, as opposed to asking for a field that no way gives.
    #[must_use]
    pub fn is_limit(&self) -> bool {
        matches!(self, Self::TooManySteps { .. } | Self::TooComplex { .. })
    }
}

fn list(tried: &[String]) -> String {
    if tried.is_empty() { String::new() } else { format!(" (tried: {})", tried.join("; ")) }
}
