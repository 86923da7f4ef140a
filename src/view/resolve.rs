//! Types: every client type gets the graph type that it is a view of.
//!
//! In: the client schema without our directives, the contents of those directives, and the graph.
//! Out: the tables for lowering, and all findings (E116).
//! Elsewhere: leaf and input types ([`super::inputs`]), fields ([`super::field`]), members ([`super::member`]).

use super::inherit::{ArgumentOrigin, FieldOrigin};
use super::markup::{FromMark, Markup, Text, span_of};
use super::path;
use super::table::{Inputs, Tables};
use crate::compose::{Graph, TypeId, TypeKind};
use crate::diagnostic::{Code, FileId, Finding, Span};
use crate::suggest::did_you_mean;
use apollo_compiler::Schema;
use apollo_compiler::ast::{OperationType, Type};
use apollo_compiler::parser::SourceSpan;
use apollo_compiler::schema::ExtendedType;
use std::collections::{HashMap, HashSet};

pub(super) struct Resolver<'a> {
    pub(super) schema: &'a Schema,
    pub(super) markup: &'a Markup,
    pub(super) graph: &'a Graph,
    pub(super) graph_inputs: Inputs,
    pub(super) file: FileId,
    pub(super) findings: Vec<Finding>,
    /// The graph type of each client type.
    pub(super) of: HashMap<String, TypeId>,
    pub(super) tables: Tables,
    /// The names of arguments in the graph that decide how long a list is.
    pub(super) sizing: HashSet<String>,
    /// The graph fields on the path of each client field, as graph types and field names.
    pub(super) paths: HashMap<String, Vec<FieldOrigin>>,
    /// The graph arguments that each client argument (`Type.field(argument:)`) fills as a whole.
    pub(super) argument_origins: HashMap<String, Vec<ArgumentOrigin>>,
    /// Client types of fields whose value can also be of a graph type that the client type does not show.
    pub(super) met_others: HashSet<String>,
}

impl<'a> Resolver<'a> {
    /// Resolves the whole schema.
    pub(super) fn run(&mut self) {
        self.types();
        self.dangling();
        self.inputs();
        self.members();
        self.fields();
        self.idle_omissions();
    }

    fn types(&mut self) {
        let schema = self.schema;
        for (name, ty) in schema.types.iter().filter(|(_, ty)| !ty.is_built_in()) {
            let at = self.span(ty.name().location());
            let view = self.markup.views.get(name.as_str()).and_then(|view| view.of.as_ref());
            let (wanted, span) = match view {
                Some(of) => (of.value.as_str(), of.span),
                None => (self.graph_root(name).unwrap_or(name.as_str()), at),
            };
            let Some(id) = self.graph.visible_type(wanted) else {
                let known = self.graph.visible_types();
                let mut finding =
                    Finding::new(Code::E116, format!("the graph has no type `{wanted}`"), span, "no counterpart");
                let question = did_you_mean(wanted, known);
                finding =
                    finding.help(question.unwrap_or_else(|| "say what it is a view of: `@view(of: \"…\")`".to_owned()));
                self.findings.push(finding);
                continue;
            };
            if is_view(ty, self.graph.ty(id).kind) {
                self.of.insert(name.to_string(), id);
            } else {
                let kind = match self.graph.ty(id).kind {
                    TypeKind::Object => "an object",
                    TypeKind::Interface => "an interface",
                    TypeKind::Union => "a union",
                    TypeKind::Enum => "an enum",
                    TypeKind::Scalar => "a scalar",
                    TypeKind::Input => "an input object",
                };
                let message = format!("`{name}` cannot be a view of `{wanted}`, which is {kind} in the graph");
                self.report_with_type(message, span, "of another kind", wanted);
            }
        }
    }

    /// Reports `others: OMIT` on an object if no field of its type can have a value of another type.
    fn idle_omissions(&mut self) {
        let markup = self.markup;
        let omitting = markup.views.iter().filter(|(_, view)| view.omits_others);
        let objects = omitting.filter(|(name, _)| self.schema.get_object(name).is_some());
        let mut idle: Vec<_> = objects.filter(|(name, _)| !self.met_others.contains(*name)).collect();
        idle.sort_by_key(|(name, _)| *name);
        for (name, view) in idle {
            let Some(of) = &view.of else { continue };
            let message = format!("`others:` of `{name}` has no effect: nothing else can stand where it stands");
            let finding = Finding::new(Code::E116, message, of.span, "this view");
            self.findings.push(finding.help("remove it, or write it on the interface or union whose members it drops"));
        }
    }

    /// The graph's root type for a root type of the client.
    fn graph_root(&self, client: &str) -> Option<&'a str> {
        let graph = self.graph;
        [OperationType::Query, OperationType::Mutation, OperationType::Subscription].into_iter().find_map(|kind| {
            let is_root = self.schema.root_operation(kind).is_some_and(|name| name == client);
            is_root.then(|| graph.schema.root_operation(kind)).flatten().map(|name| name.as_str())
        })
    }

    /// Reports types that are used but not declared.
    fn dangling(&mut self) {
        let schema = self.schema;
        for ty in schema.types.values().filter(|ty| !ty.is_built_in()) {
            match ty {
                ExtendedType::Object(object) => {
                    for field in object.fields.values() {
                        self.declared(&field.ty, field.name.location());
                        field.arguments.iter().for_each(|argument| self.declared(&argument.ty, argument.ty.location()));
                    }
                }
                ExtendedType::Interface(interface) => {
                    for field in interface.fields.values() {
                        self.declared(&field.ty, field.name.location());
                        field.arguments.iter().for_each(|argument| self.declared(&argument.ty, argument.ty.location()));
                    }
                }
                ExtendedType::Union(union) => {
                    for member in &union.members {
                        self.declared(&Type::Named(member.name.clone()), member.location());
                    }
                }
                ExtendedType::InputObject(object) => {
                    object.fields.values().for_each(|field| self.declared(&field.ty, field.ty.location()));
                }
                _ => {}
            }
        }
    }

    fn declared(&mut self, ty: &Type, location: Option<SourceSpan>) {
        let name = ty.inner_named_type();
        if self.schema.types.contains_key(name)
            || matches!(name.as_str(), "Int" | "Float" | "String" | "Boolean" | "ID")
        {
            return;
        }
        let span = self.span(name.location().or(location));
        let mut finding =
            Finding::new(Code::E116, format!("type `{name}` is used but not declared"), span, "not declared here");
        if let Some(id) = self.graph.visible_type(name) {
            if let Some(span) = self.graph.ty(id).span {
                finding = finding.and(span, "declared in the graph");
            }
            finding = finding.help(format!("declare `{name}` with the parts that this client needs"));
        } else {
            let declared = self.schema.types.keys().map(|name| name.as_str());
            finding.help = did_you_mean(name, declared.chain(self.graph.visible_types()));
        }
        self.findings.push(finding);
    }

    /// The name of a client type in the graph; `None` if a finding says that it has none.
    pub(super) fn graph_name(&self, client: &str) -> Option<&'a str> {
        let graph = self.graph;
        self.of.get(client).map(|&id| graph.ty(id).name.as_str())
    }

    /// The single name that `@from(path:)` gives, or the own name if there is no `@from`, with its place.
    pub(super) fn renamed(&mut self, coordinate: &str, own: &str, at: Span) -> (String, Span) {
        let markup = self.markup;
        let Some(mark) = markup.froms.get(coordinate) else { return (own.to_owned(), at) };
        let Some(path) = &mark.path else { return (own.to_owned(), at) };
        match self.path(path).as_deref() {
            Some([hop]) if hop.arguments.is_empty() && hop.index.is_none() => (hop.name.clone(), path.span),
            Some(_) => {
                self.report(format!("the path of `{coordinate}` is one name"), path.span, "more than a name");
                (own.to_owned(), path.span)
            }
            None => (own.to_owned(), path.span),
        }
    }

    /// Reads a path, or reports its error.
    pub(super) fn path(&mut self, text: &Text) -> Option<Vec<path::PathHop>> {
        match path::parse(&text.value) {
            Ok(hops) => Some(hops),
            Err(error) => {
                self.report(error.message, text.part(error.span), "here");
                None
            }
        }
    }

    pub(super) fn mark(&self, coordinate: &str) -> Option<&FromMark> {
        self.markup.froms.get(coordinate)
    }

    pub(super) fn span(&self, location: Option<SourceSpan>) -> Span {
        span_of(self.file, location)
    }

    pub(super) fn report(&mut self, message: String, span: Span, label: &str) {
        self.findings.push(Finding::new(Code::E116, message, span, label));
    }

    /// Reports a finding, and adds the graph's declaration of a type as its second place.
    pub(super) fn report_with_type(&mut self, message: String, span: Span, label: &str, graph_type: &str) {
        let mut finding = Finding::new(Code::E116, message, span, label);
        if let Some(span) = self.graph.type_id(graph_type).and_then(|id| self.graph.ty(id).span) {
            finding = finding.and(span, format!("`{graph_type}` is declared here"));
        }
        self.findings.push(finding);
    }

    /// Reports a name that the graph type does not have, and suggests one that may be meant.
    pub(super) fn unknown<'n>(
        &mut self,
        message: String,
        span: Span,
        wanted: &str,
        known: impl IntoIterator<Item = &'n str>,
        graph_type: &str,
    ) {
        self.report_with_type(message, span, "not in the graph", graph_type);
        if let (Some(question), Some(finding)) = (did_you_mean(wanted, known), self.findings.last_mut()) {
            finding.help = Some(question);
        }
    }
}

/// Whether a client type of this kind can be a view of a graph type of that kind.
fn is_view(client: &ExtendedType, graph: TypeKind) -> bool {
    match client {
        ExtendedType::Object(_) => matches!(graph, TypeKind::Object | TypeKind::Interface),
        ExtendedType::Interface(_) | ExtendedType::Union(_) => matches!(graph, TypeKind::Interface | TypeKind::Union),
        ExtendedType::Enum(_) => graph == TypeKind::Enum,
        ExtendedType::InputObject(_) => graph == TypeKind::Input,
        ExtendedType::Scalar(_) => graph == TypeKind::Scalar,
    }
}
