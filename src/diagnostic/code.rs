//! The codes of findings: one table, with the severity and the title of each. The explanation of `E104` is in
//! `codes/E104.md`.
//!
//! Codes starting with `C` are about the language of bindings, those starting with `E` about the files and what they
//! say together, those starting with `W` are warnings. The hundreds are topics: `E0` contracts, `E1` bindings, client
//! schemas and operations, `E2` service types and their composition, `E3` configuration.

use super::Severity;
use std::fmt;
use std::str::FromStr;

/// Makes [`Code`] and what is known of each code from one list.
macro_rules! codes {
    ($($code:ident $severity:ident $title:literal;)*) => {
        /// The stable code of a finding, such as `E104`; once given, a code keeps its meaning.
        ///
        /// Codes are ordered as their text is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = concat!($title, ".")] $code,)*
        }

        impl Code {
            /// Every code, in their order.
            pub const ALL: &'static [Self] = &[$(Self::$code,)*];

            /// The text of the code: `E104`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$code => stringify!($code),)*
                }
            }

            /// Whether a finding with this code is an error or a warning.
            #[must_use]
            pub const fn severity(self) -> Severity {
                match self {
                    $(Self::$code => Severity::$severity,)*
                }
            }

            /// What is wrong, in a few words, without a full stop.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self {
                    $(Self::$code => $title,)*
                }
            }

            /// What the code means, why it is refused and what to do, as Markdown.
            ///
            /// Most explanations end with the paragraph `Example:`, files that bring a finding with this code, and the
            /// paragraph `Write instead:`, the same without it. [`super::page`] says what the files leave out.
            #[must_use]
            pub const fn explanation(self) -> &'static str {
                match self {
                    $(Self::$code => include_str!(concat!("codes/", stringify!($code), ".md")),)*
                }
            }
        }
    };
}

codes! {
    C001 Error "A mapping cannot be parsed";
    C002 Error "A mapping reads a variable that does not exist";
    C003 Error "A mapping or directive uses a form that is not supported in this place";
    C004 Error "A mapping uses a method that is not supported in this place";
    C005 Error "A mapping is too long, or is nested too deeply";
    C006 Error "A mapping gives the same name or the same case twice";
    C007 Error "A `@link` cannot be used";
    C008 Error "A directive is used in a way that its definition does not allow";
    C009 Error "`@cache(vary:)` is not supported";
    C010 Error "A parameter has a style or a type that cannot be sent";
    C011 Error "A directive is known but not supported in this place";

    E001 Error "The contract is not valid YAML or JSON";
    E002 Error "The contract is too large";
    E003 Error "The contract is nested too deeply";
    E004 Error "The file is not an OpenAPI document";
    E005 Error "An object of the contract has the same key twice";
    E006 Error "The contract is Swagger 2.0";
    E007 Error "The contract has an OpenAPI version that is not supported";
    E008 Error "A value of the contract has the wrong type";
    E009 Error "A required key of the contract is missing";
    E010 Error "A `$ref` refers to nothing";
    E011 Error "A `$ref` refers to another file";
    E012 Error "A schema or a `$ref` leads back to itself";
    E013 Error "Two operations have the same `operationId`";
    E014 Error "A placeholder of a path has no parameter";
    E015 Error "A path parameter is not in the path";
    E016 Error "A schema has an unknown type";
    E017 Error "An operation declares no responses";
    E018 Error "A key of `responses` is not a status";
    E019 Error "The parts of an `allOf` contradict each other";
    E020 Error "A value of the contract is not of its schema's type";
    E021 Error "The contract has too many schemas, or they depend on each other too much";
    E022 Error "A discriminator leads to a schema that is not an alternative";
    E023 Error "A path of the contract is not a valid template";
    E024 Error "A parameter is declared twice";
    E025 Error "A parameter has a style that its place does not allow";
    E026 Error "A parameter is in an unknown place";

    E100 Error "A file that the project needs is missing or cannot be read";
    E101 Error "A binding names an operation or a source that does not exist";
    E102 Error "What a binding sends does not fit the endpoint's parameters or body";
    E103 Error "A binding selects something that the answer does not have";
    E104 Error "The type of a field does not fit the answer";
    E105 Error "A field is non-null, but its value may be missing or null";
    E106 Error "A field cannot be resolved everywhere that clients can ask for it";
    E107 Error "A lookup by key or a batch does not send its keys";
    E108 Error "The items of a batch's answer cannot be paired with its keys";
    E109 Error "An endpoint is called once for each item of a list";
    E110 Error "A list whose items cause calls has no maximum length";
    E111 Error "An answer that depends on the caller is cached for everybody";
    E112 Error "A query calls a method that is not safe";
    E113 Error "The outcomes of a binding are ambiguous or not declared";
    E115 Error "An operation exceeds its client's budget";
    E116 Error "A client's schema does not fit the graph";
    E117 Error "An operation of a client is not valid";
    E119 Error "A type without a key is not complete in an answer";
    E121 Error "The answer of a batch may be cut off";
    E122 Error "A field has arguments but no binding";
    E123 Error "A cache tag refers to something that does not exist";
    E124 Error "`@poll` is missing, misplaced, or has an interval that cannot be used";
    E125 Error "A binding reads a setting that is not configured";
    E130 Error "A field or an operation takes too much work to plan";

    E200 Error "A service's SDL cannot be read";
    E201 Error "A field is declared by two services";
    E202 Error "A set of fields names something that does not exist";
    E203 Error "Services declare the same name with different types";
    E204 Error "The composed schema is not valid GraphQL";
    E205 Error "Two sources have the same name";
    E206 Error "A source of Rust code is declared in a way that cannot be";
    E207 Error "A field overrides itself";
    E211 Error "Services disagree about an argument, an input or an enum";
    E212 Error "Clients see something whose type is inaccessible";

    E301 Error "The configuration file cannot be read";
    E302 Error "An environment variable that the configuration uses is not set";
    E303 Error "A `${` in the configuration names no variable";
    E304 Error "A URL in the configuration cannot be used";
    E305 Error "A duration in the configuration is out of range";
    E306 Error "An entry of `server.cors` is not an origin";
    E307 Error "A text in the configuration is empty";
    E308 Error "A number in the configuration is too large";
    E309 Error "Credentials cannot be sent in this header";
    E310 Error "A credential and a binding send the same header";
    E311 Error "TLS options are incomplete, or belong to a service without TLS";
    E321 Error "A limit in the configuration is out of range";
    E322 Error "A name of a header in the configuration cannot be used";
    E323 Error "The list of a service's instances cannot be used";
    E324 Error "`server.max_reading_bytes` is smaller than one body";
    E325 Error "The admin port is the public port";
    E326 Error "The grace of a stop is shorter than its delay";
    E327 Error "A file that the configuration names cannot be used";

    W001 Warning "A body of the contract has no JSON media type";
    W002 Warning "A schema has two lists of alternatives";
    W003 Warning "A path parameter is not marked as required";
    W113 Warning "A status that a mutation may be answered with has no meaning";
    W114 Warning "A binding calls an operation that is deprecated or will be switched off";
    W115 Warning "An operation may need any number of calls or values";
    W130 Warning "A client's schema is too large to check completely";
    W207 Warning "A field overrides a service that does not exist";
    W301 Warning "`playground.token` has no effect in production";
    W302 Warning "The configuration names a source that does not exist";
    W303 Warning "A stop may cut off requests that still run";
    W304 Warning "A file that the configuration names is missing here";
}

/// The text of no code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no code `{0}`")]
pub struct UnknownCode(String);

impl FromStr for Code {
    type Err = UnknownCode;

    /// Reads `E104`, or `e104`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.iter().find(|code| code.as_str().eq_ignore_ascii_case(text));
        known.copied().ok_or_else(|| UnknownCode(text.to_owned()))
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_ordered_by_their_text_and_only_w_is_a_warning() {
        assert!(Code::ALL.is_sorted_by(|a, b| a < b && a.as_str() < b.as_str()));
        for code in Code::ALL {
            let is_warning = code.severity() == Severity::Warning;
            assert_eq!(is_warning, code.as_str().starts_with('W'), "{code}");
        }
    }

    #[test]
    fn titles_are_short_and_different() {
        let titles: std::collections::BTreeSet<_> = Code::ALL.iter().map(|code| code.title()).collect();
        assert_eq!(titles.len(), Code::ALL.len());
        for code in Code::ALL {
            let title = code.title();
            assert!(title.len() <= 80 && !title.ends_with('.'), "{code}: {title}");
        }
    }
}
