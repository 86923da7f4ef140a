//! The answer of a binding: where its value is, how a batch is split into items, and how long its list can be.

use super::binding::Binding;
use super::leaf;
use super::request::Request;
use super::shape::{Checked, Selected};
use super::walk::{Found, Known};
use crate::compose::list_size::with_declared_size;
use crate::compose::read::{JsonPath, Read, Segment};
use crate::compose::shape::{ListBound, Slicing};
use crate::compose::types::TypeRef;
use crate::compose::way::{Answer, Entry, Pairing};
use crate::contract::{Response, SchemaId, SchemaKind, StatusPattern};
use crate::diagnostic::{Code, Finding, Span};
use crate::sdl::mapping::{Expression, Fields, Mapping, MappingBody, Start, Step, Variable};
use crate::sdl::{BatchDeclaration, EffectDeclaration, OutcomeDeclaration};
use crate::suggest;

/// The form of a `selection`.
pub(super) enum Selection<'a> {
    /// The selection is one value, by a path from the body.
    Value(&'a Expression),
    /// The selection lists fields of the body itself.
    Fields(&'a Fields),
    /// There is no selection: the body is read by fields of the same names.
    Default,
}

impl<'a> Binding<'_, 'a> {
    /// The contents of a success, and how the items of a batch find their parents.
    pub(super) fn answer(&mut self, request: &Request) -> Option<(Answer, Option<Pairing>)> {
        if let Some(answer) = self.answer_by_status() {
            return answer.map(|answer| (answer, None));
        }
        let body = self.success_schema()?;
        match &self.connect.batch {
            Some(batch) => self.batched(batch, body, request),
            None => self.single(body).map(|answer| (answer, None)),
        }
    }

    /// The schema of the body of the first declared success. `Some(None)` if nothing is known of it.
    fn success_schema(&mut self) -> Option<Option<SchemaId>> {
        let Some(endpoint) = self.endpoint else { return Some(None) };
        let Some(success) = endpoint.responses.iter().find(|response| is_success(response)) else {
            let is_done = |outcome: &OutcomeDeclaration| {
                !matches!(outcome.effect, EffectDeclaration::Code(_)) && self.is_redirect_of_write(outcome.status.value)
            };
            if self.connect.outcomes.iter().any(is_done) {
                return Some(None);
            }
            let message = format!("operation `{}` declares no success", endpoint.id);
            let finding = Finding::new(Code::E103, message, self.target_span(), "called here")
                .and(endpoint.span, "declared here")
                .help("declare a `2XX` response in the contract");
            self.draft.find(finding);
            return None;
        };
        let reads_nothing = self.connect.selection.as_ref().is_some_and(is_constant);
        if success.schema.is_none() && !reads_nothing {
            let message = format!("the answer of `{}` has no JSON body", endpoint.id);
            let finding = Finding::new(Code::E103, message, self.target_span(), "called here")
                .and(success.span, "declared here")
                .help("give a value that needs none, such as `selection: \"$(true)\"`");
            self.draft.find(finding);
            return None;
        }
        Some(success.schema)
    }

    /// Whether a status means success for a write that declares no 2xx, such as 303 after a POST.
    fn is_redirect_of_write(&self, status: StatusPattern) -> bool {
        let is_redirect = match status {
            StatusPattern::Exact(status) => (300..400).contains(&status),
            StatusPattern::Class(class) => class == 3,
            StatusPattern::Default => false,
        };
        let is_2xx =
            |response: &Response| matches!(response.status, StatusPattern::Exact(200..=299) | StatusPattern::Class(2));
        let declares_none = self.endpoint.is_some_and(|endpoint| !endpoint.responses.iter().any(is_2xx));
        is_redirect && self.is_mutation && declares_none
    }

    /// The answer of a field whose success is an outcome, such as `201 as Order` of a union.
    fn answer_by_status(&mut self) -> Option<Option<Answer>> {
        let is_success = |status: StatusPattern| match status {
            StatusPattern::Exact(200..=299) | StatusPattern::Class(2) => true,
            status => self.is_redirect_of_write(status),
        };
        let outcome =
            self.connect.outcomes.iter().find(|outcome| {
                is_success(outcome.status.value) && matches!(outcome.effect, EffectDeclaration::As(_))
            })?;
        if self.connect.batch.is_some() {
            let message = "outcomes of success cannot be told apart in a batch";
            self.draft.find(Finding::new(Code::E113, message, outcome.status.span, "this outcome"));
            return Some(None);
        }
        let (_, read, shape) = self.outcome_value(outcome)?;
        let outcome = Some(outcome.status.value);
        Some(Some(Answer {
            items: JsonPath::default(),
            read,
            shape: Some(shape),
            bound: ListBound::default(),
            outcome,
        }))
    }

    fn single(&mut self, body: Option<SchemaId>) -> Option<Answer> {
        let ty = self.ty.clone();
        let (read, shape, bound) = self.value_at(&ty, body, self.connect.selection.as_ref())?;
        let bound = self.list_bound(bound);
        Some(Answer { items: JsonPath::default(), read, shape, bound, outcome: None })
    }

    /// Checks how a value of a type is read from a body, by a selection or by default.
    pub(super) fn value_at(
        &mut self,
        ty: &TypeRef,
        body: Option<SchemaId>,
        selection: Option<&'a Mapping>,
    ) -> Option<(Read, Option<crate::compose::ShapeId>, ListBound)> {
        let known = |schema: Option<SchemaId>| schema.map_or(Known::Nothing, Known::Schema);
        let span = selection.map_or(self.target_span(), |selection| selection.span);
        let name = self.name.clone();
        let (found, selected) = match self.selection(ty, selection) {
            Selection::Value(value) => {
                let selected = match (&value.start, &value.selection) {
                    (Start::Object(fields), _) | (_, Some(fields)) => Selected::Listed(fields),
                    _ => Selected::SameNamed { is_top: true },
                };
                (self.walk(body, value)?, selected)
            }
            Selection::Fields(fields) => {
                let nullable = body.and_then(|body| self.null_span(body));
                let read = Read::path(JsonPath::default());
                (Found { read, known: known(body), nullable, lists: Vec::new() }, Selected::Listed(fields))
            }
            Selection::Default => {
                let nullable = body.and_then(|body| self.null_span(body));
                let read = Read::path(JsonPath::default());
                let selected = Selected::SameNamed { is_top: true };
                (Found { read, known: known(body), nullable, lists: Vec::new() }, selected)
            }
        };
        let Found { read, known, nullable, lists } = found;
        let declared = self.declaration();
        let (shape, bound) = self.place(ty, Checked { known, nullable, lists, selected, span, name, declared })?;
        Some((read, shape, bound))
    }

    /// The selection of a value. A single unnamed field is a path if the type is a leaf: `selection: "available"`.
    fn selection(&self, ty: &TypeRef, selection: Option<&'a Mapping>) -> Selection<'a> {
        match selection.map(|selection| &selection.body) {
            None => Selection::Default,
            Some(MappingBody::Value(value)) => Selection::Value(value),
            Some(MappingBody::Entries(fields)) => match fields.entries.as_slice() {
                [only] if !only.is_aliased && !self.draft.is_composite(ty.named()) => Selection::Value(&only.value),
                _ => Selection::Fields(fields),
            },
        }
    }

    /// The answer of a batch: the array of items, the key of each item, and the value in each.
    fn batched(
        &mut self,
        batch: &'a BatchDeclaration,
        body: Option<SchemaId>,
        request: &Request,
    ) -> Option<(Answer, Option<Pairing>)> {
        let is_group = self.ty.is_list();
        self.check_per_key_is_sent(batch);
        let item_type = match &self.ty {
            TypeRef::List { of, .. } => (**of).clone(),
            named => named.clone(),
        };
        let selection = self.selection(&self.ty, self.connect.selection.as_ref());
        let (items, item, max_items, rest) = self.split_items(selection, body)?;
        let key = self.batch_key(batch, item)?;
        let pairing = if is_group { Pairing::Group(key) } else { Pairing::Index(key) };
        self.check_batch(batch, request, is_group);
        let value_type = if is_group { item_type.clone() } else { nullable(item_type.clone()) };
        let (read, shape) = self.item_value(&value_type, item, rest)?;
        if let (false, TypeRef::Named { nullable: false, .. }, Entry::Field(field)) = (is_group, &self.ty, self.entry) {
            let span = self.draft.graph.field(field).span;
            let message = format!("`{}` is non-null, and a batch may not hold every key", self.name);
            let finding = Finding::new(Code::E105, message, span, "non-null here").help("drop the `!`");
            self.draft.find(finding);
        }
        let bound = match (is_group, &batch.per_key) {
            (false, _) => ListBound::default(),
            (true, Some(per_key)) => {
                let per_key = self.per_key(per_key)?;
                self.sized(per_key)
            }
            (true, None) => self.list_bound(ListBound::at_most(max_items)),
        };
        Some((Answer { items, read, shape, bound, outcome: None }, Some(pairing)))
    }

    fn item_value(
        &mut self,
        ty: &TypeRef,
        item: Option<SchemaId>,
        rest: Rest<'a>,
    ) -> Option<(Read, Option<crate::compose::ShapeId>)> {
        let span = self.connect.selection.as_ref().map_or(self.target_span(), |selection| selection.span);
        let (found, selected) = match rest {
            Rest::Path { steps, selected } => (self.walk_steps(item, steps)?, selected),
            Rest::Or { whole, steps, selected } => {
                let mut found = self.walk_steps(item, steps)?;
                if let Some(or) = &whole.or {
                    let other = self.walk(item, or)?;
                    found.read.or = Some(Box::new(other.read));
                    found.nullable = found.nullable.and(other.nullable);
                }
                (found, selected)
            }
        };
        let Found { read, known, nullable, lists } = found;
        let name = self.name.clone();
        let declared = self.declaration();
        let (shape, _) = self.place(ty, Checked { known, nullable, lists, selected, span, name, declared })?;
        Some((read, shape))
    }

    /// Finds the array of items in the body: the first array on the selection's path.
    fn split_items(
        &mut self,
        selection: Selection<'a>,
        body: Option<SchemaId>,
    ) -> Option<(JsonPath, Option<SchemaId>, Option<u64>, Rest<'a>)> {
        let (value, selected) = match selection {
            Selection::Default => (None, Selected::SameNamed { is_top: true }),
            Selection::Fields(fields) => (None, Selected::Listed(fields)),
            Selection::Value(value) => match &value.selection {
                Some(fields) => (Some(value), Selected::Listed(fields)),
                None => (Some(value), Selected::SameNamed { is_top: true }),
            },
        };
        let steps = value.map_or(&[][..], |value| &value.steps);
        let is_leaf = !self.draft.is_composite(self.ty.named());
        let mut items = JsonPath::default();
        let mut at = body;
        let mut taken = 0;
        loop {
            let kind = at.and_then(|id| self.source.contract.map(|contract| &contract.schema(id).kind));
            match (kind, steps.get(taken)) {
                (Some(SchemaKind::Array { items: item, max_items, .. }), _) => {
                    let rest = Rest::of(value, &steps[taken..], selected);
                    return Some((items, Some(*item), *max_items, rest));
                }
                (None | Some(SchemaKind::Any), step) => {
                    // Without a contract, the whole path leads to the array if items are objects; leaves are read in
                    // each item.
                    let Some(Step::Property(name)) = step.filter(|_| !is_leaf) else {
                        return Some((items, None, None, Rest::of(value, &steps[taken..], selected)));
                    };
                    items.0.push(Segment::Property(name.value.clone()));
                    at = None;
                }
                (Some(_), Some(Step::Property(name))) => {
                    let id = at?;
                    let found = self.walk_steps(Some(id), &steps[taken..=taken])?;
                    at = match found.known {
                        Known::Schema(id) => Some(id),
                        _ => None,
                    };
                    items.0.push(Segment::Property(name.value.clone()));
                }
                (Some(_), Some(Step::Optional)) => {}
                (Some(_), _) => {
                    self.no_items(at?);
                    return None;
                }
            }
            taken += 1;
        }
    }

    fn no_items(&mut self, at: SchemaId) {
        let Some(contract) = self.source.contract else { return };
        let arrays = match &contract.schema(at).kind {
            SchemaKind::Object { properties } => {
                let is_array = |id: SchemaId| matches!(contract.schema(id).kind, SchemaKind::Array { .. });
                properties.iter().find(|(_, property)| is_array(property.schema)).map(|(name, _)| name.as_str())
            }
            _ => None,
        };
        let help = match arrays {
            Some(name) => format!("select it: `selection: \"$.{name}\"`"),
            None => "a batched binding needs an endpoint that answers with an array".to_owned(),
        };
        let message = "the answer of a batch is not a list";
        let span = self.connect.selection.as_ref().map_or(self.target_span(), |selection| selection.span);
        let finding = Finding::new(Code::E108, message, span, "no array of items here")
            .and(contract.schema(at).span, leaf::schema_text(contract, at))
            .help(help);
        self.draft.find(finding);
    }

    /// The path of `batch.key` in an item of the body.
    fn batch_key(&mut self, batch: &BatchDeclaration, item: Option<SchemaId>) -> Option<JsonPath> {
        let mut at = item;
        for name in &batch.key.value {
            let (Some(id), Some(contract)) = (at, self.source.contract) else { break };
            if matches!(contract.schema(id).kind, SchemaKind::Any) {
                break;
            }
            let Some((next, _)) = self.property(id, name) else {
                let known = match &contract.schema(id).kind {
                    SchemaKind::Object { properties } => properties.keys().map(String::as_str).collect(),
                    _ => Vec::new(),
                };
                let message = format!("an item of the answer has no property `{name}` to pair it by");
                let finding = Finding::new(Code::E108, message, batch.key.span, "this key")
                    .and(contract.schema(id).span, "an item")
                    .help(suggest::help(name, known));
                self.draft.find(finding);
                return None;
            };
            at = Some(next);
        }
        if let (Some(id), Some(contract)) = (at, self.source.contract) {
            use SchemaKind::{Any, Integer, String};
            if !matches!(contract.schema(id).kind, String { .. } | Integer { .. } | Any) {
                let message = format!("a batch key is a string or an integer, not {}", leaf::schema_text(contract, id));
                let finding = Finding::new(Code::E108, message, batch.key.span, "this key")
                    .and(contract.schema(id).span, "declared here");
                self.draft.find(finding);
            }
        }
        Some(JsonPath(batch.key.value.iter().cloned().map(Segment::Property).collect()))
    }

    /// E121: the answer of a batch must be complete.
    ///
    /// A page of as many items as keys is complete only if each key has one item; for groups, the number of items is
    /// not known.
    fn check_batch(&mut self, batch: &BatchDeclaration, request: &Request, is_group: bool) {
        if self.connect.is_complete || batch.per_key.is_some() || (request.sends_size && !is_group) {
            return;
        }
        let Some((name, span)) = self.paging() else { return };
        let message = format!("the answer of this batch may be cut: the endpoint pages by `{name}`");
        let limit = match is_group {
            true => "if it limits each key, write `perKey: \"$args.…\"` in `batch:`".to_owned(),
            false => format!("if it limits the whole answer, write `params: \"{name}: $batch->size\"`"),
        };
        let help =
            format!("{limit}; if the answer holds everything whatever is sent, write `complete: true` in `@connect`");
        let finding = Finding::new(Code::E121, message, batch.key.span, "batched here").and(span, "pages").help(help);
        self.draft.find(finding);
    }

    /// The bound of each key's list, as in `perKey: "$args.first"`.
    fn per_key(&mut self, mapping: &'a Mapping) -> Option<ListBound> {
        let value = match &mapping.body {
            MappingBody::Value(value) => value,
            MappingBody::Entries(_) => return self.no_per_key(mapping.span),
        };
        match (&value.start, value.steps.as_slice()) {
            (Start::Literal(literal), []) => match literal.as_u64() {
                Some(max) => Some(ListBound::at_most(Some(max))),
                None => self.no_per_key(mapping.span),
            },
            (Start::Variable(Variable::Args), [Step::Property(name)]) => {
                let path = [name.value.clone()];
                self.argument_type(&path, name.span)?;
                self.used_arguments.insert(name.value.clone());
                Some(self.argument_bound(&name.value).unwrap_or_default())
            }
            _ => self.no_per_key(mapping.span),
        }
    }

    /// E121: an argument that bounds the items of each key must be sent to the endpoint, which otherwise cuts them by a
    /// rule of its own.
    fn check_per_key_is_sent(&mut self, batch: &BatchDeclaration) {
        let Some(Mapping { body: MappingBody::Value(value), .. }) = &batch.per_key else { return };
        let (Start::Variable(Variable::Args), [Step::Property(name)]) = (&value.start, value.steps.as_slice()) else {
            return;
        };
        if self.used_arguments.contains(&name.value) || !self.argument_names().contains(&name.value) {
            return;
        }
        let message = format!("`perKey` is `$args.{}`, which is not sent to the endpoint", name.value);
        let help = format!("say where it goes: `params: \"…: $args.{}\"`", name.value);
        let finding = Finding::new(Code::E121, message, value.span, "nobody tells the endpoint")
            .and(self.target_span(), "called here")
            .help(help);
        self.draft.find(finding);
    }

    fn no_per_key(&mut self, span: Span) -> Option<ListBound> {
        let message = "`perKey` is an argument or a number";
        self.draft.find(Finding::new(Code::C003, message, span, "not here").help("write `perKey: \"$args.first\"`"));
        None
    }

    /// The bound of the field's list: an argument `first`, `last` or `limit` with a maximum, or else what the contract
    /// says, combined with `@listSize` (ARCHITECTURE, "List sizes").
    fn list_bound(&self, contract: ListBound) -> ListBound {
        if !self.ty.is_list() {
            return ListBound::default();
        }
        let by_argument = ["first", "last", "limit"].iter().find_map(|name| self.argument_bound(name));
        self.sized(by_argument.unwrap_or(contract))
    }

    /// A bound, combined with the `@listSize` of the field.
    fn sized(&self, bound: ListBound) -> ListBound {
        match self.field() {
            Some(field) => with_declared_size(self.draft, field, bound),
            None => bound,
        }
    }

    fn argument_bound(&self, name: &str) -> Option<ListBound> {
        let argument = self.draft.graph.field(self.field()?).arguments.get(name)?;
        let maximum = u64::try_from(argument.bounds.numbers.maximum.as_ref()?.greatest_integer()).ok()?;
        let slicing = vec![Slicing { argument: name.to_owned(), maximum: Some(maximum) }];
        Some(ListBound { slicing, ..ListBound::default() })
    }
}

/// The part of a selection that is read in each item of a batch.
enum Rest<'a> {
    Path { steps: &'a [Step], selected: Selected<'a> },
    Or { whole: &'a Expression, steps: &'a [Step], selected: Selected<'a> },
}

impl<'a> Rest<'a> {
    fn of(value: Option<&'a Expression>, steps: &'a [Step], selected: Selected<'a>) -> Self {
        match value {
            Some(whole) if whole.or.is_some() => Self::Or { whole, steps, selected },
            _ => Self::Path { steps, selected },
        }
    }
}

pub(super) fn is_success(response: &Response) -> bool {
    match response.status {
        StatusPattern::Exact(status) => (200..300).contains(&status),
        StatusPattern::Class(class) => class == 2,
        StatusPattern::Default => true,
    }
}

fn is_constant(mapping: &Mapping) -> bool {
    let is_fixed = |value: &Expression| !matches!(value.start, Start::Here { .. } | Start::Object(_));
    match &mapping.body {
        MappingBody::Value(value) => is_fixed(value),
        MappingBody::Entries(fields) => fields.entries.iter().all(|entry| is_fixed(&entry.value)),
    }
}

fn nullable(ty: TypeRef) -> TypeRef {
    match ty {
        TypeRef::Named { ty, .. } => TypeRef::Named { ty, nullable: true },
        TypeRef::List { of, .. } => TypeRef::List { of, nullable: true },
    }
}
