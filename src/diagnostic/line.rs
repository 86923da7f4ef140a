//! Findings on one line each, for logs and editors.

use super::{Finding, Sources};

/// Writes a finding as `path:line:column: E101 message`; without the place if it has none.
#[must_use]
pub fn one_line(finding: &Finding, sources: &Sources) -> String {
    let Finding { code, message, .. } = finding;
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
    use crate::diagnostic::Span;

    #[test]
    fn the_column_counts_characters() {
        let mut sources = Sources::default();
        let file = sources.add("a.graphql", "type\n  größe: Int");
        let finding = Finding::new("E104", "`Int` does not fit", Span::new(file, 16..19), "this type");
        assert_eq!(one_line(&finding, &sources), "a.graphql:2:10: E104 `Int` does not fit");
        let finding = Finding { labels: Vec::new(), ..finding };
        assert_eq!(one_line(&finding, &sources), "E104 `Int` does not fit");
    }
}
