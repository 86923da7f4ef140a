//! The planner, which walks through a lowered operation place by place.
//!
//! Fields that the current answer has are taken from it. For all other fields, the cheapest ways are chosen
//! ([`super::choose`]) and their inputs are added to what is captured. Then planning continues in the shapes of their
//! answers.

use super::build::{Builder, ObjectId, SubField, ValuesId};
use super::capture::{At, Want};
use super::error::PlanError;
use super::feed::PlaceKey;
use super::ids::{FrameId, ROOT_FRAME, SlotId, StepId};
use super::list_size::ListSize;
use super::model::{Feed, Found, FoundValue, Join, LeafRead, LeafSource, PairingPlan, TypedLeaf, When};
use super::search::{Held, Search};
use super::waits::Waits;
use super::work::Work;
use crate::compose::{
    Entry, FieldId, Graph, GraphQlCall, KeyPath, ListBound, ShapeField, ShapeId, SourceId, TypeId, TypeKind, Way, WayId,
};
use crate::contract::StatusPattern;
use crate::operation::{Leaf, NodeId, Operation, OperationKind, Value};
use std::collections::{BTreeSet, HashMap, HashSet};

/// Rows of a frame: those with an object, or all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Rows {
    pub(super) frame: FrameId,
    pub(super) when: Option<When>,
}

/// A step, and how its rows are found from a place.
#[derive(Debug, Clone, Copy)]
pub(super) struct StepJoin {
    pub(super) step: StepId,
    pub(super) join: Join,
}

/// A captured slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct FrameSlot {
    pub(super) frame: FrameId,
    pub(super) slot: SlotId,
}

/// A place with objects of one concrete type, during planning.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) step: Option<StepId>,
    pub(super) frame: FrameId,
    pub(super) when: Option<When>,
    pub(super) object: Option<ObjectId>,
    pub(super) shape: Option<Held>,
    pub(super) ty: TypeId,
}

/// What distinguishes two uses of a way. Equal keys become one step.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct StepKey {
    pub(super) way: WayId,
    pub(super) arguments: Vec<(String, Value)>,
    pub(super) requires: Vec<KeyPath>,
    pub(super) group: u32,
    /// The `part` of the operation's node for which the step was made.
    pub(super) part: u32,
    /// Whether the caller must be signed in.
    pub(super) authenticated: bool,
}

#[derive(Debug)]
pub(super) enum GrowingOutcome {
    Null,
    Value(ValuesId),
    Code(String),
}

#[derive(Debug)]
pub(super) struct GrowingStep {
    pub(super) key: StepKey,
    pub(super) feeds: Vec<Feed>,
    /// The indices of its feeds, by the rows that feed it.
    pub(super) fed: HashMap<Rows, Vec<usize>>,
    /// Whether it can be asked for several keys.
    pub(super) is_repeated: bool,
    pub(super) after: BTreeSet<StepId>,
    pub(super) root: FrameId,
    /// The captures of the body, or of each item if the step is batched.
    pub(super) values: ValuesId,
    pub(super) pairing: PairingPlan,
    pub(super) outcomes: Vec<(StatusPattern, GrowingOutcome)>,
    pub(super) lookup: Option<Place>,
    /// See [`super::model::Step::leaves`].
    pub(super) leaves: Vec<TypedLeaf>,
    /// For root fields of a GraphQL source, the slot that says whether the answer has data.
    pub(super) data: Option<SlotId>,
}

pub(super) struct Planner<'a> {
    pub(super) graph: &'a Graph,
    pub(super) operation: &'a Operation,
    pub(super) build: Builder,
    pub(super) steps: Vec<GrowingStep>,
    pub(super) steps_of: HashMap<WayId, Vec<StepId>>,
    pub(super) waits: Waits,
    /// The steps of lookups, by the places that feed them.
    pub(super) looked_up: HashMap<PlaceKey, StepJoin>,
    pub(super) found: Vec<Option<Found>>,
    /// The slots whose leaves were added to their step with their types, and the enums of such leaves.
    pub(super) typed: HashSet<FrameSlot>,
    pub(super) enums: HashMap<TypeId, Leaf>,
    pub(super) search: Search,
    pub(super) work: Work,
    /// The work that was spent on comparing combinations of ways, in steps.
    pub(super) compared: usize,
    group: u32,
    /// The part of the answer that is being planned. Steps for the needs of different parts are kept separate.
    part: u32,
    trail: Vec<FieldId>,
    /// For each source whose root fields share a document, the way that stands for all of its reads.
    documents: HashMap<SourceId, WayId>,
    /// The shapes that were visited, in the order of the walk.
    pub(super) shapes: Vec<ShapeId>,
}

impl<'a> Planner<'a> {
    pub(super) fn new(graph: &'a Graph, operation: &'a Operation, search: Search) -> Self {
        let mut build = Builder::default();
        build.new_frame(None, None);
        let found = operation.nodes.iter().map(|_| None).collect();
        Self {
            graph,
            operation,
            build,
            steps: Vec::new(),
            steps_of: HashMap::new(),
            waits: Waits::default(),
            looked_up: HashMap::new(),
            found,
            typed: HashSet::new(),
            enums: HashMap::new(),
            search,
            work: Work::default(),
            compared: 0,
            group: 0,
            part: 0,
            trail: Vec::new(),
            documents: HashMap::new(),
            shapes: Vec::new(),
        }
    }

    /// Gives the key of a step for a root binding or a field binding.
    ///
    /// Root fields of one GraphQL service share a document if they only read, whatever their arguments are.
    pub(super) fn entry_key(&mut self, way: WayId, node: NodeId) -> StepKey {
        let graph = self.graph;
        let node = &self.operation.nodes[node.index()];
        let authenticated = graph.field(node.field).authenticated;
        let (requires, group, part) = (Vec::new(), self.group, self.part);
        let key = |way, arguments| StepKey { way, arguments, requires, group, part, authenticated };
        let source = graph.way(way).source;
        let is_shared = graph.source(source).kind.joins_roots() && graph.way(way).is_safe;
        if !is_shared {
            return key(way, node.arguments.clone());
        }
        key(*self.documents.entry(source).or_insert_with(|| first_read(graph, source).unwrap_or(way)), Vec::new())
    }

    /// Gives the key of a step for a lookup.
    pub(super) fn lookup_key(&self, way: WayId, requires: Vec<KeyPath>) -> StepKey {
        let (group, part) = (self.group, self.part);
        StepKey { way, arguments: Vec::new(), requires, group, part, authenticated: false }
    }

    /// Plans the whole operation.
    pub(super) fn run(&mut self) -> Result<(), PlanError> {
        let root = &self.operation.selections[self.operation.root.index()];
        let place = Place { step: None, frame: ROOT_FRAME, when: None, object: None, shape: None, ty: root.ty };
        for (_, nodes) in &root.variants {
            if self.operation.kind == OperationKind::Mutation {
                for &node in nodes {
                    self.plan_place(&place, &[node])?;
                    self.group += 1;
                }
            } else {
                self.plan_place(&place, nodes)?;
            }
        }
        self.order_groups();
        Ok(())
    }

    /// In a mutation, lets the root calls of each group wait for all earlier steps that are not deferred.
    fn order_groups(&mut self) {
        for at in 0..self.steps.len() {
            let group = self.steps[at].key.group;
            if group > 0 && self.steps[at].feeds.iter().any(|feed| feed.frame == ROOT_FRAME) {
                let earlier: Vec<StepId> = self.steps_where(|key| key.group < group && key.part == 0).collect();
                self.steps[at].after.extend(earlier);
            }
        }
    }

    fn steps_where(&self, wanted: impl Fn(&StepKey) -> bool) -> impl Iterator<Item = StepId> {
        let steps = self.steps.iter().enumerate();
        steps.filter(move |(_, step)| wanted(&step.key)).map(|(at, _)| StepId::at(at))
    }

    pub(super) fn plan_place(&mut self, place: &Place, nodes: &[NodeId]) -> Result<(), PlanError> {
        self.work.spend(1 + nodes.len())?;
        let mut missing = Vec::new();
        for &node in nodes {
            if self.is_refused(place, node) {
                continue;
            }
            let field = self.operation.nodes[node.index()].field;
            match self.held(place, field) {
                Some(shape_field) => {
                    let value = self.take(place, node, shape_field)?;
                    self.found[node.index()] = Some(Found { joins: Vec::new(), value });
                }
                None => missing.push(node),
            }
        }
        // The fields of the initial answer are planned first. A deferred field may come with them, but they must not
        // wait for it.
        missing.sort_by_key(|node| self.operation.nodes[node.index()].part);
        let around = self.part;
        for nodes in
            missing.chunk_by(|a, b| self.operation.nodes[a.index()].part == self.operation.nodes[b.index()].part)
        {
            self.part = self.operation.nodes[nodes[0].index()].part;
            self.plan_missing(place, nodes)?;
        }
        self.part = around;
        Ok(())
    }

    /// Whether the caller is refused a field, so that neither the field nor its inputs are fetched. The root of a
    /// subscription is not refused here, because it is polled, and its own step refuses it.
    fn is_refused(&self, place: &Place, node: NodeId) -> bool {
        let is_polled = place.step.is_none() && self.operation.kind == OperationKind::Subscription;
        let field = self.operation.nodes[node.index()].field;
        self.operation.is_anonymous && !is_polled && self.graph.field(field).authenticated
    }

    /// Plans the fields of one part that the current answer does not have.
    fn plan_missing(&mut self, place: &Place, missing: &[NodeId]) -> Result<(), PlanError> {
        let graph = self.graph;
        for choice in self.choose(place, missing)? {
            let way = graph.way(choice.way);
            match way.entry {
                Entry::Root(field) | Entry::Field(field) => {
                    for &node in &choice.nodes {
                        self.trail.push(field);
                        let key = self.entry_key(choice.way, node);
                        let StepJoin { step, join } = self.join_step(place, key)?;
                        let value = self.answer_of(step, choice.way, node)?;
                        self.found[node.index()] = Some(Found { joins: vec![join], value });
                        self.trail.pop();
                    }
                }
                Entry::Lookup(_) => {
                    let StepJoin { step, join } =
                        self.join_lookup(place, self.lookup_key(choice.way, choice.requires))?;
                    let there = self.lookup_place(step)?;
                    self.plan_place(&there, &choice.nodes)?;
                    for &node in &choice.nodes {
                        if let Some(found) = &mut self.found[node.index()] {
                            found.joins.insert(0, join);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Gives the field from the place's shape if the current answer has it.
    pub(super) fn held(&self, place: &Place, field: FieldId) -> Option<&'a ShapeField> {
        let Held { shape, variant } = place.shape?;
        self.graph.shape(shape).variants.get(variant)?.fields.get(&field)
    }

    fn take(&mut self, place: &Place, node: NodeId, held: &'a ShapeField) -> Result<FoundValue, PlanError> {
        let graph = self.graph;
        let field = graph.field(self.operation.nodes[node.index()].field);
        self.trail.push(self.operation.nodes[node.index()].field);
        let (Some(object), Some(step)) = (place.object, place.step) else {
            return Err(self.unsupported("a shape without an answer"));
        };
        let want = Want {
            ty: &field.ty,
            shape: held.shape,
            size: self.list_size(&held.bound, node),
            node,
            sub: self.sub_field(step, node),
            step,
        };
        let value = self.read(At::Object(object), place.frame, &held.read, &want)?;
        self.trail.pop();
        Ok(want.sized(value))
    }

    /// For a GraphQL source, gives the field with its arguments as the source is asked for it.
    pub(super) fn sub_field(&self, step: StepId, node: NodeId) -> Option<SubField> {
        if !self.speaks_graphql(step) {
            return None;
        }
        let node = &self.operation.nodes[node.index()];
        let source = self.graph.way(self.steps[step.index()].key.way).source;
        let own = self.graph.own_arguments.get(&(source, node.field));
        let arguments = node.arguments.iter().filter_map(|(name, value)| {
            let ty = own?.get(name)?;
            Some((name.clone(), value.clone(), ty.clone()))
        });
        Some(SubField { arguments: arguments.collect(), ..self.plain_sub_field(node.field) })
    }

    /// Gives a field without arguments as GraphQL sources are asked for it.
    pub(super) fn plain_sub_field(&self, field: FieldId) -> SubField {
        let field = self.graph.field(field);
        let is_leaf = matches!(self.graph.ty(field.ty.named()).kind, TypeKind::Scalar | TypeKind::Enum);
        SubField { name: field.name.clone(), arguments: Vec::new(), ty: field.ty.clone(), is_leaf }
    }

    pub(super) fn speaks_graphql(&self, step: StepId) -> bool {
        self.graph.way(self.steps[step.index()].key.way).call.graphql().is_some()
    }

    /// Gives the size of a node's list.
    pub(super) fn list_size(&self, bound: &ListBound, node: NodeId) -> ListSize {
        ListSize::of(bound, &self.operation.nodes[node.index()].arguments)
    }

    pub(super) fn unsupported(&self, what: &str) -> PlanError {
        let coordinate = self.trail.last().map_or_else(|| "the operation".to_owned(), |&f| self.graph.coordinate(f));
        PlanError::Unsupported { coordinate, what: what.to_owned() }
    }

    pub(super) fn no_way(&self, field: Option<FieldId>, tried: Vec<String>) -> PlanError {
        let coordinate = field.map_or_else(String::new, |field| self.graph.coordinate(field));
        let trail: Vec<&str> = self.trail.iter().map(|&field| self.graph.field(field).name.as_str()).collect();
        let place = if trail.is_empty() { "the root".to_owned() } else { trail.join(".") };
        PlanError::NoWay { coordinate, place, tried }
    }
}

/// Gives the first way of a source that reads a root field.
fn first_read(graph: &Graph, source: SourceId) -> Option<WayId> {
    let is_read =
        |way: &Way| way.source == source && way.is_safe && matches!(way.call.graphql(), Some(GraphQlCall::Root(_)));
    graph.ways.iter().position(is_read).map(WayId::at)
}

pub(super) fn leaf(source: LeafSource) -> LeafRead {
    LeafRead { source, then: Vec::new(), or: None }
}
