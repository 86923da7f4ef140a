//! `@poll`: the interval at which the binding of a subscription field is called.

use super::binding::Binding;
use crate::diagnostic::{Code, Finding, Span};
use crate::sdl::FieldDeclaration;
use std::time::Duration;

/// The shortest and the longest interval: 100 ms and 24 hours.
const BOUNDS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(24 * 3_600));

impl Binding<'_, '_> {
    /// The interval of a field's binding. Every field of `Subscription` must have one, and no other field may.
    pub(super) fn poll(&mut self, field: Option<&FieldDeclaration>) -> Option<Duration> {
        let is_subscription = self.draft.graph.ty(self.parent).name == "Subscription";
        let declared = field.and_then(|field| field.poll.as_ref());
        let Some(declared) = declared else {
            if is_subscription {
                let message = format!("nobody tells when `{}` changes", self.name);
                self.find_poll(
                    message,
                    self.connect.span,
                    "add `@poll(every: \"2s\")`: the binding is called that often",
                );
            }
            return None;
        };
        if !is_subscription {
            let message = format!("`{}` is no field of `Subscription`", self.name);
            self.find_poll(message, declared.span, "only subscriptions are polled; remove `@poll`");
            return None;
        }
        match humantime_serde::re::humantime::parse_duration(&declared.value) {
            Ok(every) if every >= BOUNDS.0 && every <= BOUNDS.1 => Some(every),
            _ => {
                let message = format!("`{}` is no interval to poll at", declared.value);
                self.find_poll(message, declared.span, "write `500ms`, `2s` or `1m`: at least 100ms, at most a day");
                None
            }
        }
    }

    fn find_poll(&mut self, message: String, span: Span, help: &str) {
        self.draft.find(Finding::new(Code::E124, message, span, "here").help(help));
    }
}
