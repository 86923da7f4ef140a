//! A subscription has one root field, which is one response name after its fragments are merged (GraphQL §5.2.4.1).
//!
//! In: the compiler's errors for a document. Out: the same errors without those of a wrong count.
//!
//! The compiler counts the field selections at the root, but the specification counts the entries of
//! `CollectSubscriptionFields`. Two selections of one response name are one entry. The compiler also reports `@skip`,
//! `@include` and introspection at the root, and these errors stay.

use apollo_compiler::ExecutableDocument;
use apollo_compiler::diagnostic::ToCliReport as _;
use apollo_compiler::executable::{Operation, Selection};
use apollo_compiler::validation::{DiagnosticData, DiagnosticList, Valid, WithErrors};
use std::collections::HashSet;

/// The compiler's name for its error of the count.
const MULTIPLE_FIELDS: &str = "SubscriptionUsesMultipleFields";

/// Accepts a document if all of its errors are wrong counts.
pub(super) fn recounted(
    validated: Result<Valid<ExecutableDocument>, WithErrors<ExecutableDocument>>,
) -> Result<Valid<ExecutableDocument>, Box<WithErrors<ExecutableDocument>>> {
    match validated {
        Err(invalid) if is_only_miscounted(&invalid.errors, &invalid.partial) => {
            Ok(Valid::assume_valid(invalid.partial))
        }
        other => other.map_err(Box::new),
    }
}

fn is_only_miscounted(errors: &DiagnosticList, document: &ExecutableDocument) -> bool {
    errors.iter().all(|diagnostic| is_miscount(diagnostic.error, document))
}

/// Whether an error is a wrong count. The compiler checks all other rules beside it.
pub(super) fn is_miscount(error: &DiagnosticData, document: &ExecutableDocument) -> bool {
    let counted = || document.operations.iter().find(|operation| operation.location() == error.location());
    error.unstable_error_name() == Some(MULTIPLE_FIELDS)
        && counted().is_some_and(|operation| has_one_root(document, operation))
}

/// Whether `CollectSubscriptionFields` has one entry. In a valid document, each fragment applies to the root type.
fn has_one_root(document: &ExecutableDocument, operation: &Operation) -> bool {
    let (mut names, mut visited) = (HashSet::new(), HashSet::new());
    let mut left = vec![&operation.selection_set];
    while let Some(set) = left.pop() {
        for selection in &set.selections {
            match selection {
                Selection::Field(field) => _ = names.insert(field.response_key()),
                Selection::InlineFragment(fragment) => left.push(&fragment.selection_set),
                Selection::FragmentSpread(spread) => {
                    if visited.insert(&spread.fragment_name)
                        && let Some(fragment) = document.fragments.get(&spread.fragment_name)
                    {
                        left.push(&fragment.selection_set);
                    }
                }
            }
        }
    }
    names.len() == 1
}

#[cfg(test)]
mod tests {
    use crate::diagnostic::Sources;
    use crate::operation::{Limits, prepare};
    use crate::view;

    const SDL: &str = "
        type Query { a: Int }
        interface Feed { newMessage(room: ID): Message }
        type Subscription implements Feed { newMessage(room: ID): Message  disallowedSecondRootField: Boolean }
        type Message { body: String sender: String }
    ";

    #[track_caller]
    fn check(document: &str, wanted: Result<(), &str>) {
        let mut sources = Sources::default();
        let file = sources.add("schema.graphql", SDL.to_owned());
        let (view, findings) = view::plain(&sources, file);
        let view = view.unwrap_or_else(|| panic!("{findings:?}"));
        let got = prepare(&view, &Limits::default(), document, None);
        match (got, wanted) {
            (Ok(_), Ok(())) => {}
            (Err(errors), Err(part)) => {
                let told: Vec<_> = errors.iter().map(|error| error.message.as_str()).collect();
                assert!(told.iter().any(|message| message.contains(part)), "{document}: {told:?}");
            }
            (got, _) => panic!("{document}: {:?}", got.map(|_| ())),
        }
    }

    /// The examples of §5.2.4.1.
    #[test]
    fn the_examples_of_the_specification_come_out_as_it_says() {
        let message = "fragment newMessageFields on Message { body sender }";
        let (one, conditional, introspection) = ("one root field", "@skip or @include", "introspection");
        for (document, wanted) in [
            ("subscription sub { newMessage { body sender } }".to_owned(), Ok(())),
            (format!("subscription sub {{ newMessage {{ ...newMessageFields }} }} {message}"), Ok(())),
            (
                "subscription sub { ...newMessageFields }
                 fragment newMessageFields on Subscription { newMessage { body sender } }".to_owned(),
                Ok(()),
            ),
            (
                "subscription sub { newMessage { body sender } disallowedSecondRootField }".to_owned(),
                Err(one),
            ),
            (
                "subscription sub { ...multipleSubscriptions }
                 fragment multipleSubscriptions on Subscription { newMessage { body sender } disallowedSecondRootField }".to_owned(),
                Err(one),
            ),
            (
                "subscription requiredRuntimeValidation($bool: Boolean!) {
                   newMessage @include(if: $bool) { body sender }
                   disallowedSecondRootField @skip(if: $bool)
                 }".to_owned(),
                Err(conditional),
            ),
            ("subscription sub { __typename }".to_owned(), Err(introspection)),
        ] {
            check(&document, wanted);
        }
    }

    #[test]
    fn roots_are_counted_by_response_name_once_they_are_merged() {
        let (one, conditional) = ("one root field", "@skip or @include");
        let fragment = "fragment f on Subscription { newMessage { sender } }";
        for (document, wanted) in [
            ("subscription { newMessage { body } newMessage { sender } }".to_owned(), Ok(())),
            (format!("subscription {{ newMessage {{ body }} ...f }} {fragment}"), Ok(())),
            (format!("subscription {{ ...f ...f }} {fragment}"), Ok(())),
            ("subscription { ... on Feed { newMessage { body } } ... { newMessage { sender } } }".to_owned(), Ok(())),
            ("subscription { a: newMessage { body } a: newMessage { sender } }".to_owned(), Ok(())),
            ("subscription { a: newMessage { body } b: newMessage { body } }".to_owned(), Err(one)),
            ("subscription { newMessage { body } a: newMessage { body } }".to_owned(), Err(one)),
            (format!("subscription {{ a: newMessage {{ body }} ...f }} {fragment}"), Err(one)),
            // Other rules still apply.
            (
                "subscription { newMessage(room: 1) { body } newMessage(room: 2) { body } }".to_owned(),
                Err("newMessage"),
            ),
            ("subscription { newMessage { body } newMessage { nope } }".to_owned(), Err("nope")),
            ("subscription { newMessage { body } newMessage { sender } __typename }".to_owned(), Err("introspection")),
            // Conditions are refused at any depth of fragments at the root, whatever their value is.
            ("subscription { newMessage @skip(if: false) { body } }".to_owned(), Err(conditional)),
            ("subscription { ... @include(if: true) { newMessage { body } } }".to_owned(), Err(conditional)),
            (format!("subscription {{ ...f @include(if: true) }} {fragment}"), Err(conditional)),
            ("subscription { newMessage { body @skip(if: true) sender } }".to_owned(), Ok(())),
            // Each operation is counted by itself.
            (
                "subscription a { newMessage { body } newMessage { sender } } query b { a }".to_owned(),
                Err("several operations"),
            ),
            (
                "subscription a { newMessage { body } newMessage { sender } }
                 subscription b { newMessage { body } disallowedSecondRootField }"
                    .to_owned(),
                Err("subscription `b`"),
            ),
        ] {
            check(&document, wanted);
        }
    }

    #[test]
    fn a_miscount_is_told_beside_no_other_error() {
        let mut sources = Sources::default();
        let file = sources.add("schema.graphql", SDL.to_owned());
        let view = view::plain(&sources, file).0.expect("a view");
        let document = "subscription { newMessage { body } newMessage { nope } }";
        let errors = prepare(&view, &Limits::default(), document, None).expect_err("it is invalid");
        assert!(errors.iter().all(|error| !error.message.contains("one root field")), "{errors:?}");
    }
}
