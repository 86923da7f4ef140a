//! Calls in flight: a key that another request is asking for is waited for, and not asked for again.
//!
//! In: the keys of batched calls that are about to be sent. Out: for each key, the call that will answer it.
//! Elsewhere: equal calls, which share one flight whatever they ask for ([`crate::upstream`]).
//!
//! Two lists of keys that overlap make two calls that are not equal. The second request waits for the keys of the first
//! call, and asks for the rest. Only a good answer is passed on. A call may have failed because of a key that the
//! waiting request does not want, so that request then asks by itself.
//!
//! Always true:
//! - a request waits only for a call of the same domain, credential scope included, that asks for all properties that
//!   it wants;
//! - nobody joins a call that was announced before a write that is over, to whichever source;
//! - a call can be joined until its answer is kept, so that no key is asked for in between.

use crate::cache::{Domain, EntryKey, Mark, covers};
use crate::upstream::{Answer, CallError};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// The greatest number of calls that one step waits for. Each one may fail, and then costs a call.
const MAX_JOINED: u8 = 4;

/// The greatest number of keys in flight. Further keys are not announced.
const MAX_KEYS: usize = 65_536;

/// The keys that are being asked for, and the calls that ask for them.
#[derive(Debug, Default)]
pub(super) struct UnderWay {
    /// The lock is held for a few map operations per key of a call, and never over an await.
    keys: Mutex<HashMap<EntryKey, Arc<CallInFlight>, ahash::RandomState>>,
}

/// A call that others may wait for.
#[derive(Debug)]
struct CallInFlight {
    /// The properties that are asked for, sorted. Empty if all are.
    fields: Vec<String>,
    since: Mark,
    /// The answer. If the sender is dropped before, there will be none.
    answer: watch::Sender<Option<Answer>>,
}

/// The conditions on a call that is joined.
pub(super) struct Terms<'a> {
    pub(super) domain: &'a Domain,
    /// The properties that are wanted, sorted. Empty if all are.
    pub(super) fields: &'a [String],
    /// The call must not be announced before this mark.
    pub(super) since: Mark,
}

/// A call of another request, which will answer some keys.
#[derive(Debug)]
pub(in crate::execute) struct JoinedKeys(watch::Receiver<Option<Answer>>);

impl JoinedKeys {
    /// Waits for the answer. `None` if there will be none.
    pub(in crate::execute) async fn wait(mut self) -> Option<Answer> {
        let answer = self.0.wait_for(Option::is_some).await.ok()?.clone()?;
        Some(Answer { is_shared: true, ..answer })
    }
}

/// A call that was announced. When this value is dropped, nobody can join the call any more.
#[derive(Debug)]
pub(in crate::execute) struct Announcement {
    under_way: Arc<UnderWay>,
    keys: Vec<EntryKey>,
    asking: Arc<CallInFlight>,
}

impl Announcement {
    /// Passes the result of the call on, if it is a successful answer.
    pub(in crate::execute) fn tell(self, result: &Result<Answer, CallError>) -> Option<Self> {
        let answer = result.as_ref().ok().filter(|answer| (200..300).contains(&answer.status))?;
        self.asking.answer.send_replace(Some(answer.clone()));
        Some(self)
    }
}

impl Drop for Announcement {
    fn drop(&mut self) {
        let mut keys = self.under_way.keys();
        for key in &self.keys {
            if keys.get(key).is_some_and(|asking| Arc::ptr_eq(asking, &self.asking)) {
                keys.remove(key);
            }
        }
    }
}

impl UnderWay {
    fn keys(&self) -> MutexGuard<'_, HashMap<EntryKey, Arc<CallInFlight>, ahash::RandomState>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Joins calls for some of the keys and announces calls for the others, in order, of `size` keys each, with the
    /// properties that `fields` returns for them. All is done under one lock, so of two requests that come at once, one
    /// joins the other.
    ///
    /// Returns for each key the joined call that answers it, these calls, and the announced calls.
    pub(super) fn join(
        self: &Arc<Self>,
        terms: &Terms<'_>,
        texts: &[&str],
        size: usize,
        fields: impl FnOnce(&[Option<u8>]) -> Vec<String>,
    ) -> (Vec<Option<u8>>, Vec<JoinedKeys>, Vec<Announcement>) {
        let keys = texts.iter().map(|&text| EntryKey { domain: terms.domain.clone(), key: text.into() });
        let keys: Vec<EntryKey> = keys.collect();
        let mut under_way = self.keys();
        let mut calls: Vec<&Arc<CallInFlight>> = Vec::new();
        let by: Vec<Option<u8>> = keys
            .iter()
            .map(|key| {
                let call = under_way
                    .get(key)
                    .filter(|call| call.since >= terms.since && covers(&call.fields, terms.fields))?;
                if let Some(known) = (0..).zip(&calls).find(|(_, known)| Arc::ptr_eq(known, call)) {
                    return Some(known.0);
                }
                let number = u8::try_from(calls.len()).ok().filter(|&number| number < MAX_JOINED)?;
                calls.push(call);
                Some(number)
            })
            .collect();
        let joined = calls.iter().map(|call| JoinedKeys(call.answer.subscribe())).collect();
        let fields = fields(&by);
        let mut own: Vec<EntryKey> =
            keys.into_iter().zip(&by).filter(|(_, by)| by.is_none()).map(|(key, _)| key).collect();
        let mut announced = Vec::new();
        while !own.is_empty() && under_way.len() + size.min(own.len()) <= MAX_KEYS {
            let rest = own.split_off(size.min(own.len()));
            let asking =
                Arc::new(CallInFlight { fields: fields.clone(), since: terms.since, answer: watch::Sender::new(None) });
            under_way.extend(own.iter().map(|key| (key.clone(), Arc::clone(&asking))));
            announced.push(Announcement { under_way: Arc::clone(self), keys: own, asking });
            own = rest;
        }
        (by, joined, announced)
    }
}
