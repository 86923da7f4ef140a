//! `on:`, the meanings of statuses.

use super::binding::Binding;
use crate::compose::agree::are_alike;
use crate::compose::ids::{ShapeId, TypeId};
use crate::compose::read::Read;
use crate::compose::types::TypeRef;
use crate::compose::way::{Answer, Effect, Outcome};
use crate::contract::{Endpoint, Response, StatusPattern};
use crate::diagnostic::{Code, Finding};
use crate::sdl::{EffectDeclaration, OutcomeDeclaration};
use crate::suggest;

/// The value that a status means, and how it is read.
struct Meant {
    ty: TypeId,
    read: Read,
    shape: Option<ShapeId>,
}

impl<'a> Binding<'_, 'a> {
    /// All outcomes, checked. One is implied: a declared 404 of a nullable value means null.
    pub(super) fn outcomes(&mut self, answer: Option<&Answer>) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        // The meaning of a success that is no outcome.
        let of_success = answer.filter(|answer| answer.outcome.is_none()).map(|answer| Meant {
            ty: self.ty.named(),
            read: answer.read.clone(),
            shape: answer.shape,
        });
        let mut meant: Vec<Meant> = of_success.into_iter().collect();
        for declaration in &self.connect.outcomes {
            self.check_declared(declaration);
            let effect = match &declaration.effect {
                EffectDeclaration::Null => self.null(declaration),
                EffectDeclaration::Code(code) => Some(Effect::Code(code.clone())),
                EffectDeclaration::As(_) => {
                    let value = self.outcome_value(declaration);
                    value.map(|(ty, read, shape)| Effect::Value { ty, read, shape })
                }
            };
            if let Some(Effect::Value { ty, read, shape }) = &effect {
                let value = Meant { ty: *ty, read: read.clone(), shape: Some(*shape) };
                self.check_agrees(&value, &meant, declaration);
                meant.push(value);
            }
            outcomes.extend(effect.map(|effect| Outcome { status: declaration.status.value, effect }));
        }
        let is_404 = |status: StatusPattern| matches!(status, StatusPattern::Exact(404) | StatusPattern::Class(4));
        let is_declared = self.endpoint.is_some_and(|endpoint| {
            endpoint.responses.iter().any(|response| response.status == StatusPattern::Exact(404))
        });
        let is_mapped = self.connect.outcomes.iter().any(|outcome| is_404(outcome.status.value));
        let is_single = self.connect.batch.is_none() && !self.is_mutation;
        if is_declared && !is_mapped && is_single && self.ty.is_nullable() {
            outcomes.push(Outcome { status: StatusPattern::Exact(404), effect: Effect::Null });
        }
        self.check_unmapped();
        outcomes
    }

    /// E113: two statuses mean the same type, but their answers are not read alike, in a field whose type depends on
    /// the status.
    fn check_agrees(&mut self, value: &Meant, meant: &[Meant], declaration: &OutcomeDeclaration) {
        let graph = &self.draft.graph;
        let is_read_alike = |other: &Meant| {
            let shapes = value.shape.zip(other.shape);
            value.read == other.read && shapes.is_some_and(|(one, other)| are_alike(graph, one, other))
        };
        if meant.iter().filter(|other| other.ty == value.ty).all(is_read_alike) {
            return;
        }
        let name = graph.ty(value.ty).name.clone();
        let message = format!("two statuses mean `{name}`, and it is read from their answers in two ways");
        let help = "select the same of both answers; or give each status a type of its own, in a union; or map one of \
                    them to `null: true` or to a `code:`";
        let finding = Finding::new(Code::E113, message, declaration.status.span, "this is the second one");
        self.draft.find(finding.help(help));
    }

    fn null(&mut self, declaration: &OutcomeDeclaration) -> Option<Effect> {
        if self.ty.is_nullable() || (self.ty.is_list() && self.connect.batch.is_some()) {
            return Some(Effect::Null);
        }
        let message = format!("`{}` is non-null, so no status can make it null", self.name);
        let span = declaration.status.span;
        self.draft.find(Finding::new(Code::E105, message, span, "null for this status").help("drop the `!`"));
        None
    }

    /// The value of an `as:` outcome.
    pub(super) fn outcome_value(&mut self, declaration: &'a OutcomeDeclaration) -> Option<(TypeId, Read, ShapeId)> {
        let EffectDeclaration::As(name) = &declaration.effect else { return None };
        let named = self.ty.named();
        let members = self.draft.graph.ty(named).possible.clone();
        let graph = &self.draft.graph;
        let member = members.iter().copied().find(|member| graph.ty(*member).name == name.value);
        let Some(ty) = member.filter(|_| !self.ty.is_list()) else {
            let known: Vec<&str> = members.iter().map(|member| graph.ty(*member).name.as_str()).collect();
            let message = format!("`{}` cannot be `{}`", self.name, name.value);
            let help = suggest::help(&name.value, known);
            self.draft.find(Finding::new(Code::E104, message, name.span, "this type").help(help));
            return None;
        };
        let response = self.endpoint.and_then(|endpoint| response_for(endpoint, declaration.status.value));
        let body = response.and_then(|response| response.schema);
        // A value without a body can still be made of literals and inputs.
        let value = self.value_at(&TypeRef::Named { ty, nullable: true }, body, declaration.selection.as_ref());
        let (read, shape, _) = value?;
        Some((ty, read, shape?))
    }

    /// E113: an outcome maps a status that the contract does not declare.
    fn check_declared(&mut self, declaration: &OutcomeDeclaration) {
        let Some(endpoint) = self.endpoint else { return };
        if response_for(endpoint, declaration.status.value).is_some() {
            return;
        }
        let status = status_text(declaration.status.value);
        let declared: Vec<String> =
            endpoint.responses.iter().map(|response| format!("`{}`", status_text(response.status))).collect();
        let message = format!("operation `{}` does not declare status {status}", endpoint.id);
        let finding = Finding::new(Code::E113, message, declaration.status.span, "undeclared status")
            .and(endpoint.span, "declared here")
            .help(format!("declared are {}", declared.join(", ")));
        self.draft.find(finding);
    }

    /// W113: a mutation should map the statuses by which the service may refuse it or redirect (RFC 9110 §15.4.4: 303
    /// is the usual answer to a form), so that they mean something to clients. Redirects are not followed.
    fn check_unmapped(&mut self) {
        let Some(endpoint) = self.endpoint.filter(|_| self.is_mutation) else { return };
        for response in &endpoint.responses {
            let class = match response.status {
                StatusPattern::Exact(status @ 300..=499) => status / 100,
                StatusPattern::Class(3) => 3,
                _ => continue,
            };
            let is_mapped = self.connect.outcomes.iter().any(|outcome| match outcome.status.value {
                // If one redirect of a class is mapped, whoever mapped it has seen the others.
                StatusPattern::Exact(mapped) => match response.status {
                    StatusPattern::Class(_) => mapped / 100 == class,
                    _ => outcome.status.value == response.status,
                },
                StatusPattern::Class(mapped) => u16::from(mapped) == class,
                StatusPattern::Default => true,
            });
            if is_mapped || matches!(response.status, StatusPattern::Exact(400 | 401 | 403 | 404)) {
                continue;
            }
            let status = status_text(response.status);
            let message = format!("status {status} of `{}` has no meaning here", endpoint.id);
            let help = format!("map it: `on: [{{ status: \"{status}\", code: \"…\" }}]`, or to a type with `as:`");
            let finding = Finding::new(Code::W113, message, self.target_span(), "called here")
                .and(response.span, "declared here")
                .help(help);
            self.draft.find(finding);
        }
    }
}

/// The declared response for a status: an exact status counts before a class, and a class before the default.
fn response_for(endpoint: &Endpoint, status: StatusPattern) -> Option<&Response> {
    let find = |wanted: StatusPattern| endpoint.responses.iter().find(|response| response.status == wanted);
    let class = match status {
        StatusPattern::Exact(status) => Some(StatusPattern::Class((status / 100) as u8)),
        _ => None,
    };
    find(status).or_else(|| class.and_then(find)).or_else(|| find(StatusPattern::Default))
}

/// A status as it is written in a contract.
fn status_text(status: StatusPattern) -> String {
    match status {
        StatusPattern::Exact(status) => status.to_string(),
        StatusPattern::Class(class) => format!("{class}XX"),
        StatusPattern::Default => "default".to_owned(),
    }
}
