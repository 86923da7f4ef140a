//! One step: its keys are collected from all places that feed it, and the answers go back to these places.
//!
//! Always true:
//! - equal keys are asked for once, in the order of their first appearance;
//! - answer `i` belongs to key `i`; a key that the service does not know gets null, and never the value of another key;
//! - a failed call fails its own keys only.

use super::arena::{Arena, Failure, Slot, index};
use super::cause::Evidence;
use super::entity_cache::Keep;
use super::input::Key;
use super::key_rules::KeyRules;
use super::leaf;
use super::problem;
use super::project::{BrokenBody, KeyIndex, Pairs, Target, misfits, most_items, project};
use super::read::{RowLookUp, TextSpan, Token, follow, plain, token};
use super::required::complete;
use super::run::SourceAccess;
use crate::compose::{Input, Way};
use crate::contract::StatusPattern;
use crate::plan::{Capture, Feed, OutcomePlan, PairingPlan, Step, StepId, When};
use crate::upstream::Answer;
use bytes::Bytes;
use smallvec::SmallVec;
use std::collections::hash_map::Entry;
use std::ops::Range;

/// A step's keys, and the rows that wait for them.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// The distinct keys, in the order of first appearance.
    pub(super) keys: Vec<Key>,
    index: KeyIndex,
    members: Vec<Member>,
    /// The text that was looked up last, and its number, because neighbours in a list often have the same key.
    last: Option<(TextSpan, u32)>,
}

#[derive(Debug, Clone, Copy)]
struct Member {
    feed: u32,
    row: u32,
    key: u32,
}

/// How many rows are read in one slice of the work.
const SLICE: u32 = 2_048;

/// Collects a step's keys, slice by slice. Rows without a key get null. Rows whose key has failed, or cannot be sent,
/// get an error.
pub(super) struct KeyCollection<'a> {
    step: &'a Step,
    way: &'a Way,
    rules: KeyRules,
    pub(super) keys: Keys,
    /// The next row: the index of its feed, and its number.
    feed: usize,
    row: u32,
}

impl<'a> KeyCollection<'a> {
    pub(super) fn new(step: &'a Step, way: &'a Way) -> Self {
        Self { step, way, rules: KeyRules::of(way), keys: Keys::default(), feed: 0, row: 0 }
    }

    /// Reads one slice of the rows. Returns `false` if there are more.
    pub(super) fn go_on(&mut self, arena: &mut Arena, inputs: &dyn Fn(StepId, &Input) -> Option<String>) -> bool {
        let mut left = SLICE;
        while let Some(feed) = self.step.feeds.get(self.feed) {
            let end = arena.rows(feed.frame).min(self.row.saturating_add(left));
            left -= end.saturating_sub(self.row);
            for row in self.row..end {
                self.row(arena, feed, row, inputs);
            }
            if end < arena.rows(feed.frame) {
                self.row = end;
                return false;
            }
            (self.feed, self.row) = (self.feed + 1, 0);
        }
        true
    }

    fn row(&mut self, arena: &mut Arena, feed: &Feed, row: u32, inputs: &dyn Fn(StepId, &Input) -> Option<String>) {
        let Self { step, way, rules, keys, feed: number, .. } = self;
        let required = way.inputs.len();
        if let Some(When { tag, variant }) = feed.when {
            match arena.get(feed.frame, row, tag) {
                Slot::Object(found) if variant.is_none_or(|variant| variant == found) => {}
                // If the object is an error, so is everything that would have been fetched for it.
                failed @ Slot::Failed(_) => return arena.set(feed.frame, row, feed.join, failed),
                _ => return,
            }
        }
        if let Some(key) = keys.known(arena, feed, row) {
            keys.members.push(Member { feed: index(*number), row, key });
            return;
        }
        let mut key = Key::new();
        let mut refused = None;
        for (at, access) in feed.inputs.iter().enumerate() {
            let found = match follow(arena, &access.joins, feed.frame, row) {
                RowLookUp::Row(frame, row) => token(arena, &access.leaf, (frame, row), inputs),
                RowLookUp::Null => Token::Null,
                RowLookUp::Failed(error) => Token::Failed(error),
            };
            match found {
                Token::Text(text) => key.push(Some(String::from_utf8_lossy(&text).into_owned())),
                Token::Null if at < required => refused = Some(Slot::Null),
                Token::Null => key.push(None),
                Token::Failed(error) => refused = Some(Slot::Failed(error)),
            }
        }
        if refused.is_none() {
            refused = rules.refuse(&key).map(|failure| arena.fail(failure));
        }
        if refused.is_none() {
            refused = complete(step, &mut key, required).map(|failure| arena.fail(failure));
        }
        if let Some(refused) = refused {
            return arena.set(feed.frame, row, feed.join, refused);
        }
        let key = keys.number(key, step.pairing);
        keys.members.push(Member { feed: index(*number), row, key });
    }
}

impl Keys {
    /// The number of a row's key, if the key is one text and an earlier row had it. Most rows of a long list end here,
    /// so a key is checked and copied only once.
    fn known(&mut self, arena: &Arena, feed: &Feed, row: u32) -> Option<u32> {
        let [access] = feed.inputs.as_slice() else { return None };
        let span = plain(arena, &access.joins, &access.leaf, (feed.frame, row))?;
        let text = span.text(arena);
        if let Some((last, number)) = self.last
            && last.text(arena) == text
        {
            return Some(number);
        }
        let number = self.index.get(&*leaf::canonical_bytes(text)?).copied()?;
        self.last = Some((span, number));
        Some(number)
    }

    fn number(&mut self, key: Key, pairing: PairingPlan) -> u32 {
        let by_id = matches!(pairing, PairingPlan::Index { .. } | PairingPlan::Group { .. }) || key.len() == 1;
        let text = match key.as_slice() {
            [Some(token)] if by_id => leaf::canonical(token).unwrap_or(token.as_str().into()),
            _ => {
                // Each part follows its length, so that no two lists of inputs give the same text.
                let parts = key.iter().map(|part| part.as_deref().unwrap_or("null"));
                parts.fold(String::new(), |text, part| format!("{text}{}:{part}", part.len())).into()
            }
        };
        match self.index.entry(text.into_owned().into_bytes().into()) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                let number = *new.insert(index(self.keys.len()));
                self.keys.push(key);
                number
            }
        }
    }

    /// Keys for which no row waits, with the text by which each is known.
    pub(super) fn of(keys: Vec<Key>, texts: impl Iterator<Item = Box<str>>) -> Self {
        Self { keys, index: texts.map(str::into_boxed_bytes).zip(0..).collect(), ..Self::default() }
    }

    /// The text by which each key is known.
    pub(super) fn texts(&self) -> Vec<&str> {
        let mut texts = vec![""; self.keys.len()];
        for (text, &number) in &self.index {
            // They were made of texts.
            texts[number as usize] = std::str::from_utf8(text).unwrap_or_default();
        }
        texts
    }

    /// Numbers the keys by their ranks, the lowest first; keys of the same rank keep their order. Returns the new
    /// numbers.
    pub(super) fn put_in_order(&mut self, ranks: &[u8]) -> Vec<u32> {
        let mut order: Vec<usize> = (0..ranks.len()).collect();
        order.sort_by_key(|&at| ranks[at]);
        let mut numbers = vec![0; ranks.len()];
        order.iter().enumerate().for_each(|(number, &at)| numbers[at] = index(number));
        if !ranks.is_sorted() {
            self.keys = order.iter().map(|&at| std::mem::take(&mut self.keys[at])).collect();
            self.index.values_mut().for_each(|number| *number = numbers[*number as usize]);
            self.members.iter_mut().for_each(|member| member.key = numbers[member.key as usize]);
        }
        numbers
    }

    /// Writes each key's value to all rows that wait for it.
    pub(super) fn scatter(&self, step: &Step, arena: &mut Arena, values: &[Slot]) {
        for member in &self.members {
            let feed = &step.feeds[member.feed as usize];
            let value = values.get(member.key as usize).copied().unwrap_or(Slot::Null);
            arena.set(feed.frame, member.row, feed.join, value);
        }
    }
}

/// The keys of one call, and its result.
pub(super) struct CallResult {
    pub(super) keys: Range<usize>,
    pub(super) result: Result<Answer, Failure>,
    pub(super) form: Form,
    /// The data with which the answer is kept, if it can be read.
    pub(super) keep: Option<Keep>,
}

impl CallResult {
    /// The result of a call that was made for these keys.
    pub(super) fn by_call(keys: Range<usize>, result: Result<Answer, Failure>) -> Self {
        Self { keys, result, form: Form::Whole, keep: None }
    }
}

/// The form of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// The body is a service's whole answer.
    Whole,
    /// The body is only the list of items of a batched answer.
    Items,
}

/// An answer that was read and is to be kept.
pub(super) struct KeepableAnswer {
    pub(super) keep: Keep,
    pub(super) keys: Range<usize>,
    pub(super) body: Bytes,
    pub(super) status: u16,
    /// For a batched answer: the key of each item, and its range in the body.
    pub(super) spans: Vec<(u32, Range<usize>)>,
}

/// The contents of a step's answers.
struct AnswerContents {
    /// The key and the row of each item, in the answers' order. The row is `None` if the item was null.
    rows: Vec<(u32, Option<u32>)>,
    /// How many items were read for each key.
    counts: Vec<u64>,
    /// The keys whose value has an object or list of a wrong type. If the answer is to be kept, leaves of a wrong type
    /// count too.
    broken: Vec<u32>,
    /// The keys of calls whose answers had an item without a readable key, and the error for those of them that have no
    /// item.
    keyless: Vec<(Range<usize>, Slot)>,
    /// The ranges of items, if they are wanted.
    spans: Option<Vec<(u32, Range<usize>)>>,
}

/// The result of a step's answers.
pub(super) struct StepResult {
    /// The value of each key.
    pub(super) values: Vec<Slot>,
    /// The answers that may be kept, except for the keys in `broken`.
    pub(super) told: Vec<KeepableAnswer>,
    /// The keys, sorted, whose value has a wrong type. Nothing is kept for them, and an older value is dropped.
    pub(super) broken: Vec<u32>,
}

/// Projects a step's answers one after the other, and then combines them.
pub(super) struct StepProjection<'a> {
    step: &'a Step,
    way: &'a Way,
    keys: &'a Keys,
    source: &'a SourceAccess,
    values: Vec<Slot>,
    told: Vec<KeepableAnswer>,
    found: AnswerContents,
}

impl<'a> StepProjection<'a> {
    pub(super) fn new((step, way): (&'a Step, &'a Way), keys: &'a Keys, source: &'a SourceAccess) -> Self {
        let count = keys.keys.len();
        let counts = vec![0; count];
        let found = AnswerContents { rows: Vec::new(), counts, broken: Vec::new(), keyless: Vec::new(), spans: None };
        Self { step, way, keys, source, values: vec![Slot::Null; count], told: Vec::new(), found }
    }

    /// Projects the next answer.
    pub(super) fn take(&mut self, arena: &mut Arena, answered: CallResult) {
        let Self { step, way, keys, source, values, told, found } = self;
        let range = answered.keys.clone();
        let all = match answered.result {
            Err(failure) => Some(arena.fail(failure)),
            Ok(answer) => {
                found.spans = answered.keep.is_some().then(Vec::new);
                let asked = (range.clone(), answered.form);
                let all = receive((step, way), arena, keys, source, &answer, asked, found);
                // A null for a whole batch says nothing about any of its keys.
                let is_told = all.is_none() || all == Some(Slot::Null) && step.pairing == PairingPlan::Single;
                if let Some(keep) = answered.keep.filter(|_| is_told) {
                    let (keys, Answer { body, status, .. }) = (range.clone(), answer);
                    told.push(KeepableAnswer {
                        keep,
                        keys,
                        body,
                        status,
                        spans: found.spans.take().unwrap_or_default(),
                    });
                }
                all
            }
        };
        if let Some(all) = all {
            values[range].fill(all);
        }
    }

    /// Returns the result of the answers, after the last of them.
    pub(super) fn end(self, arena: &mut Arena) -> StepResult {
        let Self { step, keys, source, mut values, told, mut found, .. } = self;
        match step.pairing {
            PairingPlan::Single | PairingPlan::Position => {
                for &(key, row) in &found.rows {
                    let value = &mut values[key as usize];
                    if !matches!(value, Slot::Failed(_)) {
                        *value = row.map_or(Slot::Null, Slot::Row);
                    }
                }
            }
            PairingPlan::Index { .. } => pair_index(arena, keys, &source.name, &found, &mut values),
            PairingPlan::Group { .. } => pair_groups(step, arena, &source.name, &found, &mut values),
        }
        found.broken.sort_unstable();
        StepResult { values, told, broken: found.broken }
    }
}

/// Reads one answer by its status. Returns the value of all its keys, if they have the same one.
fn receive(
    (step, way): (&Step, &Way),
    arena: &mut Arena,
    keys: &Keys,
    source: &SourceAccess,
    answer: &Answer,
    (asked, form): (Range<usize>, Form),
    found: &mut AnswerContents,
) -> Option<Slot> {
    let service = &*source.name;
    let outcome = step.outcomes.iter().find(|(pattern, _)| matches(*pattern, answer.status)).map(|(_, plan)| plan);
    let capture = match outcome {
        Some(OutcomePlan::Null) => return Some(Slot::Null),
        Some(OutcomePlan::Code(code)) => {
            let message = problem::message(way, answer).unwrap_or_else(|| format!("the service refused: {code}"));
            let failure = Failure { code: code.clone().into(), ..Failure::new("", message) };
            return Some(arena.fail(failure.of(service)));
        }
        Some(OutcomePlan::Value(capture)) => capture,
        None if way.is_success(answer.status) => &step.answer,
        // A redirect that the binding does not map, although it maps another one, fails as it does if none is mapped.
        None if (300..400).contains(&answer.status) && takes_redirects(step) => {
            let failure = Failure::new("UPSTREAM_MALFORMED", "the service's answer is not what was expected");
            return Some(arena.fail(failure.of(service)));
        }
        None => {
            let what = "the service answered with a status that the binding does not map";
            let failure = status_failure(answer.status).of(service);
            let mut failure = failure.by(Evidence::answer(step.way, answer, what));
            if let Some(message) = problem::message(way, answer) {
                failure.message = message.into();
            }
            return Some(arena.fail(failure));
        }
    };
    let capture = match form {
        Form::Whole => capture,
        Form::Items => list_of_items(capture)?,
    };
    let body = match answer.body.is_empty() {
        // An answer that is made only of literals and inputs needs no body.
        true if needs_nothing(capture) && matches!(step.pairing, PairingPlan::Single) => Bytes::from_static(b"{}"),
        // A write may have nothing to return, and an answer may be declared without a body. Any other empty answer is
        // missing its value.
        true if step.document.is_some()
            || way.is_safe && way.declaration(answer.status).is_none_or(|it| it.has_body) =>
        {
            let failure = Failure::new("UPSTREAM_MALFORMED", "the service's answer is empty");
            let evidence = Evidence::answer(step.way, answer, "the answer has no body");
            return Some(arena.fail(failure.of(service).by(evidence)));
        }
        true => return Some(Slot::Null),
        false => answer.body.clone(),
    };
    let first = index(asked.start);
    let is_single = matches!(step.pairing, PairingPlan::Single);
    let keeps = found.spans.is_some();
    let rows: SmallVec<[u32; 8]> = match is_single && keeps {
        true => step.frames.iter().map(|&frame| arena.rows(frame)).collect(),
        false => SmallVec::new(),
    };
    let row = if is_single { arena.push_row(step.root) } else { 0 };
    let before = found.rows.len();
    let pairs = Pairs {
        pairing: step.pairing,
        keys: &keys.index,
        frames: &step.frames,
        asked: (first, index(asked.len())),
        found: &mut found.rows,
        counts: &mut found.counts,
        broken: &mut found.broken,
        leaves: if keeps { &step.leaves } else { &[] },
        spans: found.spans.as_mut(),
    };
    let target = Target { frame: step.root, row, max_items: source.max_list_items };
    let projected = project(capture, arena, &body, target, (!is_single).then_some(pairs), &step.frames);
    if let Ok(read) = projected {
        if is_single && (read.is_broken || keeps && misfits(arena, &step.leaves, &step.frames, &rows)) {
            found.broken.push(first);
        }
        if read.has_keyless && form == Form::Whole {
            let failure = Failure::new("UPSTREAM_SHAPE", "the service answered with an item that lacks its key");
            let evidence = Evidence::answer(step.way, answer, "the answer has an item that lacks its key");
            found.keyless.push((asked.clone(), arena.fail(failure.of(service).by(evidence))));
        }
    }
    if let Err(broken) = projected {
        found.rows.truncate(before);
        if is_single {
            arena.truncate(step.root, row);
        }
        let what = match broken {
            BrokenBody::TooLong => format!("the answer has lists of more than {} items", source.max_list_items),
            BrokenBody::NotJson => not_json(&body),
            BrokenBody::Items(what) => format!("the answer has {what}"),
        };
        let failure = match broken {
            BrokenBody::TooLong => {
                let most = source.max_list_items;
                Failure::new("UPSTREAM_LIST_TOO_LONG", format!("the service answered with more than {most} items"))
            }
            BrokenBody::NotJson => Failure::new("UPSTREAM_MALFORMED", "the service's answer is not what was expected"),
            BrokenBody::Items(what) => {
                // If the data of a GraphQL source is null, its errors say why.
                if step.document.is_some()
                    && let Some(failed) = super::remote::place_errors(step, capture, arena, service, answer, &[])
                {
                    return Some(failed);
                }
                Failure::new("UPSTREAM_SHAPE", format!("the service answered with {what}"))
            }
        };
        let evidence = Evidence::answer(step.way, answer, what);
        return Some(arena.fail(failure.of(service).by(evidence)));
    }
    if is_single {
        found.rows.push((first, Some(row)));
    }
    // Nothing of an answer with errors is kept.
    if step.document.is_some() && form == Form::Whole {
        return super::remote::place_errors(step, capture, arena, service, answer, &found.rows[before..]);
    }
    None
}

/// The reason why a body is no readable JSON, and the position of the fault.
fn not_json(body: &[u8]) -> String {
    if let Err(error) = std::str::from_utf8(body) {
        return format!("the answer is no JSON: it is not UTF-8 from byte {} on", error.valid_up_to());
    }
    match serde_json::from_slice::<serde::de::IgnoredAny>(body) {
        Err(error) => format!("the answer is no JSON: {error}"),
        Ok(_) => "the answer is JSON that is nested too deeply, or has half of a surrogate pair".to_owned(),
    }
}

/// The capture of the list of items in a batched answer.
fn list_of_items(capture: &Capture) -> Option<&Capture> {
    match capture {
        Capture::Items { .. } => Some(capture),
        Capture::Object(object) => object.properties.iter().find_map(|(_, inner)| list_of_items(inner)),
        Capture::Index { item, .. } => list_of_items(item),
        _ => None,
    }
}

/// Whether a binding gives a status a meaning, be it success or failure.
pub(super) fn is_declared(step: &Step, way: &Way, status: u16) -> bool {
    way.is_success(status) || step.outcomes.iter().any(|(pattern, _)| matches(*pattern, status))
}

/// Whether a status gives a value, and not a failure.
pub(super) fn is_outcome(step: &Step, way: &Way, status: u16) -> bool {
    let outcome = step.outcomes.iter().find(|(pattern, _)| matches(*pattern, status)).map(|(_, plan)| plan);
    match outcome {
        Some(OutcomePlan::Null | OutcomePlan::Value(_)) => true,
        Some(OutcomePlan::Code(_)) => false,
        None => way.is_success(status),
    }
}

/// Whether an outcome of a step may be a redirect.
pub(super) fn takes_redirects(step: &Step) -> bool {
    step.outcomes.iter().any(|(pattern, _)| match pattern {
        StatusPattern::Exact(status) => (300..400).contains(status),
        StatusPattern::Class(class) => *class == 3,
        StatusPattern::Default => true,
    })
}

/// Whether nothing of the body is wanted.
fn needs_nothing(capture: &Capture) -> bool {
    match capture {
        Capture::Object(object) => object.properties.is_empty(),
        Capture::Many(all) => all.iter().all(needs_nothing),
        _ => false,
    }
}

fn matches(pattern: StatusPattern, status: u16) -> bool {
    match pattern {
        StatusPattern::Exact(exact) => exact == status,
        StatusPattern::Class(class) => u16::from(class) == status / 100,
        StatusPattern::Default => true,
    }
}

fn status_failure(status: u16) -> Failure {
    let (code, message) = match status {
        401 => ("UNAUTHENTICATED", "the service does not know the caller"),
        403 => ("FORBIDDEN", "the caller may not do this"),
        404 => ("NOT_FOUND", "the service does not have it"),
        _ => return Failure::new("UPSTREAM_STATUS", format!("the service answered with status {status}")),
    };
    Failure::new(code, message)
}

fn pair_index(arena: &mut Arena, keys: &Keys, service: &str, found: &AnswerContents, values: &mut [Slot]) {
    for &(key, row) in &found.rows {
        let Some(row) = row else { continue };
        let value = &mut values[key as usize];
        if found.counts[key as usize] > 1 {
            let text = keys.keys[key as usize].first().and_then(Option::as_deref).unwrap_or_default();
            let message = format!("the service gave two items for the key {text}");
            *value = arena.fail(Failure::new("UPSTREAM_DUPLICATE", message).of(service));
        } else if !matches!(value, Slot::Failed(_)) {
            *value = Slot::Row(row);
        }
    }
    // An item without a readable key may belong to any key that has none.
    for (keys, failed) in &found.keyless {
        values[keys.clone()].iter_mut().filter(|value| **value == Slot::Null).for_each(|value| *value = *failed);
    }
}

/// Makes one list of each key's items, in the answer's order.
fn pair_groups(step: &Step, arena: &mut Arena, service: &str, found: &AnswerContents, values: &mut [Slot]) {
    let PairingPlan::Group { list, .. } = step.pairing else { return };
    let most = most_items(step.pairing);
    let mut groups: Vec<Vec<u32>> = vec![Vec::new(); values.len()];
    for &(key, row) in &found.rows {
        groups[key as usize].extend(row);
    }
    for (key, (value, group)) in values.iter_mut().zip(groups).enumerate() {
        if matches!(value, Slot::Failed(_)) {
            continue;
        }
        if found.counts[key] > most {
            let message = format!("the service answered with more than {most} items");
            *value = arena.fail(Failure::new("UPSTREAM_LIST_TOO_LONG", message).of(service));
            continue;
        }
        let start = index(arena.indices.len());
        arena.indices.extend(&group);
        let row = arena.push_row(step.root);
        arena.set(step.root, row, list, Slot::Indexed { start, len: index(group.len()) });
        *value = Slot::Row(row);
    }
}

/// The capture of a response key.
pub(super) fn property<'c>(capture: &'c Capture, key: &str) -> Option<&'c Capture> {
    match capture {
        Capture::Object(object) => object.properties.iter().find(|(name, _)| **name == *key).map(|(_, inner)| inner),
        Capture::Many(all) => all.iter().find_map(|capture| property(capture, key)),
        _ => None,
    }
}
