//! `@cache` and `@invalidates` of a binding, with their tags.

use super::binding::Binding;
use crate::compose::way::{CacheRule, CallerInputs, Entry};
use crate::diagnostic::{Code, Finding};
use crate::sdl::{CacheDeclaration, FieldDeclaration, Spanned};
use crate::suggest;

impl<'a> Binding<'_, 'a> {
    pub(super) fn cache_rule(&mut self, cache: &CacheDeclaration) -> CacheRule {
        self.check_tags(&cache.tags);
        CacheRule {
            max_age: cache.max_age,
            swr: cache.swr,
            is_private: cache.is_private.unwrap_or(false),
            tags: cache.tags.iter().map(|tag| tag.value.clone()).collect(),
        }
    }

    /// Checks a rule of `@cache`. An answer that depends on the caller is private, whatever the binding declares.
    pub(super) fn check_cache(
        &mut self,
        declaration: &CacheDeclaration,
        mut rule: CacheRule,
        caller: &CallerInputs,
    ) -> CacheRule {
        if caller.is_private() {
            rule.is_private = true;
            if declaration.is_private == Some(false) {
                let message = format!("`{}` depends on the caller, so its cache cannot be PUBLIC", self.name);
                let header = caller.headers.iter().map(|name| format!("header `{name}`"));
                let claims = caller.claims.iter().map(|path| format!("claim `{}`", path.join(".")));
                let inputs: Vec<String> = header.chain(claims).collect();
                let finding = Finding::new(Code::E111, message, declaration.span, "cached for everybody here")
                    .and(self.connect.span, format!("sends {}", inputs.join(", ")))
                    .help("write `scope: PRIVATE`, or leave `scope:` out");
                self.draft.find(finding);
            }
        }
        rule
    }

    pub(super) fn invalidates(&mut self, field: &'a FieldDeclaration) -> Vec<String> {
        self.check_tags(&field.invalidates);
        field.invalidates.iter().map(|tag| tag.value.clone()).collect()
    }

    /// Checks the placeholders of tags: `{x}` is a field of the item, `{$args.x}` an argument, `{$claims.x}` a claim,
    /// and `{$this.x}` a field of the parent.
    fn check_tags(&mut self, tags: &[Spanned<String>]) {
        for tag in tags {
            if let Some(message) = unbalanced(&tag.value) {
                let finding = Finding::new(Code::E123, message, tag.span, "in this tag");
                self.draft.find(finding.help("write `name:{field}`"));
                continue;
            }
            let holes = tag.value.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|(hole, _)| hole);
            for hole in holes {
                let (known, what) = match hole.strip_prefix('$') {
                    None => (self.item_fields(), "field"),
                    Some(input) => match input.split_once('.') {
                        Some(("args", _)) => (self.argument_names(), "argument"),
                        Some(("claims", _)) => continue,
                        Some(("this", _)) if matches!(self.entry, Entry::Field(_)) => (self.parent_fields(), "field"),
                        _ => (Vec::new(), "input"),
                    },
                };
                let name = hole.strip_prefix("$args.").or(hole.strip_prefix("$this.")).unwrap_or(hole);
                let first = name.split('.').next().unwrap_or(name);
                if !known.iter().any(|known| known == first) {
                    let message = format!("tag names an unknown {what} `{hole}`");
                    let help = suggest::help(first, known.iter().map(String::as_str));
                    let finding = Finding::new(Code::E123, message, tag.span, "in this tag").help(help);
                    self.draft.find(finding);
                }
            }
        }
    }
}

/// The fault in the braces of a tag, if there is one.
fn unbalanced(tag: &str) -> Option<&'static str> {
    let mut is_open = false;
    for c in tag.chars() {
        match (c, is_open) {
            ('{', false) => is_open = true,
            ('}', true) => is_open = false,
            ('{', true) => return Some("a `{` stands inside of another in a tag"),
            ('}', false) => return Some("a `}` of a tag closes nothing"),
            _ => {}
        }
    }
    is_open.then_some("a `{` of a tag is not closed")
}
