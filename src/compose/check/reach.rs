//! E109: each item of a list causes an unbatched call. E110: each item of a list without a bound causes calls.
//!
//! Places are visited breadth-first from the root fields, so that the query in the finding is a smallest one.

use crate::compose::draft::Draft;
use crate::compose::graph::Graph;
use crate::compose::ids::{FieldId, ShapeId, WayId};
use crate::compose::shape::ListBound;
use crate::compose::way::{Entry, Way};
use crate::diagnostic::{Code, Finding};
use std::collections::{BTreeSet, HashMap, VecDeque};

/// A place in an answer.
#[derive(Debug, Clone)]
struct Place {
    shape: ShapeId,
    /// The fields from the root to the place.
    path: Vec<FieldId>,
    /// Whether the place is below a list.
    is_listed: bool,
    /// The field above the place whose list has no bound, if there is one.
    unbounded: Option<FieldId>,
}

/// The lookups of the graph, and what has a finding already: each binding that multiplies calls, and each list without
/// a bound, gets one finding.
#[derive(Default)]
struct Said {
    /// The lookups whose answer has a field, by field.
    offering: HashMap<FieldId, Vec<WayId>>,
    multiplied: BTreeSet<WayId>,
    unbounded: BTreeSet<FieldId>,
}

pub(super) fn check(draft: &mut Draft<'_>) {
    let mut places = roots(draft);
    let mut seen = BTreeSet::new();
    let mut said = Said { offering: offering(&draft.graph), ..Said::default() };
    let mut findings = Vec::new();
    while let Some(place) = places.pop_front() {
        if !seen.insert((place.shape, place.is_listed, place.unbounded)) {
            continue;
        }
        for variant in 0..draft.graph.shape(place.shape).variants.len() {
            visit(draft, &place, variant, &mut places, &mut said, &mut findings);
        }
    }
    draft.findings.extend(findings);
}

fn roots(draft: &Draft<'_>) -> VecDeque<Place> {
    let mut places = VecDeque::new();
    for way in &draft.graph.ways {
        if let (Entry::Root(field), Some(shape)) = (way.entry, way.answer.shape) {
            let is_list = draft.graph.field(field).ty.is_list();
            let unbounded = is_unbounded(draft, way, &way.answer.bound, is_list).then_some(field);
            places.push_back(Place { shape, path: vec![field], is_listed: is_list, unbounded });
        }
    }
    places
}

fn is_unbounded(draft: &Draft<'_>, way: &Way, bound: &ListBound, is_list: bool) -> bool {
    is_list && bound.is_open() && draft.graph.source(way.source).kind.must_bound_lists()
}

/// Visits one concrete type at a place: fields that are there lead on, and missing ones must be fetched.
fn visit(
    draft: &Draft<'_>,
    place: &Place,
    variant: usize,
    places: &mut VecDeque<Place>,
    said: &mut Said,
    findings: &mut Vec<Finding>,
) {
    let graph = &draft.graph;
    let variant = &graph.shape(place.shape).variants[variant];
    let is_rest_shape = draft.shape_spans.contains_key(&place.shape);
    for (field, held) in &variant.fields {
        let Some(shape) = held.shape else { continue };
        let is_list = graph.field(*field).ty.is_list();
        let is_open = is_list && held.bound.is_open() && is_rest_shape;
        places.push_back(Place {
            shape,
            path: [place.path.as_slice(), &[*field]].concat(),
            is_listed: place.is_listed || is_list,
            unbounded: place.unbounded.or(is_open.then_some(*field)),
        });
    }
    for field in graph.ty(variant.ty).fields.values() {
        if variant.fields.contains_key(field) {
            continue;
        }
        let ways: Vec<WayId> = graph
            .field(*field)
            .bindings
            .iter()
            .copied()
            .chain(said.offering.get(field).into_iter().flatten().copied())
            .collect();
        let Some(first) = ways.first() else { continue };
        let is_batched = ways.iter().any(|way| graph.way(*way).batch.is_some());
        if place.is_listed && !is_batched && said.multiplied.insert(*first) {
            findings.push(multiplied(draft, place, *field, *first));
        }
        if let Some(list) = place.unbounded
            && said.unbounded.insert(list)
        {
            findings.push(unbounded(draft, list, *field, *first));
        }
        for way in ways.iter().map(|way| graph.way(*way)) {
            let Some(shape) = way.answer.shape else { continue };
            let is_field = matches!(way.entry, Entry::Field(_));
            let is_list = is_field && graph.field(*field).ty.is_list();
            let is_open = is_unbounded(draft, way, &way.answer.bound, is_list);
            let path = if is_field { [place.path.as_slice(), &[*field]].concat() } else { place.path.clone() };
            let unbounded = place.unbounded.or(is_open.then_some(*field));
            places.push_back(Place { shape, path, is_listed: place.is_listed || is_list, unbounded });
        }
    }
}

/// Finds the lookups whose answer has a field, by field.
fn offering(graph: &Graph) -> HashMap<FieldId, Vec<WayId>> {
    let mut offering: HashMap<FieldId, Vec<WayId>> = HashMap::new();
    for &id in graph.types.iter().flat_map(|ty| &ty.lookups) {
        let Some(shape) = graph.way(id).answer.shape else { continue };
        for field in graph.shape(shape).variants.iter().flat_map(|variant| variant.fields.keys()) {
            offering.entry(*field).or_default().push(id);
        }
    }
    offering
}

fn multiplied(draft: &Draft<'_>, place: &Place, field: FieldId, way: WayId) -> Finding {
    let graph = &draft.graph;
    let way = graph.way(way);
    let query = smallest_query(draft, &place.path, field);
    let message = format!("`{}` calls `{}` once for each item of a list", graph.coordinate(field), way.endpoint);
    let help = format!("`{query}` shows it; bind an endpoint that takes many keys, with `batch: {{ key: \"…\" }}`");
    let list = place.path.iter().rev().find(|field| graph.field(**field).ty.is_list());
    let finding = Finding::new(Code::E109, message, way.span, "not batched").help(help);
    match list {
        Some(list) => finding.and(graph.field(*list).span, "this list"),
        None => finding,
    }
}

fn unbounded(draft: &Draft<'_>, list: FieldId, field: FieldId, way: WayId) -> Finding {
    let graph = &draft.graph;
    let message = format!(
        "nothing bounds the list `{}`, and `{}` is fetched for each item",
        graph.coordinate(list),
        graph.coordinate(field)
    );
    Finding::new(Code::E110, message, graph.field(list).span, "no bound")
        .and(graph.way(way).span, "called for its items")
        .help("add `@listSize(maxSize: …)`, an argument `first` bound to a parameter with `maximum`, or `maxItems`")
}

/// The smallest query for a field, such as `{ users { manager { name } } }`, with `…` for required arguments.
fn smallest_query(draft: &Draft<'_>, path: &[FieldId], field: FieldId) -> String {
    let graph = &draft.graph;
    let mut names: Vec<String> = Vec::new();
    for field in path.iter().chain([&field]) {
        let field = graph.field(*field);
        let required: Vec<String> = field
            .arguments
            .iter()
            .filter(|(_, argument)| !argument.ty.is_nullable() && argument.default.is_none())
            .map(|(name, _)| format!("{name}: …"))
            .collect();
        let arguments = if required.is_empty() { String::new() } else { format!("({})", required.join(", ")) };
        names.push(format!("{}{arguments}", field.name));
    }
    let leaf = if draft.is_composite(graph.field(field).ty.named()) { " { __typename }" } else { "" };
    format!("{{ {}{leaf}{} }}", names.join(" { "), " }".repeat(names.len().saturating_sub(1)))
}
