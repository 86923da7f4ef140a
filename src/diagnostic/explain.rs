//! Explanations of codes, for a terminal and as one page of documentation.
//!
//! In: codes and the Markdown in `codes/`. Out: texts.
//! Elsewhere: who prints them (`bespoke explain`), and that each example does what it says (a test runs them all).

use super::{Code, Finding, Severity};
use std::fmt::Write as _;

/// One code for a terminal: its title, then its explanation with the files indented.
#[must_use]
pub fn explain(code: Code) -> String {
    let mut out = format!("{}[{code}]: {}\n\n", word(code.severity()), code.title());
    let mut is_file = false;
    for line in code.explanation().lines() {
        if line.starts_with("```") {
            is_file = !is_file;
        } else if is_file && !line.is_empty() {
            let _ = writeln!(out, "    {line}");
        } else {
            let _ = writeln!(out, "{line}");
        }
    }
    out
}

/// The line under drawn findings that says where to read more; empty without findings.
#[must_use]
pub fn pointer(findings: &[Finding]) -> String {
    let codes = findings.iter().min_by_key(|finding| (finding.severity(), finding.code));
    codes.map_or_else(String::new, |first| format!("for more about a code, run `bespoke explain {}`\n", first.code))
}

/// All codes as one page of Markdown, kept as `docs/findings.md`.
#[must_use]
pub fn page() -> String {
    let mut out = INTRODUCTION.to_owned();
    for (path, language, text) in PROJECT {
        let _ = write!(out, "\n```{language}\n# {path}\n{text}```\n");
    }
    let mut topic = "";
    for &code in Code::ALL {
        if topic != topic_of(code) {
            topic = topic_of(code);
            let _ = write!(out, "\n## {topic}\n");
        }
        let _ = write!(out, "\n### {code}: {}\n\n{}", code.title(), code.explanation());
    }
    out
}

const INTRODUCTION: &str = "\
# Codes of findings

Each finding of `bespoke check` has a code. This page says for every code what it means and what to do. \
`bespoke explain E104` prints the same for one code, and `bespoke explain` lists them all. A finding whose code starts \
with `W` is a warning: the project runs. All others are errors.

This page is made by `bespoke explain --markdown`. A test compares the two, checks each example, and expects exactly \
the code that it explains, and no finding once it is mended.

## What the examples leave out

An example shows the files that matter. A contract that begins with `paths:` has the first two lines of \
`shop.openapi.yaml` before it, and a service's file without `extend schema` the head of `shop.graphql`, or in a service \
other than `shop` a `@link` to Apollo Federation. A client's schema has a `@link` to `https://bespoke.example/view/v1`. \
Files that an example does not show are these:
";

/// The files of the examples' project, as the page shows them.
const PROJECT: [(&str, &str, &str); 4] = [
    ("schema/services/shop.openapi.yaml", "yaml", include_str!("codes/project/shop.openapi.yaml")),
    ("schema/services/shop.graphql", "graphql", include_str!("codes/project/shop.graphql")),
    ("schema/services/status.graphql", "graphql", include_str!("codes/project/status.graphql")),
    ("schema/web.graphql", "graphql", include_str!("codes/project/web.graphql")),
];

/// The heading that a code stands under; codes are in order.
fn topic_of(code: Code) -> &'static str {
    if code < Code::E001 {
        "Mappings and directives"
    } else if code < Code::E100 {
        "Contracts"
    } else if code < Code::E200 {
        "Bindings, client schemas and operations"
    } else if code < Code::E301 {
        "Services' types and their composition"
    } else if code.severity() == Severity::Error {
        "Configuration"
    } else {
        "Warnings"
    }
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_indented_and_paragraphs_are_not() {
        let text = explain(Code::E101);
        assert!(
            text.starts_with("error[E101]: A binding names an operation or a source that does not exist\n\n"),
            "{text}"
        );
        assert!(text.contains("\nWrite instead:\n\n    # schema/services/shop.graphql\n    type Query {\n"), "{text}");
        assert!(!text.contains("```"), "{text}");
    }

    #[test]
    fn the_pointer_names_an_error_before_a_warning() {
        let finding = |code| Finding { code, message: String::new(), labels: Vec::new(), help: None };
        assert_eq!(pointer(&[]), "");
        let both = [finding(Code::W114), finding(Code::E301)];
        assert_eq!(pointer(&both), "for more about a code, run `bespoke explain E301`\n");
    }
}
