//! Bounds of arguments that hang on variables: checked per request, before any call.

use super::error::{ARGUMENT_OUT_OF_RANGE, RequestError};
use super::lowered::{Operation, Value, VariableId};
use super::prepare::Prepared;
use super::variables::Variables;

impl Prepared {
    /// Checks the arguments that variables give against the bounds of the contracts.
    ///
    /// # Errors
    /// One `ARGUMENT_OUT_OF_RANGE` per argument, naming the variable, its value and the bound.
    pub fn check_bounds(&self, operation: &Operation, variables: &Variables) -> Result<(), Vec<RequestError>> {
        if self.tables.bounds.is_empty() {
            return Ok(());
        }
        let mut errors: Vec<RequestError> = Vec::new();
        for node in operation.nodes.iter().filter(|node| !node.arguments.is_empty()) {
            let Some(bounds) = self.tables.bounds.get(&node.field) else { continue };
            for (name, value) in &node.arguments {
                let Some(variable) = a_variable(value) else { continue };
                let Some((_, limit)) = bounds.iter().find(|(bounded, _)| bounded == name) else { continue };
                let Some(why) = value.resolve(variables).and_then(|json| limit.violation(&json)) else { continue };
                let definition = &self.operation.variables[variable.index()];
                let error = RequestError::new(ARGUMENT_OUT_OF_RANGE, format!("variable `${}`: {why}", definition.name));
                let error = error.at(definition.location(), &self.document.sources);
                if !errors.contains(&error) {
                    errors.push(error);
                }
            }
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }
}

/// The first variable in a value.
fn a_variable(value: &Value) -> Option<VariableId> {
    match value {
        Value::Constant(_) => None,
        Value::Variable(id, _) => Some(*id),
        Value::List(items) => items.iter().find_map(a_variable),
        Value::Object(members) => members.iter().find_map(|(_, value)| a_variable(value)),
    }
}
