//! The claims of a verified token: read, and checked against what RFC 7519 §4.1 says of the registered ones.
//!
//! In: the claims set of a token whose signature is good. Out: the claims, or why they are not accepted.
//! Elsewhere: signatures and algorithms ([`super::jwt`]).
//!
//! Why not by the JWT library: it takes a list for `iss`, anything for `sub`, and the last of two equal members.
//!
//! Always true:
//! - each member of each object stands once (§4);
//! - `iss`, `sub` and `jti` are strings, `aud` is a string or a list of strings, `exp`, `nbf` and `iat` are numbers;
//! - numbers keep their digits: two callers whose ids differ in the last of twenty digits are two callers.

use super::jwt::JwtRejected;
use crate::json::{Map, Value};
use serde::de::{Deserialize, Deserializer, Error};
use serde_json::value::RawValue;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The claims set of a token, in which no member stands twice.
pub(super) struct Claims(Map);

/// What the claims of an accepted token say.
pub(super) struct Expected<'a> {
    /// The one issuer.
    pub(super) issuer: &'a str,
    /// What must be among the audience.
    pub(super) audience: &'a str,
    /// How far the issuer's clock may be from ours.
    pub(super) leeway: Duration,
}

impl Claims {
    /// Hands the claims over, if they are meant for us and valid at `now`.
    ///
    /// # Errors
    /// The first rule of RFC 7519 §4.1 that a claim breaks, in the order: types, issuer, audience, times.
    pub(super) fn accept(self, expected: &Expected<'_>, now: SystemTime) -> Result<Map, JwtRejected> {
        let Self(claims) = self;
        check_types(&claims)?;
        check_parties(&claims, expected)?;
        check_times(&claims, expected.leeway, now)?;
        Ok(claims)
    }
}

/// What no rule below looks at: `sub` (§4.1.2), `iat` (§4.1.6), `jti` (§4.1.7).
fn check_types(claims: &Map) -> Result<(), JwtRejected> {
    let is_absent_or = |name: &str, is_right: fn(&Value) -> bool| claims.get(name).is_none_or(is_right);
    let is_right = is_absent_or("sub", Value::is_string)
        && is_absent_or("jti", Value::is_string)
        && is_absent_or("iat", |value| numeric_date(value).is_some());
    if is_right { Ok(()) } else { Err(JwtRejected::WrongType) }
}

/// §4.1.1: `iss` is one string. §4.1.3: `aud` is a string or a list of strings; we must be among them.
fn check_parties(claims: &Map, expected: &Expected<'_>) -> Result<(), JwtRejected> {
    let is_issuer = claims.get("iss").and_then(Value::as_str) == Some(expected.issuer);
    let is_audience = match claims.get("aud") {
        Some(Value::String(audience)) => audience == expected.audience,
        Some(Value::Array(all)) => {
            all.iter().all(Value::is_string) && all.iter().any(|one| one.as_str() == Some(expected.audience))
        }
        _ => false,
    };
    if is_issuer && is_audience { Ok(()) } else { Err(JwtRejected::NotForUs) }
}

/// §4.1.4 and §4.1.5: valid from `nbf` until before `exp`, give or take the leeway.
fn check_times(claims: &Map, leeway: Duration, now: SystemTime) -> Result<(), JwtRejected> {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let leeway = leeway.as_secs_f64();
    let expiry = claims.get("exp").and_then(numeric_date).ok_or(JwtRejected::WithoutExpiry)?;
    if now >= expiry + leeway {
        return Err(JwtRejected::Expired);
    }
    match claims.get("nbf") {
        None => Ok(()),
        Some(start) if numeric_date(start).is_some_and(|start| start <= now + leeway) => Ok(()),
        Some(_) => Err(JwtRejected::NotYetValid),
    }
}

/// Seconds since 1970, perhaps with a fraction (§2, "NumericDate"). As a double, it is exact to less than a microsecond
/// for dates of the next two centuries. `None`: no number, or beyond all doubles.
fn numeric_date(value: &Value) -> Option<f64> {
    value.as_f64()
}

impl<'de> Deserialize<'de> for Claims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        let claims = Value::read_unique(text.get().as_bytes()).map_err(D::Error::custom)?;
        claims.into_object().map(Self).ok_or_else(|| D::Error::custom("the claims are not an object"))
    }
}
