//! Bearer tokens: which requests pass and which are refused.

use super::*;
use crate::config::JwtConfig;
use crate::policy::JwtVerifier;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::json;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[tokio::test]
async fn only_a_good_token_or_none_passes() {
    let jwt = JwtConfig {
        public_key_file: "key.pem".into(),
        issuer: "i".to_owned(),
        audience: "a".to_owned(),
        leeway: Duration::ZERO,
    };
    let verifier = JwtVerifier::new(&jwt, include_bytes!("../../policy/test_keys/ed.pub")).unwrap();
    let router = router(Arc::new(server(config(Mode::Production)).verify_callers(verifier)));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let key = EncodingKey::from_ed_pem(include_bytes!("../../policy/test_keys/ed.pem")).unwrap();
    let token = |expires: u64| {
        let claims = json!({ "sub": "7", "iss": "i", "aud": "a", "exp": expires });
        format!("Bearer {}", encode(&Header::new(Algorithm::EdDSA), &claims, &key).unwrap())
    };
    let (good, old) = (token(now + 600), token(now - 600));
    let query = r#"{"query":"{ caller }"}"#;
    for (headers, status, sub) in [
        (vec![], 200, json!(null)),
        (vec![("authorization", good.as_str())], 200, json!("7")),
        (vec![("authorization", old.as_str())], 401, json!(null)),
        (vec![("authorization", "Basic eA==")], 401, json!(null)),
        (vec![("authorization", good.as_str()), ("authorization", good.as_str())], 401, json!(null)),
    ] {
        let headers: Vec<_> = [JSON].into_iter().chain(headers).collect();
        let got = send(&router, Method::POST, "/graphql", &headers, query).await;
        assert_eq!((got.status.as_u16(), &got.json()["data"]["caller"]["sub"]), (status, &sub), "{headers:?}");
        if status == 401 {
            assert_eq!(got.code(), "UNAUTHENTICATED", "{headers:?}");
            assert_eq!(got.header("www-authenticate"), r#"Bearer error="invalid_token""#, "{headers:?}");
        }
    }
}
