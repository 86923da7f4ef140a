//! Operations: a client's document becomes a validated, lowered operation, and its variables are coerced.
//!
//! In: document text, operation name, variables as JSON; the client's [`crate::view::View`].
//! Out, in this order: [`prepare()`] gives a [`Prepared`] (kept per text and operation name); per request
//! [`Prepared::coerce`] gives [`Variables`] and [`Prepared::outcomes`] the key of the plan; per key
//! [`Prepared::lower`] gives an [`Operation`] (kept with its plan): what the graph must give, and how the answer
//! is read from it; per request [`Prepared::check_bounds`] and, when asked for, [`Prepared::introspect`].
//! Where there is no graph, [`Prepared::resolve`] answers instead.
//! Elsewhere: how the graph is asked ([`crate::plan`]); writing the answer ([`crate::execute`]).
//!
//! Always true:
//! - an [`Operation`] is valid against the client schema and holds no conditions;
//! - its nodes, arguments and coerced variables are in graph vocabulary, its response names the client's.

mod bounds;
mod coerce;
mod defer;
mod error;
mod given;
mod introspect;
mod lift;
mod limits;
mod lower;
mod lowered;
mod one_of;
mod outcomes;
mod own;
mod place;
mod prepare;
mod print;
mod resolve;
mod rules;
mod sites;
mod subscription;
mod syntax;
#[cfg(test)]
mod tests;
mod validate;
mod variables;
mod weight;

pub use defer::{DeferredObject, UsageId};
#[cfg(feature = "fuzz")]
pub(crate) use error::BAD_USER_INPUT;
pub use error::{LIMIT_EXCEEDED, OPERATION_NOT_FOUND, RequestError, VALIDATION_FAILED};
pub use given::{GivenVariables, JsonText};
pub use lift::Lifted;
pub use limits::Limits;
pub use lowered::{
    Leaf, NodeId, Operation, OperationKind, Others, OutField, OutId, OutKind, OutType, Value, VariableId,
};
pub use outcomes::Outcomes;
pub use own::Particulars;
pub use prepare::{Prepared, prepare};
pub use sites::{Locations, Site};
pub use variables::Variables;
