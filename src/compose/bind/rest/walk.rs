//! The paths of a `selection`, followed through the contract.

use super::binding::Binding;
use super::input::properties;
use crate::compose::Input;
use crate::compose::read::{From, JsonPath, Method as ReadMethod, Read, Segment};
use crate::contract::{SchemaId, SchemaKind};
use crate::diagnostic::{Code, Finding, Span};
use crate::json::Value;
use crate::sdl::Spanned;
use crate::sdl::mapping::{Expression, Method, Start, Step, Variable};
use crate::suggest;

/// What is known of a value.
#[derive(Debug, Clone)]
pub(super) enum Known<'a> {
    /// Nothing is known: there is no contract, or it allows any value.
    Nothing,
    /// The value has this schema in the contract.
    Schema(SchemaId),
    /// The value is the result of this method.
    Method(&'a Method),
    /// The value is this literal.
    Literal(&'a Value),
}

/// A value that was found.
#[derive(Debug, Clone)]
pub(super) struct Found<'a> {
    pub(super) read: Read,
    pub(super) known: Known<'a>,
    /// The position in the contract or the selection that allows the value to be null or missing, if there is one.
    pub(super) nullable: Option<Span>,
    /// The lists that the path maps over, outermost first.
    pub(super) lists: Vec<MappedList>,
}

/// A list that a path maps over.
#[derive(Debug, Clone, Copy)]
pub(super) struct MappedList {
    /// The `maxItems` of the list, if the contract has it.
    pub(super) max_items: Option<u64>,
    /// The position that allows the list itself to be null or missing, if there is one.
    pub(super) nullable: Option<Span>,
}

/// The state of following a path.
struct Walk<'a> {
    segments: Vec<Segment>,
    then: Vec<ReadMethod>,
    known: Known<'a>,
    nullable: Option<Span>,
    lists: Vec<MappedList>,
}

impl<'a> Binding<'_, 'a> {
    /// Follows an expression from a value of the given schema. If it leads nowhere, a finding is reported, and the
    /// result is `None`.
    pub(super) fn walk(&mut self, from: Option<SchemaId>, value: &'a Expression) -> Option<Found<'a>> {
        let found = match &value.start {
            Start::Here { .. } => self.walk_steps(from, &value.steps)?,
            Start::Object(_) => self.walk_steps(from, &[])?,
            Start::Literal(literal) => Found {
                read: Read { from: From::Literal(literal.clone()), then: Vec::new(), or: None },
                known: Known::Literal(literal),
                nullable: literal.is_null().then_some(value.span),
                lists: Vec::new(),
            },
            Start::Variable(variable) => self.walk_input(*variable, value)?,
            Start::List(_) => {
                self.draft.find(Finding::new(Code::C003, "a list cannot be read", value.span, "not here"));
                return None;
            }
        };
        match &value.or {
            None => Some(found),
            Some(or) => self.walk_or(from, found, or),
        }
    }

    fn walk_or(&mut self, from: Option<SchemaId>, mut found: Found<'a>, or: &'a Expression) -> Option<Found<'a>> {
        let other = self.walk(from, or)?;
        found.read.or = Some(Box::new(other.read));
        found.nullable = found.nullable.and(other.nullable);
        if let Some(list) = found.lists.first_mut() {
            list.nullable = None;
        }
        Some(found)
    }

    fn walk_input(&mut self, variable: Variable, value: &'a Expression) -> Option<Found<'a>> {
        let Some(path) = properties(value) else {
            let message = "methods of inputs are outside the subset";
            self.draft.find(Finding::new(Code::C003, message, value.span, "not here"));
            return None;
        };
        let mut nullable = None;
        let input = match variable {
            Variable::Args => {
                let (ty, has_default) = self.argument_type(&path, value.span)?;
                self.used_arguments.extend(path.first().cloned());
                nullable = (ty.is_nullable() && !has_default).then_some(value.span);
                Input::Argument(path)
            }
            Variable::Claims => {
                self.claims.insert(path.clone());
                Input::Claim(path)
            }
            Variable::Config => Input::Config(path),
            Variable::This | Variable::Batch => {
                let message = format!("`{}` in a selection is outside the subset", variable.name());
                let help = "select the property of the answer that holds the value";
                self.draft.find(Finding::new(Code::C003, message, value.span, "not here").help(help));
                return None;
            }
        };
        let read = Read { from: From::Input(input), then: Vec::new(), or: None };
        Some(Found { read, known: Known::Nothing, nullable, lists: Vec::new() })
    }

    /// Follows steps from a value of the given schema.
    pub(super) fn walk_steps(&mut self, from: Option<SchemaId>, steps: &'a [Step]) -> Option<Found<'a>> {
        let known = from.map_or(Known::Nothing, Known::Schema);
        let mut walk = Walk { segments: Vec::new(), then: Vec::new(), known, nullable: None, lists: Vec::new() };
        if let Some(from) = from {
            walk.nullable = self.null_span(from);
        }
        for (at, step) in steps.iter().enumerate() {
            let is_last = steps[at + 1..].iter().all(|step| matches!(step, Step::Optional | Step::Method(..)));
            match step {
                Step::Optional => {}
                Step::Property(name) => self.step_property(&mut walk, name)?,
                Step::Index(index) => self.step_index(&mut walk, index.value, index.span)?,
                Step::Method(Method::First, span) if !is_last || self.is_array(&walk.known) => {
                    self.step_index(&mut walk, 0, *span)?;
                }
                Step::Method(Method::Map(path), span) => {
                    self.step_into_list(&mut walk, *span)?;
                    for name in path {
                        self.step_property(&mut walk, name)?;
                    }
                }
                Step::Method(method, span) => self.step_method(&mut walk, method, *span, is_last)?,
            }
        }
        let read = Read { from: From::Json(JsonPath(walk.segments)), then: walk.then, or: None };
        Some(Found { read, known: walk.known, nullable: walk.nullable, lists: walk.lists })
    }

    fn step_property(&mut self, walk: &mut Walk<'a>, name: &Spanned<String>) -> Option<()> {
        while self.is_array(&walk.known) {
            self.step_into_list(walk, name.span)?;
        }
        if let Known::Schema(id) = walk.known {
            let Some((schema, nullable)) = self.property(id, &name.value) else {
                self.no_property(id, name);
                return None;
            };
            walk.nullable = walk.nullable.or(nullable).or_else(|| self.null_span(schema));
            walk.known = self.known(schema);
        }
        walk.segments.push(Segment::Property(name.value.clone()));
        Some(())
    }

    /// Enters a list: the following steps are relative to each item.
    fn step_into_list(&mut self, walk: &mut Walk<'a>, span: Span) -> Option<()> {
        let (items, max_items) = match &walk.known {
            Known::Schema(id) => match self.source.contract.map(|contract| &contract.schema(*id).kind) {
                Some(SchemaKind::Array { items, max_items, .. }) => (Some(*items), *max_items),
                _ => return self.not_a_list(*id, span),
            },
            _ => (None, None),
        };
        walk.lists.push(MappedList { max_items, nullable: walk.nullable.take() });
        walk.segments.push(Segment::Each);
        if let Some(items) = items {
            walk.known = self.known(items);
            walk.nullable = self.null_span(items);
        }
        Some(())
    }

    fn step_index(&mut self, walk: &mut Walk<'a>, index: u32, span: Span) -> Option<()> {
        if let Known::Schema(id) = walk.known {
            match self.source.contract.map(|contract| &contract.schema(id).kind) {
                Some(SchemaKind::Array { items, .. }) => walk.known = self.known(*items),
                Some(SchemaKind::Any) => walk.known = Known::Nothing,
                _ => return self.not_a_list(id, span),
            }
        }
        walk.nullable = walk.nullable.or(Some(span));
        walk.segments.push(Segment::Index(index));
        Some(())
    }

    fn step_method(&mut self, walk: &mut Walk<'a>, method: &'a Method, span: Span, is_last: bool) -> Option<()> {
        if !is_last {
            let message = "a path cannot go on behind this method";
            self.draft.find(Finding::new(Code::C004, message, span, "must be last"));
            return None;
        }
        let lowered = match method {
            Method::First => ReadMethod::First,
            Method::Last => ReadMethod::Last,
            Method::Size => ReadMethod::Size,
            Method::Not => ReadMethod::Not,
            Method::Eq(value) => ReadMethod::Eq(value.clone()),
            Method::Match(pairs) => ReadMethod::Match(pairs.clone()),
            Method::Map(_) => return None,
        };
        match method {
            Method::First | Method::Last => {
                if let Known::Schema(id) = walk.known
                    && let Some(SchemaKind::Array { items, .. }) =
                        self.source.contract.map(|contract| &contract.schema(id).kind)
                {
                    walk.known = self.known(*items);
                }
                walk.nullable = walk.nullable.or(Some(span));
            }
            // A missing value compares as null, so the result is never missing.
            Method::Eq(_) => {
                walk.nullable = None;
                walk.known = Known::Method(method);
            }
            Method::Match(pairs) => {
                self.check_match(walk, pairs, span);
                walk.known = Known::Method(method);
            }
            _ => walk.known = Known::Method(method),
        }
        walk.then.push(lowered);
        Some(())
    }

    /// Checks whether a `match` has a case for every value in the contract; if so, its result is not null.
    fn check_match(&mut self, walk: &mut Walk<'a>, pairs: &[(Value, Value)], span: Span) {
        let Known::Schema(id) = walk.known else { return };
        let Some(contract) = self.source.contract else { return };
        let SchemaKind::String { values, .. } = &contract.schema(id).kind else { return };
        let is_known = |value: &String| pairs.iter().any(|(when, _)| when.as_str() == Some(value));
        if values.is_empty() || !values.iter().all(is_known) {
            walk.nullable = walk.nullable.or(Some(span));
        }
    }

    fn known(&self, id: SchemaId) -> Known<'a> {
        match self.source.contract.map(|contract| &contract.schema(id).kind) {
            None | Some(SchemaKind::Any) => Known::Nothing,
            Some(_) => Known::Schema(id),
        }
    }

    fn is_array(&self, known: &Known<'a>) -> bool {
        let Known::Schema(id) = known else { return false };
        let contract = self.source.contract;
        contract.is_some_and(|contract| matches!(contract.schema(*id).kind, SchemaKind::Array { .. }))
    }

    /// The position of the schema, if it allows null.
    pub(super) fn null_span(&self, id: SchemaId) -> Option<Span> {
        let schema = self.source.contract?.schema(id);
        schema.nullable.then_some(schema.span)
    }

    /// The schema of a property, and the position that allows it to be missing. Through `oneOf`, the property of any
    /// alternative counts.
    pub(super) fn property(&self, id: SchemaId, name: &str) -> Option<(SchemaId, Option<Span>)> {
        self.property_within(id, name, 0)
    }

    fn property_within(&self, id: SchemaId, name: &str, depth: usize) -> Option<(SchemaId, Option<Span>)> {
        match &self.source.contract?.schema(id).kind {
            SchemaKind::Object { properties } => {
                let property = properties.get(name)?;
                Some((property.schema, (!property.required).then_some(property.span)))
            }
            SchemaKind::OneOf { variants, .. } if depth < 8 => {
                let found: Vec<_> =
                    variants.iter().filter_map(|variant| self.property_within(*variant, name, depth + 1)).collect();
                let (schema, nullable) = *found.first()?;
                let nullable = found.iter().find_map(|(_, nullable)| *nullable).or(nullable);
                let is_everywhere = found.len() == variants.len();
                let span = self.source.contract?.schema(id).span;
                Some((schema, if is_everywhere { nullable } else { Some(span) }))
            }
            _ => None,
        }
    }

    fn no_property(&mut self, id: SchemaId, name: &Spanned<String>) {
        let Some(contract) = self.source.contract else { return };
        let schema = contract.schema(id);
        let known: Vec<&str> = match &schema.kind {
            SchemaKind::Object { properties } => properties.keys().map(String::as_str).collect(),
            _ => Vec::new(),
        };
        let what = super::leaf::schema_text(contract, id);
        let message = format!("{what} has no property `{}`", name.value);
        let finding = Finding::new(Code::E103, message, name.span, "not in the answer")
            .and(schema.span, "declared here")
            .help(suggest::help(&name.value, known));
        self.draft.find(finding);
    }

    fn not_a_list(&mut self, id: SchemaId, span: Span) -> Option<()> {
        let contract = self.source.contract?;
        let message = format!("{} is not a list", super::leaf::schema_text(contract, id));
        let finding =
            Finding::new(Code::E103, message, span, "takes an item").and(contract.schema(id).span, "declared here");
        self.draft.find(finding);
        None
    }
}
