//! Reading the URL of a `@link`: the specification, its name and its version (link v1.0, "Url").

use super::table::Vocabulary;

/// The parts of a specification's URL.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SpecificationUrl<'a> {
    /// Everything before the version, without a slash at the end.
    pub(super) identity: &'a str,
    /// The last segment of the identity.
    pub(super) name: &'a str,
    /// The version, such as `v2.5`; empty if there is none.
    pub(super) version: &'a str,
}

/// The specification that a URL links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LinkTarget {
    /// A known vocabulary.
    Known(Vocabulary),
    /// A foreign specification.
    Foreign,
}

/// Specifications that each define one directive that is also a part of federation.
const PARTS_OF_FEDERATION: [&str; 9] =
    ["tag", "inaccessible", "authenticated", "requiresScopes", "policy", "context", "cost", "listSize", "cacheTag"];

const APOLLO: &str = "https://specs.apollo.dev/";
const OURS: &str = "https://bespoke.example/";

impl<'a> SpecificationUrl<'a> {
    /// Splits a URL into its parts.
    pub(super) fn read(url: &'a str) -> Self {
        let url = url.trim_end_matches('/');
        let last = |text: &'a str| text.rsplit_once('/').map_or(text, |(_, last)| last);
        let end = last(url);
        match is_version(end) {
            true => {
                let identity = url[..url.len() - end.len()].trim_end_matches('/');
                Self { identity, name: last(identity), version: end }
            }
            false => Self { identity: url, name: end, version: "" },
        }
    }

    /// The specification that the URL links. An error is a message and a help text.
    pub(super) fn linked(&self) -> Result<LinkTarget, (String, String)> {
        if let Some(spec) = self.identity.strip_prefix(APOLLO) {
            return self.of_apollo(spec);
        }
        if let Some(spec) = self.identity.strip_prefix(OURS) {
            let vocabulary = match spec {
                "connect" => Vocabulary::Connect,
                "view" => Vocabulary::View,
                _ => {
                    let help = "known are `https://bespoke.example/connect/v1` and `https://bespoke.example/view/v1`";
                    return Err((format!("`{}` is not known", self.identity), help.to_owned()));
                }
            };
            return match self.version {
                "v1" => Ok(LinkTarget::Known(vocabulary)),
                _ => Err(self.other_version(vocabulary)),
            };
        }
        let is_ours = matches!(self.name, "connect" | "source" | "view" | "federation");
        match is_ours {
            true => Err((format!("`{}` is not known", self.identity), self.meant())),
            false => Ok(LinkTarget::Foreign),
        }
    }

    fn of_apollo(&self, spec: &str) -> Result<LinkTarget, (String, String)> {
        match spec {
            "federation" if self.version.starts_with("v2.") || self.version.starts_with("v1.") => {
                Ok(LinkTarget::Known(Vocabulary::Federation))
            }
            "federation" => Err(self.other_version(Vocabulary::Federation)),
            "link" => Ok(LinkTarget::Known(Vocabulary::Link)),
            "connect" | "source" => Err((
                "Apollo's connect specification is not supported".to_owned(),
                format!(
                    "write `@link(url: \"{}\", import: [\"@source\", \"@connect\"])`; headers are `{{ name:, from: }}` or \
                     `{{ name:, value: }}`, and a query stands in `queryParams:`",
                    Vocabulary::Connect.url()
                ),
            )),
            "join" | "core" => Err((
                "this is a composed supergraph".to_owned(),
                "give the SDL of each subgraph instead: Bespoke composes them".to_owned(),
            )),
            part if PARTS_OF_FEDERATION.contains(&part) => Ok(LinkTarget::Known(Vocabulary::Federation)),
            _ => Err((format!("`{}` is not known", self.identity), self.meant())),
        }
    }

    fn meant(&self) -> String {
        let vocabulary = match self.name {
            "connect" | "source" => Vocabulary::Connect,
            "view" => Vocabulary::View,
            _ => Vocabulary::Federation,
        };
        format!("write `{}`", vocabulary.url())
    }

    fn other_version(&self, vocabulary: Vocabulary) -> (String, String) {
        let message = match self.version {
            "" => format!("`{}` names no version", self.identity),
            version => format!("version `{version}` of `{}` is not known", self.identity),
        };
        (message, format!("write `{}`", vocabulary.url()))
    }
}

/// Whether a text is a version, such as `v1` or `v2.5`.
fn is_version(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    text.strip_prefix('v').is_some_and(|version| version.split('.').count() <= 2 && version.split('.').all(digits))
}
