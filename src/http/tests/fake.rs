//! An engine for tests. It validates documents as the real one does, but answers without any service.

use crate::cache::{Bypass, CacheStatus};
use crate::engine::{ClientCaching, GraphQlEngine, Request, Response, ResponseKind};
use crate::operation::OperationKind;
use crate::policy::Caller;
use crate::report::CallRecord;
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Schema, request::coerce_variable_values};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const SDL: &str =
    "type Query { hello: String panic: Int stall: Int late: Int busy: Int caller: String } type Mutation { add: Int }";

/// How long the field `busy` takes; its thread does nothing else meanwhile.
const BUSY: Duration = Duration::from_millis(5);

/// Answers `hello` and `caller`. The fields `panic`, `stall`, `late` and `busy` panic, never end, end just before the
/// deadline, and keep the thread busy.
#[derive(Debug)]
pub(crate) struct FakeEngine {
    schema: Valid<Schema>,
    /// The value of `hello`.
    greeting: &'static str,
    pub(crate) is_ready: AtomicBool,
    pub(crate) executing: Arc<AtomicUsize>,
    /// What the engine says about caching its answers.
    pub(crate) caching: Option<Box<ClientCaching>>,
}

impl FakeEngine {
    pub(crate) fn new(greeting: &'static str) -> Self {
        let schema = Schema::parse_and_validate(SDL, "schema.graphql").expect("the schema is valid");
        Self { schema, greeting, is_ready: AtomicBool::new(true), executing: Arc::default(), caching: None }
    }

    async fn answer(&self, request: Request, caller: Arc<Caller>, deadline: Instant) -> Response {
        let _executing = Executing::begin(&self.executing);
        let document = match ExecutableDocument::parse_and_validate(&self.schema, &request.query, "query.graphql") {
            Ok(document) => document,
            Err(invalid) => return failure(ResponseKind::DocumentError, "INVALID", &invalid.errors.to_string()),
        };
        let operation = match document.operations.get(request.operation_name.as_deref()) {
            Ok(operation) => operation,
            Err(error) => return failure(ResponseKind::DocumentError, "INVALID", &format!("{error:?}")),
        };
        if operation.is_mutation() && request.is_read_only {
            return failure(ResponseKind::MethodNotAllowed, "METHOD_NOT_ALLOWED", "mutations go by POST");
        }
        let variables = serde_json::from_slice(request.variables.text()).unwrap_or_default();
        if let Err(error) = coerce_variable_values(&self.schema, operation, &variables) {
            return failure(ResponseKind::VariableError, "INVALID_VARIABLES", &format!("{error:?}"));
        }
        let mut data = serde_json::Map::new();
        for field in operation.root_fields(&document) {
            let value = match field.name.as_str() {
                "panic" => panic!("a secret of the engine"),
                "stall" => std::future::pending().await,
                "busy" => {
                    let began = Instant::now();
                    while began.elapsed() < BUSY {
                        std::hint::spin_loop();
                    }
                    Value::Null
                }
                "late" => {
                    tokio::time::sleep_until((deadline - Duration::from_millis(1)).into()).await;
                    Value::Null
                }
                "hello" => json!(self.greeting),
                "caller" => json!({
                    "sub": caller.claims.as_ref().and_then(|claims| claims.get("sub")),
                    "id": caller.request_id.as_str(), "trace": caller.traceparent,
                    "state": caller.tracestate.as_ref().map(|state| state.to_str().expect("ASCII")),
                }),
                "__typename" => json!("Query"),
                _ => Value::Null,
            };
            data.insert(field.response_key().to_string(), value);
        }
        let call = |operation_id: &str, status, is_shared| CallRecord {
            service: "catalog".into(),
            operation_id: operation_id.into(),
            keys: 1,
            elapsed: Duration::from_millis(2),
            status,
            attempts: 1,
            is_shared,
            is_in_process: false,
            is_safe: true,
            cache: CacheStatus::Bypass(Bypass::Off),
            cause: None,
        };
        Response {
            kind: ResponseKind::Executed,
            body: json!({ "data": data }).to_string().into(),
            errors: 0,
            calls: vec![
                call("list", Ok(200), false),
                call("list", Ok(200), true),
                call("get", Err("UPSTREAM_TIMEOUT"), false),
            ],
            operation_name: operation.name.as_ref().map(|name| name.as_str().into()),
            operation_kind: Some(if operation.is_mutation() { OperationKind::Mutation } else { OperationKind::Query }),
            error_codes: Vec::new(),
            caching: self.caching.clone(),
            is_kept: false,
        }
    }
}

impl GraphQlEngine for FakeEngine {
    fn execute(&self, request: Request, caller: Arc<Caller>, deadline: Instant) -> BoxFuture<'_, Response> {
        Box::pin(self.answer(request, caller, deadline))
    }

    fn sdl(&self) -> Arc<str> {
        SDL.into()
    }

    fn is_ready(&self) -> bool {
        self.is_ready.load(Ordering::SeqCst)
    }
}

/// Counts executions that are neither finished nor dropped.
struct Executing(Arc<AtomicUsize>);

impl Executing {
    fn begin(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Executing {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn failure(kind: ResponseKind, code: &'static str, message: &str) -> Response {
    let body = json!({ "errors": [{ "message": message, "extensions": { "code": code } }] });
    Response {
        kind,
        body: body.to_string().into(),
        errors: 1,
        calls: Vec::new(),
        operation_name: None,
        operation_kind: None,
        error_codes: vec![code.into()],
        caching: None,
        is_kept: false,
    }
}
