//! Problem details (RFC 9457): the one text of an upstream body that a caller may read as a message.
//!
//! In: an answer whose status is an error. Out: its `detail`, else its `title`, if the contract declares
//! `application/problem+json` for that status. Everything else of the body stays here.

use crate::compose::Way;
use crate::json;
use crate::upstream::Answer;
use serde::Deserialize;
use serde_json::value::RawValue;

/// Longest message, in characters.
const MAX_CHARACTERS: usize = 300;

/// Members that are not text are as good as missing.
#[derive(Deserialize)]
struct Problem<'a> {
    #[serde(borrow)]
    detail: Option<&'a RawValue>,
    #[serde(borrow)]
    title: Option<&'a RawValue>,
}

/// What a service says about a status, on one line; `None`: nothing that may be passed on.
pub(super) fn message(way: &Way, answer: &Answer) -> Option<String> {
    if !way.has_problem(answer.status) {
        return None;
    }
    // An array would do for a struct, too.
    let body = answer.body.trim_ascii_start();
    json::check(body).ok()?;
    let problem: Problem<'_> = body.starts_with(b"{").then(|| serde_json::from_slice(body).ok())??;
    let texts = [problem.detail, problem.title].into_iter().flatten();
    let texts = texts.filter_map(|raw| serde_json::from_str::<String>(raw.get()).ok());
    texts.map(|text| one_line(&text)).find(|text| !text.is_empty())
}

/// Without control characters, and no longer than allowed.
fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let line = words.collect::<Vec<_>>().join(" ");
    if line.chars().nth(MAX_CHARACTERS).is_none() {
        return line;
    }
    line.chars().take(MAX_CHARACTERS - 1).chain(['…']).collect()
}
