//! A plan: steps and their dependencies, and where each piece of the answer is then found.
//!
//! Data lives in *frames*: tables with one row per object that a list can repeat. Objects nested in one another without
//! a list share a row. A row has *slots*: leaves, tags of objects, lists of rows of another frame, and *joins*: the row of
//! another step's root frame that holds more of the same object.

use super::deferred::DeferPlan;
use crate::compose::{FieldId, Input, Method, SourceId, TypeId, WayId};
use crate::contract::StatusPattern;
use crate::operation::{OperationKind, Others, OutId, OutType, Site, Value};
use std::sync::Arc;

/// A frame, as an index into [`Plan::frames`].
pub type FrameId = u32;
/// A slot of a frame's rows.
pub type SlotId = u32;
/// A step, as an index into [`Plan::steps`].
pub type StepId = u32;

/// The frame whose only row is the operation's root.
pub const ROOT_FRAME: FrameId = 0;

/// A lowered operation's steps, and how its answer is written.
#[derive(Debug)]
pub struct Plan {
    /// Kind of the operation.
    pub kind: OperationKind,
    /// Slots per row, by [`FrameId`].
    pub frames: Vec<u32>,
    /// Indexed by [`StepId`].
    pub steps: Vec<Step>,
    /// The longest chain of steps that wait for each other.
    pub rounds: u32,
    /// Most calls, or `None`: unbounded.
    pub calls: Option<u64>,
    /// Most values in the answer: leaves, and items of lists. `None`: unbounded.
    pub values: Option<u64>,
    /// A field of the graph that holds a list without a size, if the values are unbounded.
    pub open_list: Option<FieldId>,
    /// The answer.
    pub output: OutputPlan,
    /// What of it may come later (`@defer`).
    pub deferred: Option<DeferPlan>,
}

/// One way in, made use of: it makes calls.
#[derive(Debug, Clone)]
pub struct Step {
    /// What is called.
    pub way: WayId,
    /// Who answers.
    pub source: SourceId,
    /// For messages and metrics.
    pub endpoint: Arc<str>,
    /// `$args`.
    pub arguments: Vec<(String, Value)>,
    /// Where its keys come from.
    pub feeds: Vec<Feed>,
    /// Steps whose answers it needs, or must come after.
    pub after: Vec<StepId>,
    /// One row per key (or per call, when unbatched); joins point into it.
    pub root: FrameId,
    /// Every frame that its projection fills.
    pub frames: Vec<FrameId>,
    /// What its parent's values become.
    pub pairing: PairingPlan,
    /// How a success is read.
    pub answer: Capture,
    /// What other statuses mean; first match wins.
    pub outcomes: Vec<(StatusPattern, OutcomePlan)>,
    /// The sparse fieldset, sorted; empty: not sent.
    pub fieldset: Vec<String>,
    /// For GraphQL sources.
    pub document: Option<SubgraphDocument>,
    /// Longest chain of steps that ends here, from 1.
    pub round: u32,
    /// Most keys; `None`: unbounded.
    pub keys: Option<u64>,
    /// Most calls to services; of code in this process: those that it makes. `None`: unbounded.
    pub calls: Option<u64>,
    /// Mutations: which root field it belongs to; later groups wait for earlier ones.
    pub group: u32,
    /// Must the caller be known?
    pub authenticated: bool,
    /// The leaves that the answer is to be written from, with their types in the graph: an answer in which one does not
    /// fit is not kept. None of a write.
    pub leaves: Vec<TypedLeaf>,
}

/// A captured leaf and its type in the graph.
#[derive(Debug, Clone)]
pub struct TypedLeaf {
    /// Whose rows hold it.
    pub frame: FrameId,
    /// In which slot.
    pub slot: SlotId,
    /// What is done to it before it has its type.
    pub then: Vec<Method>,
    /// Its type.
    pub ty: OutType,
}

/// How answers find their parents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PairingPlan {
    /// One call per distinct input.
    Single,
    /// By position in the list of keys.
    Position,
    /// By a key of the item, which is captured in this slot of the root frame.
    Index {
        /// Slot of the key.
        key: SlotId,
    },
    /// By a key of the item: all items of one key are the list in slot `list` of the root frame's row.
    Group {
        /// Frame of the items.
        items: FrameId,
        /// Slot of the key, in the items' frame.
        key: SlotId,
        /// Slot of the list, in the root frame.
        list: SlotId,
        /// Longest list.
        bound: Option<u64>,
    },
}

/// What a status other than success means.
#[derive(Debug, Clone)]
pub enum OutcomePlan {
    /// Null.
    Null,
    /// A value.
    Value(Capture),
    /// An error with this code.
    Code(String),
}

/// Rows that need a step: those of `frame` whose tag says that the object is there.
#[derive(Debug, Clone)]
pub struct Feed {
    /// Whose rows.
    pub frame: FrameId,
    /// The object's tag, and its variant when the place is abstract. `None`: every row.
    pub when: Option<(SlotId, Option<u32>)>,
    /// Values of [`crate::compose::Way::inputs`], then those of `requires`, in the order of [`SubgraphDocument::representation`].
    pub inputs: Vec<Access>,
    /// Where the found row goes.
    pub join: SlotId,
}

/// Where a leaf is, from a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Access {
    /// Joins to follow first.
    pub joins: Vec<Join>,
    /// Then this.
    pub leaf: LeafRead,
}

/// A step to a row of another frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Join {
    /// The slot that holds the row.
    pub slot: SlotId,
    /// Its frame.
    pub frame: FrameId,
}

/// A leaf's value.
#[derive(Debug, Clone, PartialEq)]
pub struct LeafRead {
    /// Where it starts.
    pub source: LeafSource,
    /// What is done to it.
    pub then: Vec<Method>,
    /// `??`.
    pub or: Option<Box<LeafRead>>,
}

/// Where a leaf's value starts.
#[derive(Debug, Clone, PartialEq)]
pub enum LeafSource {
    /// Captured.
    Slot(SlotId),
    /// Fixed, as JSON text.
    Constant(String),
    /// An input of a step, the same for the whole step.
    Input(StepId, Input),
}

/// What to keep of a JSON value; everything else is skipped.
#[derive(Debug, Clone)]
pub enum Capture {
    /// The value's text goes into a slot.
    Leaf(SlotId),
    /// An object.
    Object(Box<ObjectCapture>),
    /// An array whose items become rows of a frame.
    List {
        /// Gets the rows.
        slot: SlotId,
        /// Of the items.
        frame: FrameId,
        /// What to keep of each.
        item: Box<Capture>,
        /// Longest allowed.
        bound: Option<u64>,
    },
    /// The array of a batched answer: its items become rows of a frame and are paired with keys.
    Items {
        /// Of the items.
        frame: FrameId,
        /// What to keep of each.
        item: Box<Capture>,
    },
    /// One item of an array.
    Index {
        /// Which.
        index: u32,
        /// What to keep of it.
        item: Box<Capture>,
    },
    /// An object whose concrete type must be known first.
    Abstract(Box<AbstractCapture>),
    /// Several of these for one value.
    Many(Vec<Capture>),
}

/// What to keep of an object.
#[derive(Debug, Clone, Default)]
pub struct ObjectCapture {
    /// Slots that are set when the object is there, and the variant they are set to.
    pub tags: Vec<(SlotId, u32)>,
    /// By property name.
    pub properties: Vec<(Box<str>, Capture)>,
}

/// What to keep of an object of abstract type.
#[derive(Debug, Clone)]
pub struct AbstractCapture {
    /// Gets the error when the discriminator's value is not known, and null.
    pub tag: SlotId,
    /// Properties that lead to the discriminator.
    pub discriminator: Vec<String>,
    /// What is done to it.
    pub then: Vec<Method>,
    /// Its values: text to variant.
    pub cases: Vec<(String, u32)>,
    /// What to keep of each variant.
    pub variants: Vec<ObjectCapture>,
}

/// The text sent to a GraphQL source.
#[derive(Debug, Clone)]
pub struct SubgraphDocument {
    /// The document.
    pub text: Arc<str>,
    /// Variables for arguments: name and value.
    pub variables: Vec<(String, Value)>,
    /// `_entities`: the type, and the representation's members; [`Feed::inputs`] has their values.
    pub representation: Option<(String, Vec<Member>)>,
    /// Root fields: set to an object if the answer has data.
    pub data: Option<SlotId>,
}

/// A leaf of a representation; or an object of it that may be null: then its token only tells whether it is there.
#[derive(Debug, Clone)]
pub struct Member {
    /// Names of fields, such as `price`, `amount`.
    pub path: Vec<String>,
    /// How much of the path becomes null with the leaf, by the graph's types (GraphQL §6.4.4): up to the last of its
    /// fields that may be null. `None`: none may.
    pub nullable: Option<usize>,
    /// Its type in the graph.
    pub ty: OutType,
}

/// How the answer is written.
#[derive(Debug)]
pub struct OutputPlan {
    /// Indexed by [`crate::operation::OutId`].
    pub objects: Vec<OutObjectPlan>,
    /// The root.
    pub root: u32,
    /// How each node is found; indexed by [`crate::operation::NodeId`].
    pub nodes: Vec<Found>,
    /// By node: where the graph's type allows no null, one bit for each level of lists; the lowest bit is the value itself,
    /// the next one its items.
    pub non_null: Vec<u32>,
    /// By node: must the caller be known (`@authenticated` on the graph's field)?
    pub authenticated: Vec<bool>,
    /// Concrete types in the answer of which a caller who is not known gets no object, however it is reached.
    pub guarded: Vec<TypeId>,
}

impl OutputPlan {
    /// Does the answer depend on whether the caller is known?
    #[must_use]
    pub fn asks_identity(&self) -> bool {
        self.authenticated.contains(&true) || !self.guarded.is_empty()
    }
}

/// A client object.
#[derive(Debug)]
pub struct OutObjectPlan {
    /// By concrete graph type.
    pub variants: Vec<OutVariantPlan>,
    /// What other concrete types become.
    pub others: Others,
}

/// A client object of one concrete graph type.
#[derive(Debug)]
pub struct OutVariantPlan {
    /// The concrete graph type.
    pub ty: TypeId,
    /// How many of its entries are leaves, or lists of leaves.
    pub leaves: u32,
    /// In the order of the answer.
    pub fields: Vec<OutFieldPlan>,
}

/// An entry of the answer.
#[derive(Debug)]
pub struct OutFieldPlan {
    /// `"name":`, JSON-escaped.
    pub key: Box<str>,
    /// For error paths.
    pub response_name: Box<str>,
    /// For messages.
    pub coordinate: Box<str>,
    /// For errors: where it stands in the client's document.
    pub site: Option<Site>,
    /// What it holds.
    pub kind: OutKindPlan,
}

impl OutFieldPlan {
    /// Whether it absorbs what fails below it.
    #[must_use]
    pub fn is_nullable(&self) -> bool {
        match &self.kind {
            OutKindPlan::Typename(_) | OutKindPlan::Introspection => true,
            OutKindPlan::Refused { nullable, .. } => *nullable,
            OutKindPlan::Value { ty, default, .. } => default.is_some() || ty.is_nullable(),
        }
    }
}

/// What an entry holds.
#[derive(Debug)]
pub enum OutKindPlan {
    /// JSON text, the client type's name.
    Typename(Box<str>),
    /// Taken from the introspection's answer.
    Introspection,
    /// An error: this argument does not take null.
    Refused {
        /// The argument.
        argument: Box<str>,
        /// May the entry be null?
        nullable: bool,
    },
    /// A value.
    Value {
        /// Steps through the graph.
        path: Vec<HopPlan>,
        /// The client's type.
        ty: OutType,
        /// When null.
        default: Option<String>,
    },
}

impl OutFieldPlan {
    /// The client object that it holds, or holds a list of; `None`: it holds leaves.
    #[must_use]
    pub fn object(&self) -> Option<OutId> {
        let OutKindPlan::Value { ty, .. } = &self.kind else { return None };
        let mut ty = ty;
        while let OutType::List { of, .. } = ty {
            ty = of;
        }
        match ty {
            OutType::Object { id, .. } => Some(*id),
            _ => None,
        }
    }
}

/// One step of a path.
#[derive(Debug)]
pub struct HopPlan {
    /// By concrete type: index into [`OutputPlan::nodes`].
    pub nodes: Vec<(TypeId, u32)>,
    /// `[n]`.
    pub index: Option<u32>,
}

/// Where a node's value is, from the row of the object that it belongs to.
#[derive(Debug, Clone)]
pub struct Found {
    /// Joins to follow first.
    pub joins: Vec<Join>,
    /// What is there.
    pub value: FoundValue,
}

/// What is at a place.
#[derive(Debug, Clone)]
pub enum FoundValue {
    /// A leaf.
    Leaf(LeafRead),
    /// A list of leaves in one JSON array.
    Leaves {
        /// The array.
        read: LeafRead,
        /// Items that the plan's bound counts; `None`: any number.
        size: Option<u64>,
        /// Most items; more are an error at the list. `None`: any number.
        most: Option<u64>,
    },
    /// An object in this row.
    Object {
        /// Its tag; `None`: it is there if the row is.
        tag: Option<SlotId>,
        /// Concrete types, by the tag's variant.
        variants: Vec<TypeId>,
    },
    /// A list of rows.
    List {
        /// Holds the rows.
        slot: SlotId,
        /// Their frame.
        frame: FrameId,
        /// What is in each row.
        item: Box<FoundValue>,
    },
    /// Nothing can be there (a variant that never occurs).
    Nothing,
}
