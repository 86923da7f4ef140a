//! Operations: a client's document becomes a validated, lowered operation, and its variables are coerced.
//!
//! In: document text, operation name, variables as JSON; the client's [`crate::view::View`].
//! Out: [`Operation`]: what the graph must give, and how the answer is read from it.
//! Elsewhere: how the graph is asked ([`crate::plan`]); writing the answer ([`crate::execute`]).
//!
//! Always true:
//! - an [`Operation`] is valid against the client schema and holds no conditions;
//! - its nodes, arguments and coerced variables are in graph vocabulary, its response names the client's.

mod lowered;

pub use lowered::{
    Hop, Leaf, Node, NodeId, Operation, OperationKind, Others, OutField, OutId, OutKind, OutObject, OutType,
    OutVariant, Selection, SelectionId, Value, VariableId,
};
