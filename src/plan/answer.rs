//! The answers of ways: where in a body the value of a field, or an entity, is found.

use super::build::{ObjectId, ValuesId};
use super::capture::{At, Want, properties_of, variant};
use super::error::PlanError;
use super::ids::{FrameId, StepId};
use super::list_size::ListSize;
use super::model::{FoundValue, PairingPlan, Tag, When};
use super::planner::{GrowingOutcome, Place, Planner};
use super::search::Held;
use crate::compose::{Effect, JsonPath, Read, Segment, TypeId, TypeRef, WayId};
use crate::operation::NodeId;

impl<'a> Planner<'a> {
    /// Finds what the answer of a root binding or field binding has for a node.
    pub(super) fn answer_of(&mut self, step: StepId, way: WayId, node: NodeId) -> Result<FoundValue, PlanError> {
        let graph = self.graph;
        let way = graph.way(way);
        let field = graph.field(self.operation.nodes[node.index()].field);
        let (values, root) = (self.steps[step.index()].values, self.steps[step.index()].root);
        let size = self.list_size(&way.answer.bound, node);
        let sub = self.sub_field(step, node);
        let want = Want { ty: &field.ty, shape: way.answer.shape, size, node, sub, step };
        if self.speaks_graphql(step) {
            let read = Read::path(JsonPath(vec![Segment::Property(field.name.clone())]));
            return self.read(At::Values(values), root, &read, &want).map(|value| want.sized(value));
        }
        if way.outcomes.iter().any(|outcome| matches!(outcome.effect, Effect::Value { .. })) {
            return self.answer_by_status(step, &want);
        }
        if let PairingPlan::Group { items, list, .. } = self.steps[step.index()].pairing {
            let TypeRef::List { of, .. } = &field.ty else {
                return Err(self.unsupported("grouped items must be a list"));
            };
            let inner = Want { ty: of, size: ListSize::default(), ..want };
            let item = self.read(At::Values(values), items, &way.answer.read, &inner)?;
            return Ok(FoundValue::List { slot: list, frame: items, item: Box::new(item) });
        }
        self.read(At::Values(values), root, &way.answer.read, &want).map(|value| want.sized(value))
    }

    /// Captures an answer whose type follows from its status.
    fn answer_by_status(&mut self, step: StepId, want: &Want<'a>) -> Result<FoundValue, PlanError> {
        let way = self.graph.way(self.steps[step.index()].key.way);
        let root = self.steps[step.index()].root;
        let tag = self.build.new_slot(root);
        let mut types: Vec<TypeId> = Vec::new();
        let mut captured: Vec<ValuesId> = Vec::new();
        let mut captures = Vec::new();
        if let (None, Some(shape)) = (way.answer.outcome, way.answer.shape) {
            let values = self.steps[step.index()].values;
            captures.push((None, values, &way.answer.read, shape));
        }
        for (at, (outcome, (_, growing))) in way.outcomes.iter().zip(&self.steps[step.index()].outcomes).enumerate() {
            if let (Effect::Value { read, shape, .. }, GrowingOutcome::Value(values)) = (&outcome.effect, growing) {
                captures.push((Some(at), *values, read, *shape));
            }
        }
        for (outcome, values, read, shape) in captures {
            let [only] = self.graph.shape(shape).variants.as_slice() else {
                return Err(self.unsupported("a status must mean one type"));
            };
            if let (Some(known), Some(outcome)) = (types.iter().position(|ty| *ty == only.ty), outcome) {
                // Answers of one type are read in the same way. Composition has checked this.
                self.steps[step.index()].outcomes[outcome].1 = GrowingOutcome::Value(captured[known]);
                continue;
            }
            types.push(only.ty);
            captured.push(values);
            let object = self.object_at(values, root, read)?;
            let at = variant(types.len() - 1);
            self.build.objects[object.index()].tags.push(Tag { slot: tag, variant: at });
            self.plan_variant(object, When { tag, variant: Some(at) }, Held { shape, variant: 0 }, want)?;
        }
        Ok(FoundValue::Object { tag: Some(tag), variants: types })
    }

    /// Gives the place at which a lookup's answer has the entity.
    pub(super) fn lookup_place(&mut self, step: StepId) -> Result<Place, PlanError> {
        if let Some(place) = &self.steps[step.index()].lookup {
            return Ok(place.clone());
        }
        let way = self.graph.way(self.steps[step.index()].key.way);
        let Some(shape) = way.answer.shape else {
            return Err(self.unsupported("a lookup without a shape"));
        };
        let (values, root) = (self.steps[step.index()].values, self.steps[step.index()].root);
        let object = if self.speaks_graphql(step) {
            self.build.object_in(values, root)
        } else {
            self.object_at(values, root, &way.answer.read)?
        };
        let tag = self.build.new_slot(root);
        self.build.objects[object.index()].tags.push(Tag { slot: tag, variant: 0 });
        let ty = self.graph.shape(shape).variants[0].ty;
        let place = Place {
            step: Some(step),
            frame: root,
            when: Some(When { tag, variant: None }),
            object: Some(object),
            shape: Some(Held { shape, variant: 0 }),
            ty,
        };
        self.steps[step.index()].lookup = Some(place.clone());
        Ok(place)
    }

    /// Gives the object to which a path of properties leads.
    fn object_at(&mut self, values: ValuesId, frame: FrameId, read: &Read) -> Result<ObjectId, PlanError> {
        let path = properties_of(read).ok_or_else(|| self.unsupported("an entity must be an object of the answer"))?;
        let mut object = self.build.object_in(values, frame);
        for property in &path {
            let inner = self.build.property_in(object, property, None);
            object = self.build.object_in(inner, frame);
        }
        Ok(object)
    }
}
