//! Operations: a client's document becomes a validated, lowered operation, and its variables are coerced.
//!
//! In: the text of a document, the operation's name, the variables as JSON, and the client's [`crate::view::View`].
//! Out, in this order:
//! 1. [`prepare()`] gives a [`Prepared`], which is kept for each text and operation name.
//! 2. For each request, [`Prepared::coerce`] gives the [`Variables`], and [`Prepared::outcomes`] gives the key of the
//!    plan.
//! 3. For each such key, [`Prepared::lower`] gives an [`Operation`], which is kept with its plan. It says what the
//!    graph must give and how the answer is read from it.
//! 4. For each request, [`Prepared::check_bounds`] checks arguments, and [`Prepared::introspect`] answers
//!    introspection.
//!
//! Where there is no graph, [`Prepared::resolve`] answers instead of steps 3 and 4.
//! Elsewhere: how the graph is asked ([`crate::plan`]); how the answer is written ([`crate::execute`]).
//!
//! Always true:
//! - an [`Operation`] is valid against the client's schema and has no conditions (`@skip`, `@include`);
//! - its nodes and arguments and the coerced variables use the graph's names; its response names are the client's.

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
