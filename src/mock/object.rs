//! One made-up object, whose fields are made when they are asked for.

use super::answering::{AnswerMaker, Spot};
use super::arguments::ArgumentValues;
use super::chance::Chance;
use super::identity::{self, ObjectIdentity};
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
    pub(super) answering: &'a AnswerMaker<'a>,
    pub(super) ty: &'a Node<ObjectType>,
    /// The identity of the object, as a hash: equal for equal type and id.
    pub(super) chance: Chance,
    /// The id of the object, if its type has one.
    pub(super) id: Option<JsonValue>,
    /// The arguments that it was given.
    pub(super) given: ArgumentValues,
    /// The list that the object is a page or an edge of. An object with an id has none.
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
        // An error in a non-null field would make its whole parent null.
        if (is_nullable || self.is_root()) && here.named("error").is_among(self.answering.options.errors) {
            return Err(fail("made up, by --errors"));
        }
        if is_nullable && here.named("null").is_among(self.answering.options.nulls) {
            return Ok(ResolvedValue::null());
        }
        // An object with an id does not depend on arguments; other objects do.
        let outer = (self.id.is_none()).then_some(&self.given);
        Ok(self.value(name, &field.ty, ArgumentValues::of(info.arguments(), outer)))
    }
}

impl<'a> Object<'a> {
    /// The root object of an operation.
    pub(super) fn root(answering: &'a AnswerMaker<'a>, ty: &'a Node<ObjectType>) -> Self {
        let chance = answering.seed().named(&ty.name);
        Self { answering, ty, chance, id: None, given: ArgumentValues::default(), page: None }
    }

    fn is_root(&self) -> bool {
        let mut roots = self.answering.schema().schema_definition.iter_root_operations();
        roots.any(|(_, root)| root.name == self.ty.name)
    }

    fn value(&self, name: &'a Name, ty: &'a Type, given: ArgumentValues) -> ResolvedValue<'a> {
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

    /// The argument of the object with the field's name. It is never the id, which is the object's identity.
    fn echo(&self, name: &Name, ty: &Type, given: &ArgumentValues) -> Option<JsonValue> {
        let is_own_id = self.own_id() == Some(name);
        let schema = self.answering.schema();
        if is_own_id { None } else { self.given.echo(schema, name, ty).or_else(|| given.echo(schema, name, ty)) }
    }

    fn own_id(&self) -> Option<&Name> {
        identity::id_field(self.answering.schema(), self.ty).map(|(name, _)| name)
    }

    fn composite(&self, name: &Name, named: &Name, given: ArgumentValues, here: Chance) -> ResolvedValue<'a> {
        let who = identity::given(self.answering.schema(), named, &given).or_else(|| self.meant(name));
        let (who, page) = match self.page {
            // An edge holds the item at its place in the list.
            Some(Page { index: Some(index), chance, .. }) => {
                (who.unwrap_or_else(|| ObjectIdentity::at(chance, index)), None)
            }
            page => (who.unwrap_or_else(|| ObjectIdentity::at(here, 0)), page),
        };
        self.answering.object(named, &who, Spot { here, given, page })
    }

    /// The identity of the object's field `category`, if its own arguments have `category: "3"` or `categoryId: "3"`.
    fn meant(&self, field: &str) -> Option<ObjectIdentity> {
        let id = self.given.id(&format!("{field}Id")).or_else(|| self.given.id(field))?;
        Some(ObjectIdentity::ArgumentValues(id.clone()))
    }

    fn list(&self, name: &'a Name, of: &'a Type, given: ArgumentValues, here: Chance) -> ResolvedValue<'a> {
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
                let items =
                    (page.window.start..page.window.end).map(move |at| (at, ObjectIdentity::at(page.chance, at)));
                answering.list(of, items, Spot { here, given, page: Some(page) }, place, 1)
            }
            None => {
                let window = Window::of(&given, answering.options.list, here);
                let items = (window.start..window.end).map(move |at| (at, ObjectIdentity::at(here, at)));
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

    /// The id of `author`, for the field `authorId`.
    fn id_of_sibling(&self, name: &Name, ty: &Type) -> Option<JsonValue> {
        let sibling = self.ty.fields.get(name.strip_suffix("Id")?)?;
        let named = sibling.ty.inner_named_type();
        if sibling.ty.is_list() || self.page.is_some() {
            return None;
        }
        let who = self.meant(&sibling.name);
        let who = who.unwrap_or_else(|| ObjectIdentity::at(self.chance.named(&sibling.name).named(""), 0));
        let concrete = self.answering.concrete(named, &who)?;
        let id = identity::id_value(self.answering.schema(), concrete, &who, self.answering.seed())?;
        super::arguments::fitting(self.answering.schema(), ty, &id)
    }
}

/// A value as its type requires it. An array may be a list, or one value of a scalar.
fn as_list_or_leaf<'a>(ty: &'a Type, value: JsonValue) -> ResolvedValue<'a> {
    match (ty, value) {
        (Type::List(of) | Type::NonNullList(of), JsonValue::Array(items)) => {
            ResolvedValue::list(items.into_iter().map(|item| as_list_or_leaf(of, item)))
        }
        (_, value) => ResolvedValue::Leaf(value),
    }
}
