//! The choice among ways. They are compared in this order: the numbers of new calls, of unbatched calls for repeated
//! rows, and of lookups that must run before (fewer are better); the number of fields that come along (more are
//! better); the order of declaration.

use super::build::ValuesId;
use super::error::PlanError;
use super::held::held_path;
use super::planner::{Place, Planner};
use crate::compose::{Entry, KeyPath, Way, WayId};
use crate::operation::{NodeId, OperationKind};
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap, HashSet};

/// The most combinations that are tried at one place. If there are more, the ways are chosen greedily.
const MAX_COMBINATIONS: usize = 4_096;
/// The most candidates that are compared in one plan. After that, all ways are chosen greedily.
const MAX_COMPARED: usize = 200_000;
/// The work, in steps, for a way that can be chosen. The way is kept in memory while the place is planned.
const WORK_OF_A_CANDIDATE: usize = 10;

/// A way, and the nodes that it must give.
#[derive(Debug)]
pub(super) struct Choice {
    pub(super) way: WayId,
    pub(super) nodes: Vec<NodeId>,
    pub(super) requires: Vec<KeyPath>,
}

#[derive(Debug, Clone)]
struct Candidate {
    way: WayId,
    requires: Vec<KeyPath>,
    is_lookup: bool,
    is_new: bool,
    is_repeated: bool,
    hops: usize,
    coverage: usize,
}

/// The cost of a choice, in the order of the module's doc. A lower cost is better.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Cost {
    calls: usize,
    repeated: usize,
    hops: usize,
    coverage: Reverse<usize>,
    ways: Vec<WayId>,
}

impl Planner<'_> {
    /// Chooses the cheapest ways that together give all nodes.
    pub(super) fn choose(&mut self, place: &Place, missing: &[NodeId]) -> Result<Vec<Choice>, PlanError> {
        let mut options = Vec::with_capacity(missing.len());
        for &node in missing {
            options.push(self.candidates(place, node)?);
        }
        let picked = if self.can_compare(&options) { cheapest(&options) } else { greedy(&options) };
        let mut choices: Vec<Choice> = Vec::new();
        let mut numbers: HashMap<WayId, usize> = HashMap::new();
        for (at, &node) in missing.iter().enumerate() {
            let candidate = &options[at][picked[at]];
            let number = *numbers.entry(candidate.way).or_insert(choices.len());
            if number == choices.len() {
                choices.push(Choice { way: candidate.way, nodes: Vec::new(), requires: Vec::new() });
            }
            let choice = &mut choices[number];
            choice.nodes.push(node);
            for path in &candidate.requires {
                if !choice.requires.contains(path) {
                    choice.requires.push(path.clone());
                }
            }
        }
        Ok(choices)
    }

    /// Whether there are few enough combinations to try them all. The candidates that are compared count for the whole
    /// plan.
    fn can_compare(&mut self, options: &[Vec<Candidate>]) -> bool {
        let combinations = options.iter().try_fold(1usize, |n, o| n.checked_mul(o.len())).unwrap_or(usize::MAX);
        let compared = combinations.saturating_mul(options.len()).saturating_add(self.compared);
        if combinations > 1 && (combinations > MAX_COMBINATIONS || compared > MAX_COMPARED) {
            return false;
        }
        self.compared = compared;
        true
    }

    fn candidates(&mut self, place: &Place, node: NodeId) -> Result<Vec<Candidate>, PlanError> {
        let graph = self.graph;
        let field = self.operation.nodes[node.index()].field;
        let is_repeated = self.is_repeated(place.frame);
        let mut tried = Vec::new();
        let mut candidates = Vec::new();
        let bindings = graph.field(field).bindings.iter();
        let offers = self.search.offers(graph, place.ty, &mut self.work)?;
        let lookups = offers.get(&field).into_iter().flatten();
        for &id in bindings.chain(lookups) {
            self.work.spend(1)?;
            let way = graph.way(id);
            let is_lookup = matches!(way.entry, Entry::Lookup(_));
            if !self.may_call(place, way) {
                tried.push((way, "only the root of a mutation writes"));
                continue;
            }
            let requires = way.requires.get(&field).cloned().unwrap_or_default();
            let hops = self.hops_to_all(place, way.inputs.iter().chain(&requires))?;
            let Some(hops) = hops else {
                tried.push((way, "its inputs are not there"));
                continue;
            };
            self.work.spend(WORK_OF_A_CANDIDATE)?;
            let key = if is_lookup { self.lookup_key(id, requires.clone()) } else { self.entry_key(id, node) };
            let needs: BTreeSet<_> = place.step.into_iter().collect();
            candidates.push(Candidate {
                way: id,
                requires,
                is_lookup,
                is_new: self.same_step(&key, place, &needs)?.is_none(),
                is_repeated: way.batch.is_none() && is_repeated,
                hops,
                coverage: self.coverage(id, node, is_lookup)?,
            });
        }
        if candidates.is_empty() {
            let tell = |(way, why): (&Way, &str)| format!("{} {}: {why}", graph.source(way.source).name, way.endpoint);
            return Err(self.no_way(Some(field), tried.into_iter().map(tell).collect()));
        }
        Ok(candidates)
    }

    /// Whether a way may be called at a place. Only root fields of a mutation may call a way that writes, because all
    /// other fields must have no side effects (GraphQL §6.2.2).
    fn may_call(&self, place: &Place, way: &Way) -> bool {
        let Entry::Root(field) = way.entry else { return true };
        let is_root = place.step.is_none() && self.operation.kind == OperationKind::Mutation;
        is_root || !self.graph.is_mutation(field)
    }

    /// How many of the fields selected directly below a node come with it.
    fn coverage(&mut self, way: WayId, node: NodeId, is_lookup: bool) -> Result<usize, PlanError> {
        let field = self.operation.nodes[node.index()].field;
        let shape = self.graph.way(way).answer.shape;
        let shape = if is_lookup {
            shape.and_then(|shape| self.graph.shape(shape).variants.first()?.fields.get(&field)?.shape)
        } else {
            shape
        };
        let (Some(shape), Some(selection)) = (shape, self.operation.nodes[node.index()].selection) else {
            return Ok(1);
        };
        let variants: HashMap<_, _> =
            self.graph.shape(shape).variants.iter().map(|variant| (variant.ty, &variant.fields)).collect();
        let mut held = 1;
        for (ty, nodes) in &self.operation.selections[selection.index()].variants {
            self.work.spend(1 + nodes.len())?;
            let Some(fields) = variants.get(ty) else { continue };
            held += nodes.iter().filter(|node| fields.contains_key(&self.operation.nodes[node.index()].field)).count();
        }
        Ok(held)
    }

    /// How many lookups must run before all of these inputs are known; `None` if one of them cannot be obtained.
    fn hops_to_all<'k>(
        &mut self,
        place: &Place,
        paths: impl Iterator<Item = &'k KeyPath>,
    ) -> Result<Option<usize>, PlanError> {
        let mut hops = 0usize;
        for path in paths {
            self.work.spend(1)?;
            if held_path(self.graph, place.shape, path).is_some() {
                continue;
            }
            let chains = self.search.chains(self.graph, place.ty, place.shape, &mut self.work)?;
            let Some(chain) = chains.of(path) else { return Ok(None) };
            hops = hops.saturating_add(chain.lookups as usize);
        }
        Ok(Some(hops))
    }

    /// The names for the sparse fieldset of a step; empty if its endpoint takes none.
    pub(super) fn fieldset(&self, way: WayId, values: ValuesId) -> Vec<String> {
        let way = self.graph.way(way);
        if way.call.fieldset().is_none() {
            return Vec::new();
        }
        let mut names = Vec::new();
        self.build.property_names(values, &mut names);
        names.sort();
        names.dedup();
        names
    }
}

/// The inputs that a lookup needs to give a path of fields (`@requires`).
pub(super) fn required<'g>(way: &'g Way, path: &KeyPath) -> &'g [KeyPath] {
    path.0.first().and_then(|field| way.requires.get(field)).map_or(&[], Vec::as_slice)
}

fn cost<'a>(picked: impl Iterator<Item = &'a Candidate>) -> Cost {
    let mut lookups = HashSet::new();
    let mut cost = Cost { calls: 0, repeated: 0, hops: 0, coverage: Reverse(0), ways: Vec::new() };
    for candidate in picked {
        cost.coverage.0 += candidate.coverage;
        if candidate.is_lookup && !lookups.insert(candidate.way) {
            continue;
        }
        cost.calls = cost.calls.saturating_add(candidate.hops).saturating_add(usize::from(candidate.is_new));
        cost.repeated += usize::from(candidate.is_repeated);
        cost.hops = cost.hops.saturating_add(candidate.hops);
        cost.ways.push(candidate.way);
    }
    cost
}

/// Tries all combinations and gives the cheapest one.
fn cheapest(options: &[Vec<Candidate>]) -> Vec<usize> {
    if options.iter().all(|candidates| candidates.len() == 1) {
        return vec![0; options.len()];
    }
    let mut at = vec![0; options.len()];
    let mut best: Option<(Cost, Vec<usize>)> = None;
    loop {
        let now = cost(at.iter().zip(options).map(|(&pick, candidates)| &candidates[pick]));
        if best.as_ref().is_none_or(|(least, _)| now < *least) {
            best = Some((now, at.clone()));
        }
        let Some(next) = (0..at.len()).find(|&i| at[i] + 1 < options[i].len()) else { break };
        at[next] += 1;
        at[..next].fill(0);
    }
    best.map_or_else(Vec::new, |(_, picked)| picked)
}

/// The nodes that a way can give.
struct Serving {
    /// How many of these nodes have no way yet.
    open: usize,
    hops: usize,
    /// The index of each node, with the index of the way among the node's candidates.
    nodes: Vec<(usize, usize)>,
}

/// Repeatedly takes the way that gives the most nodes which have no way yet.
fn greedy(options: &[Vec<Candidate>]) -> Vec<usize> {
    let mut ways: HashMap<WayId, Serving> = HashMap::new();
    for (at, candidates) in options.iter().enumerate() {
        for (pick, candidate) in candidates.iter().enumerate() {
            let new = Serving { open: 0, hops: candidate.hops, nodes: Vec::new() };
            let serving = ways.entry(candidate.way).or_insert(new);
            serving.open += 1;
            serving.nodes.push((at, pick));
        }
    }
    let rank = |way: WayId, serving: &Serving| (serving.open, Reverse(serving.hops), Reverse(way));
    let mut queue: BinaryHeap<_> = ways.iter().map(|(way, serving)| rank(*way, serving)).collect();
    let mut picked: Vec<Option<usize>> = vec![None; options.len()];
    while let Some((open, hops, way)) = queue.pop() {
        let Some(serving) = ways.get(&way.0).filter(|serving| serving.open > 0) else { continue };
        if serving.open < open {
            // Other ways have taken some of this way's nodes since it was put into the queue.
            queue.push((serving.open, hops, way));
            continue;
        }
        let Some(Serving { nodes, .. }) = ways.remove(&way.0) else { break };
        for (at, pick) in nodes {
            if picked[at].is_some() {
                continue;
            }
            picked[at] = Some(pick);
            for candidate in &options[at] {
                if let Some(serving) = ways.get_mut(&candidate.way) {
                    serving.open -= 1;
                }
            }
        }
    }
    picked.into_iter().map(Option::unwrap_or_default).collect()
}
