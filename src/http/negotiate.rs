//! Chooses the media type of an answer: `application/graphql-response+json` or `application/json`.

use http::header::ACCEPT;
use http::{HeaderMap, HeaderValue};

/// A media type of answers; it decides the status of request errors (GraphQL over HTTP §6.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum MediaType {
    /// `application/graphql-response+json`: the status says whether the request failed.
    GraphQlResponse,
    /// `application/json`: a well-formed request is answered with 200, whatever its outcome.
    Json,
}

impl MediaType {
    /// Chooses the type by the `Accept` headers; `None` if they accept neither type.
    ///
    /// Without `Accept`, and for `*/*` alone, the type is `application/json`, for clients from before 2025 (GraphQL
    /// over HTTP, "legacy watershed").
    pub(super) fn negotiate(headers: &HeaderMap) -> Option<Self> {
        let mut quality = Qualities::default();
        let mut is_absent = true;
        for value in headers.get_all(ACCEPT) {
            is_absent = false;
            for range in value.to_str().unwrap_or_default().split(',') {
                quality.read(range);
            }
        }
        if is_absent { Some(Self::Json) } else { quality.choice() }
    }

    /// The suffix of the entity tags of answers of this type.
    pub(super) fn suffix(self) -> &'static str {
        match self {
            Self::GraphQlResponse => "-g",
            Self::Json => "-j",
        }
    }

    /// The `content-type` header of an answer.
    pub(super) fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::GraphQlResponse => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        })
    }
}

/// The quality of each media range, in thousandths. The most specific range that covers a type decides about it (RFC
/// 9110 §12.5.1).
#[derive(Debug, Default)]
struct Qualities {
    graphql: Option<u16>,
    json: Option<u16>,
    application: Option<u16>,
    any: Option<u16>,
}

impl Qualities {
    fn read(&mut self, range: &str) {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let quality =
            parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q="))).map_or(1000, thousandths);
        let slot = match name.to_ascii_lowercase().as_str() {
            "application/graphql-response+json" => &mut self.graphql,
            "application/json" => &mut self.json,
            "application/*" => &mut self.application,
            "*/*" => &mut self.any,
            _ => return,
        };
        *slot = Some(slot.unwrap_or(0).max(quality));
    }

    fn choice(&self) -> Option<MediaType> {
        let wild = self.application.or(self.any).unwrap_or(0);
        let (graphql, json) = (self.graphql.unwrap_or(wild), self.json.unwrap_or(wild));
        match (graphql, json) {
            (0, 0) => None,
            // `application/graphql-response+json` wins a draw if it is named, because the client then knows it. It does
            // not win if only a wildcard covers it.
            _ if graphql > json || (graphql == json && self.graphql.is_some()) => Some(MediaType::GraphQlResponse),
            _ => Some(MediaType::Json),
        }
    }
}

/// A `q` value in thousandths. A text that is no number counts as 0.
fn thousandths(text: &str) -> u16 {
    let quality: f32 = text.parse().unwrap_or(0.0);
    // `clamp` keeps the value in range; NaN becomes 0.
    (quality.clamp(0.0, 1.0) * 1000.0) as u16
}

#[cfg(test)]
mod tests {
    use super::MediaType::{GraphQlResponse, Json};
    use super::*;

    #[test]
    fn accept_decides_the_media_type() {
        for (accept, wanted) in [
            (vec![], Some(Json)),
            (vec!["*/*"], Some(Json)),
            (vec!["application/*"], Some(Json)),
            (vec!["application/json"], Some(Json)),
            (vec!["application/graphql-response+json"], Some(GraphQlResponse)),
            (
                vec!["application/graphql-response+json; charset=utf-8, application/json; charset=utf-8"],
                Some(GraphQlResponse),
            ),
            (vec!["application/json, application/graphql-response+json;q=0.9"], Some(Json)),
            (vec!["application/json;q=0.5, Application/GraphQL-Response+JSON"], Some(GraphQlResponse)),
            (vec!["application/graphql-response+json;q=0.5, */*"], Some(Json)),
            (vec!["application/json", "application/graphql-response+json"], Some(GraphQlResponse)),
            (vec!["application/json;q=0, */*;q=0.1"], Some(GraphQlResponse)),
            (vec!["text/html,application/xhtml+xml,*/*;q=0.8"], Some(Json)),
            (vec!["text/html"], None),
            (vec!["application/json;q=0"], None),
            (vec!["*/*;q=none"], None),
            (vec![""], None),
        ] {
            let mut headers = HeaderMap::new();
            for value in &accept {
                headers.append(ACCEPT, HeaderValue::from_static(value));
            }
            assert_eq!(MediaType::negotiate(&headers), wanted, "{accept:?}");
        }
    }
}
