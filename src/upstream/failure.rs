//! Which kind of failure a broken exchange is.

use super::direct::DirectError;
use super::model::CallErrorKind;
use super::response::Broken;
use std::error::Error;
use std::io;

/// Classifies an error of sending, or of reading a head or a body.
///
/// *Unreachable*: there was no connection, or it broke. *Malformed*: the connection did its work, but what came is
/// no HTTP, ends too early, or does not decompress. *Too large*: its head is over its caps.
pub(super) fn kind_of(broken: &Broken) -> CallErrorKind {
    // Before all else: an attempt to connect that took too long is no connection.
    match broken {
        Broken::Pooled(error) if error.is_connect() => return CallErrorKind::Unreachable,
        Broken::Pooled(error) if error.is_timeout() => return CallErrorKind::Timeout,
        Broken::Direct(DirectError::Slow | DirectError::Connect(_)) => return CallErrorKind::Unreachable,
        Broken::LongHead => return CallErrorKind::TooLarge,
        Broken::Pooled(_) | Broken::Direct(_) => {}
    }
    for cause in causes(root(broken)) {
        if let Some(error) = cause.downcast_ref::<hyper::Error>() {
            if error.is_parse_too_large() {
                return CallErrorKind::TooLarge;
            }
            if error.is_parse() || error.is_user() {
                return CallErrorKind::Malformed;
            }
        }
        if let Some(error) = cause.downcast_ref::<io::Error>() {
            match error.kind() {
                io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::BrokenPipe
                | io::ErrorKind::NotConnected
                | io::ErrorKind::TimedOut => return CallErrorKind::Unreachable,
                io::ErrorKind::FileTooLarge => return CallErrorKind::TooLarge,
                io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
                    return CallErrorKind::Malformed;
                }
                _ => {}
            }
        }
    }
    let is_of_body = match broken {
        Broken::Pooled(error) => error.is_body() || error.is_decode(),
        Broken::Direct(error) => matches!(error, DirectError::Body(_)),
        Broken::LongHead => false,
    };
    if is_of_body { CallErrorKind::Malformed } else { CallErrorKind::Unreachable }
}

/// The chain of causes, for the log. Holds no URL: queries can hold what logs should not.
pub(super) fn describe(broken: &Broken) -> String {
    let mut text = match broken {
        Broken::LongHead => "the head is over its cap".to_owned(),
        Broken::Pooled(_) | Broken::Direct(_) => String::new(),
    };
    for cause in causes(root(broken)) {
        // reqwest's own words name the URL; its source says the same without.
        if cause.is::<reqwest::Error>() {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&cause.to_string());
    }
    if text.is_empty() { "broken exchange".to_owned() } else { text }
}

fn root(broken: &Broken) -> Option<&(dyn Error + 'static)> {
    match broken {
        Broken::Pooled(error) => Some(error),
        Broken::Direct(DirectError::Connect(error)) => Some(&**error),
        Broken::Direct(DirectError::Head(error) | DirectError::Body(error)) => Some(error),
        Broken::Direct(DirectError::Slow) | Broken::LongHead => None,
    }
}

fn causes<'a>(error: Option<&'a (dyn Error + 'static)>) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(error, |&error| error.source())
}
