//! Running a plan whose answer is delivered in parts (`@defer`): a fragment is sent when the steps that it is read from
//! have ended.
//!
//! In: a [`Run`] whose plan has deferred parts. Out: [`Part`]s, the initial answer first.
//! Elsewhere: the form of parts in JSON ([`super::wording`]); transports ([`crate::http`]).
//!
//! Always true:
//! - a fragment inside another is announced when the outer one is delivered, and never if the outer one failed;
//! - a field is delivered once, however many fragments it belongs to;
//! - an answer that would leave out too many pieces is delivered whole.

use super::cause::Causes;
use super::run::{Run, State};
use super::wording::{CompletedPart, DeferredPart, DeliveredFields, Part};
use super::write::{Left, PathStep, Piece, PieceWritten, WriteCost, Writer, WrittenAnswer};
use crate::compose::Input;
use crate::plan::{DeferPlan, StepId};
use std::borrow::Cow;
use std::pin::pin;
use tokio::sync::mpsc;

/// Runs a plan and sends the parts of its answer. Ends early when the receiver is dropped. Dropping the future cancels
/// the calls.
pub async fn run_in_parts(run: Run<'_>, parts: mpsc::Sender<Part>) {
    let mut state = State::new(&run);
    state.begin().await;
    let mut deadline = pin!(tokio::time::sleep_until(run.deadline.into()));
    let Some(plan) = &run.plan.deferred else {
        while state.advance(deadline.as_mut()).await {}
        let _ = parts.send(Part::whole(state.ran().await)).await;
        return;
    };
    while !state.is_past(&plan.initial) {
        state.advance(deadline.as_mut()).await;
    }
    let mut left = Left::new(plan.usages.len());
    let (mut written, mut spent) = state.write_leaving(&mut left).await;
    if left.is_too_much() {
        while state.advance(deadline.as_mut()).await {}
        left = Left::new(plan.usages.len());
        left.is_inline = true;
        (written, spent) = state.write_leaving(&mut left).await;
    }
    let mut delivery = Delivery { plan, left, spent, pieces: Vec::new(), open: Vec::new(), announced: 0 };
    let mut part =
        Part { initial: Some(written.body), errors: written.errors, error_codes: written.codes, ..Part::default() };
    delivery.announce(None, &mut part);
    loop {
        part.has_next = !delivery.open.is_empty();
        part.calls = std::mem::take(&mut state.calls);
        let is_last = !part.has_next;
        if parts.send(part).await.is_err() || is_last {
            return;
        }
        loop {
            while !delivery.is_ready(&state) {
                state.advance(deadline.as_mut()).await;
            }
            part = delivery.deliver(&mut state).await;
            // It is empty if the fragments that were ready would leave out too much; they wait for the rest.
            if !part.completed.is_empty() {
                break;
            }
        }
    }
}

/// The state of a piece.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fate {
    Waiting,
    Sent,
    /// The piece became null, with these errors, and so do all fragments that it belongs to.
    Failed(Vec<u8>),
}

/// A fragment that is announced and not yet delivered.
#[derive(Debug)]
struct Open {
    fragment: usize,
    id: usize,
    /// Whether the fragment would leave out too much. Then it is written whole when every step has ended.
    is_inline: bool,
}

impl State<'_> {
    /// Writes the answer without the deferred fields.
    async fn write_leaving(&mut self, left: &mut Left) -> (WrittenAnswer, WriteCost) {
        let run = self.run;
        let inputs = |step: StepId, input: &Input| run.input(step, input);
        let causes = Causes::new(run, &self.arena);
        let source = run.source(&self.arena, &inputs, &causes, WriteCost::default());
        let mut writer = Writer::leaving(&source, left);
        self.pace.write(&mut writer).await;
        let (spent, written) = (writer.spent(), writer.written());
        causes.log();
        (written, spent)
    }

    /// Writes a piece of the deferred fields.
    async fn write_piece(&mut self, piece: &Piece, left: &mut Left, spent: WriteCost) -> PieceWritten {
        let run = self.run;
        let inputs = |step: StepId, input: &Input| run.input(step, input);
        let causes = Causes::new(run, &self.arena);
        let source = run.source(&self.arena, &inputs, &causes, spent);
        let mut writer = Writer::of_piece(&source, piece, left);
        self.pace.write(&mut writer).await;
        let written = writer.written_piece();
        causes.log();
        written
    }
}

struct Delivery<'a> {
    plan: &'a DeferPlan,
    left: Left,
    /// How much was written so far.
    spent: WriteCost,
    /// The state of each piece, by index into [`Left::pieces`]; pieces beyond the end are waiting.
    pieces: Vec<Fate>,
    open: Vec<Open>,
    announced: usize,
}

impl Delivery<'_> {
    /// Announces the fragments directly inside one that was delivered, or inside the initial answer.
    fn announce(&mut self, parent: Option<usize>, part: &mut Part) {
        self.pieces.resize(self.left.pieces.len(), Fate::Waiting);
        // A fragment that has no fields of its own is replaced by those inside it.
        let mut parents = vec![parent];
        while let Some(parent) = parents.pop() {
            for fragment in 0..self.left.fragments.len() {
                let begun = &self.left.fragments[fragment];
                if begun.parent != parent {
                    continue;
                }
                let has_something = self.pieces_of(fragment).any(|piece| self.pieces[piece] != Fate::Sent);
                if !has_something {
                    parents.push(Some(fragment));
                    continue;
                }
                let label = self.plan.usages[begun.usage.index()].label.clone();
                part.pending.push(DeferredPart { id: self.announced, path: begun.path.clone(), label });
                self.open.push(Open { fragment, id: self.announced, is_inline: false });
                self.announced += 1;
            }
        }
    }

    fn pieces_of(&self, fragment: usize) -> impl Iterator<Item = usize> {
        let pieces = self.left.pieces.iter().enumerate();
        pieces.filter(move |(_, piece)| piece.fragments.contains(&fragment)).map(|(at, _)| at)
    }

    fn is_ready(&self, state: &State<'_>) -> bool {
        self.open.iter().any(|open| self.can_deliver(open, state))
    }

    fn can_deliver(&self, open: &Open, state: &State<'_>) -> bool {
        let usage = self.left.fragments[open.fragment].usage;
        match open.is_inline {
            true => state.is_over(),
            false => state.is_past(&self.plan.usages[usage.index()].steps),
        }
    }

    /// Writes every fragment whose steps have ended.
    async fn deliver(&mut self, state: &mut State<'_>) -> Part {
        let mut part = Part::default();
        let (ready, open) = std::mem::take(&mut self.open).into_iter().partition(|open| self.can_deliver(open, state));
        self.open = open;
        let ready: Vec<Open> = ready;
        for open in ready {
            let (fragment, id) = (open.fragment, open.id);
            match self.fragment(&open, state, &mut part).await {
                Ok(()) => {
                    part.completed.push(self.completed(fragment, id, None));
                    self.announce(Some(fragment), &mut part);
                }
                Err(UnsentReason::Failed(errors)) => part.completed.push(self.completed(fragment, id, Some(errors))),
                Err(UnsentReason::TooMuch) => self.open.push(Open { is_inline: true, ..open }),
            }
        }
        part
    }

    fn completed(&self, fragment: usize, id: usize, errors: Option<Vec<u8>>) -> CompletedPart {
        let begun = &self.left.fragments[fragment];
        CompletedPart {
            id,
            path: begun.path.clone(),
            label: self.plan.usages[begun.usage.index()].label.clone(),
            errors,
        }
    }

    /// Writes what is left of a fragment: all of it or nothing.
    async fn fragment(&mut self, open: &Open, state: &mut State<'_>, part: &mut Part) -> Result<(), UnsentReason> {
        let mark = self.left.mark();
        self.left.is_inline = open.is_inline;
        let begun = &self.left.fragments[open.fragment];
        let (path, label) = (begun.path.clone(), self.plan.usages[begun.usage.index()].label.clone());
        let mut sent = Vec::new();
        let mut delivered: Vec<DeliveredFields> = Vec::new();
        let mut codes: Vec<Cow<'static, str>> = Vec::new();
        let mut errors = 0;
        let outcome = loop {
            self.pieces.resize(self.left.pieces.len(), Fate::Waiting);
            let next = self.pieces_of(open.fragment).find(|&piece| self.pieces[piece] != Fate::Sent);
            let Some(next) = next else { break Ok(()) };
            if let Fate::Failed(errors) = &self.pieces[next] {
                break Err(UnsentReason::Failed(errors.clone()));
            }
            let piece = self.left.pieces[next].clone();
            let written = state.write_piece(&piece, &mut self.left, self.spent).await;
            self.spent = written.spent;
            // Other tasks get their turn between many small pieces too.
            state.pace.rest().await;
            if self.left.is_too_much() && !open.is_inline {
                break Err(UnsentReason::TooMuch);
            }
            errors += written.error_count;
            codes.extend(written.codes);
            let Some(data) = written.data else {
                self.pieces[next] = Fate::Failed(written.errors.clone());
                break Err(UnsentReason::Failed(written.errors));
            };
            self.pieces[next] = Fate::Sent;
            sent.push(next);
            let sub_path: Vec<PathStep> = piece.path.iter().skip(path.len()).cloned().collect();
            let (path, label) = (piece.path, label.clone());
            delivered.push(DeliveredFields { id: open.id, sub_path, path, label, data, errors: written.errors });
        };
        self.left.is_inline = false;
        if outcome.is_err() {
            self.left.back_to(mark);
            for piece in sent {
                self.pieces[piece] = Fate::Waiting;
            }
            self.pieces.truncate(self.left.pieces.len());
        } else {
            part.delivered.append(&mut delivered);
        }
        if !matches!(outcome, Err(UnsentReason::TooMuch)) {
            part.errors += errors;
            part.error_codes.append(&mut codes);
        }
        outcome
    }
}

/// The reason why a fragment is not sent.
enum UnsentReason {
    Failed(Vec<u8>),
    TooMuch,
}
