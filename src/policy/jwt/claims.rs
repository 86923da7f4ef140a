//! The claims of a verified token: they are read, and the registered ones are checked by the rules of RFC 7519 §4.1.
//!
//! In: the claims set of a token whose signature is valid. Out: the claims, or the reason why they are not accepted.
//! Elsewhere: signatures and algorithms ([`super`]).
//!
//! The checks of the JWT library are not used, because it accepts a list for `iss`, anything for `sub`, and the last of
//! two equal members.
//!
//! Always true:
//! - no object has two members of the same name (§4);
//! - `iss`, `sub` and `jti` are strings, `aud` is a string or a list of strings, and
//!   `exp`, `nbf` and `iat` are numbers;
//! - numbers keep their digits, so two callers whose ids differ in the last of twenty digits are different callers.

use super::JwtRejection;
use crate::json::{Map, Value};
use serde::de::{Deserialize, Deserializer, Error};
use serde_json::value::RawValue;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The claims set of a token. No object in it has two members of the same name.
pub(super) struct Claims(Map);

/// What the claims of an accepted token must say.
pub(super) struct Expected<'a> {
    /// The only issuer that is accepted, as in `iss`.
    pub(super) issuer: &'a str,
    /// The audience that `aud` must include.
    pub(super) audience: &'a str,
    /// How much the issuer's clock may differ from ours.
    pub(super) leeway: Duration,
}

impl Claims {
    /// Returns the claims if they are meant for us and valid at `now`.
    ///
    /// # Errors
    /// The first rule of RFC 7519 §4.1 that a claim breaks, in this order: types, issuer and audience, times.
    pub(super) fn accept(self, expected: &Expected<'_>, now: SystemTime) -> Result<Map, JwtRejection> {
        let Self(claims) = self;
        check_types(&claims)?;
        check_parties(&claims, expected)?;
        check_times(&claims, expected.leeway, now)?;
        Ok(claims)
    }
}

/// Checks the types of the claims that no other rule looks at: `sub` (§4.1.2), `iat` (§4.1.6) and `jti` (§4.1.7).
fn check_types(claims: &Map) -> Result<(), JwtRejection> {
    let is_absent_or = |name: &str, is_right: fn(&Value) -> bool| claims.get(name).is_none_or(is_right);
    let is_right = is_absent_or("sub", Value::is_string)
        && is_absent_or("jti", Value::is_string)
        && is_absent_or("iat", |value| numeric_date(value).is_some());
    if is_right { Ok(()) } else { Err(JwtRejection::WrongType) }
}

/// Checks that `iss` is the expected issuer (§4.1.1), and that `aud` is the expected audience or a list of strings that
/// includes it (§4.1.3).
fn check_parties(claims: &Map, expected: &Expected<'_>) -> Result<(), JwtRejection> {
    let is_issuer = claims.get("iss").and_then(Value::as_str) == Some(expected.issuer);
    let is_audience = match claims.get("aud") {
        Some(Value::String(audience)) => audience == expected.audience,
        Some(Value::Array(all)) => {
            all.iter().all(Value::is_string) && all.iter().any(|one| one.as_str() == Some(expected.audience))
        }
        _ => false,
    };
    if is_issuer && is_audience { Ok(()) } else { Err(JwtRejection::NotForUs) }
}

/// Checks that the token is valid: from `nbf` until before `exp`, with the leeway (§4.1.4, §4.1.5).
fn check_times(claims: &Map, leeway: Duration, now: SystemTime) -> Result<(), JwtRejection> {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let leeway = leeway.as_secs_f64();
    let expiry = claims.get("exp").and_then(numeric_date).ok_or(JwtRejection::WithoutExpiry)?;
    if now >= expiry + leeway {
        return Err(JwtRejection::Expired);
    }
    match claims.get("nbf") {
        None => Ok(()),
        Some(start) if numeric_date(start).is_some_and(|start| start <= now + leeway) => Ok(()),
        Some(_) => Err(JwtRejection::NotYetValid),
    }
}

/// Seconds since 1970, which may have a fraction (§2, "NumericDate"). A double is exact to less than a microsecond for
/// dates of the next two centuries. `None` if the value is not a number, or is outside the range of doubles.
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
