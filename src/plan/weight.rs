//! The memory, in bytes, that plans hold.

use super::deferred::{DeferPlan, UsagePlan};
use super::ids::{FrameId, SlotId, StepId};
use super::model::{
    AbstractCapture, Access, Capture, Feed, Found, FoundValue, HopPlan, Join, LeafRead, LeafSource, Member,
    ObjectCapture, OutFieldPlan, OutKindPlan, OutObjectPlan, OutVariantPlan, OutcomePlan, OutputPlan, Plan, Step,
    SubgraphDocument, Tag, TypedLeaf,
};
use crate::compose::{Input, Method, TypeId};
use crate::contract::StatusPattern;
use crate::heap::{HeapSize, heap_size, no_heap};
use crate::operation::{DeferredObject, Leaf, OutId, OutType, UsageId};

impl Plan {
    /// The memory that it holds, itself included, in bytes.
    #[must_use]
    pub fn weight(&self) -> usize {
        size_of::<Self>() + self.heap_size()
    }
}

no_heap!(FrameId, Join, OutId, SlotId, StatusPattern, StepId, Tag, TypeId, UsageId);
heap_size! {
    Plan { frames, steps, output, deferred }
    // The graph shares the name of the endpoint.
    Step { arguments, feeds, after, frames, answer, outcomes, fieldset, document, leaves }
    TypedLeaf { then, ty }
    Feed { inputs }
    Access { joins, leaf }
    LeafRead { source, then, or }
    ObjectCapture { tags, properties }
    AbstractCapture { discriminator, then, cases, variants }
    SubgraphDocument { text, variables, representation }
    Member { path, ty }
    OutputPlan { objects, nodes, non_null, authenticated }
    OutObjectPlan { variants }
    OutVariantPlan { fields }
    OutFieldPlan { key, response_name, coordinate, kind }
    HopPlan { nodes }
    Found { joins, value }
    DeferPlan { initial, usages, objects }
    UsagePlan { label, steps }
    DeferredObject<OutFieldPlan> { starts, groups }
}

impl HeapSize for OutcomePlan {
    fn heap_size(&self) -> usize {
        match self {
            Self::Null => 0,
            Self::Value(capture) => capture.heap_size(),
            Self::Code(code) => code.heap_size(),
        }
    }
}

impl HeapSize for LeafSource {
    fn heap_size(&self) -> usize {
        match self {
            Self::Slot(_) => 0,
            Self::Constant(text) => text.heap_size(),
            Self::Input(_, input) => input.heap_size(),
        }
    }
}

impl HeapSize for Input {
    fn heap_size(&self) -> usize {
        match self {
            Self::Literal(value) => value.heap_size(),
            Self::Argument(path) | Self::Claim(path) | Self::Config(path) => path.heap_size(),
            Self::Parent(_) | Self::BatchSize => 0,
            Self::Object(members) => members.heap_size(),
            Self::List(items) => items.heap_size(),
            Self::OrElse(first, other) => first.heap_size() + other.heap_size(),
            Self::Number(inner) | Self::Text(inner) => inner.heap_size(),
        }
    }
}

impl HeapSize for Method {
    fn heap_size(&self) -> usize {
        match self {
            Self::First | Self::Last | Self::Size | Self::Not => 0,
            Self::Eq(value) => value.heap_size(),
            Self::Match(pairs) => pairs.heap_size(),
        }
    }
}

impl HeapSize for Capture {
    fn heap_size(&self) -> usize {
        match self {
            Self::Leaf(_) => 0,
            Self::Object(object) => object.heap_size(),
            Self::List { item, .. } | Self::Items { item, .. } | Self::Index { item, .. } => item.heap_size(),
            Self::Abstract(of) => of.heap_size(),
            Self::Many(all) => all.heap_size(),
        }
    }
}

impl HeapSize for OutKindPlan {
    fn heap_size(&self) -> usize {
        match self {
            Self::Typename(name) => name.heap_size(),
            Self::Introspection => 0,
            Self::Refused { argument, .. } => argument.heap_size(),
            Self::Value { path, ty, default } => path.heap_size() + ty.heap_size() + default.heap_size(),
        }
    }
}

impl HeapSize for OutType {
    fn heap_size(&self) -> usize {
        match self {
            Self::List { of, .. } => of.heap_size(),
            // The view shares the values of the enum.
            Self::Leaf { leaf: Leaf::Custom(name), .. } => name.heap_size(),
            Self::Object { .. } | Self::Leaf { .. } => 0,
        }
    }
}

impl HeapSize for FoundValue {
    fn heap_size(&self) -> usize {
        match self {
            Self::Leaf(read) | Self::Leaves { read, .. } => read.heap_size(),
            Self::Object { variants, .. } => variants.heap_size(),
            Self::List { item, .. } => item.heap_size(),
            Self::Nothing => 0,
        }
    }
}
