//! Input coercion of literals (GraphQL §3.13, §6.4.1): a literal of a schema becomes a value with the graph's names.

use super::table::{InputObjectView, InputType, Inputs, Template};
use crate::json::{Number, Value as Json};
use apollo_compiler::ast::{Type, Value};
use apollo_compiler::parser::SourceSpan;
use apollo_compiler::{Name, Node};

/// The reason why a literal has no value.
#[derive(Debug)]
pub(crate) struct LiteralError {
    pub(crate) message: String,
    pub(crate) location: Option<SourceSpan>,
}

/// A function that turns a variable into a hole. It gets the name of the variable and what its place expects.
pub(crate) type Fill<'f, Hole> = dyn FnMut(&Name, &Wanted<'_>) -> Result<Hole, String> + 'f;

/// What the place of a variable expects.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) ty: &'a Type,
    /// Whether a default is used if no value is given.
    pub(crate) has_default: bool,
}

impl Inputs {
    /// Coerces a literal, which may contain variables.
    pub(crate) fn literal<Hole>(
        &self,
        ty: &Type,
        value: &Node<Value>,
        default: Option<&Json>,
        fill: &mut Fill<'_, Hole>,
    ) -> Result<Template<Hole>, LiteralError> {
        let fail = |message: String| LiteralError { message, location: value.location() };
        match (&**value, ty) {
            (Value::Variable(name), _) => {
                let hole = fill(name, &Wanted { ty, has_default: default.is_some() }).map_err(fail)?;
                Ok(Template::Hole(hole, default.cloned()))
            }
            (Value::Null, Type::Named(_) | Type::List(_)) => Ok(Template::Constant(Json::Null)),
            (Value::Null, _) => Err(fail(format!("expected `{ty}`, found null"))),
            (Value::List(items), Type::List(of) | Type::NonNullList(of)) => {
                let items = items.iter().map(|item| self.literal(of, item, None, fill));
                Ok(Template::list(items.collect::<Result<_, _>>()?))
            }
            (_, Type::List(of) | Type::NonNullList(of)) => {
                Ok(Template::list(vec![self.literal(of, value, None, fill)?]))
            }
            (_, Type::Named(name) | Type::NonNullNamed(name)) => self.named_literal(name, value, fill),
        }
    }

    /// Coerces a literal without variables.
    pub(crate) fn constant(&self, ty: &Type, value: &Node<Value>) -> Result<Json, LiteralError> {
        let refuse =
            &mut |name: &Name, _: &Wanted<'_>| -> Result<(), String> { Err(format!("`${name}` cannot stand here")) };
        match self.literal(ty, value, None, refuse)? {
            Template::Constant(json) => Ok(json),
            _ => Err(LiteralError { message: "a constant should stand here".to_owned(), location: value.location() }),
        }
    }

    fn named_literal<Hole>(
        &self,
        ty: &Name,
        value: &Node<Value>,
        fill: &mut Fill<'_, Hole>,
    ) -> Result<Template<Hole>, LiteralError> {
        let constant = |json: Option<Json>| match json {
            Some(json) => Ok(Template::Constant(json)),
            None => {
                let message = format!("expected `{ty}`, found `{}`", short(&value.serialize().no_indent().to_string()));
                Err(LiteralError { message, location: value.location() })
            }
        };
        match self.0.get(ty.as_str()) {
            Some(InputType::Int) => constant(value.to_i32().map(Json::from)),
            // A `Float` must be finite (§3.5.2). It keeps the digits with which it was written.
            Some(InputType::Float) => {
                constant(number(value).filter(|number| number.as_f64().is_some()).map(Json::from))
            }
            Some(InputType::String) => constant(value.as_str().map(Json::from)),
            Some(InputType::Boolean) => constant(value.to_bool().map(Json::from)),
            Some(InputType::Id) => constant(match &**value {
                Value::Int(number) => Some(Json::from(number.as_str())),
                other => other.as_str().map(Json::from),
            }),
            Some(InputType::Enum(view)) => constant(
                value.as_enum().and_then(|name| view.to_graph.get(name.as_str())).map(|name| name.as_str().into()),
            ),
            Some(InputType::Object(view)) => match value.as_object() {
                Some(members) => self.object_literal(ty, view, value, members, fill),
                None => constant(None),
            },
            Some(InputType::Custom) | None => self.custom_literal(value, fill),
        }
    }

    fn object_literal<Hole>(
        &self,
        ty: &Name,
        view: &InputObjectView,
        value: &Node<Value>,
        members: &[(Name, Node<Value>)],
        fill: &mut Fill<'_, Hole>,
    ) -> Result<Template<Hole>, LiteralError> {
        let fail = |message: String, location: Option<SourceSpan>| LiteralError { message, location };
        for (at, (name, member)) in members.iter().enumerate() {
            if !view.fields.contains_key(name.as_str()) {
                return Err(fail(format!("`{ty}` has no field `{name}`"), member.location()));
            }
            // No field may be given twice (§5.6.3). The compiler does not check this.
            if members[..at].iter().any(|(other, _)| other == name) {
                return Err(fail(format!("input field `{name}` is given twice"), member.location()));
            }
        }
        if view.is_one_of && (members.len() != 1 || members[0].1.is_null()) {
            return Err(fail(format!("exactly one field of `{ty}` must be given, and not be null"), value.location()));
        }
        let mut given = Vec::new();
        for (name, field) in &view.fields {
            match members.iter().find(|(other, _)| other == name.as_str()) {
                Some((_, member)) => {
                    // In a `@oneOf` object, a variable must not be null either (§5.8.5).
                    let one_of = view.is_one_of.then(|| field.ty.clone().non_null());
                    let member =
                        self.literal(one_of.as_ref().unwrap_or(&field.ty), member, field.default.as_ref(), fill)?;
                    given.push((field.graph.clone(), member));
                }
                None => match &field.default {
                    Some(default) => given.push((field.graph.clone(), Template::Constant(default.clone()))),
                    None if field.ty.is_non_null() => {
                        return Err(fail(format!("field `{name}` of `{ty}` is required"), value.location()));
                    }
                    None => {}
                },
            }
        }
        given.extend(view.hidden.iter().map(|(name, json)| (name.clone(), Template::Constant(json.clone()))));
        Ok(Template::object(given))
    }

    fn custom_literal<Hole>(
        &self,
        value: &Node<Value>,
        fill: &mut Fill<'_, Hole>,
    ) -> Result<Template<Hole>, LiteralError> {
        let fail = |message: String| LiteralError { message, location: value.location() };
        Ok(match &**value {
            Value::Variable(name) => {
                // A variable of any type may stand inside a custom scalar. The compiler has checked that it is defined.
                let anything = Type::Named(name.clone());
                Template::Hole(fill(name, &Wanted { ty: &anything, has_default: false }).map_err(fail)?, None)
            }
            Value::List(items) => {
                let items = items.iter().map(|item| self.custom_literal(item, fill));
                Template::list(items.collect::<Result<_, _>>()?)
            }
            Value::Object(members) => {
                let members =
                    members.iter().map(|(name, member)| Ok((name.to_string(), self.custom_literal(member, fill)?)));
                Template::object(members.collect::<Result<_, LiteralError>>()?)
            }
            other => Template::Constant(plain(other)),
        })
    }
}

/// A literal as JSON. Enum values become strings.
fn plain(value: &Value) -> Json {
    match value {
        Value::Null | Value::Variable(_) => Json::Null,
        Value::Enum(name) => Json::from(name.as_str()),
        Value::String(text) => Json::from(text.as_str()),
        Value::Float(_) | Value::Int(_) => number(value).map_or(Json::Null, Json::from),
        Value::Boolean(boolean) => Json::from(*boolean),
        Value::List(items) => items.iter().map(|item| plain(item)).collect(),
        Value::Object(members) => {
            Json::Object(members.iter().map(|(name, value)| (name.to_string(), plain(value))).collect())
        }
    }
}

/// The number of a literal with its digits. Numbers in GraphQL (§2.9.1, §2.9.2) are written as in JSON.
fn number(value: &Value) -> Option<Number> {
    match value {
        Value::Int(digits) => Number::parse(digits.as_str()),
        Value::Float(digits) => Number::parse(digits.as_str()),
        _ => None,
    }
}

/// Cuts a text for a message after 40 characters.
pub(crate) fn short(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
