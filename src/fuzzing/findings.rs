//! What holds of findings, whatever they are about.

use crate::diagnostic::{Finding, Sources, one_line};

/// Most findings of one text: more than anybody reads would be a way to use memory up.
const MAX_FINDINGS: usize = 100_000;

/// Every label lies inside its file, at whole characters; every finding can be written.
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
