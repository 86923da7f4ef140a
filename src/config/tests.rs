//! Whole files: what comes out, and where findings point.

use super::load::schema;
use super::server::AdminPort;
use super::*;
use crate::diagnostic::{Finding, Sources, Span, one_line};
use std::time::Duration;

fn env(name: &str) -> Option<String> {
    match name {
        "PORT" => Some("8080".to_owned()),
        "HOST" => Some("catalog".to_owned()),
        "TOKEN" => Some("s3cret\"\nadmin: true".to_owned()),
        "WORD" => Some("word".to_owned()),
        "ON" => Some("true".to_owned()),
        _ => None,
    }
}

/// The configuration, and the findings as `code line:column [text] message`.
fn read(text: &str) -> (Option<Config>, Vec<String>) {
    let mut sources = Sources::default();
    let file = sources.add("bff.yaml", text);
    let (config, findings) = load(&sources, file, &env);
    let line = |finding: &Finding| {
        let span = finding.span().unwrap();
        let at = sources.position(span);
        let marked = &text[span.start as usize..span.end as usize];
        format!("{} {}:{} [{marked}] {}", finding.code, at.line, at.column, finding.message)
    };
    let findings = findings.iter().map(line).collect();
    (config, findings)
}

#[test]
fn a_full_file_is_read() {
    let text = r#"
server:
  port: ${PORT}
  host: 0.0.0.0
  mode: development
  log: text
  request_timeout: ${TIMEOUT:-750ms}
  max_body_bytes: 2048
  max_in_flight: 7
  max_reading: 6
  max_reading_bytes: 4096
  min_body_rate: 5
  max_connections: 9
  shutdown_grace: 1s
  cors: ["https://shop.example", 'http://${HOST}:${PORT}']
services:
  catalog:
    url: http://${HOST}:${PORT}/v1   # ${NOT_READ}
    timeout: 1s
    connect_timeout: 100ms
    max_response_bytes: 1000
    max_in_flight: 3
    config:
      token: "${TOKEN}"
      n: 5
      quoted: "${PORT}"
      flag: ${ON}
      kept: "$${X}"
  plain: {}
auth:
  jwt: { public_key_file: key.pem, issuer: i, audience: a }
limits: { bytes: 1, tokens: 2, depth: 3, fields: 4, answer_bytes: 5 }
playground: { dir: ../playground, tabs: [home.graphql], token: t }
budget: { calls: 6, values: 7 }
"#;
    let (config, findings) = read(text);
    assert!(findings.is_empty(), "{findings:?}");
    let config = config.unwrap();
    assert_eq!((config.server.port, config.server.host.to_string().as_str()), (8080, "0.0.0.0"));
    assert_eq!(config.server.request_timeout, Duration::from_millis(750));
    assert_eq!((config.server.mode, config.server.max_body_bytes.get()), (Mode::Development, 2048));
    assert_eq!(config.server.cors, ["https://shop.example", "http://catalog:8080"]);
    let catalog = &config.services["catalog"];
    assert_eq!(catalog.url.as_deref(), Some("http://catalog:8080/v1"));
    assert_eq!((catalog.connect_timeout, catalog.max_response_bytes.get()), (Duration::from_millis(100), 1000));
    let wanted = serde_json::json!({
        "token": "s3cret\"\nadmin: true", "n": 5, "quoted": "8080", "flag": true, "kept": "${X}"
    });
    assert_eq!(serde_json::Value::Object(catalog.config.clone()), wanted);
    assert_eq!(config.services["plain"].timeout, Duration::from_secs(2));
    let jwt = config.auth.jwt.as_ref().unwrap();
    assert_eq!((jwt.issuer.as_str(), jwt.leeway), ("i", Duration::from_secs(30)));
    assert_eq!((config.limits.depth.get(), config.budget.calls.map(|calls| calls.get())), (3, Some(6)));
    let budget = |mode: Mode| (config.budget.of_mode(mode).calls, config.budget.of_mode(mode).values);
    assert_eq!((config.limits.answer_bytes.get(), budget(Mode::Development)), (5, (Some(6), Some(7))));
    let default = crate::config::model::BudgetConfig::default();
    assert_eq!(
        default.of_mode(Mode::Production).calls.zip(default.of_mode(Mode::Production).values),
        Some((250, 500_000))
    );
    assert_eq!(default.of_mode(Mode::Development).calls.or(default.of_mode(Mode::Development).values), None);
    let debug = format!("{config:?}");
    assert!(!debug.contains("s3cret") && !debug.contains("\"t\""), "secrets stay out of logs: {debug}");
}

#[test]
fn an_admin_port_is_a_number_or_none() {
    for (text, wanted) in [
        ("port: 1", AdminPort::ByMode),
        ("admin_port: null", AdminPort::Off),
        ("admin_port: 0", AdminPort::Port(0)),
        ("admin_port: 9100", AdminPort::Port(9100)),
        ("admin_port: ${PORT}", AdminPort::Port(8080)),
    ] {
        let (config, findings) = read(&format!("server:\n  {text}\n"));
        assert!(findings.is_empty(), "{text}: {findings:?}");
        assert_eq!(config.unwrap().server.admin_port, wanted, "{text}");
    }
}

#[test]
fn nothing_written_is_the_default() {
    for text in ["", "\n# only a comment\n", "server: {}\n"] {
        let (config, findings) = read(text);
        assert!(findings.is_empty(), "{text:?}: {findings:?}");
        let server = config.unwrap().server;
        assert_eq!((server.port, server.mode, server.host.is_loopback()), (4000, Mode::Production, true), "{text:?}");
    }
}

#[test]
fn findings_point_at_the_place() {
    let mut wrong = Vec::new();
    for (text, wanted) in [
        ("server:\n  prot: 1\n", "E301 2:3 [prot] unknown field `prot`"),
        ("services:\n  a: { url: 'http://x', retries: 1 }\n", "E301 2:25 [retries] unknown field `retries`"),
        ("server:\n  port: 99999\n", "E301 2:9 [99999]"),
        ("server:\n  port: ${WORD}\n", "E301 2:9 [${WORD}] with its variables replaced, this is not"),
        (
            "server:\n  request_timeout: ${WORD}\n",
            "E301 2:20 [${WORD}] with its variables replaced, this is not a duration",
        ),
        ("services:\n  a: { url: ${HOST} }\n", "E301 2:14 [{HOST] while parsing a flow mapping"),
        (
            "services:\n  a:\n    url: http://${HOST}\n    timeout: soon\n",
            "E301 4:5 [timeout] invalid value: string \"soon\", expected a duration",
        ),
        ("server: { max_in_flight: 0 }\n", "E301 1:11 [max_in_flight] invalid value: integer `0`"),
        ("server: { mode: staging }\n", "E301 1:17 [staging]"),
        ("server: { admin_port: x }\n", "E301 1:23 [x]"),
        (
            "server: { port: 80, admin_port: 80 }\n",
            "E325 1:33 [80] `server.admin_port` is `server.port`: each needs its own port",
        ),
        (
            "server: { max_reading_bytes: 1024 }\n",
            "E324 1:30 [1024] `server.max_reading_bytes` is less than `server.max_body_bytes`",
        ),
        (
            "server: { shutdown_grace: 5s }\n",
            "E326 1:27 [5s] `server.shutdown_grace` must be more than `server.shutdown_delay`, which is 5s",
        ),
        ("server: { stream_drain: 2h }\n", "E305 1:25 [2h] `server.stream_drain` must be at most 1h, not 7200s"),
        ("auth: { jwt: { issuer: i } }\n", "E301 1:1"),
        ("server: [\n", "E301 1:9 [[] unclosed bracket"),
        ("server: {}\nserver: {}\n", "E301 2:1 [server]"),
        ("- 1\n", "E301 1:1"),
        (
            "server:\n  host: ${HOST}\n  cors: ['${NOPE}', \"${NADA}\"]\n",
            "E302 3:10 ['${NOPE}'] the environment variable `NOPE` is not set\n\
             E302 3:21 [\"${NADA}\"] the environment variable `NADA` is not set",
        ),
        ("server:\n  cors:\n    - ${oops\n", "E303 3:7 [${oops] a `${` that names no variable"),
        (
            "services:\n  a:\n    url: ${WORD}/x\n",
            "E304 3:10 [${WORD}/x] `services.a.url` is not an absolute http or https URL",
        ),
        (
            "services:\n  a: { url: 'http://a', urls: ['http://b', 'c'] }\n",
            "E304 2:44 ['c'] `services.a.urls.1` is not an absolute http or https URL\n\
             E323 2:31 [[] `services.a` has both `url` and `urls`",
        ),
        (
            "services:\n  a: { url: 'ftp://x' }\n  b: { url: 'http://u:p@x', timeout: 0s }\n",
            "E304 2:13 ['ftp://x'] `services.a.url` is not an absolute http or https URL\n\
             E304 3:13 ['http://u:p@x'] `services.b.url` has a user or password in it\n\
             E305 3:38 [0s] `services.b.timeout` must be more than 0 and at most 1h",
        ),
        (
            "server:\n  cors:\n    - https://a.example\n    - 'https://b.example/'\n    - '*'\n",
            "E306 4:7 ['https://b.example/'] `https://b.example/` is not an origin\nE306 5:7 ['*'] `*` is not an origin",
        ),
        (
            "services:\n  a: { retry: { ratio: 1.5, per_second: -1 }, breaker: { max_open: 0s }, \
             timeout_header: 'a b' }\n  b: { timeout_header: Host, retry: { ratio: 0.5 } }\n",
            "E321 2:24 [1.5] `services.a.retry.ratio` must be 0.0 to 1.0\n\
             E321 2:41 [-1] `services.a.retry.per_second` must be 0.0 to 1000.0\n\
             E322 2:90 ['a b'] `services.a.timeout_header` is not the name of a header that calls may carry\n\
             E322 3:24 [Host] `services.b.timeout_header` is not the name of a header that calls may carry\n\
             E305 2:68 [0s] `services.a.breaker.max_open` must be more than 0 and at most 1h",
        ),
        (
            "auth: { jwt: { public_key_file: k, issuer: '', audience: a, leeway: 1h } }\n",
            "E307 1:44 [''] `auth.jwt.issuer` is empty\nE305 1:69 [1h] `auth.jwt.leeway` must be at most 5m",
        ),
        (
            "services:\n  a: { url: 'https://a', tls: { client_key_file: k } }\n  b: { url: 'http://b', tls: { ca_file: c } }\n",
            "E311 2:31 [{] `services.a.tls` has one of `client_cert_file` and `client_key_file` \
             without the other\nE311 3:30 [{] `services.b.tls` has no effect: the service has no `https` URL",
        ),
        (
            "services:\n  a: { urls: ['http://a', 'http://b'], tls: { ca_file: c } }\n",
            "E311 2:45 [{] `services.a.tls` has no effect: the service has no `https` URL",
        ),
        (
            "services:\n  a: { urls: ['https://a', 'http://b'], http2: true }\n",
            "E311 2:48 [true] `services.a.http2` needs `https`, and the service has a URL without it",
        ),
        (
            "services:\n  a: { max_json_depth: 129, max_response_headers: 1001 }\n",
            "E308 2:24 [129] `services.a.max_json_depth` is at most 128\n\
             E308 2:51 [1001] `services.a.max_response_headers` is at most 1000",
        ),
        (
            "services:\n  a: { token: { file: t, header: host }, identity: { key_file: k, issuer: '', lifetime: 1s } }\n",
            "E309 2:34 [host] `host` is not the name of a header that can carry it\n\
             E305 2:89 [1s] `services.a.identity.lifetime` must be from 10s to 1h\n\
             E307 2:75 [''] `services.a.identity.issuer` is empty",
        ),
        (
            "services:\n  a: { identity: { key_file: k, issuer: i, scheme: 'a b' } }\n",
            "E309 2:52 ['a b'] `services.a.identity.scheme` is not a scheme that a header can have",
        ),
    ] {
        let (config, findings) = read(text);
        assert!(config.is_none(), "{text}");
        let got = findings.join("\n");
        if !got.starts_with(wanted) {
            wrong.push(format!("{text}\n got: {got}\nwant: {wanted}\n"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.concat());
}

#[test]
fn warnings_leave_the_configuration_usable() {
    for (text, wanted) in [
        ("playground: { token: t }\n", "W301 1:22 [t] `playground.token` has no effect in production"),
        (
            "server: { shutdown_delay: 2s, shutdown_grace: 4s }\n",
            "W303 1:47 [4s] `server.shutdown_grace` leaves 2s for requests after `server.shutdown_delay`, less than \
             `server.request_timeout`",
        ),
    ] {
        let (config, findings) = read(text);
        assert!(config.is_some(), "{text}");
        assert_eq!(findings, [wanted], "{text}");
    }
}

#[test]
fn tls_has_an_effect_where_one_url_is_https() {
    let tls = "tls: { ca_file: c }";
    for service in [
        format!("url: 'https://a', {tls}"),
        format!("url: HTTPS://a, {tls}"),
        format!("urls: ['http://a', 'https://b'], {tls}"),
        // Where this one is, only the graph can tell.
        tls.to_owned(),
    ] {
        let (config, findings) = read(&format!("services:\n  a: {{ {service} }}\n"));
        assert!(config.is_some(), "{service}: {findings:?}");
    }
}

/// The findings of a configuration against sources of these names, base URLs and headers.
fn found(text: &str, known: &[(&str, Option<&str>, &[&str])]) -> Vec<String> {
    let mut sources = Sources::default();
    let file = sources.add("bff.yaml", text);
    let sdl = sources.add("sources.graphql", "sources");
    let config = load(&sources, file, &env).0.unwrap();
    let known: Vec<KnownSource<'_>> = known
        .iter()
        .map(|&(name, base_url, headers)| {
            let headers = headers.iter().map(|&header| header.to_owned()).collect();
            KnownSource { name, span: Span::new(sdl, 0..7), base_url, headers }
        })
        .collect();
    let findings = super::check_services(&sources, file, &config, &known);
    let label = |finding: &Finding| finding.labels.get(1).map_or(String::new(), |label| format!(": {}", label.text));
    findings.iter().map(|finding| one_line(finding, &sources) + &label(finding)).collect()
}

#[test]
fn services_that_no_source_is_named_after_are_found() {
    let text = "services:\n  users: { url: 'http://users' }\n  carts:\n    url: 'http://carts'\n";
    let known = [("carts", None, [].as_slice()), ("users", None, &[]), ("orders", None, &[])];
    assert_eq!(found(text, &known), Vec::<String>::new());
    let line = "bff.yaml:4:5: W302 no source is named `carts`, so `services.carts` has no effect";
    assert_eq!(found(text, &known[1..2]), [line]);
}

#[test]
fn a_header_that_bindings_send_cannot_carry_a_token_too() {
    let text = "services:\n  users: { token: { file: t } }\n  carts: { identity: { key_file: k, issuer: i } }\n  \
                orders: { token: { file: t, header: x-token } }\n  rest: { url: 'http://rest' }\n";
    let known = [
        ("users", None, ["Authorization"].as_slice()),
        ("carts", None, &["authorization"]),
        ("orders", None, &["x-other", "X-Token"]),
    ];
    assert_eq!(
        found(text, &known),
        [
            "bff.yaml:5:9: W302 no source is named `rest`, so `services.rest` has no effect",
            "bff.yaml:4:20: E310 `services.orders.token` and the bindings of `orders` both send `x-token`",
            "bff.yaml:2:19: E310 `services.users.token` and the bindings of `users` both send `authorization`",
        ]
    );
}

#[test]
fn tls_is_checked_against_the_url_that_the_graph_knows() {
    let text = "services:\n  a: { tls: { ca_file: c } }\n";
    for (declared, expected) in [
        (Some("https://a"), None),
        (Some(" HTTPS://a"), None),
        (Some("http://a"), Some(": its URL is `http://a`")),
        (None, Some("")),
    ] {
        let finding = "bff.yaml:2:13: E311 `services.a.tls` has no effect: the service has no `https` URL";
        let expected: Vec<String> = expected.iter().map(|label| format!("{finding}{label}")).collect();
        assert_eq!(found(text, &[("a", declared, &[])]), expected, "{declared:?}");
    }
    // What is written in the configuration is where the service is.
    let text = "services:\n  a: { url: 'https://a', tls: { ca_file: c } }\n";
    assert_eq!(found(text, &[("a", Some("http://a"), &[])]), Vec::<String>::new());
    // Of a source that another client has, nothing is known here.
    let text = "services:\n  b: { tls: { ca_file: c } }\n";
    assert!(found(text, &[("a", None, &[])])[0].contains("W302"));
}

#[test]
fn the_value_of_a_variable_is_never_shown() {
    for option in ["host", "port", "request_timeout", "mode", "cors", "max_in_flight"] {
        let (_, findings) = read(&format!("server:\n  {option}: ${{TOKEN}}\n"));
        assert!(!findings.is_empty() && !findings.concat().contains("s3cret"), "{findings:?}");
    }
}

#[test]
fn aliases_take_the_value_of_their_anchor() {
    let (config, findings) = read("services:\n  a: &a { url: 'http://${HOST}' }\n  b: *a\n");
    assert!(findings.is_empty(), "{findings:?}");
    assert_eq!(config.unwrap().services["b"].url.as_deref(), Some("http://catalog"));
}

#[test]
fn the_schema_file_is_this_module() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/config.schema.json");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, schema()).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(kept == schema(), "`{path}` is out of date: run this test with BLESS=1 and review the change");
    let json: serde_json::Value = serde_json::from_str(&kept).unwrap();
    let schema = jsonschema::validator_for(&json).unwrap();
    assert!(schema.is_valid(&serde_json::json!({ "server": { "port": 4000, "request_timeout": "3s" } })));
    assert!(!schema.is_valid(&serde_json::json!({ "server": { "prot": 4000 } })));
}

proptest::proptest! {
    #[test]
    fn no_text_panics(text in "[a-z:{}\\[\\]'\"$&*|>\n #-]{0,60}") {
        read(&text);
    }
}
