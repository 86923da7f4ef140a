//! Broken exchanges: which kind of failure each one is, and a description of it for operators.

use super::direct::DirectError;
use super::model::CallErrorKind;
use super::response::BrokenExchange;
use std::error::Error;
use std::io;

/// The most errors of one chain of causes that are looked at.
const MAX_CAUSES: usize = 32;

/// Classifies an error of sending a request, or of reading a head or a body.
///
/// - *Unreachable*: there was no connection, or it broke. Before the head of an answer, this includes TLS that broke by
///   an alert, a bad record, or an end without `close_notify`: in TLS 1.3, a service refuses our certificate only at
///   that point (RFC 8446 §4.4.2.4, §6.2).
/// - *Malformed*: the connection worked, but what came is not HTTP, ends too early, or cannot be decompressed. An end
///   without `close_notify` is too early, unless the framing says that the body is complete (RFC 9112 §9.8).
/// - *Too large*: the head of the answer is over its caps.
pub(super) fn kind_of(broken: &BrokenExchange) -> CallErrorKind {
    // This comes first because an attempt to connect that took too long means that there is no connection.
    match broken {
        BrokenExchange::Http2(error) if error.is_connect() => return CallErrorKind::Unreachable,
        BrokenExchange::Http2(error) if error.is_timeout() => return CallErrorKind::Timeout,
        BrokenExchange::Direct(DirectError::Slow | DirectError::Connect(_) | DirectError::Stale(_)) => {
            return CallErrorKind::Unreachable;
        }
        BrokenExchange::LongHead => return CallErrorKind::TooLarge,
        BrokenExchange::Http2(_) | BrokenExchange::Direct(_) => {}
    }
    let is_of_body = match broken {
        BrokenExchange::Http2(error) => error.is_body() || error.is_decode(),
        BrokenExchange::Direct(error) => matches!(error, DirectError::Body(_)),
        BrokenExchange::LongHead => false,
    };
    let told = causes(root(broken)).find_map(|cause| {
        let of_http = cause.downcast_ref().and_then(kind_of_http);
        let of_http = of_http.or_else(|| cause.downcast_ref().and_then(kind_of_http2));
        of_http.or_else(|| cause.downcast_ref().and_then(|error| kind_of_io(error, is_of_body)))
    });
    told.unwrap_or(if is_of_body { CallErrorKind::Malformed } else { CallErrorKind::Unreachable })
}

fn kind_of_http(error: &hyper::Error) -> Option<CallErrorKind> {
    if error.is_parse_too_large() {
        return Some(CallErrorKind::TooLarge);
    }
    (error.is_parse() || error.is_user()).then_some(CallErrorKind::Malformed)
}

/// A reset or an end of the connection by the service counts as a connection that broke (RFC 9113 §5.4). If our side
/// resets the stream, the answer breaks the protocol or has a head that is far too large.
fn kind_of_http2(error: &h2::Error) -> Option<CallErrorKind> {
    if error.is_remote() {
        return Some(CallErrorKind::Unreachable);
    }
    error.is_library().then_some(CallErrorKind::Malformed)
}

fn kind_of_io(error: &io::Error, is_of_body: bool) -> Option<CallErrorKind> {
    match error.kind() {
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::NotConnected
        | io::ErrorKind::TimedOut => Some(CallErrorKind::Unreachable),
        io::ErrorKind::FileTooLarge => Some(CallErrorKind::TooLarge),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput if is_of_body => {
            Some(CallErrorKind::Malformed)
        }
        _ => None,
    }
}

/// Whether the connection had been used before and ended before any byte of an answer came.
pub(super) fn is_stale(broken: &BrokenExchange) -> bool {
    matches!(broken, BrokenExchange::Direct(DirectError::Stale(_)))
}

/// Whether the service certainly did not process the request, because there was no
/// connection or the stream was refused.
pub(super) fn is_unsent(broken: &BrokenExchange) -> bool {
    match broken {
        // RFC 9113 §8.7: a request that was refused was not processed.
        BrokenExchange::Http2(error) => {
            let is_refused =
                |cause: &h2::Error| cause.is_remote() && cause.reason() == Some(h2::Reason::REFUSED_STREAM);
            error.is_connect() || causes(Some(error)).any(|cause| cause.downcast_ref().is_some_and(is_refused))
        }
        BrokenExchange::Direct(error) => matches!(error, DirectError::Slow | DirectError::Connect(_)),
        BrokenExchange::LongHead => false,
    }
}

/// Describes in a sentence for operators what happened. It holds no URL, because queries
/// can hold what must not be logged.
pub(super) fn describe(broken: &BrokenExchange) -> String {
    let chain: Vec<&(dyn Error + 'static)> = causes(root(broken)).collect();
    let what = of_connecting(broken, &chain)
        .or_else(|| chain.iter().find_map(|cause| cause.downcast_ref().map(of_tls)))
        .or_else(|| chain.iter().rev().find_map(|cause| cause.downcast_ref().and_then(of_connection)))
        .or_else(|| chain.iter().find_map(|cause| cause.downcast_ref().and_then(of_http2)))
        .or_else(|| chain.iter().find_map(|cause| cause.downcast_ref().and_then(of_http)));
    what.unwrap_or_else(|| {
        // The text of a reqwest error names the URL; the texts of its sources do not.
        let own = chain.iter().filter(|cause| !cause.is::<reqwest::Error>());
        let texts: Vec<String> = own.map(ToString::to_string).collect();
        if texts.is_empty() { "the exchange broke".to_owned() } else { texts.join(": ") }
    })
}

/// Describes a failure to connect, or a head over its cap; `None` for any other failure.
fn of_connecting(broken: &BrokenExchange, chain: &[&(dyn Error + 'static)]) -> Option<String> {
    let is_slow = match broken {
        BrokenExchange::LongHead => return Some("the head of the answer is over its cap".to_owned()),
        BrokenExchange::Http2(error) => error.is_connect() && error.is_timeout(),
        BrokenExchange::Direct(DirectError::Slow) => true,
        // This is the connector's own timer, so the operating system has no code for it.
        BrokenExchange::Direct(DirectError::Connect(_)) => chain.iter().any(|cause| {
            let error = cause.downcast_ref::<io::Error>();
            error.is_some_and(|error| error.kind() == io::ErrorKind::TimedOut && error.raw_os_error().is_none())
        }),
        BrokenExchange::Direct(DirectError::Stale(_) | DirectError::Head(_) | DirectError::Body(_)) => false,
    };
    if is_slow {
        return Some("no connection was made within the connect timeout".to_owned());
    }
    // The connector's error has no public type, so a failed name resolution is recognized by its text.
    let at = chain.iter().position(|cause| cause.to_string() == "dns error")?;
    let deepest = chain.get(at + 1..).and_then(<[_]>::last).map(|cause| format!(": {cause}"));
    Some(format!("the host's name cannot be resolved{}", deepest.unwrap_or_default()))
}

/// Describes why TLS failed (RFC 8446 §6.2, RFC 5280 §6, RFC 6125).
fn of_tls(error: &rustls::Error) -> String {
    use rustls::CertificateError as Certificate;
    let what = match error {
        rustls::Error::InvalidCertificate(why) => match why {
            Certificate::Expired | Certificate::ExpiredContext { .. } => "the service's certificate has expired",
            Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => {
                "the service's certificate is not valid yet"
            }
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
                "the service's certificate is for another host name"
            }
            // The signature is bad if a trusted authority has the same name but another key.
            Certificate::UnknownIssuer | Certificate::BadSignature => {
                "the service's certificate is by an authority that is not trusted"
            }
            // OpenSSL makes such certificates by default (`basicConstraints = CA:TRUE`): RFC 5280 §4.2.1.9.
            Certificate::Other(why) if is_authority(why) => {
                "the service's certificate is an authority's own, and none for a server"
            }
            Certificate::Revoked => "the service's certificate was revoked",
            _ => "the service's certificate is not accepted",
        },
        rustls::Error::AlertReceived(rustls::AlertDescription::NoApplicationProtocol) => {
            "the service does not agree to HTTP/2"
        }
        rustls::Error::AlertReceived(_) => "the service refused the TLS handshake",
        rustls::Error::InvalidMessage(_) => "the service does not speak TLS here",
        _ => "the TLS handshake failed",
    };
    format!("{what}: {error}")
}

/// Whether a certificate was refused because it is one of an authority; the verifier's text says so.
fn is_authority(why: &rustls::OtherError) -> bool {
    format!("{:?}", why.0).contains("CaUsedAsEndEntity")
}

/// Describes what the operating system reports about a connection.
fn of_connection(error: &io::Error) -> Option<String> {
    let what = match error.kind() {
        io::ErrorKind::ConnectionRefused => "the connection was refused",
        io::ErrorKind::ConnectionReset => "the connection was reset",
        io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe | io::ErrorKind::NotConnected => {
            "the connection broke"
        }
        io::ErrorKind::TimedOut => "the connection timed out",
        io::ErrorKind::HostUnreachable => "there is no way to the host",
        io::ErrorKind::NetworkUnreachable => "there is no way to the host's network",
        io::ErrorKind::AddrNotAvailable => "there is no local address or port left for a connection",
        io::ErrorKind::UnexpectedEof => "the connection ended before the whole answer came",
        _ if error.raw_os_error().is_some() => "the operating system refused the connection",
        _ => return None,
    };
    Some(format!("{what}: {error}"))
}

/// Describes what is wrong with the HTTP/1.1 of an exchange.
fn of_http(error: &hyper::Error) -> Option<String> {
    let what = if error.is_parse_too_large() {
        "the head of the answer is over its cap"
    } else if error.is_parse() {
        "the answer is not HTTP/1.1"
    } else if error.is_incomplete_message() {
        "the connection ended before the whole answer came"
    } else if error.is_user() {
        "the request cannot be written"
    } else {
        return None;
    };
    Some(format!("{what}: {error}"))
}

/// Describes what is wrong with the HTTP/2 of an exchange.
fn of_http2(error: &h2::Error) -> Option<String> {
    let what = if error.is_remote() {
        "the service gave the exchange up"
    } else if error.is_library() {
        "the service does not keep to HTTP/2, or the head of its answer is far over its cap"
    } else {
        return None;
    };
    Some(format!("{what}: {error}"))
}

fn root(broken: &BrokenExchange) -> Option<&(dyn Error + 'static)> {
    match broken {
        BrokenExchange::Http2(error) => Some(error),
        BrokenExchange::Direct(DirectError::Connect(error)) => Some(&**error),
        BrokenExchange::Direct(DirectError::Stale(error) | DirectError::Head(error) | DirectError::Body(error)) => {
            Some(error)
        }
        BrokenExchange::Direct(DirectError::Slow) | BrokenExchange::LongHead => None,
    }
}

/// An error and its causes, the outermost first. The error that an I/O error wraps is one of them,
/// although `source` leaves it out.
fn causes<'a>(error: Option<&'a (dyn Error + 'static)>) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(error, |&error| {
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        wrapped.map(|inner| inner as &(dyn Error + 'static)).or_else(|| error.source())
    })
    .take(MAX_CAUSES)
}

#[cfg(test)]
mod tests;
