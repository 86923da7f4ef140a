//! The inputs of a request: expressions over arguments, parents, claims and configuration become [`Input`]s. Each is
//! checked against the parameter or property that it fills.

use super::binding::Binding;
use super::leaf::{self, Wrap};
use super::request::{Lowering, Slot};
use crate::compose::Input;
use crate::compose::types::TypeRef;
use crate::compose::way::{Entry, KeyPath};
use crate::contract::SchemaKind;
use crate::diagnostic::{Code, Finding, Span};
use crate::json::Value as Json;
use crate::sdl::mapping::{Expression, Method, Start, Step, Variable};
use crate::suggest;

impl<'a> Binding<'_, 'a> {
    pub(super) fn lower(&mut self, value: &'a Expression, slot: Slot<'a>, lowering: &mut Lowering) -> Option<Input> {
        let inner = if value.or.is_some() { Slot { is_required: false, ..slot } } else { slot };
        let input = self.lower_start(value, inner, lowering)?;
        Some(match &value.or {
            Some(or) => Input::OrElse(Box::new(input), Box::new(self.lower(or, slot, lowering)?)),
            None => input,
        })
    }

    fn lower_start(&mut self, value: &'a Expression, slot: Slot<'a>, lowering: &mut Lowering) -> Option<Input> {
        match &value.start {
            Start::Literal(literal) => self.literal(literal, slot, value.span),
            Start::Object(fields) => self.object(&fields.entries, slot, fields.span, lowering),
            Start::List(members) => {
                let item = slot.schema.and_then(|(contract, id)| match contract.schema(id).kind {
                    SchemaKind::Array { items, .. } => Some((contract, items)),
                    _ => None,
                });
                if slot.schema.is_some() && item.is_none() {
                    self.misfit(value.span, "a list", slot, "write one value");
                }
                let slot = Slot { schema: item, is_required: false, ..slot };
                let members = members.iter().filter_map(|member| self.lower(member, slot, lowering));
                Some(Input::List(members.collect()))
            }
            Start::Here { .. } => {
                self.outside(value.span, "a request reads `$args`, `$this`, `$batch`, `$claims` and `$config` only");
                None
            }
            Start::Variable(variable) => self.variable(*variable, value, slot, lowering),
        }
    }

    pub(super) fn variable(
        &mut self,
        variable: Variable,
        value: &'a Expression,
        slot: Slot<'a>,
        lowering: &mut Lowering,
    ) -> Option<Input> {
        if let (Variable::Batch, [Step::Method(Method::Size, _)]) = (variable, value.steps.as_slice()) {
            lowering.sends_size = true;
            if let Some((contract, id)) = slot.schema
                && let SchemaKind::Integer { maximum: Some(maximum), .. } = contract.schema(id).kind
            {
                let maximum = u32::try_from(maximum.max(1)).unwrap_or(u32::MAX);
                lowering.max_size = Some(lowering.max_size.map_or(maximum, |known| known.min(maximum)));
            }
            return Some(Input::BatchSize);
        }
        let Some(path) = properties(value) else {
            self.outside(value.span, "methods of inputs are not supported, `$batch->size` aside");
            return None;
        };
        match variable {
            Variable::Args if path.is_empty() => {
                let arguments: Vec<String> = self.argument_names();
                let members = arguments.iter().filter_map(|name| {
                    let schema = slot.schema.and_then(|(contract, id)| match &contract.schema(id).kind {
                        SchemaKind::Object { properties } => properties.get(name).map(|p| (contract, p.schema)),
                        _ => None,
                    });
                    let slot = Slot { schema, is_required: false, ..slot };
                    Some((name.clone(), self.argument(std::slice::from_ref(name), slot, value.span, lowering)?))
                });
                Some(Input::Object(members.collect()))
            }
            Variable::Args => self.argument(&path, slot, value.span, lowering),
            Variable::This | Variable::Batch => self.parent_field(variable, &path, slot, value.span, lowering),
            Variable::Claims => {
                self.claims.insert(path.clone());
                Some(self.wrapped(leaf::untyped_wrap(slot.schema), slot, Input::Claim(path)))
            }
            Variable::Config => Some(Input::Config(path)),
        }
    }

    /// Lowers `$args.a.b`. It is checked against the schema of the slot, and the argument takes the bounds of that
    /// schema.
    pub(super) fn argument(
        &mut self,
        path: &[String],
        slot: Slot<'a>,
        span: Span,
        lowering: &mut Lowering,
    ) -> Option<Input> {
        let (ty, has_default) = self.argument_type(path, span)?;
        self.used_arguments.insert(path[0].clone());
        let declared = self.argument_span(&path[0]).filter(|declared| *declared != span);
        let wrap = self.check_input(&ty, slot, span, declared)?;
        if slot.is_required && ty.is_nullable() && !has_default {
            let message = format!("`$args.{}` may be null, and what it is sent to is required", path.join("."));
            let mut finding = Finding::new(Code::E102, message, span, "may be null here")
                .help("make the argument non-null, give it a default, or write `?? …`");
            if let Some(span) = slot.span {
                finding = finding.and(span, "required here");
            }
            if let Some(declared) = declared {
                finding = finding.and(declared, "declared nullable here");
            }
            self.draft.find(finding);
        }
        if let (Some((contract, id)), [name]) = (slot.schema, path) {
            lowering.bounds.push((name.clone(), leaf::bounds(contract, id)));
        }
        Some(self.wrapped(wrap, slot, Input::Argument(path.to_vec())))
    }

    /// The type of `$args.a.b`, and whether the argument has a default.
    pub(super) fn argument_type(&mut self, path: &[String], span: Span) -> Option<(TypeRef, bool)> {
        let graph = &self.draft.graph;
        let field = self.field().map(|field| graph.field(field));
        let first = path.first().map(String::as_str).unwrap_or_default();
        let argument = field.and_then(|field| field.arguments.get(first));
        let Some(argument) = argument else {
            let known = self.argument_names();
            let help = suggest::help(first, known.iter().map(String::as_str));
            let message = format!("`{}` has no argument `{first}`", self.name);
            self.draft.find(Finding::new(Code::E102, message, span, "unknown argument").help(help));
            return None;
        };
        let (mut ty, mut has_default) = (argument.ty.clone(), argument.default.is_some());
        for name in &path[1..] {
            let input = graph.full.get_input_object(&graph.ty(ty.named()).name);
            let inner = input.and_then(|input| input.fields.get(name.as_str()));
            let Some(inner) = inner.filter(|_| !ty.is_list()) else {
                let message = format!("`{}` has no field `{name}`", graph.ty(ty.named()).name);
                self.draft.find(Finding::new(Code::E102, message, span, "unknown field of an input"));
                return None;
            };
            has_default = inner.default_value.is_some();
            let is_nullable = ty.is_nullable();
            ty = graph.type_ref(&inner.ty)?;
            if is_nullable {
                ty = nullable(ty);
            }
        }
        Some((ty, has_default))
    }

    /// Lowers `$this.a.b` or `$batch.a.b`.
    pub(super) fn parent_field(
        &mut self,
        variable: Variable,
        path: &[String],
        slot: Slot<'a>,
        span: Span,
        lowering: &mut Lowering,
    ) -> Option<Input> {
        let is_batched = self.connect.batch.is_some();
        let problem = match (variable, self.entry) {
            (_, Entry::Root(_)) => Some("a root field has no parent"),
            (Variable::Batch, _) if !is_batched => Some("`$batch` needs `batch: { key: … }`; one parent is `$this`"),
            (Variable::This, _) if is_batched => Some("a batched binding has many parents: write `$batch`"),
            _ => None,
        };
        if let Some(problem) = problem {
            let message = format!("`{}` cannot be read here", variable.name());
            self.draft.find(Finding::new(Code::E107, message, span, "not here").help(problem));
            return None;
        }
        let (key, ty) = self.parent_path(path, span)?;
        if matches!(self.entry, Entry::Lookup(_)) && !self.is_key(&key) {
            let message = format!("`{}` is not a `@key` of `{}`", path.join("."), self.name);
            let help = format!("add `@key(fields: \"{}\")` to the type, or read a key", path.join(" "));
            self.draft.find(Finding::new(Code::E107, message, span, "read here").help(help));
        }
        let index = lowering.inputs.iter().position(|known| *known == key).unwrap_or_else(|| {
            lowering.inputs.push(key);
            lowering.inputs.len() - 1
        });
        let slot = if is_batched { self.batch_slot(index, slot, span, lowering)? } else { slot };
        let wrap = self.check_input(&ty, slot, span, None)?;
        Some(self.wrapped(wrap, slot, Input::Parent(index)))
    }

    /// Checks that `$batch.x` fills an array. Returns the slot of the array's items.
    fn batch_slot(&mut self, index: usize, slot: Slot<'a>, span: Span, lowering: &mut Lowering) -> Option<Slot<'a>> {
        let kind = slot.schema.map(|(contract, id)| (contract, &contract.schema(id).kind));
        let (schema, max_items) = match kind {
            Some((contract, SchemaKind::Array { items, max_items, .. })) => (Some((contract, *items)), *max_items),
            None | Some((_, SchemaKind::Any)) => (None, None),
            Some(_) => {
                let message = "`$batch` gives a list, and what it is sent to takes one value";
                let mut finding =
                    Finding::new(Code::E107, message, span, "a list").help("bind a parameter of type array");
                if let Some(span) = slot.span {
                    finding = finding.and(span, "not an array");
                }
                self.draft.find(finding);
                return None;
            }
        };
        match lowering.batch_key {
            Some((known, _)) if known != index => {
                let message = "a batched call sends one list of keys";
                self.draft.find(Finding::new(Code::E107, message, span, "a second list"));
                return None;
            }
            _ => lowering.batch_key = Some((index, max_items)),
        }
        Some(Slot { schema, is_required: false, ..slot })
    }

    /// Resolves a path of fields from the parent to a leaf, and its type.
    fn parent_path(&mut self, path: &[String], span: Span) -> Option<(KeyPath, TypeRef)> {
        let mut fields = Vec::new();
        let mut parent = self.parent;
        let mut ty = None;
        for name in path {
            let Some(field) = self.draft.graph.field_id(parent, name) else {
                let parent = self.draft.graph.ty(parent);
                let help = suggest::help(name, parent.fields.keys().map(String::as_str));
                let message = format!("`{}` has no field `{name}`", parent.name);
                self.draft.find(Finding::new(Code::E102, message, span, "read here").help(help));
                return None;
            };
            fields.push(field);
            let field_type = self.draft.graph.field(field).ty.clone();
            parent = field_type.named();
            ty = Some(field_type);
        }
        let is_leaf = ty.as_ref().is_some_and(|ty| !self.draft.is_composite(ty.named()) && !ty.is_list());
        match ty {
            Some(ty) if is_leaf => Some((KeyPath(fields), ty)),
            _ => {
                let message = "a parent's value must be a leaf";
                let help = "name a scalar field, such as `$this.id`";
                self.draft.find(Finding::new(Code::E102, message, span, "not a leaf").help(help));
                None
            }
        }
    }

    fn is_key(&self, key: &KeyPath) -> bool {
        self.draft.keys[self.parent.index()].iter().any(|declared| declared.paths.contains(key))
    }

    pub(super) fn check_input(
        &mut self,
        ty: &TypeRef,
        slot: Slot<'a>,
        span: Span,
        declared: Option<Span>,
    ) -> Option<Wrap> {
        let Some((contract, id)) = slot.schema else { return Some(Wrap::None) };
        match leaf::input_fits(&self.draft.graph, ty, contract, id) {
            Ok(wrap) => Some(wrap),
            Err(misfit) => {
                let text = self.draft.type_text(ty);
                let message = format!("`{text}` does not fit {}", misfit.has);
                let mut finding = Finding::new(Code::E102, message, span, format!("`{text}` here")).help(misfit.help);
                if let Some(span) = slot.span {
                    finding = finding.and(span, "declared here");
                }
                if let Some(declared) = declared {
                    finding = finding.and(declared, "this argument");
                }
                self.draft.find(finding);
                None
            }
        }
    }

    pub(super) fn literal(&mut self, value: &Json, slot: Slot<'a>, span: Span) -> Option<Input> {
        if let Some((contract, id)) = slot.schema {
            let fits = match (&contract.schema(id).kind, value) {
                (_, Json::Null) => !slot.is_required,
                (SchemaKind::Any | SchemaKind::OneOf { .. }, _) => true,
                (SchemaKind::Boolean, value) => value.is_boolean(),
                (SchemaKind::Integer { bounds, .. }, Json::Number(number)) => {
                    number.is_integer() && bounds.violation(number).is_none()
                }
                (SchemaKind::Number { bounds }, Json::Number(number)) => bounds.violation(number).is_none(),
                (SchemaKind::String { values, .. }, Json::String(text)) => values.is_empty() || values.contains(text),
                (SchemaKind::Array { .. }, value) => value.is_array(),
                (SchemaKind::Object { .. }, value) => value.is_object(),
                _ => false,
            };
            if !fits {
                self.misfit(span, &format!("the literal `{value}`"), slot, "write a value that the contract allows");
                return None;
            }
        }
        Some(Input::Literal(value.clone()))
    }

    pub(super) fn misfit(&mut self, span: Span, what: &str, slot: Slot<'a>, help: &str) {
        let has = slot.schema.map(|(contract, id)| leaf::schema_text(contract, id)).unwrap_or_default();
        let mut finding = Finding::new(Code::E102, format!("{what} does not fit {has}"), span, "given here").help(help);
        if let Some(span) = slot.span {
            finding = finding.and(span, "declared here");
        }
        self.draft.find(finding);
    }

    pub(super) fn outside(&mut self, span: Span, help: &str) {
        let message = "this is outside the subset of a request";
        self.draft.find(Finding::new(Code::C003, message, span, "not here").help(help));
    }

    pub(super) fn wrapped(&self, wrap: Wrap, slot: Slot<'a>, input: Input) -> Input {
        if slot.is_body { wrap.wrap(input) } else { input }
    }
}

fn nullable(ty: TypeRef) -> TypeRef {
    match ty {
        TypeRef::Named { ty, .. } => TypeRef::Named { ty, nullable: true },
        TypeRef::List { of, .. } => TypeRef::List { of, nullable: true },
    }
}

/// The properties that an expression reads, such as `a.b` of `$args.a.b`. `None` if it has steps that are not
/// properties.
pub(super) fn properties(value: &Expression) -> Option<Vec<String>> {
    let names = value.steps.iter().filter(|step| !matches!(step, Step::Optional));
    names.map(|step| if let Step::Property(name) = step { Some(name.value.clone()) } else { None }).collect()
}
