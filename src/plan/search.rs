//! The search for inputs: the lookups that give a value which the current answer does not have.
//!
//! In: a type of the graph, and the shape of the current answer.
//! Out: [`Chains`], which has the fewest lookups for each value that a way of the type takes as an input.
//! Elsewhere: choosing among ways ([`super::choose`]); making the steps ([`super::feed`]).
//!
//! Always true:
//! - the inputs and outputs of a type's ways are read from the graph once, and each shape is searched once, however
//!   many fields and places need them. So the work, which is counted, grows with the number of lookups times the number
//!   of inputs;
//! - the inputs of a chain's last lookup have shorter chains than the chain itself, so that following chains ends.
//!
//! # Source
//! D. E. Knuth, "A generalization of Dijkstra's algorithm" (1977), which finds cheapest derivations when one lookup may
//! take several inputs.

use super::choose::required;
use super::error::PlanError;
use super::held::held_path;
use super::work::Work;
use crate::compose::{FieldId, Graph, KeyPath, ShapeId, TypeId, WayId};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::rc::Rc;

/// The longest chain of lookups for one input. Each lookup of a chain waits for the one before it.
const MAX_CHAIN: u32 = 64;

/// What the answer at hand holds at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Held {
    /// Its shape.
    pub(super) shape: ShapeId,
    /// Which of the shape's variants.
    pub(super) variant: usize,
}

/// The chain of lookups that gives an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chain {
    /// How many lookups are made, where a lookup counts as often as it is needed; 0 if the current answer has the
    /// input.
    pub(super) lookups: u32,
    /// The last lookup, which gives the input; `None` if the current answer has it.
    pub(super) last: Option<WayId>,
    /// The length of the longest sequence of lookups that wait for each other.
    length: u32,
}

/// The chain for each input from one shape. An input without a chain cannot be obtained.
#[derive(Debug, Default)]
pub(super) struct Chains(HashMap<KeyPath, Chain>);

impl Chains {
    pub(super) fn of(&self, path: &KeyPath) -> Option<Chain> {
        self.0.get(path).copied()
    }
}

/// The results of all searches so far. They depend on the graph alone, so several plans may share them.
#[derive(Debug, Default)]
pub struct Search {
    types: HashMap<TypeId, Rc<Inputs>>,
    offers: HashMap<TypeId, Rc<Offers>>,
    chains: HashMap<(TypeId, Option<Held>), Rc<Chains>>,
}

/// For each field, the lookups of one type whose answers have it.
pub(super) type Offers = HashMap<FieldId, Vec<WayId>>;

/// The inputs of one type's ways, and the lookups that give them.
#[derive(Debug, Default)]
struct Inputs {
    paths: Vec<KeyPath>,
    index: HashMap<KeyPath, usize>,
    lookups: Vec<Lookup>,
    /// For each path, the indices of the lookups that take it.
    takers: Vec<Vec<usize>>,
}

/// A lookup, as far as it gives one path.
#[derive(Debug)]
struct Lookup {
    way: WayId,
    gives: usize,
    takes: Vec<usize>,
}

impl Search {
    /// Gives the lookups of a type for each field.
    ///
    /// # Errors
    /// [`PlanError::TooComplex`] if the work is used up.
    pub(super) fn offers(&mut self, graph: &Graph, ty: TypeId, work: &mut Work) -> Result<Rc<Offers>, PlanError> {
        if let Some(known) = self.offers.get(&ty) {
            return Ok(Rc::clone(known));
        }
        let mut offers = Offers::new();
        for &id in &graph.ty(ty).lookups {
            let shape = graph.way(id).answer.shape.map(|shape| graph.shape(shape));
            let Some(variant) = shape.and_then(|shape| shape.variants.first()) else { continue };
            work.spend(1 + variant.fields.len())?;
            variant.fields.keys().for_each(|field| offers.entry(*field).or_default().push(id));
        }
        let offers = Rc::new(offers);
        self.offers.insert(ty, Rc::clone(&offers));
        Ok(offers)
    }

    /// Gives the chain for each input of a type's ways, starting from a shape.
    ///
    /// # Errors
    /// [`PlanError::TooComplex`] if the work is used up.
    pub(super) fn chains(
        &mut self,
        graph: &Graph,
        ty: TypeId,
        held: Option<Held>,
        work: &mut Work,
    ) -> Result<Rc<Chains>, PlanError> {
        if let Some(known) = self.chains.get(&(ty, held)) {
            return Ok(Rc::clone(known));
        }
        let inputs = match self.types.get(&ty) {
            Some(known) => Rc::clone(known),
            None => {
                let inputs = Rc::new(Inputs::of(graph, ty, work)?);
                self.types.insert(ty, Rc::clone(&inputs));
                inputs
            }
        };
        let chains = Rc::new(inputs.search(graph, held, work)?);
        self.chains.insert((ty, held), Rc::clone(&chains));
        Ok(chains)
    }
}

impl Inputs {
    fn of(graph: &Graph, ty: TypeId, work: &mut Work) -> Result<Self, PlanError> {
        let mut inputs = Self::default();
        let lookups = &graph.ty(ty).lookups;
        let bindings = graph.ty(ty).fields.values().flat_map(|field| &graph.field(*field).bindings);
        for way in lookups.iter().chain(bindings).map(|way| graph.way(*way)) {
            for path in way.inputs.iter().chain(way.requires.values().flatten()) {
                work.spend(1)?;
                inputs.number(path);
            }
        }
        for &id in lookups {
            let way = graph.way(id);
            let there = way.answer.shape.map(|shape| Held { shape, variant: 0 });
            for gives in 0..inputs.paths.len() {
                work.spend(1)?;
                if held_path(graph, there, &inputs.paths[gives]).is_none() {
                    continue;
                }
                let wanted = required(way, &inputs.paths[gives]);
                let takes = way.inputs.iter().chain(wanted).filter_map(|path| inputs.index.get(path).copied());
                let mut takes: Vec<usize> = takes.collect();
                takes.sort_unstable();
                takes.dedup();
                work.spend(takes.len())?;
                inputs.lookups.push(Lookup { way: id, gives, takes });
            }
        }
        inputs.takers = vec![Vec::new(); inputs.paths.len()];
        for (at, lookup) in inputs.lookups.iter().enumerate() {
            lookup.takes.iter().for_each(|&path| inputs.takers[path].push(at));
        }
        Ok(inputs)
    }

    fn number(&mut self, path: &KeyPath) {
        if !self.index.contains_key(path) {
            self.index.insert(path.clone(), self.paths.len());
            self.paths.push(path.clone());
        }
    }

    /// Finds the chains of all inputs in the order of their costs. If two lookups cost the same, the first one is
    /// taken.
    fn search(&self, graph: &Graph, held: Option<Held>, work: &mut Work) -> Result<Chains, PlanError> {
        let mut open: Vec<Pending> = self.lookups.iter().map(|lookup| Pending::new(lookup.takes.len())).collect();
        let mut queue = BinaryHeap::new();
        for (at, path) in self.paths.iter().enumerate() {
            work.spend(1)?;
            if held_path(graph, held, path).is_some() {
                queue.push(Reverse((0, None, 0, at)));
            }
        }
        let ready = self.lookups.iter().filter(|lookup| lookup.takes.is_empty());
        queue.extend(ready.map(|lookup| Reverse((1, Some(lookup.way), 1, lookup.gives))));
        let mut settled: Vec<Option<Chain>> = vec![None; self.paths.len()];
        while let Some(Reverse((lookups, last, length, path))) = queue.pop() {
            work.spend(1)?;
            if settled[path].is_some() {
                continue;
            }
            settled[path] = Some(Chain { lookups, last, length });
            for &at in &self.takers[path] {
                work.spend(1)?;
                let (pending, lookup) = (&mut open[at], &self.lookups[at]);
                if let Some((lookups, length)) =
                    pending.settle(lookups, length).filter(|(_, length)| *length <= MAX_CHAIN)
                {
                    queue.push(Reverse((lookups, Some(lookup.way), length, lookup.gives)));
                }
            }
        }
        let found = self.paths.iter().zip(settled).filter_map(|(path, chain)| Some((path.clone(), chain?)));
        Ok(Chains(found.collect()))
    }
}

/// A lookup with inputs that have no chain yet.
struct Pending {
    missing: usize,
    lookups: u32,
    length: u32,
}

impl Pending {
    fn new(missing: usize) -> Self {
        Self { missing, lookups: 1, length: 1 }
    }

    /// Adds the cost of one input. Gives the whole cost if it was the last one.
    fn settle(&mut self, lookups: u32, length: u32) -> Option<(u32, u32)> {
        self.missing -= 1;
        self.lookups = self.lookups.saturating_add(lookups);
        self.length = self.length.max(length + 1);
        (self.missing == 0).then_some((self.lookups, self.length))
    }
}
