//! Bounds of arguments whose values depend on variables. They are checked for each request, before any call.

use super::error::{ARGUMENT_OUT_OF_RANGE, RequestError};
use super::lowered::{Operation, Value, VariableId};
use super::own::Particulars;
use super::prepare::Prepared;
use super::sites::Site;
use super::variables::Variables;
use crate::view::table::Limit;
use std::sync::Arc;

/// An argument whose value depends on variables and which a contract bounds.
#[derive(Debug)]
pub(super) struct BoundedArgument {
    pub(super) limit: Arc<Limit>,
    pub(super) value: Value,
    /// The argument's coordinate for messages, such as `Query.products(first:)`.
    pub(super) coordinate: String,
    pub(super) site: Option<Site>,
}

impl Prepared {
    /// Checks arguments whose values depend on variables against the bounds of the contracts.
    ///
    /// # Errors
    /// One `ARGUMENT_OUT_OF_RANGE` for each argument. It names the variable or the argument, its value and the bound.
    pub fn check_bounds(&self, operation: &Operation, variables: &Variables) -> Result<(), Vec<RequestError>> {
        self.check_bounds_of(&self.own, operation, variables)
    }

    /// Does the same as [`Self::check_bounds`] for a document of this shape.
    ///
    /// # Errors
    /// As [`Self::check_bounds`].
    pub fn check_bounds_of(
        &self,
        own: &Particulars,
        operation: &Operation,
        variables: &Variables,
    ) -> Result<(), Vec<RequestError>> {
        let mut errors: Vec<RequestError> = Vec::new();
        for argument in &operation.bounded {
            let value = argument.value.resolve(variables);
            let Some(why) = value.and_then(|json| argument.limit.violation(&json)) else { continue };
            let error = self.out_of_range(own, argument, &why);
            if !errors.contains(&error) {
                errors.push(error);
            }
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    fn out_of_range(&self, own: &Particulars, argument: &BoundedArgument, why: &str) -> RequestError {
        let declared =
            a_variable(&argument.value, self.declared).and_then(|id| self.operation.variables.get(id.index()));
        let (message, site) = match declared {
            Some(definition) => {
                (format!("variable `${}`: {why}", definition.name), self.sites.at(definition.location()))
            }
            None => (format!("`{}`: {why}", argument.coordinate), argument.site),
        };
        RequestError::new(ARGUMENT_OUT_OF_RANGE, message).located(own.location(site))
    }
}

/// Gives the first declared variable in a value. Variables that follow the declared ones stand for literals.
fn a_variable(value: &Value, declared: usize) -> Option<VariableId> {
    match value {
        Value::Constant(_) => None,
        Value::Variable(id, _) => Some(*id).filter(|id| id.index() < declared),
        Value::List(items) => items.iter().find_map(|item| a_variable(item, declared)),
        Value::Object(members) => members.iter().find_map(|(_, value)| a_variable(value, declared)),
    }
}
