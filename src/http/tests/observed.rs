//! Tests of health, metrics and the log, from outside the server.

use super::*;
use std::io::{self, Write};
use std::sync::Mutex;
use std::sync::atomic::Ordering;

#[tokio::test]
async fn health_follows_the_engine() {
    let engine = Arc::new(FakeEngine::new("hello"));
    let router = router(Arc::new(Server::new(config(Mode::Production), engine.clone(), Arc::new(Metrics::new()))));
    let status = async |uri| send(&router, Method::GET, uri, &[], "").await.status.as_u16();
    assert_eq!((status("/livez").await, status("/readyz").await), (200, 200));
    engine.is_ready.store(false, Ordering::SeqCst);
    assert_eq!((status("/livez").await, status("/readyz").await), (200, 503));
}

/// The lines of `/metrics` that hold counts, without comments, sums and buckets.
async fn metrics(router: &Routes) -> String {
    let got = send(router, Method::GET, "/metrics", &[], "").await;
    assert_eq!(got.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let counts = |line: &&str| !line.starts_with('#') && !line.contains("_bucket{") && !line.contains("_sum{");
    let mut lines: Vec<&str> = got.body.lines().filter(counts).collect();
    lines.sort_unstable();
    lines.join("\n")
}

#[tokio::test]
async fn requests_calls_and_errors_are_counted() {
    let router = routed(config(Mode::Development));
    for body in [
        r#"{"query":"query Home { hello }"}"#,
        r#"{"query":"query Home { hello }"}"#,
        r#"{"query":"mutation { add }"}"#,
        r#"{"query":"{ nope }"}"#,
        r#"{"query":"{ panic }"}"#,
        "[]",
    ] {
        post(&router, body).await;
    }
    drop(futures_util::poll!(Box::pin(post(&router, r#"{"query":"{ stall }"}"#))));
    insta::assert_snapshot!(metrics(&router).await, @r#"
    bespoke_cache_bytes 0
    bespoke_connections 0
    bespoke_connections_max 0
    bespoke_engines 1
    bespoke_errors_total{code="BATCHING_NOT_SUPPORTED"} 1
    bespoke_errors_total{code="CLIENT_GONE"} 1
    bespoke_errors_total{code="INTERNAL"} 1
    bespoke_errors_total{code="INVALID"} 1
    bespoke_log_lines_dropped_total 0
    bespoke_request_duration_seconds_count{operation=""} 2
    bespoke_request_duration_seconds_count{operation="Home"} 2
    bespoke_requests_in_flight 0
    bespoke_requests_total{operation_kind="mutation",outcome="executed",status="200"} 1
    bespoke_requests_total{operation_kind="query",outcome="executed",status="200"} 2
    bespoke_requests_total{operation_kind="unknown",outcome="document_error",status="200"} 1
    bespoke_requests_total{operation_kind="unknown",outcome="refused",status="400"} 1
    bespoke_requests_total{operation_kind="unknown",outcome="refused",status="499"} 1
    bespoke_requests_total{operation_kind="unknown",outcome="refused",status="500"} 1
    bespoke_sockets 0
    bespoke_subscription_duration_seconds_count 0
    bespoke_subscription_duration_seconds_sum 0.0
    bespoke_subscription_events_total 0
    bespoke_subscription_polls_total 0
    bespoke_subscriptions 0
    bespoke_subscriptions_max 1024
    bespoke_tasks 0
    bespoke_upstream_call_duration_seconds_count{service="catalog",operation_id="get"} 3
    bespoke_upstream_call_duration_seconds_count{service="catalog",operation_id="list"} 3
    bespoke_upstream_calls_total{service="catalog",operation_id="get",status="UPSTREAM_TIMEOUT",shared="false"} 3
    bespoke_upstream_calls_total{service="catalog",operation_id="list",status="200",shared="false"} 3
    bespoke_upstream_calls_total{service="catalog",operation_id="list",status="200",shared="true"} 3
    bespoke_writes_refused_total 0
    bespoke_writes_unattended 0
    "#);
}

#[tokio::test]
async fn the_most_used_operations_have_a_label() {
    let router = routed(config(Mode::Development));
    for index in 0..250 {
        post(&router, &format!(r#"{{"query":"query Op{index} {{ hello }}"}}"#)).await;
    }
    let long = "x".repeat(200);
    for name in [&long, "other", "Op7", "Op249", "Op249"] {
        post(&router, &format!(r#"{{"query":"query {name} {{ hello }}"}}"#)).await;
    }
    let metrics = metrics(&router).await;
    let count = |label: &str| {
        let line = format!("bespoke_request_duration_seconds_count{{operation=\"{label}\"}} ");
        metrics.lines().find_map(|found| found.strip_prefix(&line)?.parse::<u32>().ok())
    };
    // `Op249` counted under `other` the first time, and has a label of its own from the second time on.
    assert_eq!((count("Op7"), count("Op199"), count("Op248"), count("Op249")), (Some(2), Some(1), None, Some(2)));
    assert_eq!((count("Op0"), count("other")), (None, Some(52)), "the label of the least used one went to it");
}

#[tokio::test]
async fn metrics_come_in_the_form_that_their_reader_asks_for() {
    let router = routed(config(Mode::Development));
    post(&router, r#"{"query":"query Home { hello }"}"#).await;
    let got = send(&router, Method::GET, "/metrics", &[("accept", "text/plain;version=0.0.4")], "").await;
    assert_eq!(
        (got.header("content-type"), got.header("vary")),
        ("text/plain; version=0.0.4; charset=utf-8", "accept")
    );
    assert!(got.body.contains("# TYPE bespoke_requests_total counter\nbespoke_requests_total{"), "{}", got.body);
    assert!(got.body.contains("# TYPE bespoke_requests_in_flight gauge\n"), "{}", got.body);
    assert!(!got.body.contains("# EOF") && got.body.ends_with('\n'), "{}", got.body);
    let got = send(&router, Method::GET, "/metrics", &[("accept", "*/*")], "").await;
    assert!(got.body.contains("# TYPE bespoke_requests counter\n") && got.body.ends_with("# EOF\n"), "{}", got.body);
}

#[tokio::test]
async fn metrics_are_on_the_admin_port_alone_in_production() {
    for (mode, public) in [(Mode::Production, 404), (Mode::Development, 200)] {
        let site = Site::new(Arc::new(server(config(mode))));
        let (open, admin) = (router(site.clone()), admin_router(site.clone()));
        let status = async |routes, path| send(routes, Method::GET, path, &[], "").await.status.as_u16();
        assert_eq!((status(&open, "/metrics").await, status(&admin, "/metrics").await), (public, 200), "{mode:?}");
        for path in ["/livez", "/readyz"] {
            assert_eq!((status(&open, path).await, status(&admin, path).await), (200, 200), "{mode:?}: {path}");
        }
        for path in ["/graphql?query=%7Bhello%7D", "/"] {
            assert_eq!(status(&admin, path).await, 404, "{mode:?}: {path}");
        }
        site.leave();
        assert_eq!(status(&admin, "/readyz").await, 503, "{mode:?}");
    }
}

/// Collects the log lines.
#[derive(Debug, Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn each_request_is_one_json_line() {
    let lines = Lines::default();
    let writer = lines.clone();
    let log = tracing_subscriber::fmt().json().flatten_event(true).with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(log);
    let router = routed(config(Mode::Production));
    let headers = [JSON, ("x-request-id", "r-1"), ("authorization", "Bearer s3cret")];
    let body = r#"{"query":"query Home($x: Boolean!) { hello @include(if: $x) }","variables":{"x":true,"y":424242}}"#;
    send(&router, Method::POST, "/graphql", &headers, body).await;
    send(&router, Method::POST, "/graphql", &[("x-request-id", "r-2")], body).await;
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(!text.contains("s3cret") && !text.contains("424242"), "{text}");
    let mut parsed: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for line in &mut parsed {
        assert!(line["ms"].is_number() && line["timestamp"].is_string(), "{line}");
        line.as_object_mut().unwrap().retain(|name, _| name != "ms" && name != "timestamp");
    }
    let lines: Vec<String> = parsed.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    {"level":"INFO","message":"request","request_id":"r-1","operation":"Home","calls":2,"cached":0,"slowest_service":"catalog","status":200,"errors":0,"target":"bespoke::request"}
    {"level":"INFO","message":"request","request_id":"r-2","calls":0,"status":415,"errors":1,"code":"UNSUPPORTED_MEDIA_TYPE","target":"bespoke::request"}
    "#);
}
