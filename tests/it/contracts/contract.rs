//! The parts of an OpenAPI contract that the checks of answers need. The contract is read by this code instead of the
//! engine's own reader, so that a mistake in one of the two is noticed.

use std::collections::BTreeSet;

use jsonschema::Validator;
use serde_json::{Map, Value, json};

use super::{Answer, Exercise};

/// The contract of a service.
pub(super) struct Contract {
    document: Value,
}

impl Contract {
    /// Reads `schema/services/<service>.openapi.yaml`.
    pub(super) fn read(service: &str) -> Self {
        let path = format!("{}/schema/services/{service}.openapi.yaml", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&path).unwrap();
        let document: Value = serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(document["openapi"], "3.1.0");
        Self { document }
    }

    /// All operations, each with every status that it declares.
    pub(super) fn declared(&self) -> BTreeSet<(String, u16)> {
        let statuses = |(_, _, operation): (String, String, &Value)| {
            let id = operation["operationId"].as_str().unwrap().to_owned();
            let statuses: Vec<u16> = object(&operation["responses"]).keys().map(|key| key.parse().unwrap()).collect();
            statuses.into_iter().map(move |status| (id.clone(), status))
        };
        self.operations().into_iter().flat_map(statuses).collect()
    }

    /// The `maxItems` of a query parameter.
    pub(super) fn most_values(&self, operation: &str, parameter: &str) -> u64 {
        let (_, _, operation) = self.operation(operation);
        let parameter = self.parameters(operation).find(|declared| declared["name"] == parameter).unwrap();
        parameter["schema"]["maxItems"].as_u64().unwrap()
    }

    /// Checks that a request has the method and the path of the contract and only declared parameters. If the answer is
    /// a success, the required parameters must be there and the body must fit.
    pub(super) fn check_request(&self, exercise: &Exercise) {
        let (method, template, operation) = self.operation(exercise.operation);
        let name = format!("{} {}", exercise.operation, exercise.target);
        let (path, query) = exercise.target.split_once('?').unwrap_or((&exercise.target, ""));
        assert_eq!(method, exercise.method.to_lowercase(), "{name}");
        let is_filled_in = |(template, part): (&str, &str)| template == part || template.starts_with('{');
        assert_eq!(template.split('/').count(), path.split('/').count(), "{name}: {template}");
        assert!(template.split('/').zip(path.split('/')).all(is_filled_in), "{name}: {template}");

        let sent: BTreeSet<_> = query.split('&').filter_map(|pair| pair.split('=').next()).collect();
        let of_query = |parameter: &&Value| parameter["in"] == "query";
        let declared: BTreeSet<_> =
            self.parameters(operation).filter(of_query).map(|parameter| parameter["name"].as_str().unwrap()).collect();
        let undeclared: Vec<_> = sent.difference(&declared).filter(|name| !name.is_empty()).collect();
        assert!(undeclared.is_empty(), "{name}: undeclared parameters {undeclared:?}");
        if exercise.status >= 300 {
            return;
        }
        for parameter in self.parameters(operation).filter(of_query).filter(|one| one["required"] == true) {
            let parameter = parameter["name"].as_str().unwrap();
            assert!(sent.contains(parameter), "{name}: without the required `{parameter}`");
        }
        assert_eq!(operation.get("requestBody").is_some(), exercise.body.is_some(), "{name}: body");
        if let Some(body) = &exercise.body {
            let content = &self.resolve(&operation["requestBody"])["content"]["application/json"];
            self.validate(&content["schema"], &serde_json::from_str(body).unwrap(), &name);
        }
    }

    /// Checks that an answer has a declared status, its media type, its headers and its shape.
    pub(super) fn check_answer(&self, exercise: &Exercise, answer: &Answer) {
        let (_, _, operation) = self.operation(exercise.operation);
        let name = format!("{} {} {}", exercise.operation, exercise.target, answer.status);
        let declared = operation["responses"].get(answer.status.to_string());
        let response = self.resolve(declared.unwrap_or_else(|| panic!("{name}: the status is not declared")));
        for (header, declared) in response.get("headers").map(object).into_iter().flatten() {
            let is_required = self.resolve(declared)["required"] == true;
            assert!(!is_required || !answer.header(header).is_empty(), "{name}: without header `{header}`");
        }
        let Some(content) = response.get("content") else {
            assert!(answer.body.is_empty(), "{name}: a body where none is declared");
            return;
        };
        let media_type = answer.header("content-type").split(';').next().unwrap().trim();
        let content = content.get(media_type);
        let content = content.unwrap_or_else(|| panic!("{name}: `{media_type}` is not declared"));
        let body = answer.json();
        self.validate(&content["schema"], &body, &name);
        if media_type == "application/problem+json" {
            assert_eq!(body["status"], answer.status, "{name}: RFC 9457 §3.1.2");
        }
    }

    fn validate(&self, schema: &Value, value: &Value, name: &str) {
        let errors: Vec<_> = self
            .validator(schema)
            .iter_errors(value)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{name}:\n{}", errors.join("\n"));
    }

    fn validator(&self, schema: &Value) -> Validator {
        // References such as `#/components/schemas/User` can be resolved because the components are beside the schema.
        let root = json!({ "allOf": [schema], "components": self.document["components"] });
        jsonschema::draft202012::options().should_validate_formats(true).build(&root).unwrap()
    }

    fn parameters<'c>(&'c self, operation: &'c Value) -> impl Iterator<Item = &'c Value> {
        operation.get("parameters").and_then(Value::as_array).into_iter().flatten().map(|one| self.resolve(one))
    }

    fn operation(&self, id: &str) -> (String, String, &Value) {
        let found = self.operations().into_iter().find(|(_, _, operation)| operation["operationId"] == id);
        found.unwrap_or_else(|| panic!("no operation `{id}` in the contract"))
    }

    /// The method, the path template and the declaration of each operation.
    fn operations(&self) -> Vec<(String, String, &Value)> {
        object(&self.document["paths"])
            .iter()
            .flat_map(|(path, methods)| {
                object(methods).iter().map(move |(method, operation)| (method.clone(), path.clone(), operation))
            })
            .collect()
    }

    fn resolve<'c>(&'c self, value: &'c Value) -> &'c Value {
        match value.get("$ref").and_then(Value::as_str) {
            Some(reference) => {
                let pointer = reference.strip_prefix('#').expect("a reference into the same file");
                self.document.pointer(pointer).unwrap_or_else(|| panic!("{reference} leads nowhere"))
            }
            None => value,
        }
    }
}

fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().expect("an object")
}
