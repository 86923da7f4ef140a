//! Type definitions and extensions become declarations, with the directives that are enforced on them.

use super::model::{
    ArgumentDeclaration, FieldDeclaration, Fielded, KeyDeclaration, TypeBody, TypeDeclaration, ValueDeclaration,
};
use super::values::{Reader, directive_argument};
use crate::diagnostic::{Code, Finding};
use crate::directive::{Directive, DirectiveUse, Location, Names};
use apollo_compiler::ast;
use apollo_compiler::ast::{Definition, DirectiveList, EnumValueDefinition, FieldDefinition};
use apollo_compiler::ast::{InputValueDefinition, NamedType};
use apollo_compiler::{Name, Node};

/// Reads the types of one file.
pub(crate) struct Types<'r, 'a> {
    /// The reader of values, which collects findings.
    pub(crate) reader: &'r mut Reader<'a>,
    /// The directive that each name stands for.
    pub(crate) names: &'r Names<'a>,
}

impl Types<'_, '_> {
    /// Reads a definition, if it defines or extends a type.
    pub(crate) fn declaration(&mut self, definition: &Definition) -> Option<TypeDeclaration> {
        let at = Location::of(definition)?;
        let owner = definition.name()?;
        let (body, description) = match definition {
            Definition::ObjectTypeDefinition(ty) => (
                TypeBody::Object(self.fielded(owner, &ty.implements_interfaces, &ty.fields, Location::ObjectField)),
                ty.description.as_ref(),
            ),
            Definition::ObjectTypeExtension(ty) => (
                TypeBody::Object(self.fielded(owner, &ty.implements_interfaces, &ty.fields, Location::ObjectField)),
                None,
            ),
            Definition::InterfaceTypeDefinition(ty) => (
                TypeBody::Interface(self.fielded(
                    owner,
                    &ty.implements_interfaces,
                    &ty.fields,
                    Location::InterfaceField,
                )),
                ty.description.as_ref(),
            ),
            Definition::InterfaceTypeExtension(ty) => (
                TypeBody::Interface(self.fielded(
                    owner,
                    &ty.implements_interfaces,
                    &ty.fields,
                    Location::InterfaceField,
                )),
                None,
            ),
            Definition::UnionTypeDefinition(ty) => (self.union(&ty.members), ty.description.as_ref()),
            Definition::UnionTypeExtension(ty) => (self.union(&ty.members), None),
            Definition::EnumTypeDefinition(ty) => (self.values(owner, &ty.values), ty.description.as_ref()),
            Definition::EnumTypeExtension(ty) => (self.values(owner, &ty.values), None),
            Definition::InputObjectTypeDefinition(ty) => {
                (TypeBody::Input(self.inputs(owner, &ty.fields, Location::InputField)), ty.description.as_ref())
            }
            Definition::InputObjectTypeExtension(ty) => {
                (TypeBody::Input(self.inputs(owner, &ty.fields, Location::InputField)), None)
            }
            Definition::ScalarTypeDefinition(ty) => (TypeBody::Scalar(None), ty.description.as_ref()),
            Definition::ScalarTypeExtension(_) => (TypeBody::Scalar(None), None),
            _ => return None,
        };
        let mut declaration = TypeDeclaration {
            name: self.reader.name(owner),
            description: description.map(ToString::to_string),
            body,
            keys: Vec::new(),
            connects: Vec::new(),
            cache: None,
            is_shareable: false,
            is_inaccessible: false,
            is_authenticated: false,
            is_one_of: false,
        };
        for used in self.used(definition.directives(), at, owner) {
            self.type_directive(&mut declaration, used);
        }
        if declaration.is_one_of {
            self.check_one_of(definition);
        }
        if declaration.cache.is_some() && !self.names.mentions(definition.directives(), Directive::Connect) {
            self.nothing_bound(definition.directives(), Directive::Cache, owner);
        }
        Some(declaration)
    }

    fn type_directive(&mut self, ty: &mut TypeDeclaration, used: DirectiveUse<'_>) {
        use Directive as D;
        match used.directive {
            D::Key => ty.keys.extend(self.key(used)),
            D::Connect => ty.connects.extend(self.reader.connect(used.node)),
            D::Cache => ty.cache = self.reader.cache(used.node),
            D::Shareable => ty.is_shareable = true,
            D::Inaccessible => ty.is_inaccessible = true,
            D::Authenticated => ty.is_authenticated = true,
            D::OneOf => ty.is_one_of = true,
            // On a type, `@external` means the same as on each field that is defined here (federation).
            D::External => {
                if let TypeBody::Object(fielded) = &mut ty.body {
                    fielded.fields.iter_mut().for_each(|field| field.is_external = true);
                }
            }
            D::SpecifiedBy => {
                if let TypeBody::Scalar(url) = &mut ty.body {
                    *url = text(used, "url");
                }
            }
            // These directives are never enforced on a type.
            D::Deprecated
            | D::Skip
            | D::Include
            | D::Defer
            | D::Link
            | D::Requires
            | D::Provides
            | D::Extends
            | D::Tag
            | D::Override
            | D::ComposeDirective
            | D::InterfaceObject
            | D::RequiresScopes
            | D::Policy
            | D::Context
            | D::FromContext
            | D::Cost
            | D::ListSize
            | D::CacheTag
            | D::Source
            | D::Invalidates
            | D::Poll
            | D::View
            | D::From => {}
        }
    }

    fn key(&mut self, used: DirectiveUse<'_>) -> Option<KeyDeclaration> {
        let fields = self.reader.field_set(directive_argument(used.node, "fields")?)?;
        let resolvable = directive_argument(used.node, "resolvable").and_then(|value| value.to_bool());
        Some(KeyDeclaration { fields, is_resolvable: resolvable.unwrap_or(true) })
    }

    fn fielded(
        &mut self,
        owner: &Name,
        implements: &[Name],
        fields: &[Node<FieldDefinition>],
        at: Location,
    ) -> Fielded {
        Fielded {
            implements: implements.iter().map(|name| self.reader.name(name)).collect(),
            fields: fields.iter().map(|field| self.field(owner, field, at)).collect(),
        }
    }

    fn field(&mut self, owner: &Name, field: &Node<FieldDefinition>, at: Location) -> FieldDeclaration {
        let coordinate = format!("{owner}.{}", field.name);
        let mut declaration = FieldDeclaration {
            name: self.reader.name(&field.name),
            ty: field.ty.clone(),
            arguments: self.inputs(&coordinate, &field.arguments, Location::Argument),
            description: field.description.as_ref().map(ToString::to_string),
            deprecated: None,
            connects: Vec::new(),
            is_bound: self.names.mentions(&field.directives, Directive::Connect),
            cache: None,
            invalidates: Vec::new(),
            poll: None,
            list_size: None,
            requires: None,
            provides: None,
            is_external: false,
            is_shareable: false,
            is_inaccessible: false,
            is_authenticated: false,
            overrides: None,
        };
        for used in self.used(&field.directives, at, &coordinate) {
            self.field_directive(&mut declaration, used);
            let is_of_bindings = matches!(used.directive, Directive::Cache | Directive::Invalidates | Directive::Poll);
            if is_of_bindings && !declaration.is_bound {
                self.nothing_bound(&field.directives, used.directive, &coordinate);
            }
        }
        declaration
    }

    fn field_directive(&mut self, field: &mut FieldDeclaration, used: DirectiveUse<'_>) {
        use Directive as D;
        let argument = |name: &str| directive_argument(used.node, name);
        match used.directive {
            D::Connect => field.connects.extend(self.reader.connect(used.node)),
            D::Cache => field.cache = self.reader.cache(used.node),
            D::Invalidates => {
                let tags = argument("tags").map(|value| self.reader.texts(value));
                field.invalidates.extend(tags.unwrap_or_default());
            }
            D::Poll => field.poll = argument("every").and_then(|value| self.reader.text(value)),
            D::ListSize => field.list_size = Some(self.reader.list_size(used.node)),
            D::Requires => field.requires = argument("fields").and_then(|value| self.reader.field_set(value)),
            D::Provides => field.provides = argument("fields").and_then(|value| self.reader.field_set(value)),
            D::Override => field.overrides = argument("from").and_then(|value| self.reader.text(value)),
            D::External => field.is_external = true,
            D::Shareable => field.is_shareable = true,
            D::Inaccessible => field.is_inaccessible = true,
            D::Authenticated => field.is_authenticated = true,
            D::Deprecated => field.deprecated = Some(reason(used)),
            // These directives are never enforced on a field.
            D::SpecifiedBy
            | D::OneOf
            | D::Skip
            | D::Include
            | D::Defer
            | D::Link
            | D::Key
            | D::Extends
            | D::Tag
            | D::ComposeDirective
            | D::InterfaceObject
            | D::RequiresScopes
            | D::Policy
            | D::Context
            | D::FromContext
            | D::Cost
            | D::CacheTag
            | D::Source
            | D::View
            | D::From => {}
        }
    }

    /// Reads the arguments of a field, or the fields of an input type.
    fn inputs(&mut self, owner: &str, inputs: &[Node<InputValueDefinition>], at: Location) -> Vec<ArgumentDeclaration> {
        inputs.iter().map(|input| self.input(owner, input, at)).collect()
    }

    fn input(&mut self, owner: &str, input: &Node<InputValueDefinition>, at: Location) -> ArgumentDeclaration {
        let mut declaration = ArgumentDeclaration {
            name: self.reader.name(&input.name),
            ty: (*input.ty).clone(),
            default: input.default_value.as_ref().map(|value| (**value).clone()),
            description: input.description.as_ref().map(ToString::to_string),
            deprecated: None,
            is_inaccessible: false,
        };
        let coordinate = match at {
            Location::Argument => format!("{owner}({}:)", input.name),
            _ => format!("{owner}.{}", input.name),
        };
        for used in self.used(&input.directives, at, &coordinate) {
            match used.directive {
                Directive::Deprecated => declaration.deprecated = Some(reason(used)),
                Directive::Inaccessible => declaration.is_inaccessible = true,
                other => debug_assert!(false, "`@{}` is not read on `{coordinate}`", other.name()),
            }
        }
        // GraphQL §3.13.3 forbids this.
        if declaration.deprecated.is_some() && input.is_required() {
            let message = format!("`{coordinate}` is required, so it cannot be deprecated");
            let help =
                "give it a default or make it nullable, so that clients can stop giving it; or remove `@deprecated`";
            let span = declaration.name.span;
            self.reader.find(Finding::new(Code::E204, message, span, "required").help(help));
        }
        declaration
    }

    fn values(&mut self, owner: &Name, values: &[Node<EnumValueDefinition>]) -> TypeBody {
        TypeBody::Enum(values.iter().map(|value| self.value(owner, value)).collect())
    }

    fn value(&mut self, owner: &Name, value: &Node<EnumValueDefinition>) -> ValueDeclaration {
        let mut declaration = ValueDeclaration {
            name: self.reader.name(&value.value),
            description: value.description.as_ref().map(ToString::to_string),
            deprecated: None,
            is_inaccessible: false,
        };
        let coordinate = format!("{owner}.{}", value.value);
        for used in self.used(&value.directives, Location::EnumValue, &coordinate) {
            match used.directive {
                Directive::Deprecated => declaration.deprecated = Some(reason(used)),
                Directive::Inaccessible => declaration.is_inaccessible = true,
                other => debug_assert!(false, "`@{}` is not read on `{coordinate}`", other.name()),
            }
        }
        declaration
    }

    fn union(&self, members: &[NamedType]) -> TypeBody {
        TypeBody::Union(members.iter().map(|name| self.reader.name(name)).collect())
    }

    /// Gives the directives that are enforced at a place, and adds findings for the others.
    fn used<'d>(&mut self, directives: &'d DirectiveList, at: Location, owner: &str) -> Vec<DirectiveUse<'d>> {
        let (used, findings) = self.names.used(directives, at, owner);
        self.reader.findings.extend(findings);
        used
    }

    /// Reports a directive that needs a `@connect` beside it if there is none.
    fn nothing_bound(&mut self, directives: &DirectiveList, of: Directive, owner: &str) {
        let Some(node) = directives.iter().find(|node| self.names.mentions(std::slice::from_ref(node), of)) else {
            return;
        };
        let message = format!("`@{}` of `{owner}` goes with a `@connect`, and there is none here", node.name);
        let span = self.names.span(node);
        let help = "write it beside the `@connect` that it is about";
        self.reader.find(Finding::new(Code::C008, message, span, "nothing is bound here").help(help));
    }

    /// Checks that the fields of a `@oneOf` input are nullable and have no defaults (GraphQL §3.10.1).
    fn check_one_of(&mut self, definition: &Definition) {
        let fields: &[Node<ast::InputValueDefinition>] = match definition {
            Definition::InputObjectTypeDefinition(ty) => &ty.fields,
            Definition::InputObjectTypeExtension(ty) => &ty.fields,
            _ => return,
        };
        for field in fields.iter().filter(|field| field.ty.is_non_null() || field.default_value.is_some()) {
            let span = self.reader.span(field.name.location());
            let message =
                format!("`{}` belongs to a `@oneOf` input, whose fields are nullable and have no default", field.name);
            let finding = Finding::new(Code::E204, message, span, "exactly one field is given");
            self.reader.find(finding.help("remove its `!` and its default"));
        }
    }
}

/// Gives the reason of a `@deprecated`, or the default of GraphQL §3.13.3.
fn reason(used: DirectiveUse<'_>) -> String {
    text(used, "reason").unwrap_or_else(|| "No longer supported".to_owned())
}

fn text(used: DirectiveUse<'_>, argument: &str) -> Option<String> {
    directive_argument(used.node, argument).and_then(|value| value.as_str()).map(str::to_owned)
}
