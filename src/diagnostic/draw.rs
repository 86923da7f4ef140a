//! Drawing findings for people: the lines that they are about, with labels under them.
//!
//! In: findings and the files they point into. Out: text for a terminal, or the same without colour.
//! Elsewhere: making findings (the rooms that read text), and writing them on one line each ([`super::one_line`]).
//!
//! Always true:
//! - findings are ordered by the path of their file, then by place;
//! - only lines near a label are read, so that a finding in a long file costs little;
//! - the last line counts the errors and warnings.

use super::{FileId, Finding, Label, Severity, Sources, without_credentials};
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use std::fmt::Write as _;
use std::ops::Range;

/// The style of a drawing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DrawStyle {
    /// Text without colours, for files and tests.
    Plain,
    /// With ANSI colours, for terminals.
    Color,
}

/// Lines shown around a label.
const CONTEXT_LINES: usize = 1;
/// Most bytes that are read on each side of a label, because minified JSON is one long line.
const MAX_LINE_BYTES: usize = 2_000;

/// Draws findings. The last line says how many errors and warnings there are. Without findings, the text is empty.
#[must_use]
pub fn draw(findings: &[Finding], sources: &Sources, style: DrawStyle) -> String {
    if findings.is_empty() {
        return String::new();
    }
    let renderer = match style {
        DrawStyle::Plain => Renderer::plain(),
        DrawStyle::Color => Renderer::styled(),
    };
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_key(|finding| {
        let place = finding.span().map(|span| (sources.path(span.file), span.start, span.end));
        (place, finding.code)
    });
    let mut out = String::new();
    for finding in sorted {
        let _ = writeln!(out, "{}\n", renderer.render(&[group(finding, sources)]));
    }
    out.push_str(&summary(findings));
    out
}

fn group<'a>(finding: &'a Finding, sources: &'a Sources) -> Group<'a> {
    let level = match finding.severity() {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group =
        Group::with_title(level.primary_title(without_credentials(&finding.message)).id(finding.code.as_str()));
    let mut files: Vec<FileId> = Vec::new();
    for label in &finding.labels {
        if !files.contains(&label.span.file) {
            files.push(label.span.file);
        }
    }
    for file in files {
        // Labels far apart in one file are drawn as pieces, so that nothing between them is looked at.
        for piece in pieces(finding, sources.text(file), file) {
            if let Some(origin) = piece.origin(sources, file) {
                group = group.element(origin).element(piece.snippet(sources.text(file)));
            } else {
                group = group.element(piece.snippet(sources.text(file)).path(sources.path(file)));
            }
        }
    }
    match &finding.help {
        Some(help) => group.element(Level::HELP.message(without_credentials(help))),
        None => group,
    }
}

/// Consecutive lines with labels.
struct Piece<'a> {
    range: Range<usize>,
    labels: Vec<(bool, Range<usize>, &'a Label)>,
}

impl<'a> Piece<'a> {
    /// The place of the first label, if the piece starts within a line: the drawing would count columns from there.
    fn origin(&self, sources: &'a Sources, file: FileId) -> Option<Origin<'a>> {
        let text = sources.text(file);
        let (_, _, label) = self.labels.first()?;
        if self.range.start == 0 || text[..self.range.start].ends_with('\n') {
            return None;
        }
        let at = sources.position(label.span);
        Some(Origin::path(sources.path(file)).line(at.line as usize).char_column(at.column as usize))
    }

    fn snippet(self, text: &'a str) -> Snippet<'a, Annotation<'a>> {
        let line = text[..self.range.start].bytes().filter(|&b| b == b'\n').count() + 1;
        let annotations = self.labels.into_iter().map(|(is_primary, at, label)| {
            let kind = if is_primary { AnnotationKind::Primary } else { AnnotationKind::Context };
            kind.span(at.start - self.range.start..at.end - self.range.start).label(without_credentials(&label.text))
        });
        Snippet::source(without_credentials(&text[self.range.clone()])).line_start(line).annotations(annotations)
    }
}

fn pieces<'a>(finding: &'a Finding, text: &str, file: FileId) -> Vec<Piece<'a>> {
    let mut pieces: Vec<Piece<'a>> = Vec::new();
    for (index, label) in finding.labels.iter().enumerate().filter(|(_, label)| label.span.file == file) {
        let at = floor(text, label.span.start as usize)..floor(text, label.span.end as usize);
        let range = around(text, &at);
        match pieces.iter_mut().find(|piece| piece.range.start <= range.end && range.start <= piece.range.end) {
            Some(piece) => {
                piece.range = piece.range.start.min(range.start)..piece.range.end.max(range.end);
                piece.labels.push((index == 0, at, label));
            }
            None => pieces.push(Piece { range, labels: vec![(index == 0, at, label)] }),
        }
    }
    pieces
}

/// The nearest place at or before `at` where a character starts.
fn floor(text: &str, at: usize) -> usize {
    text.floor_char_boundary(at.min(text.len()))
}

/// The lines of a range and [`CONTEXT_LINES`] on both sides, cut where they are very long.
fn around(text: &str, at: &Range<usize>) -> Range<usize> {
    let mut start = at.start;
    for _ in 0..=CONTEXT_LINES {
        start = text[..start].rfind('\n').unwrap_or(0);
    }
    if text[start..].starts_with('\n') {
        start += 1;
    }
    let mut end = at.end;
    for _ in 0..=CONTEXT_LINES {
        end = text[end..].find('\n').map_or(text.len(), |more| end + more + 1);
    }
    let start = start.max(floor(text, at.start.saturating_sub(MAX_LINE_BYTES))).min(at.start);
    let end = end.min(floor(text, at.end.saturating_add(MAX_LINE_BYTES))).max(at.end);
    start..end
}

fn summary(findings: &[Finding]) -> String {
    let errors = findings.iter().filter(|finding| finding.severity() == Severity::Error).count();
    let warnings = findings.len() - errors;
    let count = |number: usize, word: &str| match number {
        1 => format!("1 {word}"),
        _ => format!("{number} {word}s"),
    };
    match (errors, warnings) {
        (_, 0) => format!("{}\n", count(errors, "error")),
        (0, _) => format!("{}\n", count(warnings, "warning")),
        _ => format!("{}, {}\n", count(errors, "error"), count(warnings, "warning")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Code, Span};

    const CONTRACT: &str = "openapi: 3.1.0\ninfo:\n  title: Catalog\n\npaths:\n  /products:\n    get:\n      operationId: listProducts\n      responses: {}\n";
    const SDL: &str =
        "type Query {\n  products: [Product!]! @connect(op: \"listProduct\", params: \"größe: $args.size\")\n}\n";

    fn sources() -> (Sources, FileId, FileId) {
        let mut sources = Sources::default();
        let sdl = sources.add("catalog.graphql", SDL);
        let contract = sources.add("catalog.openapi.yaml", CONTRACT);
        (sources, sdl, contract)
    }

    /// The first place of a word.
    fn at(sources: &Sources, file: FileId, word: &str) -> Span {
        let start = sources.text(file).find(word).expect("the word is there");
        Span::new(file, start..start + word.len())
    }

    #[test]
    fn labels_in_two_files_are_drawn_with_help() {
        let (sources, sdl, contract) = sources();
        let finding = Finding::new(
            Code::E101,
            "unknown operation `listProduct`",
            at(&sources, sdl, "\"listProduct\""),
            "not in the contract",
        )
        .and(at(&sources, contract, "listProducts"), "the nearest one")
        .help("did you mean `listProducts`?");
        insta::assert_snapshot!(draw(&[finding], &sources, DrawStyle::Plain), @r#"
        error[E101]: unknown operation `listProduct`
         --> catalog.graphql:2:38
          |
        2 |   products: [Product!]! @connect(op: "listProduct", params: "größe: $args.size")
          |                                      ^^^^^^^^^^^^^ not in the contract
          |
         ::: catalog.openapi.yaml:8:20
          |
        8 |       operationId: listProducts
          |                    ------------ the nearest one
          |
          = help: did you mean `listProducts`?

        1 error
        "#);
    }

    #[test]
    fn labels_on_one_line_and_multi_byte_text_line_up() {
        let (sources, sdl, _) = sources();
        let finding = Finding::new(Code::E102, "no parameter `größe`", at(&sources, sdl, "größe"), "unknown")
            .and(at(&sources, sdl, "$args.size"), "bound to it")
            .and(at(&sources, sdl, "products"), "of this field");
        insta::assert_snapshot!(draw(&[finding], &sources, DrawStyle::Plain), @r#"
        error[E102]: no parameter `größe`
         --> catalog.graphql:2:62
          |
        2 |   products: [Product!]! @connect(op: "listProduct", params: "größe: $args.size")
          |   --------                                                   ^^^^^  ---------- bound to it
          |   |                                                          |
          |   of this field                                              unknown

        1 error
        "#);
    }

    #[test]
    fn an_empty_span_at_the_end_is_drawn() {
        let mut sources = Sources::default();
        let open = sources.add("open.graphql", "type Query {\n  a: Int");
        let ended = sources.add("ended.graphql", "type Query {\n");
        let empty = sources.add("empty.graphql", "");
        let findings = [(open, 21), (ended, 13), (empty, 0), (empty, 99)]
            .map(|(file, end)| Finding::new(Code::E200, "unexpected end", Span::new(file, end..end), "`}` is missing"));
        insta::assert_snapshot!(draw(&findings, &sources, DrawStyle::Plain), @r"
        error[E200]: unexpected end
         --> empty.graphql:1:1
          |
        1 |
          | ^ `}` is missing

        error[E200]: unexpected end
         --> empty.graphql:1:1
          |
        1 |
          | ^ `}` is missing

        error[E200]: unexpected end
         --> ended.graphql:1:14
          |
        1 | type Query {
          |             ^ `}` is missing

        error[E200]: unexpected end
         --> open.graphql:2:9
          |
        2 |   a: Int
          |         ^ `}` is missing

        4 errors
        ");
    }

    #[test]
    fn findings_are_sorted_and_counted() {
        let (sources, sdl, contract) = sources();
        let findings = [
            Finding::new(Code::W113, "status 404 is not mapped", at(&sources, contract, "responses"), "declared here"),
            Finding::new(Code::E104, "second", at(&sources, sdl, "params"), "here"),
            Finding::new(Code::E103, "first", at(&sources, sdl, "Product"), "here"),
            Finding { labels: Vec::new(), ..Finding::new(Code::E100, "no file at all", at(&sources, sdl, "op"), "") },
        ];
        insta::assert_snapshot!(draw(&findings, &sources, DrawStyle::Plain), @r#"
        error[E100]: no file at all

        error[E103]: first
         --> catalog.graphql:2:14
          |
        2 |   products: [Product!]! @connect(op: "listProduct", params: "größe: $args.size")
          |              ^^^^^^^ here

        error[E104]: second
         --> catalog.graphql:2:53
          |
        2 |   products: [Product!]! @connect(op: "listProduct", params: "größe: $args.size")
          |                                                     ^^^^^^ here

        warning[W113]: status 404 is not mapped
         --> catalog.openapi.yaml:9:7
          |
        9 |       responses: {}
          |       ^^^^^^^^^ declared here

        3 errors, 1 warning
        "#);
        assert_eq!(draw(&[], &sources, DrawStyle::Plain), "");
        assert!(draw(&findings[..1], &sources, DrawStyle::Plain).ends_with("\n1 warning\n"));
        assert!(draw(&findings[1..3], &sources, DrawStyle::Plain).ends_with("\n2 errors\n"));
    }

    #[test]
    fn of_long_files_only_the_lines_around_are_drawn() {
        let mut sources = Sources::default();
        let lines: String = (1..=100_000).map(|line| format!("line {line}\n")).collect();
        let long = sources.add("long.yaml", lines);
        let wide = sources.add("wide.json", format!("{}\"here\"{}", "[1],".repeat(250_000), ",[1]".repeat(250_000)));
        let far = Finding::new(Code::E005, "key stands twice", at(&sources, long, "line 70000"), "again here")
            .and(at(&sources, long, "line 70002"), "and here")
            .and(at(&sources, long, "line 30000"), "first here");
        let findings = [far, Finding::new(Code::E008, "not an object", at(&sources, wide, "\"here\""), "this")];
        insta::assert_snapshot!(draw(&findings, &sources, DrawStyle::Plain), @r#"
        error[E005]: key stands twice
             --> long.yaml:70000:1
              |
        70000 | line 70000
              | ^^^^^^^^^^ again here
        70001 | line 70001
        70002 | line 70002
              | ---------- and here
              |
             ::: long.yaml:30000:1
              |
        30000 | line 30000
              | ---------- first here

        error[E008]: not an object
         --> wide.json:1:1000001
          |
         ::: 
        1 | ...1],[1],[1],[1],[1],[1],[1],[1],[1],[1],[1],[1],[1],[1],[1],"here",[1],[1],[1],[1],[1],[1],[1],[1],[1],[1],[1],[1],[1],[1],[1],[1],...
          |                                                               ^^^^^^ this

        2 errors
        "#);
    }

    #[test]
    fn colour_only_adds_escapes() {
        let (sources, sdl, _) = sources();
        let finding =
            Finding::new(Code::E101, "unknown operation", at(&sources, sdl, "listProduct"), "this").help("look");
        let findings = [finding];
        let colored = draw(&findings, &sources, DrawStyle::Color);
        let mut plain = String::new();
        let mut rest = colored.as_str();
        while let Some((before, after)) = rest.split_once('\u{1b}') {
            plain.push_str(before);
            rest = after.split_once('m').expect("the escape ends").1;
        }
        plain.push_str(rest);
        assert_ne!(plain, colored);
        assert_eq!(plain, draw(&findings, &sources, DrawStyle::Plain));
    }
}
