//! Variables: JSON as sent becomes values of the declared types, in graph vocabulary (GraphQL §6.1.2, rule 7).

use super::error::{BAD_USER_INPUT, RequestError};
use super::lowered::{Value, VariableId};
use super::prepare::Prepared;
use crate::view::short;
use crate::view::table::{InputObjectView, InputType, Inputs};
use apollo_compiler::ast::Type;
use serde_json::{Map, Value as Json};

/// Coerced variables by [`VariableId`], in graph vocabulary; `None`: not given, and no default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Variables(pub Vec<Option<Json>>);

impl Variables {
    /// A variable's value.
    #[must_use]
    pub fn get(&self, id: VariableId) -> Option<&Json> {
        self.0.get(id.index()).and_then(Option::as_ref)
    }
}

impl Value {
    /// The value, given the variables; `None` when it was not given at all.
    #[must_use]
    pub fn resolve(&self, variables: &Variables) -> Option<Json> {
        match self {
            Self::Constant(json) => Some(json.clone()),
            Self::Variable(id, fallback) => variables.get(*id).or(fallback.as_ref()).cloned(),
            Self::List(items) => Some(items.iter().map(|item| item.resolve(variables).unwrap_or(Json::Null)).collect()),
            Self::Object(members) => {
                let given = members.iter().filter_map(|(name, value)| Some((name.clone(), value.resolve(variables)?)));
                Some(Json::Object(given.collect()))
            }
        }
    }
}

impl Prepared {
    /// Coerces the variables of a request.
    ///
    /// # Errors
    /// One `BAD_USER_INPUT` per variable that does not fit.
    ///
    /// # Source
    /// GraphQL §6.1.2 (`CoerceVariableValues`).
    pub fn coerce(&self, given: &Map<String, Json>) -> Result<Variables, Vec<RequestError>> {
        let mut values = Vec::with_capacity(self.operation.variables.len());
        let mut errors = Vec::new();
        for (at, definition) in self.operation.variables.iter().enumerate() {
            let must_not_be_null = self.not_null.iter().any(|id| id.index() == at);
            let value = match (given.get(definition.name.as_str()), &definition.default_value) {
                (Some(Json::Null), _) if must_not_be_null => Err((
                    "".to_owned(),
                    format!("expected `{}`, found null", definition.ty.as_ref().clone().non_null()),
                )),
                (Some(json), _) => self.tables.inputs.json(&definition.ty, json).map(Some),
                (None, Some(default)) => Ok(self.tables.inputs.constant(&definition.ty, default).ok()),
                (None, None) if definition.ty.is_non_null() => {
                    Err((String::new(), format!("expected `{}`, found nothing", definition.ty)))
                }
                (None, None) => Ok(None),
            };
            match value {
                Ok(value) => values.push(value),
                Err((path, why)) => {
                    let error =
                        RequestError::new(BAD_USER_INPUT, format!("variable `${}{path}`: {why}", definition.name));
                    errors.push(error.at(definition.location(), &self.document.sources));
                }
            }
        }
        if errors.is_empty() { Ok(Variables(values)) } else { Err(errors) }
    }
}

/// Where inside a variable, and what is wrong there.
type Misfit = (String, String);

impl Inputs {
    /// Coerces JSON to a type, and renames it.
    fn json(&self, ty: &Type, json: &Json) -> Result<Json, Misfit> {
        match (ty, json) {
            (Type::Named(_) | Type::List(_), Json::Null) => Ok(Json::Null),
            (Type::NonNullNamed(_) | Type::NonNullList(_), Json::Null) => {
                Err((String::new(), format!("expected `{ty}`, found null")))
            }
            (Type::List(of) | Type::NonNullList(of), Json::Array(items)) => {
                let item = |(at, item)| self.json(of, item).map_err(|(path, why)| (format!("[{at}]{path}"), why));
                items.iter().enumerate().map(item).collect::<Result<_, _>>().map(Json::Array)
            }
            (Type::List(of) | Type::NonNullList(of), single) => Ok(Json::Array(vec![self.json(of, single)?])),
            (Type::Named(name) | Type::NonNullNamed(name), json) => self.named_json(name, json),
        }
    }

    fn named_json(&self, ty: &str, json: &Json) -> Result<Json, Misfit> {
        let value = match self.0.get(ty) {
            Some(InputType::Int) => integer(json).map(Json::from),
            Some(InputType::Float) => json.is_number().then(|| json.clone()),
            Some(InputType::String) => json.is_string().then(|| json.clone()),
            Some(InputType::Boolean) => json.is_boolean().then(|| json.clone()),
            Some(InputType::Id) => match json {
                Json::String(_) => Some(json.clone()),
                Json::Number(number) if !number.is_f64() => Some(Json::String(number.to_string())),
                _ => None,
            },
            Some(InputType::Enum(view)) => {
                json.as_str().and_then(|name| view.to_graph.get(name)).map(|name| Json::from(name.as_str()))
            }
            Some(InputType::Object(view)) => match json {
                Json::Object(members) => return self.object_json(ty, view, members),
                _ => None,
            },
            Some(InputType::Custom) | None => Some(json.clone()),
        };
        value.ok_or_else(|| (String::new(), format!("expected `{ty}`, found {}", short(&json.to_string()))))
    }

    fn object_json(&self, ty: &str, view: &InputObjectView, members: &Map<String, Json>) -> Result<Json, Misfit> {
        let here = |why: String| (String::new(), why);
        if let Some(unknown) = members.keys().find(|name| !view.fields.contains_key(name.as_str())) {
            return Err(here(format!("`{ty}` has no field `{}`", short(unknown))));
        }
        if view.is_one_of && (members.len() != 1 || members.values().any(Json::is_null)) {
            return Err(here(format!("exactly one field of `{ty}` must be given, and not be null")));
        }
        let mut renamed = Map::new();
        for (name, field) in &view.fields {
            let value = match (members.get(name), &field.default) {
                (Some(json), _) => self.json(&field.ty, json).map_err(|(path, why)| (format!(".{name}{path}"), why))?,
                (None, Some(default)) => default.clone(),
                (None, None) if field.ty.is_non_null() => {
                    return Err(here(format!("field `{name}` of `{ty}` is required")));
                }
                (None, None) => continue,
            };
            renamed.insert(field.graph.clone(), value);
        }
        renamed.extend(view.hidden.iter().cloned());
        Ok(Json::Object(renamed))
    }
}

/// §3.5.1: 32 bits, signed; `1.0` is one.
fn integer(json: &Json) -> Option<i32> {
    match json.as_i64() {
        Some(number) => i32::try_from(number).ok(),
        None => {
            let number = json.as_f64().filter(|number| number.fract() == 0.0)?;
            let in_range = number >= f64::from(i32::MIN) && number <= f64::from(i32::MAX);
            in_range.then_some(number as i32)
        }
    }
}
