//! Graphs and views from plain SDL, for tests. They have types and fields, but no ways to fetch them.

use super::{View, load};
use crate::compose::{Argument, Bounds, FieldId, Graph, GraphField, GraphType, TypeId, TypeKind, TypeRef};
use crate::diagnostic::{Finding, Sources, Span};
use crate::json::{Number, Value as Json};
use apollo_compiler::Schema;
use apollo_compiler::ast::{Type, Value};
use apollo_compiler::schema::{ExtendedType, FieldDefinition};
use indexmap::IndexMap;
use std::collections::HashMap;

/// A project with one graph and one client schema.
pub(crate) struct Project {
    pub(crate) sources: Sources,
    pub(crate) graph: Graph,
}

impl Project {
    /// Makes a graph without ways.
    pub(crate) fn new(sdl: &str) -> Self {
        let mut sources = Sources::default();
        let file = sources.add("graph.graphql", sdl);
        let schema = Schema::parse_and_validate(sdl, "graph.graphql").unwrap();
        let types: Vec<_> = schema.types.iter().filter(|(name, _)| !name.starts_with("__")).collect();
        let type_ids: HashMap<String, TypeId> =
            types.iter().enumerate().map(|(at, (name, _))| (name.to_string(), TypeId::at(at))).collect();
        let implementers = schema.implementers_map();
        let span = |location: Option<apollo_compiler::parser::SourceSpan>| {
            Span::new(file, location.map_or(0..0, |at| at.offset()..at.end_offset()))
        };
        let mut graph = Graph {
            schema: schema.clone(),
            full: schema.clone(),
            own_arguments: HashMap::new(),
            types: Vec::new(),
            type_ids: type_ids.clone(),
            fields: Vec::new(),
            sources: Vec::new(),
            shapes: Vec::new(),
            ways: Vec::new(),
        };
        for (at, (name, ty)) in types.into_iter().enumerate() {
            let id = TypeId::at(at);
            let (kind, possible) = match ty {
                ExtendedType::Scalar(_) => (TypeKind::Scalar, vec![]),
                ExtendedType::Enum(_) => (TypeKind::Enum, vec![]),
                ExtendedType::InputObject(_) => (TypeKind::Input, vec![]),
                ExtendedType::Object(_) => (TypeKind::Object, vec![id]),
                ExtendedType::Interface(_) => {
                    let objects = implementers.get(name).map(|all| all.objects.iter().collect::<Vec<_>>());
                    (
                        TypeKind::Interface,
                        objects.unwrap_or_default().iter().map(|name| type_ids[name.as_str()]).collect(),
                    )
                }
                ExtendedType::Union(union) => {
                    (TypeKind::Union, union.members.iter().map(|member| type_ids[member.as_str()]).collect())
                }
            };
            let mut fields = IndexMap::new();
            let definitions: Vec<&FieldDefinition> = match ty {
                ExtendedType::Object(object) => object.fields.values().map(|field| &***field).collect(),
                ExtendedType::Interface(interface) => interface.fields.values().map(|field| &***field).collect(),
                _ => Vec::new(),
            };
            for field in definitions {
                fields.insert(field.name.to_string(), FieldId::at(graph.fields.len()));
                let arguments = field.arguments.iter().map(|argument| {
                    let definition = Argument {
                        ty: type_ref(&argument.ty, &type_ids),
                        default: argument.default_value.as_ref().map(|value| json(value)),
                        bounds: Bounds::default(),
                        is_hidden: false,
                        span: span(argument.location()),
                    };
                    (argument.name.to_string(), definition)
                });
                graph.fields.push(GraphField {
                    parent: id,
                    name: field.name.to_string(),
                    ty: type_ref(&field.ty, &type_ids),
                    arguments: arguments.collect(),
                    bindings: Vec::new(),
                    authenticated: false,
                    is_hidden: false,
                    span: span(field.name.location()),
                });
            }
            let span = (!ty.is_built_in()).then(|| span(ty.name().location()));
            graph.types.push(GraphType {
                name: name.to_string(),
                kind,
                fields,
                possible,
                lookups: Vec::new(),
                authenticated: false,
                is_hidden: false,
                span,
            });
        }
        Self { sources, graph }
    }

    /// Sets the bounds of an argument.
    pub(crate) fn bounded(mut self, ty: &str, field: &str, argument: &str, bounds: Bounds) -> Self {
        let id = self.graph.field_id(self.graph.type_id(ty).unwrap(), field).unwrap();
        self.graph.fields[id.index()].arguments.get_mut(argument).unwrap().bounds = bounds;
        self
    }

    /// Loads a client schema, which may have findings.
    pub(crate) fn load(&mut self, client: &str) -> (Option<View>, Vec<Finding>) {
        let file = self.sources.add("client.graphql", client);
        load(&self.sources, file, &self.graph)
    }

    /// Loads a client schema that has no findings.
    pub(crate) fn view(&mut self, client: &str) -> View {
        let (view, findings) = self.load(client);
        assert!(findings.is_empty(), "{}", self.print(&findings));
        view.unwrap()
    }

    /// Prints findings as text: code, place, message, labels with the text to which they point, and help.
    pub(crate) fn print(&self, findings: &[Finding]) -> String {
        let mut out = String::new();
        for finding in findings {
            out += &format!("{} {}\n", finding.code, finding.message);
            for label in &finding.labels {
                let at = self.sources.position(label.span);
                let text = &self.sources.text(label.span.file)[label.span.start as usize..label.span.end as usize];
                let text = text.lines().next().unwrap_or_default();
                let path = self.sources.path(label.span.file);
                out += &format!("  {path}:{}:{} `{text}` {}\n", at.line, at.column, label.text);
            }
            if let Some(help) = &finding.help {
                out += &format!("  help: {help}\n");
            }
        }
        out
    }
}

fn type_ref(ty: &Type, ids: &HashMap<String, TypeId>) -> TypeRef {
    let nullable = !ty.is_non_null();
    match ty {
        Type::Named(name) | Type::NonNullNamed(name) => TypeRef::Named { ty: ids[name.as_str()], nullable },
        Type::List(of) | Type::NonNullList(of) => TypeRef::List { of: Box::new(type_ref(of, ids)), nullable },
    }
}

fn json(value: &Value) -> Json {
    match value {
        Value::Null | Value::Variable(_) => Json::Null,
        Value::Enum(name) => Json::from(name.as_str()),
        Value::String(text) => Json::from(text.as_str()),
        Value::Float(number) => Number::parse(number.as_str()).unwrap().into(),
        Value::Int(number) => Json::from(number.try_to_i32().unwrap()),
        Value::Boolean(boolean) => Json::from(*boolean),
        Value::List(items) => items.iter().map(|item| json(item)).collect(),
        Value::Object(members) => {
            Json::Object(members.iter().map(|(name, value)| (name.to_string(), json(value))).collect())
        }
    }
}
