//! Rules for literals: they have the right types, and no input field is given twice (GraphQL §5.6). Variables are not
//! checked here.

use super::arguments::find;
use super::{Checker, Place, at, did_you_mean, of};
use crate::view::one_of::is_one_of;
use apollo_compiler::ast::{Type, Value};
use apollo_compiler::schema::{ExtendedType, InputObjectType};
use apollo_compiler::{Name, Node};
use std::collections::HashMap;

impl<'a> Checker<'a> {
    /// Checks a literal. `ty` is the type of its place, or `None` if the type is not known.
    pub(super) fn value(&mut self, value: &'a Node<Value>, ty: Option<&'a Type>) {
        if let Some(ty) = ty {
            self.literal(value, ty);
        }
        self.unique_input_fields(value);
    }

    /// Reports literals that do not have the type of their place (§5.6.1).
    fn literal(&mut self, value: &'a Node<Value>, ty: &'a Type) {
        if !self.spend(1) {
            return;
        }
        match (&**value, ty) {
            (Value::Variable(_), _) => {}
            (Value::Null, _) if !ty.is_non_null() => {}
            (Value::List(items), Type::List(item) | Type::NonNullList(item)) => {
                items.iter().for_each(|value| self.literal(value, item));
            }
            (Value::Null, _) => self.wrong_value(value, ty),
            (_, Type::List(item) | Type::NonNullList(item)) => self.literal(value, item),
            (_, Type::Named(name) | Type::NonNullNamed(name)) => match self.type_of(name) {
                Some(ExtendedType::InputObject(object)) => match &**value {
                    Value::Object(fields) => self.input_object(value, fields, object),
                    _ => self.wrong_value(value, ty),
                },
                Some(ExtendedType::Enum(values)) => match &**value {
                    Value::Enum(name) if values.values.contains_key(name) => {}
                    Value::Enum(name) => {
                        let suggestion = did_you_mean(name, values.values.keys().map(Name::as_str));
                        let message = format!("value `{name}` does not exist on `{}`", values.name);
                        self.suggest(message, [of(value.location())], suggestion);
                    }
                    _ => self.wrong_value(value, ty),
                },
                Some(ExtendedType::Scalar(_)) => self.scalar(value, ty),
                _ => {}
            },
        }
    }

    /// Reports literals that a built-in scalar does not accept (§3.5). Other scalars accept all literals.
    fn scalar(&mut self, value: &'a Node<Value>, ty: &'a Type) {
        match (ty.inner_named_type().as_str(), &**value) {
            ("Int", Value::Int(number)) if number.try_to_i32().is_ok() => {}
            ("Int", Value::Int(_)) => {
                self.report("int cannot represent non 32-bit signed integer value", [of(value.location())]);
            }
            ("Float", Value::Int(number)) if number.try_to_f64().is_ok() => {}
            ("Float", Value::Float(number)) if number.try_to_f64().is_ok() => {}
            ("Float", Value::Int(_) | Value::Float(_)) => {
                self.report("float cannot represent non-finite 64-bit floating point value", [of(value.location())]);
            }
            ("String" | "ID", Value::String(_)) | ("ID", Value::Int(_)) | ("Boolean", Value::Boolean(_)) => {}
            ("Int" | "Float" | "String" | "ID" | "Boolean", _) => self.wrong_value(value, ty),
            _ => {}
        }
    }

    fn wrong_value(&mut self, value: &'a Node<Value>, ty: &'a Type) {
        let message = format!("expected value of type {ty}, found {}", described(value));
        let suggestion = self.enum_value_for(value, ty);
        self.suggest(message, [of(value.location())], suggestion);
    }

    /// Suggests the enum value that was written as a string.
    fn enum_value_for(&self, value: &'a Node<Value>, ty: &'a Type) -> Option<String> {
        match (self.type_of(ty.inner_named_type()), &**value) {
            (Some(ExtendedType::Enum(values)), Value::String(text)) => {
                did_you_mean(text, values.values.keys().map(Name::as_str))
            }
            _ => None,
        }
    }

    /// Reports fields that do not exist (§5.6.2), required fields that are missing (§5.6.4), and an object that breaks
    /// `@oneOf` (§3.13.5).
    fn input_object(
        &mut self,
        value: &'a Node<Value>,
        given: &'a [(Name, Node<Value>)],
        object: &'a Node<InputObjectType>,
    ) {
        for (name, definition) in &object.fields {
            // If several fields have the same name, the last one counts.
            match given.iter().rev().find(|(known, _)| known == name) {
                Some((_, field)) => self.literal(field, &definition.ty),
                None if definition.is_required() => {
                    let message = format!("the required field `{}.{name}` is not provided", object.name);
                    self.report(message, [of(value.location())]);
                }
                None => {}
            }
        }
        let mut known = Vec::new();
        for (name, field) in given {
            if object.fields.contains_key(name) {
                known.push(field);
            } else {
                let suggestion = did_you_mean(name, object.fields.keys().map(Name::as_str));
                let message = format!("field `{name}` does not exist on `{}`", object.name);
                self.suggest(message, [at(name)], suggestion);
            }
        }
        let has_one_value = matches!(known.as_slice(), [only] if !only.is_null());
        if is_one_of(self.schema, &object.name) == Some(true) && !has_one_value {
            let message = format!("exactly one field of `{}` must be given, and not be null", object.name);
            self.report(message, [of(value.location())]);
        }
    }

    /// Reports input fields that are given twice, in all objects of a literal (§5.6.3).
    fn unique_input_fields(&mut self, value: &'a Node<Value>) {
        match &**value {
            Value::List(items) => items.iter().for_each(|item| self.unique_input_fields(item)),
            Value::Object(fields) => {
                let mut first: HashMap<&str, Place> = HashMap::new();
                for (name, field) in fields {
                    match first.get(name.as_str()) {
                        Some(&first) => {
                            self.report(format!("input field `{name}` is given twice"), [first, at(name)]);
                        }
                        None => _ = first.insert(name, at(name)),
                    }
                    self.unique_input_fields(field);
                }
            }
            _ => {}
        }
    }
}

fn described(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Enum(_) => "an enum",
        Value::Variable(_) => "a variable",
        Value::String(_) => "a string",
        Value::Float(_) => "a float",
        Value::Int(_) => "an integer",
        Value::Boolean(_) => "a boolean",
        Value::List(_) => "a list",
        Value::Object(_) => "an input object",
    }
}

/// Gives the type of an input field, and whether it has a default.
pub(super) fn input_field<'a>(object: &'a InputObjectType, name: &str) -> Option<(&'a Type, bool)> {
    object.fields.get(name).map(|field| (&*field.ty, field.default_value.is_some()))
}

/// Gives the type of an argument, and whether it has a default.
pub(super) fn argument<'a>(
    defined: &'a [Node<apollo_compiler::ast::InputValueDefinition>],
    name: &str,
) -> Option<(&'a Type, bool)> {
    find(defined, name).map(|argument| (&*argument.ty, argument.default_value.is_some()))
}
