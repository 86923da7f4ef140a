//! Checks of findings, for all fuzz targets.

use crate::diagnostic::{Finding, Sources, one_line};

/// The most findings about one text. Without a bound, a text could use up the memory.
const MAX_FINDINGS: usize = 100_000;

/// Checks that every label lies inside its file and at the borders of characters, and that every finding can be written
/// on one line.
pub(super) fn check(findings: &[Finding], sources: &Sources) {
    assert!(findings.len() <= MAX_FINDINGS, "{} findings", findings.len());
    for finding in findings {
        assert!(!finding.message.is_empty(), "{finding:?}");
        for label in &finding.labels {
            let (text, span) = (sources.text(label.span.file), label.span);
            let (start, end) = (span.start as usize, span.end as usize);
            assert!(start <= end && end <= text.len(), "outside the text: {finding:?}");
            assert!(text.is_char_boundary(start) && text.is_char_boundary(end), "inside a character: {finding:?}");
        }
        assert!(!one_line(finding, sources).contains('\n'), "{finding:?}");
    }
}
