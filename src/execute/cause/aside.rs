//! Failures that no answer reports: of calls that code of this process makes, whose errors are what the code makes of
//! them; of writes that nobody waits for; and of answers that are refreshed in the background.
//!
//! In: calls that failed. Out: lines of the log, as many as [`CauseReport`] allows. They say no more than those of
//! failed fields.

use super::report::{CauseReport, Note};
use super::{CauseLine, Origin};
use crate::compose::WayId;
use crate::execute::arena::Failure;
use crate::execute::run::SourceAccess;
use crate::report::FailedCall;

/// Writes failed calls to the log.
pub(in crate::execute) struct Aside<'a> {
    pub(in crate::execute) report: &'a CauseReport,
    /// The sources, whose settings are removed from the text.
    pub(in crate::execute) sources: &'a [SourceAccess],
    /// The binding that was followed, and the name of its source. `None` if code of this process made the calls.
    pub(in crate::execute) own: Option<(WayId, &'a str)>,
    /// The id of the request that began the calls.
    pub(in crate::execute) request_id: &'a str,
}

impl Aside<'_> {
    /// Logs failed calls that belong together. `message`: what has failed, the same for all of them.
    pub(in crate::execute) fn tell(&self, message: &'static str, failed: impl IntoIterator<Item = FailedCall>) {
        let mut notes = Vec::new();
        for FailedCall { service, endpoint, code, cause } in failed {
            let failure = Failure::new(code, message).of(&service);
            let Some(alike) = self.report.admits(&failure, &notes) else { continue };
            let source = self.sources.iter().find(|source| source.name == service);
            let own = self.own.filter(|(_, name)| **name == *service);
            let origin = Origin {
                service: Some(&service),
                endpoint: Some(&endpoint),
                settings: source.map(|source| &source.config),
                binding: own.and_then(|(way, _)| self.report.binding(way)),
            };
            let told = CauseLine { cause: Some(cause), ..CauseLine::default() };
            notes.push(Note::new(&failure, origin.json(&told, self.report.is_shown()), alike));
        }
        notes.iter().for_each(|note| note.log(self.request_id));
    }
}
