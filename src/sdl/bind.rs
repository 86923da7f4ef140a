//! Reading of the directives of bindings: `@connect`, `@cache`, `@invalidates` and `@poll`.

use super::mapping::{Mapping, MappingBody, MappingText, Use, parse};
use super::model::{
    BatchDeclaration, CacheDeclaration, Connect, EffectDeclaration, HttpTarget, OutcomeDeclaration, Spanned, Target,
    TemplatePart,
};
use super::values::{Reader, directive_argument, list};
use crate::contract::StatusPattern;
use crate::diagnostic::{Code, Finding};
use apollo_compiler::Node;
use apollo_compiler::ast::{Directive, Value};

impl Reader<'_> {
    /// Reads a `@connect`.
    pub(crate) fn connect(&mut self, directive: &Node<Directive>) -> Option<Connect> {
        let span = self.span(directive.location());
        let text = |reader: &mut Self, name: &str| directive_argument(directive, name).and_then(|v| reader.text(v));
        let mapping = |reader: &mut Self, name: &str, used: Use| {
            directive_argument(directive, name).and_then(|value| reader.mapping(value, used))
        };
        let findings = self.findings.len();
        let target = match (directive_argument(directive, "op"), directive_argument(directive, "http")) {
            (Some(op), None) => self.text(op).map(Target::Operation),
            (None, Some(http)) => self.http_target(http).map(|target| Target::Http(Box::new(target))),
            _ => {
                let message = "`@connect` names one endpoint: either `op:` or `http:`";
                let help = "write `op: \"operationId\"`, or `http: { GET: \"/path\" }` for a service without contract";
                self.find(Finding::new(Code::C008, message, span, "this binding").help(help));
                None
            }
        };
        let connect = Connect {
            source: text(self, "source"),
            target: target?,
            params: mapping(self, "params", Use::Request),
            body: mapping(self, "body", Use::Request).or_else(|| self.http_body(directive)),
            selection: mapping(self, "selection", Use::Answer),
            batch: directive_argument(directive, "batch").and_then(|value| self.batch(value)),
            fields: text(self, "fields"),
            outcomes: self.outcomes(directive),
            is_complete: directive_argument(directive, "complete").and_then(|value| value.to_bool()) == Some(true),
            span,
        };
        // A binding with an error in one of its parts is left out, because findings that follow from the error would be
        // noise.
        let is_broken = self.findings[findings..].iter().any(Finding::is_error);
        (!is_broken).then_some(connect)
    }

    fn http_target(&mut self, value: &Node<Value>) -> Option<HttpTarget> {
        const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];
        let known = [&METHODS[..], &["queryParams", "body", "headers"]].concat();
        let (mut method, mut query, mut headers) = (None, None, None);
        for (name, value) in self.object(value, &known) {
            match name {
                "queryParams" => query = self.mapping(value, Use::Request),
                "headers" => headers = self.mapping(value, Use::Request),
                "body" => {}
                name if METHODS.contains(&name) && method.is_none() => {
                    let text = self.mapping_text(value)?;
                    method = Some((http::Method::from_bytes(name.as_bytes()).ok()?, self.template(&text)?, value));
                }
                _ => {
                    let span = self.span(value.location());
                    self.find(Finding::new(Code::C008, "one method only", span, "second method"));
                }
            }
        }
        let span = self.span(value.location());
        match method {
            Some((method, path, at)) => {
                Some(HttpTarget { method, path, query, headers, span: self.span(at.location()) })
            }
            None => self.wrong(span, &format!("one of {} with a path", list(&METHODS))),
        }
    }

    /// Reads the body in `http: { body: "…" }`.
    fn http_body(&mut self, directive: &Node<Directive>) -> Option<Mapping> {
        let http = directive_argument(directive, "http")?.as_object()?;
        let (_, body) = http.iter().find(|(name, value)| name == "body" && !value.is_null())?;
        self.mapping(body, Use::Request)
    }

    /// Reads a path template, such as `/x/{$args.id}`, as texts and holes.
    fn template(&mut self, text: &MappingText) -> Option<Vec<TemplatePart>> {
        let (whole, mut parts, mut at) = (text.text(), Vec::new(), 0);
        while let Some(open) = whole[at..].find('{').map(|found| at + found) {
            let Some(close) = whole[open..].find('}').map(|found| open + found) else {
                return self.wrong(text.span(open, whole.len()), "`}`");
            };
            if open > at {
                parts.push(TemplatePart::Text(whole[at..open].to_owned()));
            }
            if let Some(stray) = whole[at..open].find('}').map(|found| at + found) {
                return self.wrong(text.span(stray, stray + 1), "`{` before `}`");
            }
            match parse(&text.part(open + 1, close), Use::Request) {
                Ok(Mapping { body: MappingBody::Entries(_), span }) => {
                    return self.wrong(span, "one value, such as `$args.id`");
                }
                Ok(mapping) => parts.push(TemplatePart::Hole(mapping)),
                Err(finding) => {
                    self.find(*finding);
                    return None;
                }
            }
            at = close + 1;
        }
        if let Some(stray) = whole[at..].find('}').map(|found| at + found) {
            return self.wrong(text.span(stray, stray + 1), "`{` before `}`");
        }
        if at < whole.len() {
            parts.push(TemplatePart::Text(whole[at..].to_owned()));
        }
        if !whole.starts_with('/') {
            return self.wrong(text.span(0, whole.len()), "a path that starts with `/`");
        }
        let is_query = |part: &TemplatePart| matches!(part, TemplatePart::Text(text) if text.contains(['?', '#']));
        if parts.iter().any(is_query) {
            return self.wrong(text.span(0, whole.len()), "a path alone; write `queryParams:` for the query");
        }
        Some(parts)
    }

    fn batch(&mut self, value: &Node<Value>) -> Option<BatchDeclaration> {
        let (mut key, mut max_size, mut per_key) = (None, None, None);
        for (name, value) in self.object(value, &["key", "maxSize", "perKey"]) {
            match name {
                "key" => key = self.text(value),
                "maxSize" => max_size = self.count(value),
                "perKey" => per_key = self.mapping(value, Use::Request),
                _ => {}
            }
        }
        let span = self.span(value.location());
        if let Some(size) = max_size.as_ref().filter(|size| size.value == 0) {
            self.wrong::<()>(size.span, "a size from 1");
        }
        match key {
            Some(key) => {
                let path: Vec<String> = key.value.split('.').map(|part| part.trim().to_owned()).collect();
                let is_name =
                    |part: &String| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c == '$');
                if !path.iter().all(is_name) {
                    return self.wrong(key.span, "a property of an answer's item, such as `id` or `owner.id`");
                }
                Some(BatchDeclaration { key: Spanned { value: path, span: key.span }, max_size, per_key })
            }
            None => self.wrong(span, "`key`: the property of an answer's item that names its parent"),
        }
    }

    fn outcomes(&mut self, directive: &Node<Directive>) -> Vec<OutcomeDeclaration> {
        let Some(value) = directive_argument(directive, "on") else { return Vec::new() };
        let members = value.as_list().unwrap_or(std::slice::from_ref(value));
        members.iter().filter_map(|member| self.outcome(member)).collect()
    }

    fn outcome(&mut self, value: &Node<Value>) -> Option<OutcomeDeclaration> {
        let (mut status, mut effects, mut selection) = (None, Vec::new(), None);
        for (name, value) in self.object(value, &["status", "as", "null", "code", "selection"]) {
            match name {
                "status" => status = self.status(value),
                "as" => effects.extend(self.text(value).map(EffectDeclaration::As)),
                "null" => {
                    effects.extend(self.boolean(value).filter(|null| null.value).map(|_| EffectDeclaration::Null))
                }
                "code" => effects.extend(self.text(value).map(|code| EffectDeclaration::Code(code.value))),
                "selection" => selection = self.mapping(value, Use::Answer),
                _ => {}
            }
        }
        let span = self.span(value.location());
        let effect = match <[EffectDeclaration; 1]>::try_from(effects) {
            Ok([effect]) => effect,
            Err(_) => return self.wrong(span, "one of `as:`, `null: true` and `code:`"),
        };
        match status {
            Some(status) => Some(OutcomeDeclaration { status, effect, selection }),
            None => self.wrong(span, "`status:`"),
        }
    }

    fn status(&mut self, value: &Node<Value>) -> Option<Spanned<StatusPattern>> {
        let span = self.span(value.location());
        let text = match value.to_i32() {
            Some(number) => number.to_string(),
            None => self.text(value)?.value,
        };
        let class = text.strip_suffix("XX").or(text.strip_suffix("xx")).and_then(|class| class.parse::<u8>().ok());
        let pattern = match (text.as_str(), class, text.parse::<u16>()) {
            ("default", _, _) => StatusPattern::Default,
            (_, Some(class @ 1..=5), _) => StatusPattern::Class(class),
            (_, _, Ok(status @ 100..=599)) => StatusPattern::Exact(status),
            _ => return self.wrong(span, "a status such as `404`, `4XX` or `default`"),
        };
        Some(Spanned { value: pattern, span })
    }

    /// Reads a `@cache`.
    pub(crate) fn cache(&mut self, directive: &Node<Directive>) -> Option<CacheDeclaration> {
        let span = self.span(directive.location());
        if let Some(vary) = directive_argument(directive, "vary") {
            let help = "what a call sends of the caller is in its cache key already";
            let span = self.span(vary.location());
            self.find(Finding::new(Code::C009, "`vary` is outside the subset", span, "not needed").help(help));
        }
        let seconds = |reader: &mut Self, name: &str| directive_argument(directive, name).and_then(|v| reader.count(v));
        let max_age = directive_argument(directive, "maxAge").and_then(|value| self.count(value))?;
        let is_private =
            directive_argument(directive, "scope").and_then(|value| match value.as_enum().map(|name| name.as_str()) {
                Some("PUBLIC") => Some(false),
                Some("PRIVATE") => Some(true),
                _ => {
                    let span = self.span(value.location());
                    self.wrong(span, "`PUBLIC` or `PRIVATE`")
                }
            });
        Some(CacheDeclaration {
            max_age: u64::from(max_age.value),
            swr: seconds(self, "swr").map_or(0, |swr| u64::from(swr.value)),
            is_private,
            tags: directive_argument(directive, "tags").map(|value| self.texts(value)).unwrap_or_default(),
            span,
        })
    }
}
