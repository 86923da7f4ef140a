//! Merging: the declarations of all files become the types and fields of one graph.

use super::composer::{Composer, Declared, Key};
use super::graph::{FieldId, Graph, TypeId};
use super::types::{Argument, Bounds, GraphField, GraphType, TypeKind, TypeRef};
use super::way::KeyPath;
use super::{inputs, schema};
use crate::diagnostic::{Code, Finding, Span};
use crate::json::{Number, Value as Json};
use crate::sdl::{
    ArgumentDeclaration, FieldDeclaration, FieldSelection, SdlFile, Spanned, TypeBody, TypeDeclaration,
    ValueDeclaration,
};
use apollo_compiler::ast;
use apollo_compiler::validation::Valid;
use apollo_compiler::{Name, Schema};
use indexmap::IndexMap;
use std::collections::{BTreeSet, HashMap, HashSet};

/// A type, merged over files.
#[derive(Debug)]
pub(super) struct MergedType<'a> {
    pub(super) name: String,
    pub(super) kind: TypeKind,
    pub(super) description: Option<&'a str>,
    pub(super) span: Span,
    pub(super) implements: IndexMap<&'a str, Span>,
    pub(super) fields: IndexMap<&'a str, MergedField<'a>>,
    pub(super) members: IndexMap<&'a str, Span>,
    pub(super) values: IndexMap<&'a str, &'a ValueDeclaration>,
    pub(super) inputs: IndexMap<&'a str, MergedArgument<'a>>,
    pub(super) specified_by: Option<&'a str>,
    pub(super) is_authenticated: bool,
    pub(super) is_one_of: bool,
    /// `@inaccessible` in some file: used inside the graph, never seen by clients.
    pub(super) is_hidden: bool,
    /// Values of an enum that clients never see.
    pub(super) hidden_values: BTreeSet<&'a str>,
}

/// A field, merged over files.
#[derive(Debug)]
pub(super) struct MergedField<'a> {
    pub(super) ty: ast::Type,
    pub(super) arguments: IndexMap<&'a str, MergedArgument<'a>>,
    pub(super) declared: Vec<Declared<'a>>,
}

/// An argument or a field of an input type, merged over files.
#[derive(Debug)]
pub(super) struct MergedArgument<'a> {
    pub(super) ty: ast::Type,
    /// The first one.
    pub(super) declaration: &'a ArgumentDeclaration,
    /// The default that all have.
    pub(super) default: Option<&'a ast::Value>,
    /// `@inaccessible` in some file: clients do not see it.
    pub(super) is_hidden: bool,
}

impl MergedField<'_> {
    /// `@inaccessible` in some file: used inside the graph, never seen by clients.
    pub(super) fn is_hidden(&self) -> bool {
        self.declared.iter().any(|declared| declared.field.is_inaccessible)
    }
}

/// Types of federation's machinery: part of the protocol, not of the graph.
fn is_machinery(name: &str) -> bool {
    matches!(name, "_Any" | "_Entity" | "_Service" | "_FieldSet" | "FieldSet")
        || ["federation__", "link__", "join__", "core__"].iter().any(|prefix| name.starts_with(prefix))
}

/// Merges all files.
pub(super) fn merge<'a>(files: &'a [SdlFile], findings: Vec<Finding>) -> Composer<'a> {
    let mut merging = Merging { types: IndexMap::new(), findings };
    for (index, file) in files.iter().enumerate() {
        for ty in file.types.iter().filter(|ty| !is_machinery(&ty.name.value)) {
            merging.add_type(index, file, ty);
        }
    }
    merging.note_what_is_hidden(files);
    inputs::agree(&mut merging.types, files, &mut merging.findings);
    check_overrides(files, &mut merging.findings);
    let overridden = overridden(files);
    for ty in merging.types.values_mut() {
        for (name, field) in &mut ty.fields {
            for declared in &mut field.declared {
                let is_overridden =
                    overridden.contains(&(files[declared.file].name.as_str(), ty.name.clone(), (*name).to_owned()));
                declared.is_offered = !declared.field.is_external && !is_overridden;
            }
        }
    }
    merging.into_composer(files)
}

/// `@override(from:)`: service, type and field that no longer answer.
fn overridden(files: &[SdlFile]) -> BTreeSet<(&str, String, String)> {
    let mut overridden = BTreeSet::new();
    for file in files {
        for ty in &file.types {
            let (TypeBody::Object(fielded) | TypeBody::Interface(fielded)) = &ty.body else { continue };
            for field in &fielded.fields {
                if let Some(from) = &field.overrides {
                    overridden.insert((from.value.as_str(), root_name(file, &ty.name.value), field.name.value.clone()));
                }
            }
        }
    }
    overridden
}

/// E207: a field overrides itself. W207: it overrides that of a service that is not there, which a misspelt name looks like.
fn check_overrides(files: &[SdlFile], findings: &mut Vec<Finding>) {
    for file in files {
        let fields = file.types.iter().flat_map(|ty| match &ty.body {
            TypeBody::Object(fielded) | TypeBody::Interface(fielded) => &fielded.fields[..],
            _ => &[],
        });
        for from in fields.filter_map(|field| field.overrides.as_ref()) {
            if from.value == file.name {
                let message = format!("a field of `{}` cannot override itself", file.name);
                let finding = Finding::new(Code::E207, message, from.span, "this service");
                findings.push(finding.help("name the service that the field moves away from"));
            } else if files.iter().all(|other| other.name != from.value) {
                let message = format!("there is no service `{}` to override", from.value);
                let names = files.iter().map(|other| other.name.as_str()).filter(|name| *name != file.name);
                let help = crate::suggest::help(&from.value, names);
                findings.push(Finding::new(Code::W207, message, from.span, "nothing is overridden").help(help));
            }
        }
    }
}

/// A type's name in the graph: root types are `Query`, `Mutation` and `Subscription`.
fn root_name(file: &SdlFile, name: &str) -> String {
    let root = file.roots.iter().find(|(_, root)| root == name).map(|(operation, _)| operation);
    match root {
        Some(ast::OperationType::Query) => "Query".to_owned(),
        Some(ast::OperationType::Mutation) => "Mutation".to_owned(),
        Some(ast::OperationType::Subscription) => "Subscription".to_owned(),
        None => name.to_owned(),
    }
}

struct Merging<'a> {
    types: IndexMap<String, MergedType<'a>>,
    findings: Vec<Finding>,
}

impl<'a> Merging<'a> {
    fn add_type(&mut self, index: usize, file: &'a SdlFile, declaration: &'a TypeDeclaration) {
        let kind = kind_of(&declaration.body);
        let name = root_name(file, &declaration.name.value);
        let ty = self.types.entry(name.clone()).or_insert_with(|| MergedType::new(name, kind, declaration.name.span));
        if ty.kind != kind {
            let message = format!("`{}` is declared as two kinds of type", ty.name);
            let finding = Finding::new(
                Code::E203,
                message,
                declaration.name.span,
                format!("`{}` here", declaration.body.keyword()),
            )
            .and(ty.span, "declared here first");
            self.findings.push(finding);
            return;
        }
        ty.description = ty.description.or(declaration.description.as_deref());
        ty.is_authenticated |= declaration.is_authenticated;
        ty.is_one_of |= declaration.is_one_of;
        match &declaration.body {
            TypeBody::Object(fielded) | TypeBody::Interface(fielded) => {
                ty.implements.extend(fielded.implements.iter().map(|name| (name.value.as_str(), name.span)));
                for field in &fielded.fields {
                    if !matches!(field.name.value.as_str(), "_entities" | "_service") {
                        add_field(ty, index, field, &mut self.findings);
                    }
                }
            }
            TypeBody::Union(members) => {
                ty.members.extend(members.iter().map(|member| (member.value.as_str(), member.span)));
            }
            TypeBody::Enum(values) => {
                for value in values {
                    ty.values.entry(&value.name.value).or_insert(value);
                }
            }
            // What all files agree on: [`inputs`].
            TypeBody::Input(_) => {}
            TypeBody::Scalar(specified_by) => ty.specified_by = ty.specified_by.or(specified_by.as_deref()),
        }
    }

    /// `@inaccessible`, in any file, hides a type from clients.
    fn note_what_is_hidden(&mut self, files: &[SdlFile]) {
        for (file, declaration) in files.iter().flat_map(|file| file.types.iter().map(move |ty| (file, ty))) {
            if declaration.is_inaccessible
                && let Some(ty) = self.types.get_mut(&root_name(file, &declaration.name.value))
            {
                ty.is_hidden = true;
            }
        }
    }

    fn into_composer(mut self, files: &'a [SdlFile]) -> Composer<'a> {
        self.types.retain(|_, ty| ty.kind != TypeKind::Object || !ty.fields.is_empty());
        let (schema, full) = match schema::build(&self.types) {
            Ok(schemas) => schemas,
            Err(findings) => {
                self.findings.extend(findings);
                (Valid::assume_valid(Schema::new()), Valid::assume_valid(Schema::new()))
            }
        };
        let graph = Graph {
            schema,
            full,
            own_arguments: HashMap::new(),
            types: Vec::new(),
            type_ids: HashMap::new(),
            fields: Vec::new(),
            sources: Vec::new(),
            shapes: Vec::new(),
            ways: Vec::new(),
        };
        let mut composer = Composer {
            files,
            graph,
            declared: Vec::new(),
            keys: Vec::new(),
            key_fields: BTreeSet::new(),
            made_shapes: HashMap::new(),
            shape_spans: HashMap::new(),
            findings: self.findings,
        };
        add_types(&mut composer, &self.types);
        add_fields(&mut composer, self.types);
        add_keys(&mut composer);
        check_owners(&mut composer);
        composer
    }
}

impl MergedType<'_> {
    fn new(name: String, kind: TypeKind, span: Span) -> Self {
        Self {
            name,
            kind,
            description: None,
            span,
            implements: IndexMap::new(),
            fields: IndexMap::new(),
            members: IndexMap::new(),
            values: IndexMap::new(),
            inputs: IndexMap::new(),
            specified_by: None,
            is_authenticated: false,
            is_one_of: false,
            is_hidden: false,
            hidden_values: BTreeSet::new(),
        }
    }
}

fn kind_of(body: &TypeBody) -> TypeKind {
    match body {
        TypeBody::Object(_) => TypeKind::Object,
        TypeBody::Interface(_) => TypeKind::Interface,
        TypeBody::Union(_) => TypeKind::Union,
        TypeBody::Enum(_) => TypeKind::Enum,
        TypeBody::Input(_) => TypeKind::Input,
        TypeBody::Scalar(_) => TypeKind::Scalar,
    }
}

fn add_field<'a>(ty: &mut MergedType<'a>, file: usize, field: &'a FieldDeclaration, findings: &mut Vec<Finding>) {
    let declared = Declared { file, field, is_offered: true };
    let Some(known) = ty.fields.get_mut(field.name.value.as_str()) else {
        // What all files agree on: [`inputs`].
        let merged = MergedField { ty: field.ty.clone(), arguments: IndexMap::new(), declared: vec![declared] };
        ty.fields.insert(&field.name.value, merged);
        return;
    };
    let first = known.declared.first().map(|declared| declared.field.name.span);
    let only_external = known.declared.iter().all(|declared| declared.field.is_external);
    match merge_types(&known.ty, &field.ty, false) {
        // Only those who give a field say what it is.
        Some(_) if field.is_external && !only_external => {}
        Some(_) if only_external && !field.is_external => known.ty = field.ty.clone(),
        Some(merged) => known.ty = merged,
        None => {
            let message =
                format!("`{}.{}` has two types, `{}` and `{}`", ty.name, field.name.value, known.ty, field.ty);
            let mut finding = Finding::new(Code::E203, message, field.name.span, format!("`{}` here", field.ty));
            if let Some(first) = first {
                finding = finding.and(first, format!("`{}` here", known.ty));
            }
            findings.push(finding);
        }
    }
    known.declared.push(declared);
}

/// The type that both fit: of answers, null wins; of inputs, non-null wins.
pub(super) fn merge_types(a: &ast::Type, b: &ast::Type, is_input: bool) -> Option<ast::Type> {
    let is_non_null = if is_input { a.is_non_null() || b.is_non_null() } else { a.is_non_null() && b.is_non_null() };
    let merged = match (a.is_list(), b.is_list()) {
        (true, true) => merge_types(a.item_type(), b.item_type(), is_input)?.list(),
        (false, false) if a.inner_named_type() == b.inner_named_type() => {
            ast::Type::Named(a.inner_named_type().clone())
        }
        _ => return None,
    };
    Some(if is_non_null { merged.non_null() } else { merged })
}

fn add_types(composer: &mut Composer<'_>, types: &IndexMap<String, MergedType<'_>>) {
    let graph = &mut composer.graph;
    let mut add = |name: &str, kind: TypeKind, span: Option<Span>, (authenticated, is_hidden): (bool, bool)| {
        let id = TypeId(graph.types.len() as u32);
        graph.type_ids.insert(name.to_owned(), id);
        graph.types.push(GraphType {
            name: name.to_owned(),
            kind,
            fields: IndexMap::new(),
            possible: Vec::new(),
            lookups: Vec::new(),
            authenticated,
            is_hidden,
            span,
        });
    };
    for ty in types.values() {
        add(&ty.name, ty.kind, Some(ty.span), (ty.is_authenticated, ty.is_hidden));
    }
    for name in ["Int", "Float", "String", "Boolean", "ID"] {
        if !types.contains_key(name) {
            add(name, TypeKind::Scalar, None, (false, false));
        }
    }
    for (index, ty) in types.values().enumerate() {
        let possible = match ty.kind {
            TypeKind::Object => vec![TypeId(index as u32)],
            TypeKind::Union => ty.members.keys().filter_map(|name| graph.type_id(name)).collect(),
            TypeKind::Interface => types
                .values()
                .filter(|other| other.kind == TypeKind::Object && other.implements.contains_key(ty.name.as_str()))
                .filter_map(|other| graph.type_id(&other.name))
                .collect(),
            _ => Vec::new(),
        };
        graph.types[index].possible = possible;
    }
    composer.keys = graph.types.iter().map(|_| Vec::new()).collect();
}

fn add_fields<'a>(composer: &mut Composer<'a>, types: IndexMap<String, MergedType<'a>>) {
    let inputs: HashMap<String, IndexMap<String, ast::Type>> = types
        .values()
        .filter(|ty| ty.kind == TypeKind::Input)
        .map(|ty| (ty.name.clone(), ty.inputs.iter().map(|(name, of)| ((*name).to_owned(), of.ty.clone())).collect()))
        .collect();
    for (index, ty) in types.into_values().enumerate() {
        let parent = TypeId(index as u32);
        for (name, field) in ty.fields {
            let is_hidden = field.is_hidden();
            // A type that does not exist has been found by the schema's validation.
            let Some(field_type) = type_ref(&composer.graph, &field.ty) else { continue };
            let arguments = field.arguments.iter().filter_map(|(name, argument)| {
                let argument = Argument {
                    ty: type_ref(&composer.graph, &argument.ty)?,
                    default: argument.default.map(|default| json(&argument.ty, default, &inputs)),
                    bounds: Bounds::default(),
                    is_hidden: argument.is_hidden,
                    span: argument.declaration.name.span,
                };
                Some(((*name).to_owned(), argument))
            });
            let arguments = arguments.collect();
            let is_authenticated = field.declared.iter().any(|declared| declared.field.is_authenticated);
            let owner = field.declared.iter().find(|declared| declared.is_offered).or(field.declared.first());
            let Some(span) = owner.map(|declared| declared.field.name.span) else { continue };
            let id = FieldId(composer.graph.fields.len() as u32);
            composer.graph.fields.push(GraphField {
                parent,
                name: name.to_owned(),
                ty: field_type,
                arguments,
                bindings: Vec::new(),
                authenticated: is_authenticated,
                is_hidden,
                span,
            });
            composer.graph.types[index].fields.insert(name.to_owned(), id);
            composer.declared.push(field.declared);
        }
    }
}

/// A type of the AST as a type of the graph.
pub(super) fn type_ref(graph: &Graph, ty: &ast::Type) -> Option<TypeRef> {
    let nullable = !ty.is_non_null();
    Some(if ty.is_list() {
        TypeRef::List { of: Box::new(type_ref(graph, ty.item_type())?), nullable }
    } else {
        TypeRef::Named { ty: graph.type_id(ty.inner_named_type())?, nullable }
    })
}

/// A GraphQL literal of a type as JSON: one value is a list of one (GraphQL §3.11), and an `ID` is a string (§3.5.5).
fn json(ty: &ast::Type, value: &ast::Value, inputs: &HashMap<String, IndexMap<String, ast::Type>>) -> Json {
    let number = |text: &str| Number::parse(text).map_or(Json::Null, Json::Number);
    match value {
        ast::Value::Null | ast::Value::Variable(_) => Json::Null,
        ast::Value::List(members) if ty.is_list() => {
            members.iter().map(|member| json(ty.item_type(), member, inputs)).collect()
        }
        _ if ty.is_list() => Json::Array(vec![json(ty.item_type(), value, inputs)]),
        ast::Value::Int(number) if ty.inner_named_type() == "ID" => Json::from(number.as_str()),
        ast::Value::Enum(name) => Json::String(name.to_string()),
        ast::Value::String(text) => Json::String(text.clone()),
        ast::Value::Float(digits) => number(digits.as_str()),
        ast::Value::Int(digits) => number(digits.as_str()),
        ast::Value::Boolean(value) => Json::Bool(*value),
        // In a custom scalar.
        ast::Value::List(members) => members.iter().map(|member| json(ty, member, inputs)).collect(),
        ast::Value::Object(members) => {
            let fields = inputs.get(ty.inner_named_type().as_str());
            let member = |name: &Name, value: &ast::Value| {
                let of = fields.and_then(|fields| fields.get(name.as_str())).unwrap_or(ty);
                (name.to_string(), json(of, value, inputs))
            };
            Json::Object(members.iter().map(|(name, value)| member(name, value)).collect())
        }
    }
}

fn add_keys(composer: &mut Composer<'_>) {
    let files = composer.files;
    for (file, sdl) in files.iter().enumerate() {
        for ty in &sdl.types {
            let Some(id) = composer.graph.type_id(&ty.name.value) else { continue };
            for key in &ty.keys {
                let span = key.fields.span;
                let Some(paths) = key_paths(composer, id, &key.fields.selections, &ty.name, span) else { continue };
                composer.key_fields.extend(paths.iter().flat_map(|path| path.0.iter().copied()));
                composer.keys[id.index()].push(Key { file, paths, is_resolvable: key.is_resolvable });
            }
        }
    }
}

/// The leaves of a field set; a finding for a field that is not there.
pub(super) fn key_paths(
    composer: &mut Composer<'_>,
    ty: TypeId,
    selections: &[FieldSelection],
    owner: &Spanned<String>,
    span: Span,
) -> Option<Vec<KeyPath>> {
    let mut paths = Vec::new();
    for selection in selections {
        match selection {
            FieldSelection::Field { name, .. } if name == "__typename" => {}
            FieldSelection::Field { name, selections } => {
                let Some(field) = composer.graph.field_id(ty, name) else {
                    let parent = composer.graph.ty(ty);
                    let message = format!("`{}` has no field `{name}`", parent.name);
                    let help = crate::suggest::help(name, parent.fields.keys().map(String::as_str));
                    let label = format!("named here, for `{}`", owner.value);
                    composer.find(Finding::new(Code::E202, message, span, label).help(help));
                    return None;
                };
                let inner = composer.graph.field(field).ty.named();
                if selections.is_empty() {
                    if composer.is_composite(inner) {
                        let message = format!(
                            "`{}` is an object, so a field set must name fields of it",
                            composer.graph.coordinate(field)
                        );
                        let label = format!("named here, for `{}`", owner.value);
                        let help = format!("write `{name} {{ … }}`");
                        composer.find(Finding::new(Code::E202, message, span, label).help(help));
                        return None;
                    }
                    paths.push(KeyPath(vec![field]));
                    continue;
                }
                for path in key_paths(composer, inner, selections, owner, span)? {
                    paths.push(KeyPath([&[field], path.0.as_slice()].concat()));
                }
            }
            FieldSelection::On { ty: name, selections } => {
                let inner = if name.is_empty() { Some(ty) } else { composer.graph.type_id(name) };
                let Some(inner) = inner.filter(|inner| composer.is_composite(*inner)) else {
                    let message = format!("there is no type `{name}` with fields");
                    let known =
                        composer.graph.types.iter().filter(|ty| !ty.fields.is_empty()).map(|ty| ty.name.as_str());
                    let help = crate::suggest::help(name, known);
                    let label = format!("named here, for `{}`", owner.value);
                    composer.find(Finding::new(Code::E202, message, span, label).help(help));
                    return None;
                };
                paths.extend(key_paths(composer, inner, selections, owner, span)?);
            }
        }
    }
    Some(paths)
}

/// DESIGN §4 rule 8: key fields need no source, any other field has one owner, or is shareable.
fn check_owners(composer: &mut Composer<'_>) {
    let files = composer.files.iter().enumerate();
    let shareable: HashSet<(usize, &str)> = files
        .flat_map(|(at, file)| file.types.iter().map(move |ty| (at, ty)))
        .filter(|(_, ty)| ty.is_shareable)
        .map(|(at, ty)| (at, ty.name.value.as_str()))
        .collect();
    for index in 0..composer.declared.len() {
        let id = FieldId(index as u32);
        let parent = composer.graph.ty(composer.graph.field(id).parent);
        if composer.key_fields.contains(&id) || parent.kind != TypeKind::Object {
            continue;
        }
        let is_shareable = |declared: &Declared<'_>| {
            declared.field.is_shareable || shareable.contains(&(declared.file, parent.name.as_str()))
        };
        let mut owners = composer.declared[index].iter().filter(|declared| declared.is_offered);
        let (Some(first), Some(second)) = (owners.next(), owners.next()) else { continue };
        if first.file == second.file || composer.declared[index].iter().any(is_shareable) {
            continue;
        }
        let coordinate = composer.graph.coordinate(id);
        let message = format!("`{coordinate}` has two owners");
        let help = "leave it to one of them, or mark it `@shareable` if both give the same value";
        let finding = Finding::new(Code::E201, message, second.field.name.span, "declared again")
            .and(first.field.name.span, "declared here")
            .help(help);
        composer.find(finding);
    }
}
