//! The rules that hold for all methods.

use super::*;
use crate::json::Value;
use futures_util::FutureExt;
use http::{HeaderName, header};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Takes `good` in a header of its own.
#[derive(Debug, Clone)]
struct Scripted {
    header: HeaderName,
    scheme: &'static str,
    asked: Arc<AtomicUsize>,
}

impl Scripted {
    fn new(header: HeaderName, scheme: &'static str) -> Self {
        Self { header, scheme, asked: Arc::default() }
    }
}

impl Authenticator for Scripted {
    fn challenge(&self) -> HeaderValue {
        HeaderValue::from_static(self.scheme)
    }

    fn is_presented(&self, credentials: RequestCredentials<'_>) -> bool {
        credentials.headers.contains_key(&self.header)
    }

    fn authenticate<'a>(
        &'a self,
        credentials: RequestCredentials<'a>,
        _: SystemTime,
    ) -> BoxFuture<'a, Result<Map, Rejection>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let is_good = credentials.headers[&self.header] == "good";
        Box::pin(async move {
            // An authority that is asked over the network.
            tokio::task::yield_now().await;
            if is_good {
                Ok(Map::from_iter([("by".into(), Value::from(self.scheme))]))
            } else {
                Err(Rejection::new("no good", HeaderValue::from_static("Scripted error")))
            }
        })
    }
}

#[tokio::test]
async fn one_credential_decides_and_several_are_refused() {
    let (token, key) = (Scripted::new(header::AUTHORIZATION, "Bearer"), Scripted::new(header::COOKIE, "Cookie"));
    let methods = Authenticators::default().with(token.clone()).with(key.clone());
    let refused = |message: &'static str, challenges: &[&'static str]| {
        let challenges = challenges.iter().map(|challenge| HeaderValue::from_static(challenge)).collect();
        Err(Rejection { message: message.into(), challenges })
    };
    let by = |scheme: &'static str| Ok(Some(scheme));
    let several = || {
        let message = "the request carries credentials of more than one kind; send one of them";
        refused(message, &["Bearer", "Cookie"])
    };
    for (authorization, cookie, expected, asked) in [
        (None, None, Ok(None), (0, 0)),
        (Some("good"), None, by("Bearer"), (1, 0)),
        (None, Some("good"), by("Cookie"), (0, 1)),
        (Some("bad"), None, refused("no good", &["Scripted error"]), (1, 0)),
        (None, Some("bad"), refused("no good", &["Scripted error"]), (0, 1)),
        (Some("good"), Some("good"), several(), (0, 0)),
        (Some("bad"), Some("good"), several(), (0, 0)),
        (Some("good"), Some("bad"), several(), (0, 0)),
    ] {
        let mut headers = HeaderMap::new();
        let carried = [(header::AUTHORIZATION, authorization), (header::COOKIE, cookie)];
        for (name, value) in carried.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            headers.insert(name, HeaderValue::from_static(value));
        }
        let got = methods.authenticate(RequestCredentials { headers: &headers }, SystemTime::now()).await;
        let got = got.map(|claims| claims.map(|claims| claims.get("by").and_then(Value::as_str).map(str::to_owned)));
        let expected = expected.map(|by| by.map(|by| Some(by.to_owned())));
        assert_eq!(got, expected, "{authorization:?} {cookie:?}");
        let count = |method: &Scripted| method.asked.swap(0, Ordering::SeqCst);
        assert_eq!((count(&token), count(&key)), asked, "{authorization:?} {cookie:?}");
    }
}

#[test]
fn without_methods_everybody_is_anonymous_at_once() {
    let headers = HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static("Bearer x"))]);
    let none = Authenticators::default();
    let got = none.authenticate(RequestCredentials { headers: &headers }, SystemTime::now()).now_or_never();
    assert_eq!(got, Some(Ok(None)));
}
