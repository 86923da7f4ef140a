//! Which answers may be stored by clients and proxies, and when 304 is sent.

use super::*;
use crate::engine::{Audience, ClientCaching};
use std::time::Duration;

fn router_of(audience: Audience) -> Routes {
    let caching = ClientCaching {
        lifetime: Duration::from_secs(60),
        age: Duration::from_secs(7),
        audience,
        tag: Some("t".into()),
    };
    let mut engine = FakeEngine::new("hello");
    engine.caching = Some(Box::new(caching));
    router(Arc::new(Server::new(config(Mode::Production), Arc::new(engine), Arc::new(Metrics::new()))))
}

const HELLO: &str = "/graphql?query=%7Bhello%7D";
const MISSING: &str = "/graphql?query=%7Bnope%7D";
const BOTH: (&str, &str) = ("accept", "application/graphql-response+json");

#[tokio::test]
async fn only_good_answers_to_gets_may_be_kept() {
    let router = router_of(Audience::Everybody);
    for (method, uri, body, control, tag, section) in [
        (Method::GET, HELLO, "", "public, max-age=60", r#""t-j""#, "RFC 9111 §3"),
        (Method::HEAD, HELLO, "", "public, max-age=60", r#""t-j""#, "RFC 9110 §9.3.2"),
        (Method::POST, "/graphql", r#"{"query":"{hello}"}"#, "no-store", "", "RFC 9110 §9.3.3"),
        (Method::GET, MISSING, "", "no-store", "", "RFC 9111 §5.2.2.5"),
        (Method::GET, "/graphql", "", "no-store", "", "RFC 9111 §5.2.2.5"),
    ] {
        let got = send(&router, method.clone(), uri, &[JSON], body).await;
        assert_eq!((got.header("cache-control"), got.header("etag")), (control, tag), "{method} {uri}: {section}");
        assert_eq!(got.header("age"), if tag.is_empty() { "" } else { "7" }, "{method} {uri}: RFC 9111 §5.1");
    }
}

#[tokio::test]
async fn what_the_client_has_is_not_sent_again() {
    let router = router_of(Audience::Everybody);
    for (method, uri, if_none_match, status, section) in [
        (Method::GET, HELLO, r#""t-j""#, 304, "RFC 9110 §13.1.2"),
        (Method::HEAD, HELLO, r#"W/"t-j""#, 304, "RFC 9110 §13.1.2"),
        (Method::GET, HELLO, r#""t-g""#, 200, "RFC 9110 §8.8.3.3: of another media type"),
        (Method::GET, HELLO, r#""old""#, 200, "RFC 9110 §13.1.2"),
        (Method::GET, MISSING, "*", 200, "RFC 9110 §13.2.1: a failure is no representation"),
    ] {
        let got = send(&router, method.clone(), uri, &[("if-none-match", if_none_match)], "").await;
        assert_eq!(got.status.as_u16(), status, "{method} {uri} {if_none_match}: {section}");
        if status == 304 {
            let kept = ["cache-control", "etag", "vary", "age"].map(|name| got.header(name));
            assert_eq!(kept, ["public, max-age=60", r#""t-j""#, "accept", "7"], "RFC 9110 §15.4.5");
            assert_eq!((got.body.as_str(), got.header("content-type")), ("", ""), "RFC 9110 §15.4.5");
        }
    }
    let post = send(&router, Method::POST, "/graphql", &[JSON, ("if-none-match", "*")], r#"{"query":"{hello}"}"#).await;
    assert_eq!(post.status, StatusCode::OK);
}

#[tokio::test]
async fn media_types_have_tags_of_their_own() {
    let router = router_of(Audience::Everybody);
    let got = send(&router, Method::GET, HELLO, &[BOTH], "").await;
    assert_eq!((got.header("etag"), got.header("vary")), (r#""t-g""#, "accept"));
}

#[tokio::test]
async fn what_depends_on_the_caller_is_private_and_says_on_what() {
    let router = router_of(Audience::Alike([http::header::AUTHORIZATION].into()));
    let got = send(&router, Method::GET, HELLO, &[], "").await;
    assert_eq!(got.header("cache-control"), "private, max-age=60", "RFC 9111 §5.2.2.7");
    let vary: Vec<_> = got.headers.get_all("vary").iter().map(|value| value.to_str().unwrap()).collect();
    assert_eq!(vary, ["accept", "authorization"], "RFC 9110 §12.5.5");
}
