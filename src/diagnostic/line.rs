//! Writing a finding on one line, for logs and editors.

use super::{Finding, Sources, without_credentials};

/// Writes a finding as `path:line:column: E101 message`, or as `E101 message` if it has no place.
#[must_use]
pub fn one_line(finding: &Finding, sources: &Sources) -> String {
    let code = finding.code;
    // A message may name something of the text that has line breaks in it, as a key in YAML can.
    let message = without_credentials(&finding.message).replace(char::is_control, " ");
    match finding.span() {
        Some(span) => {
            let at = sources.position(span);
            format!("{}:{}:{}: {code} {message}", sources.path(span.file), at.line, at.column)
        }
        None => format!("{code} {message}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Code, Span};

    #[test]
    fn a_message_with_line_breaks_stays_on_its_line() {
        let mut sources = Sources::default();
        let file = sources.add("a.yaml", "a");
        let finding = Finding::new(Code::E018, "`a\n\r\tb` is no status", Span::new(file, 0..1), "here");
        assert_eq!(one_line(&finding, &sources), "a.yaml:1:1: E018 `a   b` is no status");
    }

    #[test]
    fn the_column_counts_characters() {
        let mut sources = Sources::default();
        let file = sources.add("a.graphql", "type\n  größe: Int");
        let finding = Finding::new(Code::E104, "`Int` does not fit", Span::new(file, 16..19), "this type");
        assert_eq!(one_line(&finding, &sources), "a.graphql:2:10: E104 `Int` does not fit");
        let finding = Finding { labels: Vec::new(), ..finding };
        assert_eq!(one_line(&finding, &sources), "E104 `Int` does not fit");
    }
}
