//! Header rules: the headers of every call to a source.
//!
//! Elsewhere: headers of one call ([`super::HeaderParameter`]).

use crate::json::Value;
use std::borrow::Cow;

/// A header of every call to a source.
#[derive(Debug, Clone)]
pub struct HeaderRule {
    /// The name of the header that is sent, in lower case.
    pub name: String,
    /// The value of the header.
    pub value: HeaderValue,
}

/// The value of a configured header.
#[derive(Debug, Clone)]
pub enum HeaderValue {
    /// The caller's header of this name (lower case), forwarded.
    Forwarded(String),
    /// A fixed text.
    Literal(String),
    /// A value of the service's configuration, by path.
    Config(Vec<String>),
}

/// The value of a header rule, with the configuration of its service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResolvedHeader<'a> {
    /// The caller's header of this name, if the caller sends one.
    OfCaller(&'a str),
    /// A fixed text, or the text of a setting.
    Text(Cow<'a, str>),
    /// The setting is missing, or is no text, number or boolean.
    NotConfigured,
}

impl HeaderRule {
    /// Finds the value of the rule. `config` is the object of its service's settings.
    #[must_use]
    pub fn resolve<'a>(&'a self, config: &'a Value) -> ResolvedHeader<'a> {
        let path = match &self.value {
            HeaderValue::Forwarded(from) => return ResolvedHeader::OfCaller(from),
            HeaderValue::Literal(text) => return ResolvedHeader::Text(text.into()),
            HeaderValue::Config(path) => path,
        };
        match path.iter().try_fold(config, |value, name| value.get(name)) {
            Some(Value::String(text)) => ResolvedHeader::Text(text.into()),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => ResolvedHeader::Text(value.to_string().into()),
            _ => ResolvedHeader::NotConfigured,
        }
    }
}
