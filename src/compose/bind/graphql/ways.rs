//! The ways of one subgraph: its root fields, and `_entities` by each key.

use super::binder::Binder;
use crate::compose::graph::Graph;
use crate::compose::ids::{FieldId, TypeId};
use crate::compose::key::key_paths;
use crate::compose::kind::{Call, GraphQlCall};
use crate::compose::list_size::declared_size;
use crate::compose::read::{JsonPath, Read, Segment};
use crate::compose::shape::ListBound;
use crate::compose::types::TypeKind;
use crate::compose::way::{Answer, Batch, CallerInputs, Entry, KeyPath, Pairing, Way};
use crate::diagnostic::{Code, Finding, Span};
use indexmap::IndexMap;

/// The greatest number of representations in one `_entities` call.
const MAX_REPRESENTATIONS: u32 = 1000;

impl Binder<'_, '_> {
    /// Makes the ways to a type: to its fields if it is a root type, otherwise to the type by its keys.
    pub(super) fn bind_type(&mut self, ty: TypeId) {
        let graph_type = self.draft.graph.ty(ty);
        let fields: Vec<FieldId> = graph_type.fields.values().copied().collect();
        if matches!(graph_type.name.as_str(), "Query" | "Mutation" | "Subscription") {
            // A subscription of another service would need a connection that stays open to it.
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
        let keys: Vec<Vec<KeyPath>> = self.draft.keys[ty.index()]
            .iter()
            .filter(|key| key.file == self.file && key.is_resolvable)
            .map(|key| key.paths.clone())
            .collect();
        let requires = if keys.is_empty() { IndexMap::new() } else { self.requires(&fields) };
        for key in keys {
            let shape = self.shape(ty, &[], !requires.is_empty());
            let span = self.draft.graph.ty(ty).span.unwrap_or(self.draft.graph.source(self.source).span);
            let answer = Answer {
                items: JsonPath(vec![Segment::Property("_entities".to_owned())]),
                read: Read::path(JsonPath::default()),
                shape: Some(shape),
                bound: ListBound::default(),
                outcome: None,
            };
            let batch = Batch { key: 0, pairing: Pairing::Position, max_size: MAX_REPRESENTATIONS };
            let call = Call::GraphQl(GraphQlCall::Entities(ty));
            let mut way = self.way("_entities", Entry::Lookup(ty), call, answer, span);
            (way.inputs, way.requires, way.batch) = (key, requires.clone(), Some(batch));
            self.draft.add_way(way);
        }
    }

    fn root(&mut self, field: FieldId) {
        let Some(declared) = self.draft.declared_in(field, self.file).filter(|declared| declared.is_offered) else {
            return;
        };
        if let Some(requires) = &declared.field.requires {
            let message = "`@requires` of a root field is not supported: a root has no key to be asked by again";
            let finding = Finding::new(Code::C011, message, requires.span, "nothing gives it");
            self.draft.findings.push(finding.help("take what the field needs as an argument"));
        }
        let provides = declared.field.provides.as_ref().map(|provides| provides.selections.as_slice());
        let ty = self.draft.graph.field(field).ty.clone();
        let shape = self.draft.is_composite(ty.named()).then(|| self.shape(ty.named(), provides.unwrap_or(&[]), false));
        let answer = Answer {
            items: JsonPath::default(),
            read: Read::path(JsonPath(vec![Segment::Property(declared.field.name.value.clone())])),
            shape,
            bound: declared_size(&declared.field.list_size),
            outcome: None,
        };
        let name = declared.field.name.value.as_str();
        let way = self.way(
            name,
            Entry::Root(field),
            Call::GraphQl(GraphQlCall::Root(field)),
            answer,
            declared.field.name.span,
        );
        self.draft.add_way(way);
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

    /// The inputs that `@requires` of this subgraph's fields needs.
    fn requires(&mut self, fields: &[FieldId]) -> IndexMap<FieldId, Vec<KeyPath>> {
        let mut requires = IndexMap::new();
        for field in fields {
            let Some(declared) = self.draft.declared_in(*field, self.file) else { continue };
            let Some(set) = declared.field.requires.as_ref().filter(|_| declared.is_offered) else { continue };
            let parent = self.draft.graph.field(*field).parent;
            let paths = key_paths(self.draft, parent, &set.selections, &declared.field.name, set.span);
            requires.extend(paths.map(|paths| (*field, with_nullable_objects(&self.draft.graph, &paths))));
        }
        requires
    }
}

/// The leaves, and before each the nullable objects around it, because a null is sent at its own level.
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
