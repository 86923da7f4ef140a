//! A graph as text: the fields of each type, and the ways to get them.

use super::graph::Graph;
use super::ids::{FieldId, ShapeId, TypeId};
use super::read::{From, JsonPath, Method, Read, Segment};
use super::shape::{ListBound, Slicing, TypeChoice};
use super::types::TypeRef;
use super::way::{Effect, Entry, KeyPath, Pairing, Way};
use super::{Input, ListForm, PathPart, RestCall};
use crate::contract::StatusPattern;
use std::collections::BTreeSet;
use std::fmt::Write;

/// The greatest indentation that is printed.
const MAX_INDENT: usize = 60;

/// Prints a graph for people: for each type its fields, and for each way its source, endpoint, batch, inputs and shape.
#[must_use]
pub fn print_graph(graph: &Graph) -> String {
    let mut printer = Printer { graph, out: String::new(), printed: BTreeSet::new() };
    for ty in &graph.types {
        if ty.fields.is_empty() {
            continue;
        }
        let id = graph.type_id(&ty.name).unwrap_or(TypeId(0));
        printer.line(0, &format!("{}{}", ty.name, if ty.is_hidden { " @inaccessible" } else { "" }));
        for way in &ty.lookups {
            printer.way(graph.way(*way), 1);
        }
        for (name, field) in &ty.fields {
            printer.field(id, name, *field);
        }
    }
    printer.out
}

struct Printer<'a> {
    graph: &'a Graph,
    out: String,
    printed: BTreeSet<ShapeId>,
}

impl Printer<'_> {
    fn line(&mut self, indent: usize, text: &str) {
        for _ in 0..indent {
            self.out.push_str("  ");
        }
        self.out.push_str(text);
        self.out.push('\n');
    }

    fn field(&mut self, _ty: TypeId, name: &str, id: FieldId) {
        let field = self.graph.field(id);
        let arguments: Vec<String> = field
            .arguments
            .iter()
            .map(|(name, argument)| {
                let default = argument.default.as_ref().map(|value| format!(" = {value}")).unwrap_or_default();
                let hidden = if argument.is_hidden { " @inaccessible" } else { "" };
                format!("{name}: {}{default}{}{hidden}", self.ty(&argument.ty), bounds(&argument.bounds))
            })
            .collect();
        let arguments = if arguments.is_empty() { String::new() } else { format!("({})", arguments.join(", ")) };
        let hidden = if field.is_hidden { " @inaccessible" } else { "" };
        let text = format!(".{name}{arguments}: {}{hidden}", self.ty(&field.ty));
        self.line(1, &text);
        for way in &field.bindings {
            self.way(self.graph.way(*way), 2);
        }
    }

    fn way(&mut self, way: &Way, indent: usize) {
        let source = &self.graph.source(way.source).name;
        let what = match way.entry {
            Entry::Lookup(_) => "lookup ",
            Entry::Root(_) | Entry::Field(_) => "",
        };
        let mut text = format!("{what}{source} {}", way.endpoint);
        if !way.inputs.is_empty() {
            let inputs: Vec<String> = way.inputs.iter().map(|path| self.key_path(path)).collect();
            let _ = write!(text, " by {}", inputs.join(", "));
        }
        if let Some(batch) = &way.batch {
            let pairing = match &batch.pairing {
                Pairing::Position => "position".to_owned(),
                Pairing::Index(key) => format!("index {}", json_path(key)),
                Pairing::Group(key) => format!("group {}", json_path(key)),
            };
            let _ = write!(text, ", batch {pairing} ≤ {}", batch.max_size);
        }
        let bound = list_bound(&way.answer.bound);
        if !bound.is_empty() {
            let _ = write!(text, ", list{bound}");
        }
        if way.caller.is_private() {
            text.push_str(", PRIVATE");
        }
        if !way.is_safe {
            text.push_str(", unsafe");
        }
        self.line(indent, &text);
        for (field, paths) in &way.requires {
            let paths: Vec<String> = paths.iter().map(|path| self.key_path(path)).collect();
            let text = format!("requires for .{}: {}", self.graph.field(*field).name, paths.join(", "));
            self.line(indent + 1, &text);
        }
        if let Some(call) = way.call.rest() {
            let text = rest_call(call);
            self.line(indent + 1, &text);
        }
        if let Some(every) = way.poll {
            self.line(indent + 1, &format!("poll every {} ms", every.as_millis()));
        }
        if let Some(cache) = &way.cache {
            let scope = if cache.is_private { "PRIVATE" } else { "PUBLIC" };
            let text = format!("cache {} s, swr {} s, {scope} {}", cache.max_age, cache.swr, cache.tags.join(" "));
            self.line(indent + 1, text.trim_end());
        }
        if !way.invalidates.is_empty() {
            self.line(indent + 1, &format!("invalidates {}", way.invalidates.join(" ")));
        }
        self.answer(way, indent + 1);
        for outcome in &way.outcomes {
            let status = match outcome.status {
                StatusPattern::Exact(status) => status.to_string(),
                StatusPattern::Class(class) => format!("{class}XX"),
                StatusPattern::Default => "default".to_owned(),
            };
            match &outcome.effect {
                Effect::Null => self.line(indent + 1, &format!("on {status}: null")),
                Effect::Code(code) => self.line(indent + 1, &format!("on {status}: error {code}")),
                Effect::Value { ty, read: value, shape } => {
                    let text = format!("on {status}: {} at {}", self.graph.ty(*ty).name, read(value));
                    self.line(indent + 1, &text);
                    self.shape(*shape, indent + 2);
                }
            }
        }
    }

    fn answer(&mut self, way: &Way, indent: usize) {
        let items =
            if way.batch.is_some() { format!("items {}, ", json_path(&way.answer.items)) } else { String::new() };
        let text = format!("{items}value {}", read(&way.answer.read));
        self.line(indent, &text);
        if let Some(shape) = way.answer.shape {
            self.shape(shape, indent + 1);
        }
    }

    fn shape(&mut self, id: ShapeId, indent: usize) {
        let shape = self.graph.shape(id);
        let name = self.graph.ty(shape.ty).name.clone();
        if indent > MAX_INDENT {
            self.line(indent, &format!("{name} #{} …", id.0));
            return;
        }
        if !self.printed.insert(id) {
            self.line(indent, &format!("{name} #{}, as above", id.0));
            return;
        }
        self.line(indent, &format!("{name} #{}", id.0));
        if let TypeChoice::By { read: by, cases } = &shape.choice {
            let cases: Vec<String> = cases
                .iter()
                .map(|(text, variant)| {
                    let ty = shape.variants.get(*variant).map(|variant| self.graph.ty(variant.ty).name.as_str());
                    format!("{text} → {}", ty.unwrap_or("?"))
                })
                .collect();
            self.line(indent + 1, &format!("type by {}: {}", read(by), cases.join(", ")));
        }
        for variant in &shape.variants {
            if shape.variants.len() > 1 {
                self.line(indent + 1, &format!("as {}", self.graph.ty(variant.ty).name));
            }
            for (field, place) in &variant.fields {
                let field = &self.graph.field(*field).name;
                let text = format!("{field}: {}{}", read(&place.read), list_bound(&place.bound));
                self.line(indent + 1, &text);
                if let Some(shape) = place.shape {
                    self.shape(shape, indent + 2);
                }
            }
        }
    }

    fn key_path(&self, path: &KeyPath) -> String {
        let names: Vec<&str> = path.0.iter().map(|field| self.graph.field(*field).name.as_str()).collect();
        names.join(".")
    }

    fn ty(&self, ty: &TypeRef) -> String {
        let bang = if ty.is_nullable() { "" } else { "!" };
        match ty {
            TypeRef::Named { ty, .. } => format!("{}{bang}", self.graph.ty(*ty).name),
            TypeRef::List { of, .. } => format!("[{}]{bang}", self.ty(of)),
        }
    }
}

fn bounds(bounds: &super::Bounds) -> String {
    let mut parts = Vec::new();
    let mut add = |name: &str, value: Option<String>| parts.extend(value.map(|value| format!("{name} {value}")));
    for (bound, signs) in [(&bounds.numbers.minimum, ["≥", ">"]), (&bounds.numbers.maximum, ["≤", "<"])] {
        if let Some(bound) = bound {
            add(signs[usize::from(bound.is_exclusive)], Some(bound.value.to_string()));
        }
    }
    for divisor in &bounds.numbers.multiple_of {
        add("multiple of", Some(divisor.to_string()));
    }
    add("length ≥", bounds.min_length.map(|bound| bound.to_string()));
    add("length ≤", bounds.max_length.map(|bound| bound.to_string()));
    add("items ≤", bounds.max_items.map(|bound| bound.to_string()));
    add("like", bounds.pattern.clone());
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
}

fn list_bound(bound: &ListBound) -> String {
    let mut text = bound.assumed.map_or_else(String::new, |assumed| format!(" ~ {assumed}"));
    for Slicing { argument, maximum } in &bound.slicing {
        let _ = write!(text, " ≤ {argument}");
        let _ = maximum.map(|maximum| write!(text, " ≤ {maximum}"));
    }
    let _ = bound.max.map(|max| write!(text, " ≤ {max}"));
    text
}

fn rest_call(call: &RestCall) -> String {
    let mut text = format!("{} ", call.method);
    for part in &call.path {
        match part {
            PathPart::Literal(literal) => text.push_str(literal),
            PathPart::Value(value) => {
                let _ = write!(text, "{{{}}}", input(value));
            }
        }
    }
    for (at, parameter) in call.query.iter().enumerate() {
        let form = match parameter.list {
            ListForm::Repeat => "",
            ListForm::Comma => ",",
            ListForm::Space => "%20",
            ListForm::Pipe => "|",
        };
        let _ = write!(text, "{}{}={form}{}", if at == 0 { "?" } else { "&" }, parameter.name, input(&parameter.value));
    }
    for header in &call.headers {
        let _ = write!(text, " {}: {}", header.name, input(&header.value));
    }
    if let Some(body) = &call.body {
        let _ = write!(text, " body {}", input(body));
    }
    if let Some(fieldset) = &call.fieldset {
        let _ = write!(text, " fieldset {}", fieldset.name);
    }
    text
}

fn input(value: &Input) -> String {
    match value {
        Input::Literal(value) => value.to_string(),
        Input::Argument(path) => format!("$args.{}", path.join(".")),
        Input::Parent(index) => format!("parent[{index}]"),
        Input::BatchSize => "$batch->size".to_owned(),
        Input::Claim(path) => format!("$claims.{}", path.join(".")),
        Input::Config(path) => format!("$config.{}", path.join(".")),
        Input::Object(members) => {
            let members: Vec<String> =
                members.iter().map(|(name, value)| format!("{name}: {}", input(value))).collect();
            format!("{{ {} }}", members.join(", "))
        }
        Input::List(members) => {
            let members: Vec<String> = members.iter().map(input).collect();
            format!("[{}]", members.join(", "))
        }
        Input::OrElse(value, or) => format!("{} ?? {}", input(value), input(or)),
        Input::Number(value) => format!("number({})", input(value)),
        Input::Text(value) => format!("text({})", input(value)),
    }
}

fn json_path(path: &JsonPath) -> String {
    let mut text = String::from("$");
    for segment in &path.0 {
        match segment {
            Segment::Property(name) => {
                let _ = write!(text, ".{name}");
            }
            Segment::Index(index) => {
                let _ = write!(text, "[{index}]");
            }
            Segment::Each => text.push_str("[*]"),
        }
    }
    text
}

fn read(value: &Read) -> String {
    let mut text = match &value.from {
        From::Json(path) => json_path(path),
        From::Literal(literal) => literal.to_string(),
        From::Input(value) => input(value),
    };
    for method in &value.then {
        match method {
            Method::First => text.push_str("->first"),
            Method::Last => text.push_str("->last"),
            Method::Size => text.push_str("->size"),
            Method::Not => text.push_str("->not"),
            Method::Eq(literal) => {
                let _ = write!(text, "->eq({literal})");
            }
            Method::Match(pairs) => {
                let pairs: Vec<String> = pairs.iter().map(|(when, then)| format!("{when}: {then}")).collect();
                let _ = write!(text, "->match({})", pairs.join(", "));
            }
        }
    }
    if let Some(or) = &value.or {
        let _ = write!(text, " ?? {}", read(or));
    }
    text
}
