//! Checks of a configuration beyond the types of its values: addresses, durations, names and ranges.

use super::guard::is_free_header;
use super::model::Config;
use super::server::{AdminPort, Mode, ServerConfig};
use super::service::ServiceConfig;
use crate::diagnostic::{Code, Finding, Span};
use http::{Method, Uri};
use reqwest::Url;
use std::time::Duration;

/// Longest duration of any option.
const MAX_DURATION: Duration = Duration::from_secs(3600);

/// Most instances of one service.
const MAX_URLS: usize = 64;
/// The depth at which readers of bodies stop, whatever the configuration says.
const MAX_JSON_DEPTH: usize = 128;
/// Each response has memory for this many headers.
const MAX_HEADERS: usize = 1_000;
/// The HTTP client buffers this much before it has a whole head.
const MAX_HEADER_BYTES: usize = 256 << 10;

/// Checks a configuration. `at` gives the place of an option, named by its dotted path.
pub(super) fn check(config: &Config, at: &dyn Fn(&str) -> Span) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut durations = vec![
        ("server.request_timeout".to_owned(), config.server.request_timeout),
        ("server.shutdown_grace".to_owned(), config.server.shutdown_grace),
    ];
    durations.extend(config.server.max_lateness.map(|most| ("server.max_lateness".to_owned(), most)));
    for (name, service) in &config.services {
        let path = format!("services.{name}");
        durations.push((format!("{path}.timeout"), service.timeout));
        durations.push((format!("{path}.connect_timeout"), service.connect_timeout));
        for (name, value, most) in [
            ("max_json_depth", usize::from(service.max_json_depth.get()), MAX_JSON_DEPTH),
            ("max_response_headers", service.max_response_headers.get(), MAX_HEADERS),
            ("max_response_header_bytes", service.max_response_header_bytes.get(), MAX_HEADER_BYTES),
        ] {
            if value > most {
                let path = format!("{path}.{name}");
                findings.push(Finding::new(
                    Code::E308,
                    format!("`{path}` is at most {most}"),
                    at(&path),
                    "this number",
                ));
            }
        }
        durations.push((format!("{path}.breaker.open_for"), service.breaker.open_for));
        durations.push((format!("{path}.breaker.max_open"), service.breaker.max_open));
        findings.extend(service.retry.check(&format!("{path}.retry"), at));
        if let Some(name) = &service.timeout_header
            && !is_free_header(name, &SENDER)
        {
            let path = format!("{path}.timeout_header");
            let message = format!("`{path}` is not the name of a header that calls may carry");
            findings.push(
                Finding::new(Code::E322, message, at(&path), "this name")
                    .help("a name such as `x-request-timeout-ms`, or `null` for none"),
            );
        }
        credentials(&path, service, at, &mut findings);
        let urls = service.urls.iter().enumerate().map(|(number, url)| (format!("{path}.urls.{number}"), url));
        for (path, url) in service.url.iter().map(|url| (format!("{path}.url"), url)).chain(urls) {
            findings.extend(base_url(&path, url, at(&path)));
        }
        let problem = if service.urls.len() > MAX_URLS {
            Some(format!("`{path}.urls` has more than {MAX_URLS} URLs"))
        } else if service.url.is_some() && !service.urls.is_empty() {
            Some(format!("`{path}` has both `url` and `urls`"))
        } else {
            None
        };
        let at_urls = || at(&format!("{path}.urls"));
        findings.extend(problem.map(|message| Finding::new(Code::E323, message, at_urls(), "these URLs")));
    }
    findings.extend(stopping(&config.server, at));
    if config.server.admin_port == AdminPort::Port(config.server.port) && config.server.port != 0 {
        let message = "`server.admin_port` is `server.port`: each needs its own port";
        findings.push(Finding::new(Code::E325, message, at("server.admin_port"), "this port"));
    }
    if config.server.max_reading_bytes < config.server.max_body_bytes {
        let message = "`server.max_reading_bytes` is less than `server.max_body_bytes`";
        findings.push(
            Finding::new(Code::E324, message, at("server.max_reading_bytes"), "here")
                .help("make it at least as large, so that there is room for every body that is allowed"),
        );
    }
    for (path, duration) in durations {
        if duration.is_zero() || duration > MAX_DURATION {
            let message = format!("`{path}` must be more than 0 and at most 1h");
            findings.push(Finding::new(Code::E305, message, at(&path), "this duration"));
        }
    }
    for (index, origin) in config.server.cors.iter().enumerate() {
        if !is_origin(origin) {
            findings.push(
                Finding::new(
                    Code::E306,
                    format!("`{origin}` is not an origin"),
                    at(&format!("server.cors.{index}")),
                    "here",
                )
                .help("write scheme, host and port only, as browsers send it: `https://shop.example`"),
            );
        }
    }
    if let Some(jwt) = &config.auth.jwt {
        for (name, value) in [("issuer", &jwt.issuer), ("audience", &jwt.audience)] {
            if value.is_empty() {
                let path = format!("auth.jwt.{name}");
                findings.push(Finding::new(Code::E307, format!("`{path}` is empty"), at(&path), "here"));
            }
        }
        if jwt.leeway > Duration::from_secs(300) {
            let message = "`auth.jwt.leeway` must be at most 5m";
            findings.push(Finding::new(Code::E305, message, at("auth.jwt.leeway"), "this duration"));
        }
    }
    if config.server.mode == Mode::Production && config.playground.token.is_some() {
        let message = "`playground.token` has no effect in production";
        findings.push(
            Finding::new(Code::W301, message, at("playground.token"), "this token")
                .help("leave it out: keep tokens in as few files as possible"),
        );
    }
    findings
}

/// Checks the times of a stop, which share `server.shutdown_grace`.
fn stopping(config: &ServerConfig, at: &dyn Fn(&str) -> Span) -> Vec<Finding> {
    let mut findings = Vec::new();
    let may_be_zero = [("server.shutdown_delay", config.shutdown_delay), ("server.stream_drain", config.stream_drain)];
    for (path, duration) in may_be_zero {
        if let Some(duration) = duration.filter(|duration| *duration > MAX_DURATION) {
            let message = format!("`{path}` must be at most 1h, not {}s", duration.as_secs());
            findings.push(Finding::new(Code::E305, message, at(path), "this duration"));
        }
    }
    let (delay, grace) = (config.shutdown_delay(), config.shutdown_grace);
    let at_grace = at("server.shutdown_grace");
    if delay >= grace && !grace.is_zero() {
        let message = format!("`server.shutdown_grace` must be more than `server.shutdown_delay`, which is {delay:?}");
        findings.push(
            Finding::new(Code::E326, message, at_grace, "this duration")
                .help("it is the time from the signal to the end of the process, including the delay"),
        );
    } else if delay + config.request_timeout > grace && !grace.is_zero() {
        let message = format!(
            "`server.shutdown_grace` leaves {:?} for requests after `server.shutdown_delay`, less than `server.request_timeout`",
            grace - delay
        );
        findings.push(
            Finding::new(Code::W303, message, at_grace, "this duration")
                .help("the last requests may be cut off: make it longer than both together"),
        );
    }
    findings
}

/// Checks how this process authenticates itself to a service.
fn credentials(path: &str, service: &ServiceConfig, at: &dyn Fn(&str) -> Span, findings: &mut Vec<Finding>) {
    let tls = &service.tls;
    if tls.client_cert_file.is_some() != tls.client_key_file.is_some() {
        let message = format!("`{path}.tls` has one of `client_cert_file` and `client_key_file` without the other");
        findings.push(Finding::new(Code::E311, message, at(&format!("{path}.tls")), "here"));
    }
    if service.has_urls() && !service.is_tls_used(None) {
        findings.push(idle_tls(path, at));
    }
    if service.has_urls() && !service.is_http2_possible(None) {
        findings.push(plain_http2(path, at));
    }
    for (option, header) in service.own_headers() {
        if !is_free_header(header, &CORRELATION) {
            let option = format!("{path}.{option}.header");
            let message = format!("`{header}` is not the name of a header that can carry it");
            findings.push(Finding::new(Code::E309, message, at(&option), "this name"));
        }
    }
    if let (Some(token), Some(identity)) = (&service.token, &service.identity)
        && token.header.eq_ignore_ascii_case(&identity.header)
    {
        let message = format!("`{path}.token` and `{path}.identity` are sent as one header");
        findings.push(Finding::new(Code::E309, message, at(&format!("{path}.identity")), "here"));
    }
    if let Some(identity) = &service.identity {
        if !(Duration::from_secs(10)..=MAX_DURATION).contains(&identity.lifetime) {
            let option = format!("{path}.identity.lifetime");
            let message = format!("`{option}` must be from 10s to 1h");
            findings.push(Finding::new(Code::E305, message, at(&option), "this duration"));
        }
        if identity.scheme.as_deref().is_some_and(|scheme| !scheme.is_empty() && !is_token(scheme)) {
            let option = format!("{path}.identity.scheme");
            let message = format!("`{option}` is not a scheme that a header can have");
            findings.push(
                Finding::new(Code::E309, message, at(&option), "here").help("one word, such as `Bearer`, or nothing"),
            );
        }
        if identity.issuer.is_empty() {
            let option = format!("{path}.identity.issuer");
            findings.push(Finding::new(Code::E307, format!("`{option}` is empty"), at(&option), "here"));
        }
    }
}

/// E311: TLS options of a service that is never called over TLS.
pub(super) fn idle_tls(path: &str, at: &dyn Fn(&str) -> Span) -> Finding {
    let message = format!("`{path}.tls` has no effect: the service has no `https` URL");
    let finding = Finding::new(Code::E311, message, at(&format!("{path}.tls")), "here");
    finding.help(format!("write `{path}.url` with `https://`, or leave `tls` out"))
}

/// E311: HTTP/2 for a service that is called without TLS.
pub(super) fn plain_http2(path: &str, at: &dyn Fn(&str) -> Span) -> Finding {
    let message = format!("`{path}.http2` needs `https`, and the service has a URL without it");
    let finding = Finding::new(Code::E311, message, at(&format!("{path}.http2")), "here");
    finding.help("write its URLs with `https://`, or leave `http2` out")
}

/// Whether a text is a token of HTTP (RFC 9110 §5.6.2). Methods are tokens, too.
fn is_token(text: &str) -> bool {
    Method::from_bytes(text.as_bytes()).is_ok()
}

/// Headers that say who sends a call.
const SENDER: [&str; 2] = ["authorization", "cookie"];
/// Headers that identify a call and the program that sends it.
const CORRELATION: [&str; 5] = ["expect", "traceparent", "tracestate", "user-agent", "x-request-id"];

/// E304: the finding about a base URL, if it cannot be used. `path` names it in the message.
pub(super) fn base_url(path: &str, url: &str, at: Span) -> Option<Finding> {
    // As the client reads it (URL Standard).
    let parsed = Url::parse(url).ok();
    let has_user = |url: &Url| !url.username().is_empty() || url.password().is_some();
    if parsed.as_ref().map_or(url.contains('@'), has_user) {
        // RFC 9110 §4.2.4: a user in a URL is to be treated as an error. It would end up in logs.
        let message = format!("`{path}` has a user or password in it");
        let finding = Finding::new(Code::E304, message, at, "this URL");
        return Some(finding.help("send credentials with `token`, or in a header of `@source`"));
    }
    let is_base = parsed.is_some_and(|url| {
        matches!(url.scheme(), "http" | "https") && url.has_host() && url.query().is_none() && url.fragment().is_none()
    });
    let wrong = || {
        let message = format!("`{path}` is not an absolute http or https URL");
        let finding = Finding::new(Code::E304, message, at, "this URL");
        finding.help("write it as `http://host:port/path`, without user, query or fragment")
    };
    (!is_base).then(wrong)
}

/// An origin as browsers serialise it (RFC 6454 §6.2).
fn is_origin(origin: &str) -> bool {
    let rest = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        !rest.is_empty()
            && !rest.contains(['/', '?', '#', '@', '*', ' '])
            && rest == rest.to_ascii_lowercase()
            && origin.parse::<Uri>().is_ok()
    })
}
