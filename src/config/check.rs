//! What types cannot say: addresses, durations, names.

use super::guard::is_free_header;
use super::model::Config;
use super::server::Mode;
use crate::diagnostic::{Finding, Span};
use http::Uri;
use std::time::Duration;

/// Longest time that any option may give.
const MAX_DURATION: Duration = Duration::from_secs(3600);

/// Checks a configuration; `at` gives the place of a dotted path.
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
        durations.push((format!("{path}.breaker.open_for"), service.breaker.open_for));
        durations.push((format!("{path}.breaker.max_open"), service.breaker.max_open));
        findings.extend(service.retry.check(&format!("{path}.retry"), at));
        findings.extend(service.breaker.check(&format!("{path}.breaker"), at));
        if let Some(name) = &service.timeout_header
            && !is_free_header(name)
        {
            let path = format!("{path}.timeout_header");
            let message = format!("`{path}` names no header that calls may have");
            findings.push(
                Finding::new("E322", message, at(&path), "this name")
                    .help("a name such as `x-request-timeout-ms`, or `null` for none"),
            );
        }
        if let Some(url) = &service.url
            && !is_base_url(url)
        {
            let message = format!("`{path}.url` is not an absolute http or https URL");
            findings.push(
                Finding::new("E304", message, at(&format!("{path}.url")), "this URL")
                    .help("write it as `http://host:port/path`, without user, query or fragment"),
            );
        }
    }
    for (path, duration) in durations {
        if duration.is_zero() || duration > MAX_DURATION {
            let message = format!("`{path}` must be more than 0 and at most 1h");
            findings.push(Finding::new("E305", message, at(&path), "this duration"));
        }
    }
    for (index, origin) in config.server.cors.iter().enumerate() {
        if !is_origin(origin) {
            findings.push(
                Finding::new(
                    "E306",
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
                findings.push(Finding::new("E307", format!("`{path}` is empty"), at(&path), "here"));
            }
        }
        if jwt.leeway > Duration::from_secs(300) {
            let message = "`auth.jwt.leeway` must be at most 5m";
            findings.push(Finding::new("E305", message, at("auth.jwt.leeway"), "this duration"));
        }
    }
    if config.server.mode == Mode::Production && config.playground.token.is_some() {
        let message = "`playground.token` has no effect in production";
        findings.push(
            Finding::new("W301", message, at("playground.token"), "this token")
                .help("leave it out: tokens belong into as few files as possible"),
        );
    }
    findings
}

/// An absolute URL that paths can be appended to.
fn is_base_url(url: &str) -> bool {
    url.parse::<Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
            && uri.query().is_none()
            && !url.contains(['#', '@'])
    })
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
