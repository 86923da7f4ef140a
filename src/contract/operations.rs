//! Operations: the `paths` object becomes [`Endpoint`]s.
//!
//! In: a document. Out: its operations by name, in the order of the document, and the endpoint of each operation that
//! is asked for.
//! Elsewhere: parameters ([`super::parameters`]), schemas ([`super::schemas`]), response headers
//! ([`super::announcements`]).
//!
//! Always true: a placeholder of a path without a path parameter gives a finding, and so does a path parameter without
//! a placeholder.

use super::announcements::{self, Announcements};
use super::document::{Document, Entry, Mapping, NodeId};
use super::model::{Endpoint, Location, RequestBody, Response, SchemaId, StatusPattern};
use super::reader::Reader;
use super::schemas::Schemas;
use crate::diagnostic::{Code, Finding, Span};
use indexmap::{IndexMap, map};

static METHODS: [(&str, http::Method); 8] = [
    ("get", http::Method::GET),
    ("put", http::Method::PUT),
    ("post", http::Method::POST),
    ("delete", http::Method::DELETE),
    ("options", http::Method::OPTIONS),
    ("head", http::Method::HEAD),
    ("patch", http::Method::PATCH),
    ("trace", http::Method::TRACE),
];

/// An operation of a document before it is read.
#[derive(Debug, Clone)]
pub(super) struct Operation {
    pub(super) method: &'static http::Method,
    pub(super) path: String,
    /// The place of the path's key.
    path_key: Span,
    /// The node of the path item.
    item: NodeId,
    entry: Entry,
    /// The place of a later operation with the same name, if there is one.
    again: Option<Span>,
}

/// Lists the operations of a document by name. Nothing is checked. Entries that cannot be operations are left out.
pub(super) fn index(document: &Document) -> IndexMap<String, Operation> {
    let mut operations: IndexMap<String, Operation> = IndexMap::new();
    let paths = document.get(Document::ROOT, "paths").and_then(|node| document.mapping(node));
    for (template, path) in paths.into_iter().flatten().filter(|(template, _)| !template.starts_with("x-")) {
        let Some(item) = document.resolved(path.value) else { continue };
        for (key, entry) in document.mapping(item).into_iter().flatten() {
            let Some((_, method)) = METHODS.iter().find(|(name, _)| name == key) else { continue };
            let named = document.get(entry.value, "operationId").and_then(|node| document.text(node));
            let id = named.map_or_else(|| format!("{method} {template}"), str::to_owned);
            let (path_key, path) = (path.key, template.clone());
            match operations.entry(id) {
                map::Entry::Vacant(vacant) => {
                    vacant.insert(Operation { method, path, path_key, item, entry: *entry, again: None });
                }
                map::Entry::Occupied(mut first) => {
                    let span = name_span(document, entry);
                    first.get_mut().again.get_or_insert(span);
                }
            }
        }
    }
    operations
}

/// The place of an operation's name: the value of its `operationId`, or its key if there is none.
fn name_span(document: &Document, entry: &Entry) -> Span {
    document.get(entry.value, "operationId").map_or(entry.key, |node| document.span(node))
}

/// A path template, and what all of its operations share.
struct PathItem<'a> {
    template: &'a str,
    span: Span,
    parameters: &'a [NodeId],
}

impl Schemas {
    /// Reads an operation; `None` if it cannot be called, which a finding says.
    pub(super) fn read_endpoint<'a>(&mut self, reader: &mut Reader<'a>, operation: &'a Operation) -> Option<Endpoint> {
        if let Some(paths) = reader.document.get(Document::ROOT, "paths") {
            reader.report_repeated(paths, |key| key == operation.path);
        }
        let item = reader.mapping(operation.item, "the path item")?;
        let parameters = reader.list_at(item, "parameters");
        let path = PathItem { template: &operation.path, span: operation.path_key, parameters };
        check_template(reader, &path);
        let endpoint = self.read_operation(reader, &path, operation.method, &operation.entry)?;
        if let Some(again) = operation.again {
            let message = format!("two operations are called `{}`", endpoint.id);
            let finding = Finding::new(Code::E013, message, again, "again here").and(endpoint.span, "first here");
            reader.report(finding.help("give each operation an `operationId` of its own; the first one was read"));
        }
        Some(endpoint)
    }

    fn read_operation<'a>(
        &mut self,
        reader: &mut Reader<'a>,
        path: &PathItem<'a>,
        method: &http::Method,
        entry: &Entry,
    ) -> Option<Endpoint> {
        let operation = reader.mapping(entry.value, "the operation")?;
        let named = reader.text_at(operation, "operationId");
        let id = named.map_or_else(|| format!("{method} {}", path.template), str::to_owned);
        let span = name_span(reader.document, entry);
        let own = reader.list_at(operation, "parameters");
        let parameters = self.read_parameters(reader, path.parameters, own);
        check_placeholders(reader, path, entry.key, &parameters);
        let body = self.read_body(reader, operation, &id);
        let responses = self.read_responses(reader, operation, entry.key, &id);
        let deprecated = reader.flag_at(operation, "deprecated").unwrap_or(false);
        // An endpoint whose required body cannot be sent is left out, because every call to it would be wrong.
        let body = body.ok()?;
        Some(Endpoint {
            id,
            method: method.clone(),
            path: path.template.to_owned(),
            parameters,
            body,
            responses,
            deprecated,
            span,
        })
    }

    /// Reads the request body. It is an error if a required body has no JSON media type.
    fn read_body<'a>(
        &mut self,
        reader: &mut Reader<'a>,
        operation: &'a Mapping,
        id: &str,
    ) -> Result<Option<RequestBody>, NoJson> {
        let Some(entry) = operation.get("requestBody") else { return Ok(None) };
        let Some(body) = reader.resolve(entry.value).and_then(|node| reader.mapping(node, "the request body")) else {
            return Ok(None);
        };
        let required = reader.flag_at(body, "required").unwrap_or(false);
        let Some(content) = reader.mapping_at(body, "content") else {
            if !body.contains_key("content") {
                reader.missing(entry.key, "the request body", "content");
            }
            return Ok(None);
        };
        if let Some((content_type, schema)) = self.json_content(reader, content) {
            let schema = schema.unwrap_or_else(|| self.anything(entry.key));
            return Ok(Some(RequestBody { required, content_type, schema, span: entry.key }));
        }
        let message = format!("the request body of `{id}` has no JSON media type");
        let label = if required { "the operation is left out" } else { "the body is left out" };
        let finding = Finding::new(Code::W001, message, entry.key, label);
        reader.report(finding.help("only `application/json` and `application/…+json` can be sent"));
        if required { Err(NoJson) } else { Ok(None) }
    }

    fn read_responses<'a>(
        &mut self,
        reader: &mut Reader<'a>,
        operation: &'a Mapping,
        span: Span,
        id: &str,
    ) -> Vec<Response> {
        let mut responses = Vec::new();
        let declared = reader.mapping_at(operation, "responses");
        for (status, entry) in declared.into_iter().flatten().filter(|(status, _)| !status.starts_with("x-")) {
            let Some(pattern) = status_pattern(status) else {
                let finding = Finding::new(Code::E018, format!("`{status}` is no status"), entry.key, "this key");
                reader.report(finding.help("a status is `404`, `4XX` or `default`"));
                continue;
            };
            let Some(response) = reader.resolve(entry.value).and_then(|node| reader.mapping(node, "the response"))
            else {
                continue;
            };
            let content = reader.mapping_at(response, "content");
            let (content_type, schema) = match content.and_then(|content| self.json_content(reader, content)) {
                Some((content_type, schema)) => (Some(content_type), schema),
                None => (None, None),
            };
            let Announcements { deprecation, sunset } = announcements::read(reader, response);
            responses.push(Response { status: pattern, content_type, schema, deprecation, sunset, span: entry.key });
        }
        // Since 3.1, an operation may declare no responses (OpenAPI 3.1.0 §4.8.10.1).
        if declared.is_some_and(Mapping::is_empty) || reader.is_3_0 && !operation.contains_key("responses") {
            let finding =
                Finding::new(Code::E017, format!("operation `{id}` declares no responses"), span, "this operation");
            reader.report(finding.help("add `responses`, with the success status at least"));
        }
        responses
    }

    /// Gives the JSON media type and its schema. `application/json` comes first, then other JSON types, then a
    /// wildcard.
    fn json_content<'a>(
        &mut self,
        reader: &mut Reader<'a>,
        content: &'a Mapping,
    ) -> Option<(String, Option<SchemaId>)> {
        let find = |is_wanted: &dyn Fn(&str) -> bool| content.iter().find(|(name, _)| is_wanted(&essence(name)));
        let (name, entry) = find(&|name| name == "application/json")
            .or_else(|| find(&|name| name.ends_with("+json") || name == "text/json"))
            .or_else(|| find(&|name| name == "*/*" || name == "application/*"))?;
        let schema = reader.mapping(entry.value, "the media type").and_then(|media| media.get("schema"));
        let content_type = if name.contains('*') { "application/json".to_owned() } else { name.clone() };
        Some((content_type, schema.map(|entry| self.schema(reader, entry.value))))
    }
}

/// The error for a required body without a JSON media type.
struct NoJson;

/// Gives a media type in lower case, without its parameters.
fn essence(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn status_pattern(text: &str) -> Option<StatusPattern> {
    if text == "default" {
        return Some(StatusPattern::Default);
    }
    match text.as_bytes() {
        [class @ b'1'..=b'5', b'X' | b'x', b'X' | b'x'] => Some(StatusPattern::Class(class - b'0')),
        [b'1'..=b'5', b'0'..=b'9', b'0'..=b'9'] => text.parse().ok().map(StatusPattern::Exact),
        _ => None,
    }
}

/// Gives the names between braces; `None` if the braces do not match, or a name is empty or not unique.
fn placeholders(template: &str) -> Option<Vec<&str>> {
    let mut names = Vec::new();
    let mut rest = template;
    while let Some(open) = rest.find(['{', '}']) {
        let (name, after) = rest[open..].strip_prefix('{')?.split_once('}')?;
        if name.is_empty() || name.contains('{') || names.contains(&name) {
            return None;
        }
        names.push(name);
        rest = after;
    }
    Some(names)
}

fn check_template(reader: &mut Reader<'_>, path: &PathItem<'_>) {
    if !path.template.starts_with('/') || placeholders(path.template).is_none() {
        let finding =
            Finding::new(Code::E023, format!("`{}` is no path template", path.template), path.span, "this path");
        reader.report(finding.help("a path starts with `/`; each `{name}` is closed, named and stands once"));
    }
}

fn check_placeholders(
    reader: &mut Reader<'_>,
    path: &PathItem<'_>,
    operation: Span,
    parameters: &[super::model::Parameter],
) {
    let Some(names) = placeholders(path.template) else { return };
    let of_path = || parameters.iter().filter(|parameter| parameter.location == Location::Path);
    for name in &names {
        if !of_path().any(|parameter| parameter.name == *name) {
            let message = format!("`{{{name}}}` of the path has no parameter");
            let finding = Finding::new(Code::E014, message, operation, "missing in this operation");
            let finding = finding.and(path.span, "the path");
            reader.report(finding.help(format!("add a parameter `name: {name}`, `in: path`, `required: true`")));
        }
    }
    for parameter in of_path().filter(|parameter| !names.contains(&parameter.name.as_str())) {
        let message = format!("path parameter `{}` is not in the path", parameter.name);
        let finding = Finding::new(Code::E015, message, parameter.span, "this parameter").and(path.span, "the path");
        reader.report(finding.help(format!("put `{{{}}}` into the path, or remove the parameter", parameter.name)));
    }
}
