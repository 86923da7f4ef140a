//! Query parameters in the styles of OpenAPI, checked against the bounds that the contracts state.

use std::ops::RangeInclusive;

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;

use super::Problem;

/// The decoded parameters of a request's query, in the order in which they were sent.
#[derive(Debug)]
pub(crate) struct Params(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(pairs)) => Ok(Self(pairs)),
            Err(rejection) => Err(Problem::bad_request(rejection.body_text())),
        }
    }
}

impl Params {
    /// Reads a parameter that may appear at most once; `None` if it is missing.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, Problem> {
        let mut values = self.all(name);
        let first = values.next();
        match values.next() {
            None => Ok(first),
            Some(_) => Err(Problem::bad_request(format!("parameter `{name}` appears twice"))),
        }
    }

    /// Reads an integer within `range`, or returns `default` if the parameter is missing.
    pub(crate) fn integer(&self, name: &str, range: RangeInclusive<u32>, default: u32) -> Result<u32, Problem> {
        let Some(text) = self.text(name)? else { return Ok(default) };
        match text.parse() {
            Ok(number) if range.contains(&number) => Ok(number),
            _ => {
                let (low, high) = range.into_inner();
                let detail = format!("parameter `{name}` must be an integer from {low} to {high}");
                Err(Problem::bad_request(detail))
            }
        }
    }

    /// Reads a list sent as `name=1&name=2` (style `form`, `explode: true`): 1 to `most` values.
    pub(crate) fn repeated(&self, name: &str, most: usize) -> Result<Vec<&str>, Problem> {
        bounded(name, self.all(name).collect(), most)
    }

    /// Reads a list sent as `name=1,2` (style `form`, `explode: false`): 1 to `most` values.
    pub(crate) fn comma_separated(&self, name: &str, most: usize) -> Result<Vec<&str>, Problem> {
        let values = self.text(name)?.map(|text| text.split(',').collect()).unwrap_or_default();
        bounded(name, values, most)
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

fn bounded<'p>(name: &str, values: Vec<&'p str>, most: usize) -> Result<Vec<&'p str>, Problem> {
    if (1..=most).contains(&values.len()) && values.iter().all(|value| !value.is_empty()) {
        Ok(values)
    } else {
        Err(Problem::bad_request(format!("parameter `{name}` takes 1 to {most} values, none of them empty")))
    }
}

/// Reads an id whose type in the contract is a string. `None` for a text that no entity can have as its id, because
/// such an id is not an error but only unknown.
pub(crate) fn known_id(text: &str) -> Option<u32> {
    // Only the canonical spelling names an entity: `007` is not `7`.
    text.parse().ok().filter(|id: &u32| id.to_string() == text)
}

/// Reads an id whose type in the contract is an integer. Any other text breaks the contract.
pub(crate) fn integer_id(name: &str, text: &str) -> Result<u32, Problem> {
    let in_range = |id: &u32| i32::try_from(*id).is_ok() && *id > 0;
    text.parse()
        .ok()
        .filter(in_range)
        .ok_or_else(|| Problem::bad_request(format!("`{name}` must be a positive 32-bit integer")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(pairs: &[(&str, &str)]) -> Params {
        Params(pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect())
    }

    #[test]
    fn lists_follow_their_style_and_bounds() {
        let query = params(&[("id", "1"), ("ids", "4,5"), ("id", "2"), ("none", ""), ("gap", "1,,2")]);
        assert_eq!(query.repeated("id", 2).unwrap(), ["1", "2"]);
        assert_eq!(query.comma_separated("ids", 2).unwrap(), ["4", "5"]);
        for (name, most) in [("ids", 1), ("none", 5), ("gap", 5), ("absent", 5), ("id", 5)] {
            assert!(query.comma_separated(name, most).is_err(), "{name} with at most {most}");
        }
        assert!(query.repeated("id", 1).is_err());
    }

    #[test]
    fn ids_have_one_spelling() {
        assert_eq!(known_id("7"), Some(7));
        for text in ["007", "+7", "", "x", "4294967296"] {
            assert_eq!(known_id(text), None, "{text:?}");
        }
        assert_eq!(integer_id("id", "2147483647").unwrap(), 2_147_483_647);
        for text in ["0", "-1", "2147483648", "1.5", ""] {
            assert!(integer_id("id", text).is_err(), "{text:?}");
        }
    }
}
