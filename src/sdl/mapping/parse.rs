//! The parser of mappings, which works by recursive descent.

use super::ast::{Entry, Expression, Fields, Mapping, MappingBody, Method, Start, Step, Variable};
use super::lex::{Lexed, MappingText, Token, lex};
use crate::diagnostic::{Code, Finding, Span};
use crate::json::{Map, Value as Json};
use crate::sdl::Spanned;

/// The greatest depth of nested braces, brackets and `??`.
const MAX_DEPTH: usize = 32;
/// The greatest length of a mapping, in bytes.
const MAX_BYTES: usize = 64 * 1024;

/// The purpose of a mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// It makes a request (`params:`, `body:`, `headers:`). Names may contain `-` and `.`, and literals need no `$(…)`.
    Request,
    /// It reads an answer (`selection:`).
    Answer,
}

/// Parses a mapping.
///
/// # Errors
/// A finding with a `C0xx` code for the first part that the language does not have.
pub(crate) fn parse(text: &MappingText, used: Use) -> Result<Mapping, Box<Finding>> {
    let all = text.span(0, text.text().len());
    if text.text().len() > MAX_BYTES {
        return Err(Box::new(Finding::new(Code::C005, "mapping is longer than 64 KiB", all, "this mapping")));
    }
    let tokens = lex(text.text()).map_err(|(start, end)| {
        Finding::new(Code::C001, "this string or number cannot be read", text.span(start, end), "starts here")
            .help("a string ends with the quote that it begins with, and has the escapes of JSON")
    })?;
    let mut parser = Parser { text, tokens, at: 0, used, depth: 0 };
    let body = parser.mapping()?;
    Ok(Mapping { body, span: all })
}

struct Parser<'a> {
    text: &'a MappingText,
    tokens: Vec<Lexed>,
    at: usize,
    used: Use,
    depth: usize,
}

type Parsed<T> = Result<T, Box<Finding>>;

impl Parser<'_> {
    fn mapping(&mut self) -> Parsed<MappingBody> {
        if self.starts_request_value() {
            let value = self.expression()?;
            self.expect_end()?;
            return Ok(MappingBody::Value(value));
        }
        let start = self.at;
        let items = self.items(|token| *token == Token::End)?;
        match <[Item; 1]>::try_from(items) {
            Ok([Item::Unnamed(value)]) => Ok(MappingBody::Value(value)),
            Ok(only) => Ok(MappingBody::Entries(self.whole(only.into())?)),
            Err(none) if none.is_empty() => {
                Err(self.error(Code::C001, "mapping is empty", "expected a field or a path", start))
            }
            Err(several) => Ok(MappingBody::Entries(self.whole(several)?)),
        }
    }

    /// Makes a mapping without braces of these items.
    fn whole(&self, items: Vec<Item>) -> Parsed<Fields> {
        Ok(Fields { entries: named(items)?, span: self.text.span(0, self.text.text().len()) })
    }

    /// Whether a single value begins here. In a request, an entry begins with `name:`, and everything else is a value.
    fn starts_request_value(&self) -> bool {
        self.used == Use::Request && !self.is_request_name()
    }

    fn is_request_name(&self) -> bool {
        let mut at = self.at;
        loop {
            match (self.token_at(at), self.token_at(at + 1)) {
                (Token::Name(_) | Token::Text(_), Token::Sign(':')) => return true,
                (Token::Name(_), Token::Sign('.')) => at += 2,
                _ => return false,
            }
        }
    }

    fn items(&mut self, is_end: fn(&Token) -> bool) -> Parsed<Vec<Item>> {
        let mut items = Vec::new();
        while !is_end(self.token()) {
            if *self.token() == Token::End {
                return Err(self.error(Code::C001, "`{` is not closed", "expected `}`", self.at));
            }
            items.push(self.item()?);
        }
        Ok(items)
    }

    fn item(&mut self) -> Parsed<Item> {
        if let Some(name) = self.alias() {
            let value = self.expression()?;
            return Ok(Item::Named(Entry { name, value, is_aliased: true }));
        }
        if self.used == Use::Request {
            return Err(self.error(Code::C001, "expected `name: value`", "expected a name and a colon", self.at));
        }
        let value = self.expression()?;
        let simple = match (&value.start, value.steps.as_slice(), &value.or) {
            (Start::Here { is_dollar: false }, [Step::Property(name), rest @ ..], None)
                if rest.iter().all(|step| matches!(step, Step::Optional)) =>
            {
                Some(name.clone())
            }
            _ => None,
        };
        Ok(match simple {
            Some(name) => Item::Named(Entry { name, value, is_aliased: false }),
            None => Item::Unnamed(value),
        })
    }

    /// Reads `name:`, if it is next.
    fn alias(&mut self) -> Option<Spanned<String>> {
        let from = self.at;
        let is_alias = match self.used {
            Use::Request => self.is_request_name(),
            Use::Answer => matches!(self.token(), Token::Name(_)) && *self.token_at(self.at + 1) == Token::Sign(':'),
        };
        if !is_alias {
            return None;
        }
        let mut name = String::new();
        while *self.token() != Token::Sign(':') {
            match self.token() {
                Token::Name(part) | Token::Text(part) => name.push_str(part),
                _ => name.push('.'),
            }
            self.at += 1;
        }
        let span = self.span_from(from);
        self.at += 1;
        Some(Spanned { value: name, span })
    }

    fn expression(&mut self) -> Parsed<Expression> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error(Code::C005, "mapping is nested too deeply", "more than 32 levels here", self.at));
        }
        let from = self.at;
        let (start, steps) = self.path()?;
        let takes_fields = matches!(start, Start::Here { .. });
        let selection = match self.token() {
            Token::Sign('{') if takes_fields => Some(self.fields()?),
            Token::Sign('{') if matches!(start, Start::Variable(_)) => {
                let message = "a selection of an input is outside the subset";
                return Err(self.error(Code::C003, message, "not here", self.at));
            }
            _ => None,
        };
        let or = if *self.token() == Token::OrElse {
            self.at += 1;
            Some(Box::new(self.expression()?))
        } else {
            None
        };
        self.depth -= 1;
        Ok(Expression { start, steps, selection, or, span: self.span_from(from) })
    }

    /// Reads the start of a value and its steps.
    fn path(&mut self) -> Parsed<(Start, Vec<Step>)> {
        let from = self.at;
        let (start, mut steps) = self.start()?;
        let first = steps.is_empty() && matches!(start, Start::Here { is_dollar: false });
        let behind = self.at;
        steps.extend(self.steps(first)?);
        let is_made = matches!(start, Start::Literal(_) | Start::Object(_) | Start::List(_));
        if is_made && self.at > behind {
            let message = "a path cannot go on behind a literal, an object or a list";
            let mut finding = self.error(Code::C003, message, "not here", behind);
            finding
                .labels
                .push(crate::diagnostic::Label { span: self.span_of(from..behind), text: "this value".to_owned() });
            return Err(finding);
        }
        Ok((start, steps))
    }

    /// Reads the start of a value. The steps are those inside `$(…)`, if there are any.
    fn start(&mut self) -> Parsed<(Start, Vec<Step>)> {
        if *self.token() == Token::Dollar {
            return self.dollar();
        }
        Ok((self.plain_start()?, Vec::new()))
    }

    fn plain_start(&mut self) -> Parsed<Start> {
        match self.token().clone() {
            Token::Name(_) | Token::Text(_) if self.used == Use::Answer => Ok(Start::Here { is_dollar: false }),
            Token::Sign('{') => Ok(Start::Object(self.fields()?)),
            Token::Sign('[') if self.used == Use::Request => {
                self.at += 1;
                let mut members = Vec::new();
                while *self.token() != Token::Sign(']') {
                    members.push(self.expression()?);
                }
                self.at += 1;
                Ok(Start::List(members))
            }
            _ if self.used == Use::Request && self.is_literal() => Ok(Start::Literal(self.literal()?)),
            token => Err(self.outside(&token)),
        }
    }

    fn is_literal(&self) -> bool {
        match self.token() {
            Token::Text(_) | Token::Number(_) => true,
            Token::Name(name) => matches!(name.as_str(), "true" | "false" | "null"),
            _ => false,
        }
    }

    fn dollar(&mut self) -> Parsed<(Start, Vec<Step>)> {
        let from = self.at;
        self.at += 1;
        let is_adjacent = self.tokens[self.at].start == self.tokens[from].end;
        let start = match self.token().clone() {
            Token::Sign('(') if is_adjacent => {
                self.at += 1;
                if !self.starts_literal() {
                    return self.parenthesised(from);
                }
                let value = self.literal()?;
                self.expect(')')?;
                Start::Literal(value)
            }
            Token::Name(name) if is_adjacent => {
                self.at += 1;
                Start::Variable(match name.as_str() {
                    "args" => Variable::Args,
                    "this" => Variable::This,
                    "batch" => Variable::Batch,
                    "claims" => Variable::Claims,
                    "config" => Variable::Config,
                    _ => return Err(self.unknown_variable(&name, from)),
                })
            }
            _ => Start::Here { is_dollar: true },
        };
        Ok((start, Vec::new()))
    }

    fn starts_literal(&self) -> bool {
        self.is_literal() || matches!(self.token(), Token::Sign('[' | '{'))
    }

    /// Reads `$(next->eq(null)->not)` as the path inside the parentheses.
    fn parenthesised(&mut self, from: usize) -> Parsed<(Start, Vec<Step>)> {
        if self.used == Use::Request {
            return Err(self.error(Code::C003, "a computed value in `$(…)` is outside the subset", "not here", from));
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error(Code::C005, "mapping is nested too deeply", "more than 32 levels here", from));
        }
        let inside = self.path()?;
        match self.token() {
            Token::Sign(')') => self.at += 1,
            Token::End => return Err(self.error(Code::C001, "`(` is not closed", "expected `)`", from)),
            Token::OrElse | Token::Sign('{') => {
                let message = "only a path may stand in `$(…)`";
                return Err(self.error(Code::C003, message, "write it without `$(…)`", self.at));
            }
            _ => return Err(self.error(Code::C001, "one path stands in `$(…)`", "expected `)`", self.at)),
        }
        self.depth -= 1;
        Ok(inside)
    }

    fn unknown_variable(&self, name: &str, from: usize) -> Box<Finding> {
        let (code, help) = match name {
            "env" => (Code::C002, "secrets and settings come through `$config`"),
            "request" => (Code::C002, "forward a header with `@source(http: { headers: … })`, or read `$claims`"),
            _ => (Code::C002, "known are `$args`, `$this`, `$batch`, `$claims` and `$config`"),
        };
        let message = format!("`${name}` is outside the subset");
        Box::new(Finding::new(code, message, self.span_from(from), "not known").help(help))
    }

    fn steps(&mut self, first_is_name: bool) -> Parsed<Vec<Step>> {
        let mut steps = Vec::new();
        if first_is_name {
            steps.push(Step::Property(self.property()?));
        }
        loop {
            match self.token() {
                Token::Sign('.') => {
                    self.at += 1;
                    steps.push(Step::Property(self.property()?));
                }
                Token::Sign('?') => {
                    self.at += 1;
                    if !matches!(steps.last(), Some(Step::Optional)) {
                        steps.push(Step::Optional);
                    }
                }
                Token::Sign('[') if self.used == Use::Answer => steps.push(self.index()?),
                Token::Arrow => steps.push(self.method()?),
                _ => return Ok(steps),
            }
        }
    }

    fn property(&mut self) -> Parsed<Spanned<String>> {
        match self.token().clone() {
            Token::Name(value) | Token::Text(value) => {
                let from = self.at;
                self.at += 1;
                Ok(Spanned { value, span: self.span_from(from) })
            }
            token => Err(self.outside(&token)),
        }
    }

    fn index(&mut self) -> Parsed<Step> {
        let from = self.at;
        self.at += 1;
        let Token::Number(number) = self.token().clone() else {
            return Err(self.error(Code::C001, "expected an index such as `[0]`", "not a number", self.at));
        };
        self.at += 1;
        let index = number.as_u64().and_then(|index| u32::try_from(index).ok());
        let Some(value) = index else {
            return Err(self.error(Code::C001, "an index is a whole number from 0", "not an index", self.at - 1));
        };
        self.expect(']')?;
        Ok(Step::Index(Spanned { value, span: self.span_from(from) }))
    }

    fn method(&mut self) -> Parsed<Step> {
        self.at += 1;
        let from = self.at;
        let Token::Name(name) = self.token().clone() else {
            return Err(self.error(Code::C001, "expected a method behind `->`", "not a method", self.at));
        };
        self.at += 1;
        let method = match name.as_str() {
            "first" => Method::First,
            "last" => Method::Last,
            "size" => Method::Size,
            "not" => Method::Not,
            "eq" => {
                self.expect('(')?;
                let value = self.literal()?;
                self.expect(')')?;
                Method::Eq(value)
            }
            "match" => self.match_pairs(from)?,
            "map" => self.map_path()?,
            _ => {
                let message = format!("method `->{name}` is outside the subset");
                let help = "known are `->first`, `->last`, `->map`, `->match`, `->eq`, `->not` and `->size`";
                return Err(Box::new(Finding::new(Code::C004, message, self.span_from(from), "not known").help(help)));
            }
        };
        let takes_nothing = matches!(method, Method::First | Method::Last | Method::Size | Method::Not);
        if takes_nothing && *self.token() == Token::Sign('(') {
            self.at += 1;
            self.expect(')')?;
        }
        Ok(Step::Method(method, self.span_from(from)))
    }

    /// Reads `match([["card", "Card"], …])` or `match(["card", "Card"], …)`.
    fn match_pairs(&mut self, from: usize) -> Parsed<Method> {
        self.expect('(')?;
        let mut rows = Vec::new();
        while *self.token() != Token::Sign(')') {
            rows.push(self.literal()?);
        }
        self.at += 1;
        if let [Json::Array(only)] = rows.as_slice()
            && only.iter().all(Json::is_array)
        {
            rows = only.clone();
        }
        let mut pairs = Vec::new();
        for row in rows {
            let Json::Array(row) = row else {
                return Err(self.error(Code::C001, "`->match` takes pairs: `[[\"a\", \"A\"]]`", "not pairs", from));
            };
            let Ok([when, then]) = <[Json; 2]>::try_from(row) else {
                return Err(self.error(Code::C001, "`->match` takes pairs: `[[\"a\", \"A\"]]`", "not pairs", from));
            };
            if pairs.iter().any(|(other, _)| *other == when) {
                let message = format!("`->match` has two answers for `{when}`");
                return Err(self.error(Code::C006, &message, "only the first would be taken", from));
            }
            pairs.push((when, then));
        }
        if pairs.is_empty() {
            return Err(self.error(Code::C001, "`->match` takes pairs: `[[\"a\", \"A\"]]`", "no pairs", from));
        }
        Ok(Method::Match(pairs))
    }

    /// Reads `map(a.b)` or `map(@.a.b)`.
    fn map_path(&mut self) -> Parsed<Method> {
        self.expect('(')?;
        if *self.token() == Token::Sign('@') {
            self.at += 1;
            self.expect('.')?;
        }
        let mut path = vec![self.property()?];
        while *self.token() == Token::Sign('.') {
            self.at += 1;
            path.push(self.property()?);
        }
        self.expect(')')?;
        Ok(Method::Map(path))
    }

    fn fields(&mut self) -> Parsed<Fields> {
        let from = self.at;
        self.expect('{')?;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error(Code::C005, "mapping is nested too deeply", "more than 32 levels here", from));
        }
        let entries = named(self.items(|token| *token == Token::Sign('}'))?)?;
        self.depth -= 1;
        self.at += 1;
        Ok(Fields { entries, span: self.span_from(from) })
    }

    fn literal(&mut self) -> Parsed<Json> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error(Code::C005, "mapping is nested too deeply", "more than 32 levels here", self.at));
        }
        let value = match self.token().clone() {
            Token::Text(text) => Json::String(text),
            Token::Number(number) => Json::Number(number),
            Token::Name(name) => match name.as_str() {
                "true" => Json::Bool(true),
                "false" => Json::Bool(false),
                "null" => Json::Null,
                _ => return Err(self.error(Code::C001, "expected a literal", "quote it if it is text", self.at)),
            },
            Token::Sign('[') => {
                self.at += 1;
                let mut members = Vec::new();
                while *self.token() != Token::Sign(']') {
                    members.push(self.literal()?);
                }
                Json::Array(members)
            }
            Token::Sign('{') => {
                self.at += 1;
                let mut members = Map::default();
                while *self.token() != Token::Sign('}') {
                    let name = self.property()?;
                    self.expect(':')?;
                    let value = self.literal()?;
                    if members.insert(name.value.clone(), value).is_some() {
                        let message = format!("`{}` is given twice", name.value);
                        return Err(Box::new(Finding::new(Code::C006, message, name.span, "given again")));
                    }
                }
                Json::Object(members)
            }
            token => return Err(self.outside(&token)),
        };
        self.at += 1;
        self.depth -= 1;
        Ok(value)
    }

    fn outside(&self, token: &Token) -> Box<Finding> {
        match token {
            Token::Spread => self.error(Code::C003, "spread `...` is outside the subset", "name each field", self.at),
            Token::Sign('*') => self.error(Code::C003, "`*` is outside the subset", "name each field", self.at),
            Token::Sign('@') => {
                self.error(Code::C003, "`@` is outside the subset", "only inside `->map(@.path)`", self.at)
            }
            Token::End => self.error(Code::C001, "mapping ends too early", "expected a value", self.at),
            Token::Number(_) | Token::Text(_) => {
                self.error(Code::C001, "a literal is written `$(…)` here", "not a path", self.at)
            }
            Token::Name(name) => {
                let message = format!("`{name}` is not a value");
                let help = "an input starts with `$args`, `$this`, `$batch`, `$claims` or `$config`";
                let mut finding = self.error(Code::C001, &message, "expected an input or a literal", self.at);
                finding.help = Some(help.to_owned());
                finding
            }
            _ => self.error(Code::C001, "unexpected text in mapping", "not expected here", self.at),
        }
    }

    fn expect(&mut self, sign: char) -> Parsed<()> {
        if *self.token() != Token::Sign(sign) {
            let message = format!("expected `{sign}`");
            return Err(self.error(Code::C001, &message, "not expected here", self.at));
        }
        self.at += 1;
        Ok(())
    }

    fn expect_end(&mut self) -> Parsed<()> {
        match self.token().clone() {
            Token::End => Ok(()),
            token => Err(self.outside(&token)),
        }
    }

    fn token(&self) -> &Token {
        self.token_at(self.at)
    }

    fn token_at(&self, at: usize) -> &Token {
        self.tokens.get(at).map_or(&Token::End, |lexed| &lexed.token)
    }

    /// Gives the span of a range of tokens. For an empty range, it is the span of the token at its start.
    fn span_of(&self, tokens: std::ops::Range<usize>) -> Span {
        let at = |index: usize| self.tokens.get(index).or(self.tokens.last());
        let start = at(tokens.start).map_or(0, |lexed| lexed.start);
        let end = at(tokens.end.saturating_sub(1).max(tokens.start)).map_or(start, |lexed| lexed.end);
        self.text.span(start, end)
    }

    fn span_from(&self, from: usize) -> Span {
        self.span_of(from..self.at)
    }

    fn error(&self, code: Code, message: &str, label: &str, at: usize) -> Box<Finding> {
        let lexed = self.tokens.get(at).or(self.tokens.last());
        let span = lexed.map_or(self.text.span(0, 0), |lexed| self.text.span(lexed.start, lexed.end));
        Box::new(Finding::new(code, message, span, label))
    }
}

enum Item {
    Named(Entry),
    Unnamed(Expression),
}

/// Makes an object of items. Each must have a name, and no name may be given twice.
fn named(items: Vec<Item>) -> Parsed<Vec<Entry>> {
    let mut entries: Vec<Entry> = Vec::new();
    for item in items {
        match item {
            Item::Named(entry) => {
                if entries.iter().any(|other| other.name.value == entry.name.value) {
                    let message = format!("`{}` is given twice", entry.name.value);
                    return Err(Box::new(Finding::new(Code::C006, message, entry.name.span, "given again")));
                }
                entries.push(entry);
            }
            Item::Unnamed(value) => {
                let finding =
                    Finding::new(Code::C003, "an unnamed value beside named fields", value.span, "has no name")
                        .help("give it one: `name: path`");
                return Err(Box::new(finding));
            }
        }
    }
    Ok(entries)
}
