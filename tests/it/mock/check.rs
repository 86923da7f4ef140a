//! Checks that an answer fits its schema. The check is written from the specification, without the code under test.

use apollo_compiler::ast::Type;
use apollo_compiler::executable::{Field, Selection, SelectionSet};
use apollo_compiler::schema::ExtendedType;
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Name, Schema};
use serde_json::Value;

/// The counts of a check.
#[derive(Debug, Default)]
pub(super) struct Counted {
    pub(super) values: u64,
    pub(super) nulls: u64,
}

/// Checks the type and the nullability of every value of `data`, and that exactly the selected fields are there.
pub(super) fn answer(
    schema: &Valid<Schema>,
    document: &Valid<ExecutableDocument>,
    data: &Value,
) -> Result<Counted, String> {
    let operation = document.operations.get(None).expect("one operation");
    let mut checker = Checker { schema, counted: Counted::default() };
    if !data.is_null() {
        checker.object(operation.object_type(), &operation.selection_set, data)?;
    }
    Ok(checker.counted)
}

struct Checker<'a> {
    schema: &'a Valid<Schema>,
    counted: Counted,
}

impl<'a> Checker<'a> {
    fn object(&mut self, expected: &Name, set: &'a SelectionSet, value: &Value) -> Result<(), String> {
        let object = value.as_object().ok_or_else(|| format!("not an object: {value}"))?;
        let name = object.get("__typename").and_then(Value::as_str).ok_or("no __typename")?;
        let name = Name::new(name).map_err(|error| error.to_string())?;
        if self.schema.get_object(&name).is_none() || !(name == *expected || self.schema.is_subtype(expected, &name)) {
            return Err(format!("`{name}` cannot stand where `{expected}` is expected"));
        }
        let mut fields = Vec::new();
        self.collect(&name, set, &mut fields);
        let mut keys: Vec<&str> = fields.iter().map(|field| field.response_key().as_str()).collect();
        keys.sort_unstable();
        keys.dedup();
        if object.len() != keys.len() {
            return Err(format!("asked for {keys:?}, found {:?}", object.keys().collect::<Vec<_>>()));
        }
        for field in fields {
            let key = field.response_key().as_str();
            let value = object.get(key).ok_or_else(|| format!("`{key}` is missing"))?;
            let ty = &field.definition.ty;
            self.value(ty, &field.selection_set, value).map_err(|why| format!("{key} ({}): {why}", field.name))?;
        }
        Ok(())
    }

    fn collect(&self, name: &Name, set: &'a SelectionSet, fields: &mut Vec<&'a Field>) {
        for selection in &set.selections {
            match selection {
                Selection::Field(field) => fields.push(field),
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.type_condition.as_ref();
                    if condition.is_none_or(|condition| condition == name || self.schema.is_subtype(condition, name)) {
                        self.collect(name, &fragment.selection_set, fields);
                    }
                }
                Selection::FragmentSpread(_) => unreachable!("the operations here have none"),
            }
        }
    }

    fn value(&mut self, ty: &Type, set: &'a SelectionSet, value: &Value) -> Result<(), String> {
        self.counted.values += 1;
        if value.is_null() {
            self.counted.nulls += 1;
            return if ty.is_non_null() { Err(format!("null where `{ty}` is expected")) } else { Ok(()) };
        }
        match ty {
            Type::List(of) | Type::NonNullList(of) => {
                let items = value.as_array().ok_or_else(|| format!("not a list: {value}"))?;
                items.iter().try_for_each(|item| self.value(of, set, item))
            }
            Type::Named(name) | Type::NonNullNamed(name) => match &self.schema.types[name] {
                ExtendedType::Enum(values) => {
                    let is_value = value.as_str().is_some_and(|text| values.values.contains_key(text));
                    is_value.then_some(()).ok_or_else(|| format!("{value} is no `{name}`"))
                }
                ExtendedType::Scalar(_) => {
                    let fits = match name.as_str() {
                        "Int" => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
                        "Float" => value.is_number(),
                        "String" | "ID" => value.is_string(),
                        "Boolean" => value.is_boolean(),
                        _ => true,
                    };
                    fits.then_some(()).ok_or_else(|| format!("{value} is no `{name}`"))
                }
                _ => self.object(name, set, value),
            },
        }
    }
}
