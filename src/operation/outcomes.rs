//! `@skip`, `@include` and `@defer(if:)`, nulls where none may stand, and whether the caller is signed in: what a request
//! decides about the shape of an operation.

use super::given::JsonText;
use super::lowered::VariableId;
use super::prepare::{Prepared, variable_id};
use super::variables::Variables;
use apollo_compiler::ast::{Directive, DirectiveList, Value};

/// What each of [`Prepared::conditions`] is, and who asks: the key that plans are made and kept by.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Outcomes {
    conditions: Box<[bool]>,
    /// Variables that are null where a field does not take it.
    nulls: Box<[VariableId]>,
    is_incremental: bool,
    is_anonymous: bool,
    /// Is everything included that some outcome of the conditions includes?
    is_everything: bool,
}

impl Outcomes {
    /// The same, with `@defer` heeded: the client takes an answer in parts.
    #[must_use]
    pub fn incremental(self) -> Self {
        Self { is_incremental: true, ..self }
    }

    /// The same, for a caller who is not signed in: what only others get is not asked for.
    #[must_use]
    pub fn anonymous(self) -> Self {
        Self { is_anonymous: true, ..self }
    }

    /// Everything that any outcomes include, all at once: what its plan needs is a bound for all of them. It is no
    /// outcome of its own, and nothing is run by it.
    #[must_use]
    pub fn everything() -> Self {
        Self { is_everything: true, ..Self::default() }
    }

    /// Is the variable null where a field does not take it?
    pub(super) fn is_null(&self, variable: VariableId) -> bool {
        self.nulls.contains(&variable)
    }

    /// Bytes that they hold beside their own.
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
    /// The outcomes for the variables of a request.
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

    /// §3.13.1, §3.13.2: included unless skipped or not included.
    pub(super) fn is_included(&self, outcomes: &Outcomes, directives: &DirectiveList) -> bool {
        let value = |name: &str| {
            let directive = directives.get(name)?;
            let is_open = outcomes.is_everything && if_variable(directive).is_some();
            if is_open { None } else { self.condition(outcomes, directive) }
        };
        !value("skip").unwrap_or(false) && value("include").unwrap_or(true)
    }

    /// What the `if` of a directive is; `None`: not given.
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

/// The variable that a directive depends on.
fn if_variable(directive: &Directive) -> Option<&str> {
    directive.specified_argument_by_name("if")?.as_variable().map(|name| name.as_str())
}
