//! Reading a text into a [`Value`].

use super::value::{Map, Value};
use super::{Json, Malformed, Number};

/// Why a text cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// It does not follow the grammar of RFC 8259.
    #[error("it is not JSON")]
    NotJson,
    /// Its objects and lists are nested deeper than [`super::MAX_DEPTH`].
    #[error("objects and lists are nested deeper than 128 levels")]
    TooDeep,
    /// A string has an escape that is half of a surrogate pair, such as `\ud83d` alone. The grammar allows it, but the
    /// string is not Unicode text (RFC 8259 §8.2), which a GraphQL string must be.
    #[error("a string holds half of a surrogate pair, which is no character")]
    HalfSurrogate,
    /// Two members of one object have the same name; only [`Value::read_unique`] refuses this.
    #[error("two members of an object have the same name")]
    Repeated,
}

impl From<Malformed> for ReadError {
    fn from(Malformed: Malformed) -> Self {
        Self::NotJson
    }
}

impl Value {
    /// Reads one JSON text, which may have white space around it.
    ///
    /// # Errors
    /// The text is not JSON, is nested too deeply, or has a string that is not Unicode text.
    pub fn read(text: &[u8]) -> Result<Self, ReadError> {
        whole::<false>(text)
    }

    /// Reads one JSON text as [`Self::read`] does, but refuses objects that have two members of one name. RFC 8259 §4
    /// leaves it to the reader which of the two counts, so two readers of one text may read two things.
    ///
    /// # Errors
    /// As [`Self::read`], and [`ReadError::Repeated`].
    pub fn read_unique(text: &[u8]) -> Result<Self, ReadError> {
        whole::<true>(text)
    }
}

fn whole<const UNIQUE: bool>(text: &[u8]) -> Result<Value, ReadError> {
    let mut cursor = Json::new(text)?;
    let value = value::<UNIQUE>(&mut cursor)?;
    if cursor.peek().is_some() { Err(ReadError::NotJson) } else { Ok(value) }
}

fn value<const UNIQUE: bool>(cursor: &mut Json<'_>) -> Result<Value, ReadError> {
    match cursor.peek() {
        Some(b'{') => object::<UNIQUE>(cursor),
        Some(b'[') => list::<UNIQUE>(cursor),
        Some(b'"') => text(cursor).map(Value::String),
        Some(b't') => cursor.literal(b"true").map(|()| Value::Bool(true)).map_err(Into::into),
        Some(b'f') => cursor.literal(b"false").map(|()| Value::Bool(false)).map_err(Into::into),
        Some(b'n') => cursor.literal(b"null").map(|()| Value::Null).map_err(Into::into),
        _ => {
            let span = cursor.skip()?;
            let digits = std::str::from_utf8(cursor.text(span)).map_err(|_| ReadError::NotJson)?;
            Ok(Value::Number(Number::of_checked(digits)))
        }
    }
}

fn object<const UNIQUE: bool>(cursor: &mut Json<'_>) -> Result<Value, ReadError> {
    cursor.enter().map_err(|Malformed| ReadError::TooDeep)?;
    let mut members = Map::default();
    let mut is_first = true;
    while cursor.next_member(is_first)? {
        is_first = false;
        let name = text(cursor)?;
        cursor.expect(b':')?;
        let replaced = members.insert(name, value::<UNIQUE>(cursor)?);
        // Elsewhere, of equal names the last counts.
        if UNIQUE && replaced.is_some() {
            return Err(ReadError::Repeated);
        }
    }
    cursor.leave();
    Ok(Value::Object(members))
}

fn list<const UNIQUE: bool>(cursor: &mut Json<'_>) -> Result<Value, ReadError> {
    cursor.enter().map_err(|Malformed| ReadError::TooDeep)?;
    let mut items = Vec::new();
    while cursor.next_item(items.is_empty())? {
        items.push(value::<UNIQUE>(cursor)?);
    }
    cursor.leave();
    Ok(Value::Array(items))
}

fn text(cursor: &mut Json<'_>) -> Result<String, ReadError> {
    let text = cursor.string()?.decode();
    String::from_utf8(text.into_owned()).map_err(|_| ReadError::HalfSurrogate)
}
