//! `@listSize`, which says how long a list is.

use super::model::ListSizeDeclaration;
use super::values::{Reader, directive_argument};
use crate::diagnostic::{Code, Finding};
use apollo_compiler::Node;
use apollo_compiler::ast::Directive;

impl Reader<'_> {
    /// Reads a `@listSize`. Arguments that would not be enforced give findings.
    pub(crate) fn list_size(&mut self, directive: &Node<Directive>) -> ListSizeDeclaration {
        let argument = |name: &str| directive_argument(directive, name).filter(|value| !value.is_null());
        if let Some(value) = argument("requireOneSlicingArgument").filter(|value| value.to_bool() != Some(false)) {
            let span = self.span(value.location());
            let message = "`@listSize(requireOneSlicingArgument:)` is not supported";
            let finding = Finding::new(Code::C011, message, span, "nothing enforces it");
            self.find(finding.help("write `false`; an argument that has to be given is declared with `!`"));
        }
        let mut count =
            |name: &str| argument(name).and_then(|value| self.count(value)).map(|size| u64::from(size.value));
        let (assumed, max) = (count("assumedSize"), count("maxSize"));
        let slicing = argument("slicingArguments").map(|value| self.texts(value)).unwrap_or_default();
        let span = self.span(directive.location());
        if assumed.is_none() && max.is_none() && slicing.is_empty() {
            let help = "write `assumedSize`, `maxSize` or `slicingArguments`";
            self.find(Finding::new(Code::C003, "`@listSize` says no size", span, "this directive").help(help));
        }
        ListSizeDeclaration { assumed, max, slicing, span }
    }
}

#[cfg(test)]
mod tests {
    use crate::diagnostic::{Sources, one_line};
    use crate::sdl::{Origin, read};

    const LINK: &str = r#"extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@listSize"])"#;

    fn findings(sdl: &str) -> Vec<String> {
        let mut sources = Sources::default();
        let file = sources.add("a.graphql", sdl);
        let (_, findings) = read(&sources, "a", file, Origin::Service);
        findings.iter().map(|finding| one_line(finding, &sources)).collect()
    }

    #[test]
    fn what_a_list_size_does_not_enforce_is_refused() {
        let list_size =
            |arguments: &str| findings(&format!("{LINK} type Query {{ a(first: Int): [Int] @listSize({arguments}) }}"));
        for arguments in [
            "assumedSize: 3",
            "maxSize: 3, assumedSize: 2",
            r#"slicingArguments: ["first"]"#,
            r#"slicingArguments: "first", requireOneSlicingArgument: false"#,
        ] {
            assert_eq!(list_size(arguments), Vec::<String>::new(), "{arguments}");
        }
        for (arguments, message) in [
            ("maxSize: -1", "C003"),
            ("assumedSize: 1.5", "C008"),
            ("maxSize: null", "C003 `@listSize` says no size"),
            (r#"maxSize: 1, sizedFields: ["edges"]"#, "C011 `@listSize(sizedFields:)` is not supported"),
            (
                r#"slicingArguments: ["first"], requireOneSlicingArgument: true"#,
                "C011 `@listSize(requireOneSlicingArgument:)`",
            ),
            ("maxSize: 1, most: 3", "C008 `@listSize` has no argument `most`"),
        ] {
            let found = list_size(arguments);
            assert!(found.iter().any(|line| line.contains(message)), "{arguments}: {found:#?}");
        }
    }
}
