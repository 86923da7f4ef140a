//! Outcomes: what a request decides about the shape of an operation. These are the conditions of `@skip`, `@include`
//! and `@defer(if:)`, nulls where they must not stand, and whether the caller is signed in.

use super::given::JsonText;
use super::lowered::VariableId;
use super::prepare::{Prepared, variable_id};
use super::variables::Variables;
use apollo_compiler::ast::{Directive, DirectiveList, Value};

/// The value of each of [`Prepared::conditions`], and whether the caller is signed in. It is the key by which plans are
/// kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Outcomes {
    conditions: Box<[bool]>,
    /// Variables in arguments of fields that are null where null is not allowed.
    nulls: Box<[VariableId]>,
    is_incremental: bool,
    is_anonymous: bool,
    /// Whether everything is included that some values of the conditions include.
    is_everything: bool,
}

impl Outcomes {
    /// The same outcomes for a client that takes an answer in parts, so that `@defer` has an effect.
    #[must_use]
    pub fn incremental(self) -> Self {
        Self { is_incremental: true, ..self }
    }

    /// The same outcomes for a caller who is not signed in. What such a caller is refused is not fetched.
    #[must_use]
    pub fn anonymous(self) -> Self {
        Self { is_anonymous: true, ..self }
    }

    /// Makes outcomes that include everything that any outcomes include. What a plan for them needs is a bound for the
    /// plans of all outcomes. Such a plan is never run.
    #[must_use]
    pub fn everything() -> Self {
        Self { is_everything: true, ..Self::default() }
    }

    /// Whether the variable stands in an argument of a field where null is not allowed, and is null.
    pub(super) fn is_null(&self, variable: VariableId) -> bool {
        self.nulls.contains(&variable)
    }

    /// The memory behind its pointers, in bytes.
    pub(super) fn heap(&self) -> usize {
        size_of_val(&*self.conditions) + size_of_val(&*self.nulls)
    }

    pub(super) fn is_incremental(&self) -> bool {
        self.is_incremental
    }

    pub(super) fn is_anonymous(&self) -> bool {
        self.is_anonymous
    }
}

impl Prepared {
    /// Gives the outcomes for the variables of a request.
    #[must_use]
    pub fn outcomes(&self, variables: &Variables) -> Outcomes {
        let is_true = |id: &VariableId| variables.get(*id).is_some_and(JsonText::is_true);
        let is_null = |id: &VariableId| variables.get(*id).is_some_and(JsonText::is_null);
        Outcomes {
            conditions: self.conditions.iter().map(is_true).collect(),
            nulls: self.fallible.iter().copied().filter(is_null).collect(),
            ..Outcomes::default()
        }
    }

    /// Whether a selection with these directives is included (§3.13.1, §3.13.2).
    pub(super) fn is_included(&self, outcomes: &Outcomes, directives: &DirectiveList) -> bool {
        let value = |name: &str| {
            let directive = directives.get(name)?;
            let is_open = outcomes.is_everything && if_variable(directive).is_some();
            if is_open { None } else { self.condition(outcomes, directive) }
        };
        !value("skip").unwrap_or(false) && value("include").unwrap_or(true)
    }

    /// The value of a directive's `if`; `None` if it was not given.
    pub(super) fn condition(&self, outcomes: &Outcomes, directive: &Directive) -> Option<bool> {
        match &**directive.specified_argument_by_name("if")? {
            Value::Boolean(value) => Some(*value),
            Value::Variable(name) => {
                let id = variable_id(&self.operation, name)?;
                let at = self.conditions.iter().position(|condition| *condition == id)?;
                outcomes.conditions.get(at).copied()
            }
            _ => None,
        }
    }
}

/// The name of the variable that a directive depends on.
fn if_variable(directive: &Directive) -> Option<&str> {
    directive.specified_argument_by_name("if")?.as_variable().map(|name| name.as_str())
}
