//! GraphQL over HTTP: which status, media type and code answer a method, headers and a body.

use super::*;
use std::collections::BTreeSet;
use std::time::Duration;

/// One request and the answer that it must get. An empty `code` means that there are no errors.
struct Case {
    about: &'static str,
    method: Method,
    uri: &'static str,
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
    status: u16,
    code: &'static str,
}

async fn check(cases: Vec<Case>) {
    let router = routed(config(Mode::Production));
    for case in cases {
        let got = send(&router, case.method, case.uri, case.headers, case.body).await;
        assert_eq!((got.status.as_u16(), got.code().as_str()), (case.status, case.code), "{}: {got:?}", case.about);
        let has_errors = got.json().get("errors").is_some();
        assert_eq!(has_errors, !case.code.is_empty(), "{}: {got:?}", case.about);
        assert!(case.code.is_empty() || got.json().get("data").is_none(), "{}: {got:?}", case.about);
        assert_eq!(got.header("x-content-type-options"), "nosniff", "{}", case.about);
        assert!(!got.header("x-request-id").is_empty(), "{}", case.about);
    }
}

const BOTH: (&str, &str) = ("accept", "application/graphql-response+json");
const OLD: (&str, &str) = ("accept", "application/json");

fn posted(about: &'static str, body: &'static str, status: u16, code: &'static str) -> Case {
    Case { about, method: Method::POST, uri: "/graphql", headers: &[JSON, BOTH], body, status, code }
}

#[tokio::test]
async fn parameters_of_a_post_are_checked() {
    check(vec![
        posted("a query", r#"{"query":"{ hello }"}"#, 200, ""),
        posted("a mutation", r#"{"query":"mutation { add }"}"#, 200, ""),
        posted("nulls", r#"{"query":"{ hello }","variables":null,"operationName":null,"extensions":null}"#, 200, ""),
        posted("a named one", r#"{"query":"query A { hello } query B { late }","operationName":"A"}"#, 200, ""),
        posted("an empty name", r#"{"query":"{ hello }","operationName":""}"#, 200, ""),
        posted("other properties", r#"{"query":"{ hello }","more":[1]}"#, 200, ""),
        posted("extensions", r#"{"query":"{ hello }","extensions":{"a":1}}"#, 200, ""),
        posted("a byte order mark", "\u{feff}{\"query\":\"{ hello }\"}", 200, ""),
        posted("white space around", " {\"query\":\"{ hello }\"}\n", 200, ""),
        posted("no body", "", 400, "BAD_REQUEST"),
        posted("broken JSON", r#"{ "query"#, 400, "BAD_REQUEST"),
        posted("two values", r#"{"query":"{ hello }"} {}"#, 400, "BAD_REQUEST"),
        posted("a string", r#""{ hello }""#, 400, "BAD_REQUEST"),
        posted("no query", r#"{"qeury":"{ hello }"}"#, 400, "BAD_REQUEST"),
        posted("null query", r#"{"query":null}"#, 400, "BAD_REQUEST"),
        posted("query twice", r#"{"query":"{ hello }","query":"{ late }"}"#, 400, "BAD_REQUEST"),
        posted("query 0", r#"{"query":0}"#, 400, "BAD_REQUEST"),
        posted("operationName {}", r#"{"query":"{ hello }","operationName":{}}"#, 400, "BAD_REQUEST"),
        posted("variables \"\"", r#"{"query":"{ hello }","variables":"{}"}"#, 400, "BAD_REQUEST"),
        posted("variables []", r#"{"query":"{ hello }","variables":[]}"#, 400, "BAD_REQUEST"),
        posted("extensions 0", r#"{"query":"{ hello }","extensions":0}"#, 400, "BAD_REQUEST"),
        posted("a batch", r#"[{"query":"{ hello }"}]"#, 400, "BATCHING_NOT_SUPPORTED"),
        posted("a batch that would do for a request", r#"["{ hello }"]"#, 400, "BATCHING_NOT_SUPPORTED"),
        posted(
            "a persisted query",
            r#"{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"0"}}}"#,
            400,
            "PERSISTED_QUERY_NOT_SUPPORTED",
        ),
        posted("a document that does not parse", r#"{"query":"{"}"#, 400, "INVALID"),
        posted("an unknown field", r#"{"query":"{ nope }"}"#, 400, "INVALID"),
        posted("a variable that is missing", r#"{"query":"query($id: ID!) { hello }"}"#, 400, "INVALID"),
        posted(
            "a variable of null",
            r#"{"query":"query($a: Boolean!) { hello @include(if: $a) }","variables":{"a":null}}"#,
            400,
            "INVALID_VARIABLES",
        ),
    ])
    .await;
}

#[tokio::test]
async fn nesting_of_a_request_is_bounded_wherever_it_is() {
    let router = routed(config(Mode::Production));
    let nested = |depth: usize| [&"[".repeat(depth)[..], &"]".repeat(depth)].concat();
    for place in [
        r#"{"query":"{ hello }","variables":{"undeclared":HERE}}"#,
        r#"{"query":"{ hello }","extensions":{"a":HERE}}"#,
        r#"{"query":"{ hello }","x":{"a":HERE}}"#,
    ] {
        for (depth, status) in [(126, 200), (127, 400), (400_000, 400)] {
            let got = post(&router, &place.replace("HERE", &nested(depth))).await;
            assert_eq!(got.status, status, "{depth} levels in {place}");
        }
    }
    for name in ["variables", "extensions"] {
        for (depth, status) in [(127, 200), (128, 400), (5_000, 400)] {
            let value =
                format!("{{\"a\":{}}}", nested(depth)).replace('{', "%7B").replace('}', "%7D").replace('"', "%22");
            let uri = format!("/graphql?query=%7Bhello%7D&{name}={}", value.replace('[', "%5B").replace(']', "%5D"));
            let got = send(&router, Method::GET, &uri, &[BOTH], "").await;
            assert_eq!(got.status, status, "{depth} levels in {name}");
        }
    }
}

#[tokio::test]
async fn request_errors_are_200_in_the_old_media_type() {
    let old = |about, body, status, code| Case { headers: &[JSON, OLD], ..posted(about, body, status, code) };
    check(vec![
        old("a document that does not parse", r#"{"query":"{"}"#, 200, "INVALID"),
        old("an unknown field", r#"{"query":"{ nope }"}"#, 200, "INVALID"),
        old(
            "a variable of null",
            r#"{"query":"query($a: Boolean!) { hello @include(if: $a) }","variables":{"a":null}}"#,
            200,
            "INVALID_VARIABLES",
        ),
        old("broken JSON", r#"{ "query"#, 400, "BAD_REQUEST"),
    ])
    .await;
}

#[tokio::test]
async fn other_types_than_json_in_utf_8_are_refused() {
    const UTF8: &[(&str, &str)] = &[("content-type", "Application/JSON; Charset=\"UTF-8\"")];
    const LATIN: &[(&str, &str)] = &[("content-type", "application/json; charset=latin1")];
    const TWICE: &[(&str, &str)] = &[JSON, ("content-type", "text/plain")];
    const GZIP: &[(&str, &str)] = &[JSON, ("content-encoding", "gzip")];
    const TEXT: &[(&str, &str)] = &[("content-type", "text/plain")];
    const FORM: &[(&str, &str)] = &[("content-type", "application/x-www-form-urlencoded")];
    const MULTIPART: &[(&str, &str)] = &[("content-type", "multipart/form-data; boundary=x")];
    const GRAPHQL: &[(&str, &str)] = &[("content-type", "application/graphql")];
    let refused = [LATIN, TWICE, GZIP, TEXT, FORM, MULTIPART, GRAPHQL, &[]].map(|headers| Case {
        headers,
        ..posted("refused", r#"{"query":"{ hello }"}"#, 415, "UNSUPPORTED_MEDIA_TYPE")
    });
    check(refused.into_iter().collect()).await;
    check(vec![Case { headers: UTF8, ..posted("UTF-8", r#"{"query":"{ hello }"}"#, 200, "") }]).await;
}

#[tokio::test]
async fn get_is_for_queries() {
    let got =
        |about, uri, status, code| Case { about, method: Method::GET, uri, headers: &[BOTH], body: "", status, code };
    check(vec![
        got("a query", "/graphql?query=%7B+hello%20%7D", 200, ""),
        got("empty name", "/graphql?query=%7Bhello%7D&operationName=", 200, ""),
        got("a name", "/graphql?query=query+A%7Bhello%7Dquery+B%7Blate%7D&operationName=A", 200, ""),
        got(
            "variables",
            "/graphql?query=query($a:Boolean!)%7Bhello@include(if:$a)%7D&variables=%7B%22a%22:true%7D",
            200,
            "",
        ),
        got("null variables", "/graphql?query=%7Bhello%7D&variables=null", 200, ""),
        got("wrong variables", "/graphql?query=%7Bhello%7D&variables=%5B%5D", 400, "BAD_REQUEST"),
        got("broken variables", "/graphql?query=%7Bhello%7D&variables=%7B", 400, "BAD_REQUEST"),
        got("broken extensions", "/graphql?query=%7Bhello%7D&extensions=1", 400, "BAD_REQUEST"),
        got("no query", "/graphql", 400, "BAD_REQUEST"),
        got("query twice", "/graphql?query=%7Bhello%7D&query=%7Blate%7D", 400, "BAD_REQUEST"),
        got("persisted", "/graphql?extensions=%7B%22persistedQuery%22:%7B%7D%7D", 400, "PERSISTED_QUERY_NOT_SUPPORTED"),
        got("a mutation", "/graphql?query=mutation%7Badd%7D", 405, "METHOD_NOT_ALLOWED"),
        Case { method: Method::PUT, ..got("PUT", "/graphql?query=%7Bhello%7D", 405, "METHOD_NOT_ALLOWED") },
        Case { method: Method::DELETE, ..got("DELETE", "/graphql?query=%7Bhello%7D", 405, "METHOD_NOT_ALLOWED") },
        Case {
            headers: &[("accept", "text/html")],
            ..got("HTML", "/graphql?query=%7Bhello%7D", 406, "NOT_ACCEPTABLE")
        },
    ])
    .await;
}

#[tokio::test]
async fn refusals_say_what_is_allowed_instead() {
    let router = routed(config(Mode::Production));
    let mutation = send(&router, Method::GET, "/graphql?query=mutation%7Badd%7D", &[], "").await;
    assert_eq!((mutation.status.as_u16(), mutation.header("allow")), (405, "POST"));
    let put = send(&router, Method::PUT, "/graphql", &[], "").await;
    assert_eq!((put.status.as_u16(), put.header("allow")), (405, "GET, POST"));
    let text = send(&router, Method::POST, "/graphql", &[("content-type", "text/plain")], "{}").await;
    assert_eq!((text.status.as_u16(), text.header("accept")), (415, "application/json"));
}

#[tokio::test]
async fn answers_have_the_negotiated_type() {
    let router = routed(config(Mode::Production));
    for (accept, wanted) in [
        ("application/graphql-response+json", "application/graphql-response+json; charset=utf-8"),
        ("application/json", "application/json; charset=utf-8"),
        ("*/*", "application/json; charset=utf-8"),
    ] {
        let got =
            send(&router, Method::POST, "/graphql", &[JSON, ("accept", accept)], r#"{"query":"{ hello }"}"#).await;
        assert_eq!((got.header("content-type"), got.header("vary")), (wanted, "accept"), "{accept}");
    }
}

#[tokio::test]
async fn head_is_answered_as_get_without_its_body() {
    for config in
        [config(Mode::Production), ServerConfig { cors: vec!["https://a".to_owned()], ..config(Mode::Production) }]
    {
        let router = routed(config);
        let uri = "/graphql?query=%7Bhello%7D";
        let get = send(&router, Method::GET, uri, &[("x-request-id", "1")], "").await;
        let head = send(&router, Method::HEAD, uri, &[("x-request-id", "1")], "").await;
        assert_eq!((head.status, head.body.as_str()), (get.status, ""));
        assert_eq!(head.header("content-length"), get.body.len().to_string());
        let names = |got: &Got| got.headers.keys().map(ToString::to_string).collect::<BTreeSet<_>>();
        assert_eq!(names(&head), names(&get).into_iter().chain(["content-length".to_owned()]).collect());
    }
}

#[tokio::test]
async fn only_the_very_path_is_the_endpoint() {
    let router = routed(config(Mode::Development));
    for uri in ["/", "/graphql/", "//graphql", "/GraphQL", "/%67raphql", "/graphql.json"] {
        let got = send(&router, Method::POST, uri, &[JSON], r#"{"query":"{ hello }"}"#).await;
        assert_eq!(got.status, StatusCode::NOT_FOUND, "{uri}");
    }
}

#[tokio::test]
async fn a_body_in_pieces_is_one_request() {
    let router = routed(config(Mode::Production));
    let pieces = r#"{"query":"{ hello }"}"#.bytes().map(|byte| Ok::<_, std::io::Error>(vec![byte]));
    let stream = Body::from_stream(futures_util::stream::iter(pieces));
    let got = send(&router, Method::POST, "/graphql", &[JSON], stream).await;
    assert_eq!(got.json()["data"]["hello"], "hello");
    let broken = [Ok(b"{".to_vec()), Err(std::io::Error::other("gone"))];
    let got =
        send(&router, Method::POST, "/graphql", &[JSON], Body::from_stream(futures_util::stream::iter(broken))).await;
    assert_eq!((got.status.as_u16(), got.code().as_str()), (400, "BAD_REQUEST"));
}

#[tokio::test]
async fn bodies_over_the_limit_are_413() {
    let limit = 64;
    let router = routed(ServerConfig { max_body_bytes: limit.try_into().unwrap(), ..config(Mode::Production) });
    let fill = |length: usize| format!("{:<length$}", r#"{"query":"{ hello }"}"#);
    let (fits, over) = (fill(limit), fill(limit + 1));
    assert_eq!(post(&router, &fits).await.status, StatusCode::OK);
    let got = post(&router, &over).await;
    assert_eq!((got.status.as_u16(), got.code().as_str()), (413, "BODY_TOO_LARGE"));
    // Without `content-length`, the limit is checked while the body is read.
    let chunks = over.into_bytes().into_iter().map(|byte| Ok::<_, std::io::Error>(vec![byte]));
    let stream = Body::from_stream(futures_util::stream::iter(chunks));
    let got = send(&router, Method::POST, "/graphql", &[JSON], stream).await;
    assert_eq!((got.status.as_u16(), got.code().as_str()), (413, "BODY_TOO_LARGE"));
    let got = send(&router, Method::POST, "/graphql", &[JSON, ("content-length", "9999999999")], "{}").await;
    assert_eq!(got.status.as_u16(), 413);
}

#[tokio::test]
async fn every_wait_ends_with_the_deadline() {
    let request_timeout = Duration::from_millis(20);
    let router = routed(ServerConfig { request_timeout, ..config(Mode::Production) });
    let started = std::time::Instant::now();
    let got = post(&router, r#"{"query":"{ stall }"}"#).await;
    assert_eq!((got.status.as_u16(), got.code().as_str()), (504, "DEADLINE_PASSED"));
    assert!(started.elapsed() >= request_timeout, "{:?}", started.elapsed());
    let silent = Body::from_stream(futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let got = send(&router, Method::POST, "/graphql", &[JSON], silent).await;
    assert_eq!((got.status.as_u16(), got.code().as_str()), (408, "BODY_TIMEOUT"));
    let late = post(&router, r#"{"query":"{ late }"}"#).await;
    assert_eq!(late.status.as_u16(), 200, "what the engine hands over at its deadline is sent: {late:?}");
}

#[tokio::test]
async fn a_panic_is_a_500_of_its_own_request() {
    let router = routed(config(Mode::Development));
    let got = post(&router, r#"{"query":"{ panic }"}"#).await;
    assert_eq!((got.status.as_u16(), got.code().as_str()), (500, "INTERNAL"));
    assert!(!got.body.contains("secret"), "{got:?}");
    assert_eq!(post(&router, r#"{"query":"{ hello }"}"#).await.status, StatusCode::OK);
}

#[tokio::test]
async fn requests_beyond_max_in_flight_are_503_at_once() {
    let router = routed(ServerConfig { max_in_flight: 1.try_into().unwrap(), ..config(Mode::Production) });
    let mut first = Box::pin(post(&router, r#"{"query":"{ stall }"}"#));
    assert!(futures_util::poll!(&mut first).is_pending());
    let second = post(&router, r#"{"query":"{ hello }"}"#).await;
    assert_eq!((second.status.as_u16(), second.header("retry-after")), (503, "1"));
    drop(first);
    assert_eq!(post(&router, r#"{"query":"{ hello }"}"#).await.status, StatusCode::OK, "the place is free again");
}

#[tokio::test]
async fn correlation_reaches_the_engine_and_comes_back() {
    let router = routed(config(Mode::Production));
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let headers =
        [JSON, ("x-request-id", "abc-7"), ("traceparent", trace), ("tracestate", "a=1"), ("tracestate", "b=2")];
    let got = send(&router, Method::POST, "/graphql", &headers, r#"{"query":"{ caller }"}"#).await;
    assert_eq!(got.header("x-request-id"), "abc-7");
    let caller = &got.json()["data"]["caller"];
    assert_eq!((caller["id"].as_str(), caller["trace"].as_str()), (Some("abc-7"), Some(trace)));
    assert_eq!(caller["state"], "a=1,b=2");
    let headers = [JSON, ("x-request-id", "a b"), ("traceparent", "00-0-0-00"), ("tracestate", "a=1")];
    let got = send(&router, Method::POST, "/graphql", &headers, r#"{"query":"{ caller }"}"#).await;
    let caller = &got.json()["data"]["caller"];
    assert_eq!(caller["id"].as_str(), Some(got.header("x-request-id")));
    assert!(caller["id"] != "a b" && caller["trace"].is_null() && caller["state"].is_null(), "{got:?}");
}

#[tokio::test]
async fn a_replaced_server_takes_its_configuration_with_it() {
    let site = Site::new(Arc::new(server(config(Mode::Production))));
    let router = router(site.clone());
    let origin = ("origin", "https://shop.example");
    let headers = [JSON, origin];
    let ask = || send(&router, Method::POST, "/graphql", &headers, r#"{"query":"{ hello }"}"#);
    let before = ask().await;
    assert!(before.body.contains("hello\":\"hello") && before.header("access-control-allow-origin").is_empty());
    let other = ServerConfig {
        cors: vec![origin.1.to_owned()],
        max_body_bytes: 40.try_into().unwrap(),
        ..config(Mode::Production)
    };
    site.replace(Server::new(other, Arc::new(FakeEngine::new("other")), Arc::new(Metrics::new())));
    let after = ask().await;
    assert!(after.body.contains("hello\":\"other"), "{after:?}");
    assert_eq!(after.header("access-control-allow-origin"), origin.1);
    let long = format!(r#"{{"query":"{{ hello }} # {}"}}"#, "a".repeat(40));
    assert_eq!(post(&router, &long).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    // The metrics go on from their earlier counts.
    let metrics = send(&admin_router(site.clone()), Method::GET, "/metrics", &[], "").await.body;
    assert!(
        metrics.contains(r#"bespoke_requests_total{operation_kind="query",outcome="executed",status="200"} 2"#),
        "{metrics}"
    );
}

#[tokio::test]
async fn a_request_under_way_ends_with_the_server_that_it_began_with() {
    let site = Site::new(Arc::new(server(ServerConfig {
        request_timeout: Duration::from_millis(20),
        ..config(Mode::Production)
    })));
    let router = router(site.clone());
    let late = post(&router, r#"{"query":"{ late hello }"}"#);
    tokio::pin!(late);
    assert!(futures_util::poll!(&mut late).is_pending());
    site.replace(Server::new(config(Mode::Production), Arc::new(FakeEngine::new("other")), Arc::new(Metrics::new())));
    assert!(late.await.body.contains("hello\":\"hello"));
}

#[tokio::test]
async fn a_process_that_leaves_says_so_and_answers_all_the_same() {
    let site = Site::new(Arc::new(server(config(Mode::Production))));
    let router = router(site.clone());
    let ask = || post(&router, r#"{"query":"{ hello }"}"#);
    let ready = || send(&router, Method::GET, "/readyz", &[], "");
    assert_eq!((ready().await.status, ask().await.header("connection")), (StatusCode::OK, ""));
    site.leave();
    assert_eq!(ready().await.status, StatusCode::SERVICE_UNAVAILABLE);
    let answer = ask().await;
    assert_eq!((answer.status, answer.header("connection")), (StatusCode::OK, "close"));
    assert_eq!(send(&router, Method::GET, "/livez", &[], "").await.status, StatusCode::OK);
}

#[tokio::test]
async fn cors_is_by_list_and_any_localhost_port_in_development() {
    let listed = |mode| ServerConfig { cors: vec!["https://shop.example".to_owned()], ..config(mode) };
    let (production, development, closed) =
        (routed(listed(Mode::Production)), routed(listed(Mode::Development)), routed(config(Mode::Production)));
    for (origin, in_production, in_development) in [
        ("https://shop.example", true, true),
        ("https://shop.example.evil.example", false, false),
        ("https://shop.example:444", false, false),
        ("http://localhost:5173", false, true),
        ("http://127.0.0.1:3000", false, true),
        ("http://[::1]", false, true),
        ("http://localhost.evil.example", false, false),
        ("http://localhost:80@evil.example", false, false),
        ("null", false, false),
    ] {
        for (router, allowed) in [(&production, in_production), (&development, in_development), (&closed, false)] {
            let wanted = if allowed { origin } else { "" };
            let preflight = [
                ("origin", origin),
                ("access-control-request-method", "POST"),
                ("access-control-request-headers", "content-type"),
            ];
            let got = send(router, Method::OPTIONS, "/graphql", &preflight, "").await;
            assert_eq!(got.header("access-control-allow-origin"), wanted, "preflight from {origin}");
            let got =
                send(router, Method::POST, "/graphql", &[JSON, ("origin", origin)], r#"{"query":"{hello}"}"#).await;
            assert_eq!(got.header("access-control-allow-origin"), wanted, "{origin}");
            assert_eq!(got.header("access-control-allow-credentials"), "", "{origin}");
        }
    }
}
