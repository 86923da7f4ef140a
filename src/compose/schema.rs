//! The graph as a plain GraphQL schema: merged types printed, parsed and validated.
//!
//! Every printed line remembers which declaration it comes from, so that what validation finds points
//! into the services' SDL.

use super::graph::TypeKind;
use super::merge::{MergedArgument, MergedType};
use crate::diagnostic::{Finding, Span};
use apollo_compiler::Schema;
use apollo_compiler::diagnostic::ToCliReport;
use apollo_compiler::validation::Valid;
use indexmap::IndexMap;

/// Builds the schema.
///
/// # Errors
/// What validation finds, as findings.
pub(super) fn build(types: &IndexMap<String, MergedType<'_>>) -> Result<Valid<Schema>, Vec<Finding>> {
    let mut printer = Printer::default();
    for ty in types.values() {
        printer.ty(ty);
    }
    // Built in since September 2025, but not yet in the compiler.
    if let Some(ty) = types.values().find(|ty| ty.is_one_of) {
        printer.line("directive @oneOf on INPUT_OBJECT".to_owned(), ty.span);
    }
    let text = printer.lines.join("\n");
    let broken = match Schema::parse_and_validate(text.as_str(), "graph") {
        Ok(schema) => return Ok(schema),
        Err(broken) => broken,
    };
    let mut findings = Vec::new();
    let breaks: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
    for error in broken.errors.iter() {
        let offset = error.error.location().map_or(0, |location| location.offset());
        let line = breaks.partition_point(|&at| at < offset);
        let Some(span) = printer.spans.get(line).or(printer.spans.first()).copied() else { continue };
        findings.push(Finding::new("E204", error.error.to_string(), span, "declared here"));
    }
    if types.get("Query").is_none() && findings.is_empty() {
        let span = printer.spans.first().copied();
        findings.extend(span.map(|span| Finding::new("E204", "there is no `Query` type", span, "in these services")));
    }
    Err(findings)
}

#[derive(Default)]
struct Printer {
    lines: Vec<String>,
    spans: Vec<Span>,
}

impl Printer {
    fn line(&mut self, line: String, span: Span) {
        self.lines.push(line);
        self.spans.push(span);
    }

    fn ty(&mut self, ty: &MergedType<'_>) {
        self.description(ty.description, "", ty.span);
        let names =
            |separator: &str, names: Vec<&&str>| names.iter().map(|name| **name).collect::<Vec<_>>().join(separator);
        let implements = match ty.implements.is_empty() {
            true => String::new(),
            false => format!(" implements {}", names(" & ", ty.implements.keys().collect())),
        };
        match ty.kind {
            TypeKind::Scalar => {
                let url = ty.specified_by.map(|url| format!(" @specifiedBy(url: {})", quoted(url)));
                self.line(format!("scalar {}{}", ty.name, url.unwrap_or_default()), ty.span);
            }
            TypeKind::Union => {
                self.line(format!("union {} = {}", ty.name, names(" | ", ty.members.keys().collect())), ty.span);
            }
            TypeKind::Enum => {
                self.line(format!("enum {} {{", ty.name), ty.span);
                for (name, value) in &ty.values {
                    self.description(value.description.as_deref(), "  ", value.name.span);
                    self.line(format!("  {name}{}", deprecated(value.deprecated.as_deref())), value.name.span);
                }
                self.line("}".to_owned(), ty.span);
            }
            TypeKind::Input => {
                let one_of = if ty.is_one_of { " @oneOf" } else { "" };
                self.line(format!("input {}{one_of} {{", ty.name), ty.span);
                self.arguments(&ty.inputs, "  ");
                self.line("}".to_owned(), ty.span);
            }
            TypeKind::Object | TypeKind::Interface => {
                let keyword = if ty.kind == TypeKind::Object { "type" } else { "interface" };
                self.line(format!("{keyword} {}{implements} {{", ty.name), ty.span);
                self.fields(ty);
                self.line("}".to_owned(), ty.span);
            }
        }
    }

    fn fields(&mut self, ty: &MergedType<'_>) {
        for (name, field) in &ty.fields {
            let declared = || field.declared.iter().map(|declared| declared.field);
            let Some(span) = declared().next().map(|field| field.name.span) else { continue };
            if declared().any(|field| field.is_inaccessible) {
                continue;
            }
            self.description(declared().find_map(|field| field.description.as_deref()), "  ", span);
            let reason = deprecated(declared().find_map(|field| field.deprecated.as_deref()));
            if field.arguments.is_empty() {
                self.line(format!("  {name}: {}{reason}", field.ty), span);
            } else {
                self.line(format!("  {name}("), span);
                self.arguments(&field.arguments, "    ");
                self.line(format!("  ): {}{reason}", field.ty), span);
            }
        }
    }

    fn arguments(&mut self, arguments: &IndexMap<&str, MergedArgument<'_>>, indent: &str) {
        for (name, argument) in arguments {
            let declaration = argument.declaration;
            let span = declaration.name.span;
            self.description(declaration.description.as_deref(), indent, span);
            let default = declaration.default.as_ref().map(|value| format!(" = {}", value.serialize().no_indent()));
            let default = default.unwrap_or_default();
            let reason = deprecated(declaration.deprecated.as_deref());
            self.line(format!("{indent}{name}: {}{default}{reason}", argument.ty), span);
        }
    }

    fn description(&mut self, text: Option<&str>, indent: &str, span: Span) {
        if let Some(text) = text {
            self.line(format!("{indent}{}", quoted(text)), span);
        }
    }
}

fn deprecated(reason: Option<&str>) -> String {
    reason.map(|reason| format!(" @deprecated(reason: {})", quoted(reason))).unwrap_or_default()
}

/// A GraphQL string on one line: JSON's escapes are all GraphQL's, too.
fn quoted(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}
