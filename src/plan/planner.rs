//! Planning: walks a lowered operation place by place.
//!
//! What the answer at hand already holds is taken from it; for the rest the cheapest ways in are chosen
//! ([`super::choose`]), their inputs are added to what is captured, and the same goes on inside their shapes.

use super::build::{Builder, Growing, ObjectId, SubField, ValuesId};
use super::choose::required;
use super::error::PlanError;
use super::model::{
    Access, Feed, Found, FoundValue, FrameId, Join, LeafRead, LeafSource, PairingPlan, ROOT_FRAME, SlotId, StepId,
};
use crate::compose::{
    Call, Effect, Entry, FieldId, From, Graph, JsonPath, KeyPath, ListBound, Method, Pairing, Read, Segment,
    ShapeField, ShapeId, SourceKind, TypeChoice, TypeId, TypeKind, TypeRef, WayId,
};
use crate::contract::StatusPattern;
use crate::operation::{NodeId, Operation, OperationKind, Value};
use std::collections::BTreeSet;

/// Most steps of one plan.
const MAX_STEPS: usize = 256;

/// Where objects of one concrete type are, while planning.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) step: Option<StepId>,
    pub(super) frame: FrameId,
    pub(super) when: Option<(SlotId, Option<u32>)>,
    pub(super) object: Option<ObjectId>,
    /// The shape and which of its variants.
    pub(super) shape: Option<(ShapeId, usize)>,
    pub(super) ty: TypeId,
}

/// What tells two uses of a way apart: equal ones are one step.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct StepKey {
    pub(super) way: WayId,
    pub(super) arguments: Vec<(String, Value)>,
    pub(super) requires: Vec<KeyPath>,
    pub(super) group: u32,
    /// Must the caller be known?
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
    pub(super) after: BTreeSet<StepId>,
    pub(super) root: FrameId,
    /// Captures of the body; batched: of each item.
    pub(super) values: ValuesId,
    pub(super) pairing: PairingPlan,
    pub(super) outcomes: Vec<(StatusPattern, GrowingOutcome)>,
    lookup: Option<Place>,
    /// GraphQL root fields: tells whether the answer has data.
    pub(super) data: Option<SlotId>,
}

/// Where a value's captures hang.
#[derive(Debug, Clone, Copy)]
enum At {
    Object(ObjectId),
    Values(ValuesId),
}

/// What is wanted at the end of a read.
#[derive(Clone)]
struct Want<'a> {
    ty: &'a TypeRef,
    shape: Option<ShapeId>,
    bound: Option<u64>,
    node: NodeId,
    sub: Option<SubField>,
    step: StepId,
}

pub(super) struct Planner<'a> {
    pub(super) graph: &'a Graph,
    pub(super) operation: &'a Operation,
    pub(super) build: Builder,
    pub(super) steps: Vec<GrowingStep>,
    pub(super) found: Vec<Option<Found>>,
    group: u32,
    trail: Vec<FieldId>,
    /// The shapes met, in the order of the walk.
    pub(super) shapes: Vec<ShapeId>,
}

impl<'a> Planner<'a> {
    pub(super) fn new(graph: &'a Graph, operation: &'a Operation) -> Self {
        let mut build = Builder::default();
        build.new_frame(None, None);
        let found = operation.nodes.iter().map(|_| None).collect();
        Self { graph, operation, build, steps: Vec::new(), found, group: 0, trail: Vec::new(), shapes: Vec::new() }
    }

    /// The key of a step for a root or field binding.
    ///
    /// Root fields of one GraphQL service that are only read share a document, whatever their arguments.
    pub(super) fn entry_key(&self, way: WayId, node: NodeId) -> StepKey {
        let graph = self.graph;
        let node = &self.operation.nodes[node.index()];
        let authenticated = graph.field(node.field).authenticated;
        let key = |way, arguments| StepKey { way, arguments, requires: Vec::new(), group: self.group, authenticated };
        let source = graph.way(way).source;
        let is_shared = matches!(graph.source(source).kind, SourceKind::GraphQl) && graph.way(way).is_safe;
        let first = graph
            .ways
            .iter()
            .position(|other| other.source == source && other.is_safe && matches!(other.call, Call::GraphQlRoot(_)));
        match first.filter(|_| is_shared && self.operation.kind == OperationKind::Query) {
            Some(first) => key(WayId(step_id(first)), Vec::new()),
            None => key(way, node.arguments.clone()),
        }
    }

    /// The key of a step for a lookup.
    pub(super) fn lookup_key(&self, way: WayId, requires: Vec<KeyPath>) -> StepKey {
        StepKey { way, arguments: Vec::new(), requires, group: self.group, authenticated: false }
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

    /// Mutations: the root calls of each group wait for everything before.
    fn order_groups(&mut self) {
        for at in 0..self.steps.len() {
            let group = self.steps[at].key.group;
            if group > 0 && self.steps[at].feeds.iter().any(|feed| feed.frame == ROOT_FRAME) {
                let earlier: Vec<StepId> =
                    (0..self.steps.len()).filter(|&s| self.steps[s].key.group < group).map(step_id).collect();
                self.steps[at].after.extend(earlier);
            }
        }
    }

    fn plan_place(&mut self, place: &Place, nodes: &[NodeId]) -> Result<(), PlanError> {
        let graph = self.graph;
        let mut missing = Vec::new();
        for &node in nodes {
            let field = self.operation.nodes[node.index()].field;
            match self.held(place, field) {
                Some(shape_field) => {
                    let value = self.take(place, node, shape_field)?;
                    self.found[node.index()] = Some(Found { joins: Vec::new(), value });
                }
                None => missing.push(node),
            }
        }
        for choice in self.choose(place, &missing)? {
            let way = graph.way(choice.way);
            match way.entry {
                Entry::Root(field) | Entry::Field(field) => {
                    for &node in &choice.nodes {
                        self.trail.push(field);
                        let (step, join) = self.join_step(place, self.entry_key(choice.way, node))?;
                        let value = self.answer_of(step, choice.way, node)?;
                        self.found[node.index()] = Some(Found { joins: vec![join], value });
                        self.trail.pop();
                    }
                }
                Entry::Lookup(_) => {
                    let (step, join) = self.join_step(place, self.lookup_key(choice.way, choice.requires))?;
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

    /// The field of the place's shape, if the answer at hand holds it.
    pub(super) fn held(&self, place: &Place, field: FieldId) -> Option<&'a ShapeField> {
        let (shape, variant) = place.shape?;
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
            bound: self.list_bound(&held.bound, node),
            node,
            sub: self.sub_field(step, node),
            step,
        };
        let value = self.read(At::Object(object), place.frame, &held.read, &want)?;
        self.trail.pop();
        Ok(value)
    }

    /// For GraphQL sources: the field with its arguments, as it is asked for.
    fn sub_field(&self, step: StepId, node: NodeId) -> Option<SubField> {
        if !self.speaks_graphql(step) {
            return None;
        }
        let node = &self.operation.nodes[node.index()];
        let field = self.graph.field(node.field);
        let arguments = node.arguments.iter().filter_map(|(name, value)| {
            let ty = &field.arguments.get(name)?.ty;
            Some((name.clone(), value.clone(), ty.clone()))
        });
        Some(SubField { arguments: arguments.collect(), ..self.plain_sub_field(node.field) })
    }

    /// A field without arguments, as GraphQL sources are asked for it.
    fn plain_sub_field(&self, field: FieldId) -> SubField {
        let field = self.graph.field(field);
        let is_leaf = matches!(self.graph.ty(field.ty.named()).kind, TypeKind::Scalar | TypeKind::Enum);
        SubField { name: field.name.clone(), arguments: Vec::new(), ty: field.ty.clone(), is_leaf }
    }

    pub(super) fn speaks_graphql(&self, step: StepId) -> bool {
        let way = self.graph.way(self.steps[step as usize].key.way);
        !matches!(self.graph.source(way.source).kind, SourceKind::Rest { .. })
    }

    /// How long a list is at most, for these arguments.
    pub(super) fn list_bound(&self, bound: &ListBound, node: NodeId) -> Option<u64> {
        match bound {
            ListBound::Max(max) => Some(*max),
            ListBound::Argument { name, maximum } => {
                let arguments = &self.operation.nodes[node.index()].arguments;
                let given =
                    arguments.iter().find(|(argument, _)| argument == name).and_then(|(_, value)| match value {
                        Value::Constant(constant) => constant.as_u64(),
                        _ => None,
                    });
                Some(given.map_or(*maximum, |given| given.min(*maximum)))
            }
            ListBound::Unbounded => None,
        }
    }

    fn read(&mut self, at: At, frame: FrameId, read: &Read, want: &Want<'a>) -> Result<FoundValue, PlanError> {
        if want.shape.is_none() {
            return self.read_leaf(at, frame, read, want);
        }
        let From::Json(path) = &read.from else {
            return Err(self.unsupported("an object must be read from the answer"));
        };
        let mut path = path.0.clone();
        match read.then.as_slice() {
            [] => {}
            [Method::First] => path.push(Segment::Index(0)),
            _ => return Err(self.unsupported("only ->first can be used on objects")),
        }
        self.follow(at, frame, &path, want)
    }

    fn read_leaf(&mut self, at: At, frame: FrameId, read: &Read, want: &Want<'a>) -> Result<FoundValue, PlanError> {
        let mut found = match &read.from {
            From::Json(path) => self.follow(at, frame, &path.0, want)?,
            From::Literal(value) => FoundValue::Leaf(leaf(LeafSource::Constant(value.to_string()))),
            From::Input(input) => FoundValue::Leaf(leaf(LeafSource::Input(want.step, input.clone()))),
        };
        if read.then.is_empty() && read.or.is_none() {
            return Ok(found);
        }
        let or = match &read.or {
            Some(or) => match self.read_leaf(at, frame, or, want)? {
                FoundValue::Leaf(leaf) => Some(Box::new(leaf)),
                _ => return Err(self.unsupported("a list cannot stand behind `??`")),
            },
            None => None,
        };
        match &mut found {
            FoundValue::Leaf(leaf) => {
                leaf.then.clone_from(&read.then);
                leaf.or = or;
                Ok(found)
            }
            _ => Err(self.unsupported("methods and `??` on the values of a list")),
        }
    }

    fn follow(&mut self, at: At, frame: FrameId, path: &[Segment], want: &Want<'a>) -> Result<FoundValue, PlanError> {
        let Some((first, rest)) = path.split_first() else {
            return match at {
                At::Object(object) => self.finish_in_object(object, want),
                At::Values(values) => self.finish(values, frame, want),
            };
        };
        match (first, at) {
            (Segment::Property(name), _) => {
                let object = match at {
                    At::Object(object) => object,
                    At::Values(values) => self.build.object_in(values, frame),
                };
                let sub = if rest.is_empty() { want.sub.clone() } else { None };
                let values = self.build.property_in(object, name, sub);
                self.follow(At::Values(values), frame, rest, want)
            }
            (Segment::Index(index), At::Values(values)) => {
                let item = self.build.index_in(values, *index);
                self.follow(At::Values(item), frame, rest, want)
            }
            (Segment::Each, At::Values(values)) => {
                let TypeRef::List { of, .. } = want.ty else {
                    return Err(self.unsupported("a path through a list must give a list"));
                };
                let inner = Want { ty: of, bound: None, sub: None, ..want.clone() };
                self.list(values, frame, want, |this, item, items| this.follow(At::Values(item), items, rest, &inner))
            }
            _ => Err(self.unsupported("an item of an object")),
        }
    }

    /// Makes a list of rows and goes on inside.
    fn list(
        &mut self,
        values: ValuesId,
        frame: FrameId,
        want: &Want<'a>,
        inside: impl FnOnce(&mut Self, ValuesId, FrameId) -> Result<FoundValue, PlanError>,
    ) -> Result<FoundValue, PlanError> {
        let slot = self.build.new_slot(frame);
        let items = self.build.new_frame(Some(want.step), Some((frame, want.bound)));
        let item = self.build.new_values();
        self.build.values[values].push(Growing::List { slot, frame: items, item, bound: want.bound });
        let inner = inside(self, item, items)?;
        Ok(FoundValue::List { slot, frame: items, item: Box::new(inner) })
    }

    /// The end of a path, at a JSON value.
    fn finish(&mut self, values: ValuesId, frame: FrameId, want: &Want<'a>) -> Result<FoundValue, PlanError> {
        let Some(shape) = want.shape else {
            return Ok(FoundValue::Leaf(leaf(LeafSource::Slot(self.build.leaf_in(values, frame)))));
        };
        if let TypeRef::List { of, .. } = want.ty {
            let inner = Want { ty: of, bound: None, ..want.clone() };
            return self.list(values, frame, want, |this, item, items| this.finish(item, items, &inner));
        }
        match &self.graph.shape(shape).choice {
            TypeChoice::Only => {
                let object = self.build.object_in(values, frame);
                self.finish_in_object(object, want)
            }
            TypeChoice::By { read, cases } => {
                let Some(discriminator) = properties_of(read) else {
                    return Err(self.unsupported("the discriminator must be a property"));
                };
                let cases = cases.iter().map(|(text, variant)| (text.clone(), step_id(*variant))).collect();
                let tag = self.build.new_slot(frame);
                let variants = &self.graph.shape(shape).variants;
                let objects: Vec<ObjectId> = variants.iter().map(|_| self.build.new_object(frame)).collect();
                self.build.make_siblings(&objects);
                self.build.values[values].push(Growing::Abstract {
                    tag,
                    discriminator,
                    then: read.then.clone(),
                    cases,
                    variants: objects.clone(),
                });
                for (at, (variant, object)) in variants.iter().zip(objects).enumerate() {
                    self.build.objects[object].tags.push((tag, step_id(at)));
                    self.build.objects[object].condition = Some(self.graph.ty(variant.ty).name.clone());
                    let when = Some((tag, Some(step_id(at))));
                    self.plan_variant(object, when, (shape, at), want)?;
                }
                Ok(FoundValue::Object { tag: Some(tag), variants: variants.iter().map(|v| v.ty).collect() })
            }
        }
    }

    /// The end of a path, at an object that is under capture already.
    fn finish_in_object(&mut self, object: ObjectId, want: &Want<'a>) -> Result<FoundValue, PlanError> {
        let Some(shape) = want.shape else {
            return Err(self.unsupported("a leaf cannot be read from an object"));
        };
        let (TypeChoice::Only, [variant]) =
            (&self.graph.shape(shape).choice, self.graph.shape(shape).variants.as_slice())
        else {
            return Err(self.unsupported("an abstract type cannot be grouped from its parent"));
        };
        let tag = self.build.new_slot(self.build.objects[object].frame);
        self.build.objects[object].tags.push((tag, 0));
        self.plan_variant(object, Some((tag, None)), (shape, 0), want)?;
        Ok(FoundValue::Object { tag: Some(tag), variants: vec![variant.ty] })
    }

    /// Plans what is wanted of one concrete type at a place.
    fn plan_variant(
        &mut self,
        object: ObjectId,
        when: Option<(SlotId, Option<u32>)>,
        shape: (ShapeId, usize),
        want: &Want<'a>,
    ) -> Result<(), PlanError> {
        let ty = self.graph.shape(shape.0).variants[shape.1].ty;
        self.shapes.push(shape.0);
        let frame = self.build.objects[object].frame;
        let place = Place { step: Some(want.step), frame, when, object: Some(object), shape: Some(shape), ty };
        let nodes = self.wanted(want.node, ty);
        self.plan_place(&place, nodes)
    }

    /// Nodes that a node's selection wants of a concrete type.
    fn wanted(&self, node: NodeId, ty: TypeId) -> &'a [NodeId] {
        let operation = self.operation;
        let Some(selection) = operation.nodes[node.index()].selection else { return &[] };
        let variants = &operation.selections[selection.index()].variants;
        variants.iter().find(|(variant, _)| *variant == ty).map_or(&[], |(_, nodes)| nodes)
    }

    /// What a root or field binding's answer holds for a node.
    fn answer_of(&mut self, step: StepId, way: WayId, node: NodeId) -> Result<FoundValue, PlanError> {
        let graph = self.graph;
        let way = graph.way(way);
        let field = graph.field(self.operation.nodes[node.index()].field);
        let (values, root) = (self.steps[step as usize].values, self.steps[step as usize].root);
        let bound = self.list_bound(&way.answer.bound, node);
        let sub = self.sub_field(step, node);
        let want = Want { ty: &field.ty, shape: way.answer.shape, bound, node, sub, step };
        if self.speaks_graphql(step) {
            let read = Read::path(JsonPath(vec![Segment::Property(field.name.clone())]));
            return self.read(At::Values(values), root, &read, &want);
        }
        if way.outcomes.iter().any(|outcome| matches!(outcome.effect, Effect::Value { .. })) {
            return self.answer_by_status(step, &want);
        }
        if let PairingPlan::Group { items, list, .. } = self.steps[step as usize].pairing {
            let TypeRef::List { of, .. } = &field.ty else {
                return Err(self.unsupported("grouped items must be a list"));
            };
            let inner = Want { ty: of, bound: None, ..want };
            let item = self.read(At::Values(values), items, &way.answer.read, &inner)?;
            return Ok(FoundValue::List { slot: list, frame: items, item: Box::new(item) });
        }
        self.read(At::Values(values), root, &way.answer.read, &want)
    }

    /// An answer whose type is told by the status.
    fn answer_by_status(&mut self, step: StepId, want: &Want<'a>) -> Result<FoundValue, PlanError> {
        let way = self.graph.way(self.steps[step as usize].key.way);
        let root = self.steps[step as usize].root;
        let tag = self.build.new_slot(root);
        let mut types: Vec<TypeId> = Vec::new();
        let mut captures = Vec::new();
        let is_success =
            |status: StatusPattern| matches!(status, StatusPattern::Exact(200..=299) | StatusPattern::Class(2));
        if !way.outcomes.iter().any(|o| is_success(o.status) && matches!(o.effect, Effect::Value { .. }))
            && let Some(shape) = way.answer.shape
        {
            let values = self.steps[step as usize].values;
            captures.push((values, &way.answer.read, shape));
        }
        for (outcome, (_, growing)) in way.outcomes.iter().zip(&self.steps[step as usize].outcomes) {
            if let (Effect::Value { read, shape, .. }, GrowingOutcome::Value(values)) = (&outcome.effect, growing) {
                captures.push((*values, read, *shape));
            }
        }
        for (values, read, shape) in captures {
            let [variant] = self.graph.shape(shape).variants.as_slice() else {
                return Err(self.unsupported("a status must mean one type"));
            };
            if types.contains(&variant.ty) {
                return Err(self.unsupported("two statuses mean one type"));
            }
            types.push(variant.ty);
            let object = self.object_at(values, root, read)?;
            let at = step_id(types.len() - 1);
            self.build.objects[object].tags.push((tag, at));
            self.plan_variant(object, Some((tag, Some(at))), (shape, 0), want)?;
        }
        Ok(FoundValue::Object { tag: Some(tag), variants: types })
    }

    /// The place at which a lookup's answer holds the entity.
    fn lookup_place(&mut self, step: StepId) -> Result<Place, PlanError> {
        if let Some(place) = &self.steps[step as usize].lookup {
            return Ok(place.clone());
        }
        let way = self.graph.way(self.steps[step as usize].key.way);
        let Some(shape) = way.answer.shape else {
            return Err(self.unsupported("a lookup without a shape"));
        };
        let (values, root) = (self.steps[step as usize].values, self.steps[step as usize].root);
        let object = if self.speaks_graphql(step) {
            self.build.object_in(values, root)
        } else {
            self.object_at(values, root, &way.answer.read)?
        };
        let tag = self.build.new_slot(root);
        self.build.objects[object].tags.push((tag, 0));
        let ty = self.graph.shape(shape).variants[0].ty;
        let place = Place {
            step: Some(step),
            frame: root,
            when: Some((tag, None)),
            object: Some(object),
            shape: Some((shape, 0)),
            ty,
        };
        self.steps[step as usize].lookup = Some(place.clone());
        Ok(place)
    }

    /// The object that a plain path of properties leads to.
    fn object_at(&mut self, values: ValuesId, frame: FrameId, read: &Read) -> Result<ObjectId, PlanError> {
        let path = properties_of(read).ok_or_else(|| self.unsupported("an entity must be an object of the answer"))?;
        let mut object = self.build.object_in(values, frame);
        for property in &path {
            let inner = self.build.property_in(object, property, None);
            object = self.build.object_in(inner, frame);
        }
        Ok(object)
    }

    /// Feeds a step from a place: an equal one that does not wait for the place, else a new one.
    pub(super) fn join_step(&mut self, place: &Place, key: StepKey) -> Result<(StepId, Join), PlanError> {
        let way = self.graph.way(key.way);
        let mut inputs = Vec::new();
        let mut needs: BTreeSet<StepId> = place.step.into_iter().collect();
        for path in way.inputs.iter().chain(&key.requires) {
            let access = self.obtain(place, path, &mut needs)?;
            inputs.push(access);
        }
        let same = self.same_step(&key, &needs);
        let step = match same {
            Some(step) => step,
            None => self.new_step(key)?,
        };
        let root = self.steps[step as usize].root;
        let feeds = &self.steps[step as usize].feeds;
        let fed =
            feeds.iter().find(|feed| feed.frame == place.frame && feed.when == place.when && feed.inputs == inputs);
        if let Some(feed) = fed {
            return Ok((step, Join { slot: feed.join, frame: root }));
        }
        let join = self.build.new_slot(place.frame);
        self.steps[step as usize].feeds.push(Feed { frame: place.frame, when: place.when, inputs, join });
        self.steps[step as usize].after.extend(needs);
        Ok((step, Join { slot: join, frame: root }))
    }

    /// A planned step with this key that none of `needs` waits for.
    pub(super) fn same_step(&self, key: &StepKey, needs: &BTreeSet<StepId>) -> Option<StepId> {
        let equal = (0..self.steps.len()).filter(|&at| self.steps[at].key == *key).map(step_id);
        equal.into_iter().find(|&step| !needs.iter().any(|&need| self.waits_for(need, step)))
    }

    /// Does `step` wait for `other`, or is it that?
    fn waits_for(&self, step: StepId, other: StepId) -> bool {
        let mut open = vec![step];
        let mut seen = BTreeSet::new();
        while let Some(at) = open.pop() {
            if at == other {
                return true;
            }
            if seen.insert(at) {
                open.extend(self.steps[at as usize].after.iter().copied());
            }
        }
        false
    }

    fn new_step(&mut self, key: StepKey) -> Result<StepId, PlanError> {
        if self.steps.len() >= MAX_STEPS {
            return Err(PlanError::TooManySteps { limit: MAX_STEPS });
        }
        let way = self.graph.way(key.way);
        let step = step_id(self.steps.len());
        let root = self.build.new_frame(Some(step), None);
        let values = self.build.new_values();
        let pairing = match way.batch.as_ref().map(|batch| &batch.pairing) {
            None => PairingPlan::Single,
            Some(Pairing::Position) => PairingPlan::Position,
            Some(Pairing::Index(path)) => PairingPlan::Index { key: self.key_slot(values, root, path)? },
            Some(Pairing::Group(path)) => {
                let list = self.build.new_slot(root);
                let bound = self.group_bound(&way.answer.bound, &key.arguments);
                let items = self.build.new_frame(Some(step), Some((root, bound)));
                PairingPlan::Group { items, key: self.key_slot(values, items, path)?, list, bound }
            }
        };
        let outcomes = way.outcomes.iter().map(|outcome| {
            let effect = match &outcome.effect {
                Effect::Null => GrowingOutcome::Null,
                Effect::Code(code) => GrowingOutcome::Code(code.clone()),
                Effect::Value { .. } => GrowingOutcome::Value(self.build.new_values()),
            };
            (outcome.status, effect)
        });
        let outcomes = outcomes.collect();
        let data = matches!(way.call, Call::GraphQlRoot(_)).then(|| {
            let object = self.build.object_in(values, root);
            let slot = self.build.new_slot(root);
            self.build.objects[object].tags.push((slot, 0));
            slot
        });
        self.steps.push(GrowingStep {
            key,
            feeds: Vec::new(),
            after: BTreeSet::new(),
            root,
            values,
            pairing,
            outcomes,
            lookup: None,
            data,
        });
        Ok(step)
    }

    fn group_bound(&self, bound: &ListBound, arguments: &[(String, Value)]) -> Option<u64> {
        match bound {
            ListBound::Max(max) => Some(*max),
            ListBound::Argument { name, maximum } => {
                let given =
                    arguments.iter().find(|(argument, _)| argument == name).and_then(|(_, value)| match value {
                        Value::Constant(constant) => constant.as_u64(),
                        _ => None,
                    });
                Some(given.map_or(*maximum, |given| given.min(*maximum)))
            }
            ListBound::Unbounded => None,
        }
    }

    fn key_slot(&mut self, values: ValuesId, frame: FrameId, path: &JsonPath) -> Result<SlotId, PlanError> {
        let mut values = values;
        for segment in &path.0 {
            let Segment::Property(name) = segment else {
                return Err(self.unsupported("a batch key must be a property of the item"));
            };
            let object = self.build.object_in(values, frame);
            values = self.build.property_in(object, name, None);
        }
        Ok(self.build.leaf_in(values, frame))
    }

    /// Where an input's value is: in the answer at hand, else behind the shortest chain of lookups.
    fn obtain(&mut self, place: &Place, path: &KeyPath, needs: &mut BTreeSet<StepId>) -> Result<Access, PlanError> {
        if let Some((read, _)) = self.held_path(place, path) {
            let object = place.object.ok_or_else(|| self.unsupported("an input of the root"))?;
            let fields = match place.step.filter(|&step| self.speaks_graphql(step)) {
                Some(_) => path.0.as_slice(),
                None => &[],
            };
            let leaf = self.input_leaf(object, place.frame, &read, fields)?;
            return Ok(Access { joins: Vec::new(), leaf });
        }
        let Some(way) = self.lookup_of_input(place, path) else {
            let field = path.0.last().copied();
            return Err(self.no_way(field, vec!["its input is not there, and no lookup gives it".to_owned()]));
        };
        let requires = required(self.graph.way(way), path).to_vec();
        let (step, join) = self.join_step(place, self.lookup_key(way, requires))?;
        needs.insert(step);
        let there = self.lookup_place(step)?;
        let mut access = self.obtain(&there, path, needs)?;
        access.joins.insert(0, join);
        Ok(access)
    }

    /// `fields`: of a GraphQL source, what each property of the path is there.
    fn input_leaf(
        &mut self,
        object: ObjectId,
        frame: FrameId,
        read: &Read,
        fields: &[FieldId],
    ) -> Result<LeafRead, PlanError> {
        let mut result = match &read.from {
            From::Json(JsonPath(path)) => {
                let mut at = At::Object(object);
                for (number, segment) in path.iter().enumerate() {
                    at = match (segment, at) {
                        (Segment::Property(name), _) => {
                            let object = match at {
                                At::Object(object) => object,
                                At::Values(values) => self.build.object_in(values, frame),
                            };
                            let sub = fields.get(number).map(|&field| self.plain_sub_field(field));
                            At::Values(self.build.property_in(object, name, sub))
                        }
                        (Segment::Index(index), At::Values(values)) => At::Values(self.build.index_in(values, *index)),
                        _ => return Err(self.unsupported("an input cannot be read through a list")),
                    };
                }
                let At::Values(values) = at else {
                    return Err(self.unsupported("an input must be a leaf"));
                };
                leaf(LeafSource::Slot(self.build.leaf_in(values, frame)))
            }
            From::Literal(value) => leaf(LeafSource::Constant(value.to_string())),
            From::Input(_) => return Err(self.unsupported("an input cannot come from another input")),
        };
        result.then.clone_from(&read.then);
        if let Some(or) = &read.or {
            result.or = Some(Box::new(self.input_leaf(object, frame, or, fields)?));
        }
        Ok(result)
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

fn leaf(source: LeafSource) -> LeafRead {
    LeafRead { source, then: Vec::new(), or: None }
}

fn step_id(index: usize) -> u32 {
    u32::try_from(index).expect("a plan's size is bounded")
}

/// The properties of a plain path; methods are left to the caller.
fn properties_of(read: &Read) -> Option<Vec<String>> {
    let From::Json(JsonPath(path)) = &read.from else { return None };
    path.iter()
        .map(|segment| match segment {
            Segment::Property(name) => Some(name.clone()),
            _ => None,
        })
        .collect()
}
