//! The contents of an answer: the fields that both the contract and the mapping have, checked against the GraphQL
//! types.

use super::binding::Binding;
use super::leaf;
use super::walk::{Found, Known, MappedList};
use crate::compose::draft::ShapeKey;
use crate::compose::ids::{FieldId, ShapeId, TypeId};
use crate::compose::list_size::with_declared_size;
use crate::compose::read::{JsonPath, Read, Segment};
use crate::compose::shape::{ListBound, ShapeField, ShapeVariant, TypeChoice};
use crate::compose::types::{TypeKind, TypeRef};
use crate::contract::{SchemaId, SchemaKind};
use crate::diagnostic::{Code, Finding, Span};
use crate::json::Value;
use crate::sdl::mapping::{Entry as MappingEntry, Fields, Method, Start, Step};
use crate::suggest;
use indexmap::IndexMap;

/// The greatest depth of one answer, so that no schema can exhaust the stack.
const MAX_DEPTH: usize = 64;

/// The fields of an object that are read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Selected<'a> {
    /// The listed fields are read.
    Listed(&'a Fields),
    /// The properties with the names of fields are read.
    SameNamed {
        /// Whether the object is the one that the binding gets, and not one nested in it.
        is_top: bool,
    },
}

/// A value that is being checked against a type.
pub(super) struct Checked<'a> {
    pub(super) known: Known<'a>,
    pub(super) nullable: Option<Span>,
    /// The lists that the path maps over, outermost first.
    pub(super) lists: Vec<MappedList>,
    pub(super) selected: Selected<'a>,
    /// The position of the mapping, or of the field that takes the property of its name.
    pub(super) span: Span,
    /// The coordinate of the field, such as `Order.total`.
    pub(super) name: String,
    /// The position of the field's declaration.
    pub(super) declared: Option<Span>,
}

impl Checked<'_> {
    /// Adds the field's declaration as a second position, if the value is read elsewhere.
    fn with_declaration(&self, finding: Finding, text: &str) -> Finding {
        match self.declared.filter(|declared| *declared != self.span) {
            Some(declared) => finding.and(declared, format!("`{text}` here")),
            None => finding,
        }
    }
}

impl<'a> Binding<'_, 'a> {
    /// Checks a value against a type. Returns the shape, for composite types, and the bound of the outermost list.
    pub(super) fn place(&mut self, ty: &TypeRef, mut value: Checked<'a>) -> Option<(Option<ShapeId>, ListBound)> {
        let nullable = value.lists.first().map_or(value.nullable, |list| list.nullable);
        if let (false, Some(why)) = (ty.is_nullable(), nullable) {
            self.not_nullable(ty, &value, why);
            return None;
        }
        match ty {
            TypeRef::List { of, .. } => {
                let bound = self.enter_list(ty, &mut value)?;
                let (shape, _) = self.place(of, value)?;
                Some((shape, bound))
            }
            TypeRef::Named { ty: named, .. } if self.draft.is_composite(*named) => {
                let schema = self.composite_schema(ty, &value)?;
                let shape = self.shape(*named, schema, value.selected, value.span)?;
                Some((Some(shape), ListBound::default()))
            }
            TypeRef::Named { ty: named, .. } => {
                self.check_leaf(*named, ty, &value)?;
                Some((None, ListBound::default()))
            }
        }
    }

    fn enter_list(&mut self, ty: &TypeRef, value: &mut Checked<'a>) -> Option<ListBound> {
        let max = if !value.lists.is_empty() {
            let max = value.lists.remove(0).max_items;
            return Some(ListBound::at_most(max));
        } else if let Known::Schema(id) = value.known {
            let contract = self.source.contract?;
            let SchemaKind::Array { items, max_items, .. } = &contract.schema(id).kind else {
                let has = leaf::schema_text(contract, id);
                let message = format!("`{}` is a list, and the answer holds {has}", value.name);
                let finding = Finding::new(Code::E104, message, value.span, "a list here")
                    .and(contract.schema(id).span, "not an array")
                    .help("declare the field without `[…]`, or select the array: `$.items`");
                let text = self.draft.type_text(ty);
                self.draft.find(value.with_declaration(finding, &text));
                return None;
            };
            value.known = match contract.schema(*items).kind {
                SchemaKind::Any => Known::Nothing,
                _ => Known::Schema(*items),
            };
            value.nullable = self.null_span(*items);
            *max_items
        } else {
            value.nullable = None;
            None
        };
        Some(ListBound::at_most(max))
    }

    fn not_nullable(&mut self, ty: &TypeRef, value: &Checked<'a>, why: Span) {
        let text = self.draft.type_text(ty);
        let message = format!("`{}` is non-null (`{text}`), and the answer may not hold it", value.name);
        let finding = Finding::new(Code::E105, message, value.span, "non-null here")
            .and(why, "optional or nullable")
            .help("drop the `!`, or give a fallback: `?? $(…)`");
        self.draft.find(value.with_declaration(finding, &text));
    }

    fn composite_schema(&mut self, ty: &TypeRef, value: &Checked<'a>) -> Option<Option<SchemaId>> {
        let text = self.draft.type_text(ty);
        let has = if !value.lists.is_empty() {
            "a list".to_owned()
        } else {
            match &value.known {
                Known::Nothing => return Some(None),
                Known::Schema(id) => {
                    let contract = self.source.contract?;
                    match contract.schema(*id).kind {
                        SchemaKind::Object { .. } | SchemaKind::OneOf { .. } => return Some(Some(*id)),
                        // `product: { id: productId }` is made of properties of the object around it.
                        _ => leaf::schema_text(contract, *id),
                    }
                }
                Known::Method(_) | Known::Literal(_) => "a leaf".to_owned(),
            }
        };
        let message = format!("`{}` is `{text}`, and the answer holds {has}", value.name);
        let mut finding =
            Finding::new(Code::E104, message, value.span, "an object here").help("select an object for it");
        if let (Known::Schema(id), Some(contract)) = (&value.known, self.source.contract) {
            finding = finding.and(contract.schema(*id).span, "declared here");
        }
        self.draft.find(value.with_declaration(finding, &text));
        None
    }

    fn check_leaf(&mut self, named: TypeId, ty: &TypeRef, value: &Checked<'a>) -> Option<()> {
        let graph = &self.draft.graph;
        if !value.lists.is_empty() {
            let message = format!("`{}` is one value, and the path maps over a list", value.name);
            let help = "declare the field as a list, or take one item: `[0]`";
            let finding = Finding::new(Code::E104, message, value.span, "maps over a list").help(help);
            self.draft.find(value.with_declaration(finding, "one value"));
            return None;
        }
        if let Selected::Listed(fields) = value.selected {
            let message = format!("`{}` is a leaf: nothing can be selected of it", value.name);
            let finding = Finding::new(Code::E104, message, fields.span, "selected here");
            self.draft.find(value.with_declaration(finding, &self.draft.type_text(ty)));
            return None;
        }
        let (result, second) = match (&value.known, self.source.contract) {
            (Known::Schema(id), Some(contract)) => {
                (leaf::answer_fits(graph, named, contract, *id), Some(contract.schema(*id).span))
            }
            (Known::Method(method), _) => (leaf::method_fits(graph, named, method), None),
            (Known::Literal(literal), _) => (leaf::literal_fits(graph, named, literal), None),
            _ => (Ok(()), None),
        };
        let Err(misfit) = result else { return Some(()) };
        let text = self.draft.type_text(ty);
        let message = format!("`{}` is `{text}`, and the answer holds {}", value.name, misfit.has);
        let mut finding = Finding::new(Code::E104, message, value.span, format!("`{text}` here")).help(misfit.help);
        if let Some(span) = second {
            finding = finding.and(span, "declared here");
        }
        self.draft.find(value.with_declaration(finding, &text));
        None
    }

    /// The shape of a type at a place of a schema. It is made once for equal places.
    pub(super) fn shape(
        &mut self,
        ty: TypeId,
        schema: Option<SchemaId>,
        selected: Selected<'a>,
        span: Span,
    ) -> Option<ShapeId> {
        let (listed, is_top) = match selected {
            Selected::Listed(fields) => (Some(fields.span), false),
            Selected::SameNamed { is_top } => (None, is_top && schema.is_none()),
        };
        let key = ShapeKey { source: self.source.id, ty, schema, listed, is_top };
        if let Some(known) = self.draft.made_shapes.get(&key) {
            return Some(*known);
        }
        let id = self.draft.reserve_shape(ty);
        self.draft.made_shapes.insert(key, id);
        self.draft.shape_spans.insert(id, span);
        if self.depth >= MAX_DEPTH {
            let message = format!("types are nested more than {MAX_DEPTH} levels deep in one answer");
            self.draft.find(Finding::new(Code::C005, message, span, "here"));
            return None;
        }
        self.depth += 1;
        let made = match self.draft.graph.ty(ty).kind {
            TypeKind::Object => {
                let findings = self.draft.findings.len();
                let fields = self.variant(ty, schema, selected);
                let is_quiet = self.draft.findings.len() == findings;
                if is_quiet && fields.as_ref().is_some_and(IndexMap::is_empty) && self.wants_fields(ty) {
                    self.nothing_in_common(ty, schema, span);
                }
                fields.map(|fields| (TypeChoice::Only, vec![ShapeVariant { ty, fields }]))
            }
            _ => self.abstract_shape(ty, schema, selected, span),
        };
        self.depth -= 1;
        let (choice, variants) = made?;
        let shape = &mut self.draft.graph.shapes[id.index()];
        (shape.choice, shape.variants) = (choice, variants);
        Some(id)
    }

    /// Whether the type has a field that an answer could have, and not only fields with bindings of their own.
    fn wants_fields(&self, ty: TypeId) -> bool {
        self.draft.graph.ty(ty).fields.values().any(|field| self.is_eligible(*field))
    }

    /// Reports an object of the answer that has no field of its type: probably another type was meant.
    fn nothing_in_common(&mut self, ty: TypeId, schema: Option<SchemaId>, span: Span) {
        let (Some(schema), Some(contract)) = (schema, self.source.contract) else { return };
        let SchemaKind::Object { properties } = &contract.schema(schema).kind else { return };
        let has = leaf::schema_text(contract, schema);
        let name = &self.draft.graph.ty(ty).name;
        let known: Vec<String> = properties.keys().take(12).map(|name| format!("`{name}`")).collect();
        let message = format!("`{name}` has no field that {has} holds");
        let finding = Finding::new(Code::E104, message, span, format!("a `{name}` here"))
            .and(contract.schema(schema).span, "declared here")
            .help(format!("select what its fields are, or use another type; the answer holds {}", known.join(", ")));
        self.draft.find(finding);
    }

    /// The fields of one concrete type.
    fn variant(
        &mut self,
        ty: TypeId,
        schema: Option<SchemaId>,
        selected: Selected<'a>,
    ) -> Option<IndexMap<FieldId, ShapeField>> {
        match selected {
            Selected::Listed(fields) => Some(self.listed_fields(ty, schema, fields)),
            Selected::SameNamed { is_top } => Some(self.same_named_fields(ty, schema, is_top)),
        }
    }

    fn listed_fields(
        &mut self,
        ty: TypeId,
        schema: Option<SchemaId>,
        fields: &'a Fields,
    ) -> IndexMap<FieldId, ShapeField> {
        let mut found = IndexMap::new();
        for entry in fields.entries.iter().filter(|entry| entry.name.value != "__typename") {
            let Some(field) = self.draft.graph.field_id(ty, &entry.name.value) else {
                self.no_field(ty, entry);
                continue;
            };
            let Some(value) = self.walk(schema, &entry.value) else { continue };
            let selected = match (&entry.value.start, &entry.value.selection) {
                (Start::Object(fields), _) | (_, Some(fields)) => Selected::Listed(fields),
                _ => Selected::SameNamed { is_top: false },
            };
            found.extend(self.field_of(field, value, selected, entry.value.span));
        }
        found
    }

    /// Reports a listed field that the type does not have. A selection of an abstract type lists fields of all its
    /// members.
    fn no_field(&mut self, ty: TypeId, entry: &MappingEntry) {
        let name = &entry.name.value;
        let graph = &self.draft.graph;
        if self.abstract_siblings.iter().any(|sibling| graph.field_id(*sibling, name).is_some()) {
            return;
        }
        let ty = graph.ty(ty);
        let message = format!("`{}` has no field `{name}`", ty.name);
        let help = suggest::help(name, ty.fields.keys().map(String::as_str));
        self.draft.find(Finding::new(Code::E103, message, entry.name.span, "selected here").help(help));
    }

    /// Reads fields without a selection (ARCHITECTURE, "Same names"): each takes the property of its name, recursively
    /// through value types. Of an entity, only the properties that the contract nests there are taken.
    fn same_named_fields(
        &mut self,
        ty: TypeId,
        schema: Option<SchemaId>,
        is_top: bool,
    ) -> IndexMap<FieldId, ShapeField> {
        let fields: Vec<(String, FieldId)> =
            self.draft.graph.ty(ty).fields.iter().map(|(name, field)| (name.clone(), *field)).collect();
        let is_entity = !self.draft.keys[ty.index()].is_empty();
        let mut found = IndexMap::new();
        for (name, field) in fields {
            if !self.is_eligible(field) {
                continue;
            }
            let value = match schema {
                Some(schema) => {
                    let Some((property, nullable)) = self.property(schema, &name) else { continue };
                    let known = match self.source.contract.map(|contract| &contract.schema(property).kind) {
                        None | Some(SchemaKind::Any) => Known::Nothing,
                        Some(_) => Known::Schema(property),
                    };
                    Found {
                        read: Read::path(JsonPath(vec![Segment::Property(name)])),
                        known,
                        nullable: nullable.or_else(|| self.null_span(property)),
                        lists: Vec::new(),
                    }
                }
                // This is a key of another service.
                None if self.draft.declared_in(field, self.file).is_none() => continue,
                // Without a contract, only the key of a nested entity is certain to be there.
                None if is_entity && !is_top && !self.draft.key_fields.contains(&field) => continue,
                None => Found {
                    read: Read::path(JsonPath(vec![Segment::Property(name)])),
                    known: Known::Nothing,
                    nullable: None,
                    lists: Vec::new(),
                },
            };
            let span = self.draft.declared_in(field, self.file).map(|declared| declared.field.name.span);
            let span = span.unwrap_or(self.draft.graph.field(field).span);
            found.extend(self.field_of(field, value, Selected::SameNamed { is_top: false }, span));
        }
        found
    }

    /// Whether this file's service answers the field itself, or the field is part of a key.
    fn is_eligible(&self, field: FieldId) -> bool {
        let declared = self.draft.declared_in(field, self.file);
        let is_own = declared.is_some_and(|declared| declared.is_offered);
        (is_own || self.draft.key_fields.contains(&field)) && !self.draft.has_binding(field)
    }

    fn field_of(
        &mut self,
        field: FieldId,
        value: Found<'a>,
        selected: Selected<'a>,
        span: Span,
    ) -> Option<(FieldId, ShapeField)> {
        let ty = self.draft.graph.field(field).ty.clone();
        let name = self.draft.graph.coordinate(field);
        let declared = Some(self.draft.graph.field(field).span);
        let Found { read, known, nullable, lists } = value;
        let (shape, bound) = self.place(&ty, Checked { known, nullable, lists, selected, span, name, declared })?;
        let bound = if ty.is_list() { with_declared_size(self.draft, field, bound) } else { ListBound::default() };
        Some((field, ShapeField { read, shape, bound }))
    }

    /// The shape of an abstract type: how the concrete type is found, and the fields of each.
    fn abstract_shape(
        &mut self,
        ty: TypeId,
        schema: Option<SchemaId>,
        selected: Selected<'a>,
        span: Span,
    ) -> Option<(TypeChoice, Vec<ShapeVariant>)> {
        let members = self.draft.graph.ty(ty).possible.clone();
        let cases = match selected {
            Selected::Listed(fields) if fields.entries.iter().any(|entry| entry.name.value == "__typename") => {
                self.typename_cases(&members, schema, fields)?
            }
            _ => self.discriminator_cases(&members, schema),
        };
        let Some(Cases { read, cases }) = cases else {
            let name = self.draft.graph.ty(ty).name.clone();
            let message = format!("nothing says which member of `{name}` an answer is");
            let help = "declare `oneOf` with a `discriminator` in the contract, map statuses in `on:`, or select \
                        `__typename: kind->match([[\"a\", \"A\"]])`";
            self.draft.find(Finding::new(Code::E104, message, span, "an abstract type here").help(help));
            return None;
        };
        let siblings = std::mem::replace(&mut self.abstract_siblings, members);
        let mut variants: Vec<ShapeVariant> = Vec::new();
        let mut by_text = Vec::new();
        for Case { text, member, schema } in cases {
            let index = match variants.iter().position(|variant| variant.ty == member) {
                Some(index) => index,
                None => {
                    let fields = self.variant(member, schema, selected)?;
                    variants.push(ShapeVariant { ty: member, fields });
                    variants.len() - 1
                }
            };
            by_text.push((text, index));
        }
        self.abstract_siblings = siblings;
        Some((TypeChoice::By { read, cases: by_text }, variants))
    }

    /// The cases of a `__typename` entry, `__typename: kind->match([["card", "CardPayment"]])`, or of a path to the
    /// type's name itself.
    fn typename_cases(
        &mut self,
        members: &[TypeId],
        schema: Option<SchemaId>,
        fields: &'a Fields,
    ) -> Option<Option<Cases>> {
        let entry = fields.entries.iter().find(|entry| entry.name.value == "__typename")?;
        let pairs = entry.value.steps.iter().find_map(|step| match step {
            Step::Method(Method::Match(pairs), _) => Some(pairs),
            _ => None,
        });
        let steps = &entry.value.steps;
        let path = if pairs.is_some() { &steps[..steps.len() - 1] } else { &steps[..] };
        let read = self.walk_steps(schema, path)?.read;
        let mut cases = Vec::new();
        let named: Vec<(String, String)> = match pairs {
            Some(pairs) => pairs.iter().filter_map(|(when, then)| Some((text_of(when)?, text_of(then)?))).collect(),
            None => {
                let name = |member: &TypeId| self.draft.graph.ty(*member).name.clone();
                members.iter().map(|member| (name(member), name(member))).collect()
            }
        };
        for (text, name) in named {
            let member = members.iter().find(|member| self.draft.graph.ty(**member).name == name);
            let Some(member) = member else {
                let known: Vec<String> =
                    members.iter().map(|member| self.draft.graph.ty(*member).name.clone()).collect();
                let message = format!("`{name}` is not one of the types that can stand here");
                let help = suggest::help(&name, known.iter().map(String::as_str));
                self.draft.find(Finding::new(Code::E104, message, entry.value.span, "named here").help(help));
                return None;
            };
            let variant = schema.and_then(|schema| self.variant_schema(schema, &text)).or(schema);
            cases.push(Case { text, member: *member, schema: variant });
        }
        Some(Some(Cases { read, cases }))
    }

    /// The alternative of a schema for a value of its discriminator.
    fn variant_schema(&self, schema: SchemaId, text: &str) -> Option<SchemaId> {
        match &self.source.contract?.schema(schema).kind {
            SchemaKind::OneOf { discriminator, .. } => discriminator.as_ref()?.mapping.get(text).copied(),
            _ => None,
        }
    }

    /// The cases of a `oneOf` with a `discriminator`. Alternatives become members by component name, or else by
    /// properties.
    fn discriminator_cases(&mut self, members: &[TypeId], schema: Option<SchemaId>) -> Option<Cases> {
        let contract = self.source.contract?;
        let SchemaKind::OneOf { discriminator, .. } = &contract.schema(schema?).kind else { return None };
        let discriminator = discriminator.as_ref()?;
        let mut cases = Vec::new();
        for (text, variant) in &discriminator.mapping {
            let member = self.member_of(members, *variant, &discriminator.property, text)?;
            cases.push(Case { text: text.clone(), member, schema: Some(*variant) });
        }
        let read = Read::path(JsonPath(vec![Segment::Property(discriminator.property.clone())]));
        Some(Cases { read, cases })
    }

    fn member_of(&self, members: &[TypeId], variant: SchemaId, discriminator: &str, text: &str) -> Option<TypeId> {
        let graph = &self.draft.graph;
        let schema = self.source.contract?.schema(variant);
        let by_name = |name: &str| members.iter().find(|member| graph.ty(**member).name.eq_ignore_ascii_case(name));
        if let Some(member) = schema.name.as_deref().and_then(by_name).or_else(|| by_name(text)) {
            return Some(*member);
        }
        let SchemaKind::Object { properties } = &schema.kind else { return None };
        let names: std::collections::BTreeSet<&str> =
            properties.keys().map(String::as_str).filter(|name| *name != discriminator).collect();
        let same = |member: &&TypeId| {
            let fields = graph.ty(**member).fields.keys().map(String::as_str);
            fields.filter(|name| *name != discriminator).collect::<std::collections::BTreeSet<_>>() == names
        };
        let mut fitting = members.iter().filter(same);
        match (fitting.next(), fitting.next()) {
            (Some(member), None) => Some(*member),
            _ => None,
        }
    }
}

/// How the member of an abstract type is found.
struct Cases {
    /// How the discriminator is read.
    read: Read,
    cases: Vec<Case>,
}

/// The meaning of one value of a discriminator.
struct Case {
    text: String,
    member: TypeId,
    /// The contract's type of the member.
    schema: Option<SchemaId>,
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}
