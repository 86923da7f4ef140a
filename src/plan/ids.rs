//! The ids of what is in a plan.

use crate::ids::ids;

ids! {
    /// A step, as an index into [`super::Plan::steps`].
    pub StepId
    /// A frame, as an index into [`super::Plan::frames`].
    pub FrameId
    /// A slot of a frame's rows.
    pub SlotId
}

/// The frame whose only row is the operation's root.
pub const ROOT_FRAME: FrameId = FrameId(0);
