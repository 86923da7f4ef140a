//! Answering one request: makes values by their types, for the fields of [`super::object::Object`].

use super::arguments::ArgumentValues;
use super::chance::Chance;
use super::engine::MockOptions;
use super::identity::{self, ObjectIdentity};
use super::leaf::{self, Place};
use super::object::Object;
use super::page::{Page, Window, is_page};
use crate::view::View;
use apollo_compiler::ast::Type;
use apollo_compiler::resolvers::ResolvedValue;
use apollo_compiler::schema::{Name, ObjectType};
use apollo_compiler::{Node, Schema};
use std::cell::Cell;
use std::time::Instant;

/// Deepest nesting of lists in one type. Lists below it are empty.
const MAX_LISTS: u32 = 4;

/// The state that all objects of an answer share.
#[derive(Debug)]
pub(super) struct AnswerMaker<'a> {
    pub(super) view: &'a View,
    pub(super) options: &'a MockOptions,
    pub(super) deadline: Instant,
    /// The number of values that may still be made. At 0 there is no answer.
    pub(super) left: Cell<u64>,
}

/// The place of a value: a hash of the place, the arguments of its field, and the page around it.
#[derive(Debug, Clone)]
pub(super) struct Spot {
    pub(super) here: Chance,
    pub(super) given: ArgumentValues,
    pub(super) page: Option<Page>,
}

impl<'a> AnswerMaker<'a> {
    pub(super) fn schema(&self) -> &'a Schema {
        &self.view.schema
    }

    pub(super) fn seed(&self) -> Chance {
        Chance::new(self.options.seed)
    }

    /// Counts one more value. Returns false if there may be no more.
    pub(super) fn spend(&self) -> bool {
        let left = self.left.get();
        // Reading the clock costs more than a value.
        let is_late = left.is_multiple_of(256) && Instant::now() >= self.deadline;
        self.left.set(if is_late { 0 } else { left.saturating_sub(1) });
        self.left.get() > 0
    }

    pub(super) fn is_composite(&self, named: &Name) -> bool {
        self.schema().types.get(named).is_some_and(|ty| !ty.is_leaf())
    }

    /// The concrete type of `who` where a type is expected.
    pub(super) fn concrete(&self, named: &Name, who: &ObjectIdentity) -> Option<&'a Node<ObjectType>> {
        identity::concrete(&self.view.schema, &self.view.implementers, named, who)
    }

    /// The object that `who` is, or null if its type has no concrete type.
    pub(super) fn object(&'a self, named: &Name, who: &ObjectIdentity, spot: Spot) -> ResolvedValue<'a> {
        let Some(ty) = self.concrete(named, who) else { return ResolvedValue::null() };
        let id = identity::id_value(self.schema(), ty, who, self.seed());
        let chance = match &id {
            Some(id) => self.seed().named(&ty.name).named(&id.to_string()),
            None => spot.here.named(&ty.name),
        };
        // Among the items of a list, only edges say something about the list.
        let speaks = |page: &Page| id.is_none() && (page.index.is_none() || ty.fields.contains_key("node"));
        let page = match spot.page.filter(speaks) {
            None if id.is_none() && is_page(self.schema(), ty) => {
                let window = Window::of(&spot.given, self.options.list, spot.here);
                Some(Page { chance: spot.here, window, index: None })
            }
            inherited => inherited,
        };
        ResolvedValue::object(Object { answering: self, ty, chance, id, given: spot.given, page })
    }

    /// A list, with `level` lists around its items.
    pub(super) fn list(
        &'a self,
        of: &'a Type,
        items: impl Iterator<Item = (u64, ObjectIdentity)> + 'a,
        spot: Spot,
        place: Place<'a>,
        level: u32,
    ) -> ResolvedValue<'a> {
        let items = items.take_while(|_| self.spend());
        ResolvedValue::list(items.map(move |(at, who)| self.item(of, at, &who, &spot, place, level)))
    }

    fn item(
        &'a self,
        ty: &'a Type,
        at: u64,
        who: &ObjectIdentity,
        spot: &Spot,
        place: Place<'a>,
        level: u32,
    ) -> ResolvedValue<'a> {
        let here = spot.here.numbered(at);
        if !ty.is_non_null() && here.named("null").is_among(self.options.nulls) {
            return ResolvedValue::null();
        }
        let page = spot.page.map(|page| Page { index: Some(at), ..page });
        let spot = Spot { here, given: spot.given.clone(), page };
        match ty {
            Type::List(of) | Type::NonNullList(of) => {
                let length = if level < MAX_LISTS { self.options.list } else { 0 };
                let items = (0..length).map(move |at| (at, ObjectIdentity::at(here, at)));
                self.list(of, items, spot, place, level + 1)
            }
            Type::Named(named) | Type::NonNullNamed(named) if self.is_composite(named) => self.object(named, who, spot),
            Type::Named(named) | Type::NonNullNamed(named) => self.leaf(named, &Place { here, ..place }),
        }
    }

    /// A scalar or an enum value.
    pub(super) fn leaf(&self, named: &Name, place: &Place<'_>) -> ResolvedValue<'a> {
        let fixed = self.options.scalars.get(named.as_str()).cloned();
        ResolvedValue::Leaf(fixed.unwrap_or_else(|| leaf::of_type(self.schema(), named, place)))
    }
}
