//! The arguments that a field was given, and the members of its input objects, by name.

use super::page::is_paging;
use apollo_compiler::Schema;
use apollo_compiler::ast::Type;
use apollo_compiler::response::{JsonMap, JsonValue};
use apollo_compiler::schema::ExtendedType;
use std::rc::Rc;

/// Arguments by name; those of an input object's members come after the field's own.
#[derive(Debug, Clone, Default)]
pub(super) struct ArgumentValues {
    own: Rc<Vec<(String, JsonValue)>>,
    /// The arguments of the objects on the path to this one.
    outer: Option<Rc<ArgumentValues>>,
    /// Below a list, the id of an outer object is not used: it would make all items the same.
    ignores_ids: bool,
}

impl ArgumentValues {
    /// The arguments of a field, followed by those that its object was given.
    pub(super) fn of(arguments: &JsonMap, outer: Option<&Self>) -> Self {
        let mut own: Vec<(String, JsonValue)> = Vec::new();
        for (name, value) in arguments {
            own.push((name.as_str().to_owned(), value.clone()));
        }
        for value in arguments.values() {
            let members = value.as_object().into_iter().flatten();
            own.extend(members.map(|(name, value)| (name.as_str().to_owned(), value.clone())));
        }
        let outer = outer.filter(|outer| !outer.is_empty());
        let ignores_ids = outer.is_some_and(|outer| outer.ignores_ids);
        Self { own: Rc::new(own), outer: outer.map(|outer| Rc::new(outer.clone())), ignores_ids }
    }

    /// The same for the items of a list.
    pub(super) fn of_items(&self) -> Self {
        Self { ignores_ids: true, ..self.clone() }
    }

    fn is_empty(&self) -> bool {
        self.own.is_empty() && self.outer.as_ref().is_none_or(|outer| outer.is_empty())
    }

    /// A value that is not null.
    pub(super) fn get(&self, name: &str) -> Option<&JsonValue> {
        let own = self.own.iter().find(|(own, value)| own == name && !value.is_null()).map(|(_, value)| value);
        own.or_else(|| self.outer.as_ref()?.get(name))
    }

    /// A whole number; negative ones are 0.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.as_i64().map(|number| u64::try_from(number).unwrap_or(0))
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// The id of the object that a field returns; `None` below a list.
    pub(super) fn own_id(&self, name: &str) -> Option<&JsonValue> {
        self.id(name).filter(|_| !self.ignores_ids)
    }

    /// The id of another object, which all items of a list may share.
    pub(super) fn id(&self, name: &str) -> Option<&JsonValue> {
        self.get(name).filter(|value| value.is_string() || value.is_i64())
    }

    /// The ids of the objects that a field returns.
    pub(super) fn ids(&self, name: &str) -> Option<&[JsonValue]> {
        let ids = self.get(name).filter(|_| !self.ignores_ids)?.as_array()?;
        ids.iter().all(|id| id.is_string() || id.is_i64()).then_some(ids.as_slice())
    }

    /// All arguments except those for paging, as text, because lists with different filters are different lists.
    pub(super) fn filters(&self) -> String {
        let mut text = String::new();
        for (name, value) in self.own.iter().filter(|(name, value)| !is_paging(name) && !value.is_null()) {
            text += &format!("{name}:{value} ");
        }
        text
    }

    /// The argument that a field returns, if it has the field's name and fits its type.
    pub(super) fn echo(&self, schema: &Schema, field: &str, ty: &Type) -> Option<JsonValue> {
        fitting(schema, ty, self.get(field)?)
    }
}

/// A value as its output type requires it (GraphQL §3.5, §3.9); `None` if it does not fit.
pub(super) fn fitting(schema: &Schema, ty: &Type, value: &JsonValue) -> Option<JsonValue> {
    match (ty, value) {
        (Type::Named(_) | Type::List(_), JsonValue::Null) => Some(JsonValue::Null),
        (_, JsonValue::Null) => None,
        (Type::List(of) | Type::NonNullList(of), JsonValue::Array(items)) => {
            items.iter().map(|item| fitting(schema, of, item)).collect::<Option<Vec<_>>>().map(JsonValue::Array)
        }
        (Type::List(_) | Type::NonNullList(_), _) => None,
        (Type::Named(name) | Type::NonNullNamed(name), value) => match schema.types.get(name)? {
            ExtendedType::Enum(values) => {
                value.as_str().filter(|name| values.values.contains_key(*name)).map(|_| value.clone())
            }
            ExtendedType::Scalar(_) => scalar(name, value),
            _ => None,
        },
    }
}

fn scalar(name: &str, value: &JsonValue) -> Option<JsonValue> {
    let fits = match name {
        "Int" => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        "Float" => return value.as_f64().map(JsonValue::from),
        "String" => value.is_string(),
        "Boolean" => value.is_boolean(),
        "ID" => value.is_string() || value.is_i64(),
        _ => true,
    };
    fits.then(|| value.clone())
}
