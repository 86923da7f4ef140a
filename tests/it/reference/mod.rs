//! The reference, which answers operations of the demo's clients in the simplest possible way.
//!
//! In: an operation of the web or the mobile client. Out: the answer that it must get.
//! Elsewhere: the data of the services ([`services`]); the value of each field of a client ([`web`], [`mobile`]).
//!
//! Every field is resolved by itself, with at least one request for a single item. Nothing is batched, cached, lowered
//! or planned, and no code of the engine is used: the services are called as their contracts say, and
//! `apollo_compiler::resolvers` does selection, arguments, null propagation and error paths.

mod computed;
mod mobile;
mod services;
mod web;

use apollo_compiler::resolvers::{Execution, FieldError, ObjectValue, ResolveInfo, ResolvedValue};
use apollo_compiler::schema::ExtendedType;
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Schema};
use demo::Shop;
use serde_json::{Map, Value};
use services::Services;

/// The reason why a field has no value.
#[derive(Debug)]
pub(crate) struct Failure(String);

/// An object of the answer: an entity by its id, a value by its JSON, or a root.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    type_name: String,
    at: At,
}

#[derive(Debug, Clone)]
enum At {
    Root,
    Id(String),
    Json(Value),
}

impl Node {
    fn root(type_name: &str) -> Self {
        Self { type_name: type_name.to_owned(), at: At::Root }
    }

    /// An entity of which only the id is known.
    fn entity(type_name: &str, id: &str) -> Self {
        Self { type_name: type_name.to_owned(), at: At::Id(id.to_owned()) }
    }

    /// An object of a value type, with all of its properties.
    fn value(type_name: &str, json: Value) -> Self {
        Self { type_name: type_name.to_owned(), at: At::Json(json) }
    }

    fn id(&self) -> &str {
        match &self.at {
            At::Id(id) => id,
            _ => panic!("the reference takes `{}` for an entity", self.type_name),
        }
    }

    fn json(&self) -> &Value {
        match &self.at {
            At::Json(json) => json,
            _ => panic!("the reference takes `{}` for a value", self.type_name),
        }
    }
}

/// The value of a field before completion.
#[derive(Debug)]
pub(crate) enum Resolved {
    /// A leaf, an object of a value type whose properties have the names of its fields, a list of either, or null.
    Json(Value),
    Node(Node),
    List(Vec<Resolved>),
}

impl Resolved {
    const NULL: Self = Self::Json(Value::Null);

    fn nodes(nodes: impl IntoIterator<Item = Node>) -> Self {
        Self::List(nodes.into_iter().map(Self::Node).collect())
    }
}

/// One field of one object that is to be resolved.
pub(crate) struct Wanted<'r> {
    services: &'r Services,
    node: &'r Node,
    field: &'r str,
    arguments: Map<String, Value>,
}

impl Wanted<'_> {
    /// An argument as the text that stands for it in a URL; `None` if the argument is absent or null.
    fn argument(&self, name: &str) -> Option<String> {
        match self.arguments.get(name)? {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }

    /// An argument that is non-null in the schema, as text.
    fn required(&self, name: &str) -> String {
        self.argument(name).unwrap_or_else(|| panic!("no argument `{name}` at `{}`", self.field))
    }
}

type Table = fn(&Wanted<'_>) -> Result<Resolved, Failure>;

/// The reference for one client of one shop.
pub(crate) struct Reference {
    services: Services,
    schema: Valid<Schema>,
    table: Table,
}

/// The expected `data`, and the expected paths of the errors.
#[derive(Debug, PartialEq)]
pub(crate) struct Expected {
    pub(crate) data: Value,
    pub(crate) error_paths: Vec<Value>,
}

impl Reference {
    /// The reference for the web client, on behalf of user `sub` or of nobody.
    pub(crate) fn web(shop: &Shop, sub: Option<&str>) -> Self {
        Self::new(shop, sub, "web", web::resolve)
    }

    /// The reference for the mobile client, on behalf of user `sub` or of nobody.
    pub(crate) fn mobile(shop: &Shop, sub: Option<&str>) -> Self {
        Self::new(shop, sub, "mobile", mobile::resolve)
    }

    fn new(shop: &Shop, sub: Option<&str>, client: &str, table: Table) -> Self {
        let path = format!("{}/schema/{client}.graphql", env!("CARGO_MANIFEST_DIR"));
        let written = std::fs::read_to_string(&path).unwrap();
        // The directives of views are declared, so that the schema is valid. The reference must not use them, because
        // they say where fields come from.
        let text = format!(
            "{written}
            directive @link(url: String!, import: [String!]) repeatable on SCHEMA
            directive @view(of: String!, others: String) on OBJECT | INTERFACE | UNION | ENUM | INPUT_OBJECT
            directive @from(path: String!, default: String) on FIELD_DEFINITION | ARGUMENT_DEFINITION | ENUM_VALUE"
        );
        let schema = Schema::parse_and_validate(text, &path).unwrap_or_else(|error| panic!("{}", error.errors));
        Self { services: Services::of(shop, sub), schema, table }
    }

    /// The client's schema, including the directives of views.
    pub(crate) fn schema(&self) -> &Valid<Schema> {
        &self.schema
    }

    /// Answers an operation.
    ///
    /// # Panics
    /// When the operation is not valid for this client.
    pub(crate) async fn execute(self, query: &str, variables: Value) -> Expected {
        let query = query.to_owned();
        // Resolvers block while they wait for their requests, so they do not run on a thread of the runtime.
        let run = move || self.execute_blocking(&query, &variables);
        tokio::task::spawn_blocking(run).await.unwrap()
    }

    fn execute_blocking(&self, query: &str, variables: &Value) -> Expected {
        let document = ExecutableDocument::parse_and_validate(&self.schema, query, "operation.graphql");
        let document = document.unwrap_or_else(|error| panic!("{}", error.errors));
        let variables = serde_json::from_value(variables.clone()).unwrap();
        let operation = document.operations.iter().next().unwrap();
        let root = Object { reference: self, node: Node::root(operation.object_type()) };
        let execution = Execution::new(&self.schema, &document).raw_variable_values(&variables);
        let answer = match execution.execute_sync(&root) {
            Ok(answer) => serde_json::to_value(answer).unwrap(),
            Err(error) => panic!("{}", error.message()),
        };
        Expected { data: answer["data"].clone(), error_paths: error_paths(&answer) }
    }
}

/// The `path` of each entry of `errors`, sorted. An entry without a path counts as `null`.
pub(crate) fn error_paths(answer: &Value) -> Vec<Value> {
    let errors = answer.get("errors").and_then(Value::as_array);
    let mut paths: Vec<_> =
        errors.into_iter().flatten().map(|error| error.get("path").cloned().unwrap_or_default()).collect();
    paths.sort_by_key(ToString::to_string);
    paths
}

struct Object<'r> {
    reference: &'r Reference,
    node: Node,
}

impl ObjectValue for Object<'_> {
    fn type_name(&self) -> &str {
        &self.node.type_name
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Result<ResolvedValue<'a>, FieldError> {
        let arguments = serde_json::to_value(info.arguments()).unwrap();
        let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
        let services = &self.reference.services;
        let wanted = Wanted { services, node: &self.node, field: info.field_name(), arguments };
        let type_name = info.field_definition().ty.inner_named_type().as_str();
        match (self.reference.table)(&wanted) {
            Ok(resolved) => Ok(self.complete(resolved, type_name)),
            Err(Failure(message)) => Err(FieldError { message }),
        }
    }
}

impl<'r> Object<'r> {
    fn complete<'a>(&'a self, resolved: Resolved, type_name: &str) -> ResolvedValue<'a> {
        let is_object = matches!(self.reference.schema.types.get(type_name), Some(ExtendedType::Object(_)));
        match resolved {
            Resolved::Node(node) => ResolvedValue::object(Object { reference: self.reference, node }),
            Resolved::List(items) => {
                let items: Vec<_> = items.into_iter().map(|item| self.complete(item, type_name)).collect();
                ResolvedValue::list(items)
            }
            Resolved::Json(Value::Array(items)) => {
                self.complete(Resolved::List(items.into_iter().map(Resolved::Json).collect()), type_name)
            }
            Resolved::Json(json @ Value::Object(_)) if is_object => {
                self.complete(Resolved::Node(Node::value(type_name, json)), type_name)
            }
            Resolved::Json(json) => {
                ResolvedValue::leaf(serde_json::from_value::<apollo_compiler::response::JsonValue>(json).unwrap())
            }
        }
    }
}
