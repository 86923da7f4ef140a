//! The files of the demo and the declarations of their schemas, with the places of everything that mutants change.
//!
//! In: the folder of the project. Out: plain records of types, fields, arguments and directives, by file.
//! Elsewhere: the changes ([`super::binding`], [`super::types`], [`super::view`]).

use apollo_compiler::Node;
use apollo_compiler::ast::{self, Definition, Document, Type, Value};
use apollo_compiler::parser::SourceSpan;
use bespoke::internals::project::Files;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

/// The unchanged files of the demo.
pub(super) struct Demo {
    pub(super) files: Files,
    /// All SDL files of the project.
    pub(super) sdl: Vec<Sdl>,
}

/// An SDL file with its types and the directives of its schema.
pub(super) struct Sdl {
    pub(super) path: String,
    pub(super) text: String,
    pub(super) types: Vec<TypeDef>,
    /// The directives of `extend schema`.
    pub(super) schema: Vec<Dir>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TypeKind {
    Object,
    Union,
    Enum,
    Input,
    Scalar,
}

pub(super) struct TypeDef {
    pub(super) name: String,
    pub(super) kind: TypeKind,
    pub(super) span: Range<usize>,
    pub(super) name_span: Range<usize>,
    pub(super) directives: Vec<Dir>,
    /// The fields of an object or an input object; empty for other types.
    pub(super) fields: Vec<FieldDef>,
    /// The values of an enum; empty for other types.
    pub(super) values: Vec<EnumValue>,
    /// The members of a union, each with its place; empty for other types.
    pub(super) members: Vec<(String, Range<usize>)>,
}

pub(super) struct EnumValue {
    pub(super) name: String,
    pub(super) name_span: Range<usize>,
    /// The place of the value, including its description.
    pub(super) whole: Range<usize>,
    pub(super) directives: Vec<Dir>,
}

pub(super) struct FieldDef {
    pub(super) parent: String,
    pub(super) name: String,
    /// The place of the field or argument without its description.
    pub(super) span: Range<usize>,
    /// The place of the field or argument with its description.
    pub(super) whole: Range<usize>,
    pub(super) name_span: Range<usize>,
    pub(super) ty: Type,
    pub(super) ty_span: Range<usize>,
    pub(super) arguments: Vec<FieldDef>,
    pub(super) has_default: bool,
    pub(super) directives: Vec<Dir>,
}

pub(super) struct Dir {
    pub(super) name: String,
    pub(super) span: Range<usize>,
    pub(super) arguments: Vec<(String, Range<usize>, Node<Value>)>,
}

impl Demo {
    /// Reads the project of this repository.
    pub(super) fn read() -> Self {
        let files = Files::read(Path::new(env!("CARGO_MANIFEST_DIR"))).expect("the project's files");
        let sdl = files.iter().filter(|(path, _)| path.ends_with(".graphql")).map(|(path, text)| Sdl::read(path, text));
        Self { sdl: sdl.collect(), files }
    }

    /// The schemas of services, including those of code in a BFF.
    pub(super) fn services(&self) -> impl Iterator<Item = &Sdl> {
        self.sdl.iter().filter(|sdl| sdl.client_schema().is_none())
    }

    /// The schemas of clients.
    pub(super) fn clients(&self) -> impl Iterator<Item = &Sdl> {
        self.sdl.iter().filter(|sdl| sdl.client_schema().is_some())
    }

    /// A field of the graph, as the service that owns it declares it.
    pub(super) fn graph_field(&self, ty: &str, field: &str) -> Option<&FieldDef> {
        let all = self.services().flat_map(|sdl| &sdl.types).filter(|of| of.name == ty).flat_map(|ty| &ty.fields);
        all.filter(|of| of.name == field).min_by_key(|of| of.directive("external").is_some())
    }

    /// The kind of the graph's type with this name.
    pub(super) fn graph_kind(&self, ty: &str) -> Option<TypeKind> {
        let types = || self.services().flat_map(|sdl| &sdl.types);
        let is_scalar = matches!(ty, "Int" | "Float" | "String" | "Boolean" | "ID");
        types().find(|of| of.name == ty).map(|of| of.kind).or(is_scalar.then_some(TypeKind::Scalar))
    }

    /// Whether any service declares a key of the graph's type `ty`.
    pub(super) fn is_entity(&self, ty: &str) -> bool {
        let mut types = self.services().flat_map(|sdl| &sdl.types).filter(|of| of.name == ty);
        types.any(|ty| ty.directive("key").is_some())
    }
}

impl Sdl {
    fn read(path: &str, text: &str) -> Self {
        let document = Document::parse(text, path).expect("valid SDL");
        let reader = Reader { text };
        let mut schema = Vec::new();
        let mut types = Vec::new();
        for definition in &document.definitions {
            match definition {
                Definition::SchemaExtension(node) => schema.extend(reader.directives(&node.directives)),
                other => types.extend(reader.ty(other)),
            }
        }
        Self { path: path.to_owned(), text: text.to_owned(), types, schema }
    }

    /// The client whose schema this file is; `None` if it is not the schema of a client.
    pub(super) fn client_schema(&self) -> Option<&str> {
        let name = self.path.strip_prefix("schema/")?.strip_suffix(".graphql")?;
        (!name.contains('/')).then_some(name)
    }

    /// The client that a finding in this file concerns; `None` if it concerns all clients.
    pub(super) fn client(&self) -> Option<&str> {
        let folder = self.path.strip_prefix("bff-").and_then(|path| path.split('/').next());
        self.client_schema().or(folder)
    }

    /// Whether the file has bindings.
    pub(super) fn is_bound(&self) -> bool {
        self.bindings().next().is_some()
    }

    /// Every `@connect`, with its type and field.
    pub(super) fn bindings(&self) -> impl Iterator<Item = (&TypeDef, Option<&FieldDef>, &Dir)> {
        self.types.iter().flat_map(|ty| {
            let own = ty.directives.iter().map(move |dir| (ty, None, dir));
            let fields =
                ty.fields.iter().flat_map(move |field| field.directives.iter().map(move |d| (ty, Some(field), d)));
            own.chain(fields).filter(|(_, _, dir)| dir.name == "connect")
        })
    }
}

impl Sdl {
    /// The places of all selections' texts of all bindings, including the selections of outcomes.
    pub(super) fn selections(&self) -> Vec<Range<usize>> {
        self.bindings().flat_map(|(_, _, connect)| connect.selections()).collect()
    }
}

impl TypeDef {
    pub(super) fn directive(&self, name: &str) -> Option<&Dir> {
        self.directives.iter().find(|dir| dir.name == name)
    }

    pub(super) fn is_root(&self) -> bool {
        matches!(self.name.as_str(), "Query" | "Mutation" | "Subscription")
    }
}

impl FieldDef {
    pub(super) fn directive(&self, name: &str) -> Option<&Dir> {
        self.directives.iter().find(|dir| dir.name == name)
    }

    pub(super) fn named(&self) -> &str {
        self.ty.inner_named_type().as_str()
    }

    pub(super) fn coordinate(&self) -> String {
        format!("{}.{}", self.parent, self.name)
    }
}

impl Dir {
    /// The members of each outcome in `on:`.
    pub(super) fn outcomes(&self) -> Vec<BTreeMap<&str, &Node<Value>>> {
        self.argument("on").and_then(|on| on.as_list()).into_iter().flatten().map(members).collect()
    }

    /// The places of the texts of a `@connect`'s selections.
    pub(super) fn selections(&self) -> Vec<Range<usize>> {
        let outcomes = self.outcomes().into_iter().filter_map(|on| on.get("selection").copied());
        let texts = self.argument("selection").into_iter().chain(outcomes);
        texts.filter_map(|text| string(text).map(|(_, span)| span)).collect()
    }

    pub(super) fn argument(&self, name: &str) -> Option<&Node<Value>> {
        self.arguments.iter().find(|(known, ..)| known == name).map(|(_, _, value)| value)
    }

    /// A string argument, and the place of its content.
    pub(super) fn text(&self, name: &str) -> Option<(&str, Range<usize>)> {
        self.argument(name).and_then(string)
    }
}

/// A string, and the place of its content. The schemas of the demo have no escapes in strings.
pub(super) fn string(value: &Node<Value>) -> Option<(&str, Range<usize>)> {
    let Value::String(text) = &**value else { return None };
    let at = range(value.location());
    let quotes = if at.len() >= text.len() + 6 { 3 } else { 1 };
    Some((text, at.start + quotes..at.end - quotes))
}

pub(super) fn range(location: Option<SourceSpan>) -> Range<usize> {
    let location = location.expect("parsed nodes have a place");
    location.offset()..location.end_offset()
}

/// The members of an object value; empty for other values.
pub(super) fn members(value: &Node<Value>) -> BTreeMap<&str, &Node<Value>> {
    match &**value {
        Value::Object(members) => members.iter().map(|(name, value)| (name.as_str(), value)).collect(),
        _ => BTreeMap::new(),
    }
}

struct Reader<'a> {
    text: &'a str,
}

impl Reader<'_> {
    fn ty(&self, definition: &Definition) -> Option<TypeDef> {
        let (kind, directives) = match definition {
            Definition::ObjectTypeDefinition(node) => (TypeKind::Object, &node.directives),
            Definition::UnionTypeDefinition(node) => (TypeKind::Union, &node.directives),
            Definition::EnumTypeDefinition(node) => (TypeKind::Enum, &node.directives),
            Definition::InputObjectTypeDefinition(node) => (TypeKind::Input, &node.directives),
            Definition::ScalarTypeDefinition(node) => (TypeKind::Scalar, &node.directives),
            _ => return None,
        };
        let name = definition.name()?;
        let mut ty = TypeDef {
            name: name.to_string(),
            kind,
            span: range(definition.location()),
            name_span: range(name.location()),
            directives: self.directives(directives),
            fields: Vec::new(),
            values: Vec::new(),
            members: Vec::new(),
        };
        match definition {
            Definition::ObjectTypeDefinition(node) => {
                ty.fields.extend(node.fields.iter().map(|field| self.field(name, field)));
            }
            Definition::InputObjectTypeDefinition(node) => {
                ty.fields.extend(node.fields.iter().map(|field| self.input(name, field)));
            }
            Definition::EnumTypeDefinition(node) => ty.values.extend(node.values.iter().map(|value| EnumValue {
                name: value.value.to_string(),
                name_span: range(value.value.location()),
                whole: range(value.location()),
                directives: self.directives(&value.directives),
            })),
            Definition::UnionTypeDefinition(node) => {
                ty.members.extend(node.members.iter().map(|member| (member.to_string(), range(member.location()))));
            }
            _ => {}
        }
        Some(ty)
    }

    fn field(&self, parent: &str, node: &Node<ast::FieldDefinition>) -> FieldDef {
        let name_span = range(node.name.location());
        FieldDef {
            parent: parent.to_owned(),
            name: node.name.to_string(),
            span: name_span.start..range(node.location()).end,
            whole: range(node.location()),
            name_span,
            ty: node.ty.clone(),
            ty_span: self.type_span(&node.ty),
            arguments: node.arguments.iter().map(|argument| self.input(&node.name, argument)).collect(),
            has_default: false,
            directives: self.directives(&node.directives),
        }
    }

    fn input(&self, parent: &str, node: &Node<ast::InputValueDefinition>) -> FieldDef {
        let name_span = range(node.name.location());
        FieldDef {
            parent: parent.to_owned(),
            name: node.name.to_string(),
            span: name_span.start..range(node.location()).end,
            whole: range(node.location()),
            name_span,
            ty: (*node.ty).clone(),
            ty_span: self.type_span(&node.ty),
            arguments: Vec::new(),
            has_default: node.default_value.is_some(),
            directives: self.directives(&node.directives),
        }
    }

    /// The place of a type: its name, with the brackets and `!` around it.
    fn type_span(&self, ty: &Type) -> Range<usize> {
        let name = range(ty.inner_named_type().location());
        let before = self.text[..name.start].trim_end_matches('[').len();
        let after = self.text[name.end..].trim_start_matches([']', '!']).len();
        before..self.text.len() - after
    }

    fn directives(&self, list: &ast::DirectiveList) -> Vec<Dir> {
        let read = |dir: &Node<ast::Directive>| Dir {
            name: dir.name.to_string(),
            span: range(dir.location()),
            arguments: (dir.arguments.iter())
                .map(|argument| (argument.name.to_string(), range(argument.location()), argument.value.clone()))
                .collect(),
        };
        list.iter().map(read).collect()
    }
}
