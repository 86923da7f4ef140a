//! Execution of an operation field by field without a graph, on values that are made up at run time.

use super::error::{LIMIT_EXCEEDED, RequestError, VALIDATION_FAILED};
use super::one_of;
use super::prepare::Prepared;
use super::variables::Variables;
use crate::view::View;
use apollo_compiler::ExecutableDocument;
use apollo_compiler::executable::Operation;
use apollo_compiler::introspection::check_max_depth;
use apollo_compiler::resolvers::{Execution, ObjectValue};
use apollo_compiler::response::ExecutionResponse;
use apollo_compiler::validation::Valid;

impl Prepared {
    /// Executes the operation: asks `root` for its fields, their values for their fields, and so on. `__schema` and
    /// `__type` are answered too.
    ///
    /// `view` must be the view that the operation was prepared with. The call is synchronous and never waits.
    ///
    /// # Errors
    /// `LIMIT_EXCEEDED` if lists of the introspection schema are nested too deeply.
    ///
    /// # Source
    /// GraphQL §6.3, §6.4.
    pub fn resolve(
        &self,
        view: &View,
        variables: &Variables,
        root: &dyn ObjectValue,
    ) -> Result<ExecutionResponse, Vec<RequestError>> {
        let fail = |code: &'static str, error: apollo_compiler::request::RequestError| {
            vec![RequestError::new(code, error.message().to_string()).at(error.location(), &self.document.sources)]
        };
        check_max_depth(&self.document, &self.operation).map_err(|error| fail(LIMIT_EXCEEDED, error))?;
        let variables = self.by_name(variables);
        let run = |document: &Valid<ExecutableDocument>, operation: &Operation| {
            Execution::new(&view.schema, document)
                .operation(operation)
                .implementers_map(&view.implementers)
                .coerced_variable_values(&variables)
                .enable_schema_introspection(true)
                .execute_sync(root)
                .map_err(|error| fail(VALIDATION_FAILED, error))
        };
        let Some((document, operation)) = one_of::without(&self.document, &self.operation) else {
            return run(&self.document, &self.operation);
        };
        let mut answer = run(&document, &operation)?;
        if let Some(data) = &mut answer.data {
            one_of::answer(data, &self.operation.selection_set, &self.document, &view.schema);
        }
        Ok(answer)
    }
}
