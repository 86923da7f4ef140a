//! The end of planning: captures get their final form, bounds and rounds are counted, and the answer is linked to the
//! steps.

use super::build::{Builder, Growing};
use super::ids::{FrameId, ROOT_FRAME, StepId};
use super::model::{
    Capture, Found, FoundValue, HopPlan, ObjectCapture, OutFieldPlan, OutKindPlan, OutObjectPlan, OutVariantPlan,
    OutcomePlan, OutputPlan, PairingPlan, Plan, Step,
};
use super::planner::{GrowingOutcome, GrowingStep, Planner};
use super::refusal;
use super::values::{OpenList, most_values};
use crate::compose::{GraphQlCall, JsonPath, Segment, TypeId, TypeRef};
use crate::operation::{OutField, OutKind};

/// The most keys and calls of a step; `None`: unbounded.
#[derive(Debug, Clone, Copy)]
struct StepBounds {
    keys: Option<u64>,
    calls: Option<u64>,
}

impl Planner<'_> {
    /// Makes the finished plan.
    pub(super) fn finish_plan(mut self) -> Plan {
        let rounds = self.rounds();
        let bounds = self.bounds();
        let output = self.output();
        let deferred = self.deferred(&output.objects, &output.nodes);
        let frames = &self.build.frames;
        let size = |frame: FrameId| frames[frame.index()].list.and_then(|list| list.size);
        let values = most_values(&output, deferred.as_ref(), &size);
        let open_list = values.err().map(|OpenList(node)| self.operation.nodes[node.index()].field);
        let growing = std::mem::take(&mut self.steps);
        let mut frames = vec![Vec::new(); growing.len()];
        for (frame, growing) in self.build.frames.iter().enumerate() {
            if let Some(step) = growing.step {
                frames[step.index()].push(FrameId::at(frame));
            }
        }
        let mut steps = Vec::with_capacity(growing.len());
        for ((at, step), frames) in growing.into_iter().enumerate().zip(frames) {
            steps.push(self.finish_step(step, rounds[at], bounds[at], frames));
        }
        refusal::mark(self.operation.kind, &mut steps, &output, deferred.as_ref());
        let calls = steps.iter().map(|step| step.calls).try_fold(0u64, |sum, calls| Some(sum.saturating_add(calls?)));
        Plan {
            kind: self.operation.kind,
            frames: self.build.frames.iter().map(|frame| frame.width).collect(),
            rounds: rounds.into_iter().max().unwrap_or(0),
            calls,
            values: values.ok(),
            open_list,
            steps,
            output,
            deferred,
        }
    }

    fn finish_step(&self, growing: GrowingStep, round: u32, bounds: StepBounds, frames: Vec<FrameId>) -> Step {
        let StepBounds { keys, calls } = bounds;
        let way = self.graph.way(growing.key.way);
        let document = self.document(&growing);
        let endpoint = self.endpoint(&growing).into();
        let fieldset = self.fieldset(growing.key.way, growing.values);
        let answer = whole_body(&self.build, &growing, way);
        let outcomes = growing.outcomes.iter().map(|(status, outcome)| {
            let plan = match outcome {
                GrowingOutcome::Null => OutcomePlan::Null,
                GrowingOutcome::Code(code) => OutcomePlan::Code(code.clone()),
                GrowingOutcome::Value(values) => OutcomePlan::Value(self.build.finish(*values)),
            };
            (*status, plan)
        });
        Step {
            way: growing.key.way,
            source: way.source,
            endpoint,
            outcomes: outcomes.collect(),
            frames,
            arguments: growing.key.arguments,
            feeds: growing.feeds,
            after: growing.after.into_iter().collect(),
            root: growing.root,
            pairing: growing.pairing,
            answer,
            fieldset,
            document,
            round,
            keys,
            calls,
            group: growing.key.group,
            authenticated: growing.key.authenticated,
            leaves: growing.leaves,
        }
    }

    /// The name of a step in messages. For a document with different root fields, it is `query`.
    fn endpoint(&self, step: &GrowingStep) -> &str {
        let way = self.graph.way(step.key.way);
        let Some(GraphQlCall::Root(_)) = way.call.graphql() else { return &way.endpoint };
        let mut names = self.build.values[step.values.index()].iter().filter_map(|value| match value {
            Growing::Object(object) => Some(&self.build.objects[object.index()].properties),
            _ => None,
        });
        let mut names = names.next().into_iter().flatten().filter_map(|property| property.field.as_ref());
        match names.next() {
            Some(first) if names.all(|field| field.name == first.name) => &first.name,
            _ => "query",
        }
    }

    /// Gives the length of the longest chain that ends at each step, from 1.
    fn rounds(&self) -> Vec<u32> {
        let mut rounds = vec![0; self.steps.len()];
        for at in 0..self.steps.len() {
            self.round_of(StepId::at(at), &mut rounds);
        }
        rounds
    }

    fn round_of(&self, step: StepId, rounds: &mut [u32]) -> u32 {
        if rounds[step.index()] == 0 {
            let before = self.steps[step.index()].after.iter().map(|&before| self.round_of(before, rounds)).max();
            rounds[step.index()] = before.unwrap_or(0) + 1;
        }
        rounds[step.index()]
    }

    /// Gives the greatest numbers of keys and of calls of each step; `None` if a number is unbounded. A step has at
    /// most as many keys as the rows that feed it.
    fn bounds(&self) -> Vec<StepBounds> {
        let mut known: Vec<Option<Option<u64>>> = vec![None; self.steps.len()];
        let bounds = self.steps.iter().enumerate().map(|(at, step)| {
            let keys = self.keys_of(StepId::at(at), &mut known);
            let way = self.graph.way(step.key.way);
            let size = way.batch.as_ref().map_or(1, |batch| u64::from(batch.max_size.max(1)));
            let each = self.graph.source(way.source).kind.calls_per_request();
            let calls = if each == 0 { Some(0) } else { keys.map(|keys| keys.div_ceil(size).saturating_mul(each)) };
            StepBounds { keys, calls }
        });
        bounds.collect()
    }

    fn keys_of(&self, step: StepId, known: &mut Vec<Option<Option<u64>>>) -> Option<u64> {
        if let Some(keys) = known[step.index()] {
            return keys;
        }
        let feeds = self.steps[step.index()].feeds.iter();
        let keys = feeds
            .map(|feed| self.rows_of(feed.frame, known))
            .try_fold(0u64, |sum, rows| Some(sum.saturating_add(rows?)));
        known[step.index()] = Some(keys);
        keys
    }

    fn rows_of(&self, frame: FrameId, known: &mut Vec<Option<Option<u64>>>) -> Option<u64> {
        if frame == ROOT_FRAME {
            return Some(1);
        }
        let growing = &self.build.frames[frame.index()];
        match (growing.list, growing.step) {
            (Some(list), _) => Some(self.rows_of(list.frame, known)?.saturating_mul(list.size?)),
            (None, Some(step)) => self.keys_of(step, known),
            (None, None) => Some(1),
        }
    }

    fn output(&mut self) -> OutputPlan {
        let nodes = self
            .found
            .iter_mut()
            .map(|found| found.take().unwrap_or(Found { joins: Vec::new(), value: FoundValue::Nothing }));
        let nodes = nodes.collect();
        let objects = self.operation.outputs.iter().map(|object| OutObjectPlan {
            variants: object
                .variants
                .iter()
                .map(|variant| out_variant(variant.ty, out_fields(&variant.name, &variant.fields)))
                .collect(),
            others: object.others,
        });
        let authenticated = self.operation.nodes.iter().map(|node| self.graph.field(node.field).authenticated);
        let authenticated = authenticated.collect();
        let objects: Vec<OutObjectPlan> = objects.collect();
        let variants = objects.iter().flat_map(|object| &object.variants).map(|variant| variant.ty);
        let mut guarded: Vec<_> = variants.filter(|ty| self.graph.ty(*ty).authenticated).collect();
        guarded.sort_unstable();
        guarded.dedup();
        let non_null = self.operation.nodes.iter().map(|node| non_null(&self.graph.field(node.field).ty)).collect();
        OutputPlan { objects, root: self.operation.output, nodes, non_null, authenticated, guarded }
    }
}

/// Packs the nullability of a type as in [`OutputPlan::non_null`].
fn non_null(ty: &TypeRef) -> u32 {
    match ty {
        TypeRef::Named { nullable, .. } => u32::from(!nullable),
        TypeRef::List { of, nullable } => non_null(of) << 1 | u32::from(!nullable),
    }
}

fn out_variant(ty: TypeId, fields: Vec<OutFieldPlan>) -> OutVariantPlan {
    let leaves = fields.iter().filter(|field| field.object().is_none()).count();
    OutVariantPlan { ty, leaves: u32::try_from(leaves).unwrap_or(u32::MAX), fields }
}

/// Plans the entries of an object whose client type is `name`.
pub(super) fn out_fields(name: &str, fields: &[OutField]) -> Vec<OutFieldPlan> {
    let fields = fields.iter().map(|field| OutFieldPlan {
        key: format!("{}:", json_string(&field.response_name)).into(),
        response_name: field.response_name.as_str().into(),
        coordinate: field.coordinate.as_str().into(),
        site: field.site,
        kind: match &field.kind {
            OutKind::Typename => OutKindPlan::Typename(json_string(name).into()),
            OutKind::Introspection => OutKindPlan::Introspection,
            OutKind::Refused { argument, nullable, .. } => {
                OutKindPlan::Refused { argument: argument.as_str().into(), nullable: *nullable }
            }
            OutKind::Value { path, ty, default } => OutKindPlan::Value {
                path: path.iter().map(|hop| HopPlan { nodes: hop.nodes.clone(), index: hop.index }).collect(),
                ty: ty.clone(),
                default: default.clone(),
            },
        },
    });
    fields.collect()
}

fn json_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Captures the whole body of a step's answer.
fn whole_body(build: &Builder, step: &GrowingStep, way: &crate::compose::Way) -> Capture {
    let items = |frame| Capture::Items { frame, item: Box::new(build.finish(step.values)) };
    let answer = match step.pairing {
        PairingPlan::Single => build.finish(step.values),
        PairingPlan::Group { items: frame, .. } => at_path(&way.answer.items, items(frame)),
        PairingPlan::Index { .. } | PairingPlan::Position => at_path(&way.answer.items, items(step.root)),
    };
    way.call.envelope().iter().rev().fold(answer, |inner, name| property(name, inner))
}

fn at_path(path: &JsonPath, inner: Capture) -> Capture {
    path.0.iter().rev().fold(inner, |inner, segment| match segment {
        Segment::Property(name) => property(name, inner),
        Segment::Index(index) => Capture::Index { index: *index, item: Box::new(inner) },
        Segment::Each => inner,
    })
}

fn property(name: &str, inner: Capture) -> Capture {
    Capture::Object(Box::new(ObjectCapture { tags: Vec::new(), properties: vec![(name.into(), inner)] }))
}
