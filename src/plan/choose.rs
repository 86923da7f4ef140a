//! Choosing among ways in: new calls first, then batched before single, then fewer hops, then coverage, then order.

use super::build::ValuesId;
use super::error::PlanError;
use super::model::{FrameId, ROOT_FRAME};
use super::planner::{Place, Planner};
use crate::compose::{Entry, FieldId, From, JsonPath, KeyPath, Read, SourceKind, TypeChoice, Way, WayId};
use crate::operation::NodeId;
use std::collections::BTreeSet;

/// Most combinations that are tried; beyond it, ways are taken greedily by coverage.
const MAX_COMBINATIONS: usize = 4_096;
/// Longest chain of lookups for one input.
const MAX_HOPS: usize = 4;

/// A way in and the nodes that it is to give.
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

/// Lookups under way, and the input that each is to give.
type Tried<'k> = Vec<(WayId, &'k KeyPath)>;

/// Less is better, from the left.
type Cost = (usize, usize, usize, std::cmp::Reverse<usize>, Vec<WayId>);

impl Planner<'_> {
    /// The cheapest ways in that together give all nodes.
    pub(super) fn choose(&self, place: &Place, missing: &[NodeId]) -> Result<Vec<Choice>, PlanError> {
        let mut options = Vec::with_capacity(missing.len());
        for &node in missing {
            options.push(self.candidates(place, node)?);
        }
        let combinations = options.iter().try_fold(1usize, |n, o| n.checked_mul(o.len())).unwrap_or(usize::MAX);
        let picked = if combinations <= MAX_COMBINATIONS { cheapest(&options) } else { greedy(&options) };
        let mut choices: Vec<Choice> = Vec::new();
        for (at, &node) in missing.iter().enumerate() {
            let candidate = &options[at][picked[at]];
            let same = choices.iter_mut().find(|choice| choice.way == candidate.way);
            match same {
                Some(choice) => {
                    choice.nodes.push(node);
                    for path in &candidate.requires {
                        if !choice.requires.contains(path) {
                            choice.requires.push(path.clone());
                        }
                    }
                }
                None => {
                    choices.push(Choice { way: candidate.way, nodes: vec![node], requires: candidate.requires.clone() })
                }
            }
        }
        Ok(choices)
    }

    fn candidates(&self, place: &Place, node: NodeId) -> Result<Vec<Candidate>, PlanError> {
        let field = self.operation.nodes[node.index()].field;
        let mut tried = Vec::new();
        let mut candidates = Vec::new();
        let bindings = self.graph.field(field).bindings.iter();
        let lookups = self.graph.ty(place.ty).lookups.iter();
        for &id in bindings.chain(lookups) {
            let way = self.graph.way(id);
            let is_lookup = matches!(way.entry, Entry::Lookup(_));
            let source = &self.graph.source(way.source).name;
            if is_lookup && !self.offers(id, field) {
                continue;
            }
            let requires = way.requires.get(&field).cloned().unwrap_or_default();
            let hops = self.hops_to_all(place, way.inputs.iter().chain(&requires), &mut Vec::new());
            let Some(hops) = hops else {
                tried.push(format!("{source} {}: its inputs are not there", way.endpoint));
                continue;
            };
            let key = if is_lookup { self.lookup_key(id, requires.clone()) } else { self.entry_key(id, node) };
            let needs: BTreeSet<_> = place.step.into_iter().collect();
            candidates.push(Candidate {
                way: id,
                requires,
                is_lookup,
                is_new: self.same_step(&key, place, &needs).is_none(),
                is_repeated: way.batch.is_none() && self.is_repeated(place.frame),
                hops,
                coverage: self.coverage(id, node, is_lookup),
            });
        }
        if candidates.is_empty() { Err(self.no_way(Some(field), tried)) } else { Ok(candidates) }
    }

    /// Does a lookup's answer hold this field?
    fn offers(&self, way: WayId, field: FieldId) -> bool {
        let shape = self.graph.way(way).answer.shape.map(|shape| self.graph.shape(shape));
        shape.is_some_and(|shape| shape.variants.first().is_some_and(|variant| variant.fields.contains_key(&field)))
    }

    /// Can a frame have several rows?
    fn is_repeated(&self, frame: FrameId) -> bool {
        if frame == ROOT_FRAME {
            return false;
        }
        let growing = &self.build.frames[frame as usize];
        growing.parent.is_some()
            || growing
                .step
                .is_some_and(|step| self.steps[step as usize].feeds.iter().any(|feed| self.is_repeated(feed.frame)))
    }

    /// How many fields right below a node come with it.
    fn coverage(&self, way: WayId, node: NodeId, is_lookup: bool) -> usize {
        let field = self.operation.nodes[node.index()].field;
        let shape = self.graph.way(way).answer.shape;
        let shape = if is_lookup {
            shape.and_then(|shape| self.graph.shape(shape).variants.first()?.fields.get(&field)?.shape)
        } else {
            shape
        };
        let (Some(shape), Some(selection)) = (shape, self.operation.nodes[node.index()].selection) else { return 1 };
        let variants = &self.graph.shape(shape).variants;
        let wanted = self.operation.selections[selection.index()].variants.iter();
        let held = wanted.flat_map(|(ty, nodes)| {
            let variant = variants.iter().find(|variant| variant.ty == *ty);
            nodes.iter().filter(move |&&node| {
                variant.is_some_and(|v| v.fields.contains_key(&self.operation.nodes[node.index()].field))
            })
        });
        1 + held.count()
    }

    /// How many lookups must run before an input is known; `None`: it cannot be had.
    ///
    /// `tried` holds what is being looked for already: the same source may well be asked twice, but not for the same.
    fn hops_to<'k>(&'k self, place: &Place, path: &'k KeyPath, tried: &mut Tried<'k>) -> Option<usize> {
        if self.held_path(place, path).is_some() {
            return Some(0);
        }
        self.lookup_for(place, path, tried).map(|(hops, _)| hops)
    }

    fn hops_to_all<'k>(
        &'k self,
        place: &Place,
        paths: impl Iterator<Item = &'k KeyPath>,
        tried: &mut Tried<'k>,
    ) -> Option<usize> {
        let mut hops = 0;
        for path in paths {
            hops += self.hops_to(place, path, tried)?;
        }
        Some(hops)
    }

    fn lookup_for<'k>(&'k self, place: &Place, path: &'k KeyPath, tried: &mut Tried<'k>) -> Option<(usize, WayId)> {
        if tried.len() >= MAX_HOPS {
            return None;
        }
        let mut best = None;
        for &id in &self.graph.ty(place.ty).lookups {
            let way = self.graph.way(id);
            let there = Place { shape: way.answer.shape.map(|shape| (shape, 0)), ..place.clone() };
            if tried.contains(&(id, path)) || self.held_path(&there, path).is_none() {
                continue;
            }
            tried.push((id, path));
            let hops = self.hops_to_all(place, way.inputs.iter().chain(required(way, path)), tried);
            tried.pop();
            let found = hops.map(|hops| (hops + 1, id));
            best = match (best, found) {
                (Some(best), Some(found)) => Some(std::cmp::min(best, found)),
                (best, found) => best.or(found),
            };
        }
        best
    }

    /// The nearest lookup that gives an input and whose own inputs can be had. Each of those is nearer by one at least.
    pub(super) fn lookup_of_input(&self, place: &Place, path: &KeyPath) -> Option<WayId> {
        self.lookup_for(place, path, &mut Vec::new()).map(|(_, way)| way)
    }

    /// Where a path of fields is in the place's shape, as one read.
    pub(super) fn held_path(&self, place: &Place, path: &KeyPath) -> Option<(Read, FieldId)> {
        let (mut shape, mut variant) = place.shape?;
        let mut segments = Vec::new();
        for (at, &field) in path.0.iter().enumerate() {
            let held = self.graph.shape(shape).variants.get(variant)?.fields.get(&field)?;
            let is_last = at + 1 == path.0.len();
            if is_last {
                if held.shape.is_some() {
                    return None;
                }
                let mut read = held.read.clone();
                if let From::Json(JsonPath(rest)) = &mut read.from {
                    segments.append(rest);
                    read.from = From::Json(JsonPath(segments));
                }
                return Some((read, field));
            }
            let JsonPath(inner) = held.read.as_path()?;
            segments.extend(inner.iter().cloned());
            shape = held.shape?;
            variant = 0;
            if !matches!(self.graph.shape(shape).choice, TypeChoice::Only) {
                return None;
            }
        }
        None
    }

    /// The names that a REST step's sparse fieldset asks for.
    pub(super) fn fieldset(&self, way: WayId, values: ValuesId) -> Vec<String> {
        let way = self.graph.way(way);
        let has_fieldset = match (&way.call, &self.graph.source(way.source).kind) {
            (crate::compose::Call::Rest(call), SourceKind::Rest { .. }) => call.fieldset.is_some(),
            _ => false,
        };
        if !has_fieldset {
            return Vec::new();
        }
        let mut names = Vec::new();
        self.build.property_names(values, &mut names);
        names.sort();
        names.dedup();
        names
    }
}

/// What a lookup must be told (`@requires`) to give a path of fields.
pub(super) fn required<'g>(way: &'g Way, path: &KeyPath) -> &'g [KeyPath] {
    path.0.first().and_then(|field| way.requires.get(field)).map_or(&[], Vec::as_slice)
}

fn cost<'a>(picked: impl Iterator<Item = &'a Candidate>) -> Cost {
    let mut seen: Vec<&Candidate> = Vec::new();
    let mut coverage = 0;
    let (mut calls, mut repeated, mut hops) = (0, 0, 0);
    for candidate in picked {
        coverage += candidate.coverage;
        if candidate.is_lookup && seen.iter().any(|other| other.way == candidate.way) {
            continue;
        }
        calls += usize::from(candidate.is_new) + candidate.hops;
        repeated += usize::from(candidate.is_repeated);
        hops += candidate.hops;
        seen.push(candidate);
    }
    (calls, repeated, hops, std::cmp::Reverse(coverage), seen.iter().map(|candidate| candidate.way).collect())
}

/// Tries every combination.
fn cheapest(options: &[Vec<Candidate>]) -> Vec<usize> {
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

/// Takes the way that serves most nodes, again and again.
fn greedy(options: &[Vec<Candidate>]) -> Vec<usize> {
    let mut picked: Vec<Option<usize>> = vec![None; options.len()];
    while picked.iter().any(Option::is_none) {
        let open = || options.iter().enumerate().filter(|(at, _)| picked[*at].is_none());
        let best = open()
            .flat_map(|(_, candidates)| candidates)
            .max_by_key(|candidate| {
                let serves = open().filter(|(_, c)| c.iter().any(|other| other.way == candidate.way)).count();
                (serves, std::cmp::Reverse(candidate.hops), std::cmp::Reverse(candidate.way))
            })
            .map(|candidate| candidate.way);
        let Some(best) = best else { break };
        for (at, candidates) in options.iter().enumerate() {
            if picked[at].is_none() {
                picked[at] = candidates.iter().position(|candidate| candidate.way == best);
            }
        }
    }
    picked.into_iter().map(Option::unwrap_or_default).collect()
}
