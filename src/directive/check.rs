//! Checks the directives at one place of a file: returns those that are enforced there, and a finding for each other one.

use super::names::{Meaning, Names};
use super::place::{FileKind, Location};
use super::support::Support;
use super::table::{ArgumentType, Directive, Vocabulary};
use crate::diagnostic::{Code, Finding, Span};
use crate::suggest::closest;
use apollo_compiler::Node;
use apollo_compiler::ast::{self, Value};

/// A directive in a file that is enforced at its place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DirectiveUse<'d> {
    /// The directive.
    pub(crate) directive: Directive,
    /// The node of the document, with its arguments.
    pub(crate) node: &'d Node<ast::Directive>,
}

impl Names<'_> {
    /// Checks the directives at one place. `owner` names the place in messages: `Product.price`.
    pub(crate) fn used<'d>(
        &self,
        directives: &'d [Node<ast::Directive>],
        at: Location,
        owner: &str,
    ) -> (Vec<DirectiveUse<'d>>, Vec<Finding>) {
        let (mut used, mut findings) = (Vec::new(), Vec::new());
        let mut seen: Vec<Directive> = Vec::new();
        for node in directives {
            let directive = match self.meaning(&node.name) {
                Meaning::Known(directive) => directive,
                Meaning::Theirs if self.kind != FileKind::Rest || self.is_linked(&node.name) => continue,
                other => {
                    findings.push(self.unknown(node, other));
                    continue;
                }
            };
            if seen.contains(&directive) && !directive.definition().is_repeatable {
                findings.push(self.find(
                    Code::C008,
                    node,
                    format!("`@{}` stands twice on `{owner}`", node.name),
                    "again here",
                ));
                continue;
            }
            seen.push(directive);
            self.check(directive, node, at, owner, &mut findings);
            // A directive with a wrong argument is still read: findings about its absence would only be noise.
            if directive.definition().on.contains(&at) && directive.support(at, self.kind) == Support::Enforced {
                used.push(DirectiveUse { directive, node });
            }
        }
        (used, findings)
    }

    fn check(
        &self,
        directive: Directive,
        node: &Node<ast::Directive>,
        at: Location,
        owner: &str,
        findings: &mut Vec<Finding>,
    ) {
        let name = &node.name;
        let definition = directive.definition();
        if !definition.on.contains(&at) {
            let message = format!("`@{name}` may not stand on {}, as `{owner}` is", at.text());
            let places: Vec<&str> = definition.on.iter().map(|place| place.text()).collect();
            let finding = self.find(Code::C008, node, message, "not here");
            findings.push(finding.help(format!("it may stand on {}", places.join(", "))));
            return;
        }
        if let Support::Refused(help) = directive.support(at, self.kind) {
            let message = format!("`@{name}` is not supported on {}, as `{owner}` is", at.text());
            findings.push(self.find(Code::C011, node, message, "nothing enforces it").help(help));
            return;
        }
        self.check_arguments(directive, node, at, owner, findings);
    }

    fn check_arguments(
        &self,
        directive: Directive,
        node: &Node<ast::Directive>,
        at: Location,
        owner: &str,
        findings: &mut Vec<Finding>,
    ) {
        let name = &node.name;
        let find = |code, location, message: String, label: &str| {
            Finding::new(self.code(code), message, self.page.span(location), label)
        };
        for (number, argument) in node.arguments.iter().enumerate() {
            let location = argument.name.location().or(argument.location());
            let Some(known) = directive.argument(&argument.name) else {
                let message = format!("`@{name}` has no argument `{}`", argument.name);
                findings.push(find(Code::C008, location, message, "not known").help(self.arguments_of(directive)));
                continue;
            };
            // GraphQL §5.4.2.
            if node.arguments[..number].iter().any(|other| other.name == argument.name) {
                let message = format!("argument `{}` of `@{name}` is given twice", argument.name);
                findings.push(find(Code::C008, location, message, "again here"));
            }
            if argument.value.is_null() {
                continue;
            }
            if let Support::Refused(help) = directive.argument_support(known.name, at, self.kind) {
                let message = format!("`@{name}({}:)` is not supported on `{owner}`", argument.name);
                findings.push(find(Code::C011, location, message, "nothing enforces it").help(help));
            }
            if let Some(expected) = misfit(known.ty, &argument.value) {
                let location = argument.value.location();
                findings.push(find(Code::C008, location, format!("expected {expected}"), "not this"));
            }
        }
        for needed in directive.definition().arguments.iter().filter(|argument| argument.is_required) {
            if super::import::argument(node, needed.name).is_none() {
                findings.push(self.find(Code::C008, node, format!("`@{name}` needs `{}:`", needed.name), "here"));
            }
        }
    }

    fn arguments_of(&self, directive: Directive) -> String {
        let names: Vec<String> =
            directive.definition().arguments.iter().map(|argument| format!("`{}`", argument.name)).collect();
        match names.as_slice() {
            [] => "it has no arguments".to_owned(),
            names => format!("known are {}", names.join(", ")),
        }
    }

    /// The finding about a directive that is not defined, or not imported.
    fn unknown(&self, node: &Node<ast::Directive>, meaning: Meaning) -> Finding {
        let name = &node.name;
        let directive = match meaning {
            Meaning::NotImported(directive) => directive,
            _ => {
                let help = match closest(name, Directive::ALL.iter().map(|known| known.name())) {
                    Some(near) => format!("did you mean `@{near}`?"),
                    None => "remove it, or correct its name".to_owned(),
                };
                return self.find(Code::C008, node, format!("`@{name}` is not known here"), "not known").help(help);
            }
        };
        let vocabulary = directive.definition().vocabulary;
        if let Some(help) = self.never_here(directive) {
            let message = format!("`@{name}` is not supported in this file");
            return self.find(Code::C011, node, message, "nothing enforces it").help(help);
        }
        let help = if self.links(vocabulary) {
            format!("add `\"@{}\"` to the `import:` of the `@link` to `{}`", directive.name(), vocabulary.name())
        } else {
            let imports = match vocabulary {
                Vocabulary::Connect => "\"@source\", \"@connect\"".to_owned(),
                Vocabulary::View => "\"@view\", \"@from\"".to_owned(),
                _ => format!("\"@{}\"", directive.name()),
            };
            format!("add `extend schema @link(url: \"{}\", import: [{imports}])`", vocabulary.url())
        };
        self.find(Code::C008, node, format!("`@{name}` is not imported"), "not imported").help(help)
    }

    /// Why importing a directive would not help: this kind of file may not have it anywhere.
    fn never_here(&self, directive: Directive) -> Option<&'static str> {
        let mut why = None;
        for &at in directive.definition().on {
            match directive.support(at, self.kind) {
                Support::Refused(help) => why = Some(help),
                _ => return None,
            }
        }
        // A file that links the directives of bound services is another kind of file.
        let could_link = directive.definition().vocabulary == Vocabulary::Connect && self.kind == FileKind::GraphQl;
        why.filter(|_| !could_link)
    }

    fn is_linked(&self, name: &str) -> bool {
        self.is_imported(name) || name.contains("__")
    }

    fn find(&self, code: Code, node: &Node<ast::Directive>, message: String, label: &str) -> Finding {
        Finding::new(self.code(code), message, self.span(node), label)
    }

    /// The place of a directive.
    pub(crate) fn span(&self, node: &Node<ast::Directive>) -> Span {
        self.page.span(node.location())
    }
}

/// The type that an argument should have, if its value does not have it.
fn misfit(ty: ArgumentType, value: &Value) -> Option<&'static str> {
    let is_text = |value: &Node<Value>| value.as_str().is_some();
    let texts = |value: &Value| value.as_list().is_some_and(|members| members.iter().all(is_text));
    match ty {
        ArgumentType::Text => value.as_str().is_none().then_some("a string"),
        // Input coercion of lists (GraphQL §3.12.2): a value is a list of one.
        ArgumentType::Texts => (value.as_str().is_none() && !texts(value)).then_some("a list of strings"),
        ArgumentType::FieldSet => (value.as_str().is_none() && !texts(value)).then_some("a string"),
        ArgumentType::Flag => value.to_bool().is_none().then_some("`true` or `false`"),
        ArgumentType::Whole => {
            value.to_i32().and_then(|number| u32::try_from(number).ok()).is_none().then_some("a number from 0")
        }
        ArgumentType::Structured => None,
    }
}
