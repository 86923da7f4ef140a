//! Introspection: `__schema` and `__type` are answered from the client's schema, without Bespoke's directives (rule 13
//! of lowering).

use super::error::{LIMIT_EXCEEDED, RequestError, VALIDATION_FAILED};
use super::one_of;
use super::prepare::Prepared;
use super::variables::Variables;
use crate::view::View;
use apollo_compiler::ExecutableDocument;
use apollo_compiler::executable::Operation;
use apollo_compiler::introspection::{check_max_depth, partial_execute};
use apollo_compiler::response::JsonMap;
use apollo_compiler::validation::Valid;
use std::collections::HashMap;

impl Prepared {
    /// The answers to `__schema` and `__type`, as JSON text by response name; empty if the operation does not ask for
    /// them.
    ///
    /// `view` must be the view that the operation was prepared with.
    ///
    /// # Errors
    /// `LIMIT_EXCEEDED` if lists of the introspection schema are nested too deeply.
    pub fn introspect(&self, view: &View, variables: &Variables) -> Result<HashMap<String, String>, Vec<RequestError>> {
        if !self.has_introspection {
            return Ok(HashMap::new());
        }
        let sources = &self.document.sources;
        let fail = |code: &'static str, error: apollo_compiler::request::RequestError| {
            vec![RequestError::new(code, error.message().to_string()).at(error.location(), sources)]
        };
        check_max_depth(&self.document, &self.operation).map_err(|error| fail(LIMIT_EXCEEDED, error))?;
        let variables = self.by_name(variables);
        let run = |document: &Valid<ExecutableDocument>, operation: &Operation| {
            partial_execute(&view.schema, &view.implementers, document, operation, &variables)
                .map(|answer| answer.data.unwrap_or_default())
                .map_err(|error| fail(VALIDATION_FAILED, error))
        };
        let data = match one_of::without(&self.document, &self.operation) {
            None => run(&self.document, &self.operation)?,
            Some((document, operation)) => {
                let mut data = run(&document, &operation)?;
                one_of::answer(&mut data, &self.operation.selection_set, &self.document, &view.schema);
                data
            }
        };
        let is_ours = |name: &str| {
            let mut fields = self.operation.root_fields(&self.document);
            fields.any(|field| field.response_key() == name && matches!(field.name.as_str(), "__schema" | "__type"))
        };
        let named = data.into_iter().map(|(name, value)| (name.as_str().to_owned(), value));
        Ok(named.filter(|(name, _)| is_ours(name)).map(|(name, value)| (name, value.to_string())).collect())
    }

    /// The variables in the compiler's form. Only scalars can be arguments of introspection, and scalars have the same
    /// form in the graph; a view without a graph renames nothing.
    pub(super) fn by_name(&self, variables: &Variables) -> Valid<JsonMap> {
        let named = self.operation.variables.iter().zip(variables.declared());
        let given = named.filter_map(|(definition, value)| {
            let value = serde_json::from_str(value.as_ref()?.as_str()).ok()?;
            Some((definition.name.as_str().into(), value))
        });
        Valid::assume_valid(given.collect())
    }
}
