//! CORS: from which origins browsers may send requests.

use super::correlation::REQUEST_ID;
use crate::config::ServerConfig;
use http::{HeaderMap, HeaderValue, Method, header};
use std::time::Duration;
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

/// The CORS layer for a configuration; `None` if no origin is allowed.
pub(super) fn cors(config: &ServerConfig) -> Option<CorsLayer> {
    let listed: Vec<HeaderValue> = config.cors.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect();
    let is_development = config.mode.is_development();
    if listed.is_empty() && !is_development {
        return None;
    }
    let allowed =
        AllowOrigin::predicate(move |origin, _| listed.contains(origin) || (is_development && is_localhost(origin)));
    let layer = CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([REQUEST_ID])
        .vary([header::ORIGIN, header::ACCESS_CONTROL_REQUEST_METHOD, header::ACCESS_CONTROL_REQUEST_HEADERS])
        .max_age(Duration::from_secs(600));
    Some(layer)
}

/// Whether the page that sent these headers may open a WebSocket or an event stream. Browsers send no preflight for
/// these, so the origin is checked here: the origins of CORS and this server's own are allowed. A request without
/// `origin` does not come from a page of another origin, and is allowed.
pub(super) fn is_allowed(config: &ServerConfig, headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let is_listed = config.cors.iter().any(|listed| listed.as_bytes() == origin.as_bytes());
    let host = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
    let is_own = host.is_some() && host == headers.get(header::HOST).and_then(|host| host.to_str().ok());
    is_listed || is_own || (config.mode.is_development() && is_localhost(origin))
}

/// Whether an origin is on this machine, at any port.
fn is_localhost(origin: &HeaderValue) -> bool {
    let Ok(origin) = origin.to_str() else { return false };
    let Some(authority) = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://")) else {
        return false;
    };
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|host| match authority.strip_prefix(host) {
        Some("") => true,
        Some(port) => port.strip_prefix(':').is_some_and(|digits| digits.parse::<u16>().is_ok()),
        None => false,
    })
}
