//! The rule that fields of one response name can be merged (GraphQL §5.3.2).
//!
//! Each pair of fields is compared once, because the pairs of a selection set and a fragment and the pairs of two
//! fragments are remembered. A conflict below two fields is reported at these fields and at every place that leads to
//! it.

use super::{Checker, Place, of};
use apollo_compiler::ast::{Argument, Field, Selection, Type, Value};
use apollo_compiler::schema::{ExtendedType, FieldDefinition};
use apollo_compiler::{Name, Node};
use std::collections::HashMap;
use std::rc::Rc;

/// The greatest depth of fields and fragments that is compared.
const MAX_DEPTH: usize = 100;
/// The most steps of work for one document. The other rules have their own bound.
const MAX_WORK: u32 = 100_000;
/// The most places that are reported for one side of a conflict.
const MAX_PLACES: usize = 20;

/// What was compared so far, and how much work it was.
#[derive(Default)]
pub(super) struct Merging<'a> {
    /// The fields of each selection set, by parent type and by the address of its first selection.
    sets: HashMap<(Option<&'a str>, *const Selection), Rc<FieldSet<'a>>>,
    /// The pairs of a set and a fragment that were compared; `true` if they were compared only as fields of different
    /// objects.
    with_fragments: HashMap<(usize, &'a str), bool>,
    /// The pairs of fragments that were compared, each in the order of names; `true` as in `with_fragments`.
    fragments: HashMap<(&'a str, &'a str), bool>,
    depth: usize,
    work: u32,
}

/// The fields of a selection set and of its inline fragments, and the names of the fragments that it spreads.
struct FieldSet<'a> {
    id: usize,
    /// The fields by response name, in the order of the document.
    fields: Vec<(&'a Name, Vec<FieldAt<'a>>)>,
    by_name: HashMap<&'a str, usize>,
    spreads: Vec<&'a str>,
}

#[derive(Clone, Copy)]
struct FieldAt<'a> {
    parent: Option<&'a Name>,
    node: &'a Node<Field>,
    definition: Option<&'a FieldDefinition>,
}

/// A pair of fields that cannot be merged.
struct Conflict<'a> {
    why: Why,
    /// The response names that lead to the conflict, the outermost first. The last one is the name of the fields that
    /// differ.
    path: Vec<&'a Name>,
    ours: Vec<Place>,
    theirs: Vec<Place>,
}

#[derive(Clone, Copy)]
enum Why {
    Fields,
    Arguments,
    Types,
}

impl Conflict<'_> {
    fn message(&self) -> String {
        let name = self.path.last().map_or("", |name| name.as_str());
        let message = match self.why {
            Why::Fields => format!("cannot select different fields into the same alias `{name}`"),
            Why::Arguments => {
                format!("operation must not provide conflicting field arguments for the same name `{name}`")
            }
            Why::Types => format!("operation must not select different types using the same name `{name}`"),
        };
        let outer: Vec<&str> = self.path.iter().rev().skip(1).rev().map(|name| name.as_str()).collect();
        if outer.is_empty() { message } else { format!("{message}, below `{}`", outer.join(".")) }
    }
}

type Conflicts<'a> = Vec<Conflict<'a>>;

impl<'a> Checker<'a> {
    pub(super) fn mergeable(&mut self, selections: &'a [Selection], parent: Option<&'a Name>) {
        if matches!(selections, [Selection::Field(_) | Selection::FragmentSpread(_)]) {
            return;
        }
        for conflict in self.conflicts_in(selections, parent) {
            let message = conflict.message();
            self.report(message, conflict.ours.into_iter().chain(conflict.theirs));
        }
    }

    fn conflicts_in(&mut self, selections: &'a [Selection], parent: Option<&'a Name>) -> Conflicts<'a> {
        let mut conflicts = Vec::new();
        let set = self.set_of(selections, parent);
        for (name, fields) in &set.fields {
            for (number, &one) in fields.iter().enumerate() {
                for &other in &fields[number + 1..] {
                    conflicts.extend(self.conflict(false, name, one, other));
                }
            }
        }
        for (number, &one) in set.spreads.iter().enumerate() {
            self.with_fragment(false, &set, one, &mut conflicts);
            for &other in &set.spreads[number + 1..] {
                self.between_fragments(false, one, other, &mut conflicts);
            }
        }
        conflicts
    }

    /// Compares the fields of a set with those of a fragment and of the fragments that it spreads.
    fn with_fragment(
        &mut self,
        is_exclusive: bool,
        set: &Rc<FieldSet<'a>>,
        name: &'a str,
        conflicts: &mut Conflicts<'a>,
    ) {
        if set.fields.is_empty() || !self.enter() {
            return;
        }
        let known = self.merging.with_fragments.insert((set.id, name), is_exclusive);
        match known {
            Some(known) if is_exclusive || !known => _ = self.merging.with_fragments.insert((set.id, name), known),
            _ => {
                if let Some(theirs) = self.set_of_fragment(name).filter(|theirs| theirs.id != set.id) {
                    self.between(is_exclusive, set, &theirs, conflicts);
                    for &spread in &theirs.spreads {
                        self.with_fragment(is_exclusive, set, spread, conflicts);
                    }
                }
            }
        }
        self.leave();
    }

    fn between_fragments(&mut self, is_exclusive: bool, one: &'a str, other: &'a str, conflicts: &mut Conflicts<'a>) {
        if one == other || !self.enter() {
            return;
        }
        let pair = if one < other { (one, other) } else { (other, one) };
        match self.merging.fragments.get(&pair).copied() {
            Some(known) if is_exclusive || !known => {}
            _ => {
                self.merging.fragments.insert(pair, is_exclusive);
                if let Some((ours, theirs)) = self.set_of_fragment(one).zip(self.set_of_fragment(other)) {
                    self.between(is_exclusive, &ours, &theirs, conflicts);
                    for &spread in &theirs.spreads {
                        self.between_fragments(is_exclusive, one, spread, conflicts);
                    }
                    for &spread in &ours.spreads {
                        self.between_fragments(is_exclusive, spread, other, conflicts);
                    }
                }
            }
        }
        self.leave();
    }

    /// Compares the fields of two sets without their fragments.
    fn between(
        &mut self,
        is_exclusive: bool,
        ours: &FieldSet<'a>,
        theirs: &FieldSet<'a>,
        conflicts: &mut Conflicts<'a>,
    ) {
        for (name, fields) in &ours.fields {
            let Some((_, others)) = theirs.by_name.get(name.as_str()).map(|&at| &theirs.fields[at]) else { continue };
            for &one in fields {
                for &other in others {
                    conflicts.extend(self.conflict(is_exclusive, name, one, other));
                }
            }
        }
    }

    /// Compares two fields. If `is_exclusive`, they never belong to the same object, so only their shapes must agree.
    fn conflict(
        &mut self,
        is_exclusive: bool,
        name: &'a Name,
        one: FieldAt<'a>,
        other: FieldAt<'a>,
    ) -> Option<Conflict<'a>> {
        if !self.enter() {
            return None;
        }
        let conflict = self.compare(is_exclusive, name, one, other);
        self.leave();
        conflict
    }

    fn compare(
        &mut self,
        is_exclusive: bool,
        name: &'a Name,
        one: FieldAt<'a>,
        other: FieldAt<'a>,
    ) -> Option<Conflict<'a>> {
        let is_object =
            |field: FieldAt<'a>| field.parent.and_then(|of| self.type_of(of)).is_some_and(ExtendedType::is_object);
        let is_exclusive = is_exclusive || one.parent != other.parent && is_object(one) && is_object(other);
        let (ours, theirs) = (vec![of(one.node.location())], vec![of(other.node.location())]);
        let types = one.definition.map(|of| &of.ty).zip(other.definition.map(|of| &of.ty));
        let why = if !is_exclusive && one.node.name != other.node.name {
            Some(Why::Fields)
        } else if !is_exclusive && !are_same_arguments(&one.node.arguments, &other.node.arguments) {
            Some(Why::Arguments)
        } else {
            types.filter(|(ours, theirs)| self.differ(ours, theirs)).map(|_| Why::Types)
        };
        if let Some(why) = why {
            return Some(Conflict { why, path: vec![name], ours, theirs });
        }
        if one.node.selection_set.is_empty() || other.node.selection_set.is_empty() {
            return None;
        }
        let below = self.below(is_exclusive, one, other);
        let first = below.first()?;
        let path = std::iter::once(name).chain(first.path.iter().copied()).collect();
        let why = first.why;
        let (mut ours, mut theirs) = (ours, theirs);
        for conflict in below {
            ours.extend(conflict.ours);
            theirs.extend(conflict.theirs);
        }
        ours.truncate(MAX_PLACES);
        theirs.truncate(MAX_PLACES);
        Some(Conflict { why, path, ours, theirs })
    }

    /// Compares the selections of two fields.
    fn below(&mut self, is_exclusive: bool, one: FieldAt<'a>, other: FieldAt<'a>) -> Conflicts<'a> {
        let mut conflicts = Vec::new();
        let inner = |this: &Self, field: FieldAt<'a>| {
            field.definition.and_then(|definition| this.composite(definition.ty.inner_named_type()))
        };
        let (our_type, their_type) = (inner(self, one), inner(self, other));
        let ours = self.set_of(&one.node.selection_set, our_type);
        let theirs = self.set_of(&other.node.selection_set, their_type);
        self.between(is_exclusive, &ours, &theirs, &mut conflicts);
        for &spread in &theirs.spreads {
            self.with_fragment(is_exclusive, &ours, spread, &mut conflicts);
        }
        for &spread in &ours.spreads {
            self.with_fragment(is_exclusive, &theirs, spread, &mut conflicts);
        }
        for &one in &ours.spreads {
            for &other in &theirs.spreads {
                self.between_fragments(is_exclusive, one, other, &mut conflicts);
            }
        }
        conflicts
    }

    /// Whether the types of two fields have different shapes (`SameResponseShape`), apart from their selections.
    fn differ(&self, one: &Type, other: &Type) -> bool {
        match (one, other) {
            (Type::NonNullNamed(_) | Type::NonNullList(_), Type::Named(_) | Type::List(_))
            | (Type::Named(_) | Type::List(_), Type::NonNullNamed(_) | Type::NonNullList(_)) => true,
            (Type::List(one) | Type::NonNullList(one), Type::List(other) | Type::NonNullList(other)) => {
                self.differ(one, other)
            }
            (Type::Named(one) | Type::NonNullNamed(one), Type::Named(other) | Type::NonNullNamed(other)) => {
                let is_leaf = |name: &Name| self.type_of(name).is_some_and(|ty| ty.is_scalar() || ty.is_enum());
                one != other && (is_leaf(one) || is_leaf(other))
            }
            _ => true,
        }
    }

    fn set_of_fragment(&mut self, name: &str) -> Option<Rc<FieldSet<'a>>> {
        let fragment = self.fragment(name)?;
        let parent = self.composite(&fragment.type_condition);
        Some(self.set_of(&fragment.selection_set, parent))
    }

    fn set_of(&mut self, selections: &'a [Selection], parent: Option<&'a Name>) -> Rc<FieldSet<'a>> {
        let key = (parent.map(Name::as_str), selections.as_ptr());
        if let Some(known) = self.merging.sets.get(&key) {
            return Rc::clone(known);
        }
        let id = self.merging.sets.len();
        let mut set = FieldSet { id, fields: Vec::new(), by_name: HashMap::new(), spreads: Vec::new() };
        self.collect_fields(selections, parent, &mut set);
        let set = Rc::new(set);
        self.merging.sets.insert(key, Rc::clone(&set));
        set
    }

    fn collect_fields(&mut self, selections: &'a [Selection], parent: Option<&'a Name>, set: &mut FieldSet<'a>) {
        for selection in selections {
            self.merging.work += 1;
            match selection {
                Selection::Field(node) => {
                    let name = node.response_name();
                    let definition = self.field_definition(parent, &node.name);
                    let at = *set.by_name.entry(name.as_str()).or_insert_with(|| {
                        set.fields.push((name, Vec::new()));
                        set.fields.len() - 1
                    });
                    set.fields[at].1.push(FieldAt { parent, node, definition });
                }
                Selection::FragmentSpread(spread) => {
                    let name = spread.fragment_name.as_str();
                    if self.fragment(name).is_some() && !set.spreads.contains(&name) {
                        set.spreads.push(name);
                    }
                }
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.type_condition.as_ref();
                    let inner = condition.map_or(parent, |condition| self.composite(condition));
                    self.collect_fields(&fragment.selection_set, inner, set);
                }
            }
        }
    }

    /// Goes one level down. Gives `false` if that is too deep or the work is too much.
    fn enter(&mut self) -> bool {
        self.merging.work += 1;
        let may = self.merging.depth < MAX_DEPTH && self.merging.work < MAX_WORK && self.may_go_on();
        self.merging.depth += usize::from(may);
        may
    }

    fn leave(&mut self) {
        self.merging.depth -= 1;
    }
}

fn are_same_arguments(ours: &[Node<Argument>], theirs: &[Node<Argument>]) -> bool {
    let has_same = |one: &Node<Argument>| {
        theirs.iter().any(|other| one.name == other.name && are_same_values(&one.value, &other.value))
    };
    ours.len() == theirs.len() && ours.iter().all(has_same)
}

/// Whether two values are equal. The order of an object's fields does not count.
fn are_same_values(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::List(ours), Value::List(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(one, other)| are_same_values(one, other))
        }
        (Value::Object(ours), Value::Object(theirs)) => {
            let has_same = |(name, value): &(Name, Node<Value>)| {
                theirs.iter().any(|(other, theirs)| name == other && are_same_values(value, theirs))
            };
            ours.len() == theirs.len() && ours.iter().all(has_same)
        }
        (one, other) => one == other,
    }
}
