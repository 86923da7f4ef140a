//! Rules for arguments of fields and directives: they are known and unique, and required ones are given (GraphQL §5.4).

use super::{Checker, Place, at, did_you_mean, of};
use apollo_compiler::ast::{Argument, InputValueDefinition};
use apollo_compiler::schema::FieldDefinition;
use apollo_compiler::{Name, Node};

impl<'a> Checker<'a> {
    /// Checks the arguments of a field. `field` is its definition and its parent type, if they are known.
    pub(super) fn arguments(&mut self, given: &'a [Node<Argument>], field: Option<(&'a FieldDefinition, &'a Name)>) {
        for argument in given {
            let definition = field.and_then(|(field, _)| find(&field.arguments, &argument.name));
            if let (None, Some((field, parent))) = (definition, field) {
                let coordinate = format!("{parent}.{}", field.name);
                self.unknown_argument(argument, &coordinate, &field.arguments);
            }
            self.value(&argument.value, definition.map(|definition| &*definition.ty));
        }
    }

    /// Reports an argument that is not defined (§5.4.1).
    pub(super) fn unknown_argument(
        &mut self,
        argument: &'a Node<Argument>,
        coordinate: &str,
        defined: &'a [Node<InputValueDefinition>],
    ) {
        let suggestion = did_you_mean(&argument.name, defined.iter().map(|defined| defined.name.as_str()));
        let message = format!("the argument `{}` is not supported by `{coordinate}`", argument.name);
        self.suggest(message, [of(argument.location())], suggestion);
    }

    /// Reports arguments that are given more than once (§5.4.2).
    pub(super) fn unique_arguments(&mut self, given: &'a [Node<Argument>]) {
        for (number, argument) in given.iter().enumerate() {
            let is_same = |other: &&Node<Argument>| other.name == argument.name;
            if given[..number].iter().any(|other| is_same(&other)) || !self.spend(1) {
                continue;
            }
            let places: Vec<Place> = given.iter().filter(is_same).map(|argument| at(&argument.name)).collect();
            if places.len() > 1 {
                self.report(format!("the argument `{}` is provided multiple times", argument.name), places);
            }
        }
    }

    /// Reports required arguments that are missing (§5.4.3). `place` is the place of the field or directive.
    pub(super) fn required_arguments(
        &mut self,
        coordinate: &str,
        given: &'a [Node<Argument>],
        defined: &'a [Node<InputValueDefinition>],
        place: Place,
    ) {
        for definition in defined {
            if definition.is_required() && given.iter().all(|argument| argument.name != definition.name) {
                let message = format!("the required argument `{coordinate}({}:)` is not provided", definition.name);
                self.report(message, [place]);
            }
        }
    }
}

/// Finds the definition of an argument by its name.
pub(super) fn find<'a>(
    defined: &'a [Node<InputValueDefinition>],
    name: &str,
) -> Option<&'a Node<InputValueDefinition>> {
    defined.iter().find(|definition| definition.name == name)
}
