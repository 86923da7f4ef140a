//! Problem details (RFC 9457): the only text of an upstream body that a caller may read as a message.
//!
//! In: an answer whose status is an error. Out: its `detail` or else its `title`, if the contract declares
//! `application/problem+json` for that status. The rest of the body is not passed on.

use crate::compose::Way;
use crate::json;
use crate::upstream::Answer;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The greatest length of a message, in characters.
const MAX_CHARACTERS: usize = 300;

/// The members of a problem. One that is not a string counts as missing.
#[derive(Deserialize)]
struct Problem<'a> {
    #[serde(borrow)]
    detail: Option<&'a RawValue>,
    #[serde(borrow)]
    title: Option<&'a RawValue>,
}

/// What a service says about a status, on one line. `None` if the service says nothing that may be passed on.
pub(super) fn message(way: &Way, answer: &Answer) -> Option<String> {
    if !way.has_problem(answer.status) {
        return None;
    }
    // Only an object is accepted, because `serde` would read a struct from an array too.
    let body = answer.body.trim_ascii_start();
    json::check(body).ok()?;
    let problem: Problem<'_> = body.starts_with(b"{").then(|| serde_json::from_slice(body).ok())??;
    let texts = [problem.detail, problem.title].into_iter().flatten();
    let texts = texts.filter_map(|raw| serde_json::from_str::<String>(raw.get()).ok());
    texts.map(|text| one_line(&text)).find(|text| !text.is_empty())
}

/// The text without control characters, and cut to [`MAX_CHARACTERS`].
fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let line = words.collect::<Vec<_>>().join(" ");
    if line.chars().nth(MAX_CHARACTERS).is_none() {
        return line;
    }
    line.chars().take(MAX_CHARACTERS - 1).chain(['…']).collect()
}
