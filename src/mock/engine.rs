//! The engine of `bespoke mock`: it validates documents as the real engine does, and answers with made-up data.

use super::answering::AnswerMaker;
use super::object::Object;
use crate::engine::{GraphQlEngine, Request, Response, ResponseKind, refuse};
use crate::operation::{self, LIMIT_EXCEEDED, Limits, OperationKind, Prepared, RequestError, Variables};
use crate::policy::Caller;
use crate::view::View;
use apollo_compiler::ast::OperationType;
use apollo_compiler::response::{ExecutionResponse, JsonValue};
use apollo_compiler::schema::ExtendedType;
use futures_util::future::BoxFuture;
use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Most values in one answer: fields and items of lists.
const MAX_VALUES: u64 = 100_000;

/// The `extensions.code` of made-up errors.
const MOCK_ERROR: &str = "MOCK_ERROR";

/// Options for made-up data.
#[derive(Debug, Clone, Default)]
pub struct MockOptions {
    /// The seed; each number gives other data.
    pub seed: u64,
    /// The number of items in a list, if its arguments do not name one.
    pub list: u64,
    /// The percentage of null among the values that may be null, from 0 to 100.
    pub nulls: u8,
    /// The percentage of errors among root fields and the fields that may be null, from 0 to 100.
    pub errors: u8,
    /// The shortest time that an answer takes.
    pub delay: Duration,
    /// The value of each custom scalar, by its name.
    pub scalars: HashMap<String, JsonValue>,
}

/// The options name a scalar that the schema does not have as a custom scalar.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the schema has no custom scalar `{name}`; it has: {}", .known.join(", "))]
pub struct InvalidScalar {
    /// The name in the options.
    pub name: String,
    /// The names of the schema's custom scalars.
    pub known: Vec<String>,
}

/// Answers any valid operation of a schema, without services.
#[derive(Debug)]
pub struct MockEngine {
    view: View,
    sdl: Arc<str>,
    options: MockOptions,
}

impl MockEngine {
    /// Makes an engine over a schema.
    ///
    /// # Errors
    /// When the options name a scalar that is not a custom scalar of the schema.
    pub fn new(view: View, options: MockOptions) -> Result<Self, InvalidScalar> {
        let custom =
            view.schema.types.iter().filter(|(_, ty)| matches!(ty, ExtendedType::Scalar(_)) && !ty.is_built_in());
        let known: Vec<String> = custom.map(|(name, _)| name.to_string()).collect();
        if let Some(name) = options.scalars.keys().find(|name| !known.contains(name)) {
            return Err(InvalidScalar { name: name.clone(), known });
        }
        Ok(Self { sdl: view.sdl().into(), view, options })
    }

    async fn answer(&self, request: Request, deadline: Instant) -> Response {
        if !self.options.delay.is_zero() {
            tokio::time::sleep_until((Instant::now() + self.options.delay).min(deadline).into()).await;
        }
        let name = request.operation_name.as_deref();
        let prepared = match operation::prepare(&self.view, &Limits::default(), &request.query, name) {
            Ok(prepared) => prepared,
            Err(errors) => {
                let errors: Vec<_> = errors.into_iter().map(RequestError::suggesting).collect();
                return refuse(ResponseKind::DocumentError, &errors, None);
            }
        };
        if prepared.kind() == OperationKind::Subscription {
            let error = RequestError::new("NOT_SUPPORTED", "subscriptions are not served here");
            return refuse(ResponseKind::DocumentError, &[error], Some(&prepared));
        }
        if request.is_read_only && prepared.kind() == OperationKind::Mutation {
            let error = RequestError::new("METHOD_NOT_ALLOWED", "mutations cannot be sent by GET");
            return refuse(ResponseKind::MethodNotAllowed, &[error], Some(&prepared));
        }
        let variables = match prepared.coerce(&request.variables) {
            Ok(variables) => variables,
            Err(errors) => return refuse(ResponseKind::VariableError, &errors, Some(&prepared)),
        };
        match self.execute(&prepared, &variables, deadline) {
            Ok(answer) => executed(&prepared, answer),
            Err(errors) => refuse(ResponseKind::DocumentError, &errors, Some(&prepared)),
        }
    }

    fn execute(
        &self,
        prepared: &Prepared,
        variables: &Variables,
        deadline: Instant,
    ) -> Result<ExecutionResponse, Vec<RequestError>> {
        let operation_type = match prepared.kind() {
            OperationKind::Mutation => OperationType::Mutation,
            _ => OperationType::Query,
        };
        let root = self.view.schema.root_operation(operation_type);
        // Validation has refused operations without a root.
        let Some(root) = root.and_then(|name| self.view.schema.get_object(name)) else {
            return Err(vec![RequestError::new(operation::VALIDATION_FAILED, "the schema has no such operations")]);
        };
        let (view, options) = (&self.view, &self.options);
        let answering = AnswerMaker { view, options, deadline, left: Cell::new(MAX_VALUES) };
        let answer = prepared.resolve(&self.view, variables, &Object::root(&answering, root))?;
        if answering.left.get() == 0 {
            let message =
                format!("the answer would hold more than {MAX_VALUES} values, or take too long; ask for less");
            return Err(vec![RequestError::new(LIMIT_EXCEEDED, message)]);
        }
        Ok(answer)
    }
}

fn executed(prepared: &Prepared, mut answer: ExecutionResponse) -> Response {
    for error in &mut answer.errors {
        error.message = error.message.replacen("resolver error: ", "", 1);
        error.extensions.insert("code", MOCK_ERROR.into());
    }
    let body = serde_json::to_vec(&answer).unwrap_or_default();
    let errors = answer.errors.len();
    Response {
        kind: ResponseKind::Executed,
        body: body.into(),
        errors: u32::try_from(errors).unwrap_or(u32::MAX),
        calls: Vec::new(),
        operation_name: prepared.name().map(Arc::from),
        operation_kind: Some(prepared.kind()),
        error_codes: vec![MOCK_ERROR.into(); errors],
        caching: None,
        is_kept: false,
    }
}

impl GraphQlEngine for MockEngine {
    fn execute(&self, request: Request, _: Arc<Caller>, deadline: Instant) -> BoxFuture<'_, Response> {
        Box::pin(self.answer(request, deadline))
    }

    fn sdl(&self) -> Arc<str> {
        Arc::clone(&self.sdl)
    }

    fn is_ready(&self) -> bool {
        true
    }
}
