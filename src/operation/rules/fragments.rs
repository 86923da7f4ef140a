//! Rules for fragments: their names, types and uses, cycles, and whether a spread can ever apply (GraphQL §5.5).

use super::{Checker, Place, at, did_you_mean, inside, of};
use apollo_compiler::ast::{FragmentDefinition, FragmentSpread, InlineFragment, OperationDefinition, Selection};
use apollo_compiler::{Name, Node};
use std::collections::HashSet;

/// The longest chain of fragments that is followed to find a cycle.
const MAX_CHAIN: usize = 600;

impl<'a> Checker<'a> {
    /// Reports a fragment whose name is already taken (§5.5.1.1).
    pub(super) fn fragment_name(&mut self, fragment: &'a Node<FragmentDefinition>) {
        let name = &fragment.name;
        match self.names.fragments.get(name.as_str()).copied() {
            Some(first) => {
                let message = format!("the fragment `{name}` is defined multiple times in the document");
                self.report(message, [first, at(name)]);
            }
            None => _ = self.names.fragments.insert(name, at(name)),
        }
    }

    /// Reports a type condition that names a type without fields and members (§5.5.1.3). `fragment` is the fragment's
    /// name, or `None` for an inline fragment.
    pub(super) fn fragment_type(&mut self, fragment: Option<&Name>, condition: &'a Name) {
        if self.type_of(condition).is_some() && self.composite(condition).is_none() {
            let which = fragment.map_or("inline fragment".to_owned(), |name| format!("fragment `{name}`"));
            let message = format!("{which} must have a composite type in its type condition");
            self.report(message, [at(condition)]);
        }
    }

    /// Reports fragments that no operation uses (§5.5.1.4).
    pub(super) fn unused_fragments(&mut self) {
        let operations: Vec<_> = self.operations().collect();
        let used = self.referenced(operations).into_iter().map(|fragment| fragment.name.as_str());
        let used: HashSet<&str> = used.collect();
        let fragments = self.document.definitions.iter().filter_map(|definition| definition.as_fragment_definition());
        for fragment in fragments.filter(|fragment| !used.contains(fragment.name.as_str())) {
            let message = format!("fragment `{}` must be used in an operation", fragment.name);
            self.report(message, [of(fragment.location())]);
        }
    }

    /// Gives the fragments that operations use, directly or through other fragments, in the order of their first use.
    pub(super) fn referenced(
        &mut self,
        operations: impl IntoIterator<Item = &'a Node<OperationDefinition>>,
    ) -> Vec<&'a Node<FragmentDefinition>> {
        let mut spreads: Vec<&'a Node<FragmentSpread>> = Vec::new();
        operations.into_iter().for_each(|operation| spreads.extend(spreads_of(&operation.selection_set)));
        let (mut seen, mut fragments, mut next) = (HashSet::new(), Vec::new(), 0);
        while let Some(spread) = spreads.get(next).copied() {
            next += 1;
            let name = spread.fragment_name.as_str();
            if !seen.insert(name) || !self.spend(1) {
                continue;
            }
            if let Some(fragment) = self.fragment(name) {
                fragments.push(fragment);
                let inner = spreads_of(&fragment.selection_set);
                self.spend(inner.len());
                spreads.extend(inner);
            }
        }
        fragments
    }

    /// Reports a spread of a fragment that does not exist (§5.5.2.1).
    pub(super) fn known_fragment(&mut self, spread: &'a Node<FragmentSpread>) {
        let name = &spread.fragment_name;
        if self.fragment(name).is_none() {
            let suggestion = did_you_mean(name, self.fragments.keys().copied());
            self.suggest(format!("cannot find fragment `{name}` in this document"), [at(name)], suggestion);
        }
    }

    /// Reports cycles of fragments that spread each other (§5.5.2.2).
    pub(super) fn fragment_cycle(&mut self, fragment: &'a Node<FragmentDefinition>) {
        self.follow_cycle(fragment, &mut Vec::new());
    }

    /// Follows the spreads of a fragment. `path` has the fragments that lead to it, each with the spread that was
    /// followed.
    fn follow_cycle(
        &mut self,
        fragment: &'a Node<FragmentDefinition>,
        path: &mut Vec<(&'a str, Option<&'a Node<FragmentSpread>>)>,
    ) {
        let name = fragment.name.as_str();
        if path.len() >= MAX_CHAIN || !self.followed.insert(name) {
            return;
        }
        path.push((name, None));
        let last = path.len() - 1;
        for spread in spreads_of(&fragment.selection_set) {
            if !self.spend(1) {
                break;
            }
            let to = spread.fragment_name.as_str();
            path[last].1 = Some(spread);
            if let Some(start) = path.iter().position(|(name, _)| *name == to) {
                let places: Vec<Place> =
                    path[start..].iter().filter_map(|(_, spread)| spread.map(|spread| of(spread.location()))).collect();
                self.report(format!("`{to}` fragment cannot reference itself"), places);
            } else if let Some(fragment) = self.fragment(to) {
                self.follow_cycle(fragment, path);
            }
        }
        path.pop();
    }

    /// Reports an inline fragment that can never apply (§5.5.2.3).
    pub(super) fn possible_inline(
        &mut self,
        fragment: &'a Node<InlineFragment>,
        condition: Option<&'a Name>,
        parent: Option<&'a Name>,
    ) {
        let Some((condition, parent)) = condition.zip(parent) else { return };
        if !self.overlap(condition, parent) {
            let message = format!("inline fragment with type condition `{condition}` cannot be applied to `{parent}`");
            self.report(message, [of(fragment.location())]);
        }
    }

    /// Reports a spread of a fragment that can never apply (§5.5.2.3).
    pub(super) fn possible_spread(&mut self, spread: &'a Node<FragmentSpread>, parent: Option<&'a Name>) {
        let condition = self.fragment(&spread.fragment_name).and_then(|of| self.composite(&of.type_condition));
        let Some((condition, parent)) = condition.zip(parent) else { return };
        if !self.overlap(condition, parent) {
            let name = &spread.fragment_name;
            let message =
                format!("fragment `{name}` with type condition `{condition}` cannot be applied to `{parent}`");
            self.report(message, [of(spread.location())]);
        }
    }

    /// Whether an object can have both types.
    fn overlap(&mut self, one: &Name, other: &Name) -> bool {
        if one == other {
            return true;
        }
        let (ours, theirs) = (self.possible(one).len(), self.possible(other).len());
        self.spend((ours + theirs) / 16);
        let possible: HashSet<&str> = self.possible(one).into_iter().collect();
        self.possible(other).into_iter().any(|ty| possible.contains(ty))
    }
}

/// Gives the spreads in a selection set, in its fields and in its inline fragments. The spreads of one set come before
/// those of its inner sets, and the last inner set comes first.
fn spreads_of(selections: &[Selection]) -> Vec<&Node<FragmentSpread>> {
    let (mut spreads, mut sets) = (Vec::new(), vec![selections]);
    while let Some(set) = sets.pop() {
        for selection in set {
            match selection {
                Selection::FragmentSpread(spread) => spreads.push(spread),
                _ => sets.push(inside(selection)),
            }
        }
    }
    spreads
}
