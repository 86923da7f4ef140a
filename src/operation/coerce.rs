//! Coercion of one variable: JSON text as it was sent becomes JSON text of the declared type, with the graph's names.
//!
//! In: the text of a value, and its type. Out: the text of the coerced value, or where and why it does not fit.
//! Elsewhere: which variables there are, and their defaults ([`super::variables`]).
//!
//! Always true:
//! - the text is read once, without building a tree of values;
//! - the coerced text is at most twice as long as the text that was sent, plus a constant;
//! - numbers keep their digits; each string is written in one way, so that equal values have equal texts.
//!
//! # Source
//! GraphQL §3, "Input Coercion" of each kind of type.

use super::error::{BAD_USER_INPUT, LIMIT_EXCEEDED};
use crate::json::{Json, Malformed, ReadError, Value, to_integer, write_text};
use crate::view::short;
use crate::view::table::{InputObjectView, InputType, Inputs};
use apollo_compiler::ast::Type;
use std::ops::Range;

/// The constant part of the longest coerced text, in bytes. It leaves room for defaults of input fields.
const DEFAULTS: usize = 64 << 10;

/// The longest text, in bytes, that a message shows whole and without white space.
const SHOWN: usize = 256;

/// A value that does not fit its type.
#[derive(Debug)]
pub(super) struct Misfit {
    /// The path inside the variable, such as `.price[0]`; empty for the variable itself.
    pub(super) path: String,
    pub(super) why: String,
    pub(super) code: &'static str,
}

impl Misfit {
    pub(super) fn here(why: impl Into<String>) -> Self {
        Self { path: String::new(), why: why.into(), code: BAD_USER_INPUT }
    }

    fn too_much(why: String) -> Self {
        Self { path: String::new(), why, code: LIMIT_EXCEEDED }
    }

    fn inside(self, at: &str) -> Self {
        Self { path: format!("{at}{}", self.path), ..self }
    }
}

impl From<Malformed> for Misfit {
    /// The text was JSON when the request was read, so the only thing that can be wrong is its depth.
    fn from(_: Malformed) -> Self {
        Self::here(ReadError::TooDeep.to_string())
    }
}

/// How many values the variables of a request may have, and how many of them are left.
#[derive(Debug)]
pub(super) struct Allowance {
    pub(super) most: u32,
    pub(super) left: u32,
}

impl Allowance {
    fn spend(&mut self) -> Result<(), Misfit> {
        let Some(left) = self.left.checked_sub(1) else {
            let most = self.most;
            let why = format!("the variables hold more than {most} values; send fewer at once");
            return Err(Misfit::too_much(why));
        };
        self.left = left;
        Ok(())
    }
}

/// Coerces the text of one value.
pub(super) fn coerce(inputs: &Inputs, ty: &Type, text: &[u8], allowance: &mut Allowance) -> Result<String, Misfit> {
    let most = text.len().saturating_mul(2).saturating_add(DEFAULTS);
    let out = String::with_capacity(text.len() + 2);
    let mut coercion = Coercion { inputs, json: Json::new(text)?, out, most, allowance };
    coercion.value(ty)?;
    Ok(coercion.out)
}

struct Coercion<'a> {
    inputs: &'a Inputs,
    json: Json<'a>,
    out: String,
    /// The greatest length of `out`, in bytes.
    most: usize,
    allowance: &'a mut Allowance,
}

impl<'a> Coercion<'a> {
    fn value(&mut self, ty: &Type) -> Result<(), Misfit> {
        self.allowance.spend()?;
        match (ty, self.json.peek()) {
            (Type::Named(_) | Type::List(_), Some(b'n')) => {
                self.json.literal(b"null")?;
                self.push("null")
            }
            (Type::NonNullNamed(_) | Type::NonNullList(_), Some(b'n')) => {
                Err(Misfit::here(format!("expected `{ty}`, found null")))
            }
            (Type::List(of) | Type::NonNullList(of), Some(b'[')) => self.list(of),
            (Type::List(of) | Type::NonNullList(of), _) => {
                self.push("[")?;
                self.value(of)?;
                self.push("]")
            }
            (Type::Named(name) | Type::NonNullNamed(name), first) => self.named(name, first),
        }
    }

    fn list(&mut self, of: &Type) -> Result<(), Misfit> {
        self.json.enter()?;
        self.push("[")?;
        let mut at = 0_usize;
        while self.json.next_item(at == 0)? {
            if at > 0 {
                self.push(",")?;
            }
            self.value(of).map_err(|misfit| misfit.inside(&format!("[{at}]")))?;
            at += 1;
        }
        self.json.leave();
        self.push("]")
    }

    fn named(&mut self, ty: &str, first: Option<u8>) -> Result<(), Misfit> {
        let inputs = self.inputs;
        let is_number = matches!(first, Some(b'-' | b'0'..=b'9'));
        match inputs.0.get(ty) {
            Some(InputType::Object(view)) if first == Some(b'{') => return self.object(ty, view),
            Some(InputType::Custom) | None => return self.anything(),
            Some(InputType::String) if first == Some(b'"') => return self.string(),
            Some(InputType::Id) if first == Some(b'"') => return self.string(),
            _ => {}
        }
        let start = self.json.at;
        let span = self.json.skip()?;
        let text = self.text(span);
        let coerced = match inputs.0.get(ty) {
            Some(InputType::Int) if is_number => integer(text).map(|number| number.to_string().into()),
            Some(InputType::Float) if is_number && is_finite(text) => Some(text.into()),
            Some(InputType::Boolean) if matches!(first, Some(b't' | b'f')) => Some(text.into()),
            Some(InputType::Id) if is_number && is_whole(text) => Some(format!("\"{text}\"").into()),
            Some(InputType::Enum(view)) if first == Some(b'"') => {
                self.json.at = start;
                let name = self.json.string()?.decode();
                let name = std::str::from_utf8(&name).ok().and_then(|name| view.to_graph.get(name));
                name.map(|name| format!("\"{name}\"").into())
            }
            _ => None::<std::borrow::Cow<'_, str>>,
        };
        match coerced {
            Some(coerced) => self.push(&coerced),
            None => Err(Misfit::here(format!("expected `{ty}`, found {}", found(text)))),
        }
    }

    fn object(&mut self, ty: &str, view: &'a InputObjectView) -> Result<(), Misfit> {
        self.json.enter()?;
        self.push("{")?;
        let begin = self.out.len();
        // For each member, its index in the definition and the range of its value in `out`.
        let mut members: Vec<(usize, Range<usize>)> = Vec::new();
        let mut is_first = true;
        let mut has_null = false;
        while self.json.next_member(is_first)? {
            is_first = false;
            let name = self.json.name()?.decode();
            let name = String::from_utf8_lossy(&name);
            let Some((at, name, field)) = view.fields.get_full(&*name) else {
                return Err(Misfit::here(format!("`{ty}` has no field `{}`", short(&name))));
            };
            if members.iter().any(|(other, _)| *other == at) {
                return Err(Misfit::here(format!("field `{name}` of `{ty}` is given twice")));
            }
            let start = self.out.len();
            has_null |= self.json.peek() == Some(b'n');
            if !(view.is_one_of && has_null) {
                self.value(&field.ty).map_err(|misfit| misfit.inside(&format!(".{name}")))?;
            }
            members.push((at, start..self.out.len()));
            if view.is_one_of && (members.len() > 1 || has_null) {
                break;
            }
        }
        if view.is_one_of && (members.len() != 1 || has_null) {
            return Err(Misfit::here(format!("exactly one field of `{ty}` must be given, and not be null")));
        }
        self.json.leave();
        self.in_order(ty, view, begin, &members)?;
        self.push("}")
    }

    /// Puts the members of an object, which are in `out` from `begin` on, into the order of the definition. Each member
    /// gets its name in the graph, and members that were not given get their defaults.
    fn in_order(
        &mut self,
        ty: &str,
        view: &InputObjectView,
        begin: usize,
        members: &[(usize, Range<usize>)],
    ) -> Result<(), Misfit> {
        let values = self.out.split_off(begin);
        let mut given: Vec<Option<&str>> = vec![None; view.fields.len()];
        for (at, range) in members {
            given[*at] = values.get(range.start - begin..range.end - begin);
        }
        for ((name, field), given) in view.fields.iter().zip(given) {
            match (given, &field.default) {
                (Some(value), _) => self.member(&field.graph, value, begin)?,
                (None, Some(default)) => self.member(&field.graph, &default.to_string(), begin)?,
                (None, None) if field.ty.is_non_null() => {
                    return Err(Misfit::here(format!("field `{name}` of `{ty}` is required")));
                }
                (None, None) => {}
            }
        }
        for (name, value) in &view.hidden {
            self.member(name, &value.to_string(), begin)?;
        }
        Ok(())
    }

    fn member(&mut self, name: &str, value: &str, begin: usize) -> Result<(), Misfit> {
        if self.out.len() > begin {
            self.push(",")?;
        }
        self.push("\"")?;
        self.push(name)?;
        self.push("\":")?;
        self.push(value)
    }

    /// Copies the value of a custom scalar, which may be any JSON (§3.5.5).
    fn anything(&mut self) -> Result<(), Misfit> {
        match self.json.peek() {
            Some(b'[') => {
                self.json.enter()?;
                self.push("[")?;
                let mut is_first = true;
                while self.json.next_item(is_first)? {
                    self.next(is_first)?;
                    is_first = false;
                    self.anything()?;
                }
                self.json.leave();
                self.push("]")
            }
            Some(b'{') => {
                self.json.enter()?;
                self.push("{")?;
                let mut is_first = true;
                while self.json.next_member(is_first)? {
                    self.next(is_first)?;
                    is_first = false;
                    self.string()?;
                    self.json.expect(b':')?;
                    self.push(":")?;
                    self.anything()?;
                }
                self.json.leave();
                self.push("}")
            }
            Some(b'"') => self.string(),
            _ => {
                let span = self.json.skip()?;
                self.push(self.text(span))
            }
        }
    }

    /// Goes on to the next item or member of a custom scalar's value.
    fn next(&mut self, is_first: bool) -> Result<(), Misfit> {
        self.allowance.spend()?;
        if is_first { Ok(()) } else { self.push(",") }
    }

    /// Copies a string, without escapes that JSON does not require.
    fn string(&mut self) -> Result<(), Misfit> {
        let start = self.json.at;
        let text = self.json.string()?;
        if !text.has_escapes {
            let span = start..self.json.at;
            return self.push(self.text(span));
        }
        let decoded = text.decode();
        let decoded = std::str::from_utf8(&decoded).map_err(|_| Misfit::here(ReadError::HalfSurrogate.to_string()))?;
        let mut quoted = String::with_capacity(decoded.len() + 2);
        write_text(decoded, &mut quoted);
        self.push(&quoted)
    }

    fn text(&self, span: Range<usize>) -> &'a str {
        // The whole text is UTF-8, and spans end at boundaries of characters.
        std::str::from_utf8(self.json.text(span)).unwrap_or_default()
    }

    fn push(&mut self, text: &str) -> Result<(), Misfit> {
        if self.out.len() + text.len() > self.most {
            let why = "with the defaults of its fields filled in, the value is too large; send less at once";
            return Err(Misfit::too_much(why.to_owned()));
        }
        self.out.push_str(text);
        Ok(())
    }
}

/// Describes the value that was found, for a message.
fn found(text: &str) -> String {
    if text.len() > SHOWN {
        return short(text);
    }
    let compact = Value::read(text.as_bytes()).map(|value| value.to_string());
    short(compact.as_deref().unwrap_or(text))
}

/// Reads an `Int`, which is a signed 32-bit integer (§3.5.1); `1.0` is one too.
fn integer(text: &str) -> Option<i32> {
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    to_integer(text).and_then(|number| i32::try_from(number).ok())
}

/// Whether a number is finite as a double (§3.5.2). JSON can write numbers that are beyond the range of doubles.
fn is_finite(text: &str) -> bool {
    text.parse::<f64>().is_ok_and(f64::is_finite)
}

/// Whether a number is an integer, which may be sent for an `ID` (§3.5.5).
fn is_whole(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.bytes().all(|byte| byte.is_ascii_digit()) && text != "-0"
}
