//! Lowering: a client's operation becomes what the graph must give and how the answer is read from it.
//!
//! For each concrete type, fields of equal response name are merged (GraphQL §6.3.2 `CollectFields`; §5.3.2 guarantees
//! that they can be). The path of each client field becomes nodes: one for each graph field with its arguments at a
//! place.

use super::bounds::BoundedArgument;
use super::defer::{self, Deferral, DeferredObject, UsageId};
use super::error::{ARGUMENT_OUT_OF_RANGE, LIMIT_EXCEEDED, RequestError, VALIDATION_FAILED};
use super::lowered::{
    Hop, Leaf, Node, NodeId, Operation, OperationKind, Others, OutField, OutId, OutKind, OutObject, OutType,
    OutVariant, Selection, SelectionId, Value,
};
use super::outcomes::Outcomes;
use super::own::Particulars;
use super::prepare::{Prepared, variable_id};
use crate::compose::{FieldId, TypeId};
use crate::view::Wanted;
use crate::view::table::{Composite, FieldView, HopNode, InputType, Place, Template};
use apollo_compiler::Name;
use apollo_compiler::ast::{DirectiveList, Type};
use apollo_compiler::executable::{Field, Selection as ClientSelection, SelectionSet};
use indexmap::{IndexMap, IndexSet};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

impl Prepared {
    /// Lowers the operation for one set of `@skip`/`@include` outcomes.
    ///
    /// # Errors
    /// - `LIMIT_EXCEEDED` if the operation has too many entries: each field counts for each type on which it may be
    ///   selected;
    /// - `ARGUMENT_OUT_OF_RANGE` if a constant is outside the range that its service accepts.
    pub fn lower(&self, outcomes: &Outcomes) -> Result<Operation, Vec<RequestError>> {
        self.lower_of(&self.own, outcomes)
    }

    /// Does the same as [`Self::lower`] for a document of this shape. The shape is lowered, and errors have their
    /// locations in the document.
    ///
    /// # Errors
    /// As [`Self::lower`].
    pub fn lower_of(&self, own: &Particulars, outcomes: &Outcomes) -> Result<Operation, Vec<RequestError>> {
        let name = self.operation.object_type();
        let members = self.tables.composites.get(name.as_str()).map(|root| root.members.as_slice());
        let Some(&[(root, _)]) = members else { return Err(vec![broken(name)]) };
        let mut lowering = Lowering {
            prepared: self,
            outcomes,
            operation: Operation {
                kind: self.kind(),
                name: self.name().map(str::to_owned),
                root: SelectionId(0),
                selections: vec![Selection { ty: root, variants: Vec::new() }],
                nodes: Vec::new(),
                output: OutId(0),
                outputs: Vec::new(),
                is_anonymous: outcomes.is_anonymous(),
                deferral: None,
                bounded: Vec::new(),
            },
            deferral: Deferral::default(),
            group: Vec::new(),
            parts: IndexSet::new(),
            known: HashMap::new(),
            own,
            spent: 0,
            errors: Vec::new(),
        };
        let place = At { selection: SelectionId(0), possible: vec![root] };
        lowering.object(name, &place, &[(&self.operation.selection_set, None)]).map_err(|error| vec![error])?;
        if !lowering.errors.is_empty() {
            return Err(lowering.errors);
        }
        let Lowering { mut operation, deferral, .. } = lowering;
        operation.deferral = (!deferral.objects.is_empty()).then(|| Box::new(deferral));
        Ok(operation)
    }
}

/// An error for a view and a document that do not fit each other although they were checked. It is never expected.
fn broken(what: &str) -> RequestError {
    RequestError::new(VALIDATION_FAILED, format!("`{what}` cannot be answered"))
}

/// A place in the graph during lowering.
#[derive(Debug, Clone)]
struct At {
    selection: SelectionId,
    possible: Vec<TypeId>,
}

/// A selection set, and the innermost deferred fragment that contains it.
type Set<'a> = (&'a SelectionSet, Option<UsageId>);
/// Fields of equal response name, each with the innermost deferred fragment that contains it.
type Merged<'a> = Vec<(&'a Field, Option<UsageId>)>;

/// The fields that `CollectFields` collects for one object.
#[derive(Default)]
struct Collected<'a> {
    fields: IndexMap<&'a str, Merged<'a>>,
    /// Fragments that were spread, each with the deferred fragment around its spread.
    seen: HashSet<(&'a Name, Option<UsageId>)>,
    /// Deferred fragments that begin in this object.
    starts: Vec<UsageId>,
}

struct Lowering<'a> {
    prepared: &'a Prepared,
    outcomes: &'a Outcomes,
    operation: Operation,
    deferral: Deferral,
    /// The deferred fragments whose fields are being lowered; empty for the initial answer.
    group: Vec<UsageId>,
    /// Sets of deferred fragments. The index of a set is its [`Node::part`] minus one.
    parts: IndexSet<Vec<UsageId>>,
    /// One node for each field with its arguments at a place (rule 8 of lowering). The last part of the key is the
    /// arguments as text.
    known: HashMap<(SelectionId, TypeId, FieldId, String), NodeId>,
    /// The literals and locations of the document whose errors are reported.
    own: &'a Particulars,
    spent: usize,
    errors: Vec<RequestError>,
}

impl<'a> Lowering<'a> {
    fn object(&mut self, client_type: &str, at: &At, sets: &[Set<'a>]) -> Result<OutId, RequestError> {
        let composite = self.composite(client_type)?;
        let out = OutId::at(self.operation.outputs.len());
        let others = if composite.omits_others { Others::Omit } else { Others::Null };
        self.operation.outputs.push(OutObject { variants: Vec::new(), others });
        for &ty in &at.possible {
            let Some((_, object)) = composite.members.iter().find(|(member, _)| *member == ty) else { continue };
            self.spend()?;
            self.variant(at.selection, ty);
            let mut collected = Collected::default();
            for &(set, usage) in sets {
                self.collect(object, set, usage, &mut collected)?;
            }
            let mut fields = Vec::with_capacity(collected.fields.len());
            let mut deferred = DeferredObject { starts: collected.starts, groups: Vec::new() };
            for (response_name, merged) in collected.fields {
                let group = self.deferral.group_of(merged.iter().map(|&(_, usage)| usage));
                if group == self.group {
                    fields.push(self.out_field(object, response_name, &merged, at.selection, ty)?);
                    continue;
                }
                let around = std::mem::replace(&mut self.group, group.clone());
                let field = self.out_field(object, response_name, &merged, at.selection, ty)?;
                self.group = around;
                match deferred.groups.iter_mut().find(|(other, _)| *other == group) {
                    Some((_, fields)) => fields.push(field),
                    None => deferred.groups.push((group, vec![field])),
                }
            }
            if !(deferred.starts.is_empty() && deferred.groups.is_empty()) {
                self.deferral.objects.insert((out, ty), deferred);
            }
            let variant = OutVariant { ty, name: object.clone(), fields };
            self.operation.outputs[out.index()].variants.push(variant);
        }
        Ok(out)
    }

    /// Collects the fields of a selection set for an object type (`CollectFields`, §6.3.2).
    fn collect(
        &mut self,
        object: &str,
        set: &'a SelectionSet,
        usage: Option<UsageId>,
        collected: &mut Collected<'a>,
    ) -> Result<(), RequestError> {
        for selection in &set.selections {
            self.spend()?;
            if !self.prepared.is_included(self.outcomes, selection.directives()) {
                continue;
            }
            match selection {
                ClientSelection::Field(field) => {
                    collected.fields.entry(field.response_key().as_str()).or_default().push((field, usage));
                }
                ClientSelection::InlineFragment(fragment) => {
                    if self.applies(fragment.type_condition.as_ref(), object) {
                        let usage = self.usage(&fragment.directives, usage, collected);
                        self.collect(object, &fragment.selection_set, usage, collected)?;
                    }
                }
                ClientSelection::FragmentSpread(spread) => {
                    let Some(fragment) = self.prepared.document.fragments.get(&spread.fragment_name) else { continue };
                    if !self.applies(Some(fragment.type_condition()), object) {
                        continue;
                    }
                    let usage = self.usage(&spread.directives, usage, collected);
                    if collected.seen.insert((&fragment.name, usage)) {
                        self.collect(object, &fragment.selection_set, usage, collected)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Gives the innermost deferred fragment around the contents of a fragment that has these directives.
    fn usage(
        &mut self,
        directives: &'a DirectiveList,
        around: Option<UsageId>,
        collected: &mut Collected<'a>,
    ) -> Option<UsageId> {
        let Some(directive) = self.prepared.deferred(self.outcomes, directives) else { return around };
        let usage = self.deferral.add(defer::label(directive), around);
        collected.starts.push(usage);
        Some(usage)
    }

    fn applies(&self, condition: Option<&Name>, object: &str) -> bool {
        let tables = &self.prepared.tables;
        condition.is_none_or(|name| tables.composites.get(name.as_str()).is_some_and(|ty| ty.objects.contains(object)))
    }

    fn out_field(
        &mut self,
        object: &str,
        response_name: &str,
        group: &[(&'a Field, Option<UsageId>)],
        selection: SelectionId,
        ty: TypeId,
    ) -> Result<OutField, RequestError> {
        let Some(&(field, _)) = group.first() else { return Err(broken(response_name)) };
        let kind = match field.name.as_str() {
            "__typename" => OutKind::Typename,
            "__schema" | "__type" => OutKind::Introspection,
            name => {
                let tables = &self.prepared.tables;
                let view = tables.composites.get(object).and_then(|composite| composite.fields.get(name));
                self.value(view.ok_or_else(|| broken(name))?, field, group, selection, ty)?
            }
        };
        let coordinate = format!("{object}.{}", field.name);
        let site = match kind {
            OutKind::Refused { site, .. } => site,
            _ => self.prepared.sites.at(field.alias.as_ref().unwrap_or(&field.name).location()),
        };
        Ok(OutField { response_name: response_name.to_owned(), coordinate, site, kind })
    }

    fn value(
        &mut self,
        view: &'a FieldView,
        field: &'a Field,
        group: &[(&'a Field, Option<UsageId>)],
        selection: SelectionId,
        ty: TypeId,
    ) -> Result<OutKind, RequestError> {
        let given = match self.given(view, field)? {
            Ok(given) => given,
            Err(refused) => return Ok(refused),
        };
        let mut at = At { selection, possible: vec![ty] };
        let mut path = Vec::with_capacity(view.hops.len());
        for hop in &view.hops {
            let mut nodes = Vec::new();
            let mut next = None;
            for node in hop.nodes.iter().filter(|node| at.possible.contains(&node.ty)) {
                let arguments = self.arguments(view, field, node, &given);
                let id = self.node(at.selection, node, arguments)?;
                nodes.push((node.ty, id));
                if let (Some(Place { possible, .. }), Some(selection)) =
                    (&node.returns, self.operation.nodes[id.index()].selection)
                {
                    next = Some(At { selection, possible: possible.clone() });
                }
            }
            path.push(Hop { nodes, index: hop.index });
            match next {
                Some(next) => at = next,
                None => break, // A leaf: the last hop.
            }
        }
        let sets: Vec<_> = group.iter().map(|(field, usage)| (&field.selection_set, *usage)).collect();
        let ty = self.out_type(&field.definition.ty, &at, &sets)?;
        Ok(OutKind::Value { path, ty, default: view.default.clone() })
    }

    fn out_type(&mut self, ty: &Type, at: &At, sets: &[Set<'a>]) -> Result<OutType, RequestError> {
        let nullable = !ty.is_non_null();
        let name = match ty {
            Type::List(of) | Type::NonNullList(of) => {
                return Ok(OutType::List { of: Box::new(self.out_type(of, at, sets)?), nullable });
            }
            Type::Named(name) | Type::NonNullNamed(name) => name.as_str(),
        };
        let leaf = match self.prepared.tables.inputs.0.get(name) {
            None => return Ok(OutType::Object { id: self.object(name, at, sets)?, nullable }),
            Some(InputType::Int) => Leaf::Int,
            Some(InputType::Float) => Leaf::Float,
            Some(InputType::String) => Leaf::String,
            Some(InputType::Boolean) => Leaf::Boolean,
            Some(InputType::Id) => Leaf::Id,
            Some(InputType::Enum(view)) => Leaf::Enum(view.to_client.clone()),
            Some(InputType::Custom | InputType::Object(_)) => Leaf::Custom(name.to_owned()),
        };
        Ok(OutType::Leaf { leaf, nullable })
    }

    /// Gives the values of a field's arguments, with the graph's names; `None` for an argument that was not given and
    /// has no default. If an argument that must not be null is null, gives the error of the field instead.
    fn given(&self, view: &FieldView, field: &Field) -> Result<Result<Vec<Option<Value>>, OutKind>, RequestError> {
        let operation = &self.prepared.operation;
        let mut refused = None;
        let one = |argument: &crate::view::table::ArgumentView| {
            let Some(value) = field.arguments.iter().find(|given| given.name == argument.name.as_str()) else {
                return Ok(argument.default.clone().map(Value::Constant));
            };
            let fill = &mut |name: &Name, wanted: &Wanted<'_>| {
                let id = variable_id(operation, name).ok_or_else(|| format!("`${name}` is not defined"))?;
                if wanted.ty.is_non_null() && self.outcomes.is_null(id) {
                    refused.get_or_insert_with(|| OutKind::Refused {
                        argument: argument.name.clone(),
                        nullable: !field.definition.ty.is_non_null(),
                        site: self.prepared.sites.at(value.value.location()),
                    });
                }
                Ok(id)
            };
            let inputs = &self.prepared.tables.inputs;
            let template =
                inputs.literal(&argument.ty, &value.value, argument.default.as_ref(), fill).map_err(|error| {
                    let at = RequestError::new(
                        VALIDATION_FAILED,
                        format!("argument `{}`: {}", argument.name, error.message),
                    );
                    at.located(self.own.location(self.prepared.sites.at(error.location)))
                })?;
            Ok(Some(from_literal(template)))
        };
        let given = view.arguments.iter().map(one).collect::<Result<_, _>>()?;
        Ok(refused.map_or(Ok(given), Err))
    }

    fn arguments(
        &mut self,
        view: &FieldView,
        field: &Field,
        node: &HopNode,
        given: &[Option<Value>],
    ) -> Vec<(String, Value)> {
        let mut arguments = Vec::new();
        for argument in &node.arguments {
            let value = argument.value.as_ref().and_then(|template| from_template(template, given));
            let value = match value {
                Some(Value::Variable(id, None)) => Value::Variable(id, argument.default.clone()),
                Some(value) => value,
                None => match &argument.default {
                    Some(default) => Value::Constant(default.clone()),
                    None => continue,
                },
            };
            self.check_argument(view, field, node, &argument.name, argument.value.as_ref(), &value);
            arguments.push((argument.name.clone(), value));
        }
        arguments
    }

    fn check_argument(
        &mut self,
        view: &FieldView,
        field: &Field,
        node: &HopNode,
        name: &str,
        template: Option<&Template<usize>>,
        value: &Value,
    ) {
        let Some(bounds) = self.prepared.tables.bounds.get(&node.field) else { return };
        let Some((_, limit)) = bounds.iter().find(|(bounded, _)| bounded == name) else { return };
        let client = match template {
            Some(Template::Hole(index, _)) => view.arguments[*index].name.as_str(),
            _ => name,
        };
        let coordinate = format!("{}({client}:)", view.coordinate);
        let argument = field.arguments.iter().find(|argument| argument.name == client);
        let span = argument.map_or(field.name.location(), |argument| argument.location());
        let site = self.prepared.sites.at(span);
        let Value::Constant(json) = value else {
            let (limit, value) = (Arc::clone(limit), value.clone());
            self.operation.bounded.push(BoundedArgument { limit, value, coordinate, site });
            return;
        };
        if let Some(why) = limit.violation(json) {
            let error = RequestError::new(ARGUMENT_OUT_OF_RANGE, format!("`{coordinate}`: {why}"));
            self.errors.push(error.located(self.own.location(site)));
        }
    }

    /// Gives the node of a field with its arguments at a place, and makes it if there is none.
    fn node(
        &mut self,
        at: SelectionId,
        node: &HopNode,
        arguments: Vec<(String, Value)>,
    ) -> Result<NodeId, RequestError> {
        // Root fields of a mutation are never merged, even if they are equal, because each of them writes (§6.2.2).
        let is_effect = self.operation.kind == OperationKind::Mutation && at == self.operation.root;
        let text = if arguments.is_empty() { String::new() } else { format!("{arguments:?}") };
        let key = (at, node.ty, node.field, text);
        if let Some(&id) = self.known.get(&key).filter(|_| !is_effect) {
            let part = self.part(self.operation.nodes[id.index()].part);
            self.operation.nodes[id.index()].part = part;
            return Ok(id);
        }
        self.spend()?;
        let selection = node.returns.as_ref().map(|place| {
            self.operation.selections.push(Selection { ty: place.ty, variants: Vec::new() });
            SelectionId::at(self.operation.selections.len() - 1)
        });
        let node_id = NodeId::at(self.operation.nodes.len());
        let part = if self.group.is_empty() { 0 } else { self.part_of(self.group.clone()) };
        self.operation.nodes.push(Node { field: node.field, arguments, selection, part });
        self.variant(at, node.ty).push(node_id);
        self.known.insert(key, node_id);
        Ok(node_id)
    }

    /// Gives the part of a node that both another part and the fields that are being lowered want.
    fn part(&mut self, other: u32) -> u32 {
        if other == 0 || self.group.is_empty() {
            return 0;
        }
        let mut both = self.parts[other as usize - 1].clone();
        both.extend(&self.group);
        both.sort_unstable();
        both.dedup();
        self.part_of(both)
    }

    fn part_of(&mut self, group: Vec<UsageId>) -> u32 {
        // One for each set of fragments, which the limits bound.
        u32::try_from(self.parts.insert_full(group).0 + 1).unwrap_or(u32::MAX)
    }

    /// Gives the list of nodes that are wanted of one concrete type at a place.
    fn variant(&mut self, at: SelectionId, ty: TypeId) -> &mut Vec<NodeId> {
        let variants = &mut self.operation.selections[at.index()].variants;
        let position = variants.iter().position(|(known, _)| *known == ty).unwrap_or_else(|| {
            variants.push((ty, Vec::new()));
            variants.len() - 1
        });
        &mut variants[position].1
    }

    fn composite(&self, name: &str) -> Result<&'a Composite, RequestError> {
        let prepared: &'a Prepared = self.prepared;
        prepared.tables.composites.get(name).ok_or_else(|| broken(name))
    }

    fn spend(&mut self) -> Result<(), RequestError> {
        self.spent += 1;
        if self.spent <= self.prepared.max_lowered {
            return Ok(());
        }
        let most = self.prepared.max_lowered;
        Err(RequestError::new(
            LIMIT_EXCEEDED,
            format!("the operation, for all types it may meet, has more than {most} entries"),
        ))
    }
}

fn from_literal(template: Template<super::lowered::VariableId>) -> Value {
    match template {
        Template::Constant(json) => Value::Constant(json),
        Template::Hole(id, fallback) => Value::Variable(id, fallback),
        Template::List(items) => Value::List(items.into_iter().map(from_literal).collect()),
        Template::Object(members) => {
            Value::Object(members.into_iter().map(|(name, value)| (name, from_literal(value))).collect())
        }
    }
}

/// Fills the holes of a pinned or offered argument with the client's values.
fn from_template(template: &Template<usize>, given: &[Option<Value>]) -> Option<Value> {
    match template {
        Template::Constant(json) => Some(Value::Constant(json.clone())),
        Template::Hole(index, fallback) => match given.get(*index).and_then(Option::as_ref) {
            Some(Value::Variable(id, None)) => Some(Value::Variable(*id, fallback.clone())),
            Some(value) => Some(value.clone()),
            None => fallback.clone().map(Value::Constant),
        },
        Template::List(items) => {
            let null = || Value::Constant(crate::json::Value::Null);
            let items: Vec<_> = items.iter().map(|item| from_template(item, given).unwrap_or_else(null)).collect();
            Some(as_constant(Value::List(items)))
        }
        Template::Object(members) => {
            let members = members.iter().filter_map(|(name, value)| Some((name.clone(), from_template(value, given)?)));
            Some(as_constant(Value::Object(members.collect())))
        }
    }
}

/// Turns a list or object without variables into one constant.
fn as_constant(value: Value) -> Value {
    fn has_variable(value: &Value) -> bool {
        match value {
            Value::Constant(_) => false,
            Value::Variable(..) => true,
            Value::List(items) => items.iter().any(has_variable),
            Value::Object(members) => members.iter().any(|(_, value)| has_variable(value)),
        }
    }
    match has_variable(&value) {
        true => value,
        false => value.resolve(&super::variables::Variables::default()).map_or(value, Value::Constant),
    }
}
