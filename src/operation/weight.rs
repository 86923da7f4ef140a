//! The memory, in bytes, that prepared and lowered operations hold.

use super::bounds::BoundedArgument;
use super::lowered::{Node as LoweredNode, Operation as Lowered, Value};
use super::outcomes::Outcomes;
use super::prepare::Prepared;
use super::{NodeId, VariableId};
use crate::heap::{COUNTERS, HeapSize, heap_size, no_heap};
use apollo_compiler::ast::{Argument, DirectiveList, Type, Value as Literal, VariableDefinition};
use apollo_compiler::executable::{
    Field, Fragment, FragmentSpread, InlineFragment, Operation, Selection, SelectionSet,
};
use apollo_compiler::{Name, Node};

no_heap!(NodeId, VariableId);
heap_size!(BoundedArgument { value, coordinate });
heap_size!(LoweredNode { arguments });

impl HeapSize for Value {
    fn heap_size(&self) -> usize {
        match self {
            Self::Constant(json) => json.heap_size(),
            Self::Variable(_, fallback) => fallback.heap_size(),
            Self::List(items) => items.heap_size(),
            Self::Object(members) => members.heap_size(),
        }
    }
}

impl Lowered {
    /// Keeps what [`Prepared::check_bounds`] reads, and drops what only planning reads.
    #[must_use]
    pub fn bounds_only(self) -> Self {
        let (selections, nodes, outputs) = (Vec::new(), Vec::new(), Vec::new());
        Self { selections, nodes, outputs, deferral: None, ..self }
    }

    /// The memory behind the pointers of an operation after [`Self::bounds_only`], in bytes.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.name.heap_size() + self.bounded.heap_size()
    }
}

impl Outcomes {
    /// The memory that they hold, themselves included, in bytes.
    #[must_use]
    pub fn weight(&self) -> usize {
        size_of::<Self>() + self.heap()
    }
}

impl Prepared {
    /// The memory behind its pointers, in bytes.
    #[must_use]
    pub fn weight(&self) -> usize {
        let fragments = self.document.fragments.iter();
        // An entry in the document's table of fragments has a name, a node, a hash and an index.
        let entry = size_of::<(Name, Node<Fragment>)>() + 3 * size_of::<usize>();
        let fragments =
            fragments.map(|(_, fragment)| entry + node(fragment, |it| name(&it.name) + set(&it.selection_set)));
        let ids = self.conditions.capacity() + self.not_null.capacity() + self.fallible.capacity();
        node(&self.operation, operation)
            + fragments.sum::<usize>()
            + self.sites.weight()
            + ids * size_of::<VariableId>()
            + COUNTERS
            + self.own.weight()
            + self.source().map_or(0, str::len)
    }
}

/// The memory of a node on the heap: its counter, its place in the document, its value, and what the value holds.
fn node<T>(node: &Node<T>, inner: impl FnOnce(&T) -> usize) -> usize {
    4 * size_of::<usize>() + size_of::<T>() + inner(node)
}

fn operation(operation: &Operation) -> usize {
    let variables =
        operation.variables.iter().map(|variable| size_of::<Node<Operation>>() + node(variable, definition));
    operation.name.as_ref().map_or(0, name) + variables.sum::<usize>() + set(&operation.selection_set)
}

fn definition(variable: &VariableDefinition) -> usize {
    let default = variable.default_value.as_ref().map_or(0, |default| node(default, literal));
    name(&variable.name) + node(&variable.ty, ty) + default + directives(&variable.directives)
}

fn ty(ty: &Type) -> usize {
    match ty {
        Type::Named(it) | Type::NonNullNamed(it) => name(it),
        Type::List(of) | Type::NonNullList(of) => size_of::<Type>() + self::ty(of),
    }
}

/// The memory of a name. Each name that was parsed is a text of its own.
fn name(name: &Name) -> usize {
    COUNTERS + name.len()
}

fn set(set: &SelectionSet) -> usize {
    let slots = set.selections.capacity() * size_of::<Selection>();
    slots + set.selections.iter().map(selection).sum::<usize>()
}

fn selection(selection: &Selection) -> usize {
    match selection {
        Selection::Field(it) => node(it, field),
        Selection::InlineFragment(it) => {
            node(it, |it: &InlineFragment| directives(&it.directives) + set(&it.selection_set))
        }
        Selection::FragmentSpread(it) => {
            node(it, |it: &FragmentSpread| name(&it.fragment_name) + directives(&it.directives))
        }
    }
}

fn field(field: &Field) -> usize {
    let alias = field.alias.as_ref().map_or(0, name);
    name(&field.name) + alias + arguments(&field.arguments) + directives(&field.directives) + set(&field.selection_set)
}

fn directives(list: &DirectiveList) -> usize {
    let one = |it: &Node<apollo_compiler::ast::Directive>| node(it, |it| name(&it.name) + arguments(&it.arguments));
    list.0.capacity() * size_of::<usize>() + list.0.iter().map(one).sum::<usize>()
}

fn arguments(list: &Vec<Node<Argument>>) -> usize {
    let one = |it: &Node<Argument>| node(it, |it| name(&it.name) + node(&it.value, literal));
    list.capacity() * size_of::<usize>() + list.iter().map(one).sum::<usize>()
}

fn literal(value: &Literal) -> usize {
    match value {
        Literal::Null | Literal::Boolean(_) => 0,
        Literal::Enum(it) | Literal::Variable(it) => name(it),
        Literal::String(text) => text.capacity(),
        Literal::Int(number) => number.as_str().len(),
        Literal::Float(number) => number.as_str().len(),
        Literal::List(items) => {
            items.capacity() * size_of::<usize>() + items.iter().map(|item| node(item, literal)).sum::<usize>()
        }
        Literal::Object(members) => {
            let one = |(key, member): &(Name, Node<Literal>)| name(key) + node(member, literal);
            members.capacity() * size_of::<(Name, Node<Literal>)>() + members.iter().map(one).sum::<usize>()
        }
    }
}
