//! The state that the ways and the shapes of one subgraph share while they are made.

use crate::compose::draft::Draft;
use crate::compose::ids::{FieldId, ShapeId, SourceId, TypeId};
use crate::compose::types::TypeKind;
use crate::sdl::{FieldSelection, TypeBody};
use std::collections::{HashMap, HashSet};

/// A subgraph whose ways are being made.
pub(super) struct Binder<'c, 'a> {
    pub(super) draft: &'c mut Draft<'a>,
    pub(super) file: usize,
    pub(super) source: SourceId,
    /// The fields of keys that this file declares. Federation 1 marked keys of extended types as external, although the
    /// subgraph returns them.
    pub(super) own_keys: HashSet<FieldId>,
    /// The concrete types of interfaces and unions that this subgraph knows.
    pub(super) members: HashMap<TypeId, Vec<TypeId>>,
    /// The shapes that were made. Each shape is made once, because a type can contain itself, with the same fields
    /// provided at each level.
    pub(super) made: HashMap<SubgraphShape, ShapeId>,
    /// The shapes that are reserved and not yet filled. A list is used because types can nest deeper than the stack
    /// allows.
    pub(super) open: Vec<(ShapeId, SubgraphShape)>,
}

/// The properties from which a shape of a subgraph is made.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct SubgraphShape {
    pub(super) ty: TypeId,
    pub(super) provides: Vec<FieldSelection>,
    pub(super) is_entity: bool,
}

impl<'c, 'a> Binder<'c, 'a> {
    pub(super) fn new(draft: &'c mut Draft<'a>, file: usize, source: SourceId) -> Self {
        let (own_keys, members) = (own_keys(draft, file), members(draft, file));
        Self { draft, file, source, own_keys, members, made: HashMap::new(), open: Vec::new() }
    }

    /// The concrete types of a type that this subgraph knows.
    pub(super) fn members(&self, ty: TypeId) -> Vec<TypeId> {
        match self.draft.graph.ty(ty).kind {
            TypeKind::Object => vec![ty],
            _ => self.members.get(&ty).cloned().unwrap_or_default(),
        }
    }
}

/// The first fields of the paths of a file's keys.
fn own_keys(draft: &Draft<'_>, file: usize) -> HashSet<FieldId> {
    let keys = draft.keys.iter().flatten().filter(|key| key.file == file);
    keys.flat_map(|key| &key.paths).filter_map(|path| path.0.first().copied()).collect()
}

/// The concrete types of each interface and union, as one file declares them.
fn members(draft: &Draft<'_>, file: usize) -> HashMap<TypeId, Vec<TypeId>> {
    let graph = &draft.graph;
    let mut members: HashMap<TypeId, Vec<TypeId>> = HashMap::new();
    let mut seen = HashSet::new();
    let mut add = |of: &str, member: &str| {
        if let Some((of, member)) = graph.type_id(of).zip(graph.type_id(member))
            && seen.insert((of, member))
        {
            members.entry(of).or_default().push(member);
        }
    };
    for declaration in &draft.files[file].types {
        let name = declaration.name.value.as_str();
        match &declaration.body {
            TypeBody::Union(names) => names.iter().for_each(|member| add(name, &member.value)),
            TypeBody::Object(fielded) => fielded.implements.iter().for_each(|of| add(&of.value, name)),
            _ => {}
        }
    }
    members
}
