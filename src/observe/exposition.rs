//! The two text formats of metrics: OpenMetrics, and the older format of Prometheus.
//!
//! In: a page in OpenMetrics, as the metrics library writes it, or an `Accept` header. Out: the page in the format that
//! the reader asks for.
//!
//! # Source
//! OpenMetrics 1.0; Prometheus, "Exposition formats", text-based format 0.0.4.

use std::fmt::Write;

/// A text format of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exposition {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// The text format 0.0.4 of Prometheus.
    Prometheus,
}

impl Exposition {
    /// The media type of the format.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// Chooses a format by the values of `Accept` (RFC 9110 §12.5.1): the one with the higher quality. If both have the
    /// same quality, or neither is acceptable or asked for, the result is OpenMetrics.
    ///
    /// A range with another version than ours matches neither format.
    #[must_use]
    pub fn negotiate<'a>(accept: impl IntoIterator<Item = &'a str>) -> Self {
        let (mut open, mut text) = (Quality::default(), Quality::default());
        for range in accept.into_iter().flat_map(|value| value.split(',')) {
            let mut parts = range.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default().to_ascii_lowercase();
            let (mut version, mut quality) = (None, 1.0);
            for (name, value) in parts.filter_map(|part| part.split_once('=')) {
                match name.trim().to_ascii_lowercase().as_str() {
                    "version" => version = Some(value.trim().trim_matches('"').to_owned()),
                    "q" => quality = value.trim().parse::<f32>().unwrap_or(0.0).clamp(0.0, 1.0),
                    _ => {}
                }
            }
            let is_of = |ours: &str| version.as_deref().is_none_or(|version| version == ours);
            match name.as_str() {
                "application/openmetrics-text" if is_of("1.0.0") => open.offer(2, quality),
                "text/plain" if is_of("0.0.4") => text.offer(2, quality),
                "application/*" => open.offer(1, quality),
                "text/*" => text.offer(1, quality),
                "*/*" => {
                    open.offer(0, quality);
                    text.offer(0, quality);
                }
                _ => {}
            }
        }
        if text.value > open.value { Self::Prometheus } else { Self::OpenMetrics }
    }

    /// Writes a whole page of OpenMetrics in this format.
    #[must_use]
    pub fn write(self, page: String) -> String {
        match self {
            Self::OpenMetrics => page,
            Self::Prometheus => to_prometheus(&page),
        }
    }
}

/// The quality of a media type, which is that of the most specific range that matches it.
#[derive(Debug, Default)]
struct Quality {
    specific: u8,
    value: f32,
}

impl Quality {
    fn offer(&mut self, specific: u8, value: f32) {
        if specific > self.specific || (specific == self.specific && value > self.value) {
            *self = Self { specific, value };
        }
    }
}

/// Rewrites a page for the older format. There, the description of a counter names its samples, with `_total`; units
/// and the end of the page are not marked; and quotes in help texts are not escaped.
fn to_prometheus(page: &str) -> String {
    let mut written = String::with_capacity(page.len() + page.len() / 16);
    let mut help = None;
    for line in page.lines() {
        if let Some(described) = line.strip_prefix("# HELP ") {
            help = described.split_once(' ');
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            let (suffix, kind) = match kind {
                "counter" => ("_total", "counter"),
                "info" => ("_info", "gauge"),
                "unknown" => ("", "untyped"),
                other => ("", other),
            };
            // Writing to a string cannot fail.
            if let Some((_, text)) = help.take().filter(|(described, _)| *described == name) {
                let _ = writeln!(written, "# HELP {name}{suffix} {}", text.replace("\\\"", "\""));
            }
            let _ = writeln!(written, "# TYPE {name}{suffix} {kind}");
        } else if !line.starts_with('#') {
            written.push_str(line);
            written.push('\n');
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::Exposition::{OpenMetrics, Prometheus};
    use super::*;

    #[test]
    fn accept_chooses_the_form() {
        for (accept, wanted) in [
            (vec![], OpenMetrics),
            (vec!["*/*"], OpenMetrics),
            (vec!["text/plain"], Prometheus),
            (vec!["text/plain;version=0.0.4"], Prometheus),
            (vec!["Text/Plain; Version=\"0.0.4\"; charset=utf-8"], Prometheus),
            (vec!["text/*"], Prometheus),
            (vec!["text/plain;q=0.5, */*;q=0.1"], Prometheus),
            (vec!["text/plain", "application/openmetrics-text"], OpenMetrics),
            (vec!["text/plain;q=0.9", "application/openmetrics-text;q=0.8"], Prometheus),
            (vec!["application/openmetrics-text;q=0, text/plain;q=0.1"], Prometheus),
            (vec!["application/openmetrics-text;version=0.0.1, text/plain;version=0.0.4;q=0.2"], Prometheus),
            (vec!["text/plain;version=1.0.0, application/openmetrics-text;q=0.1"], OpenMetrics),
            // The value that Prometheus itself sends.
            (
                vec![
                    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                     application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
                     text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                ],
                OpenMetrics,
            ),
            (vec!["text/plain;version=0.0.4;q=1,*/*;q=0.1"], Prometheus),
            (vec!["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"], OpenMetrics),
            (vec!["image/png"], OpenMetrics),
            (vec!["text/plain;q=x"], OpenMetrics),
        ] {
            assert_eq!(Exposition::negotiate(accept.iter().copied()), wanted, "{accept:?}");
        }
    }

    #[test]
    fn a_page_reads_the_same_in_the_older_form() {
        let page = "# HELP a Counts \\\"a\\\".\n# TYPE a counter\na_total{x=\"1\"} 2\n\
                    # HELP b_seconds Times.\n# TYPE b_seconds histogram\n# UNIT b_seconds seconds\n\
                    b_seconds_sum 1.5\nb_seconds_bucket{le=\"+Inf\"} 1\nb_seconds_count 1\n\
                    # TYPE c gauge\nc{y=\"# EOF\"} 7\n# EOF\n";
        assert_eq!(
            Prometheus.write(page.to_owned()),
            "# HELP a_total Counts \"a\".\n# TYPE a_total counter\na_total{x=\"1\"} 2\n\
             # HELP b_seconds Times.\n# TYPE b_seconds histogram\n\
             b_seconds_sum 1.5\nb_seconds_bucket{le=\"+Inf\"} 1\nb_seconds_count 1\n\
             # TYPE c gauge\nc{y=\"# EOF\"} 7\n"
        );
        assert_eq!(OpenMetrics.write(page.to_owned()), page);
    }
}
