//! GraphQL sources: federation subgraphs, remote or in this process.
//!
//! A subgraph offers its types everywhere alike, so shapes are by type; `@provides` makes richer ones.

use super::Call;
use super::composer::Composer;
use super::graph::{FieldId, Graph, ShapeId, SourceId, TypeId};
use super::list_size::declared_size;
use super::merge::key_paths;
use super::read::{JsonPath, Read, Segment};
use super::shape::{ListBound, ShapeField, ShapeVariant, TypeChoice};
use super::source::{Source, SourceKind};
use super::types::TypeKind;
use super::way::{Answer, Batch, CallerInputs, Entry, KeyPath, Pairing, Way};
use crate::diagnostic::{Code, Finding, Span};
use crate::sdl::{FieldDeclaration, FieldSelection, Origin, TypeBody};
use indexmap::IndexMap;
use std::collections::{HashMap, HashSet};

/// Representations in one `_entities` call.
const MAX_REPRESENTATIONS: u32 = 1000;

/// Makes the ways of one subgraph.
pub(super) fn bind(composer: &mut Composer<'_>, file: usize) {
    let sdl = &composer.files[file];
    let span = sdl.types.first().map_or(Span::new(sdl.file, 0..0), |ty| ty.name.span);
    if let Some(first) = composer.graph.sources.iter().find(|source| source.name == sdl.name) {
        let message = format!("two sources are named `{}`", sdl.name);
        let finding = Finding::new(Code::E205, message, span, "named again").and(first.span, "named here");
        composer.find(finding);
    }
    let kind = match sdl.origin {
        Origin::Service => SourceKind::GraphQl,
        // What does not say makes none: the handle refuses further ones.
        Origin::InProcess => {
            for declared in sdl.sources.iter().filter(|source| source.name.value != sdl.name) {
                let message = format!("this source is `{}`, not `{}`", sdl.name, declared.name.value);
                let finding = Finding::new(Code::E206, message, declared.name.span, "named here");
                composer.findings.push(finding.help(format!("write `@source(name: \"{}\", …)`", sdl.name)));
            }
            let max_calls = sdl.sources.iter().find_map(|source| source.max_calls.as_ref());
            let pure = sdl.sources.iter().find_map(|source| source.is_pure.as_ref()).filter(|pure| pure.value);
            if let (Some(calls), Some(pure)) = (max_calls.filter(|calls| calls.value > 0), pure) {
                let message = "a source that calls services depends on more than what it is asked";
                let finding =
                    Finding::new(Code::E206, message, pure.span, "not pure").and(calls.span, "calls are declared");
                composer.findings.push(finding.help("leave out `pure`, or `maxCalls` if it makes no calls"));
            }
            SourceKind::InProcess {
                max_calls: max_calls.map_or(0, |max_calls| max_calls.value),
                is_pure: pure.is_some(),
            }
        }
    };
    let source = composer.add_source(Source { name: sdl.name.clone(), kind, span });
    check_provided(composer, file);
    let (own_keys, members) = (own_keys(composer, file), members(composer, file));
    let mut binder = Binder { composer, file, source, own_keys, members, made: HashMap::new(), open: Vec::new() };
    for ty in 0..binder.composer.graph.types.len() {
        binder.bind_type(TypeId(ty as u32));
    }
    while let Some((id, key)) = binder.open.pop() {
        binder.fill(id, key);
    }
    add_own_arguments(composer, file, source);
}

/// What `@provides` names must be there: a misspelt field would be provided to nobody.
fn check_provided(composer: &mut Composer<'_>, file: usize) {
    let files = composer.files;
    for ty in &files[file].types {
        let (TypeBody::Object(fielded), Some(id)) = (&ty.body, composer.graph.type_id(&ty.name.value)) else {
            continue;
        };
        for field in &fielded.fields {
            let (Some(set), Some(id)) = (&field.provides, composer.graph.field_id(id, &field.name.value)) else {
                continue;
            };
            let named = composer.graph.field(id).ty.named();
            // Only its findings are wanted.
            key_paths(composer, named, &set.selections, &field.name, set.span);
        }
    }
}

struct Binder<'c, 'a> {
    composer: &'c mut Composer<'a>,
    file: usize,
    source: SourceId,
    /// Fields of keys that this file declares. Federation 1 marked keys of extended types as external, although the
    /// subgraph gives them back.
    own_keys: HashSet<FieldId>,
    /// The concrete types that this subgraph knows of its interfaces and unions.
    members: HashMap<TypeId, Vec<TypeId>>,
    /// A type can hold itself, with the same provided at each level, so each shape is made once.
    made: HashMap<SubgraphShape, ShapeId>,
    /// Shapes that are reserved and not filled yet: types nest deeper than a stack may.
    open: Vec<(ShapeId, SubgraphShape)>,
}

/// What a shape of a subgraph is made of.
#[derive(Clone, PartialEq, Eq, Hash)]
struct SubgraphShape {
    ty: TypeId,
    provides: Vec<FieldSelection>,
    is_entity: bool,
}

impl Binder<'_, '_> {
    fn bind_type(&mut self, ty: TypeId) {
        let graph_type = self.composer.graph.ty(ty);
        let fields: Vec<FieldId> = graph_type.fields.values().copied().collect();
        if matches!(graph_type.name.as_str(), "Query" | "Mutation" | "Subscription") {
            // Subscriptions of other services would need a connection that stays open to them.
            if graph_type.name == "Subscription" {
                return;
            }
            for field in fields {
                self.root(field);
            }
            return;
        }
        if graph_type.kind != TypeKind::Object {
            return;
        }
        let keys: Vec<Vec<KeyPath>> = self.composer.keys[ty.index()]
            .iter()
            .filter(|key| key.file == self.file && key.is_resolvable)
            .map(|key| key.paths.clone())
            .collect();
        let requires = if keys.is_empty() { IndexMap::new() } else { self.requires(&fields) };
        for key in keys {
            let shape = self.shape(ty, &[], !requires.is_empty());
            let span = self.composer.graph.ty(ty).span.unwrap_or(self.composer.graph.source(self.source).span);
            let answer = Answer {
                items: JsonPath(vec![Segment::Property("_entities".to_owned())]),
                read: Read::path(JsonPath::default()),
                shape: Some(shape),
                bound: ListBound::default(),
                outcome: None,
            };
            let batch = Batch { key: 0, pairing: Pairing::Position, max_size: MAX_REPRESENTATIONS };
            let call = Call::GraphQlEntities(ty);
            let mut way = self.way("_entities", Entry::Lookup(ty), call, answer, span);
            (way.inputs, way.requires, way.batch) = (key, requires.clone(), Some(batch));
            self.composer.add_way(way);
        }
    }

    fn root(&mut self, field: FieldId) {
        let Some(declared) = self.composer.declared_in(field, self.file).filter(|declared| declared.is_offered) else {
            return;
        };
        if let Some(requires) = &declared.field.requires {
            let message = "`@requires` of a root field is not supported: a root has no key to be asked by again";
            let finding = Finding::new(Code::C011, message, requires.span, "nothing gives it");
            self.composer.findings.push(finding.help("take what the field needs as an argument"));
        }
        let provides = declared.field.provides.as_ref().map(|provides| provides.selections.as_slice());
        let ty = self.composer.graph.field(field).ty.clone();
        let shape =
            self.composer.is_composite(ty.named()).then(|| self.shape(ty.named(), provides.unwrap_or(&[]), false));
        let answer = Answer {
            items: JsonPath::default(),
            read: Read::path(JsonPath(vec![Segment::Property(declared.field.name.value.clone())])),
            shape,
            bound: declared_size(&declared.field.list_size),
            outcome: None,
        };
        let name = declared.field.name.value.as_str();
        let way = self.way(name, Entry::Root(field), Call::GraphQlRoot(field), answer, declared.field.name.span);
        self.composer.add_way(way);
    }

    fn way(&self, endpoint: &str, entry: Entry, call: Call, answer: Answer, span: Span) -> Way {
        Way {
            source: self.source,
            endpoint: endpoint.to_owned(),
            entry,
            inputs: Vec::new(),
            requires: IndexMap::new(),
            batch: None,
            call,
            answer,
            outcomes: Vec::new(),
            declared: None,
            caller: CallerInputs::default(),
            is_safe: true,
            poll: None,
            cache: None,
            invalidates: Vec::new(),
            span,
        }
    }

    /// `@requires` of the fields that this subgraph offers.
    fn requires(&mut self, fields: &[FieldId]) -> IndexMap<FieldId, Vec<KeyPath>> {
        let mut requires = IndexMap::new();
        for field in fields {
            let Some(declared) = self.composer.declared_in(*field, self.file) else { continue };
            let Some(set) = declared.field.requires.as_ref().filter(|_| declared.is_offered) else { continue };
            let parent = self.composer.graph.field(*field).parent;
            let paths = key_paths(self.composer, parent, &set.selections, &declared.field.name, set.span);
            requires.extend(paths.map(|paths| (*field, with_nullable_objects(&self.composer.graph, &paths))));
        }
        requires
    }

    /// The shape of a type, with what is provided at this place beside what the subgraph owns.
    ///
    /// Fields with `@requires` are there in the answer of `_entities` itself only: elsewhere the subgraph has not
    /// been told what they require.
    fn shape(&mut self, ty: TypeId, provides: &[FieldSelection], is_entity: bool) -> ShapeId {
        let key = SubgraphShape { ty, provides: provides.to_vec(), is_entity };
        if let Some(known) = self.made.get(&key) {
            return *known;
        }
        let id = self.composer.reserve_shape(ty);
        self.made.insert(key.clone(), id);
        self.open.push((id, key));
        id
    }

    fn fill(&mut self, id: ShapeId, key: SubgraphShape) {
        let SubgraphShape { ty, provides, is_entity } = key;
        let members = self.members(ty);
        let typename = Read::path(JsonPath(vec![Segment::Property("__typename".to_owned())]));
        let choice = match self.composer.graph.ty(ty).kind {
            TypeKind::Object => TypeChoice::Only,
            _ => {
                let name = |(index, member): (usize, &TypeId)| (self.composer.graph.ty(*member).name.clone(), index);
                TypeChoice::By { read: typename, cases: members.iter().enumerate().map(name).collect() }
            }
        };
        let mut variants = Vec::new();
        for member in members {
            let provided = provided_to(&self.composer.graph.ty(member).name, &provides);
            let fields = self.fields(member, &provided, is_entity);
            variants.push(ShapeVariant { ty: member, fields });
        }
        let shape = &mut self.composer.graph.shapes[id.index()];
        (shape.choice, shape.variants) = (choice, variants);
    }

    /// The concrete types that this subgraph knows of a type.
    fn members(&self, ty: TypeId) -> Vec<TypeId> {
        match self.composer.graph.ty(ty).kind {
            TypeKind::Object => vec![ty],
            _ => self.members.get(&ty).cloned().unwrap_or_default(),
        }
    }

    fn fields(&mut self, ty: TypeId, provides: &[FieldSelection], is_entity: bool) -> IndexMap<FieldId, ShapeField> {
        let fields: Vec<(String, FieldId)> =
            self.composer.graph.ty(ty).fields.iter().map(|(name, field)| (name.clone(), *field)).collect();
        let mut found = IndexMap::new();
        for (name, field) in fields {
            let Some(declared) = self.composer.declared_in(field, self.file) else { continue };
            let provided: Vec<&FieldSelection> = provides
                .iter()
                .filter(
                    |selection| matches!(selection, FieldSelection::Field { name: provided, .. } if *provided == name),
                )
                .collect();
            let is_key = declared.field.is_external && self.own_keys.contains(&field);
            let is_told = declared.field.requires.is_none() || is_entity;
            if declared.field.is_external && !takes_the_same(self.composer, field, declared.field) {
                continue;
            }
            if provided.is_empty() && !is_key && !(declared.is_offered && is_told) {
                continue;
            }
            let inner: Vec<FieldSelection> = provided
                .iter()
                .flat_map(|selection| match selection {
                    FieldSelection::Field { selections, .. } | FieldSelection::On { selections, .. } => {
                        selections.clone()
                    }
                })
                .chain(declared.field.provides.iter().flat_map(|provides| provides.selections.clone()))
                .collect();
            let named = self.composer.graph.field(field).ty.named();
            let shape = self.composer.is_composite(named).then(|| self.shape(named, &inner, false));
            let bound = declared_size(&declared.field.list_size);
            let read = Read::path(JsonPath(vec![Segment::Property(name)]));
            found.insert(field, ShapeField { read, shape, bound });
        }
        found
    }
}

/// Notes which arguments a source declares, and with which types.
fn add_own_arguments(composer: &mut Composer<'_>, file: usize, source: SourceId) {
    for field in (0..composer.graph.fields.len()).map(|index| FieldId(index as u32)) {
        let Some(declared) = composer.declared_in(field, file) else { continue };
        let own = declared.field.arguments.iter();
        let own: IndexMap<_, _> = own.map(|own| (own.name.value.clone(), own.ty.to_string())).collect();
        if !own.is_empty() {
            composer.graph.own_arguments.insert((source, field), own);
        }
    }
}

/// Takes a field that a source only provides the same arguments as where it comes from? If not, it means something else
/// there (Apollo Federation's composition: `EXTERNAL_ARGUMENT_MISSING`, `EXTERNAL_ARGUMENT_DEFAULT_MISMATCH`).
fn takes_the_same(composer: &Composer<'_>, field: FieldId, external: &FieldDeclaration) -> bool {
    let owners = || composer.declared[field.index()].iter().map(|declared| declared.field).filter(|of| !of.is_external);
    external.arguments.iter().all(|own| {
        let others = owners().flat_map(|owner| &owner.arguments).filter(|other| other.name.value == own.name.value);
        others.clone().count() > 0 && others.into_iter().all(|other| other.default == own.default)
            || !own.ty.is_non_null() && own.default.is_none()
    }) && composer
        .graph
        .field(field)
        .arguments
        .keys()
        .all(|name| external.arguments.iter().any(|own| own.name.value == *name))
}

/// Leaves, and before them the objects around them that may be null: a null is sent where it is.
fn with_nullable_objects(graph: &Graph, leaves: &[KeyPath]) -> Vec<KeyPath> {
    let mut paths: Vec<KeyPath> = Vec::new();
    for leaf in leaves {
        for end in 1..leaf.0.len() {
            let object = KeyPath(leaf.0[..end].to_vec());
            let ty = &graph.field(leaf.0[end - 1]).ty;
            if ty.is_nullable() && !ty.is_list() && !paths.contains(&object) {
                paths.push(object);
            }
        }
        paths.push(leaf.clone());
    }
    paths
}

/// The fields that a file's keys begin with.
fn own_keys(composer: &Composer<'_>, file: usize) -> HashSet<FieldId> {
    let keys = composer.keys.iter().flatten().filter(|key| key.file == file);
    keys.flat_map(|key| &key.paths).filter_map(|path| path.0.first().copied()).collect()
}

/// The concrete types of each interface and union, as one file declares them.
fn members(composer: &Composer<'_>, file: usize) -> HashMap<TypeId, Vec<TypeId>> {
    let graph = &composer.graph;
    let mut members: HashMap<TypeId, Vec<TypeId>> = HashMap::new();
    let mut seen = HashSet::new();
    let mut add = |of: &str, member: &str| {
        if let Some((of, member)) = graph.type_id(of).zip(graph.type_id(member))
            && seen.insert((of, member))
        {
            members.entry(of).or_default().push(member);
        }
    };
    for declaration in &composer.files[file].types {
        let name = declaration.name.value.as_str();
        match &declaration.body {
            TypeBody::Union(names) => names.iter().for_each(|member| add(name, &member.value)),
            TypeBody::Object(fielded) => fielded.implements.iter().for_each(|of| add(&of.value, name)),
            _ => {}
        }
    }
    members
}

/// What of a field set goes for one concrete type.
fn provided_to(ty: &str, provides: &[FieldSelection]) -> Vec<FieldSelection> {
    let mut fields = Vec::new();
    for selection in provides {
        match selection {
            FieldSelection::Field { .. } => fields.push(selection.clone()),
            FieldSelection::On { ty: condition, selections } if condition == ty || condition.is_empty() => {
                fields.extend(provided_to(ty, selections));
            }
            FieldSelection::On { .. } => {}
        }
    }
    fields
}
