//! Steps and what feeds them.
//!
//! Always true:
//! - equal uses of a way in are one step, fed from several places;
//! - a step never waits for itself: what needs its answer gets a further step.

use super::build::{ObjectId, ValuesId};
use super::capture::At;
use super::choose::required;
use super::error::PlanError;
use super::model::{Access, Feed, FrameId, Join, LeafRead, LeafSource, PairingPlan, SlotId, StepId};
use super::planner::{GrowingOutcome, GrowingStep, Place, Planner, StepKey, leaf, most, step_id};
use crate::compose::{Call, Effect, FieldId, From, JsonPath, KeyPath, Pairing, Read, Segment};
use std::collections::BTreeSet;

/// Most steps of one plan.
const MAX_STEPS: usize = 256;

impl Planner<'_> {
    /// Feeds a step from a place: an equal one that does not wait for the place, else a new one.
    pub(super) fn join_step(&mut self, place: &Place, key: StepKey) -> Result<(StepId, Join), PlanError> {
        let way = self.graph.way(key.way);
        let mut inputs = Vec::new();
        let mut needs: BTreeSet<StepId> = place.step.into_iter().collect();
        for path in way.inputs.iter().chain(&key.requires) {
            let access = self.obtain(place, path, &mut needs)?;
            inputs.push(access);
        }
        let same = self.same_step(&key, place, &needs);
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
    ///
    /// A deferred part also takes another part's step that is fed from this place already: fewest calls. Not so a
    /// GraphQL service's: what it is asked for beside costs time of its own.
    pub(super) fn same_step(&self, key: &StepKey, place: &Place, needs: &BTreeSet<StepId>) -> Option<StepId> {
        let is_equal = |at: &usize| {
            let step = &self.steps[*at];
            if step.key.part == key.part {
                return step.key == *key;
            }
            let is_fed = |feed: &Feed| feed.frame == place.frame && feed.when == place.when;
            key.part != 0
                && StepKey { part: step.key.part, ..key.clone() } == step.key
                && !self.speaks_graphql(step_id(*at))
                && step.feeds.iter().any(is_fed)
        };
        let equal = (0..self.steps.len()).filter(is_equal).map(step_id);
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
                let bound = most(&way.answer.bound, &key.arguments);
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
}
