//! One request being answered: values by type, for the fields of [`super::object::Object`].

use super::chance::Chance;
use super::engine::MockOptions;
use super::given::Given;
use super::identity::{self, Who};
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

/// Deepest nesting of lists in one type; below it they are empty.
const MAX_LISTS: u32 = 4;

/// What all objects of an answer share.
#[derive(Debug)]
pub(super) struct Answering<'a> {
    pub(super) view: &'a View,
    pub(super) options: &'a MockOptions,
    pub(super) deadline: Instant,
    /// Values that may still be made; at 0 there is no answer.
    pub(super) left: Cell<u64>,
}

/// Where a value stands: a hash of the place, what its field was asked with, and the page around it.
#[derive(Debug, Clone)]
pub(super) struct Spot {
    pub(super) here: Chance,
    pub(super) given: Given,
    pub(super) page: Option<Page>,
}

impl<'a> Answering<'a> {
    pub(super) fn schema(&self) -> &'a Schema {
        &self.view.schema
    }

    pub(super) fn seed(&self) -> Chance {
        Chance::new(self.options.seed)
    }

    /// Counts one more value; false when there may be no more.
    pub(super) fn spend(&self) -> bool {
        let left = self.left.get();
        // A look at the clock costs more than a value.
        let is_late = left.is_multiple_of(256) && Instant::now() >= self.deadline;
        self.left.set(if is_late { 0 } else { left.saturating_sub(1) });
        self.left.get() > 0
    }

    pub(super) fn is_composite(&self, named: &Name) -> bool {
        self.schema().types.get(named).is_some_and(|ty| !ty.is_leaf())
    }

    /// The concrete type that stands for `who` where a type is expected.
    pub(super) fn concrete(&self, named: &Name, who: &Who) -> Option<&'a Node<ObjectType>> {
        identity::concrete(&self.view.schema, &self.view.implementers, named, who)
    }

    /// The object that `who` is; null when its type has no concrete one.
    pub(super) fn object(&'a self, named: &Name, who: &Who, spot: Spot) -> ResolvedValue<'a> {
        let Some(ty) = self.concrete(named, who) else { return ResolvedValue::null() };
        let id = identity::id_value(self.schema(), ty, who, self.seed());
        let chance = match &id {
            Some(id) => self.seed().named(&ty.name).named(&id.to_string()),
            None => spot.here.named(&ty.name),
        };
        // Of a list's items, only edges speak of the list.
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

    /// A list, `level` of them around its items.
    pub(super) fn list(
        &'a self,
        of: &'a Type,
        items: impl Iterator<Item = (u64, Who)> + 'a,
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
        who: &Who,
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
                let items = (0..length).map(move |at| (at, Who::at(here, at)));
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
