//! Variables: JSON as it was sent becomes values of the declared types, with the graph's names (GraphQL §6.1.2, rule 7
//! of lowering).
//!
//! Only declared variables are read. All others are skipped and not kept.

use super::coerce::{Allowance, Misfit, coerce};
use super::error::{BAD_USER_INPUT, LIMIT_EXCEEDED, RequestError};
use super::given::{GivenVariables, JsonText};
use super::lowered::{Value, VariableId};
use super::own::Particulars;
use super::prepare::Prepared;
use crate::json::{Json, Malformed, Value as JsonValue};
use apollo_compiler::Node;
use apollo_compiler::ast::VariableDefinition;
use std::ops::Range;
use std::sync::Arc;

/// The most variables in one request, declared or not.
const MAX_VARIABLES: usize = 1_000;

/// Coerced variables by [`VariableId`], with the graph's names. The values of literals follow them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Variables {
    /// The values of the declared variables; `None` if a variable was not given and has no default.
    declared: Vec<Option<JsonText>>,
    literals: Arc<[JsonText]>,
}

impl Variables {
    /// Makes variables without literals.
    #[must_use]
    pub fn new(declared: Vec<Option<JsonText>>) -> Self {
        Self { declared, literals: Arc::default() }
    }

    /// The value of a variable; `None` if it was not given and has no default.
    #[must_use]
    pub fn get(&self, id: VariableId) -> Option<&JsonText> {
        match self.declared.get(id.index()) {
            Some(declared) => declared.as_ref(),
            None => self.literals.get(id.index() - self.declared.len()),
        }
    }

    /// The values of the declared variables, in the order of their definitions.
    #[must_use]
    pub fn declared(&self) -> &[Option<JsonText>] {
        &self.declared
    }

    /// The memory that they hold, in bytes. Literals do not count, because they belong to their document.
    #[must_use]
    pub fn weight(&self) -> usize {
        let texts = self.declared.iter().flatten().map(|text| text.as_str().len()).sum::<usize>();
        size_of::<Self>() + self.declared.capacity() * size_of::<Option<JsonText>>() + texts
    }
}

impl Value {
    /// Gives the value for these variables; `None` if it is a variable that was not given and has no default.
    #[must_use]
    pub fn resolve(&self, variables: &Variables) -> Option<JsonValue> {
        match self {
            Self::Constant(json) => Some(json.clone()),
            Self::Variable(id, fallback) => variables.get(*id).map(JsonText::to_json).or_else(|| fallback.clone()),
            Self::List(items) => {
                Some(items.iter().map(|item| item.resolve(variables).unwrap_or(JsonValue::Null)).collect())
            }
            Self::Object(members) => {
                let given = members.iter().filter_map(|(name, value)| Some((name.clone(), value.resolve(variables)?)));
                Some(JsonValue::Object(given.collect()))
            }
        }
    }
}

impl Prepared {
    /// Coerces the variables of a request.
    ///
    /// # Errors
    /// One `BAD_USER_INPUT` for each variable that does not fit; `LIMIT_EXCEEDED` if there are too many variables, or
    /// too many values in them ([`super::Limits::max_variable_values`]).
    ///
    /// # Source
    /// GraphQL §6.1.2 (`CoerceVariableValues`).
    pub fn coerce(&self, given: &GivenVariables) -> Result<Variables, Vec<RequestError>> {
        self.coerce_of(&self.own, given)
    }

    /// Does the same as [`Self::coerce`] for a document of this shape.
    ///
    /// # Errors
    /// As [`Self::coerce`].
    pub fn coerce_of(&self, own: &Particulars, given: &GivenVariables) -> Result<Variables, Vec<RequestError>> {
        let declared = self.declared();
        let spans = self.spans(given.text()).map_err(|error| vec![error])?;
        let most = self.max_variable_values;
        let mut allowance = Allowance { most, left: most };
        let mut values = Vec::with_capacity(declared.len());
        let mut errors = Vec::new();
        for (at, (definition, span)) in declared.iter().zip(spans).enumerate() {
            let text = span.and_then(|span| given.text().get(span));
            let default = own.defaults.get(at).and_then(Option::as_ref);
            match self.variable(at, definition, (text, default), &mut allowance) {
                Ok(value) => values.push(value),
                Err(Misfit { path, why, code }) => {
                    let error = RequestError::new(code, format!("variable `${}{path}`: {why}", definition.name));
                    errors.push(error.located(own.location(self.sites.at(definition.location()))));
                    if code == LIMIT_EXCEEDED {
                        break;
                    }
                }
            }
        }
        if errors.is_empty() {
            Ok(Variables { declared: values, literals: Arc::clone(&own.literals) })
        } else {
            Err(errors)
        }
    }

    /// The variables that the client declared.
    fn declared(&self) -> &[Node<VariableDefinition>] {
        self.operation.variables.get(..self.declared).unwrap_or_default()
    }

    /// Coerces the text of a variable that was given, or gives its default.
    fn variable(
        &self,
        at: usize,
        definition: &VariableDefinition,
        (text, default): (Option<&[u8]>, Option<&JsonText>),
        allowance: &mut Allowance,
    ) -> Result<Option<JsonText>, Misfit> {
        let must_not_be_null = || self.not_null.iter().any(|id| id.index() == at);
        let inputs = &self.tables.inputs;
        match (text, default) {
            (Some(b"null"), _) if must_not_be_null() => {
                let ty = definition.ty.as_ref().clone().non_null();
                Err(Misfit::here(format!("expected `{ty}`, found null")))
            }
            (Some(text), _) => coerce(inputs, &definition.ty, text, allowance).map(|text| Some(JsonText::new(text))),
            (None, Some(default)) => Ok(Some(default.clone())),
            (None, None) if definition.ty.is_non_null() => {
                Err(Misfit::here(format!("expected `{}`, found nothing", definition.ty)))
            }
            (None, None) => Ok(None),
        }
    }

    /// Finds the range of each declared variable's value in the text of all variables; `None` if a variable was not
    /// given.
    fn spans(&self, text: &[u8]) -> Result<Vec<Option<Range<usize>>>, RequestError> {
        let declared = self.declared();
        if text.is_empty() {
            return Ok(vec![None; declared.len()]);
        }
        match members(text, declared) {
            Ok(Members::Found(spans)) => Ok(spans),
            Ok(Members::Twice(name)) => {
                Err(RequestError::new(BAD_USER_INPUT, format!("variable `${name}` is given twice")))
            }
            Ok(Members::TooMany) => {
                let message =
                    format!("more than {MAX_VARIABLES} variables are given; send only those that are declared");
                Err(RequestError::new(LIMIT_EXCEEDED, message))
            }
            Err(Malformed) => {
                let message = "the variables are not a JSON object, or are nested too deeply";
                Err(RequestError::new(BAD_USER_INPUT, message))
            }
        }
    }
}

/// What was found in the text of all variables.
enum Members<'d> {
    Found(Vec<Option<Range<usize>>>),
    Twice(&'d str),
    TooMany,
}

fn members<'d>(text: &[u8], declared: &'d [Node<VariableDefinition>]) -> Result<Members<'d>, Malformed> {
    let mut json = Json::new(text)?;
    if json.peek() != Some(b'{') {
        return Err(Malformed);
    }
    json.enter()?;
    let mut spans = vec![None; declared.len()];
    let mut count = 0;
    while json.next_member(count == 0)? {
        count += 1;
        if count > MAX_VARIABLES {
            return Ok(Members::TooMany);
        }
        let name = json.name()?.decode();
        let at = declared.iter().position(|definition| definition.name.as_bytes() == &*name);
        let span = json.skip()?;
        if let Some(at) = at
            && spans[at].replace(span).is_some()
        {
            return Ok(Members::Twice(&declared[at].name));
        }
    }
    Ok(Members::Found(spans))
}
