//! Parameters of paths and operations.
//!
//! In: the parameter nodes of a path and of an operation. Out: [`Parameter`]s. If both have the same parameter, the
//! operation's counts.
//!
//! Always true: the location of a parameter allows its style.

use super::document::{Mapping, NodeId};
use super::model::{Location, Parameter, SchemaId, Style};
use super::reader::Reader;
use super::schemas::Schemas;
use crate::diagnostic::{Code, Finding, Span};

/// The header parameters that OpenAPI ignores (OpenAPI 3.1 §4.8.12.2.1).
const IGNORED_HEADERS: [&str; 3] = ["accept", "content-type", "authorization"];

impl Schemas {
    /// Reads the parameters of one operation.
    pub(super) fn read_parameters<'a>(
        &mut self,
        reader: &mut Reader<'a>,
        of_path: &'a [NodeId],
        of_operation: &'a [NodeId],
    ) -> Vec<Parameter> {
        let mut parameters: Vec<Parameter> = self.read_list(reader, of_path);
        for parameter in self.read_list(reader, of_operation) {
            match parameters.iter_mut().find(|known| is_same(known, &parameter)) {
                Some(known) => *known = parameter,
                None => parameters.push(parameter),
            }
        }
        parameters
    }

    fn read_list<'a>(&mut self, reader: &mut Reader<'a>, nodes: &'a [NodeId]) -> Vec<Parameter> {
        let mut parameters: Vec<Parameter> = Vec::new();
        for &node in nodes {
            let Some(parameter) = self.read_parameter(reader, node) else { continue };
            match parameters.iter().find(|known| is_same(known, &parameter)) {
                None => parameters.push(parameter),
                Some(known) => {
                    let message = format!("parameter `{}` stands twice in one list", parameter.name);
                    let finding = Finding::new(Code::E024, message, parameter.span, "again here");
                    reader.report(finding.and(known.span, "first here").help("remove one of them"));
                }
            }
        }
        parameters
    }

    fn read_parameter<'a>(&mut self, reader: &mut Reader<'a>, node: NodeId) -> Option<Parameter> {
        let document = reader.document;
        let node = reader.resolve(node)?;
        let mapping = reader.mapping(node, "the parameter")?;
        for key in ["name", "in"] {
            if !mapping.contains_key(key) {
                reader.missing(document.span(node), "the parameter", key);
            }
        }
        let name = reader.text_at(mapping, "name")?.to_owned();
        let span = mapping.get("name").map_or(document.span(node), |entry| document.span(entry.value));
        let location = location(reader, mapping)?;
        if location == Location::Header && IGNORED_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
            return None;
        }
        let required = reader.flag_at(mapping, "required").unwrap_or(false);
        if location == Location::Path && !required {
            let finding =
                Finding::new(Code::W003, format!("path parameter `{name}` is not required"), span, "this parameter");
            reader.report(finding.help("add `required: true`: a path parameter is always sent"));
        }
        let style = style(reader, mapping, location);
        let explode = reader.flag_at(mapping, "explode").unwrap_or(style == Style::Form);
        let schema = self.parameter_schema(reader, mapping, span)?;
        let required = required || location == Location::Path;
        Some(Parameter { name, location, required, style, explode, schema, span })
    }

    /// Reads the type in `schema`, or in the only media type of `content`.
    fn parameter_schema<'a>(
        &mut self,
        reader: &mut Reader<'a>,
        parameter: &'a Mapping,
        span: Span,
    ) -> Option<SchemaId> {
        if let Some(entry) = parameter.get("schema") {
            return Some(self.schema(reader, entry.value));
        }
        let Some(content) = reader.mapping_at(parameter, "content") else {
            if !parameter.contains_key("content") {
                reader.missing(span, "the parameter", "schema");
            }
            return None;
        };
        let media = content.values().next().and_then(|entry| reader.mapping(entry.value, "the media type"));
        Some(match media.and_then(|media| media.get("schema")) {
            Some(entry) => self.schema(reader, entry.value),
            None => self.anything(span),
        })
    }
}

fn is_same(a: &Parameter, b: &Parameter) -> bool {
    let same_name = match a.location {
        Location::Header => a.name.eq_ignore_ascii_case(&b.name),
        _ => a.name == b.name,
    };
    a.location == b.location && same_name
}

fn location(reader: &mut Reader<'_>, parameter: &Mapping) -> Option<Location> {
    let node = parameter.get("in")?.value;
    match reader.document.text(node) {
        Some("path") => Some(Location::Path),
        Some("query") => Some(Location::Query),
        Some("header") => Some(Location::Header),
        Some("cookie") => Some(Location::Cookie),
        other => {
            let message = format!("a parameter cannot be in `{}`", other.unwrap_or("null"));
            let finding = Finding::new(Code::E026, message, reader.document.span(node), "this place");
            reader.report(finding.help("a parameter is in `path`, `query`, `header` or `cookie`"));
            None
        }
    }
}

/// Gives the declared style if the location allows it, or else the location's default style.
fn style(reader: &mut Reader<'_>, parameter: &Mapping, location: Location) -> Style {
    let (default, allowed): (Style, &[(&str, Style)]) = match location {
        Location::Path => {
            (Style::Simple, &[("simple", Style::Simple), ("label", Style::Label), ("matrix", Style::Matrix)])
        }
        Location::Header => (Style::Simple, &[("simple", Style::Simple)]),
        Location::Cookie => (Style::Form, &[("form", Style::Form)]),
        Location::Query => (
            Style::Form,
            &[
                ("form", Style::Form),
                ("spaceDelimited", Style::SpaceDelimited),
                ("pipeDelimited", Style::PipeDelimited),
                ("deepObject", Style::DeepObject),
            ],
        ),
    };
    let Some(node) = parameter.get("style").map(|entry| entry.value) else { return default };
    let text = reader.document.text(node).unwrap_or("null");
    if let Some((_, style)) = allowed.iter().find(|(name, _)| *name == text) {
        return *style;
    }
    let names: Vec<String> = allowed.iter().map(|(name, _)| format!("`{name}`")).collect();
    let message = format!("style `{text}` does not fit here");
    let finding = Finding::new(Code::E025, message, reader.document.span(node), "this style");
    reader.report(finding.help(format!("allowed in this place: {}", names.join(", "))));
    default
}
