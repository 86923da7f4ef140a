//! Printing of mappings as text.

use super::ast::{Entry, Expression, Fields, Mapping, MappingBody, Method, Start, Step};
use std::fmt::{Display, Formatter, Result};

impl Display for Mapping {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match &self.body {
            MappingBody::Entries(fields) => write_entries(&fields.entries, f),
            MappingBody::Value(value) => value.fmt(f),
        }
    }
}

fn write_entries(entries: &[Entry], f: &mut Formatter<'_>) -> Result {
    for (at, entry) in entries.iter().enumerate() {
        if at > 0 {
            f.write_str("  ")?;
        }
        entry.fmt(f)?;
    }
    Ok(())
}

impl Display for Entry {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if self.is_aliased {
            write!(f, "{}: ", self.name.value)?;
        }
        self.value.fmt(f)
    }
}

impl Display for Fields {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str("{ ")?;
        write_entries(&self.entries, f)?;
        f.write_str(" }")
    }
}

impl Display for Expression {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let is_path = match &self.start {
            Start::Here { is_dollar } => {
                f.write_str(if *is_dollar { "$" } else { "" })?;
                !is_dollar
            }
            Start::Variable(variable) => f.write_str(variable.name()).map(|()| false)?,
            Start::Literal(value) => write!(f, "$({value})").map(|()| false)?,
            Start::Object(fields) => fields.fmt(f).map(|()| false)?,
            Start::List(members) => {
                f.write_str("[")?;
                for (at, member) in members.iter().enumerate() {
                    write!(f, "{}{member}", if at > 0 { ", " } else { "" })?;
                }
                f.write_str("]").map(|()| false)?
            }
        };
        for (at, step) in self.steps.iter().enumerate() {
            match step {
                Step::Property(name) => {
                    let dot = if is_path && at == 0 { "" } else { "." };
                    write!(f, "{dot}{}", property(&name.value))?;
                }
                Step::Index(index) => write!(f, "[{}]", index.value)?,
                Step::Optional => f.write_str("?")?,
                Step::Method(method, _) => method.fmt(f)?,
            }
        }
        if let Some(fields) = &self.selection {
            write!(f, " {fields}")?;
        }
        match &self.or {
            Some(or) => write!(f, " ?? {or}"),
            None => Ok(()),
        }
    }
}

impl Display for Method {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::First => f.write_str("->first"),
            Self::Last => f.write_str("->last"),
            Self::Size => f.write_str("->size"),
            Self::Not => f.write_str("->not"),
            Self::Eq(value) => write!(f, "->eq({value})"),
            Self::Match(pairs) => {
                f.write_str("->match([")?;
                for (at, (when, then)) in pairs.iter().enumerate() {
                    write!(f, "{}[{when}, {then}]", if at > 0 { ", " } else { "" })?;
                }
                f.write_str("])")
            }
            Self::Map(path) => {
                let path: Vec<String> = path.iter().map(|name| property(&name.value)).collect();
                write!(f, "->map(@.{})", path.join("."))
            }
        }
    }
}

/// Writes a property, in quotes unless it is a plain name.
fn property(name: &str) -> String {
    let is_plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if is_plain { name.to_owned() } else { format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"")) }
}
