//! The graph as two plain GraphQL schemas, the whole graph and the part that clients may see. Merged types are printed,
//! parsed and validated.
//!
//! Each printed line records the declaration from which it comes, so that errors of the validation point into the
//! services' SDL.

use super::merged::{MergedArgument, MergedField, MergedType, MergedTypes};
use super::types::TypeKind;
use crate::diagnostic::{Code, Finding, Span};
use apollo_compiler::Schema;
use apollo_compiler::ast;
use apollo_compiler::diagnostic::ToCliReport;
use apollo_compiler::validation::Valid;
use indexmap::IndexMap;

/// A graph's two schemas.
#[derive(Debug)]
pub(super) struct Schemas {
    /// The part of the graph that clients may see.
    pub(super) clients: Valid<Schema>,
    /// The whole graph.
    pub(super) full: Valid<Schema>,
}

/// Builds the schemas. If they cannot be built, they are empty, and `findings` says why.
pub(super) fn build(types: &MergedTypes<'_>, findings: &mut Vec<Finding>) -> Schemas {
    try_build(types).unwrap_or_else(|found| {
        findings.extend(found);
        let empty = Valid::assume_valid(Schema::new());
        Schemas { clients: empty.clone(), full: empty }
    })
}

fn try_build(types: &MergedTypes<'_>) -> Result<Schemas, Vec<Finding>> {
    let full = build_one(types, Audience::Graph)?;
    if !has_hidden(types) {
        return Ok(Schemas { clients: full.clone(), full });
    }
    let findings = check_hidden(types);
    if findings.is_empty() {
        Ok(Schemas { clients: build_one(types, Audience::Clients)?, full })
    } else {
        Err(findings)
    }
}

/// The audience of a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Audience {
    /// The graph itself, which has everything.
    Graph,
    /// Clients, who see nothing that is `@inaccessible`.
    Clients,
}

fn has_hidden(types: &MergedTypes<'_>) -> bool {
    types.values().any(|ty| {
        let is_hidden = |arguments: &IndexMap<&str, MergedArgument<'_>>| arguments.values().any(|one| one.is_hidden);
        let fields = || ty.fields.values().any(|field| field.is_hidden() || is_hidden(&field.arguments));
        ty.is_hidden || !ty.hidden_values.is_empty() || is_hidden(&ty.inputs) || fields()
    })
}

/// Checks that no part of the client schema names a hidden type (Apollo Federation's composition:
/// `REFERENCED_INACCESSIBLE`), and that every visible type has a visible member (`ONLY_INACCESSIBLE_CHILDREN`).
fn check_hidden(types: &MergedTypes<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut check = |coordinate: String, ty: &ast::Type, span: Span| {
        let name = ty.inner_named_type().as_str();
        if types.get(name).is_some_and(|ty| ty.is_hidden) {
            let message = format!("clients see `{coordinate}`, but its type `{name}` is `@inaccessible`");
            let finding = Finding::new(Code::E212, message, span, "seen by clients");
            findings.push(finding.help("hide both or none: mark this `@inaccessible`, too"));
        }
    };
    let mut emptied = Vec::new();
    for ty in types.values().filter(|ty| !ty.is_hidden) {
        for (name, field) in ty.fields.iter().filter(|(_, field)| !field.is_hidden()) {
            let Some(span) = field.declared.first().map(|declared| declared.field.name.span) else { continue };
            check(format!("{}.{name}", ty.name), &field.ty, span);
            for (argument, of) in field.arguments.iter().filter(|(_, of)| !of.is_hidden) {
                check(format!("{}.{name}({argument}:)", ty.name), &of.ty, of.declaration.name.span);
            }
        }
        for (name, input) in ty.inputs.iter().filter(|(_, input)| !input.is_hidden) {
            check(format!("{}.{name}", ty.name), &input.ty, input.declaration.name.span);
        }
        let is_empty = match ty.kind {
            TypeKind::Object | TypeKind::Interface => ty.fields.values().all(MergedField::is_hidden),
            TypeKind::Input => ty.inputs.values().all(|input| input.is_hidden),
            TypeKind::Enum => ty.values.keys().all(|value| ty.hidden_values.contains(value)),
            TypeKind::Union => ty.members.keys().all(|name| types.get(*name).is_some_and(|member| member.is_hidden)),
            TypeKind::Scalar => false,
        };
        if is_empty {
            let message = format!("clients see `{}`, but all that it has is `@inaccessible`", ty.name);
            let finding = Finding::new(Code::E212, message, ty.span, "seen by clients");
            emptied.push(finding.help("mark the type itself `@inaccessible`"));
        }
    }
    findings.extend(emptied);
    findings
}

fn build_one(types: &MergedTypes<'_>, audience: Audience) -> Result<Valid<Schema>, Vec<Finding>> {
    let mut printer = Printer { types, audience, lines: Vec::new(), spans: Vec::new() };
    for ty in types.values().filter(|ty| audience == Audience::Graph || !ty.is_hidden) {
        printer.ty(ty);
    }
    // The directive is built in since the specification of September 2025, but not yet in the compiler.
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
        findings.push(Finding::new(Code::E204, error.error.to_string(), span, "declared here"));
    }
    if types.get("Query").is_none() && findings.is_empty() {
        let span = printer.spans.first().copied();
        findings
            .extend(span.map(|span| Finding::new(Code::E204, "there is no `Query` type", span, "in these services")));
    }
    Err(findings)
}

struct Printer<'t, 'a> {
    types: &'t IndexMap<String, MergedType<'a>>,
    audience: Audience,
    lines: Vec<String>,
    spans: Vec<Span>,
}

impl Printer<'_, '_> {
    /// Whether a type is left out.
    fn hides(&self, name: &str) -> bool {
        self.audience == Audience::Clients && self.types.get(name).is_some_and(|ty| ty.is_hidden)
    }

    fn line(&mut self, line: String, span: Span) {
        self.lines.push(line);
        self.spans.push(span);
    }

    fn ty(&mut self, ty: &MergedType<'_>) {
        self.description(ty.description, "", ty.span);
        let names = |separator: &str, names: &IndexMap<&str, Span>| {
            names.keys().copied().filter(|name| !self.hides(name)).collect::<Vec<_>>().join(separator)
        };
        let implements = match names(" & ", &ty.implements) {
            none if none.is_empty() => none,
            some => format!(" implements {some}"),
        };
        match ty.kind {
            TypeKind::Scalar => {
                let url = ty.specified_by.map(|url| format!(" @specifiedBy(url: {})", quoted(url)));
                self.line(format!("scalar {}{}", ty.name, url.unwrap_or_default()), ty.span);
            }
            TypeKind::Union => {
                self.line(format!("union {} = {}", ty.name, names(" | ", &ty.members)), ty.span);
            }
            TypeKind::Enum => {
                self.line(format!("enum {} {{", ty.name), ty.span);
                let is_client = self.audience == Audience::Clients;
                for (name, value) in
                    ty.values.iter().filter(|(name, _)| !is_client || !ty.hidden_values.contains(*name))
                {
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
            if self.audience == Audience::Clients && field.is_hidden() {
                continue;
            }
            self.description(declared().find_map(|field| field.description.as_deref()), "  ", span);
            let reason = deprecated(declared().find_map(|field| field.deprecated.as_deref()));
            if field.arguments.values().all(|argument| self.audience == Audience::Clients && argument.is_hidden) {
                self.line(format!("  {name}: {}{reason}", field.ty), span);
            } else {
                self.line(format!("  {name}("), span);
                self.arguments(&field.arguments, "    ");
                self.line(format!("  ): {}{reason}", field.ty), span);
            }
        }
    }

    fn arguments(&mut self, arguments: &IndexMap<&str, MergedArgument<'_>>, indent: &str) {
        let is_client = self.audience == Audience::Clients;
        for (name, argument) in arguments.iter().filter(|(_, argument)| !is_client || !argument.is_hidden) {
            let declaration = argument.declaration;
            let span = declaration.name.span;
            self.description(declaration.description.as_deref(), indent, span);
            let default = argument.default.map(|value| format!(" = {}", value.serialize().no_indent()));
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

/// A GraphQL string on one line. All escapes of JSON are escapes of GraphQL too.
fn quoted(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}
