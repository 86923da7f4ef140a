//! Probes: each field of a client's schema must have a plan at each place where it can be reached (ARCHITECTURE, "Why it
//! is so", probes).
//!
//! Two places are different if they differ in the client's type or in the graph's shape, so that recursion ends. If a
//! schema is too large to probe everything, that is a finding, too.

use crate::compose::{Graph, ShapeId, WayId};
use crate::diagnostic::{Code, FileId, Finding, Span};
use crate::operation::{Limits, Outcomes, RequestError, prepare};
use crate::plan::{self, PlanError, Probed, Search};
use crate::view::View;
use apollo_compiler::schema::{Component, ExtendedType, FieldDefinition};
use apollo_compiler::{Name, Schema};
use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::fmt::Write;

/// Most places that are probed.
const MAX_PLACES: usize = 5_000;
/// Deepest place that is probed.
const MAX_DEPTH: usize = 12;
/// Most work for all probes together, counted in steps of planning.
const MAX_WORK: u64 = 100_000_000;
/// The cost of a probe apart from planning, counted in steps of planning.
const WORK_OF_A_PROBE: u64 = 1_000;

/// A place: the path to it as text, and the client's object type there.
struct Place {
    root: &'static str,
    path: Vec<Segment>,
    ty: Name,
}

#[derive(Clone)]
struct Segment {
    /// `field(arg: $v1)`.
    call: String,
    /// The names and types of the variables that the call needs.
    variables: Vec<(String, String)>,
    /// The concrete type that the path goes on in, if the field's type is abstract.
    condition: Option<Name>,
}

/// Probes a view. A field without a plan is reported once, at the client's field. Returns the findings, and the ways that
/// the plans take.
pub(super) fn probe(graph: &Graph, view: &View, file: FileId) -> (Vec<Finding>, BTreeSet<WayId>) {
    let mut probing = Prober {
        graph,
        view,
        file,
        open: VecDeque::new(),
        seen: HashSet::new(),
        search: Search::default(),
        work: 0,
        is_cut: false,
        found: BTreeMap::new(),
        taken: BTreeSet::new(),
    };
    probing.run();
    let mut findings: Vec<Finding> = probing.found.into_values().collect();
    if probing.is_cut {
        findings.push(cut(file));
    }
    (findings, probing.taken)
}

/// The finding that some places were not probed.
fn cut(file: FileId) -> Finding {
    let message = format!(
        "this client's schema is too large to check every field at every place: at most {MAX_PLACES} places, {MAX_DEPTH} \
         levels deep, are checked"
    );
    let help = "the rest is checked when an operation asks for it: name the client's operations to `bespoke check` by \
                putting them into its `operations` folder";
    Finding::new(Code::W130, message, Span::new(file, 0..0), "in this schema").help(help)
}

struct Prober<'a> {
    graph: &'a Graph,
    view: &'a View,
    file: FileId,
    open: VecDeque<Place>,
    seen: HashSet<(Name, Option<ShapeId>)>,
    search: Search,
    work: u64,
    /// Whether some places were left out.
    is_cut: bool,
    found: BTreeMap<String, Finding>,
    taken: BTreeSet<WayId>,
}

impl Prober<'_> {
    fn run(&mut self) {
        let roots = &self.view.schema.schema_definition;
        for (root, ty) in
            [("query", &roots.query), ("mutation", &roots.mutation), ("subscription", &roots.subscription)]
        {
            if let Some(ty) = ty {
                self.open.push_back(Place { root, path: Vec::new(), ty: ty.name.clone() });
            }
        }
        let mut places = 0;
        while let Some(place) = self.open.pop_front() {
            places += 1;
            if places > MAX_PLACES || self.work > MAX_WORK {
                self.is_cut = true;
                break;
            }
            self.place(&place);
        }
    }

    fn place(&mut self, place: &Place) {
        let schema = &self.view.schema;
        let Some(fields) = fields_of(schema, &place.ty) else { return };
        for (name, field) in fields {
            let mut path = place.path.clone();
            let segment = segment(name, field, &path);
            path.push(segment);
            match self.plan_at(place.root, &path, is_composite(schema, field)) {
                Ok(Probed { shape, ways }) => {
                    self.taken.extend(ways);
                    self.go_on(place.root, &path, field, shape);
                }
                Err(refusal) => {
                    let coordinate = format!("{}.{name}", place.ty);
                    let at = field.location().map_or(0..0, |at| at.offset()..at.end_offset());
                    let span = Span::new(self.file, at);
                    self.found.entry(coordinate.clone()).or_insert_with(|| refusal.finding(&coordinate, span));
                }
            }
        }
    }

    /// Adds the places that a field leads to.
    fn go_on(&mut self, root: &'static str, path: &[Segment], field: &FieldDefinition, shape: Option<ShapeId>) {
        for ty in members(&self.view.schema, field.ty.inner_named_type()) {
            if !self.seen.insert((ty.clone(), shape)) {
                continue;
            }
            if path.len() >= MAX_DEPTH {
                self.is_cut = true;
                continue;
            }
            let mut path = path.to_vec();
            if let Some(last) = path.last_mut() {
                last.condition = Some(ty.clone());
            }
            self.open.push_back(Place { root, path, ty });
        }
    }

    /// Plans an operation that asks for this place only.
    fn plan_at(&mut self, root: &str, path: &[Segment], is_composite: bool) -> Result<Probed, Refusal> {
        let text = operation_at(root, path, is_composite);
        let limits = Limits { max_depth: 200, ..Limits::default() };
        let first = |errors: Vec<RequestError>| {
            Refusal::NotPlanned(errors.into_iter().next().map_or_else(String::new, |error| error.message))
        };
        let prepared = prepare(self.view, &limits, &text, None).map_err(first)?;
        let lowered = prepared.lower(&Outcomes::default()).map_err(first)?;
        let (result, work) = plan::probe(self.graph, &lowered, &mut self.search);
        self.work += work + WORK_OF_A_PROBE;
        result.map_err(|error| match error {
            PlanError::TooManySteps { .. } | PlanError::TooComplex { .. } => Refusal::TooMuch(error.to_string()),
            error => Refusal::NotPlanned(error.to_string()),
        })
    }
}

/// Why a place cannot be planned.
enum Refusal {
    NotPlanned(String),
    /// The field by itself exceeds a limit of planning.
    TooMuch(String),
}

impl Refusal {
    fn finding(self, coordinate: &str, span: Span) -> Finding {
        match self {
            Self::NotPlanned(why) => {
                let finding =
                    Finding::new(Code::E106, format!("`{coordinate}` cannot be resolved everywhere"), span, why);
                finding.help(
                    "bind the field with `@connect`, give its type a batched lookup by key, or drop it from this \
                     client's schema",
                )
            }
            Self::TooMuch(why) => {
                let message = format!("`{coordinate}` takes too much work to plan, so no operation can ask for it");
                let finding = Finding::new(Code::E130, message, span, why);
                finding.help("give the services of its type a key in common, so that fewer lookups lead to the field")
            }
        }
    }
}

fn fields_of<'s>(
    schema: &'s Schema,
    ty: &Name,
) -> Option<&'s apollo_compiler::collections::IndexMap<Name, Component<FieldDefinition>>> {
    match schema.types.get(ty)? {
        ExtendedType::Object(object) => Some(&object.fields),
        _ => None,
    }
}

/// The object types that a type can be.
fn members(schema: &Schema, ty: &Name) -> Vec<Name> {
    match schema.types.get(ty) {
        Some(ExtendedType::Object(_)) => vec![ty.clone()],
        Some(ExtendedType::Union(union)) => union.members.iter().map(|member| member.name.clone()).collect(),
        Some(ExtendedType::Interface(_)) => {
            let objects = schema.types.iter().filter_map(|(name, of)| match of {
                ExtendedType::Object(object) => {
                    object.implements_interfaces.iter().any(|i| i.name == *ty).then_some(name)
                }
                _ => None,
            });
            objects.cloned().collect()
        }
        _ => Vec::new(),
    }
}

fn is_composite(schema: &Schema, field: &FieldDefinition) -> bool {
    !members(schema, field.ty.inner_named_type()).is_empty()
}

fn segment(name: &Name, field: &FieldDefinition, path: &[Segment]) -> Segment {
    let taken = path.iter().map(|segment| segment.variables.len()).sum::<usize>();
    let mut variables = Vec::new();
    let mut arguments = String::new();
    for (number, argument) in field.arguments.iter().filter(|argument| argument.is_required()).enumerate() {
        let variable = format!("v{}", taken + number);
        let _ = write!(arguments, "{}{}: ${variable}", if arguments.is_empty() { "" } else { ", " }, argument.name);
        variables.push((variable, argument.ty.to_string()));
    }
    let call = if arguments.is_empty() { name.to_string() } else { format!("{name}({arguments})") };
    Segment { call, variables, condition: None }
}

/// The text of an operation that asks for one place only.
fn operation_at(root: &str, path: &[Segment], is_composite: bool) -> String {
    let variables = path.iter().flat_map(|segment| &segment.variables);
    let variables: Vec<String> = variables.map(|(name, ty)| format!("${name}: {ty}")).collect();
    let mut text = root.to_owned();
    if !variables.is_empty() {
        let _ = write!(text, "({})", variables.join(", "));
    }
    let mut braces = 0;
    for (at, segment) in path.iter().enumerate() {
        let _ = write!(text, " {{ {}", segment.call);
        braces += 1;
        if let (Some(condition), true) = (&segment.condition, at + 1 < path.len()) {
            let _ = write!(text, " {{ ... on {condition}");
            braces += 1;
        }
    }
    if is_composite {
        text.push_str(" { __typename }");
    }
    text.push_str(&" }".repeat(braces));
    text
}
