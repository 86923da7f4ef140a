//! Steps, and the places that feed them with keys.
//!
//! Always true:
//! - equal uses of a way become one step, which several places feed;
//! - a step never waits for itself: a place that needs the step's own answer feeds another step.

use super::build::{ObjectId, ParentList, ValuesId};
use super::capture::At;
use super::choose::required;
use super::error::PlanError;
use super::held::held_path;
use super::ids::{FrameId, ROOT_FRAME, SlotId, StepId};
use super::list_size::ListSize;
use super::model::{Access, Feed, Join, LeafRead, LeafSource, PairingPlan, Tag, When};
use super::planner::{GrowingOutcome, GrowingStep, Place, Planner, Rows, StepJoin, StepKey, leaf};
use super::search::Held;
use super::waits::MAX_STEPS;
use crate::compose::{Effect, FieldId, From, GraphQlCall, JsonPath, KeyPath, Pairing, Read, Segment, WayId};
use std::collections::{BTreeSet, HashMap};

/// A lookup at a place. Equal lookups at equal places become one feed of one step.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct PlaceKey {
    frame: FrameId,
    when: Option<When>,
    object: Option<ObjectId>,
    shape: Option<Held>,
    way: WayId,
    requires: Vec<KeyPath>,
    group: u32,
    part: u32,
}

impl PlaceKey {
    fn of(place: &Place, key: &StepKey) -> Self {
        let StepKey { way, requires, group, part, .. } = key;
        Self {
            frame: place.frame,
            when: place.when,
            object: place.object,
            shape: place.shape,
            way: *way,
            requires: requires.clone(),
            group: *group,
            part: *part,
        }
    }
}

impl Planner<'_> {
    /// Feeds the step of a lookup from a place. The place feeds each lookup once, however many inputs the lookup gives.
    pub(super) fn join_lookup(&mut self, place: &Place, key: StepKey) -> Result<StepJoin, PlanError> {
        self.work.spend(1)?;
        let at = PlaceKey::of(place, &key);
        if let Some(known) = self.looked_up.get(&at) {
            return Ok(*known);
        }
        let joined = self.join_step(place, key)?;
        self.looked_up.insert(at, joined);
        Ok(joined)
    }

    /// Feeds a step from a place: an equal step that does not wait for the place's own step, or else a new one.
    pub(super) fn join_step(&mut self, place: &Place, key: StepKey) -> Result<StepJoin, PlanError> {
        let way = self.graph.way(key.way);
        let mut inputs = Vec::new();
        let mut needs: BTreeSet<StepId> = place.step.into_iter().collect();
        for path in way.inputs.iter().chain(&key.requires) {
            let access = self.obtain(place, path, &mut needs)?;
            inputs.push(access);
        }
        let same = self.same_step(&key, place, &needs)?;
        let step = match same {
            Some(step) => step,
            None => self.new_step(key)?,
        };
        let growing = &self.steps[step.index()];
        let root = growing.root;
        let rows = Rows { frame: place.frame, when: place.when };
        let fed = growing.fed.get(&rows).into_iter().flatten().map(|&feed| &growing.feeds[feed]);
        if let Some(feed) = fed.into_iter().find(|feed| feed.inputs == inputs) {
            return Ok(StepJoin { step, join: Join { slot: feed.join, frame: root } });
        }
        let join = self.build.new_slot(place.frame);
        let is_repeated = self.is_repeated(place.frame);
        let growing = &mut self.steps[step.index()];
        growing.fed.entry(rows).or_default().push(growing.feeds.len());
        growing.feeds.push(Feed { frame: place.frame, when: place.when, inputs, join });
        for need in needs {
            if growing.after.insert(need) {
                self.waits.add(step, need);
            }
        }
        if is_repeated {
            self.repeat(step);
        }
        Ok(StepJoin { step, join: Join { slot: join, frame: root } })
    }

    /// Finds a planned step with this key for which none of `needs` waits.
    ///
    /// To save calls, a deferred part also uses the step of another part if this place feeds that step already. A step
    /// of a GraphQL service is not used in this way, because asking for more fields would make that step's answer
    /// slower.
    pub(super) fn same_step(
        &mut self,
        key: &StepKey,
        place: &Place,
        needs: &BTreeSet<StepId>,
    ) -> Result<Option<StepId>, PlanError> {
        let Some(of_way) = self.steps_of.get(&key.way) else { return Ok(None) };
        self.work.spend(of_way.len())?;
        let is_equal = |at: StepId| {
            let step = &self.steps[at.index()];
            if step.key.part == key.part {
                return step.key == *key;
            }
            key.part != 0
                && StepKey { part: step.key.part, ..key.clone() } == step.key
                && !self.speaks_graphql(at)
                && step.fed.contains_key(&Rows { frame: place.frame, when: place.when })
        };
        let is_free = |step: StepId| !needs.iter().any(|&need| self.waits.waits_for(need, step));
        Ok(of_way.iter().copied().find(|&step| is_equal(step) && is_free(step)))
    }

    /// Whether a frame can have several rows.
    pub(super) fn is_repeated(&self, frame: FrameId) -> bool {
        let growing = &self.build.frames[frame.index()];
        frame != ROOT_FRAME
            && (growing.list.is_some() || growing.step.is_some_and(|step| self.steps[step.index()].is_repeated))
    }

    /// Marks a step as one that can be asked for several keys, and all steps that its rows feed.
    fn repeat(&mut self, step: StepId) {
        let mut open = vec![step];
        while let Some(step) = open.pop() {
            if std::mem::replace(&mut self.steps[step.index()].is_repeated, true) {
                continue;
            }
            let root = self.steps[step.index()].root;
            let fed = self
                .steps
                .iter()
                .enumerate()
                .filter(|(_, other)| !other.is_repeated && other.feeds.iter().any(|feed| feed.frame == root));
            open.extend(fed.map(|(at, _)| StepId::at(at)));
        }
    }

    fn new_step(&mut self, key: StepKey) -> Result<StepId, PlanError> {
        if self.steps.len() >= MAX_STEPS {
            return Err(PlanError::TooManySteps { limit: MAX_STEPS });
        }
        let way = self.graph.way(key.way);
        let step = StepId::at(self.steps.len());
        let root = self.build.new_frame(Some(step), None);
        let values = self.build.new_values();
        let pairing = match way.batch.as_ref().map(|batch| &batch.pairing) {
            None => PairingPlan::Single,
            Some(Pairing::Position) => PairingPlan::Position,
            Some(Pairing::Index(path)) => PairingPlan::Index { key: self.key_slot(values, root, path)? },
            Some(Pairing::Group(path)) => {
                let list = self.build.new_slot(root);
                let size = ListSize::of(&way.answer.bound, &key.arguments);
                let items = self.build.new_frame(Some(step), Some(ParentList { frame: root, size: size.counted }));
                PairingPlan::Group { items, key: self.key_slot(values, items, path)?, list, bound: size.most }
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
        let data = matches!(way.call.graphql(), Some(GraphQlCall::Root(_))).then(|| {
            let object = self.build.object_in(values, root);
            let slot = self.build.new_slot(root);
            self.build.objects[object.index()].tags.push(Tag { slot, variant: 0 });
            slot
        });
        self.steps_of.entry(key.way).or_default().push(step);
        self.waits.push();
        self.steps.push(GrowingStep {
            key,
            feeds: Vec::new(),
            fed: HashMap::new(),
            is_repeated: false,
            after: BTreeSet::new(),
            root,
            values,
            pairing,
            outcomes,
            lookup: None,
            data,
            leaves: Vec::new(),
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

    /// Finds the value of an input: in the answers that the place has, or at the end of the shortest chain of lookups.
    fn obtain(&mut self, place: &Place, path: &KeyPath, needs: &mut BTreeSet<StepId>) -> Result<Access, PlanError> {
        if let Some((read, last)) = held_path(self.graph, place.shape, path) {
            let object = place.object.ok_or_else(|| self.unsupported("an input of the root"))?;
            let fields = match place.step.filter(|&step| self.speaks_graphql(step)) {
                Some(_) => path.0.as_slice(),
                None => &[],
            };
            let leaf = match self.graph.is_composite(self.graph.field(last).ty.named()) {
                true => self.input_presence(object, place.frame, &read, fields)?,
                false => self.input_leaf(object, place.frame, &read, fields)?,
            };
            return Ok(Access { joins: Vec::new(), leaf });
        }
        let chains = self.search.chains(self.graph, place.ty, place.shape, &mut self.work)?;
        let Some(way) = chains.of(path).and_then(|chain| chain.last) else {
            let field = path.0.last().copied();
            return Err(self.no_way(field, vec!["its input is not there, and no lookup gives it".to_owned()]));
        };
        let requires = required(self.graph.way(way), path).to_vec();
        let StepJoin { step, join } = self.join_lookup(place, self.lookup_key(way, requires))?;
        needs.insert(step);
        let there = self.lookup_place(step)?;
        let mut access = self.obtain(&there, path, needs)?;
        access.joins.insert(0, join);
        Ok(access)
    }

    /// Captures the leaf of an input. For a GraphQL source, `fields` has the field that each property of the path
    /// stands for.
    fn input_leaf(
        &mut self,
        object: ObjectId,
        frame: FrameId,
        read: &Read,
        fields: &[FieldId],
    ) -> Result<LeafRead, PlanError> {
        let mut result = match &read.from {
            From::Json(path) => {
                let At::Values(values) = self.input_at(object, frame, path, fields)? else {
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

    /// Captures whether an object is there.
    fn input_presence(
        &mut self,
        object: ObjectId,
        frame: FrameId,
        read: &Read,
        fields: &[FieldId],
    ) -> Result<LeafRead, PlanError> {
        let From::Json(path) = &read.from else {
            return Err(self.unsupported("an object must be read from the answer"));
        };
        let object = match self.input_at(object, frame, path, fields)? {
            At::Object(object) => object,
            At::Values(values) => self.build.object_in(values, frame),
        };
        Ok(leaf(LeafSource::Slot(self.build.presence_of(object))))
    }

    /// Gives the place to which the captures of an input are added.
    fn input_at(
        &mut self,
        object: ObjectId,
        frame: FrameId,
        JsonPath(path): &JsonPath,
        fields: &[FieldId],
    ) -> Result<At, PlanError> {
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
        Ok(at)
    }
}
