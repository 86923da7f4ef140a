//! Rules for directives: they are known and stand where they are allowed, and those that are not repeatable stand once
//! (GraphQL §5.7).

use super::arguments::find;
use super::{Checker, Place, did_you_mean, of};
use apollo_compiler::Name;
use apollo_compiler::ast::{DirectiveList, DirectiveLocation};
use std::collections::HashMap;

impl<'a> Checker<'a> {
    /// Checks each directive of a list by itself (§5.7.1, §5.7.2).
    pub(super) fn directives(&mut self, list: &'a DirectiveList, location: DirectiveLocation) {
        for directive in list {
            let definition = self.schema.directive_definitions.get(&directive.name);
            match definition {
                None => {
                    let known = self.schema.directive_definitions.keys().map(Name::as_str);
                    let suggestion = did_you_mean(&directive.name, known);
                    let message = format!("cannot find directive `@{}` in this document", directive.name);
                    self.suggest(message, [of(directive.location())], suggestion);
                }
                Some(definition) if !definition.locations.contains(&location) => {
                    let message = format!("{} directive is not supported for {location} location", directive.name);
                    self.report(message, [of(directive.location())]);
                }
                Some(_) => {}
            }
            self.label(directive);
            let coordinate = format!("@{}", directive.name);
            if let Some(definition) = definition {
                for argument in &directive.arguments {
                    if find(&definition.arguments, &argument.name).is_none() {
                        self.unknown_argument(argument, &coordinate, &definition.arguments);
                    }
                }
            }
            self.unique_arguments(&directive.arguments);
            for argument in &directive.arguments {
                let known = definition.and_then(|definition| find(&definition.arguments, &argument.name));
                self.value(&argument.value, known.map(|known| &*known.ty));
            }
            if let Some(definition) = definition {
                let place = of(directive.location());
                self.required_arguments(&coordinate, &directive.arguments, &definition.arguments, place);
            }
        }
    }

    /// Reports directives that stand more than once but are not repeatable (§5.7.3).
    pub(super) fn unique_directives(&mut self, list: &'a DirectiveList) {
        let mut first: HashMap<&str, Place> = HashMap::new();
        for directive in list {
            let definition = self.schema.directive_definitions.get(&directive.name);
            if definition.is_none_or(|definition| definition.repeatable) {
                continue;
            }
            let place = of(directive.location());
            match first.get(directive.name.as_str()) {
                Some(&first) => {
                    let message =
                        format!("non-repeatable directive {} can only be used once per location", directive.name);
                    self.report(message, [first, place]);
                }
                None => _ = first.insert(&directive.name, place),
            }
        }
    }
}
