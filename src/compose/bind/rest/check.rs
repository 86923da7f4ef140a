//! Checks of a whole binding: its arguments, its method, and whether its endpoint will be removed.

use super::answer::is_success;
use super::binding::Binding;
use super::request::Request;
use crate::diagnostic::{Code, Finding, Span};
use crate::suggest;

impl Binding<'_, '_> {
    pub(super) fn check_arguments_are_used(&mut self) {
        let Some(field) = self.field() else { return };
        let arguments = &self.draft.graph.field(field).arguments;
        let unused = arguments.iter().filter(|(name, _)| !self.used_arguments.contains(*name));
        let unused: Vec<(String, Span)> = unused.map(|(name, argument)| (name.clone(), argument.span)).collect();
        for (name, span) in unused {
            let message = format!("argument `{name}` is not sent to the endpoint");
            let known = self.endpoint.map(|endpoint| endpoint.parameters.iter().map(|p| p.name.as_str()));
            let meant = known.and_then(|mut known| suggest::closest(&name, &mut known));
            let help = match meant {
                Some(meant) => format!("say where it goes: `params: \"{meant}: $args.{name}\"`"),
                None => "no parameter has its name; say where it goes in `params:` or `body:`".to_owned(),
            };
            let finding = Finding::new(Code::E102, message, span, "bound to nothing")
                .and(self.connect.span, "in this binding")
                .help(help);
            self.draft.find(finding);
        }
    }

    /// E112: a query field has an unsafe method. GraphQL may run query fields more than once and in any order.
    pub(super) fn check_method(&mut self, request: &Request) {
        let method = &request.call.method;
        let is_batched_post = *method == http::Method::POST && request.batch.is_some();
        if self.is_mutation || method.is_safe() || is_batched_post {
            return;
        }
        let message = format!("`{method}` is not safe to call for a query");
        let help = "move the field to `Mutation`; a read by POST must be batched";
        let mut finding = Finding::new(Code::E112, message, self.target_span(), "called here").help(help);
        if let Some(endpoint) = self.endpoint {
            finding = finding.and(endpoint.span, "declared here");
        }
        self.draft.find(finding);
    }

    /// W114: the contract says that the operation is deprecated, or that its answers announce its removal.
    pub(super) fn check_deprecation(&mut self) {
        let Some(endpoint) = self.endpoint else { return };
        let successes = || endpoint.responses.iter().filter(|response| is_success(response));
        let deprecation = successes().find_map(|response| response.deprecation.as_ref());
        let sunset = successes().find_map(|response| response.sunset.as_ref());
        let mut said = Vec::new();
        if endpoint.deprecated || deprecation.is_some() {
            let since = deprecation.and_then(|header| header.date.as_ref());
            said.push(since.map_or("is deprecated".to_owned(), |date| format!("is deprecated as of {date}")));
        }
        if let Some(sunset) = sunset {
            let date = sunset.date.as_ref();
            said.push(date.map_or("is to be switched off".to_owned(), |date| format!("is switched off on {date}")));
        }
        if said.is_empty() {
            return;
        }
        let message = format!("operation `{}` {}", endpoint.id, said.join(" and "));
        let mut finding = Finding::new(Code::W114, message, self.target_span(), "used here")
            .help("bind to its successor before it is gone");
        if endpoint.deprecated {
            finding = finding.and(endpoint.span, "deprecated here");
        }
        for header in deprecation.into_iter().chain(sunset) {
            finding = finding.and(header.span, "its answers say so by this header");
        }
        self.draft.find(finding);
    }
}
