//! Random operations for either of the demo's clients, which are valid by construction.
//!
//! In: a client schema and a seed. Out: a document, its variables, and the parts of the schema and the language that it
//! uses.
//! Elsewhere: the values of arguments ([`super::arguments`]).
//!
//! In the whole document, a response name means one field with the same arguments, so that fields may be repeated
//! anywhere and always merge.

use super::arguments::{Filled, Variables};
use super::reached::Reached;
use crate::random::Random;
use apollo_compiler::ast::FieldDefinition;
use apollo_compiler::schema::ExtendedType;
use apollo_compiler::validation::Valid;
use apollo_compiler::{Name, Schema};
use serde_json::{Map, Value};
use std::collections::HashMap;

/// The deepest nesting of fields.
const MAX_DEPTH: u32 = 6;
/// The most fields of a document, as written.
const MAX_FIELDS: u32 = 70;
/// The most objects that one selection set may apply to: the product of the lengths of the lists above it.
const MAX_WIDTH: u32 = 60;

/// A random operation.
#[derive(Debug, Clone)]
pub(crate) struct Generated {
    pub(crate) query: String,
    pub(crate) variables: Map<String, Value>,
    pub(crate) reached: Reached,
}

/// Makes an operation on a root type. `avoid` has the coordinates of fields that it must not have.
pub(crate) fn operation(schema: &Valid<Schema>, root: &str, seed: u64, avoid: &[&str]) -> Generated {
    let mut writer = Writer {
        schema,
        avoid,
        random: Random::new(seed),
        fields: 0,
        changes: false,
        meanings: HashMap::new(),
        fragments: Vec::new(),
        variables: Variables::default(),
        reached: Reached::default(),
    };
    let root = Name::new(root).expect("a type's name");
    let here = Place { depth: MAX_DEPTH, width: 1 };
    let selections = writer.selection_set(&root, here);
    writer.document(&root, &selections)
}

/// The bounds of a selection set at its place in the document.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// The number of levels of fields that may still be nested.
    depth: u32,
    /// The number of objects that the selection set may apply to.
    width: u32,
}

struct Fragment {
    name: String,
    on: Name,
    width: u32,
    text: String,
}

struct Writer<'s> {
    schema: &'s Valid<Schema>,
    avoid: &'s [&'s str],
    random: Random,
    fields: u32,
    /// Whether the operation has a field of `Mutation`.
    changes: bool,
    /// The field and the arguments of each response name.
    meanings: HashMap<String, (String, String)>,
    fragments: Vec<Fragment>,
    variables: Variables,
    reached: Reached,
}

/// A field that was written into a selection set.
#[derive(Clone)]
struct Written {
    /// The field's text with its alias and arguments, but without directives and selections.
    head: String,
    below: Option<(Name, Place)>,
}

impl Writer<'_> {
    fn document(mut self, root: &Name, selections: &str) -> Generated {
        let declared = self.variables.declared();
        let keyword = if root == "Query" { "query" } else { "mutation" };
        let operation = match self.random.below(3) {
            0 if declared.is_empty() && root == "Query" => selections.to_owned(),
            1 => format!("{keyword} Named{declared} {selections}"),
            _ => format!("{keyword} {declared} {selections}"),
        };
        let mut definitions = vec![operation];
        for Fragment { name, on, text, .. } in std::mem::take(&mut self.fragments) {
            let at = self.random.below(definitions.len() as u64 + 1) as usize;
            definitions.insert(at, format!("fragment {name} on {on} {text}"));
        }
        self.reached.count_all(self.variables.features());
        let variables = self.variables.given();
        Generated { query: definitions.join("\n"), variables, reached: self.reached }
    }

    fn selection_set(&mut self, ty: &Name, here: Place) -> String {
        let mut written: Vec<Written> = Vec::new();
        let mut selections = Vec::new();
        for _ in 0..=self.random.below(if here.depth == MAX_DEPTH { 4 } else { 5 }) {
            let selection = match self.random.below(20) {
                0 => self.typename(),
                1 => self.inline(None, ty, here),
                2..4 => self.conditioned(ty, here),
                4..6 => self.spread(ty, here),
                6..8 if !written.is_empty() => self.again(&written),
                _ => match self.field(ty, here) {
                    Some((text, field)) => {
                        written.push(field);
                        text
                    }
                    None if self.members(ty).is_empty() => continue,
                    None => self.conditioned(ty, here),
                },
            };
            selections.push(selection);
        }
        if selections.is_empty() {
            selections.push(self.typename());
        }
        let separator = *self.random.choose(&[" ", " ", " ", ", ", "\n", " # a comment }\n", ",,\u{feff}\t"]);
        format!("{{ {} }}", selections.join(separator))
    }

    fn typename(&mut self) -> String {
        self.reached.count("__typename");
        let name = self.response_name("__typename", "");
        let directives = self.directives();
        format!("{}{directives}", head(&name, "__typename", ""))
    }

    fn field(&mut self, ty: &Name, here: Place) -> Option<(String, Written)> {
        let schema = self.schema;
        let fields = match &schema.types[ty] {
            ExtendedType::Object(object) => &object.fields,
            ExtendedType::Interface(interface) => &interface.fields,
            _ => return None,
        };
        let fields: Vec<&FieldDefinition> = fields.values().map(|field| &***field).collect();
        let field = *self.random.choose(&fields);
        let coordinate = format!("{ty}.{}", field.name);
        // Each operation has at most one write, because servers may or may not go on after a failed one (GraphQL
        // §6.4.4).
        if ty == "Mutation" && std::mem::replace(&mut self.changes, true) {
            return None;
        }
        if self.avoid.contains(&coordinate.as_str()) || self.fields >= MAX_FIELDS {
            return None;
        }
        let inner = field.ty.inner_named_type();
        let is_leaf = self.schema.types[inner].is_leaf();
        if !is_leaf && here.depth == 0 {
            return None;
        }
        let variables = self.variables.len();
        let Filled { text: arguments, first } =
            self.variables.arguments(schema, &mut self.random, &mut self.reached, (ty, field));
        let width =
            here.width * if field.ty.is_list() { first.unwrap_or_else(|| usual_length(&field.name)) } else { 1 };
        // A wide list of leaves is cheap, but forty categories with the parents of their parents are expensive.
        if !is_leaf && width > MAX_WIDTH {
            self.variables.truncate(variables);
            return None;
        }
        self.fields += 1;
        self.reached.count("field");
        self.reached.visit(coordinate);
        let name = self.response_name(&field.name, &arguments);
        let head = head(&name, &field.name, &arguments);
        let below = (!is_leaf).then(|| (inner.clone(), Place { depth: here.depth - 1, width }));
        let written = Written { head, below };
        Some((self.with_selections(&written), written))
    }

    fn with_selections(&mut self, field: &Written) -> String {
        let directives = self.directives();
        let below = field.below.as_ref().map(|(ty, place)| self.selection_set(ty, *place));
        format!("{}{directives} {}", field.head, below.unwrap_or_default())
    }

    /// Repeats a field that is in the set already, with other selections below it.
    fn again(&mut self, written: &[Written]) -> String {
        let field = self.random.choose(written).clone();
        self.fields += 1;
        self.reached.count(if field.below.is_some() { "merged object" } else { "merged leaf" });
        self.with_selections(&field)
    }

    /// A response name that means nothing else in the document.
    fn response_name(&mut self, field: &str, arguments: &str) -> String {
        let meaning = (field.to_owned(), arguments.to_owned());
        let mut known: Vec<String> =
            self.meanings.iter().filter(|(_, known)| **known == meaning).map(|(name, _)| name.clone()).collect();
        known.sort();
        if !known.is_empty() && !self.random.one_in(4) {
            return self.random.choose(&known).clone();
        }
        let is_free = self.meanings.get(field).is_none_or(|known| *known == meaning);
        let name = match self.random.one_in(3) || !is_free {
            true => format!("a{}", self.meanings.len()),
            false => field.to_owned(),
        };
        if name != field {
            self.reached.count("alias");
        }
        self.meanings.insert(name.clone(), meaning);
        name
    }

    /// A type condition for a fragment at this type: mostly the type itself, or one of its members.
    fn on(&mut self, ty: &Name) -> Name {
        let own = self.members(ty);
        let own = if own.is_empty() { vec![ty.clone()] } else { own };
        if !self.random.one_in(5) {
            return self.random.choose(&own).clone();
        }
        let abstracts = self.schema.types.iter().filter(|(_, other)| other.is_union() || other.is_interface());
        let overlaps = |name: &Name| self.members(name).iter().any(|member| own.contains(member));
        let abstracts = abstracts.map(|(name, _)| name.clone()).filter(overlaps);
        let mut all: Vec<Name> = abstracts.collect();
        all.sort();
        if all.is_empty() { ty.clone() } else { self.random.choose(&all).clone() }
    }

    /// The object types of an abstract type; empty for other types.
    fn members(&self, ty: &Name) -> Vec<Name> {
        let schema: &Schema = self.schema;
        let mut members: Vec<Name> = match &schema.types[ty] {
            ExtendedType::Union(union) => union.members.iter().map(|member| member.name.clone()).collect(),
            ExtendedType::Interface(_) => {
                let objects = schema.types.iter().filter_map(|(name, other)| Some((name, other.as_object()?)));
                objects.filter(|(_, it)| it.implements_interfaces.contains(ty)).map(|(name, _)| name.clone()).collect()
            }
            _ => Vec::new(),
        };
        members.sort();
        members
    }

    fn inline(&mut self, condition: Option<&Name>, ty: &Name, here: Place) -> String {
        let (feature, condition) = match condition {
            Some(condition) => ("inline fragment with a condition", format!("on {condition}")),
            None => ("inline fragment", String::new()),
        };
        self.reached.count(feature);
        let directives = self.directives();
        format!("... {condition}{directives} {}", self.selection_set(ty, here))
    }

    fn conditioned(&mut self, ty: &Name, here: Place) -> String {
        if here.depth == 0 && self.fields >= MAX_FIELDS {
            return self.typename();
        }
        let on = self.on(ty);
        self.condition(&on, ty);
        // The depth shrinks, so that unions within unions end.
        let below =
            Place { depth: here.depth.saturating_sub(u32::from(on != *ty || self.members(ty).len() > 1)), ..here };
        self.inline(Some(&on), &on, below)
    }

    fn condition(&mut self, on: &Name, ty: &Name) {
        self.reached.visit(format!("... on {on}"));
        if !self.members(on).is_empty() {
            self.reached.count("condition on an abstract type");
        } else if on != ty {
            self.reached.count("condition on a member");
        }
    }

    fn spread(&mut self, ty: &Name, here: Place) -> String {
        if here.depth == 0 {
            return self.typename();
        }
        let on = self.on(ty);
        let known: Vec<usize> = (0..self.fragments.len())
            .filter(|&at| self.fragments[at].on == on && self.fragments[at].width >= here.width)
            .collect();
        if !known.is_empty() && self.random.one_in(2) {
            let at = *self.random.choose(&known);
            self.reached.count("named fragment, again");
            let directives = self.directives();
            return format!("...{}{directives}", self.fragments[at].name);
        }
        if self.fields >= MAX_FIELDS {
            return self.typename();
        }
        self.condition(&on, ty);
        self.reached.count(if self.fragments.is_empty() { "named fragment" } else { "further named fragment" });
        let text = self.selection_set(&on, Place { depth: here.depth - 1, ..here });
        let name = format!("F{}", self.fragments.len());
        self.fragments.push(Fragment { name: name.clone(), on, width: here.width, text });
        format!("...{name}{}", self.directives())
    }

    fn directives(&mut self) -> String {
        let names: &[&'static str] = match self.random.below(16) {
            0 => &["skip"],
            1 => &["include"],
            2 => &["include", "skip"],
            _ => return String::new(),
        };
        let mut text = String::new();
        for name in names {
            self.reached.count(name);
            let condition = self.variables.condition(&mut self.random, *name == "include");
            text.push_str(&format!(" @{name}(if: {condition})"));
        }
        text
    }
}

fn head(name: &str, field: &str, arguments: &str) -> String {
    if name == field { format!("{field}{arguments}") } else { format!("{name}: {field}{arguments}") }
}

/// The usual length of a list that has no argument `first`.
fn usual_length(field: &str) -> u32 {
    match field {
        "categories" => 40,
        "recent" => 3,
        _ => 5,
    }
}
