//! Digests, which show whether two answers are equal although neither is kept.
//!
//! In: JSON text, or the rows that an answer was projected into. Out: a number, computed with a random key of this
//! process, so that nobody else can predict it.
//!
//! Always true:
//! - white space, the order of members and the spelling of strings make no difference; numbers differ if their texts
//!   do;
//! - of an error, only the path and the code count; all codes of failures of services (`UPSTREAM_…`) count as one.

use super::arena::{Arena, Slot};
use super::pace::Pace;
use crate::json::{Json, Malformed};
use crate::plan::{FrameId, SlotId};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::OnceLock;

/// How many slots are read in one slice of the work.
const SLICE: usize = 4_096;

/// The prefix of codes that count as one: all ways in which a service fails are one outage.
const OUTAGE: &str = "UPSTREAM_";

/// Makes digests with one key. Two digests can be compared only if the same value of this type made both.
#[derive(Debug)]
pub(super) struct Digests(ahash::RandomState);

/// The parts of an error by which it differs from others.
#[derive(Deserialize)]
struct ErrorView<'a> {
    #[serde(borrow)]
    path: Option<&'a RawValue>,
    #[serde(borrow, default)]
    extensions: Extensions<'a>,
}

#[derive(Default, Deserialize)]
struct Extensions<'a> {
    #[serde(borrow)]
    code: Option<Cow<'a, str>>,
}

impl Digests {
    /// The digests of this process, whose key is drawn once.
    pub(super) fn of_process() -> &'static Self {
        static DIGESTS: OnceLock<Digests> = OnceLock::new();
        DIGESTS.get_or_init(|| Self(ahash::RandomState::new()))
    }

    /// The digest of anything that can be hashed.
    pub(super) fn of(&self, value: &impl Hash) -> u64 {
        self.0.hash_one(value)
    }

    /// The digest of a whole answer: its `data` and its `errors`.
    pub(super) fn answer(&self, body: &[u8]) -> u64 {
        // A body that is not JSON is compared by its bytes.
        self.members(body).unwrap_or_else(|Malformed| self.0.hash_one(body))
    }

    fn members(&self, body: &[u8]) -> Result<u64, Malformed> {
        let mut json = Json::known(body, 0);
        let (mut data, mut errors, mut is_first) = (0, 0, true);
        json.peek();
        json.enter()?;
        while json.next_member(std::mem::take(&mut is_first))? {
            match json.name()?.inner {
                b"data" => data = self.value(&mut json)?,
                b"errors" => {
                    let all = json.skip()?;
                    errors = self.errors(json.text(all))?;
                }
                _ => _ = json.skip()?,
            }
        }
        Ok(self.0.hash_one((data, errors)))
    }

    /// The digest of a list of errors, which does not depend on their order.
    fn errors(&self, text: &[u8]) -> Result<u64, Malformed> {
        let errors: Vec<ErrorView<'_>> = serde_json::from_slice(text).map_err(|_| Malformed)?;
        let each = errors.iter().map(|error| {
            let path = error.path.map_or("", RawValue::get);
            self.0.hash_one((path, class_of(error.extensions.code.as_deref().unwrap_or_default())))
        });
        Ok(each.fold(0, u64::wrapping_add))
    }

    fn value(&self, json: &mut Json<'_>) -> Result<u64, Malformed> {
        let mut count = 0_u64;
        match json.peek() {
            Some(b'{') => {
                let mut members = 0_u64;
                json.enter()?;
                while json.next_member(count == 0)? {
                    let name = json.name()?;
                    members = members.wrapping_add(self.0.hash_one((name.decode(), self.value(json)?)));
                    count += 1;
                }
                json.leave();
                Ok(self.0.hash_one((b'{', count, members)))
            }
            Some(b'[') => {
                let mut hasher = self.0.build_hasher();
                json.enter()?;
                while json.next_item(count == 0)? {
                    self.value(json)?.hash(&mut hasher);
                    count += 1;
                }
                json.leave();
                (b'[', count).hash(&mut hasher);
                Ok(hasher.finish())
            }
            Some(b'"') => Ok(self.0.hash_one((b'"', json.string()?.decode()))),
            _ => {
                let scalar = json.skip()?;
                Ok(self.0.hash_one((b'0', json.text(scalar))))
            }
        }
    }

    /// The digest of all rows, that is, of the answers of all steps that have ended. The work is done in slices.
    pub(super) async fn rows(&self, arena: &Arena, widths: &[u32], pace: &mut Pace) -> u64 {
        let mut hasher = self.0.build_hasher();
        let mut looked_at = 0;
        for (frame, &width) in widths.iter().enumerate() {
            let frame = FrameId::at(frame);
            (frame, arena.rows(frame)).hash(&mut hasher);
            for row in 0..arena.rows(frame) {
                (0..width).for_each(|slot| self.slot(arena, arena.get(frame, row, SlotId(slot)), &mut hasher));
                looked_at += width as usize;
                if looked_at >= SLICE {
                    looked_at = 0;
                    pace.rest().await;
                }
            }
        }
        arena.unplaced.iter().for_each(|&error| class_of(&arena.failures[error as usize].code).hash(&mut hasher));
        pace.end();
        hasher.finish()
    }

    fn slot(&self, arena: &Arena, slot: Slot, hasher: &mut impl Hasher) {
        match slot {
            Slot::Unset => 0_u8.hash(hasher),
            Slot::Null => 1_u8.hash(hasher),
            Slot::Object(variant) => (2_u8, variant).hash(hasher),
            Slot::Text { body, start, len } => {
                let text = arena.text(body, start, len);
                let value = match text.first() {
                    Some(b'{' | b'[' | b'"') => self.value(&mut Json::known(text, 0)),
                    _ => Err(Malformed),
                };
                (3_u8, value.unwrap_or_else(|Malformed| self.0.hash_one(text))).hash(hasher);
            }
            Slot::Rows { start, len } => (4_u8, start, len).hash(hasher),
            Slot::Indexed { start, len } => {
                (5_u8, &arena.indices[start as usize..(start + len) as usize]).hash(hasher);
            }
            Slot::Row(row) => (6_u8, row).hash(hasher),
            Slot::Failed(error) => (7_u8, class_of(&arena.failures[error as usize].code)).hash(hasher),
        }
    }
}

/// The class of a code: all codes of outages are one class.
fn class_of(code: &str) -> &str {
    if is_outage(code) { OUTAGE } else { code }
}

/// Whether a code means that a service has failed, rather than that data is wrong.
pub(super) fn is_outage(code: &str) -> bool {
    code.starts_with(OUTAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_that_say_the_same_have_one_digest() {
        let digests = Digests::of_process();
        let all: [&[&str]; 8] = [
            &[
                r#"{"data":{"a":1,"b":{"x":"é","y":[1,2]}}}"#,
                r#"{"data": {"b":{"y":[ 1,2 ],"x":"\u00e9"},"a":1} }"#,
                r#"{"data":{"a":1,"b":{"x":"é","y":[1,2]}},"extensions":{"bespoke":{"ms":3}}}"#,
            ],
            &[r#"{"data":{"a":1,"b":{"x":"é","y":[2,1]}}}"#],
            &[r#"{"data":{"a":1.0,"b":{"x":"é","y":[1,2]}}}"#],
            &[r#"{"data":{"a":null}}"#],
            &[r#"{"data":{}}"#, r#"{"data":{ }}"#],
            &[
                r#"{"data":{"a":null},"errors":[{"message":"x","path":["a"],"extensions":{"code":"UPSTREAM_TIMEOUT"}}]}"#,
                r#"{"data":{"a":null},"errors":[{"message":"y","path":["a"],"extensions":{"code":"UPSTREAM_STATUS"}}]}"#,
            ],
            &[r#"{"data":{"a":null},"errors":[{"message":"x","path":["a"],"extensions":{"code":"NOT_FOUND"}}]}"#],
            &[r#"{"data":{"a":null},"errors":[{"message":"x","path":["b"],"extensions":{"code":"NOT_FOUND"}}]}"#],
        ];
        let digests: Vec<Vec<u64>> =
            all.iter().map(|alike| alike.iter().map(|body| digests.answer(body.as_bytes())).collect()).collect();
        for (number, alike) in digests.iter().enumerate() {
            assert!(alike.iter().all(|digest| *digest == alike[0]), "{:?}", all[number]);
            for other in &digests[number + 1..] {
                assert_ne!(alike[0], other[0], "{:?}", all[number]);
            }
        }
    }
}
