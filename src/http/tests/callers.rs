//! Tests of authentication, with methods of authentication that the tests define.

use super::*;
use crate::json::{Map, Value};
use crate::policy::authenticator::Authenticator;
use crate::policy::{Authenticators, Rejection, RequestCredentials};
use futures_util::future::BoxFuture;
use http::{HeaderName, HeaderValue, header};
use std::time::{Duration, SystemTime};

const KEY: HeaderName = HeaderName::from_static("x-key");

/// A method that accepts the values of a header that begin with `good`, and never answers for `stall`.
#[derive(Debug)]
struct Scripted(HeaderName, &'static str);

impl Authenticator for Scripted {
    fn challenge(&self) -> HeaderValue {
        HeaderValue::from_static(self.1)
    }

    fn is_presented(&self, credentials: RequestCredentials<'_>) -> bool {
        credentials.headers.contains_key(&self.0)
    }

    fn authenticate<'a>(
        &'a self,
        credentials: RequestCredentials<'a>,
        _: SystemTime,
    ) -> BoxFuture<'a, Result<Map, Rejection>> {
        Box::pin(async move {
            match credentials.headers[&self.0].to_str().expect("ASCII") {
                "stall" => std::future::pending().await,
                good if good.starts_with("good") => {
                    let Value::Object(claims) = serde_json::json!({ "sub": good }).into() else { panic!("an object") };
                    Ok(claims)
                }
                _ => Err(Rejection::new("no good", HeaderValue::from_static("Scripted error=\"bad\""))),
            }
        })
    }
}

fn routes(request_timeout: Duration) -> Routes {
    let methods = Authenticators::default()
        .with(Scripted(header::AUTHORIZATION, "Bearer"))
        .with(Scripted(KEY, "Key realm=\"shop\""));
    let config = ServerConfig { request_timeout, ..config(Mode::Production) };
    router(Arc::new(server(config).with_authenticators(methods)))
}

const QUERY: &str = r#"{"query":"{ caller }"}"#;

#[tokio::test]
async fn one_good_credential_or_none_passes() {
    let router = routes(Duration::from_secs(60));
    let bad: &[&str] = &["Scripted error=\"bad\""];
    for (headers, status, sub, challenges) in [
        (&[][..], 200, None, &[][..]),
        (&[("authorization", "good token")], 200, Some("good token"), &[]),
        (&[("x-key", "good key")], 200, Some("good key"), &[]),
        (&[("authorization", "bad")], 401, None, bad),
        (&[("x-key", "bad")], 401, None, bad),
        (&[("x-key", "good"), ("authorization", "good")], 401, None, &["Bearer", "Key realm=\"shop\""]),
        (&[("x-key", "bad"), ("authorization", "good")], 401, None, &["Bearer", "Key realm=\"shop\""]),
    ] {
        for accept in ["application/json", "text/event-stream, application/json"] {
            let headers: Vec<_> = [JSON, ("accept", accept)].iter().chain(headers).copied().collect();
            let got = send(&router, Method::POST, "/graphql", &headers, QUERY).await;
            assert_eq!(got.status.as_u16(), status, "{headers:?}");
            assert_eq!(got.json()["data"]["caller"]["sub"].as_str(), sub, "{headers:?}");
            assert_eq!(got.code(), if status == 401 { "UNAUTHENTICATED" } else { "" }, "{headers:?}");
            let given: Vec<_> = got.headers.get_all("www-authenticate").iter().collect();
            assert_eq!(given, challenges, "{headers:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn authentication_ends_with_the_deadline_of_the_request() {
    let router = routes(Duration::from_millis(50));
    let got = send(&router, Method::POST, "/graphql", &[JSON, ("x-key", "stall")], QUERY).await;
    assert_eq!((got.status.as_u16(), got.code()), (504, "DEADLINE_PASSED".to_owned()));
}
