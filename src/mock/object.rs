//! One made-up object, whose fields are made when they are asked for.

use super::answering::{Answering, Spot};
use super::chance::Chance;
use super::given::Given;
use super::identity::{self, Who};
use super::leaf::Place;
use super::page::{MAX_ITEMS, Page, Window};
use apollo_compiler::Node;
use apollo_compiler::ast::Type;
use apollo_compiler::resolvers::{FieldError, ObjectValue, ResolveInfo, ResolvedValue};
use apollo_compiler::response::JsonValue;
use apollo_compiler::schema::{Name, ObjectType};

/// An object of the answer.
#[derive(Debug)]
pub(super) struct Object<'a> {
    pub(super) answering: &'a Answering<'a>,
    pub(super) ty: &'a Node<ObjectType>,
    /// Who it is, as a hash: the same for the same type and id.
    pub(super) chance: Chance,
    /// Its id, if its type has one.
    pub(super) id: Option<JsonValue>,
    /// What it was asked with.
    pub(super) given: Given,
    /// The list that it is a page of, or an edge of; never of an object with an id.
    pub(super) page: Option<Page>,
}

impl ObjectValue for Object<'_> {
    fn type_name(&self) -> &str {
        &self.ty.name
    }

    fn resolve_field<'b>(&'b self, info: &'b ResolveInfo<'b>) -> Result<ResolvedValue<'b>, FieldError> {
        let fail = |message: &str| FieldError { message: message.to_owned() };
        if !self.answering.spend() {
            return Err(fail("the answer is too long"));
        }
        let (name, field) =
            self.ty.fields.get_key_value(info.field_name()).ok_or_else(|| self.unknown_field_error(info))?;
        let is_nullable = !field.ty.is_non_null();
        let here = self.chance.named(name);
        // Where null must not stand, an error would take all around it along.
        if (is_nullable || self.is_root()) && here.named("error").is_among(self.answering.options.errors) {
            return Err(fail("made up, by --errors"));
        }
        if is_nullable && here.named("null").is_among(self.answering.options.nulls) {
            return Ok(ResolvedValue::null());
        }
        // An object with an id is the same whatever it was asked with; others are part of what was asked.
        let outer = (self.id.is_none()).then_some(&self.given);
        Ok(self.value(name, &field.ty, Given::of(info.arguments(), outer)))
    }
}

impl<'a> Object<'a> {
    /// The object that an operation begins with.
    pub(super) fn root(answering: &'a Answering<'a>, ty: &'a Node<ObjectType>) -> Self {
        let chance = answering.seed().named(&ty.name);
        Self { answering, ty, chance, id: None, given: Given::default(), page: None }
    }

    fn is_root(&self) -> bool {
        let mut roots = self.answering.schema().schema_definition.iter_root_operations();
        roots.any(|(_, root)| root.name == self.ty.name)
    }

    fn value(&self, name: &'a Name, ty: &'a Type, given: Given) -> ResolvedValue<'a> {
        if let Some(echo) = self.echo(name, ty, &given) {
            return as_list_or_leaf(ty, echo);
        }
        let here = self.chance.named(name).named(&given.filters());
        let named = ty.inner_named_type();
        match ty {
            Type::List(of) | Type::NonNullList(of) => self.list(name, of, given, here),
            _ if self.answering.is_composite(named) => self.composite(name, named, given, here),
            _ => self.leaf(name, ty, here),
        }
    }

    /// What the object was asked with under the field's name; never its id, which is who it is.
    fn echo(&self, name: &Name, ty: &Type, given: &Given) -> Option<JsonValue> {
        let is_own_id = self.own_id() == Some(name);
        let schema = self.answering.schema();
        if is_own_id { None } else { self.given.echo(schema, name, ty).or_else(|| given.echo(schema, name, ty)) }
    }

    fn own_id(&self) -> Option<&Name> {
        identity::id_field(self.answering.schema(), self.ty).map(|(name, _)| name)
    }

    fn composite(&self, name: &Name, named: &Name, given: Given, here: Chance) -> ResolvedValue<'a> {
        let who = identity::given(self.answering.schema(), named, &given).or_else(|| self.meant(name));
        let (who, page) = match self.page {
            // What an edge holds is the item at its place of the list.
            Some(Page { index: Some(index), chance, .. }) => (who.unwrap_or_else(|| Who::at(chance, index)), None),
            page => (who.unwrap_or_else(|| Who::at(here, 0)), page),
        };
        self.answering.object(named, &who, Spot { here, given, page })
    }

    /// Whom `category: "3"` or `categoryId: "3"` of the object's own arguments means by its field `category`.
    fn meant(&self, field: &str) -> Option<Who> {
        let id = self.given.id(&format!("{field}Id")).or_else(|| self.given.id(field))?;
        Some(Who::Given(id.clone()))
    }

    fn list(&self, name: &'a Name, of: &'a Type, given: Given, here: Chance) -> ResolvedValue<'a> {
        let answering = self.answering;
        let place = Place { owner: &self.ty.name, owner_chance: self.chance, name, here };
        let all = identity::all_given(answering.schema(), of.inner_named_type(), &given);
        let given = given.of_items();
        if let Some(all) = all.filter(|_| !of.is_list()) {
            let items = all.into_iter().take(MAX_ITEMS as usize).enumerate().map(|(at, who)| (at as u64, who));
            return answering.list(of, items, Spot { here, given, page: None }, place, 1);
        }
        match self.page.filter(|page| page.index.is_none()) {
            Some(page) => {
                let items = (page.window.start..page.window.end).map(move |at| (at, Who::at(page.chance, at)));
                answering.list(of, items, Spot { here, given, page: Some(page) }, place, 1)
            }
            None => {
                let window = Window::of(&given, answering.options.list, here);
                let items = (window.start..window.end).map(move |at| (at, Who::at(here, at)));
                answering.list(of, items, Spot { here, given, page: None }, place, 1)
            }
        }
    }

    fn leaf(&self, name: &Name, ty: &Type, here: Chance) -> ResolvedValue<'a> {
        let answering = self.answering;
        if let Some(id) = self.id.as_ref().filter(|_| self.own_id() == Some(name)) {
            return ResolvedValue::Leaf(id.clone());
        }
        if let Some(value) = self.page.and_then(|page| page.leaf(name, ty)) {
            return ResolvedValue::Leaf(value);
        }
        if let Some(id) = self.id_of_sibling(name, ty) {
            return ResolvedValue::Leaf(id);
        }
        let place = Place { owner: &self.ty.name, owner_chance: self.chance, name, here };
        answering.leaf(ty.inner_named_type(), &place)
    }

    /// `authorId` is the id of `author`.
    fn id_of_sibling(&self, name: &Name, ty: &Type) -> Option<JsonValue> {
        let sibling = self.ty.fields.get(name.strip_suffix("Id")?)?;
        let named = sibling.ty.inner_named_type();
        if sibling.ty.is_list() || self.page.is_some() {
            return None;
        }
        let who = self.meant(&sibling.name);
        let who = who.unwrap_or_else(|| Who::at(self.chance.named(&sibling.name).named(""), 0));
        let concrete = self.answering.concrete(named, &who)?;
        let id = identity::id_value(self.answering.schema(), concrete, &who, self.answering.seed())?;
        super::given::fitting(self.answering.schema(), ty, &id)
    }
}

/// A value as its type has it: an array may be a list, or one value of a scalar.
fn as_list_or_leaf<'a>(ty: &'a Type, value: JsonValue) -> ResolvedValue<'a> {
    match (ty, value) {
        (Type::List(of) | Type::NonNullList(of), JsonValue::Array(items)) => {
            ResolvedValue::list(items.into_iter().map(|item| as_list_or_leaf(of, item)))
        }
        (_, value) => ResolvedValue::Leaf(value),
    }
}
