//! Tests of the verifier with many kinds of tokens. The keys in `test_keys/` were made for these
//! tests and are used nowhere else.

use super::*;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use futures_util::FutureExt;
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};
use std::time::UNIX_EPOCH;

const NOW: u64 = 1_700_000_000;

macro_rules! key {
    ($name:literal) => {
        include_bytes!(concat!("../test_keys/", $name)).as_slice()
    };
}

fn config() -> JwtConfig {
    JwtConfig {
        public_key_file: "key.pem".into(),
        issuer: "https://id.example".to_owned(),
        audience: "shop".to_owned(),
        leeway: Duration::from_secs(30),
    }
}

fn good() -> Value {
    json!({ "sub": "1", "iss": "https://id.example", "aud": "shop", "exp": NOW + 60 })
}

/// The claims of [`good`] with one claim changed; null removes it.
fn with(name: &str, value: Value) -> Value {
    let mut claims = good();
    claims[name] = value;
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

fn signed(claims: &Value) -> String {
    sign(&Header::new(Algorithm::EdDSA), claims, &EncodingKey::from_ed_pem(key!("ed.pem")).unwrap())
}

fn sign(header: &Header, claims: &Value, key: &EncodingKey) -> String {
    encode(header, claims, key).unwrap()
}

fn verify(key: &[u8], authorization: &str) -> Result<Map, JwtRejection> {
    let verifier = JwtVerifier::new(&config(), key).unwrap();
    let value = HeaderValue::from_bytes(authorization.as_bytes()).unwrap();
    verifier.verify(&value, UNIX_EPOCH + Duration::from_secs(NOW))
}

#[test]
fn claims_decide() {
    use JwtRejection::{Expired, Invalid, NotForUs, NotYetValid, WithoutExpiry, WrongType};
    for (claims, wanted) in [
        (good(), Ok(())),
        (with("aud", json!(["other", "shop"])), Ok(())),
        (with("exp", json!(NOW - 29)), Ok(())), // Within the leeway of 30 s.
        (with("exp", json!(NOW - 30)), Err(Expired)),
        (with("exp", json!(0)), Err(Expired)),
        (with("exp", json!(-1)), Err(Expired)),
        (with("exp", json!((NOW + 60) as f64 + 0.5)), Ok(())), // RFC 7519 §2: a NumericDate may have a fraction.
        (with("exp", json!("2099-01-01")), Err(WithoutExpiry)),
        (with("exp", Value::Null), Err(WithoutExpiry)),
        (with("nbf", json!(NOW - 1)), Ok(())),
        (with("nbf", json!(NOW + 30)), Ok(())),
        (with("nbf", json!(NOW + 31)), Err(NotYetValid)),
        (with("nbf", json!("now")), Err(NotYetValid)),
        (with("iss", json!("https://evil.example")), Err(NotForUs)),
        (with("iss", json!(7)), Err(NotForUs)),
        (with("iss", Value::Null), Err(NotForUs)),
        (with("aud", json!("other")), Err(NotForUs)),
        (with("aud", json!([])), Err(NotForUs)),
        (with("aud", json!(["shop", 7])), Err(NotForUs)), // §4.1.3: a list of strings.
        (with("aud", json!({ "shop": true })), Err(NotForUs)),
        (with("aud", json!("SHOP")), Err(NotForUs)), // §4.1.3: case-sensitive.
        (with("iss", json!(["https://id.example"])), Err(NotForUs)), // §4.1.1: one string.
        (with("iss", json!(["https://evil.example", "https://id.example"])), Err(NotForUs)),
        (with("sub", Value::Null), Ok(())), // §4.1.2: optional.
        (with("sub", json!(7)), Err(WrongType)),
        (with("sub", json!(["1"])), Err(Invalid)),
        (with("sub", json!({ "id": "1" })), Err(Invalid)),
        (with("jti", json!("a")), Ok(())),
        (with("jti", json!(1)), Err(WrongType)),
        (with("iat", json!(NOW + 3_600)), Ok(())), // §4.1.6: it tells the token's age, and refuses nothing.
        (with("iat", json!("now")), Err(WrongType)),
        (with("exp", json!([NOW + 60])), Err(Invalid)),
        (with("exp", json!(true)), Err(WithoutExpiry)),
        (with("aud", Value::Null), Err(NotForUs)),
    ] {
        let got = verify(key!("ed.pub"), &format!("Bearer {}", signed(&claims)));
        assert_eq!(got.as_ref().map(|_| ()).map_err(|error| *error), wanted, "{claims}");
        if let Ok(got) = got {
            assert_eq!(crate::json::Value::Object(got), claims.into(), "every claim is handed over");
        }
    }
}

/// A signed token whose claims are exactly this text.
fn signed_text(claims: &str) -> String {
    let part = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
    let message = format!("{}.{}", part(r#"{"alg":"EdDSA"}"#), part(claims));
    let key = EncodingKey::from_ed_pem(key!("ed.pem")).unwrap();
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::EdDSA).unwrap();
    format!("{message}.{signature}")
}

#[test]
fn numbers_of_a_token_keep_their_digits() {
    let exp = NOW + 60;
    let read = |claims: &str| verify(key!("ed.pub"), &format!("Bearer {}", signed_text(claims)));
    for digits in ["12345678901234567890123", "12345678901234567890124", "-0.10", "1e999"] {
        let claims = format!(r#"{{"iss":"https://id.example","aud":"shop","exp":{exp},"org":{{"id":{digits}}}}}"#);
        let claims = read(&claims).expect("a valid token");
        assert_eq!(claims["org"].get("id").expect("an id").to_string(), digits);
    }
    // RFC 7519 §2: a NumericDate may have a fraction, and may be written in any form of a number.
    for (exp, is_valid) in [
        ("1700000000.25", true),
        ("1.70000006e9", true),
        ("17000000600e-1", true),
        ("1699999969.9", false),
        ("0.17e10", true),
        ("1e300", true),
        ("1e999", false),
        ("-1e999", false),
    ] {
        let claims = format!(r#"{{"iss":"https://id.example","aud":"shop","exp":{exp}}}"#);
        assert_eq!(read(&claims).is_ok(), is_valid, "{exp}");
    }
}

#[test]
fn a_member_that_stands_twice_makes_a_token_invalid() {
    // RFC 7519 §4: two readers of a token must not read different claims.
    let exp = NOW + 60;
    for (more, wanted) in [
        (r#""sub":"1""#, Ok(())),
        (r#""sub":"1","sub":"2""#, Err(JwtRejection::Invalid)),
        (r#""s\u0075b":"1","sub":"2""#, Err(JwtRejection::Invalid)),
        (r#""iss":"https://id.example""#, Err(JwtRejection::Invalid)),
        (r#""role":"user","role":"admin""#, Err(JwtRejection::Invalid)),
        (r#""org":[{"id":1,"id":2}]"#, Err(JwtRejection::Invalid)),
        (r#""org":[{"id":1},{"id":2}]"#, Ok(())),
        (r#""sub":null"#, Err(JwtRejection::WrongType)),
        (r#""exp":1e999"#, Err(JwtRejection::Invalid)),
    ] {
        let claims = format!(r#"{{"iss":"https://id.example","aud":"shop","exp":{exp},{more}}}"#);
        let got = verify(key!("ed.pub"), &format!("Bearer {}", signed_text(&claims)));
        assert_eq!(got.map(|_| ()), wanted, "{claims}");
    }
    let deep = format!(
        r#"{{"iss":"https://id.example","aud":"shop","exp":{exp},"x":{}1{}}}"#,
        "[".repeat(4000),
        "]".repeat(4000)
    );
    assert_eq!(verify(key!("ed.pub"), &format!("Bearer {}", signed_text(&deep))), Err(JwtRejection::Invalid));
}

#[test]
fn each_key_type_takes_its_own_algorithm_only() {
    let keys = [
        (Algorithm::EdDSA, EncodingKey::from_ed_pem(key!("ed.pem")).unwrap(), key!("ed.pub")),
        (Algorithm::ES256, EncodingKey::from_ec_pem(key!("ec.pem")).unwrap(), key!("ec.pub")),
        (Algorithm::RS256, EncodingKey::from_rsa_pem(key!("rsa.pem")).unwrap(), key!("rsa.pub")),
    ];
    for (algorithm, signer, _) in &keys {
        let token = sign(&Header::new(*algorithm), &good(), signer);
        for (of_key, _, public) in &keys {
            let got = verify(public, &format!("Bearer {token}"));
            assert_eq!(got.is_ok(), algorithm == of_key, "{algorithm:?} against a key of {of_key:?}: {got:?}");
        }
    }
    let stronger = sign(&Header::new(Algorithm::RS512), &good(), &keys[2].1);
    assert_eq!(verify(key!("rsa.pub"), &format!("Bearer {stronger}")), Err(JwtRejection::Invalid));
}

#[test]
fn a_public_key_is_no_secret() {
    // An attack by confusion of algorithms: a token signed with HS256, where the key is the text of
    // the public key (RFC 8725 §2.1).
    for public in [key!("ed.pub"), key!("ec.pub"), key!("rsa.pub")] {
        for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            let token = sign(&Header::new(algorithm), &good(), &EncodingKey::from_secret(public));
            assert_eq!(verify(public, &format!("Bearer {token}")), Err(JwtRejection::Invalid), "{algorithm:?}");
        }
    }
}

#[test]
fn tampered_and_unsigned_tokens_are_invalid() {
    let part = |value: Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let token = signed(&good());
    let [header, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("{token}") };
    let other = with("sub", json!("2"));
    let by_another = EncodingKey::from_ed_pem(key!("other.pem")).unwrap();
    let mut critical = Header::new(Algorithm::EdDSA);
    critical.crit = Some(vec!["exp".to_owned()]);
    for (about, token) in [
        ("other claims", format!("{header}.{}.{signature}", part(other.clone()))),
        ("no signature", format!("{header}.{claims}.")),
        ("alg none", format!("{}.{claims}.", part(json!({ "alg": "none", "typ": "JWT" })))),
        ("alg None", format!("{}.{claims}.{signature}", part(json!({ "alg": "None" })))),
        ("two parts", format!("{header}.{claims}")),
        ("four parts", format!("{token}.x")),
        ("another key", sign(&Header::new(Algorithm::EdDSA), &good(), &by_another)),
        ("critical extension", sign(&critical, &good(), &EncodingKey::from_ed_pem(key!("ed.pem")).unwrap())),
        ("claims that are a list", signed(&json!([1]))),
        ("garbage", "garbage".to_owned()),
        ("dots", "..".to_owned()),
        ("too long", format!("{token}{}", "A".repeat(MAX_TOKEN_BYTES))),
    ] {
        assert_eq!(verify(key!("ed.pub"), &format!("Bearer {token}")), Err(JwtRejection::Invalid), "{about}");
    }
}

#[test]
fn only_one_bearer_token_is_read() {
    let token = signed(&good());
    for (authorization, wanted) in [
        (format!("Bearer {token}"), true),
        (format!("bEARER  {token} "), true),
        (token.clone(), false),
        (format!("Bearer{token}"), false),
        ("Bearer ".to_owned(), false),
        ("Bearer".to_owned(), false),
        (String::new(), false),
        (format!("Basic {token}"), false),
        (format!("Bearer {token}, Bearer {token}"), false),
        (format!("Bearer {token} {token}"), false),
        ("Bearer \u{fc}".to_owned(), false),
    ] {
        let got = verify(key!("ed.pub"), &authorization);
        assert_eq!(got.is_ok(), wanted, "{authorization}");
        assert!(wanted || got == Err(JwtRejection::NotBearer), "{authorization}: {got:?}");
    }
    let verifier = JwtVerifier::new(&config(), key!("ed.pub")).unwrap();
    let now = UNIX_EPOCH + Duration::from_secs(NOW);
    let mut headers = HeaderMap::new();
    let presented = |headers: &HeaderMap| verifier.is_presented(RequestCredentials { headers });
    let verified = |headers: &HeaderMap| {
        let rejection = |rejection: Rejection| (rejection.to_string(), rejection.challenges().to_vec());
        verifier.authenticate(RequestCredentials { headers }, now).now_or_never().expect("at once").map_err(rejection)
    };
    assert!(!presented(&headers));
    let value = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
    headers.append(AUTHORIZATION, value.clone());
    assert!(presented(&headers) && verified(&headers).is_ok());
    headers.append(AUTHORIZATION, value);
    let challenge = HeaderValue::from_static(r#"Bearer error="invalid_token""#);
    let several = ("`authorization` must be one bearer token".to_owned(), vec![challenge]);
    assert_eq!(verified(&headers), Err(several), "two headers");
}

#[test]
fn only_strong_public_keys_are_taken() {
    for (about, pem, wanted) in [
        ("Ed25519", key!("ed.pub"), None),
        ("P-256", key!("ec.pub"), None),
        ("RSA 2048", key!("rsa.pub"), None),
        ("RSA 1024", key!("weak.pub"), Some(JwtKeyError::Weak)),
        ("P-384", key!("p384.pub"), Some(JwtKeyError::Weak)),
        ("Ed25519, private", key!("ed.pem"), Some(JwtKeyError::Unsupported)),
        ("P-256, private", key!("ec.pem"), Some(JwtKeyError::Unsupported)),
        ("RSA, private", key!("rsa.pem"), Some(JwtKeyError::Unsupported)),
        ("garbage", b"-----BEGIN PUBLIC KEY-----".as_slice(), Some(JwtKeyError::Unsupported)),
        ("nothing", b"".as_slice(), Some(JwtKeyError::Unsupported)),
    ] {
        assert_eq!(JwtVerifier::new(&config(), pem).err(), wanted, "{about}");
    }
}
